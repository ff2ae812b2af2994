//! The specification of each type, and histories judged by it.
//!
//! What a key shows is a function of the operations that are seen, each with what it came after, its wall
//! clock and its replica. The functions here are as slow and as plain as can be: no state is kept, the
//! operations are looked through from the start each time. They are written from the documentation, and
//! share nothing with the implementation but the spelling of commands.
//!
//! Any failure prints the history as a case that `regionfall crdt` runs.

#![expect(
    clippy::unwrap_used,
    reason = "the commands of histories are written by the tests themselves"
)]

use std::fmt;

use proptest::test_runner::Config;
use regionfall_crdt::{KeyNames, Replica, Settings};

use answer::{Answer, Expected};
use past::{Name, Past, Seen};
use story::Told;

mod answer;
mod laws;
mod past;
mod run;
mod story;

mod counter;
mod expiry;
mod field_expiry;
mod hash;
mod hyperloglog;
mod json;
mod list;
mod set;
mod sorted_set;
mod stream;
mod string;

/// What the wall clock says when a history begins, in milliseconds.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// The specification of one type.
pub(crate) trait Rules: Sized + Clone + 'static {
    /// What an operation does.
    type What: Clone + fmt::Debug;
    /// What is remembered between looks at real replicas, for rules that are no function of a history.
    type Watch: Default;

    /// The keys that histories use.
    const KEYS: &'static [&'static str];
    /// Whether commands alone tell what happens, without their outcome on real replicas.
    const IS_TOLD_BY_COMMANDS: bool = true;

    /// Whether nothing is left of deletions in the end, whenever they were collected. A key that counts
    /// again keeps what its deletion came after, if the collector came by late.
    const LEAVES_NOTHING: bool = true;

    /// Settings that the type depends on.
    fn settings() -> Settings {
        run::default_settings()
    }

    /// Takes a command in where `seen` is seen: adds what it does to the past, and says what it answers,
    /// if that is for the specification to say.
    fn interpret(
        past: &mut Past<Self::What>,
        seen: &Seen,
        name: Name,
        words: &[String],
        at: u64,
    ) -> Option<Answer>;

    /// The reads that tell all of a key, with what they must answer.
    fn reads(past: &Past<Self::What>, seen: &Seen, key: &str) -> Vec<Expected>;

    /// Looks at what a command did, and adds to the past what only its outcome tells.
    fn executed(watch: &mut Self::Watch, told: &mut Told<Self>, moment: &mut Moment<'_>) {
        let _ = (watch, told, moment);
    }

    /// Looks at a replica after each step.
    fn watched(watch: &mut Self::Watch, replica: &Replica, names: &mut KeyNames) {
        let _ = (watch, replica, names);
    }

    /// Looks back at the end.
    fn finished(watch: &Self::Watch) {
        let _ = watch;
    }
}

/// A command that was executed.
pub(crate) struct Moment<'m> {
    pub(crate) name: Name,
    pub(crate) words: &'m [String],
    pub(crate) at: u64,
    pub(crate) reply: Answer,
    /// The replica before it, and after.
    pub(crate) before: &'m Replica,
    pub(crate) after: &'m Replica,
    pub(crate) names: &'m mut KeyNames,
}

/// How many cases each property tries: `CRDT_CASES`, or 256.
#[expect(
    clippy::disallowed_methods,
    reason = "a campaign sets the number of cases from outside"
)]
pub(crate) fn config() -> Config {
    let cases = std::env::var("CRDT_CASES").ok();
    let cases = cases.map_or(256, |cases| cases.parse().unwrap());
    Config {
        cases,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    }
}

/// What a read answers, spelt as its words.
pub(crate) fn read(replica: &Replica, words: &str, names: &mut KeyNames) -> Answer {
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    Answer::from(&run::ask(replica, &words, names))
}

/// A list of words from texts and things that have texts.
macro_rules! words {
    ($($word:expr),* $(,)?) => { vec![$($word.to_string()),*] };
}
pub(crate) use words;

/// The properties of a type: its rules, its commands, and how long histories are.
macro_rules! properties {
    ($rules:ty, $words:expr, $length:expr) => {
        proptest::proptest! {
            #![proptest_config(crate::specification::config())]

            #[test]
            fn histories_meet_the_specification(
                story in crate::specification::story::stories::<$rules>($words, $length, false),
            ) {
                crate::specification::laws::all_hold(&story);
            }

            #[test]
            fn collection_is_invisible(
                story in crate::specification::story::stories::<$rules>($words, $length, true),
            ) {
                crate::specification::laws::collection_is_invisible(&story);
            }
        }
    };
}
pub(crate) use properties;
