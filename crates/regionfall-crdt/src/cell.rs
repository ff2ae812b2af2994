//! A cell: a small register with what was written there, in the place of a field, a member or an element.
//!
//! Writes replace what they had observed of it, removals take away what they had observed, and increments add up. A cell exists
//! while anything is left in it, so that an addition or update wins over a removal that had not observed it (observed remove:
//! Redis Active-Active documentation, data types: hashes, sorted sets, lists). Of concurrent writes the latest prevails, and
//! then the smaller origin.
//!
//! What writes and removals of a cell had observed is kept until everyone has observed it, also where nothing else is
//! left: effects of different origins may overtake each other, and what was replaced stays replaced where it arrives
//! later.

use std::cmp::Reverse;

use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::expiry::{Claim, Expiry};
use crate::stored::Stored;
use crate::tally::{Amount, Tally};
use crate::{Dot, Effect, OriginId, Timestamp};

/// Bytes of a write in memory beside its value, and of an entry of the clock; see [`Replica::bytes`](crate::Replica::bytes).
const WRITE_BYTES: usize = 18;
const CLOCK_BYTES: usize = 10;

/// What is written to a cell.
pub(crate) trait CellValue: Clone + PartialEq + std::fmt::Debug + Stored {
    /// What can be added to it.
    type Amount: Amount;
    /// Whether the later of two concurrent writes prevails; otherwise the smaller origin does at once.
    const IS_TIMED: bool = true;
    fn bytes(&self) -> usize;
}

/// A write that is visible.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct CellWrite<V> {
    dot: Dot,
    at: Timestamp,
    value: V,
}

/// What is left in one place.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
pub(crate) struct Cell<V: CellValue> {
    /// What the writes and removals so far had observed.
    covered: Clock,
    /// The write that prevails.
    write: Option<CellWrite<V>>,
    /// `None` if there is nothing in it.
    extra: Option<Box<Extra<V>>>,
}

/// What a cell that was only ever written, and by one after the other, does not have.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = ""))]
struct Extra<V: CellValue> {
    /// The writes concurrent with the one that prevails, by falling rank.
    losers: Vec<CellWrite<V>>,
    tally: Tally<V::Amount>,
    expiry: Option<Expiry>,
}

impl<V: CellValue> CellWrite<V> {
    /// The greatest prevails.
    fn rank(&self) -> (Option<Timestamp>, Reverse<OriginId>) {
        (V::IS_TIMED.then_some(self.at), Reverse(self.dot.origin))
    }
}

impl<V: CellValue> Extra<V> {
    fn new() -> Self {
        Self {
            losers: Vec::new(),
            tally: Tally::default(),
            expiry: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.losers.is_empty() && self.tally.is_empty() && self.expiry.is_none()
    }
}

impl<V: CellValue> Cell<V> {
    /// Bytes in memory beside what it holds; see [`Replica::bytes`](crate::Replica::bytes).
    pub(crate) const BYTES: usize = 40;

    pub(crate) fn new() -> Self {
        Self {
            covered: Clock::new(),
            write: None,
            extra: None,
        }
    }

    /// The write that prevails.
    pub(crate) fn value(&self) -> Option<&V> {
        self.write.as_ref().map(|write| &write.value)
    }

    /// All writes that nobody replaced.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.writes().map(|write| &write.value)
    }

    fn writes(&self) -> impl Iterator<Item = &CellWrite<V>> {
        let losers = self.extra.iter().flat_map(|extra| &extra.losers);
        self.write.iter().chain(losers)
    }

    /// The sum of the increments, if there are any.
    pub(crate) fn sum(&self) -> Option<V::Amount> {
        self.extra.as_ref()?.tally.sum()
    }

    fn expiry(&self) -> Option<&Expiry> {
        self.extra.as_ref()?.expiry.as_ref()
    }

    /// When it expires, and which instance owns the expiry.
    pub(crate) fn deadline(&self) -> Option<(u64, u16)> {
        let winner = self.expiry()?.winner()?;
        Some((winner.deadline?, winner.owner))
    }

    /// When it expires, if anything is left in it that could.
    pub(crate) fn mortality(&self) -> Option<u64> {
        let (deadline, _) = self.deadline()?;
        (!self.is_empty()).then_some(deadline)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.write.is_none()
            && self
                .extra
                .as_ref()
                .is_none_or(|extra| extra.tally.is_empty())
    }

    /// Whether something is kept that can be collected, although something is left.
    pub(crate) fn is_untidy(&self) -> bool {
        let Some(extra) = &self.extra else {
            return false;
        };
        !self.is_empty()
            && (extra.tally.is_scattered()
                || (self.write.is_none() && !self.covered.is_empty())
                || extra
                    .expiry
                    .as_ref()
                    .is_some_and(|expiry| expiry.deadline().is_none()))
    }

    pub(crate) fn collect(&mut self, stable: &Clock) {
        if let Some(extra) = &mut self.extra {
            extra.tally.collect(stable);
            extra.expiry.take_if(|expiry| expiry.is_idle(stable));
        }
        if self.write.is_none() && stable.dominates(&self.covered) {
            self.covered = Clock::new();
        }
        self.tidy();
    }

    /// Drops what was said of the expiry where nothing is left, as far as everyone has observed it. For whoever knows that everyone
    /// has observed all resets of the whole key: where one is not known yet, what it took is still there, and an increment from there
    /// goes on under the same expiry.
    pub(crate) fn forget_claims(&mut self, stable: &Clock) {
        let is_dead = self.is_empty();
        if let Some(extra) = &mut self.extra {
            extra
                .expiry
                .take_if(|expiry| is_dead && expiry.is_within(stable));
        }
        self.tidy();
    }

    /// Takes a write in. `covered` is what the visible resets of the whole key had observed.
    pub(crate) fn write(&mut self, value: V, effect: &Effect, covered: &Clock) {
        if let Some(expiry) = self.expiry_if_any() {
            expiry.claim(Claim::never(effect.dot), &effect.context);
        }
        self.covered.join(&effect.context);
        let (dot, at) = (effect.dot, effect.at);
        let own = &self.covered;
        self.write.take_if(|write| own.covers(write.dot));
        self.admit(CellWrite { dot, at, value });
        self.settle(covered);
    }

    /// Takes an increment in.
    pub(crate) fn add(&mut self, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.extra_mut().tally.add(effect.dot, amount);
        self.settle(covered);
    }

    /// Takes an increment in that found nothing here where it was executed: whatever its origin had observed of this place was
    /// gone, and what was said of its expiry with it. Members may have forgotten that by then, each at a time of its own, so
    /// the increment has to say it.
    pub(crate) fn begin(&mut self, amount: V::Amount, effect: &Effect, covered: &Clock) {
        self.covered.join(&effect.context);
        if let Some(extra) = &mut self.extra
            && let Some(expiry) = &mut extra.expiry
        {
            expiry.reset(&self.covered);
        }
        self.add(amount, effect, covered);
    }

    /// Takes a removal in.
    pub(crate) fn remove(&mut self, effect: &Effect) {
        self.covered.join(&effect.context);
        // The removal's own dot: the tombstone may go once everyone has seen the removal.
        self.covered.extend_to(effect.dot);
        if let Some(extra) = &mut self.extra
            && let Some(expiry) = &mut extra.expiry
        {
            expiry.reset(&self.covered);
        }
        self.settle(&Clock::new());
    }

    /// Takes a change of the expiry in.
    pub(crate) fn expire(
        &mut self,
        (deadline, owner): (Option<u64>, u16),
        effect: &Effect,
        covered: &Clock,
    ) {
        let claim = Claim {
            dot: effect.dot,
            deadline,
            owner,
        };
        let expiry = self.expiry_mut();
        expiry.claim(claim, &effect.context);
        expiry.reset(covered);
    }

    /// Takes a reset of the whole key in.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        if let Some(expiry) = self.expiry_if_any() {
            expiry.reset(covered);
        }
        self.settle(covered);
    }

    /// Whether not even what emptied it must be remembered.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.is_empty() && self.expiry().is_none() && self.covered.is_empty()
    }

    fn expiry_if_any(&mut self) -> Option<&mut Expiry> {
        self.extra.as_mut()?.expiry.as_mut()
    }

    /// Puts a write beside those that are here; [`Cell::settle`] brings them into order.
    fn admit(&mut self, write: CellWrite<V>) {
        if self.write.is_none() {
            self.write = Some(write);
        } else {
            self.extra_mut().losers.push(write);
        }
    }

    fn settle(&mut self, covered: &Clock) {
        let own = &self.covered;
        let is_gone = |write: &mut CellWrite<V>| own.covers(write.dot) || covered.covers(write.dot);
        let Some(extra) = &mut self.extra else {
            self.write.take_if(is_gone);
            return;
        };
        if extra.losers.is_empty() {
            self.write.take_if(is_gone);
        } else {
            extra.losers.extend(self.write.take());
            extra.losers.retain_mut(|write| !is_gone(write));
            extra.losers.sort_by_key(|write| Reverse(write.rank()));
            if !extra.losers.is_empty() {
                self.write = Some(extra.losers.remove(0));
            }
        }
        extra.tally.reset(own);
        extra.tally.reset(covered);
        self.tidy();
    }

    fn tidy(&mut self) {
        self.extra.take_if(|extra| extra.is_empty());
    }

    fn extra_mut(&mut self) -> &mut Extra<V> {
        self.extra.get_or_insert_with(|| Box::new(Extra::new()))
    }

    fn expiry_mut(&mut self) -> &mut Expiry {
        let claims: Vec<Claim> = match self.expiry() {
            Some(_) => Vec::new(),
            None => self.writes().map(|write| Claim::never(write.dot)).collect(),
        };
        let covered = self.covered.clone();
        self.extra_mut()
            .expiry
            .get_or_insert_with(|| Expiry::new(covered, claims.into_iter()))
    }

    pub(crate) fn smallest_origin(&self) -> Option<OriginId> {
        let written = self.writes().map(|write| write.dot.origin);
        let extra = self.extra.iter();
        let added = extra.filter_map(|extra| extra.tally.smallest_origin());
        written.chain(added).min()
    }

    pub(crate) fn bytes(&self) -> usize {
        let writes = self.writes().map(|write| WRITE_BYTES + write.value.bytes());
        let extra = self.extra.as_ref().map_or(0, |extra| {
            extra.tally.bytes() + extra.expiry.as_ref().map_or(0, Expiry::bytes)
        });
        Self::BYTES + CLOCK_BYTES * self.covered.len() + writes.sum::<usize>() + extra
    }

    /// Whether both are the same single write, told by its dot, and know of the same removals.
    #[inline]
    pub(crate) fn is_settled_with(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (&self.write, &other.write) else {
            return false;
        };
        own.dot == theirs.dot
            && self.extra.is_none()
            && other.extra.is_none()
            && self.covered == other.covered
    }

    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        if self != other {
            self.merge_other(other, counterpart);
        }
        self.reset(covered);
    }

    fn merge_other(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        if self.expiry().is_some() || other.expiry().is_some() {
            let mut theirs = other.clone();
            let theirs = theirs.expiry_mut();
            self.expiry_mut().merge(theirs, counterpart);
        }
        // What one holds and the other does not, though its clock covers it, was replaced or removed there.
        let is_gone = |write: &CellWrite<V>| {
            counterpart.other_clock.covers(write.dot)
                && !other.writes().any(|theirs| theirs.dot == write.dot)
        };
        if let Some(extra) = &mut self.extra {
            extra.losers.retain(|write| !is_gone(write));
        }
        self.write.take_if(|write| is_gone(write));
        for write in other.writes() {
            if !counterpart.own_clock.covers(write.dot) {
                self.admit(write.clone());
            }
        }
        let nothing = Tally::default();
        let theirs = other.extra.as_ref().map_or(&nothing, |extra| &extra.tally);
        if let Some(extra) = &mut self.extra {
            extra.tally.merge(theirs, counterpart);
        } else if !theirs.is_empty() {
            self.extra_mut().tally.merge(theirs, counterpart);
        }
        self.covered.join(&other.covered);
    }
}
