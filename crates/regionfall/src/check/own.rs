//! Checks that are asked for: promises of a scenario, and checks of users.
//!
//! A check of your own is a type with a state: it implements [`Listener`], [`Check`], `Clone` and `Debug`, and is given to
//! [`Simulation::check`](crate::simulation::Simulation::check). It may look at everything and change nothing.

use std::fmt;

use regionfall_kernel::SimTime;

use super::{Check, Verdict};
use crate::history::{Account, Fact, Listener, Quiescence};

/// A check that can be asked for: implemented for every [`Check`] that can be copied and shown.
pub trait OwnCheck: Check + fmt::Debug + Send + Sync {
    /// A copy with the same state: worlds are cloned with all who listen.
    fn boxed_clone(&self) -> Box<dyn OwnCheck>;
}

impl<C: Check + fmt::Debug + Clone + Send + Sync + 'static> OwnCheck for C {
    fn boxed_clone(&self) -> Box<dyn OwnCheck> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn OwnCheck> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// All that were asked for. A run that asks for none pays for one look at an empty list.
#[derive(Clone, Default, Debug)]
pub(super) struct Asked(Vec<Box<dyn OwnCheck>>);

impl Asked {
    pub(super) fn add(&mut self, check: Box<dyn OwnCheck>) {
        self.0.push(check);
    }

    #[expect(
        clippy::inline_always,
        reason = "the look at an empty list is all that most runs pay"
    )]
    #[inline(always)]
    pub(super) fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if !self.0.is_empty() {
            let fact = *fact;
            self.tell(at, &fact);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&mut self, at: SimTime, fact: &Fact<'_>) {
        for check in &mut self.0 {
            check.observe(at, fact);
        }
    }

    pub(super) fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        for check in &mut self.0 {
            check.at_rest(at, quiescence);
        }
    }

    pub(super) fn verdicts(&self, account: &Account) -> impl Iterator<Item = Verdict> {
        self.0.iter().map(|check| check.verdict_on(account))
    }
}

/// A promise that is read off the books when the run is over.
#[derive(Clone, Copy, Debug)]
pub struct OnAccount(
    /// What is asked of the books.
    pub fn(&Account) -> Verdict,
);

impl Listener for OnAccount {
    fn observe(&mut self, _at: SimTime, _fact: &Fact<'_>) {}
}

impl Check for OnAccount {
    fn verdict(&self) -> Verdict {
        unreachable!("a promise on the books is asked with the books")
    }

    fn verdict_on(&self, account: &Account) -> Verdict {
        (self.0)(account)
    }
}
