//! What must hold of a run, apart from any number: laws of the model, promises of a strategy, things
//! that happen eventually, and things that should happen sometimes.
//!
//! A check may look at everything and change nothing. It hears every fact, sees the members at rest, and
//! gives a [`Verdict`] with evidence. A broken *model law* means that Regionfall is wrong; a broken
//! promise, that a strategy or configuration does not keep what it claims.

mod book;
mod collected;
mod convergence;
mod copies;
mod digests;
mod dots;
mod duplicates;
mod elected;
mod exposure;
mod fenced;
mod home;
mod linearizable;
mod loss;
mod own;
mod recoverability;
mod served;
mod sessions;
mod single_writer;
mod sometimes;

use std::fmt;

use regionfall_kernel::{SimTime, TraceHash};

pub use book::{Book, Entry};
pub use collected::collected;
pub use convergence::Convergence;
pub use copies::Copies;
pub use digests::Digests;
pub use dots::Dots;
pub use duplicates::no_duplicates;
pub use elected::Elected;
pub use exposure::{DiskTimes, Exposure};
pub use fenced::Fenced;
pub use home::everyone_home;
pub use linearizable::Linearizable;
pub use loss::loss_within;
pub use own::{OnAccount, OwnCheck};
pub use recoverability::Recoverability;
pub use served::everyone_served;
pub use sessions::{Guarantee, SessionGuarantee};
pub use single_writer::single_writer;
pub use sometimes::{SOMETIMES, sometimes};

use crate::history::{Account, Fact, Listener, Quiescence};
use crate::topology::MemberId;

/// Most pieces of evidence that a verdict holds; the first ones tell most.
const EVIDENCE_MAX: usize = 8;

/// What kind of property a verdict is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum VerdictKind {
    /// Holds in every run, or Regionfall is wrong.
    ModelLaw,
    /// Holds if the strategy keeps what it claims.
    Promise,
    /// Comes to hold within a bound after the faults.
    Eventually,
    /// Should be seen in some run of a sweep; `held` says whether this run saw it.
    Sometimes,
}

/// Something that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// When.
    pub at: SimTime,
    /// What, in a sentence.
    pub text: String,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The name of the property.
    pub check: &'static str,
    /// What kind of property it is.
    pub kind: VerdictKind,
    /// Whether it held.
    pub held: bool,
    /// Why not; at most eight pieces.
    pub evidence: Vec<Evidence>,
}

/// A check that listens to the run.
pub trait Check: Listener {
    /// Sees the members at rest, after the last fact.
    fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        let _ = (at, quiescence);
    }

    /// What it found.
    fn verdict(&self) -> Verdict;

    /// What it found, for checks that also look at the books of the run.
    fn verdict_on(&self, account: &Account) -> Verdict {
        let _ = account;
        self.verdict()
    }
}

/// Evidence as it is gathered: bounded, and with the number of what was left out.
#[derive(Clone, Default, Debug)]
pub struct Findings {
    evidence: Vec<Evidence>,
    count: u64,
}

impl Findings {
    /// Adds something that should not be. The sentence is made only if it is kept.
    pub fn add(&mut self, at: SimTime, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push(Evidence { at, text: text() });
        }
    }

    /// The verdict: held if nothing was found.
    pub fn verdict(&self, check: &'static str, kind: VerdictKind) -> Verdict {
        Verdict {
            check,
            kind,
            held: self.count == 0,
            evidence: self.evidence.clone(),
        }
    }
}

impl Verdict {
    /// Absorbs the verdict.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb_str(self.check);
        hash.absorb2(u64::from(self.held), self.evidence.len() as u64);
        for evidence in &self.evidence {
            hash.absorb(evidence.at.as_nanos());
            hash.absorb_str(&evidence.text);
        }
    }
}

impl fmt::Display for Evidence {
    /// The moment in seconds, as stories have it, and what was seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.since_start().as_secs_f64();
        write!(f, "at {at:.3} s: {}", self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.check,
            if self.held { "held" } else { "broken" }
        )?;
        for evidence in &self.evidence {
            write!(f, "\n  {evidence}")?;
        }
        Ok(())
    }
}

/// The checks that every run has.
#[derive(Clone, Debug)]
pub struct StandardChecks {
    copies: Copies,
    dots: Dots,
    digests: Digests,
    convergence: Convergence,
    fenced: Fenced,
    elected: Elected,
    exposure: Option<Exposure>,
    asked: own::Asked,
}

impl StandardChecks {
    /// The checks of a run; by node, its member, and a number that those share who are expected to have the same in the end.
    pub fn new(members: &[MemberId], groups: &[u8]) -> Self {
        Self {
            copies: Copies::default(),
            dots: Dots::new(groups.len()),
            digests: Digests::default(),
            convergence: Convergence::new(groups),
            fenced: Fenced::new(members),
            elected: Elected::new(members),
            exposure: None,
            asked: own::Asked::default(),
        }
    }

    /// Adds a check that is asked for: a promise of the scenario, or one of the user's own.
    pub fn ask(&mut self, check: Box<dyn OwnCheck>) {
        self.asked.add(check);
    }

    /// The verdicts of checks that were asked for.
    pub fn asked(&self, account: &Account) -> Vec<Verdict> {
        self.asked.verdicts(account).collect()
    }

    /// Whether no epoch was won twice, if there was a promotion.
    pub fn elected(&self) -> Option<Verdict> {
        self.elected.verdict()
    }

    /// Adds the check of what crashes may end, where the database persists.
    pub fn watch_exposure(&mut self, exposure: Exposure) {
        self.exposure = Some(exposure);
    }

    /// Its verdict, with what the disks took, if there is such a check.
    pub fn exposure(&self, times: &[DiskTimes]) -> Option<Verdict> {
        let exposure = self.exposure.as_ref()?;
        Some(exposure.verdict(times))
    }

    /// Leaves a node out of what is expected to converge: a fault keeps it down for ever.
    pub fn leave_out(&mut self, node: crate::topology::NodeId) {
        self.convergence.leave_out(node);
    }

    /// Shows the members at rest.
    pub fn at_rest(&mut self, at: SimTime, quiescence: &Quiescence) {
        self.copies.at_rest(at, self.dots.book(), quiescence);
        self.digests.at_rest(at, quiescence);
        self.convergence.at_rest(at, quiescence);
        self.asked.at_rest(at, quiescence);
    }

    /// The verdicts of laws and of what happens eventually and sometimes; promises are asked for by
    /// whoever makes them.
    pub fn verdicts(&self, account: &Account) -> Vec<Verdict> {
        let mut verdicts = vec![
            self.copies.verdict(account),
            self.dots.verdict(),
            self.digests.verdict(),
            self.convergence.verdict(),
            everyone_served(account),
        ];
        verdicts.extend(sometimes(account));
        verdicts.extend(self.fenced.verdict());
        verdicts
    }
}

impl Listener for StandardChecks {
    #[expect(
        clippy::inline_always,
        reason = "at each place of call only the arm of that fact is left"
    )]
    #[inline(always)]
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        // The others only look at the members at rest.
        self.dots.observe(at, fact);
        self.convergence.observe(at, fact);
        self.fenced.observe(at, fact, self.dots.book());
        self.asked.observe(at, fact);
        self.elected.observe(at, fact);
        if let Some(exposure) = &mut self.exposure {
            // A copy, as everywhere where a fact is handed out of sight: the other listeners' stays in registers.
            let fact = *fact;
            exposure.observe(at, &fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pieces_of_evidence_are_kept_and_all_of_them_count() {
        let mut findings = Findings::default();
        assert!(findings.verdict("a law", VerdictKind::ModelLaw).held);
        for number in 1..=10 {
            findings.add(SimTime::from_nanos(number), || number.to_string());
        }
        let verdict = findings.verdict("a law", VerdictKind::ModelLaw);
        let texts: Vec<&str> = verdict.evidence.iter().map(|one| &*one.text).collect();
        assert_eq!(texts, ["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert!(!verdict.held && findings.count == 10);
    }

    #[test]
    fn a_verdict_is_told_with_its_evidence_and_hashed_with_it() {
        let mut findings = Findings::default();
        let held = findings.verdict("a law", VerdictKind::ModelLaw);
        assert_eq!(held.to_string(), "a law: held");
        findings.add(SimTime::from_nanos(1_250_000_000), || "it broke".to_owned());
        let broken = findings.verdict("a law", VerdictKind::ModelLaw);
        assert_eq!(broken.to_string(), "a law: broken\n  at 1.250 s: it broke");
        let hash = |verdict: &Verdict| {
            let mut hash = TraceHash::default();
            verdict.hash_into(&mut hash);
            hash.finish()
        };
        let mut other = broken.clone();
        other.evidence[0].text.push('!');
        let hashes = [
            hash(&held),
            hash(&broken),
            hash(&other),
            TraceHash::default().finish(),
        ];
        let distinct: std::collections::BTreeSet<u64> = hashes.into_iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }
}
