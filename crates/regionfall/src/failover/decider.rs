//! What a decider is: a state machine that sees what a real one could see, and asks for what a real one
//! could do.
//!
//! It never sees the world or global time. Its inputs are the answers to its own probes, the outcomes of
//! its own traffic, reports that were sent to it, and its host's clock; they arrive as [`Sight`]s. It
//! answers with [`Action`]s, which the world carries out.

use regionfall_kernel::{SimDuration, TraceHash};

use super::ProbeKind;
pub use crate::topology::LocalTime;
use crate::topology::{FleetId, MemberId};

/// How a probe ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeOutcome {
    /// The answer that a healthy member gives.
    Passed,
    /// A reset, or another error at once.
    Refused,
    /// No answer in time.
    TimedOut,
}

/// Something that a decider sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// A moment it had asked to be woken at.
    Woken {
        /// The number it gave with its request.
        token: u32,
    },
    /// A probe of its own ended.
    ProbeEnded {
        /// Of whom.
        member: MemberId,
        /// The number it gave with the probe.
        ticket: u32,
        /// How.
        outcome: ProbeOutcome,
    },
    /// An attempt of its own traffic ended.
    AttemptEnded {
        /// With whom.
        member: MemberId,
        /// Whether it failed: refused, broken or out of time. An error reply is no failure.
        failed: bool,
    },
    /// Another decider's report arrived.
    Reported {
        /// The number of the reporter among its peers.
        reporter: u32,
        /// About whom.
        member: MemberId,
        /// What it found.
        healthy: bool,
    },
}

/// Something that a decider asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Wake it at a moment of its own clock.
    Wake {
        /// When.
        at: LocalTime,
        /// A number to recognise the moment by.
        token: u32,
    },
    /// Send a probe; exactly one [`Sight::ProbeEnded`] follows.
    Probe(Probe),
    /// Note that it changed its mind about a member.
    Verdict {
        /// About whom.
        member: MemberId,
        /// Up or down.
        healthy: bool,
    },
    /// Report a verdict to the decider that collects them.
    Report {
        /// About whom.
        member: MemberId,
        /// Up or down.
        healthy: bool,
    },
    /// Change a fleet's published answer.
    Publish {
        /// Whose.
        fleet: FleetId,
        /// The new answer.
        member: MemberId,
    },
    /// Send its own traffic to another member.
    Use {
        /// Which.
        member: MemberId,
    },
}

/// A probe to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// To whom.
    pub member: MemberId,
    /// A number to recognise the answer by.
    pub ticket: u32,
    /// What is asked.
    pub kind: ProbeKind,
    /// How long it may take, connecting included.
    pub timeout: SimDuration,
    /// Whether the connection of the previous probe may be used again.
    pub keeps_connection: bool,
}

/// Failover logic: sees, decides, acts. Implement it to try a strategy of your own.
pub trait Decider: Send + Sync {
    /// The first sight: the process starts.
    fn start(&mut self, now: LocalTime, actions: &mut Vec<Action>);

    /// Something was seen.
    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>);

    /// Whether it holds `member` for usable at this moment. Clients that refuse to use a member that
    /// counts as down ask before each attempt.
    fn is_usable(&self, now: LocalTime, member: MemberId) -> bool;

    /// Whether it wants to see every attempt of its own traffic.
    fn watches_traffic(&self) -> bool {
        false
    }

    /// Its state enters the trace hash.
    fn hash_into(&self, hash: &mut TraceHash);

    /// A copy with the same state: worlds are cloned.
    fn boxed_clone(&self) -> Box<dyn Decider>;
}

impl Clone for Box<dyn Decider> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}
