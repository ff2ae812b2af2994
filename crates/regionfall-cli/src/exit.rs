//! How a command ends: the exit codes, in one place.

/// How a command ended. Scripts rely on the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything held, or there was nothing to hold.
    Held = 0,
    /// Regionfall itself failed.
    Internal = 1,
    /// Arguments, a file or a scenario are wrong, or the output cannot be written.
    BadInput = 2,
    /// A law of the model is broken, or a promise of a strategy that counts.
    Safety = 10,
    /// Members did not converge, or somebody was not served again in time.
    Liveness = 11,
    /// An objective is missed, or a regression is beyond its limit.
    Objective = 12,
    /// Something that was expected to happen sometimes never did.
    NeverHappened = 13,
    /// The same run gave another result.
    NotDeterministic = 14,
    /// The user stopped it.
    Interrupted = 130,
}

impl Exit {
    /// The ending that counts of two: internal errors, then bad input, then missing determinism, then
    /// the smallest of the findings; an interruption counts more than a finding, since what was found
    /// so far is not all.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        if self.rank() <= other.rank() {
            self
        } else {
            other
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Internal => 0,
            Self::BadInput => 1,
            Self::NotDeterministic => 2,
            Self::Interrupted => 3,
            Self::Safety => 4,
            Self::Liveness => 5,
            Self::Objective => 6,
            Self::NeverHappened => 7,
            Self::Held => 8,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The table of exit codes, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
    0  everything held
    1  internal error
    2  bad input
   10  safety: a law of the model or a promise of a strategy is broken
   11  no convergence, or somebody was not served again
   12  an objective is missed, or a regression is beyond its limit
   13  something expected to happen sometimes never did
   14  not deterministic
  130  interrupted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_ending_counts() {
        use Exit::{
            BadInput, Held, Internal, Interrupted, Liveness, NeverHappened, NotDeterministic,
            Objective, Safety,
        };
        let in_order = [
            Internal,
            BadInput,
            NotDeterministic,
            Interrupted,
            Safety,
            Liveness,
            Objective,
            NeverHappened,
            Held,
        ];
        for (index, worse) in in_order.iter().enumerate() {
            for better in &in_order[index..] {
                assert_eq!(worse.and(*better), *worse);
                assert_eq!(better.and(*worse), *worse);
            }
            let code = format!("{:>5}  ", *worse as u8);
            assert!(HELP.contains(&code), "{code}");
        }
    }
}
