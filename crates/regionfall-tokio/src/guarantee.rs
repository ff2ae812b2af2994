//! What a build promises about repeating itself, in words that can be printed.

use core::fmt;

/// What a build promises: equal traces for equal seeds, in this and other processes, as long as the code keeps to what its
/// level asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Guarantee {
    /// Stable Rust without flags.
    Stable,
    /// With `--cfg tokio_unstable`: tokio's own random choices follow the seed, too.
    TokioUnstable,
}

impl Guarantee {
    /// The level of this build.
    pub const fn of_this_build() -> Self {
        if cfg!(tokio_unstable) {
            Self::TokioUnstable
        } else {
            Self::Stable
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stable => {
                "level stable: equal seeds give equal runs if the code takes time from tokio, randomness from \
                 `AppServer::draw`, and has no `select!` without `biased`, no threads, no clock of the standard library, \
                 no order of hash maps"
            }
            Self::TokioUnstable => {
                "level tokio_unstable: equal seeds give equal runs if the code takes time from tokio, randomness from \
                 `AppServer::draw`, and has no threads, no clock of the standard library, no order of hash maps; \
                 `select!` may do without `biased`"
            }
        })
    }
}
