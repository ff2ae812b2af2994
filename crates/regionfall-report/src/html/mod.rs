//! The report: one page that a director can read, print and file.
//!
//! One file without network, scripts or fonts of its own; pictures are inline SVG. The order is that
//! of questions: what happened, what came out, how sure is that, what exactly was done, how can it be
//! repeated. Numbers are *estimated by simulation*; the page says so wherever it states one.

mod page;

use crate::table::Table;

pub use page::render;

/// Everything the page shows. Texts are plain; markup in them is shown, not obeyed, but for words between backticks in
/// sentences, which are code.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// The scenario's title.
    pub title: String,
    /// What it tells, one string per paragraph.
    pub story: Vec<String>,
    /// What was run: scenario digest, seeds, phases, versions.
    pub facts: Vec<Fact>,
    /// Pictures over all variants and cases.
    pub overview: Vec<Figure>,
    /// The results, one section per variant and case.
    pub cases: Vec<Case>,
    /// What stands behind each headline.
    pub grades: Vec<GradedHeadline>,
    /// The commands that show what assumptions do to the headlines, one per line.
    pub examine: Vec<String>,
    /// What a sweep should see sometimes and no run saw.
    pub never: Vec<String>,
    /// Every column used in the tables.
    pub definitions: Vec<Definition>,
    /// The commands that repeat it, one per line.
    pub reproduce: Vec<String>,
    /// What a reader must be warned of: faults without effect, phases too short, seeds too few.
    pub warnings: Vec<String>,
}

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The results of one variant and case.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What is special about it.
    pub summary: String,
    /// The headline metrics, one row per strategy, in tables that a page is wide enough for.
    pub tables: Vec<Table>,
    /// How well the figures of the tables are founded, in a sentence or two.
    pub footing: String,
    /// Objectives and whether they are met.
    pub verdicts: Vec<Verdict>,
    /// Pictures, as SVG documents made by this crate.
    pub figures: Vec<Figure>,
    /// What happened under each strategy.
    pub strategies: Vec<StrategyStory>,
}

/// Whether an objective is met by a strategy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The strategy.
    pub strategy: String,
    /// The objective in words: `p99 of rto ≤ 60 s at 95 % confidence`.
    pub objective: String,
    /// The answer.
    pub outcome: Outcome,
    /// The bound that decided it: `upper bound 38.1 s`.
    pub because: String,
}

/// The answer to an objective.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The one-sided bound meets it.
    Met,
    /// It does not.
    Missed,
    /// No bound exists yet.
    TooFewSeeds {
        /// The number of seeds that would give one.
        needs: u64,
    },
    /// No run has a value.
    DoesNotApply,
}

/// A picture and what to see in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What to see in it.
    pub caption: String,
    /// The picture, from [`crate::plot`].
    pub svg: String,
}

/// What happened under one strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyStory {
    /// The strategy.
    pub name: String,
    /// In a sentence or two.
    pub summary: String,
    /// How app servers recovered: `switch`, `retry`, `heal`, `none`, with their shares.
    pub recovered_by: Vec<(String, f64)>,
    /// The parts of the recovery time, in order.
    pub milestones: Option<Table>,
    /// Promises broken and laws violated, if any.
    pub findings: Vec<String>,
}

/// How well founded a headline is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GradedHeadline {
    /// The number: `rto_p99 under route53-fast`.
    pub headline: String,
    /// The weakest grade of any number behind it.
    pub weakest: Grade,
    /// Which number that is, and where it is from.
    pub because: String,
    /// How far this mechanism was from measurements; `None` if it was never measured.
    pub measured: Option<String>,
    /// How much the headline moves over the plausible range of its assumptions; `None` if unknown.
    pub moves: Option<String>,
}

/// How a number is known, from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grade {
    /// Measured on the real thing.
    Measured,
    /// Read in its source code.
    Source,
    /// Stated by its documentation.
    Documented,
    /// Assumed.
    Assumed,
}

/// What a column means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    /// Its name.
    pub column: String,
    /// Its meaning.
    pub meaning: String,
    /// Its unit.
    pub unit: String,
}

impl Grade {
    /// The word used in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Source => "source",
            Self::Documented => "documented",
            Self::Assumed => "assumed",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Met => write!(f, "met"),
            Self::Missed => write!(f, "missed"),
            Self::TooFewSeeds { needs } => write!(f, "too few seeds (needs {needs})"),
            Self::DoesNotApply => f.write_str("does not apply"),
        }
    }
}
