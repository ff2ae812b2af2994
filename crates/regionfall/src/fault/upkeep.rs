//! What operators and managed services do to the nodes of a member while it serves: planned maintenance, a node more,
//! a shard or an endpoint that moves.

use regionfall_kernel::{Distribution, SimDuration, SimTime};

use crate::topology::MemberId;

/// Work on a member's nodes.
#[derive(Clone, PartialEq, Debug)]
pub struct Upkeep {
    /// Whose nodes.
    pub member: MemberId,
    /// What is done.
    pub task: UpkeepTask,
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum UpkeepTask {
    /// Node after node hands its primaries over, restarts with its changes and synchronizes. (Azure docs, *Failover and
    /// patching*.)
    PlannedMaintenance {
        /// Only this node, counted from 0 within the member.
        node: Option<u8>,
        /// For how long a machine is away.
        reboot: Distribution,
        /// When work on a node may begin.
        window: Option<Window>,
    },
    /// A node joins the cluster and gets a copy of every shard.
    AddNode,
    /// Another node of the member becomes the primary of a shard, without loss.
    MigrateShard {
        /// Which shard.
        shard: u16,
        /// To which node, counted from 0 within the member.
        node: u8,
    },
    /// Slots of a Redis Cluster move from one shard to another, key by key, while both serve. (Redis docs, *Redis cluster
    /// specification*, live reconfiguration; redis/redis, redis-cli.c, `--cluster reshard`.)
    MigrateSlots {
        /// Whose slots.
        from: u16,
        /// Whose they are in the end.
        to: u16,
        /// The share of the slots of `from` that moves, in 0..=1.
        share: f64,
        /// How many keys one MIGRATE moves.
        pipeline: u16,
        /// What a key costs the two processes: DUMP, RESTORE and DEL.
        per_key: SimDuration,
        /// How long a MIGRATE waits for the other process before it gives up.
        timeout: SimDuration,
    },
    /// The address at which clients find the member moves to another node. Connections to the former one end.
    MigrateEndpoint {
        /// To which node, counted from 0 within the member.
        node: u8,
    },
}

/// A maintenance window that comes again and again: work on a node begins only within, and goes on beyond its end.
/// (Azure docs, *Update channel and schedule updates*: updates start within the window.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// When the first one opens, counted from the start of the run.
    pub opens: SimDuration,
    /// How long each is.
    pub lasts: SimDuration,
    /// From one to the next; longer than one lasts.
    pub every: SimDuration,
}

impl Window {
    /// The first moment from `now` on at which a window is open.
    pub fn open_from(&self, now: SimTime) -> SimTime {
        let first = SimTime::ZERO + self.opens;
        if now < first {
            return first;
        }
        let every = self.every.as_nanos().max(1);
        let into = now.saturating_since(first).as_nanos() % every;
        if into < self.lasts.as_nanos() {
            now
        } else {
            now + SimDuration::from_nanos(every - into)
        }
    }
}

impl UpkeepTask {
    /// Their words in scenario files.
    pub(crate) const WORDS: [&str; 5] = [
        "planned-maintenance",
        "add-node",
        "migrate-shard",
        "migrate-slots",
        "migrate-endpoint",
    ];

    /// Its word in scenario files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PlannedMaintenance { .. } => "planned-maintenance",
            Self::AddNode => "add-node",
            Self::MigrateShard { .. } => "migrate-shard",
            Self::MigrateSlots { .. } => "migrate-slots",
            Self::MigrateEndpoint { .. } => "migrate-endpoint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_from_its_opening_until_its_end_again_and_again() {
        let seconds = SimDuration::from_secs;
        let window = Window {
            opens: seconds(100),
            lasts: seconds(10),
            every: seconds(60),
        };
        for second in 0..600_u64 {
            let now = SimTime::ZERO + seconds(second);
            let from = window.open_from(now);
            // The first second of all from `now` on that lies in a window.
            let expected = (second..1_000).find(|&at| at >= 100 && (at - 100) % 60 < 10);
            assert_eq!(Some(from), expected.map(|at| SimTime::ZERO + seconds(at)));
        }
    }
}
