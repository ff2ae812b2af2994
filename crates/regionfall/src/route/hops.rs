//! A route is an ordered list of hops. A request enters at the first and is executed at the last.

use crate::topology::MemberId;

/// A place that a request passes through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hop {
    /// The endpoint of a member.
    Member(MemberId),
}

/// An ordered list of hops, at least one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Route {
    hops: [Hop; Route::MAX_HOPS],
    length: u8,
}

impl Route {
    /// The longest route: a global load balancer, a regional one, a proxy, a member.
    pub const MAX_HOPS: usize = 4;

    /// Straight to a member's endpoint.
    pub const fn direct(member: MemberId) -> Self {
        Self {
            hops: [Hop::Member(member); Self::MAX_HOPS],
            length: 1,
        }
    }

    /// The hops in order.
    pub fn hops(&self) -> &[Hop] {
        &self.hops[..usize::from(self.length)]
    }

    /// Where a connection leads first.
    pub const fn entry(&self) -> Hop {
        self.hops[0]
    }

    /// The member that executes what is sent this way.
    pub const fn member(&self) -> MemberId {
        let Hop::Member(member) = self.hops[self.length as usize - 1];
        member
    }
}
