//! A run from beginning to end: a world, its listeners, the phases, and the books at the end.

use std::ops::Range;
use std::sync::Arc;

use regionfall_kernel::{Seed, SimDuration, SimTime};

use super::blueprint::Blueprint;
use super::outcome::{Label, Outcome};
use super::world::World;
use crate::check::{StandardChecks, collected};
use crate::failover::{Decider, Detector, Evidence, Propagation, StrategyConfig, Vantage};
use crate::fault::{FaultKind, FaultSpec, PlannedFault, TrafficScope, draw_plan};
use crate::history::{
    Account, KeyspaceShape, Ledger, Listener, NodeView, Promotions, Quiescence, RecoveryCriterion,
    RunShape, ServerShape, Trace,
};
use crate::metric::{Costs, Load, Metrics};
use crate::topology::{MemberId, NodeId, RegionId};

/// The version of the model's semantics: it changes whenever the same scenario and seed give another trace.
pub const MODEL_VERSION: u32 = 2;

/// How often the end is looked for once the workload has stopped.
const QUIESCENCE_STEP: SimDuration = SimDuration::from_millis(250);
/// How often the budget of events is looked at.
const BUDGET_STEP: SimDuration = SimDuration::from_secs(5);

/// Everything that decides a run.
pub(crate) struct Plan<'a> {
    pub blueprint: &'a Blueprint,
    pub strategy: &'a StrategyConfig,
    /// A decider of the user's own, one copy for each client process.
    pub own_decider: Option<&'a dyn Decider>,
    pub faults: &'a [FaultSpec],
    pub label: Label,
    /// Records of the trace whose text is kept.
    pub window: Range<u64>,
}

/// Runs a plan.
pub(crate) fn run(plan: &Plan<'_>) -> Outcome {
    run_with(plan, &mut ())
}

/// Runs a plan with another listener beside the usual ones.
pub(crate) fn run_with<L: Listener>(plan: &Plan<'_>, listener: &mut L) -> Outcome {
    let settings = plan.blueprint.settings();
    let calm_begins = SimTime::ZERO + settings.phases.warm_up + settings.phases.storm;
    let faults = draw_plan(plan.faults, plan.label.seed, calm_begins);
    let shape = Arc::new(shape(plan.blueprint, plan.strategy, &faults));
    let mut world = World::new(
        plan.blueprint,
        plan.strategy,
        faults.clone(),
        plan.label.seed,
    );
    if let Some(decider) = plan.own_decider {
        world.install(decider);
    }
    let mut checks = StandardChecks::new(&shape.nodes, plan.blueprint.groups());
    for member in lost_for_ever(&faults, settings.topology.members) {
        for node in (0..shape.nodes.len()).filter(|&node| shape.nodes[node] == member) {
            checks.leave_out(NodeId::from_index(node));
        }
    }
    if let Some(exposure) = world.exposure(&faults) {
        checks.watch_exposure(exposure);
    }
    let mut listeners = (
        (
            Ledger::new(shape.clone()),
            (checks, Trace::with_window(plan.window.clone())),
        ),
        (Promotions::default(), listener),
    );

    let mut events = 0;
    let mut within_budget = true;
    let mut memory = 0;
    let mut now = SimTime::ZERO;
    while now < shape.calm_ends && within_budget {
        now = shape.calm_ends.min(now + BUDGET_STEP);
        events += world.advance_until(now, &mut listeners);
        within_budget = events <= settings.event_budget;
        memory = memory.max(world.largest_memory());
    }
    let bound = shape.calm_ends + settings.phases.quiescence;
    while within_budget && now < bound && !world.is_quiescent() {
        now = bound.min(now + QUIESCENCE_STEP);
        events += world.advance_until(now, &mut listeners);
        within_budget = events <= settings.event_budget;
    }
    world.close_books(&mut listeners);
    let quiescence = Quiescence {
        reached: within_budget && world.is_quiescent(),
        nodes: views(&world),
    };
    let ((ledger, (mut checks, trace)), (promotions, _)) = listeners;
    checks.at_rest(now, &quiescence);
    let account = ledger.finish(now, &quiescence);
    let metrics = measured(&world, &account, memory, plan.strategy).with_promotions(&promotions);
    let mut verdicts = checks.verdicts(&account);
    if let Some(waiting) = world.left_to_collect().filter(|_| quiescence.reached) {
        verdicts.push(collected(now, &waiting));
    }
    verdicts.extend(checks.exposure(&world.disk_times()));
    let mut hash = trace.hash();
    metrics.hash_into(&mut hash);
    for verdict in &verdicts {
        verdict.hash_into(&mut hash);
    }
    let effects = faults
        .into_iter()
        .map(|fault| {
            let did = world.fault_effects().of(fault.id);
            (fault, did)
        })
        .collect();
    Outcome {
        label: plan.label.clone(),
        account,
        metrics,
        verdicts,
        effects,
        trace: hash,
        checkpoints: trace.checkpoints(),
        records: trace.kept().to_vec(),
        ended_at: now,
        synchronizations: world.synchronizations(),
        events,
        within_budget,
    }
}

/// What the nodes hold at the end.
/// The metrics of a run: what its account tells, and what the world counted.
fn measured(
    world: &World,
    account: &Account,
    memory_bytes_max: u64,
    strategy: &StrategyConfig,
) -> Metrics {
    let mut metrics = Metrics::new(account).with_costs(&Costs {
        backlog_bytes_max: world.backlog_bytes_max(),
        full_syncs: world.full_syncs(),
        memory_bytes_max,
        cross_region_bytes: world.cross_region_bytes(),
        components: components(strategy),
    });
    if let Some(busyness) = world.busyness() {
        metrics = metrics.with_load(&Load {
            queue_wait_p99_ms: busyness.waits.quantile_ms(0.99),
            utilisation_max: busyness.utilisation_max,
            connections_refused: busyness.connections_refused,
            commands_throttled: busyness.commands_throttled,
        });
    }
    match world.shortage() {
        Some(shortage) => metrics.with_shortage(&shortage),
        None => metrics,
    }
}

fn views(world: &World) -> Vec<NodeView> {
    world
        .nodes()
        // A removed member is no part of the database any more, and what holds nothing need not agree.
        .filter(|(node, ..)| !world.is_node_removed(*node) && !world.is_spare(*node))
        .map(|(node, _, replicas)| {
            let mut clock: Vec<u64> = Vec::new();
            let mut digest = 0_u64;
            for replica in replicas {
                for dot in replica.clock().iter() {
                    let index = usize::from(dot.origin.0);
                    if clock.len() <= index {
                        clock.resize(index + 1, 0);
                    }
                    clock[index] = dot.sequence;
                }
                digest = digest.rotate_left(1) ^ replica.digest();
            }
            NodeView {
                node,
                clock,
                digest,
            }
        })
        .collect()
}

/// What the listeners must know beforehand.
fn shape(blueprint: &Blueprint, strategy: &StrategyConfig, faults: &[PlannedFault]) -> RunShape {
    let settings = blueprint.settings();
    let workload = &settings.workload;
    let servers = blueprint.servers().iter().map(|&(fleet, _)| {
        let config = &workload.fleets[fleet.index()];
        ServerShape {
            fleet,
            region: config.region,
            home: config.home.clone(),
            mean_interarrival: config.arrivals.mean_gap(config.servers),
        }
    });
    let keyspaces = workload.keyspaces.iter().map(|keyspace| KeyspaceShape {
        name: keyspace.name.clone(),
        data_type: keyspace.data_type(),
        reads_own_writes: keyspace.session == crate::workload::Session::ReadYourWrites,
        is_plain: keyspace.is_plain(),
        promise: keyspace.promise,
    });
    let storm_begins = SimTime::ZERO + settings.phases.warm_up;
    let calm_begins = storm_begins + settings.phases.storm;
    RunShape {
        servers: servers.collect(),
        fleets: workload
            .fleets
            .iter()
            .map(|fleet| fleet.name.clone())
            .collect(),
        keyspaces: keyspaces.collect(),
        members: (0..settings.topology.members)
            .map(RegionId::from_index)
            .collect(),
        nodes: (0..settings.topology.members)
            .flat_map(|member| {
                vec![MemberId::from_index(member); settings.database.nodes_per_member()]
            })
            .collect(),
        groups: blueprint.groups().to_vec(),
        crashes_lose: settings.database.persistence.is_some(),
        shards: settings.database.shards,
        faults: faults.to_vec(),
        storm_begins,
        calm_begins,
        calm_ends: calm_begins + settings.phases.calm,
        slo_deadline: workload.slo_deadline,
        recovered: RecoveryCriterion {
            success: settings.recovered.success,
            latency_p99: settings.recovered.latency_p99,
            window: settings.recovered.window,
            min_requests: settings.recovered.min_requests,
        },
        evidence_window: evidence_window(strategy),
    }
}

/// How many things a strategy adds that somebody has to run, or to rent: a traffic manager is one,
/// whatever it consists of; a library in the client process is none.
fn components(strategy: &StrategyConfig) -> u64 {
    match strategy.vantage {
        Vantage::None | Vantage::ClientProcess => 0,
        Vantage::Checkers { .. } => 1,
    }
}

/// How far back what made a strategy act may lie: its longest detection, from the last probe that passed.
pub(crate) fn evidence_window(strategy: &StrategyConfig) -> SimDuration {
    let detection = strategy.evidence.iter().map(|evidence| match evidence {
        Evidence::Probe(probe, detector) => {
            let rounds = match detector {
                Detector::Consecutive { down, .. } => *down,
                Detector::Round { .. } | Detector::WindowRate { .. } => 1,
            };
            let round = (probe.timeout + probe.gap) * u64::from(probe.probes);
            (probe.every + round) * u64::from(rounds + 1)
        }
        Evidence::Passive(Detector::WindowRate { window, .. }) => *window,
        Evidence::Passive(_) => SimDuration::from_secs(60),
    });
    let detection = detection.max().unwrap_or(SimDuration::ZERO);
    let report = match strategy.vantage {
        Vantage::Checkers { report_delay, .. } => report_delay,
        Vantage::None | Vantage::ClientProcess => SimDuration::ZERO,
    };
    let publish = match strategy.propagation {
        Propagation::Dns { publish_delay, .. } => publish_delay,
        Propagation::None | Propagation::Pointer { .. } => SimDuration::ZERO,
    };
    detection + report + publish
}

/// Members that nobody can expect to catch up: a fault that never ends keeps them down or cut off.
fn lost_for_ever(faults: &[PlannedFault], members: usize) -> Vec<MemberId> {
    let mut lost = Vec::new();
    for fault in faults.iter().filter(|fault| fault.ends == SimTime::NEVER) {
        match &fault.kind {
            FaultKind::ProcessCrash { member, .. }
            | FaultKind::HostCrash { member, .. }
            | FaultKind::Hang { member, .. } => lost.push(*member),
            FaultKind::RegionOutage { region, takes, .. }
            | FaultKind::ZoneOutage { region, takes, .. }
                if takes.database =>
            {
                lost.push(MemberId::from_index(region.index()));
            }
            FaultKind::SyncerStopped { member, .. } => {
                let is_repaired = faults.iter().any(|other| {
                    matches!(&other.kind, FaultKind::RestartSyncers { member: whose } if whose == member)
                        && other.begins >= fault.begins
                });
                if !is_repaired {
                    lost.push(*member);
                }
            }
            FaultKind::Partition { paths, .. }
                if matches!(paths.scope, TrafficScope::All | TrafficScope::Replication) =>
            {
                lost.extend(
                    paths
                        .from
                        .iter()
                        .map(|region| MemberId::from_index(region.index())),
                );
            }
            _ => {}
        }
    }
    lost.retain(|member| member.index() < members);
    lost
}

/// The seeds of a comparison: 1, 2, 3, …
pub fn seeds(count: u32) -> impl Iterator<Item = Seed> {
    (1..=u64::from(count)).map(Seed::new)
}

/// Runs settings without faults through the whole path of a run (connections, ledger, checks, metrics,
/// trace), for benchmarks. Returns how many events it took.
#[doc(hidden)]
pub fn run_for_benchmark(
    settings: crate::scenario::Settings,
    strategy: &StrategyConfig,
    seed: Seed,
) -> u64 {
    let blueprint = Blueprint::new(settings);
    let label = Label {
        variant: String::new(),
        strategy: String::new(),
        case: String::new(),
        seed,
        digest: String::new(),
    };
    let (faults, own_decider, window) = (&[][..], None, 0..0);
    let blueprint = &blueprint;
    run(&Plan {
        blueprint,
        strategy,
        own_decider,
        faults,
        label,
        window,
    })
    .events
}
