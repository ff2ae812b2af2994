//! What tests of a scenario file expect of it: promises beyond the laws, what must be seen sometimes, what must fail, and, of
//! a failure that was saved, the run that repeats it.
//!
//! None of it changes what happens in a run; promises are judged, and their verdicts enter its hash.

/// `[expect]` and `[replay]`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Expect {
    /// What must be seen in some run of a sweep: names of [`SOMETIMES`](crate::check::SOMETIMES).
    pub sometimes: Vec<String>,
    /// What the configuration or the strategy promises, and is held to.
    pub promises: Vec<Promised>,
    /// What is known to fail, and must.
    pub fails: Vec<KnownFailure>,
    /// The one run that the file is about, where it is a saved failure.
    pub replay: Option<Replay>,
}

/// A failure that a story is about, such as the objective that its bad strategy misses. Where it says nothing of variant,
/// case or strategy it speaks of all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownFailure {
    /// The name of the variant.
    pub variant: Option<String>,
    /// The name of the case.
    pub case: Option<String>,
    /// The name of the strategy.
    pub strategy: Option<String>,
    /// What is said of it: the whole of it or a part, as `rto_p99` or `touched nothing`.
    pub what: String,
}

/// A promise that a file may hold its strategies and configuration to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Promised {
    /// A session reads its own writes.
    ReadYourWrites,
    /// A session never reads an older state of a key than before.
    MonotonicReads,
    /// A session's writes take effect in their order everywhere.
    MonotonicWrites,
    /// Who sees a write sees what its session had read before it.
    WritesFollowReads,
    /// Each key behaves as one register.
    Linearizable,
    /// No home population writes to two members at a time.
    SingleWriter,
    /// No acknowledged write is lost.
    NoLoss,
    /// No write that is not idempotent takes effect twice.
    NoDuplicates,
    /// In the end every app server uses its first home again.
    EveryoneHome,
}

/// A run that was saved because something broke in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// Its seed.
    pub seed: u64,
    /// The version of the model that it ran under.
    pub model: u32,
    /// Its trace hash, if it was written down.
    pub expect: Option<u64>,
    /// The property that must still break, if the failure is kept as it is; without it everything must hold.
    pub broken: Option<String>,
}

impl Promised {
    /// All of them, with their words and meanings.
    pub const ALL: [(Self, &'static str, &'static str); 9] = [
        (
            Self::ReadYourWrites,
            "read-your-writes",
            "a session reads its own acknowledged writes",
        ),
        (
            Self::MonotonicReads,
            "monotonic-reads",
            "a session never reads an older state of a key than it read before",
        ),
        (
            Self::MonotonicWrites,
            "monotonic-writes",
            "no node has a write of a session without the acknowledged ones that the session made before it",
        ),
        (
            Self::WritesFollowReads,
            "writes-follow-reads",
            "no node has a write of a session without the writes that the session had read before it",
        ),
        (
            Self::Linearizable,
            "linearizable",
            "each key behaves as one register: for SET, GET and DEL",
        ),
        (
            Self::SingleWriter,
            "single-writer",
            "no home population writes to two members at a time",
        ),
        (Self::NoLoss, "no-loss", "no acknowledged write is lost"),
        (
            Self::NoDuplicates,
            "no-duplicates",
            "no write that is not idempotent takes effect twice",
        ),
        (
            Self::EveryoneHome,
            "everyone-home",
            "in the end every app server uses its first home again",
        ),
    ];

    /// Its word in scenario files.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(promised, ..)| *promised == self)
            .map_or("", |(_, word, _)| word)
    }

    /// The promise with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == word);
        found.map(|(promised, ..)| *promised)
    }
}
