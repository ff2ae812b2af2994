//! Work on nodes, on slots and on syncers, as far as a world has any.

use proptest::prelude::*;
use regionfall_kernel::{Distribution, SimDuration};

use crate::database::DatabaseKind;
use crate::database::promotion::PromotionRule;
use crate::fault::{FaultKind, Upkeep, UpkeepTask, Window};
use crate::scenario::Settings;
use crate::topology::MemberId;

/// Sentinels turn back what others do to nodes.
pub(super) fn has_nodes_to_work_on(settings: &Settings) -> bool {
    let rule = &settings.database.promotion.rule;
    settings.database.nodes_per_member() > 1 && !matches!(rule, PromotionRule::Sentinels(_))
}

pub(super) fn has_slots(settings: &Settings) -> bool {
    let database = &settings.database;
    matches!(database.promotion.rule, PromotionRule::Cluster(_)) && database.shards > 1
}

pub(super) fn has_syncers(settings: &Settings) -> bool {
    settings.database.kind == DatabaseKind::ActiveActive && settings.topology.members > 1
}

/// What managed services and operators do to nodes while they serve.
pub(super) fn on_nodes(
    member: impl Strategy<Value = MemberId> + 'static,
    settings: &Settings,
) -> BoxedStrategy<FaultKind> {
    let place = settings.chaos_place();
    let reboot = (1_u64..10).prop_map(|secs| Distribution::Constant(SimDuration::from_secs(secs)));
    let seconds = SimDuration::from_secs;
    let window = (1_u64..20, 1_u64..5).prop_map(move |(opens, lasts)| Window {
        opens: seconds(opens),
        lasts: seconds(lasts),
        every: seconds(lasts + 5),
    });
    let window = proptest::option::weighted(0.2, window);
    let maintenance = (proptest::option::of(0..place.nodes), reboot, window).prop_map(
        |(node, reboot, window)| UpkeepTask::PlannedMaintenance {
            node,
            reboot,
            window,
        },
    );
    let shard = (0..place.shards, 0..place.nodes)
        .prop_map(|(shard, node)| UpkeepTask::MigrateShard { shard, node });
    let endpoint = (0..place.nodes).prop_map(|node| UpkeepTask::MigrateEndpoint { node });
    let task = if settings.database.spare_nodes > 0 {
        prop_oneof![maintenance, shard, endpoint, Just(UpkeepTask::AddNode)].boxed()
    } else {
        prop_oneof![maintenance, shard, endpoint].boxed()
    };
    of(member, task)
}

/// Slots move from one shard to another.
pub(super) fn on_slots(
    member: impl Strategy<Value = MemberId> + 'static,
    shards: u16,
) -> BoxedStrategy<FaultKind> {
    // From single keys that cost next to nothing to some that keep two processes busy for seconds.
    let cost = prop_oneof![20_u64..200, 1_000_u64..200_000];
    let timeout = prop_oneof![Just(60_000_u64), 50_u64..5_000];
    let task = (0..shards, 1..shards, 1_u32..=100, 1_u16..=20, cost, timeout).prop_map(
        move |(from, step, percent, pipeline, cost, timeout)| UpkeepTask::MigrateSlots {
            from,
            to: (from + step) % shards,
            share: f64::from(percent) / 100.0,
            pipeline,
            per_key: SimDuration::from_micros(cost),
            timeout: SimDuration::from_millis(timeout),
        },
    );
    of(member, task)
}

fn of(
    member: impl Strategy<Value = MemberId> + 'static,
    task: impl Strategy<Value = UpkeepTask> + 'static,
) -> BoxedStrategy<FaultKind> {
    (member, task)
        .prop_map(|(member, task)| FaultKind::Upkeep(Upkeep { member, task }))
        .boxed()
}

/// Syncers end with an error, or an operator starts them.
pub(super) fn on_syncers(members: u8) -> BoxedStrategy<FaultKind> {
    let source = proptest::option::of(1..members);
    let stopped = (0..members, source).prop_map(move |(member, step)| FaultKind::SyncerStopped {
        member: MemberId(member),
        source: step.map(|step| MemberId((member + step) % members)),
    });
    let started = (0..members).prop_map(|member| FaultKind::RestartSyncers {
        member: MemberId(member),
    });
    prop_oneof![3 => stopped, 1 => started].boxed()
}
