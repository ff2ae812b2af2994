//! When a key expires: what its writes and deletions say of it.

use super::mixed::Mixed;
use super::{Entry, Holding};
use crate::collection::{Collection, Counterpart};
use crate::expiry::{Claim, Expiry};
use crate::{Effect, TtlChange};

impl Mixed {
    /// Tells the expiry of a write or deletion of the whole key, which is not yet covered.
    pub(super) fn reset_expiry(&mut self, effect: &Effect, is_write: bool, ttl: TtlChange) {
        if ttl != TtlChange::Clear {
            self.expiry_mut();
        }
        let Some(expiry) = self
            .extra
            .as_mut()
            .and_then(|extra| extra.expiry.as_deref_mut())
        else {
            return;
        };
        let (deadline, owner) = match ttl {
            _ if !is_write => return expiry.reset(&effect.context),
            TtlChange::Keep => return,
            TtlChange::Clear => (None, 0),
            TtlChange::Set { deadline, owner } => (Some(deadline), owner),
        };
        let claim = Claim {
            dot: effect.dot,
            deadline,
            owner,
        };
        expiry.claim(claim, &effect.context);
    }

    /// The expiry, one that knows the writes so far if there was none.
    pub(super) fn expiry_mut(&mut self) -> &mut Expiry {
        let extra = self.extra.get_or_insert_default();
        extra.expiry.get_or_insert_with(|| {
            let claims = self.register.written().map(|dot| Claim {
                dot,
                deadline: None,
                owner: 0,
            });
            Box::new(Expiry::new(self.covered.clone(), claims))
        })
    }

    /// Joins what two replicas hold of the expiry.
    pub(super) fn merge_expiry(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        let has_any = |entry: &Self| {
            entry
                .extra
                .as_ref()
                .is_some_and(|extra| extra.expiry.is_some())
        };
        if has_any(self) || has_any(other) {
            let mut theirs = other.clone();
            let theirs = theirs.expiry_mut();
            self.expiry_mut().merge(theirs, counterpart);
        }
    }
}

impl Entry {
    /// When the key expires, and which instance owns the expiry.
    pub(crate) fn deadline(&self) -> Option<(u64, u16)> {
        let Holding::Mixed(mixed) = &self.holding else {
            return None;
        };
        let winner = mixed.extra.as_ref()?.expiry.as_ref()?.winner()?;
        Some((winner.deadline?, winner.owner))
    }

    /// Whether the key has expired at `millis`.
    pub(crate) fn is_due(&self, millis: u64) -> bool {
        self.deadline()
            .is_some_and(|(deadline, _)| deadline <= millis)
    }

    /// Whether the key, or a field of it, may have expired at `millis`: says so without making up what the key shows.
    pub(crate) fn may_be_due(&self, millis: u64) -> bool {
        self.may_have_fields() || self.is_due(millis)
    }

    /// Whether there is a hash under the key, shown or not.
    pub(crate) fn may_have_fields(&self) -> bool {
        let is_hash = |one: &Collection| matches!(one, Collection::Hash(_));
        self.collections().iter().any(is_hash)
    }
}
