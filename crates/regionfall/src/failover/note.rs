//! Notes: what deciders tell each other over the network.

use super::decider::LocalTime;
use crate::topology::MemberId;

/// To whom a note goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party {
    /// Every other client process of the same fleet.
    Peers,
    /// The coordinator.
    Coordinator,
    /// The decider with this number.
    Decider(u32),
}

/// What a note says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// What its sender holds of a member.
    Vote {
        /// Of whom.
        member: MemberId,
        /// Up or down.
        healthy: bool,
    },
    /// A holder asks for its lease on the value to be prolonged.
    Renew {
        /// The version that it knows.
        version: u32,
        /// When it asked, by its own clock; given back with the grant.
        asked: LocalTime,
    },
    /// A lease on the value.
    Grant {
        /// The value: the member to use.
        member: MemberId,
        /// Its version.
        version: u32,
        /// When it was asked for, by the holder's clock.
        asked: LocalTime,
    },
    /// The value is about to change: its holders let go.
    Revoke {
        /// The version to let go of.
        version: u32,
    },
    /// A holder has let go.
    Release {
        /// Of this version.
        version: u32,
    },
    /// The value changed: ask for a lease.
    Changed,
    /// Somebody asks for another value.
    Propose {
        /// In place of this version.
        version: u32,
        /// The member to use.
        member: MemberId,
    },
}
