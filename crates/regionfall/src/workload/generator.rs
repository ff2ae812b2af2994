//! What each request is: keyspace, command, key and element, as a function of seed, client and number.
//!
//! Nothing here depends on a strategy or on how earlier requests fared, so strategies are compared on
//! the same questions.

use regionfall_crdt::{CommandKind, KeyId};
use regionfall_kernel::{Address, Addressed, Seed, SimDuration};

use super::popularity::KeyTable;
use super::{Arrivals, Scope, WorkloadConfig};
use crate::topology::{KeyspaceId, MemberId};

/// The tables behind a workload: built once, shared by all its runs.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Upper ends of 32-bit intervals, each with what a draw within it asks for.
    choices: Vec<(u32, KeyspaceId, CommandKind)>,
    keyspaces: Vec<Keyspace>,
    keys: u32,
}

/// What one request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// The keyspace.
    pub keyspace: KeyspaceId,
    /// The key, unique over all keyspaces.
    pub key: KeyId,
    /// The command.
    pub command: CommandKind,
    /// The element, for commands on sets.
    pub element: u32,
}

#[derive(Clone, Debug)]
struct Keyspace {
    first: u32,
    keys: u32,
    elements: u32,
    /// Threshold of 32 bits below which an access goes to the shared keys.
    shared: u32,
    table: KeyTable,
}

/// The first word of a request's addresses.
#[derive(Clone, Copy)]
enum Purpose {
    Arrival = 0,
    Key = 1,
}

impl Workload {
    /// Builds the tables for a database with so many members.
    pub fn new(config: &WorkloadConfig, members: usize) -> Self {
        let mut keys = 0;
        let mut keyspaces = Vec::with_capacity(config.keyspaces.len());
        for keyspace in &config.keyspaces {
            let populations = match keyspace.scope {
                Scope::Global => 1,
                Scope::Home | Scope::Shared(_) => members as u32 + 1,
            };
            let shared = match keyspace.scope {
                Scope::Global => 1.0,
                Scope::Home => 0.0,
                Scope::Shared(share) => share,
            };
            keyspaces.push(Keyspace {
                first: keys,
                keys: keyspace.keys,
                elements: keyspace.elements.max(1),
                shared: (shared * f64::from(u32::MAX)) as u32,
                table: KeyTable::new(keyspace.popularity, keyspace.keys),
            });
            keys += keyspace.keys * populations;
        }
        Self {
            choices: choices(config),
            keyspaces,
            keys,
        }
    }

    /// Number of keys of all keyspaces together.
    pub fn keys(&self) -> u32 {
        self.keys
    }

    /// The keyspace that a key of the workload belongs to.
    pub fn keyspace_of(&self, key: KeyId) -> Option<KeyspaceId> {
        if key.0 >= self.keys {
            return None;
        }
        let behind = self
            .keyspaces
            .partition_point(|keyspace| keyspace.first <= key.0);
        behind.checked_sub(1).map(KeyspaceId::from_index)
    }

    /// The `sequence`-th request of client `who`, whose home is `home`.
    #[inline]
    pub fn request(&self, draws: Addressed, who: u32, sequence: u32, home: MemberId) -> Request {
        let [key_high, key_low, element, mix] =
            draws.words(Address::from([Purpose::Key as u32, who, sequence, 0]));
        let &(_, id, command) = self
            .choices
            .iter()
            .find(|&&(end, _, _)| mix <= end)
            .unwrap_or(&self.choices[self.choices.len() - 1]);
        let keyspace = &self.keyspaces[id.index()];
        let rank = keyspace
            .table
            .pick(u64::from(key_high) << 32 | u64::from(key_low));
        // Whether a key is shared is drawn from bits that its rank did not use up.
        let is_shared = keyspace.shared == u32::MAX
            || (keyspace.shared > 0 && key_low.wrapping_mul(0x9E37_79B9) < keyspace.shared);
        let population = if is_shared { 0 } else { u32::from(home.0) + 1 };
        Request {
            keyspace: id,
            key: KeyId(keyspace.first + population * keyspace.keys + rank),
            command,
            element: ((u64::from(element) * u64::from(keyspace.elements)) >> 32) as u32,
        }
    }
}

/// A uniform draw for the time from a client's `sequence`-th request to its next.
#[inline]
pub fn arrival_bits(draws: Addressed, who: u32, sequence: u32) -> u64 {
    draws.bits(Address::from([Purpose::Arrival as u32, who, sequence, 0]))
}

/// The stream that addresses a run's requests.
pub fn request_draws(seed: Seed) -> Addressed {
    seed.addressed("workload")
}

impl Arrivals {
    /// Mean time between two requests of one of `servers` servers, for judging its silence. For closed
    /// loops it is the thinking time shared by the server's clients.
    pub fn mean_gap(&self, servers: u32) -> SimDuration {
        let nanos = match self {
            Self::Poisson { per_second } => 1e9 * f64::from(servers) / per_second,
            Self::Closed { clients, think, .. } => {
                think.mean().as_nanos() as f64 * f64::from(servers) / f64::from((*clients).max(1))
            }
        };
        SimDuration::from_nanos_f64(nanos)
    }
}

/// Cumulative shares of every command of every keyspace, as 32-bit interval ends.
fn choices(config: &WorkloadConfig) -> Vec<(u32, KeyspaceId, CommandKind)> {
    let mut ends = Vec::new();
    let mut sum = 0.0;
    for (index, keyspace) in config.keyspaces.iter().enumerate() {
        let weights: f64 = keyspace.mix.iter().map(|&(_, weight)| weight).sum();
        for &(command, weight) in &keyspace.mix {
            sum += keyspace.share * weight / weights;
            let end = (sum * f64::from(u32::MAX)) as u32;
            ends.push((end, KeyspaceId::from_index(index), command));
        }
    }
    if let Some(last) = ends.last_mut() {
        last.0 = u32::MAX;
    }
    ends
}
