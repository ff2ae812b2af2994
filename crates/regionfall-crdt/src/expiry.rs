//! When a key, or a field of a hash, expires: the longest time to live wins, and none is the longest.
//!
//! Concurrent changes of a TTL keep the longest, and PERSIST counts as infinite. The replica whose value won owns the
//! expiry: it alone expires the key of its own accord, and tells the others by deleting it (Redis Active-Active
//! documentation, developing applications: expiry). What the sources leave open: a SET without a TTL claims infinity,
//! as PERSIST does, so that a concurrent EXPIRE of the old value does not take the new one; a deletion takes the claims
//! that it had observed; equal deadlines are owned by the smaller origin.
//!
//! As with strings, claims are compared only if neither had observed the other: the later one of two that know of each
//! other stands, even if it is shorter.

use std::cmp::Reverse;

use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::{Dot, OriginId};

/// Bytes of a claim in memory; see [`Replica::bytes`](crate::Replica::bytes).
const CLAIM_BYTES: usize = 20;
const CLOCK_BYTES: usize = 10;

/// The greatest moment of expiry, in milliseconds (Redis Active-Active documentation, developing applications: expiry
/// values range from 0 to 2⁴⁹).
pub(crate) const LATEST_DEADLINE: u64 = 1 << 49;

/// What one operation says of the expiry.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Claim {
    pub(crate) dot: Dot,
    /// Milliseconds of the wall clock; `None` is never.
    pub(crate) deadline: Option<u64>,
    /// The instance that expires the key.
    pub(crate) owner: u16,
}

impl Claim {
    /// That nothing expires: what a plain write says.
    pub(crate) fn never(dot: Dot) -> Self {
        Self {
            dot,
            deadline: None,
            owner: 0,
        }
    }

    fn rank(&self) -> (bool, u64, Reverse<OriginId>) {
        let deadline = self.deadline.unwrap_or(0);
        (self.deadline.is_none(), deadline, Reverse(self.dot.origin))
    }
}

/// The claims that no other had observed.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Expiry {
    /// What the claims and deletions so far had observed.
    covered: Clock,
    /// By falling rank: the first prevails.
    claims: Vec<Claim>,
}

impl Expiry {
    /// With the claims of what was there before the first expiry.
    pub(crate) fn new(covered: Clock, claims: impl Iterator<Item = Claim>) -> Self {
        let mut expiry = Self {
            covered,
            claims: claims.collect(),
        };
        expiry.settle();
        expiry
    }

    /// Takes a claim in that had observed `context`.
    pub(crate) fn claim(&mut self, claim: Claim, context: &Clock) {
        self.covered.join(context);
        self.claims.push(claim);
        self.settle();
    }

    /// Takes a deletion in.
    pub(crate) fn reset(&mut self, context: &Clock) {
        self.covered.join(context);
        self.settle();
    }

    /// The claim that prevails.
    pub(crate) fn winner(&self) -> Option<&Claim> {
        self.claims.first()
    }

    /// The moment of expiry, if there is one.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.winner()?.deadline
    }

    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        let holds =
            |claims: &[Claim], dot: Dot| -> bool { claims.iter().any(|claim| claim.dot == dot) };
        self.claims.retain(|claim| {
            !counterpart.other_clock.covers(claim.dot) || holds(&other.claims, claim.dot)
        });
        for claim in &other.claims {
            if !counterpart.own_clock.covers(claim.dot) {
                self.claims.push(claim.clone());
            }
        }
        self.covered.join(&other.covered);
        self.settle();
    }

    /// Whether it can be forgotten once everyone has observed what `stable` covers: nothing expires, and every claim to
    /// come had observed those that are here.
    pub(crate) fn is_idle(&self, stable: &Clock) -> bool {
        self.deadline().is_none() && self.is_within(stable)
    }

    /// Whether everyone has observed all that was said of the expiry, so that whatever creates the key or field anew replaces it.
    pub(crate) fn is_within(&self, stable: &Clock) -> bool {
        stable.dominates(&self.covered) && self.claims.iter().all(|claim| stable.covers(claim.dot))
    }

    pub(crate) fn bytes(&self) -> usize {
        CLAIM_BYTES * self.claims.len() + CLOCK_BYTES * self.covered.len()
    }

    fn settle(&mut self) {
        let covered = &self.covered;
        self.claims.retain(|claim| !covered.covers(claim.dot));
        self.claims.sort_by_key(|claim| Reverse(claim.rank()));
    }
}
