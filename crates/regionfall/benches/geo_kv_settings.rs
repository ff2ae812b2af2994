//! The benchmark's workload as settings of the model: 3 (or more) regions, one member each with 1,000
//! last-writer-wins keys, 8 closed-loop clients a region.

use regionfall::database::{DatabaseConfig, SyncConfig};
use regionfall::failover::{
    Choice, ClientConfig, ClientHabits, Conduct, Failback, Propagation, Returning, StrategyConfig,
    Takeover, Vantage,
};
use regionfall::scenario::{Phases, Recovered, Settings, Ties};
use regionfall::topology::{LinkConfig, MemberId, RegionConfig, RegionId, TopologyConfig};
use regionfall::workload::{
    Arrivals, ByteSize, FleetConfig, KeyspaceConfig, Popularity, Scope, Session, WorkloadConfig,
};
use regionfall_crdt::CommandKind;
use regionfall_kernel::{Distribution, SimDuration};

/// A path whose one-way delay is uniform between two bounds.
fn link(low_us: u64, high_us: u64) -> LinkConfig {
    LinkConfig {
        one_way: Distribution::uniform(
            SimDuration::from_micros(low_us),
            SimDuration::from_micros(high_us),
        )
        .expect("bounds are in order"),
        loss: 0.0,
        bursts: None,
        bandwidth: None,
        drift: None,
    }
}

/// `geo-kv` with so many regions, for so long.
pub(crate) fn settings(regions: usize, length: SimDuration) -> Settings {
    let region = |index: usize| RegionConfig {
        name: format!("region-{index}"),
        zones: 1,
        same_zone: link(200, 800),
        cross_zone: link(200, 800),
    };
    let fleet = |index: usize| FleetConfig {
        name: format!("fleet-{index}"),
        region: RegionId::from_index(index),
        servers: 8,
        connections_per_server: 1,
        arrivals: Arrivals::Closed {
            clients: 8,
            think: Distribution::Constant(SimDuration::from_millis(5)),
            pause_after_error: Distribution::Constant(SimDuration::from_millis(5)),
        },
        home: vec![MemberId::from_index(index)],
        timeout: Some(SimDuration::from_secs(1)),
        tls_round_trips: 0,
        auth_round_trips: 0,
    };
    Settings {
        phases: Phases {
            warm_up: SimDuration::ZERO,
            storm: SimDuration::ZERO,
            calm: length,
            quiescence: SimDuration::from_secs(1),
        },
        ties: Ties::Insertion,
        event_budget: u64::MAX,
        topology: TopologyConfig {
            regions: (0..regions).map(region).collect(),
            members: regions,
            links: vec![vec![link(30_000, 90_000); regions]; regions],
        },
        database: DatabaseConfig::active_active(
            1,
            SyncConfig::plain(
                Distribution::Constant(SimDuration::ZERO),
                SimDuration::from_secs(1),
                SimDuration::from_secs(60),
                Distribution::Constant(SimDuration::from_secs(1)),
            ),
        ),
        workload: WorkloadConfig {
            fleets: (0..regions).map(fleet).collect(),
            keyspaces: vec![KeyspaceConfig {
                name: "map".into(),
                share: 1.0,
                mix: vec![(CommandKind::Set, 1.0)],
                keys: 1_000,
                popularity: Popularity::Uniform,
                value_size: ByteSize(8),
                ttl: SimDuration::from_secs(60),
                promise: regionfall::history::Promise::None,
                elements: 1,
                scope: Scope::Global,
                session: Session::None,
                wait: None,
            }],
            slo_deadline: SimDuration::from_secs(1),
        },
        strategies: vec![plain_client()],
        cases: Vec::new(),
        recovered: Recovered {
            success: 0.999,
            latency_p99: SimDuration::from_secs(1),
            window: SimDuration::from_secs(10),
            min_requests: 20,
        },
    }
}

/// A client that knows one member and never leaves it.
pub(crate) fn plain_client() -> StrategyConfig {
    StrategyConfig {
        name: "plain".into(),
        preset: None,
        gate: false,
        vantage: Vantage::None,
        evidence: Vec::new(),
        choice: Choice::Priority { fail_open: false },
        propagation: Propagation::None,
        failback: Failback::Never,
        client: ClientConfig {
            connect_timeout: SimDuration::from_secs(2),
            timeout: None,
            pool_wait: None,
            attempts: 1,
            retry_wait: SimDuration::ZERO,
            retry_multiplier: 1.0,
            retry_wait_max: SimDuration::ZERO,
            retry_unsafe: false,
            retry_same_member: true,
            fails_at_once_when_down: false,
            keepalive: None,
            user_timeout: None,
            keeps_connections: true,
            habits: ClientHabits::default(),
        },
        balancer: None,
        takeover: Takeover::None,
        syncer: None,
        conduct: Conduct::default(),
        returning: Returning::default(),
    }
}
