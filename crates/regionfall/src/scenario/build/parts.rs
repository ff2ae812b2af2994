//! Strategies beyond the simplest, from their tables: see `schema/parts.rs`.

use super::{
    Builder, duration, flag, inner, integer, list, number, optional_duration, share, text,
};
use crate::failover::{
    AccrualConfig, AsksBy, Channels, Choice, ClientHabits, Conduct, CustomCheck, Detector,
    EjectionConfig, Evidence, GapModel, HeartbeatConfig, Isolated, KeySample, LeaseConfig,
    ProbeKind, ProbeRefinement, RankBy, Ranking, RetryClass, RetryJitter, Returning, Rounds,
    RunbookConfig, SilenceConfig, SilenceSince, StrategyConfig, Votes, WindowMoves,
};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node, Value};
use crate::topology::{RegionId, TopologyConfig};
use regionfall_kernel::SimDuration;

impl StrategyConfig {
    /// Tells every probe and heartbeat how many shards there are: a client's map of the cluster.
    pub(super) fn knows_shards(&mut self, shards: u16) {
        for evidence in &mut self.evidence {
            match evidence {
                Evidence::Probe(probe, _) => probe.refinement.shards = shards,
                Evidence::Heartbeat(beats) => beats.shards = shards,
                Evidence::Passive(_) | Evidence::PassiveTimeouts(_) => {}
            }
        }
    }
}

fn words<'f>(fields: &'f Fields, key: &str) -> Vec<&'f str> {
    let items = fields.get(key).and_then(Node::list).unwrap_or_default();
    items.iter().filter_map(Node::text).collect()
}

fn span(fields: &Fields, key: &str, otherwise: SimDuration) -> SimDuration {
    optional_duration(fields, key).unwrap_or(otherwise)
}

fn count(fields: &Fields, key: &str) -> Option<i64> {
    match fields.get(key).map(|node| &node.value) {
        Some(Value::Integer(count)) => Some(*count),
        _ => None,
    }
}

const DEFAULT_LAG: SimDuration = SimDuration::from_millis(100);

/// What a probe asks, of the kinds beyond PING, connections and availability; with the keys that mean
/// something to it.
pub(super) fn probe_kind(fields: &Fields) -> Option<(&'static [&'static str], ProbeKind)> {
    let tolerance = || optional_duration(fields, "tolerance");
    Some(match text(fields, "probe") {
        "echo" => (&[], ProbeKind::Echo),
        "http" => (&[], ProbeKind::Http),
        "set-get" => {
            let sample = match count(fields, "keys") {
                Some(keys) => KeySample::Random(u8::try_from(keys).unwrap_or(u8::MAX)),
                None => KeySample::OnePerShard,
            };
            (&["keys"], ProbeKind::SetGet(sample))
        }
        "replication" => {
            let tolerance = tolerance().unwrap_or(DEFAULT_LAG);
            (&["tolerance"], ProbeKind::Replication { tolerance })
        }
        "not-stale" => (&[], ProbeKind::NotStale),
        "primary" => (&[], ProbeKind::Primary),
        "custom" => {
            let sees = words(fields, "sees");
            let check = CustomCheck {
                setup_round_trips: count(fields, "setup_round_trips").unwrap_or(1) as u8,
                bytes: fields.get("bytes").map_or(80, |_| integer(fields, "bytes")),
                sees_loading: sees.contains(&"loading"),
                sees_shards: sees.contains(&"shards"),
                sees_staleness: sees.contains(&"staleness"),
                sees_lag: tolerance(),
            };
            let keys = &["tolerance", "setup_round_trips", "bytes", "sees"];
            (keys, ProbeKind::Custom(check))
        }
        _ => return None,
    })
}

/// Keys that mean something to some kinds of probes only.
pub(super) const SPECIAL_PROBE_KEYS: [&str; 7] = [
    "scope",
    "lag_tolerance",
    "keys",
    "tolerance",
    "setup_round_trips",
    "bytes",
    "sees",
];

pub(super) fn refinement(fields: &Fields) -> ProbeRefinement {
    ProbeRefinement {
        round_timeout: optional_duration(fields, "round_timeout"),
        every_when_failing: optional_duration(fields, "every_when_failing"),
        retries: integer(fields, "retries"),
        jitter: duration(fields, "jitter"),
        with_traffic: flag(fields, "with_traffic"),
        shards: 1,
    }
}

pub(super) fn heartbeat(fields: &Fields) -> Evidence {
    let channels = match (count(fields, "channels"), text(fields, "channels")) {
        (Some(ranges), _) => Channels::PerRange(ranges as u16),
        (None, "one") => Channels::One,
        _ => Channels::PerShard,
    };
    Evidence::Heartbeat(HeartbeatConfig {
        every: duration(fields, "heartbeat"),
        silence: duration(fields, "silence"),
        channels,
        isolated: if text(fields, "isolated") == "leaves" {
            Isolated::Leaves
        } else {
            Isolated::Stays
        },
        shards: 1,
    })
}

pub(super) fn window_moves(fields: &Fields) -> WindowMoves {
    if text(fields, "moves") == "on-success" {
        WindowMoves::OnSuccess
    } else {
        WindowMoves::Sliding
    }
}

/// A detector of the kinds beyond counts, rounds and windows.
pub(super) fn detector(fields: &Fields) -> Option<Detector> {
    if fields.get("since_success").is_some() {
        return Some(Detector::Silence(SilenceConfig {
            limit: duration(fields, "since_success"),
            since: SilenceSince::Answer,
            refusal_is_final: flag(fields, "refusal_is_final"),
        }));
    }
    if fields.get("lease").is_some() {
        return Some(Detector::Silence(SilenceConfig {
            limit: duration(fields, "lease"),
            since: SilenceSince::Question,
            refusal_is_final: false,
        }));
    }
    if fields.get("phi").is_some() {
        let model = if text(fields, "model") == "exponential" {
            GapModel::Exponential
        } else {
            GapModel::Normal {
                pause: duration(fields, "pause"),
                min_deviation: duration(fields, "min_deviation"),
            }
        };
        return Some(Detector::Accrual(AccrualConfig {
            threshold: number(fields, "phi"),
            model,
            samples: integer(fields, "samples"),
        }));
    }
    fields.get("ejection").map(|_| {
        Detector::Ejection(EjectionConfig {
            failures: integer(fields, "ejection"),
            base: duration(fields, "base"),
            max: duration(fields, "max"),
            sweep: duration(fields, "sweep"),
            max_share: share(fields, "max_share"),
            always_one: flag(fields, "always_one"),
        })
    })
}

pub(super) fn returning(fields: &Fields) -> Returning {
    let criteria = words(fields, "criteria");
    let gradual = fields.get("gradual").and_then(Node::table);
    let minute = SimDuration::from_secs(60);
    let canary = gradual.and_then(|gradual| {
        gradual.get("canary")?;
        let part = share(gradual, "canary");
        Some((part, span(gradual, "canary_for", minute)))
    });
    Returning {
        synchronized: criteria
            .contains(&"synchronized")
            .then(|| span(fields, "lag", DEFAULT_LAG)),
        asks: if text(fields, "asks") == "data-path" {
            AsksBy::DataPath
        } else {
            AsksBy::Management
        },
        fresh: criteria.contains(&"not-stale"),
        check_every: span(fields, "check_every", SimDuration::from_secs(5)),
        held_for: span(fields, "held_for", SimDuration::ZERO),
        reads_first: gradual.and_then(|gradual| optional_duration(gradual, "reads_first")),
        canary,
    }
}

pub(super) fn habits(fields: &Fields) -> ClientHabits {
    let retry_jitter = match (
        text(fields, "retry_jitter"),
        optional_duration(fields, "retry_jitter"),
    ) {
        ("full", _) => RetryJitter::Full,
        (_, Some(most)) => RetryJitter::Upto(most),
        _ => RetryJitter::None,
    };
    ClientHabits {
        retry_jitter,
        inner_attempts: integer(fields, "inner_attempts"),
        inner_wait: duration(fields, "inner_wait"),
        retry_follows_switch: flag(fields, "retry_follows_switch"),
        keeps_connection_on_timeout: flag(fields, "keeps_connection_on_timeout"),
        opens_in_advance: flag(fields, "opens_in_advance"),
        waits_for_failover: optional_duration(fields, "waits_for_failover"),
        retries: match text(fields, "retries") {
            "unsent" => RetryClass::Unsent,
            "reads" => RetryClass::Reads,
            _ => RetryClass::Idempotent,
        },
        checks_versions: flag(fields, "checks_versions"),
    }
}

impl Builder<'_, '_> {
    pub(super) fn choice(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Choice {
        let fail_open = flag(fields, "fail_open");
        let by = match text(fields, "order") {
            "weight" => self.by_weight(fields, here, topology),
            "nearest" => RankBy::Nearest {
                margin: span(fields, "margin", SimDuration::ZERO),
            },
            "next" => RankBy::Next,
            "shares" => RankBy::Shares {
                overprovisioning: fields
                    .get("overprovisioning")
                    .map_or(1.4, |_| number(fields, "overprovisioning")),
                panic_below: fields
                    .get("panic_below")
                    .map_or(0.5, |_| share(fields, "panic_below")),
            },
            "per-shard" => RankBy::PerShard,
            _ => return Choice::Priority { fail_open },
        };
        Choice::Ranked(Ranking { by, fail_open })
    }

    fn by_weight(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> RankBy {
        let mut weights = Vec::new();
        if let Some(written) = fields.get("weights").and_then(Node::table) {
            for (region, node) in &written.0 {
                let key = path::join(&path::join(here, "weights"), region);
                let name = Node::new(Value::Text(region.clone()), node.origin.clone());
                if let Some(member) = self.member(&name, &key, topology) {
                    weights.push((member, number(written, region)));
                }
            }
        }
        let mut changes = Vec::new();
        for item in list(fields, "weight_changes") {
            let change = inner(item);
            let key = path::join(&path::join(here, "weight_changes"), "region");
            let member = change
                .get("region")
                .and_then(|node| self.member(node, &key, topology));
            if let Some(member) = member {
                changes.push((duration(change, "at"), member, number(change, "weight")));
            }
        }
        RankBy::Weight {
            weights,
            nearest_of_equals: flag(fields, "nearest_of_equals"),
            changes,
        }
    }

    pub(super) fn conduct(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> Conduct {
        let lease = fields.get("coordination").and_then(Node::table);
        let key = path::join(here, "coordination");
        Conduct {
            rounds: match text(fields, "rounds") {
                "together" => Rounds::Together,
                "in-turn" => Rounds::InTurn,
                _ => Rounds::Apart,
            },
            look_again: optional_duration(fields, "look_again"),
            grace_restarts: flag(fields, "grace_restarts"),
            votes: match text(fields, "votes") {
                "any" => Votes::Any,
                "majority" => Votes::Majority,
                _ => Votes::Own,
            },
            lease: lease.map(|lease| LeaseConfig {
                region: self.stands(lease, &key, topology),
                ttl: duration(lease, "ttl"),
                renew_every: duration(lease, "renew_every"),
                patience: number(lease, "patience"),
                lock_delay: duration(lease, "lock_delay"),
                drain: duration(lease, "drain"),
                fencing: flag(lease, "fencing"),
            }),
        }
    }

    fn stands(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> RegionId {
        let node = fields.get("region");
        node.and_then(|node| self.region(node, &path::join(here, "region"), topology))
            .unwrap_or(RegionId(0))
    }

    pub(super) fn runbook(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> RunbookConfig {
        RunbookConfig {
            region: self.stands(fields, here, topology),
            alert: self.delay(fields, "alert"),
            acknowledge: self.delay(fields, "acknowledge"),
            declare: self.delay(fields, "declare"),
            act: self.delay(fields, "act"),
            failure: share(fields, "failure"),
        }
    }
}
