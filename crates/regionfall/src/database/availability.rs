//! Availability checks, as a node's management process answers them over its REST API.
//!
//! | request | scope | 200 means |
//! |---|---|---|
//! | `GET /v1/bdbs/{id}/availability` | database | at least one endpoint is available |
//! | `GET /v1/local/bdbs/{id}/endpoint/availability` | this node | all primaries are reachable from its endpoint |
//!
//! With `?extend_check=lag` either also asks whether the data are close enough to what the peers have
//! (Redis Software docs, REST API, requests/bdbs/availability.md; monitoring, db-availability.md). Neither writes
//! anything, and neither promises data: a shard that is loading may pass.
//!
//! Here is the rule alone. What a process can see of its shards and peers, the world finds out.

use regionfall_kernel::SimDuration;

/// What an availability request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckScope {
    /// The database: any endpoint will do.
    Database,
    /// The node that is asked.
    Node,
}

/// A lag-aware request (`extend_check=lag`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LagCheck {
    /// `availability_lag_tolerance_ms`; `None` leaves it to the cluster.
    pub tolerance: Option<SimDuration>,
}

/// How a cluster answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AvailabilityConfig {
    /// The lag that is tolerated where the request does not say. 100 ms (Redis Software docs,
    /// db-availability.md).
    pub lag_tolerance: SimDuration,
    /// Whether a peer that cannot be reached counts as lag.
    pub unreachable_peers: UnreachablePeers,
}

/// How a peer that cannot be reached enters a lag-aware check. No public document says what the product
/// does. If it counts, the outage of one region makes every other member fail its own check, and a check that
/// fails everywhere can steer nobody; so [`UnreachablePeers::Ignored`] is the default (assumed).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnreachablePeers {
    /// Lag is judged by the peers that can be reached.
    Ignored,
    /// The link lags by the time since it last was in step.
    Lag,
}

/// What the management process of a node sees when it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Whether the node is one of a majority of its cluster's nodes.
    pub has_quorum: bool,
    /// Whether every primary shard can be reached.
    pub shards_reachable: bool,
    /// Whether an endpoint listens: for a check of a node its own, else any.
    pub port_bound: bool,
    /// The links from the other members.
    pub sources: Vec<SourceLag>,
}

/// How far an inbound link is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceLag {
    /// Whether the peer can be reached.
    pub is_reachable: bool,
    /// Since when something of the peer's is missing; of a peer that cannot be reached, the time since then.
    pub lag: SimDuration,
}

/// An answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Availability {
    /// 200.
    Available,
    /// 503: the node has no quorum.
    NoQuorum,
    /// 503: for a node.
    EndpointUnavailable(Unavailable),
    /// 503: for a database.
    DatabaseUnavailable(Unavailable),
}

/// What is not available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unavailable {
    /// A primary shard.
    Shard,
    /// The endpoint's port.
    Port,
    /// Both.
    ShardAndPort,
    /// Everything is there, and too far behind. How the product names that is not published (assumed: the
    /// plain code).
    Lag,
}

impl AvailabilityConfig {
    /// The answer to a request.
    pub fn answer(&self, scope: CheckScope, lag: Option<LagCheck>, seen: &Seen) -> Availability {
        let unavailable = match scope {
            CheckScope::Database => Availability::DatabaseUnavailable,
            CheckScope::Node => Availability::EndpointUnavailable,
        };
        if !seen.has_quorum {
            return Availability::NoQuorum;
        }
        match (seen.shards_reachable, seen.port_bound) {
            (false, false) => unavailable(Unavailable::ShardAndPort),
            (false, true) => unavailable(Unavailable::Shard),
            (true, false) => unavailable(Unavailable::Port),
            (true, true) if lag.is_some_and(|lag| self.is_behind(lag, seen)) => {
                unavailable(Unavailable::Lag)
            }
            (true, true) => Availability::Available,
        }
    }

    fn is_behind(&self, check: LagCheck, seen: &Seen) -> bool {
        let tolerance = check.tolerance.unwrap_or(self.lag_tolerance);
        let counts = |source: &&SourceLag| {
            source.is_reachable || self.unreachable_peers == UnreachablePeers::Lag
        };
        let mut counted = seen.sources.iter().filter(counts);
        counted.any(|source| source.lag > tolerance)
    }
}

impl Default for AvailabilityConfig {
    fn default() -> Self {
        Self {
            lag_tolerance: SimDuration::from_millis(100),
            unreachable_peers: UnreachablePeers::Ignored,
        }
    }
}

impl Availability {
    /// Whether traffic may go there.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Available)
    }

    /// The status of the HTTP response.
    pub const fn status(self) -> u16 {
        if self.is_available() { 200 } else { 503 }
    }

    /// Its `error_code` (Redis Software docs, REST API, requests/bdbs/availability.md).
    pub const fn error_code(self) -> Option<&'static str> {
        match self {
            Self::Available => None,
            Self::NoQuorum => Some("no_quorum"),
            Self::EndpointUnavailable(_) => Some("bdb_endpoint_unavailable"),
            Self::DatabaseUnavailable(what) => Some(match what {
                Unavailable::Shard => "bdb_unavailable_shard_unreachable",
                Unavailable::Port => "bdb_unavailable_port_unbound",
                Unavailable::ShardAndPort => "bdb_unavailable_shard_unreachable_port_unbound",
                Unavailable::Lag => "bdb_unavailable",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> SimDuration {
        SimDuration::from_millis(millis)
    }

    fn seen(sources: &[(bool, u64)]) -> Seen {
        let source = |&(is_reachable, lag)| SourceLag {
            is_reachable,
            lag: ms(lag),
        };
        Seen {
            has_quorum: true,
            shards_reachable: true,
            port_bound: true,
            sources: sources.iter().map(source).collect(),
        }
    }

    #[test]
    fn codes_are_those_of_the_rest_api() {
        let cluster = AvailabilityConfig::default();
        let code = |scope, quorum, shards, port| {
            let seen = Seen {
                has_quorum: quorum,
                shards_reachable: shards,
                port_bound: port,
                sources: Vec::new(),
            };
            let answer = cluster.answer(scope, None, &seen);
            (answer.status(), answer.error_code().unwrap_or(""))
        };
        let (database, node) = (CheckScope::Database, CheckScope::Node);
        assert_eq!(code(database, true, true, true), (200, ""));
        assert_eq!(code(node, true, true, true), (200, ""));
        assert_eq!(code(database, false, false, true), (503, "no_quorum"));
        for (shards, port, name) in [
            (false, true, "bdb_unavailable_shard_unreachable"),
            (true, false, "bdb_unavailable_port_unbound"),
            (
                false,
                false,
                "bdb_unavailable_shard_unreachable_port_unbound",
            ),
        ] {
            assert_eq!(code(database, true, shards, port), (503, name));
            assert_eq!(
                code(node, true, shards, port),
                (503, "bdb_endpoint_unavailable")
            );
        }
    }

    #[test]
    fn lag_counts_only_if_asked_for_and_beyond_the_tolerance() {
        let cluster = AvailabilityConfig::default();
        let passes = |lag: Option<LagCheck>, behind: u64| {
            let answer = cluster.answer(
                CheckScope::Database,
                lag,
                &seen(&[(true, 0), (true, behind)]),
            );
            answer.is_available()
        };
        let asked = |tolerance: Option<u64>| {
            Some(LagCheck {
                tolerance: tolerance.map(ms),
            })
        };
        assert!(passes(None, 60_000), "a plain check does not look");
        assert!(passes(asked(None), 100));
        assert!(!passes(asked(None), 101), "the cluster tolerates 100 ms");
        assert!(passes(asked(Some(5_000)), 101));
        assert!(!passes(asked(Some(5_000)), 5_001));
    }

    #[test]
    fn an_unreachable_peer_is_lag_only_where_it_is_set_so() {
        let check = Some(LagCheck { tolerance: None });
        let sees = seen(&[(true, 3), (false, 60_000)]);
        for (unreachable_peers, passes) in [
            (UnreachablePeers::Ignored, true),
            (UnreachablePeers::Lag, false),
        ] {
            let cluster = AvailabilityConfig {
                unreachable_peers,
                ..AvailabilityConfig::default()
            };
            let answer = cluster.answer(CheckScope::Node, check, &sees);
            assert_eq!(answer.is_available(), passes);
        }
    }
}
