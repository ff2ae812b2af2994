//! Conflict cases: questions to the data types in a file of their own, and their answers.
//!
//! A case is a handful of commands on a few replicas, with exchanges between them in between, and what
//! each replica must then answer. [`CaseFile`] is what a file says, [`Case::run`] asks its question, and
//! a [`CaseOutcome`] tells line by line what was expected and what was got.
//!
//! No network and no faults here: an exchange happens where the case says so, and is over at once.
//!
//! ```
//! use regionfall::conflict::{CaseFile, Verdict};
//!
//! let file = CaseFile::from_toml(r#"
//!     [[case]]
//!     id = "two-writers"
//!     replicas = 2
//!     steps = [
//!       { at = "t1", replica = 1, cmd = ["SET", "text", "a"] },
//!       { at = "t2", replica = 2, cmd = ["SET", "text", "b"] },
//!       { at = "t3", sync = "all" },
//!     ]
//!     expect = [{ at = "t4", replica = "all", cmd = ["GET", "text"], result = "b" }]
//! "#)?;
//! assert_eq!(file.cases[0].run().verdict(), Verdict::Passed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod compare;
mod decoded;
mod error;
mod group;
mod model;
mod read;
mod run;

pub use answer::Answer;
pub use compare::Compare;
pub use error::CaseFileError;
pub use model::{
    Action, Basis, Case, CaseFile, Config, EffectExpectation, Expectation, Label, Literal, Step,
    Wanted, Who,
};
pub use run::{CaseOutcome, Line, Verdict};
