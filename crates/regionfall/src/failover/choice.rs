//! Choice: where traffic goes.

use super::{Choice, Ranking};
use crate::topology::MemberId;

impl Choice {
    /// The member to use, of `order`, where `usable` tells which can be used; `None` if none can and
    /// the choice does not fail open.
    pub(super) fn pick(
        &self,
        order: &[MemberId],
        mut usable: impl FnMut(MemberId) -> bool,
    ) -> Option<MemberId> {
        // What ranks members by measurements or weights is a client's affair; others go by the order.
        let (Self::Priority { fail_open } | Self::Ranked(Ranking { fail_open, .. })) = self;
        let first_usable = order.iter().copied().find(|&member| usable(member));
        first_usable.or_else(|| order.first().copied().filter(|_| *fail_open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usable_in_order_is_used() {
        let order = [MemberId(2), MemberId(0), MemberId(1)];
        let closed = Choice::Priority { fail_open: false };
        assert_eq!(closed.pick(&order, |_| true), Some(MemberId(2)));
        assert_eq!(
            closed.pick(&order, |member| member != MemberId(2)),
            Some(MemberId(0))
        );
        assert_eq!(closed.pick(&order, |_| false), None);
        let open = Choice::Priority { fail_open: true };
        assert_eq!(open.pick(&order, |_| false), Some(MemberId(2)));
    }
}
