//! A run from beginning to end: a world, its listeners, the phases, and the books at the end.

use std::ops::Range;
use std::sync::Arc;

use regionfall_kernel::{Seed, SimDuration, SimTime};

use super::blueprint::Blueprint;
use super::outcome::{Label, Outcome};
use super::sabotage::Sabotage;
use super::world::World;
use crate::check::{
    Guarantee, Linearizable, OnAccount, OwnCheck, SessionGuarantee, StandardChecks, collected,
    everyone_home, loss_within, no_duplicates, single_writer,
};
use crate::failover::{Decider, Detector, Evidence, Propagation, StrategyConfig, Vantage};
use crate::fault::{FaultKind, FaultSpec, PlannedFault, TrafficScope, draw_plan};
use crate::history::{
    Account, KeyspaceShape, Ledger, Listener, NodeView, Promotions, Quiescence, RecoveryCriterion,
    RunShape, ServerShape, Trace,
};
use crate::metric::{Costs, Load, Metrics};
use crate::scenario::Promised;
use crate::topology::{MemberId, NodeId, RegionId};

/// The version of the model's semantics: it changes whenever the same scenario and seed give another trace.
pub const MODEL_VERSION: u32 = 2;

/// How often the end is looked for once the workload has stopped.
const QUIESCENCE_STEP: SimDuration = SimDuration::from_millis(250);
/// How often the budget of events, and the memory of the members, are looked at.
pub(super) const BUDGET_STEP: SimDuration = SimDuration::from_secs(5);

/// Everything that decides a run.
pub(crate) struct Plan<'a> {
    pub blueprint: &'a Blueprint,
    pub strategy: &'a StrategyConfig,
    /// A decider of the user's own, one copy for each client process.
    pub own_decider: Option<&'a dyn Decider>,
    pub faults: &'a [FaultSpec],
    /// What the run is held to, beyond the laws.
    pub promises: &'a [Promised],
    /// Checks of the user's own.
    pub own_checks: &'a [Box<dyn OwnCheck>],
    pub label: Label,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
    /// Records of the trace whose text is kept.
    pub window: Range<u64>,
}

/// Runs a plan.
pub(crate) fn run(plan: &Plan<'_>) -> Outcome {
    to_the_end(Course::begin(plan, None))
}

/// Runs a plan with another listener beside the usual ones.
pub(crate) fn run_with(plan: &Plan<'_>, listener: &mut (dyn Listener + Send)) -> Outcome {
    to_the_end(Course::begin(plan, Some(listener)))
}

fn to_the_end(mut course: Course<'_>) -> Outcome {
    course.go_to_the_end();
    course.conclude()
}

/// What every run writes down.
type Books = ((Ledger, (StandardChecks, Trace)), Promotions);

/// Who listens besides.
type Guest<'a> = Option<&'a mut (dyn Listener + Send + 'a)>;

/// A run under way: its world, its books, and what it has taken so far.
pub(super) struct Course<'a> {
    pub(super) world: World,
    pub(super) listeners: (Books, Guest<'a>),
    pub(super) shape: Arc<RunShape>,
    faults: Vec<PlannedFault>,
    label: Label,
    components: u64,
    event_budget: u64,
    pub(super) events: u64,
    memory: u64,
}

impl<'a> Course<'a> {
    /// Builds the world of a plan and opens its books.
    pub(super) fn begin(plan: &Plan<'_>, guest: Guest<'a>) -> Self {
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
        world.sabotage = plan.sabotage;
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
        for &promised in plan.promises {
            checks.ask(promise(promised, shape.nodes.len()));
        }
        for check in plan.own_checks {
            checks.ask(check.clone());
        }
        let trace = Trace::with_window(plan.window.clone());
        Self {
            world,
            listeners: (
                (
                    (Ledger::new(shape.clone()), (checks, trace)),
                    Promotions::default(),
                ),
                guest,
            ),
            shape,
            faults,
            label: plan.label.clone(),
            components: components(plan.strategy),
            event_budget: settings.event_budget,
            events: 0,
            memory: 0,
        }
    }

    /// A copy as it is now, to go on from as often as one likes. The guest does not come along.
    pub(super) fn checkpoint(&self) -> Course<'static> {
        Course {
            world: self.world.clone(),
            listeners: (self.listeners.0.clone(), None),
            shape: self.shape.clone(),
            faults: self.faults.clone(),
            label: self.label.clone(),
            components: self.components,
            event_budget: self.event_budget,
            events: self.events,
            memory: self.memory,
        }
    }

    /// Goes to a moment before the end of the calm.
    pub(super) fn go_to(&mut self, until: SimTime) {
        let mut now = self.world.now();
        while now < until && self.is_within_budget() {
            now = until.min(now + BUDGET_STEP);
            self.advance(now);
            self.look_at_memory();
        }
    }

    /// Goes on until the workload has stopped and what was under way has come to rest.
    pub(super) fn go_to_the_end(&mut self) {
        self.go_to(self.shape.calm_ends);
        self.rest();
    }

    /// Draws every delay anew from here on: the same faults and requests under other noise.
    pub(super) fn renoise(&mut self, seed: Seed) {
        self.world.renoise(seed);
    }

    /// Lets everything happen up to and including a moment.
    pub(super) fn advance(&mut self, until: SimTime) {
        self.events += self.world.advance_until(until, &mut self.listeners);
    }

    /// Notes how much the members hold, for the largest over the run.
    pub(super) fn look_at_memory(&mut self) {
        self.memory = self.memory.max(self.world.largest_memory());
    }

    pub(super) fn is_within_budget(&self) -> bool {
        self.events <= self.event_budget
    }

    /// Lets what is under way come to rest once the workload has stopped.
    pub(super) fn rest(&mut self) {
        let bound = self.rests_by();
        let mut now = self.world.now();
        while self.is_within_budget() && now < bound && !self.world.is_quiescent() {
            now = bound.min(now + QUIESCENCE_STEP);
            self.advance(now);
        }
    }

    /// When the quiescence ends at the latest.
    pub(super) fn rests_by(&self) -> SimTime {
        self.shape.calm_ends + self.world.blueprint.settings().phases.quiescence
    }

    /// Closes the books.
    pub(super) fn conclude(self) -> Outcome {
        let now = self.world.now();
        let within_budget = self.is_within_budget();
        let Self {
            mut world,
            mut listeners,
            faults,
            ..
        } = self;
        world.close_books(&mut listeners);
        let quiescence = Quiescence {
            reached: within_budget && world.is_quiescent(),
            nodes: views(&world),
        };
        let (((ledger, (mut checks, trace)), promotions), _) = listeners;
        checks.at_rest(now, &quiescence);
        let account = ledger.finish(now, &quiescence);
        let metrics =
            measured(&world, &account, self.memory, self.components).with_promotions(&promotions);
        let mut verdicts = checks.verdicts(&account);
        if let Some(waiting) = world.left_to_collect().filter(|_| quiescence.reached) {
            verdicts.push(collected(now, &waiting));
        }
        verdicts.extend(checks.exposure(&world.disk_times()));
        verdicts.extend(checks.asked(&account));
        verdicts.extend(checks.elected().filter(|verdict| !verdict.held));
        let mut hash = trace.hash();
        metrics.hash_into(&mut hash);
        for verdict in &verdicts {
            verdict.hash_into(&mut hash);
        }
        // That it held came to be said later than hashes were first written down: only a violation enters them.
        verdicts.extend(checks.elected().filter(|verdict| verdict.held));
        let regions = world.blueprint.settings().topology.regions.iter();
        let regions = regions.map(|region| region.name.clone()).collect();
        let effects = faults
            .into_iter()
            .map(|fault| {
                let did = world.fault_effects().of(fault.id);
                (fault, did)
            })
            .collect();
        Outcome {
            label: self.label,
            regions,
            account,
            metrics,
            verdicts,
            effects,
            trace: hash,
            checkpoints: trace.checkpoints(),
            records: trace.kept().to_vec(),
            ended_at: now,
            synchronizations: world.synchronizations(),
            events: self.events,
            within_budget,
        }
    }
}

/// The check of a promise, in a run with so many nodes.
fn promise(promised: Promised, nodes: usize) -> Box<dyn OwnCheck> {
    let session = |which| Box::new(SessionGuarantee::new(which, nodes));
    match promised {
        Promised::ReadYourWrites => session(Guarantee::ReadYourWrites),
        Promised::MonotonicReads => session(Guarantee::MonotonicReads),
        Promised::MonotonicWrites => session(Guarantee::MonotonicWrites),
        Promised::WritesFollowReads => session(Guarantee::WritesFollowReads),
        Promised::Linearizable => Box::new(Linearizable::new(nodes)),
        Promised::SingleWriter => Box::new(OnAccount(single_writer)),
        Promised::NoLoss => Box::new(OnAccount(|account| loss_within(account, 0))),
        Promised::NoDuplicates => Box::new(OnAccount(no_duplicates)),
        Promised::EveryoneHome => Box::new(OnAccount(everyone_home)),
    }
}

/// The metrics of a run: what its account tells, and what the world counted.
fn measured(world: &World, account: &Account, memory_bytes_max: u64, components: u64) -> Metrics {
    let mut metrics = Metrics::new(account).with_costs(&Costs {
        backlog_bytes_max: world.backlog_bytes_max(),
        full_syncs: world.full_syncs(),
        memory_bytes_max,
        cross_region_bytes: world.cross_region_bytes(),
        components: components + world.relay_components(),
    });
    metrics = metrics.with_coordination(world.notes_sent());
    if let Some(busyness) = world.busyness() {
        metrics = metrics.with_load(&Load {
            queue_wait_p99_ms: busyness.waits.quantile_ms(0.99),
            utilisation_max: busyness.utilisation_max,
            connections_refused: busyness.connections_refused,
            commands_throttled: busyness.commands_throttled,
        });
    }
    if let Some(relays) = world.relay_costs() {
        metrics = metrics.with_relays(&relays);
    }
    match world.shortage() {
        Some(shortage) => metrics.with_shortage(&shortage),
        None => metrics,
    }
}

/// What the nodes hold at the end.
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
        // Proxies are counted for themselves.
        Vantage::None | Vantage::Proxy => 0,
        // A coordinator is one, whatever it consists of.
        Vantage::ClientProcess => u64::from(strategy.conduct.lease.is_some()),
        // Monitoring that pages people.
        Vantage::People(_) | Vantage::Checkers { .. } => 1,
    }
}

/// How far back what made a strategy act may lie: its longest detection, from the last probe that passed.
pub(crate) fn evidence_window(strategy: &StrategyConfig) -> SimDuration {
    let detection = strategy.evidence.iter().map(|evidence| match evidence {
        Evidence::Probe(probe, detector) => {
            let rounds = match detector {
                Detector::Consecutive { down, .. } => *down,
                Detector::Round { .. } | Detector::WindowRate { .. } | Detector::Ejection(_) => 1,
                Detector::Silence(silence) => return silence.limit + probe.every + probe.timeout,
                // Silence that is long by the gaps before it: bounded by the longest that is told of.
                Detector::Accrual(_) => 30,
            };
            let repeated = u64::from(probe.refinement.retries) + 1;
            let round = (probe.timeout * repeated + probe.gap) * u64::from(probe.probes);
            (probe.every + probe.refinement.jitter + round) * u64::from(rounds + 1)
        }
        Evidence::Heartbeat(beats) => beats.silence + beats.every,
        Evidence::Passive(Detector::WindowRate { window, .. })
        | Evidence::PassiveTimeouts(Detector::WindowRate { window, .. }) => *window,
        Evidence::Passive(_) | Evidence::PassiveTimeouts(_) => SimDuration::from_secs(60),
    });
    let detection = detection.max().unwrap_or(SimDuration::ZERO);
    let report = match &strategy.vantage {
        Vantage::Checkers { report_delay, .. } => *report_delay,
        // Their verdict is the monitoring's; what people take comes on top, up to the far tail of each step.
        Vantage::People(people) => [
            &people.alert,
            &people.acknowledge,
            &people.declare,
            &people.act,
        ]
        .into_iter()
        .fold(SimDuration::ZERO, |sum, step| sum + step.quantile(0.999)),
        Vantage::None | Vantage::ClientProcess | Vantage::Proxy => SimDuration::ZERO,
    };
    let publish = match &strategy.propagation {
        Propagation::Dns { publish_delay, .. } => *publish_delay,
        Propagation::Upstream(upstream) => upstream.publish_delay,
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
        promises: &[],
        own_checks: &[],
        sabotage: Sabotage::default(),
        label,
        window,
    })
    .events
}
