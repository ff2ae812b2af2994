//! Capacity, memory, availability.

use super::{Builder, duration, integer, share, table, text};
use crate::database::{
    AtLimit, AvailabilityConfig, CapacityConfig, Eviction, Limit, MemoryConfig, OverLimit,
    ServiceTimes, UnreachablePeers,
};
use crate::scenario::read::quantity;
use crate::scenario::read::tree::Fields;

impl Builder<'_, '_> {
    pub(super) fn capacity(&mut self, database: &Fields) -> Option<CapacityConfig> {
        database.get("capacity")?;
        let fields = table(database, "capacity");
        let limit = |key: &str| {
            fields.get(key)?;
            Some(Limit {
                per_second: quantity::rate(text(fields, key)).unwrap_or(1.0),
                window: duration(fields, "burst"),
            })
        };
        let over_limit = match text(fields, "over_limit") {
            "refuse" => OverLimit::Refused,
            _ => OverLimit::Delayed,
        };
        Some(CapacityConfig {
            service: ServiceTimes {
                read: self.delay(fields, "read"),
                write: self.delay(fields, "write"),
                per_element: duration(fields, "per_element"),
                apply: duration(fields, "apply"),
                accept: duration(fields, "accept"),
                tls: duration(fields, "tls_handshake"),
            },
            max_clients: fields
                .get("max_clients")
                .map(|_| integer(fields, "max_clients")),
            new_connections: limit("new_connections"),
            commands: limit("commands").map(|limit| (limit, over_limit)),
        })
    }
}

pub(super) fn memory(database: &Fields) -> Option<MemoryConfig> {
    database.get("memory")?;
    let fields = table(database, "memory");
    Some(MemoryConfig {
        limit: quantity::size(text(fields, "limit")).unwrap_or(1),
        at_limit: match text(fields, "at_limit") {
            "stop" => AtLimit::Stops { recovers: true },
            "stop-until-operator" => AtLimit::Stops { recovers: false },
            _ => AtLimit::RefusesWrites {
                reserve: share(fields, "reserve"),
            },
        },
        // The schema knows these names and no other.
        eviction: Eviction::from_name(text(fields, "eviction")).unwrap_or(Eviction::ALL[0].1),
        evicts_from: share(fields, "evicts_from"),
    })
}

pub(super) fn availability(database: &Fields) -> AvailabilityConfig {
    if database.get("availability").is_none() {
        return AvailabilityConfig::default();
    }
    let fields = table(database, "availability");
    AvailabilityConfig {
        lag_tolerance: duration(fields, "lag_tolerance"),
        unreachable_peers: match text(fields, "unreachable_peers") {
            "lag" => UnreachablePeers::Lag,
            _ => UnreachablePeers::Ignored,
        },
    }
}
