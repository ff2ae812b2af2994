//! Why a run with real client code came to nothing.

use regionfall::simulation::PickError;
use regionfall::topology::ServerId;
use regionfall_kernel::Seed;

use crate::guarantee::Guarantee;
use crate::transcript::Difference;

/// Why a run with real client code came to nothing.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum LaneError {
    /// The run cannot be picked.
    #[error(transparent)]
    Pick(#[from] PickError),
    /// No fleet has this name.
    #[error("no fleet named {got:?}; there are {known:?}")]
    UnknownFleet {
        /// The name that was asked for.
        got: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Tokio's runtime could not be built.
    #[error("tokio's runtime could not be built: {0}")]
    Runtime(String),
    /// The code of an app server panicked.
    #[error("the code of {server} panicked at {at_s:.3} s with seed {seed}: {message}")]
    Panicked {
        /// Whose code.
        server: ServerId,
        /// When, in seconds.
        at_s: f64,
        /// The seed of the run.
        seed: Seed,
        /// What it said.
        message: String,
    },
    /// Code went on after the workload had stopped.
    #[error(
        "the code of {servers:?} had not ended {after_s} s after the workload stopped, with seed {seed}: end it when \
         `Workload::next` returns `None` or `is_workload_on` says no"
    )]
    NeverEnded {
        /// Whose code.
        servers: Vec<ServerId>,
        /// How long it was waited for, in seconds.
        after_s: f64,
        /// The seed of the run.
        seed: Seed,
    },
    /// Code went on without letting time pass.
    #[error(
        "the code of {server} was polled {polls} times while no time passed, at {at_s:.3} s with seed {seed}: it waits for nothing"
    )]
    Spins {
        /// Whose code.
        server: ServerId,
        /// How often it was polled.
        polls: u64,
        /// When, in seconds.
        at_s: f64,
        /// The seed of the run.
        seed: Seed,
    },
    /// A test panicked.
    #[error("the test panicked at {at_s:.3} s with seed {seed}: {message}")]
    TestPanicked {
        /// When, in seconds.
        at_s: f64,
        /// The seed of the run.
        seed: Seed,
        /// What it said.
        message: String,
    },
    /// A test went on after the run.
    #[error("the test had not ended when the run was over, with seed {seed}")]
    TestNeverEnded {
        /// The seed of the run.
        seed: Seed,
    },
    /// A test went on without letting time pass.
    #[error(
        "the test was polled {polls} times while no time passed, at {at_s:.3} s with seed {seed}: it waits for nothing"
    )]
    TestSpins {
        /// How often it was polled.
        polls: u64,
        /// When, in seconds.
        at_s: f64,
        /// The seed of the run.
        seed: Seed,
    },
    /// Code turned to the world again and again without letting time pass.
    #[error(
        "client code turned to the world {touches} times while no time passed, at {at_s:.3} s with seed {seed}: it tries again \
         without waiting"
    )]
    Busy {
        /// How often it did.
        touches: u64,
        /// When, in seconds.
        at_s: f64,
        /// The seed of the run.
        seed: Seed,
    },
    /// The run took more events than the scenario allows.
    #[error("the run took {events} events, more than `event_budget`, with seed {seed}")]
    OutOfBudget {
        /// How many it took.
        events: u64,
        /// The seed of the run.
        seed: Seed,
    },
    /// Somebody moved tokio's clock by hand.
    #[error(
        "the client side was {late_ms:.3} ms behind the world, more than the 1 ms of tokio's timers, with seed {seed}: \
         leave `tokio::time::advance` and `resume` alone"
    )]
    ClockMoved {
        /// By how much, in milliseconds.
        late_ms: f64,
        /// The seed of the run.
        seed: Seed,
    },
    /// Two runs of one seed differ.
    #[error(
        "two runs of seed {seed} differ: {difference}\n{}",
        Guarantee::of_this_build()
    )]
    Differs {
        /// The seed of the runs.
        seed: Seed,
        /// Where.
        difference: Difference,
    },
    /// Two runs of one seed have the same bytes and different traces.
    #[error(
        "two runs of seed {seed} have traces {first} and {second}, though every byte is the same\n{}",
        Guarantee::of_this_build()
    )]
    TraceDiffers {
        /// The seed of the runs.
        seed: Seed,
        /// The hash of the first.
        first: String,
        /// The hash of the second.
        second: String,
    },
}
