//! What operators do to the membership of an Active-Active database: remove a member by force, delete what a removed
//! one still has, let one join again.

use regionfall_kernel::Distribution;

use crate::topology::MemberId;

/// An operator's action on the membership.
#[derive(Clone, PartialEq, Debug)]
pub struct MembershipChange {
    /// What.
    pub action: MembershipAction,
    /// Of which member.
    pub member: MemberId,
    /// On what condition; without one, when the fault begins.
    pub when: Option<Trigger>,
}

/// What an operator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipAction {
    /// The others drop the member, which may be out of reach: they wait for it no more, take nothing from it any
    /// more, and what it alone has is forfeited. It goes on serving whoever reaches it. (Redis Software docs,
    /// active-active, manage.md.)
    ForceRemove,
    /// The member's own data and configuration are deleted; its processes are gone. (Redis Software docs, REST API,
    /// requests/crdbs/purge.md.)
    Purge,
    /// The member joins as a new one: empty, under new origins, with a full synchronization. What it had is deleted
    /// first, as the products demand.
    Rejoin,
}

/// A condition that an operator watches for, and how long acting on it takes.
#[derive(Clone, PartialEq, Debug)]
pub struct Trigger {
    /// Some member's process uses more than this share of its memory limit, in 0..=1.
    pub memory_above: f64,
    /// From then to the act: noticing, deciding, typing.
    pub reaction: Distribution,
}

impl MembershipAction {
    /// Its word in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForceRemove => "force-remove",
            Self::Purge => "purge",
            Self::Rejoin => "rejoin",
        }
    }
}
