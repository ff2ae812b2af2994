//! Asking the question of a case: its steps in order, and its expectations where they are due.

use std::collections::BTreeMap;

use super::compare::agrees;
use super::group::Group;
use super::{Action, Answer, Case, EffectExpectation, Expectation, Label, Step, Who};

/// What the common wall clock says at the first label, in milliseconds since the epoch.
const START_MS: u64 = 1_700_000_000_000;

/// How a case came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every answer was the expected one.
    Passed,
    /// Some was not.
    Failed,
    /// The source leaves the outcome open: there is nothing to pass or fail.
    Ambiguous {
        /// Whether every answer was the expected one.
        agreed: bool,
    },
}

/// A case with all that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseOutcome<'c> {
    /// The case.
    pub case: &'c Case,
    /// What happened, in order.
    pub lines: Vec<Line>,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// When.
    pub at: Label,
    /// At which replicas: `1`, `all`, `1 → 2`, `1, 2`.
    pub place: String,
    /// What: a command, an exchange, or what was looked at.
    pub what: String,
    /// What was expected, if anything was.
    pub expected: Option<String>,
    /// What was got, if anything was.
    pub got: Option<String>,
    /// Whether it was right.
    pub is_right: bool,
}

impl CaseOutcome<'_> {
    /// How it came out.
    pub fn verdict(&self) -> Verdict {
        let agreed = self.lines.iter().all(|line| line.is_right);
        match (self.case.is_ambiguous, agreed) {
            (true, agreed) => Verdict::Ambiguous { agreed },
            (false, true) => Verdict::Passed,
            (false, false) => Verdict::Failed,
        }
    }

    /// The first thing that went wrong.
    pub fn first_wrong(&self) -> Option<&Line> {
        self.lines.iter().find(|line| !line.is_right)
    }
}

impl Case {
    /// Asks its question.
    pub fn run(&self) -> CaseOutcome<'_> {
        let mut run = Run {
            case: self,
            group: Group::new(self),
            clock: WallClock::default(),
            lines: Vec::new(),
        };
        let mut checks = self.checks();
        checks.sort_by_key(|check| check.due(&self.steps));
        let mut checks = checks.into_iter().peekable();
        for executed in 0..=self.steps.len() {
            while let Some(check) = checks.next_if(|check| check.due(&self.steps).0 == executed) {
                run.check(check);
            }
            if let Some(step) = self.steps.get(executed) {
                run.step(step);
            }
        }
        CaseOutcome {
            case: self,
            lines: run.lines,
        }
    }

    fn checks(&self) -> Vec<Check<'_>> {
        let reads = self.expect.iter().map(Check::Read);
        reads.chain(self.effects.iter().map(Check::Sent)).collect()
    }
}

/// Something that is looked at when it is due.
#[derive(Clone, Copy)]
enum Check<'c> {
    Read(&'c Expectation),
    Sent(&'c EffectExpectation),
}

impl Check<'_> {
    /// When it is due: after so many steps, and then in this order. Equals stay as they are written.
    fn due(self, steps: &[Step]) -> (usize, Label, bool) {
        // Reads may send effects themselves, and count.
        let (at, is_last) = match self {
            Self::Read(read) => (read.at, false),
            Self::Sent(sent) => (sent.at, true),
        };
        let before = steps.iter().rposition(|step| step.at <= at);
        (before.map_or(0, |place| place + 1), at, is_last)
    }
}

/// The wall clock that all replicas share: 1 ms further at each new label.
#[derive(Default)]
struct WallClock {
    labels: BTreeMap<Label, u64>,
    advanced_ms: u64,
}

impl WallClock {
    fn at(&mut self, label: Label) -> u64 {
        let next = self.labels.len() as u64;
        let ticks = *self.labels.entry(label).or_insert(next);
        START_MS + ticks + self.advanced_ms
    }
}

/// A case being run.
struct Run<'c> {
    case: &'c Case,
    group: Group,
    clock: WallClock,
    lines: Vec<Line>,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) {
        let now_ms = self.clock.at(step.at);
        let mut line = Line {
            at: step.at,
            place: String::new(),
            what: String::new(),
            expected: None,
            got: None,
            is_right: true,
        };
        match &step.action {
            Action::Command {
                replica,
                command,
                reply,
                compare,
                clock_ms,
            } => {
                let answer = self
                    .group
                    .execute(*replica, command, clock_ms.unwrap_or(now_ms));
                line.place = replica.to_string();
                line.what = match clock_ms {
                    Some(clock_ms) => format!("{} (clock: {clock_ms})", shown(command)),
                    None => shown(command),
                };
                line.is_right = match reply {
                    Some(wanted) => {
                        agrees(command, wanted, *compare, std::slice::from_ref(&answer))
                    }
                    // A command that is not carried out makes the rest of the case meaningless.
                    None => !matches!(answer, Answer::Error(_)),
                };
                line.expected = match reply {
                    Some(wanted) => Some(wanted.to_string()),
                    None if line.is_right => None,
                    None => Some("no error".to_owned()),
                };
                line.got = Some(answer.to_string());
            }
            Action::Sync { between } => {
                let everyone: Vec<usize> = (1..=self.case.replicas).collect();
                let between = between.as_ref().unwrap_or(&everyone);
                self.group.exchange(between, now_ms);
                line.place = if between.len() == self.case.replicas {
                    "all".to_owned()
                } else {
                    let names: Vec<String> = between.iter().map(usize::to_string).collect();
                    names.join(", ")
                };
                "exchange everything".clone_into(&mut line.what);
            }
            Action::Deliver { from, to } => {
                self.group.deliver(*from, *to, now_ms);
                line.place = format!("{from} → {to}");
                "deliver".clone_into(&mut line.what);
            }
            Action::Advance { milliseconds } => {
                self.clock.advanced_ms += milliseconds;
                self.group.expire(now_ms + milliseconds);
                "all".clone_into(&mut line.place);
                line.what = format!("{milliseconds} ms pass");
            }
        }
        self.lines.push(line);
    }

    fn check(&mut self, check: Check<'_>) {
        match check {
            Check::Read(read) => self.read(read),
            Check::Sent(sent) => self.sent(sent),
        }
    }

    fn read(&mut self, read: &Expectation) {
        let now_ms = self.clock.at(read.at);
        let (place, replicas) = match read.who {
            Who::One(replica) => (replica.to_string(), replica..=replica),
            Who::All => ("all".to_owned(), 1..=self.case.replicas),
        };
        let answers: Vec<Answer> = replicas
            .map(|replica| self.group.execute(replica, &read.command, now_ms))
            .collect();
        self.lines.push(Line {
            at: read.at,
            place,
            what: shown(&read.command),
            expected: Some(read.wanted.to_string()),
            got: Some(together(&answers)),
            is_right: agrees(&read.command, &read.wanted, read.compare, &answers),
        });
    }

    fn sent(&mut self, sent: &EffectExpectation) {
        // Looking at what was sent is a moment too.
        self.clock.at(sent.at);
        let has_sent = self.group.has_sent(sent);
        let words = |sent: bool| if sent { "sent" } else { "not sent" };
        let details = [("key", &sent.key), ("id", &sent.id)];
        let details = details
            .iter()
            .filter_map(|(name, value)| Some(format!(", {name} {}", value.as_ref()?)));
        self.lines.push(Line {
            at: sent.at,
            place: sent.replica.to_string(),
            what: format!("effect {}{}", sent.kind, details.collect::<String>()),
            expected: Some(words(sent.replicated).to_owned()),
            got: Some(words(has_sent).to_owned()),
            is_right: has_sent == sent.replicated,
        });
    }
}

/// A command as one would type it.
fn shown(command: &[String]) -> String {
    let words = command.iter().map(|word| {
        let is_plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '\'');
        if is_plain {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "\\'"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The answers of several replicas: one if all are the same.
fn together(answers: &[Answer]) -> String {
    let shown: Vec<String> = answers.iter().map(Answer::to_string).collect();
    match shown.first() {
        Some(first) if shown.iter().any(|other| other != first) => {
            let each = shown.iter().enumerate();
            let each = each.map(|(index, answer)| format!("{}: {answer}", index + 1));
            each.collect::<Vec<_>>().join("; ")
        }
        Some(first) => first.clone(),
        None => String::new(),
    }
}
