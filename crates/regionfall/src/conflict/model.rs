//! What a case file means: plain data, checked when it was read.

use core::fmt;

use super::Compare;
use super::answer::quoted;

/// A file of cases.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseFile {
    /// The cases in the order in which they are written.
    pub cases: Vec<Case>,
}

/// One question to the data types.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Its name, unique in its file.
    pub id: String,
    /// The data type or area, if it says so.
    pub data_type: Option<String>,
    /// Where the rule is stated.
    pub source: Option<String>,
    /// How the source states it.
    pub basis: Option<Basis>,
    /// How many replicas there are; replica N has instance ID N.
    pub replicas: usize,
    /// Settings of the database.
    pub config: Config,
    /// The case whose table the source repeats here.
    pub same_as: Option<String>,
    /// Whether the source leaves the outcome open, so that there is nothing to pass or fail.
    pub is_ambiguous: bool,
    /// What it leaves open.
    pub ambiguity: Option<String>,
    /// What happens, in this order.
    pub steps: Vec<Step>,
    /// What replicas must answer.
    pub expect: Vec<Expectation>,
    /// What replicas must have sent to their peers.
    pub effects: Vec<EffectExpectation>,
    /// An explanation.
    pub note: Option<String>,
    /// The line on which it begins, counted from 1.
    pub line: usize,
}

/// How a source states the rule of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// As a table of time steps.
    Table,
    /// In words; the steps are constructed.
    Prose,
    /// Not at all: it is derived by analogy, so that the case is ambiguous.
    Inferred,
}

/// Settings of the database that a case needs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Config {
    /// Which IDs XADD accepts.
    pub xadd_id_mode: regionfall_crdt::XaddIdMode,
    /// Whether replicas relay what they received, in its order.
    pub causal_consistency: bool,
    /// Whether keys are spread over slots, so that a command with several keys needs one slot.
    pub is_clustered: bool,
}

/// A label of time: labels order by their number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label(pub u32);

/// Something that happens.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// When.
    pub at: Label,
    /// What.
    pub action: Action,
}

/// What happens in a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// A client's command.
    Command {
        /// The replica that executes it, counted from 1.
        replica: usize,
        /// The command and its arguments.
        command: Vec<String>,
        /// What it must answer. Without, anything but an error will do.
        reply: Option<Wanted>,
        /// How the answer is compared.
        compare: Compare,
        /// What the replica's wall clock says for this command, in milliseconds since the epoch,
        /// instead of the common clock.
        clock_ms: Option<u64>,
    },
    /// These replicas exchange everything, both ways, until nothing is left.
    Sync {
        /// The replicas, counted from 1; `None` means all.
        between: Option<Vec<usize>>,
    },
    /// One direction of one link is drained.
    Deliver {
        /// The replica whose effects travel.
        from: usize,
        /// The replica that applies them.
        to: usize,
    },
    /// All clocks move forward together.
    Advance {
        /// By how many milliseconds.
        milliseconds: u64,
    },
}

/// A command, mostly a read, with the answer that it must give.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// It is executed after every step whose label is not later.
    pub at: Label,
    /// Where it is executed.
    pub who: Who,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The answer.
    pub wanted: Wanted,
    /// How the answer is compared.
    pub compare: Compare,
}

/// Which replicas are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// This one, counted from 1.
    One(usize),
    /// Every one; all must give the same answer.
    All,
}

/// Which answer is right.
#[derive(Clone, PartialEq, Debug)]
pub enum Wanted {
    /// This.
    Value(Literal),
    /// Nothing.
    Nil,
    /// An error, whatever its text.
    Error,
    /// One of these.
    AnyOf(Vec<Literal>),
}

/// A value as it is written in a case.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// A text. `<nil>` stands for nothing.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// A list.
    List(Vec<Literal>),
    /// Names with values.
    Map(Vec<(String, Literal)>),
}

/// Whether a replica must have sent an effect, or must not have.
#[derive(Clone, PartialEq, Debug)]
pub struct EffectExpectation {
    /// Everything up to this label counts, reads included.
    pub at: Label,
    /// The replica, counted from 1. Effects that it received and relayed do not count.
    pub replica: usize,
    /// The command that names the kind of effect, in upper case.
    pub kind: String,
    /// The key that the effect changes, if that matters.
    pub key: Option<String>,
    /// The stream entry that the effect names, if that matters.
    pub id: Option<String>,
    /// Whether it must have been sent.
    pub replicated: bool,
}

impl Literal {
    /// The word that stands for nothing.
    pub(crate) const NIL: &str = "<nil>";
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if text == Self::NIL => f.write_str("nil"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (index, (name, value)) in pairs.iter().enumerate() {
                    let gap = if index == 0 { "" } else { ", " };
                    write!(f, "{gap}{name:?}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Nil => f.write_str("nil"),
            Self::Error => f.write_str("an error"),
            Self::AnyOf(values) => {
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { " or " })?;
                }
                Ok(())
            }
        }
    }
}
