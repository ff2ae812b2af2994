//! What a decider is: a state machine that sees what a real one could see, and asks for what a real one
//! could do.
//!
//! It never sees the world or global time. Its inputs are the answers to its own probes, the outcomes of
//! its own traffic, reports that were sent to it, and its host's clock; they arrive as [`Sight`]s. It
//! answers with [`Action`]s, which the world carries out.

use regionfall_kernel::{SimDuration, TraceHash};

use super::ProbeKind;
use super::note::{Note, Party};
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
        /// Whether it ran out of time.
        timed_out: bool,
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
    /// An attempt of its own traffic is about to choose a member. Only deciders that want commands see it.
    CommandBegins,
    /// A message published on one member came out of a subscription on another, or the same.
    Heard {
        /// Where it was published.
        from: MemberId,
        /// Where it was heard.
        to: MemberId,
        /// On which channel.
        channel: u16,
    },
    /// The connection for heartbeats with a member was refused, or broke.
    SubscriptionLost {
        /// With whom.
        member: MemberId,
    },
    /// A note of another decider arrived.
    Received {
        /// The sender's number.
        from: u32,
        /// What it says.
        note: Note,
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
    /// Send its own traffic to another member, all of it.
    Use {
        /// Which.
        member: MemberId,
    },
    /// Send its own reads to another member; writes stay.
    UseForReads {
        /// Which.
        member: MemberId,
    },
    /// Send a share of its own operations to a member, the rest to those named before and to the one in
    /// use.
    Share {
        /// Which.
        member: MemberId,
        /// The share in thousandths.
        per_mille: u16,
    },
    /// Send its own traffic for a shard to a member.
    UseForShard {
        /// Which shard.
        shard: u16,
        /// Which member.
        member: MemberId,
    },
    /// Open the connection for heartbeats with a member.
    Subscribe {
        /// With whom.
        member: MemberId,
    },
    /// Publish a heartbeat on a member.
    Beat {
        /// On which.
        member: MemberId,
        /// On which channel.
        channel: u16,
    },
    /// Send a note to other deciders.
    Send {
        /// To whom.
        to: Party,
        /// What it says.
        note: Note,
    },
    /// From now on the requests of its own traffic carry this version, for members that refuse older ones.
    Carry {
        /// The version.
        version: u32,
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
    /// The shard that it asks, for probes that ask one.
    pub shard: Option<u16>,
}

/// Failover logic: sees, decides, acts. Implement it to try a strategy of your own.
///
/// What it is shown owns all it holds, and nothing in it leads to the world:
///
/// ```
/// fn leads_nowhere<T: Copy + Send + 'static>() {}
/// leads_nowhere::<regionfall::failover::Sight>();
/// leads_nowhere::<regionfall::failover::LocalTime>();
/// ```
///
/// Nor can it ask for the world:
///
/// ```compile_fail,E0053
/// use regionfall::failover::{Action, Decider, LocalTime, Sight};
/// use regionfall::simulation::World;
/// use regionfall::topology::MemberId;
/// use regionfall_kernel::TraceHash;
///
/// struct AllKnowing;
///
/// impl Decider for AllKnowing {
///     fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}
///     fn observe(&mut self, _now: LocalTime, _world: &World, _actions: &mut Vec<Action>) {}
///     fn is_usable(&self, _now: LocalTime, _member: MemberId) -> bool {
///         true
///     }
///     fn hash_into(&self, _hash: &mut TraceHash) {}
///     fn boxed_clone(&self) -> Box<dyn Decider> {
///         Box::new(AllKnowing)
///     }
/// }
/// ```
///
/// The same with a sight in the place of the world compiles, so that it is the world that is refused:
///
/// ```
/// use regionfall::failover::{Action, Decider, LocalTime, Sight};
/// use regionfall::topology::MemberId;
/// use regionfall_kernel::TraceHash;
///
/// struct Modest;
///
/// impl Decider for Modest {
///     fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}
///     fn observe(&mut self, _now: LocalTime, _sight: Sight, _actions: &mut Vec<Action>) {}
///     fn is_usable(&self, _now: LocalTime, _member: MemberId) -> bool {
///         true
///     }
///     fn hash_into(&self, _hash: &mut TraceHash) {}
///     fn boxed_clone(&self) -> Box<dyn Decider> {
///         Box::new(Modest)
///     }
/// }
/// ```
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

    /// Whether it wants to see every attempt before it chooses a member.
    fn wants_commands(&self) -> bool {
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
