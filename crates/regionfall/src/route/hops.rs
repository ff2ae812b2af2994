//! A route is an ordered list of hops. A request enters at the first and is executed at the last.

use crate::topology::{MemberId, RelayId};

/// A place that a request passes through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hop {
    /// The endpoint of a member.
    Member(MemberId),
    /// A proxy or a load balancer.
    Relay(RelayId),
}

/// An ordered list of hops, at least one; the last is a member.
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

    /// The same route, through one more hop in front of all others.
    ///
    /// # Panics
    /// If it would have more than [`Route::MAX_HOPS`] hops.
    #[must_use]
    pub fn behind(&self, relay: RelayId) -> Self {
        let mut route = *self;
        route.hops.copy_within(..Self::MAX_HOPS - 1, 1);
        route.hops[0] = Hop::Relay(relay);
        route.length += 1;
        assert!(
            usize::from(route.length) <= Self::MAX_HOPS,
            "a route has at most {} hops",
            Self::MAX_HOPS
        );
        route
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
    pub fn member(&self) -> MemberId {
        match self.hops[usize::from(self.length) - 1] {
            Hop::Member(member) => member,
            Hop::Relay(_) => unreachable!("routes begin as `direct`, and grow in front"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_grows_in_front_and_ends_at_its_member() {
        let route = Route::direct(MemberId(3));
        assert_eq!(route.entry(), Hop::Member(MemberId(3)));
        let route = route.behind(RelayId(7)).behind(RelayId(2));
        let hops = [
            Hop::Relay(RelayId(2)),
            Hop::Relay(RelayId(7)),
            Hop::Member(MemberId(3)),
        ];
        assert_eq!(route.hops(), hops);
        assert_eq!(route.entry(), hops[0]);
        assert_eq!(route.member(), MemberId(3));
    }
}
