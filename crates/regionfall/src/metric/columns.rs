//! The catalogue of columns of a run: names, units, meanings, in the order of `runs.csv`. New columns
//! come only at the end.

/// What a column counts in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Writes.
    Writes,
    /// Reads.
    Reads,
    /// App servers.
    Servers,
    /// A share, in 0..=1.
    Share,
    /// Bytes.
    Bytes,
    /// Anything else that is counted.
    Count,
    /// A word.
    Word,
}

/// What a column tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What was lost, or got into conflict.
    Data,
    /// How long who was not served.
    Downtime,
    /// How the failover machinery moved traffic.
    Failover,
    /// What readers saw.
    Staleness,
    /// How requests went.
    Service,
    /// What it costs.
    Cost,
    /// A difference to the control run.
    Excess,
}

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name in files.
    pub name: &'static str,
    /// What it counts in.
    pub unit: Unit,
    /// What it tells.
    pub kind: Kind,
    /// Its definition, in a sentence.
    pub doc: &'static str,
}

macro_rules! columns {
    ($($name:ident $unit:ident $kind:ident $doc:literal;)*) => {
        /// The columns of a run, in order.
        pub const RUN_COLUMNS: &[Column] = &[$(Column {
            name: stringify!($name),
            unit: Unit::$unit,
            kind: Kind::$kind,
            doc: $doc,
        },)*];
    };
}

columns! {
    rpo_observed_ms Milliseconds Data "max(incident start, newest lost acknowledgement) - oldest lost acknowledgement; at least 1 if anything is lost";
    rpo_at_resumption_ms Milliseconds Data "the same over writes lost, or late at the member that serves when the client resumes";
    writes_acked Writes Data "acknowledged writes";
    writes_lost Writes Data "acknowledged writes without an effect in the surviving history";
    writes_late Writes Data "acknowledged before the home population moved to a member that got them only later, or never although they are kept";
    writes_forfeited Writes Data "lost because their only holder was removed by force";
    writes_overwritten_by_fault Writes Data "kept, but superseded by a write that could not have seen them because of the incident";
    writes_overwritten_ordinary Writes Data "kept, but superseded by a write that had not seen them";
    writes_duplicated Writes Data "writes that are not idempotent of which more than one attempt took effect";
    writes_resurrected Writes Data "removals whose key or element a concurrent addition brought back";
    writes_unknown_present Writes Data "writes without acknowledgement or refusal that took effect";
    writes_unknown_absent Writes Data "writes without acknowledgement or refusal that took no effect";
    writes_undetermined Writes Data "acknowledged writes whose fate was open when the run ended";
    rto_p50_ms Milliseconds Downtime "incident start to end of episode, median over exposed app servers";
    rto_p95_ms Milliseconds Downtime "the same, 95th percentile";
    rto_p99_ms Milliseconds Downtime "the same, 99th percentile; of fewer than 100 servers the longest";
    rto_max_ms Milliseconds Downtime "the same, longest";
    service_rto_ms Milliseconds Downtime "incident start to the first window in which the exposed population meets the recovery criterion";
    outage_p50_ms Milliseconds Downtime "length of the episodes of exposed app servers, median";
    outage_max_ms Milliseconds Downtime "the same, longest";
    detect_ms Milliseconds Downtime "incident start to verdict, of the median server that recovered by a switch";
    publish_ms Milliseconds Downtime "verdict to published answer, of the same server";
    adopt_ms Milliseconds Downtime "published answer to first attempt at the new member, of the same server";
    reconnect_ms Milliseconds Downtime "first attempt to connection, of the same server";
    first_success_ms Milliseconds Downtime "connection to the success that ends the episode, with a quiet window behind it, of the same server";
    recovered_by Word Downtime "switch, retry, heal or none: the most frequent of affected app servers";
    exposed Servers Downtime "app servers whose home, or whose path to it, an incident touches";
    affected Servers Downtime "exposed app servers with an episode";
    censored Servers Downtime "exposed app servers that were not served again before the horizon";
    collateral Servers Downtime "other app servers with an episode during an incident";
    failback_ms Milliseconds Failover "heal to the return of the median exposed app server to its home";
    switch_skew_ms Milliseconds Failover "first to last exposed app server that left its home";
    failback_skew_ms Milliseconds Failover "first to last that returned";
    dual_active_ms Milliseconds Failover "time in which two or more members took writes of one home population";
    conflicting_writes Writes Data "writes with a concurrent write of another member on the same key or element that does not commute";
    conflicting_writes_commuting Writes Data "writes whose concurrent writes of other members all commute with them";
    stale_reads Reads Staleness "reads without the newest write that was acknowledged before they were issued";
    stale_reads_beyond_lag Reads Staleness "the same with the newest acknowledged at least the steady-state lag before";
    staleness_p99_ms Milliseconds Staleness "stale reads: issue minus first missing acknowledgement, 99th percentile";
    ryw_violations Reads Staleness "reads without the session's own newest acknowledged write";
    monotonic_violations Reads Staleness "reads without what the session's last read of the key could see";
    availability Share Service "share of requests of storm and calm that succeeded within the deadline";
    errors Count Service "requests that ended without success";
    retries Count Service "attempts beyond the first of a request";
    false_failovers Count Failover "failovers away from a member that no fault had touched";
    policy_switches Count Failover "decisions to send traffic elsewhere";
    flaps Count Failover "policy switches of one decider beyond one away and one back per incident";
    latency_p50_ms Milliseconds Service "successful requests of storm and calm, median";
    latency_p99_ms Milliseconds Service "the same, 99th percentile";
    latency_p999_ms Milliseconds Service "the same, 99.9th percentile";
    convergence_ms Milliseconds Data "heal to the moment at which every member covers what anybody held at the heal";
    backlog_bytes_max Bytes Cost "largest backlog of a replication link (one shard, from one member to another) while a fault disturbed it: bytes of effects that the source wrote and holds, and the target never had; 0 if none was disturbed";
    full_syncs Count Cost "full synchronizations";
    memory_bytes_max Bytes Cost "largest memory of a member";
    probe_messages Count Cost "probes sent";
    cross_region_bytes Bytes Cost "bytes between regions";
    components Count Cost "components that the strategy adds";
    incidents Count Downtime "incidents";
    fallen Servers Downtime "app servers that fell with their region; they have no RTO";
    read_rto_p50_ms Milliseconds Downtime "as rto_p50_ms, of reads";
    read_rto_max_ms Milliseconds Downtime "as rto_max_ms, of reads";
    latency_p50_warm_up_ms Milliseconds Service "as latency_p50_ms, of the warm-up";
    latency_p99_warm_up_ms Milliseconds Service "as latency_p99_ms, of the warm-up";
    latency_p999_warm_up_ms Milliseconds Service "as latency_p999_ms, of the warm-up";
    latency_p50_storm_ms Milliseconds Service "as latency_p50_ms, of the storm";
    latency_p99_storm_ms Milliseconds Service "as latency_p99_ms, of the storm";
    latency_p999_storm_ms Milliseconds Service "as latency_p999_ms, of the storm";
    latency_p50_calm_ms Milliseconds Service "as latency_p50_ms, of the calm";
    latency_p99_calm_ms Milliseconds Service "as latency_p99_ms, of the calm";
    latency_p999_calm_ms Milliseconds Service "as latency_p999_ms, of the calm";
    writes_overwritten_ordinary_excess Writes Excess "beyond the control run";
    conflicting_writes_excess Writes Excess "beyond the control run";
    conflicting_writes_commuting_excess Writes Excess "beyond the control run";
    stale_reads_excess Reads Excess "beyond the control run";
    stale_reads_beyond_lag_excess Reads Excess "beyond the control run";
    ryw_violations_excess Reads Excess "beyond the control run";
    monotonic_violations_excess Reads Excess "beyond the control run";
    errors_excess Count Excess "beyond the control run";
    retries_excess Count Excess "beyond the control run";
    latency_p99_excess_ms Milliseconds Excess "beyond the control run";
    queue_wait_p99_ms Milliseconds Service "how long work waited for its database process, 99th percentile over all of it; empty without service times";
    utilisation_max Share Cost "largest share of one second in which a database process worked; empty without service times";
    connections_refused Count Service "connections refused since a node had too many clients, or too many new ones; empty without service times";
    commands_throttled Count Service "commands delayed or refused since there were more than the limit; empty without service times";
    memory_share_max Share Cost "largest share of its memory limit that a shard used; empty without a limit";
    keys_evicted Count Data "keys evicted to make room; empty without a limit";
    oom_errors Count Service "commands refused, or left without an answer, for want of memory; empty without a limit";
    writes_torn Writes Data "lost in part: of several effects of one operation only the first ones survived; among the lost. Empty without keyspaces whose writes may have several";
    oversold_units Count Data "units below the `floor` of counters, each where and when it was deepest; empty without such a keyspace";
    double_claims Count Data "keys that a client was told it had set while they were absent, and another client of another member as well; empty without a keyspace that is `unique`";
    double_deliveries Count Data "elements of lists that a client was given although another pop had given them away; empty without a keyspace of lists that are popped";
    coordination_messages Count Cost "notes that deciders sent each other: votes of client processes, and what they and a coordinator say; empty where they send none";
    probe_bytes Bytes Cost "bytes of probes on their way to members; empty without proxies and balancers";
    relay_time_p50_ms Milliseconds Service "how long a message of a client stays in a proxy or balancer, queueing included, median; the paths to and from it come on top. Empty without any";
    relay_time_p99_ms Milliseconds Service "the same, 99th percentile";
    relays_idle_share Share Cost "share of the time in which proxies and balancers had no connection of a client, over all of them; empty without any";
    sessions_ended Count Service "connections of clients that proxies and balancers closed, reset, or took with them when they died; empty without any";
    sessions_refused Count Service "connections of clients that proxies and balancers refused for want of room; empty without any";
    promotion_decided_ms Milliseconds Downtime "beginning of the newest fault to the moment at which somebody set out to replace a shard's primary, longest over promotions; empty without any";
    promotion_ms Milliseconds Downtime "from there to the promotion, longest; in a planned hand-over that is how long writes of the shard waited";
    waits_confirmed Count Service "waits for replicas or disks (WAIT, WAITAOF) that as many confirmed as were asked for; empty without any wait";
    waits_too_few Count Service "the same that came back with too few";
}

/// The columns up to here enter the trace hash even where they are missing; those that came later do not, so that runs
/// which make no use of them keep their hashes.
pub(super) const LAST_ALWAYS_HASHED: &str = "latency_p99_excess_ms";

impl Column {
    /// The place of the run column of this name.
    pub fn index(name: &str) -> Option<usize> {
        RUN_COLUMNS.iter().position(|column| column.name == name)
    }

    /// The column whose difference to the control run this one is.
    pub(super) fn base(&self) -> Option<usize> {
        (self.kind == Kind::Excess).then(|| Self::index(&self.name.replace("_excess", "")))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_carry_their_unit() {
        for (index, column) in RUN_COLUMNS.iter().enumerate() {
            assert_eq!(Column::index(column.name), Some(index), "{}", column.name);
            assert_eq!(
                column.name.ends_with("_ms"),
                column.unit == Unit::Milliseconds,
                "{}",
                column.name
            );
            assert_eq!(column.name.contains("_excess"), column.kind == Kind::Excess);
            assert_eq!(
                column.base().is_some(),
                column.kind == Kind::Excess,
                "{}",
                column.name
            );
        }
    }
}
