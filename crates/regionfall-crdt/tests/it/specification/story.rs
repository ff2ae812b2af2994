//! Random histories as values. They print themselves as a case that `regionfall crdt` runs.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use proptest::prelude::*;

use super::answer::Answer;
use super::past::{Past, Seen};
use super::{Rules, START_MS};

/// What happens in a history. Replicas are counted from 0, and taken modulo how many there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client's command, with what the replica's wall clock says, in milliseconds after the start.
    Command {
        replica: usize,
        words: Vec<String>,
        at: u64,
    },
    /// Whatever one replica did arrives at another.
    Deliver { from: usize, to: usize },
    /// The next few operations of one replica arrive at another.
    DeliverSome {
        from: usize,
        to: usize,
        count: usize,
    },
    /// Operations that arrived before arrive again.
    Redeliver { from: usize, to: usize },
    /// A full synchronization.
    Merge { from: usize, to: usize },
    /// The collector runs.
    Collect { replica: usize },
}

/// A history of commands on a few replicas, under the rules of one type.
#[derive(Clone)]
pub(crate) struct Story<R> {
    pub(crate) replicas: usize,
    pub(crate) steps: Vec<Step>,
    pub(crate) rules: PhantomData<R>,
}

/// Histories of commands from `words`, of up to `length` steps.
pub(crate) fn stories<R: Rules>(
    words: impl Strategy<Value = Vec<String>> + 'static,
    length: usize,
    collects: bool,
) -> impl Strategy<Value = Story<R>> {
    let (one, other) = (0..5_usize, 0..5_usize);
    let collect = u32::from(collects) * 6;
    // What comes first is what shrinking prefers.
    let step = prop_oneof![
        // Few instants, so that equal times are common.
        24 => (one.clone(), words, 0..5_u64)
            .prop_map(|(replica, words, at)| Step::Command { replica, words, at }),
        10 => (one.clone(), other.clone()).prop_map(|(from, to)| Step::Deliver { from, to }),
        8 => (one.clone(), other.clone(), 1..3_usize)
            .prop_map(|(from, to, count)| Step::DeliverSome { from, to, count }),
        1 => (one.clone(), other.clone()).prop_map(|(from, to)| Step::Redeliver { from, to }),
        4 => (one.clone(), other).prop_map(|(from, to)| Step::Merge { from, to }),
        collect => one.prop_map(|replica| Step::Collect { replica }),
    ];
    let steps = proptest::collection::vec(step, 1..length);
    (2..=5_usize, steps).prop_map(|(replicas, mut steps)| {
        let mut values = Vec::new();
        for (index, step) in steps.iter_mut().enumerate() {
            step.settle(index, replicas, &mut values);
        }
        Story {
            replicas,
            steps,
            rules: PhantomData,
        }
    })
}

impl Step {
    /// Makes numbers fit. In words `#` becomes the number of the step, so that values are unique, and `@3`
    /// becomes the fourth of the values so far, or the one that it comes to when counting starts again.
    fn settle(&mut self, index: usize, replicas: usize, values: &mut Vec<String>) {
        match self {
            Self::Command { replica, words, .. } => {
                *replica %= replicas;
                for word in words {
                    if word.contains('#') {
                        *word = word.replace('#', &index.to_string());
                        values.push(word.clone());
                    } else if let Some(number) = word.strip_prefix('@') {
                        let number: usize = number.parse().unwrap();
                        let value = values.get(number % values.len().max(1));
                        *word = value.cloned().unwrap_or_else(|| "none".to_owned());
                    }
                }
            }
            Self::Deliver { from, to }
            | Self::DeliverSome { from, to, .. }
            | Self::Redeliver { from, to }
            | Self::Merge { from, to } => {
                *from %= replicas;
                *to %= replicas;
                if from == to {
                    *to = (*to + 1) % replicas;
                }
            }
            Self::Collect { replica } => *replica %= replicas,
        }
    }
}

/// The specification alone, without any implementation: what each replica has seen of what there was.
pub(crate) struct Told<R: Rules> {
    pub(crate) past: Past<R::What>,
    pub(crate) seen: Vec<Seen>,
    /// How many operations each replica executed.
    pub(crate) executed: Vec<usize>,
}

impl<R: Rules> Told<R> {
    pub(crate) fn new(replicas: usize) -> Self {
        Self {
            past: Past(Vec::new()),
            seen: vec![Seen::nothing(replicas); replicas],
            executed: vec![0; replicas],
        }
    }

    /// Takes a command in; what it must answer, if the specification says.
    pub(crate) fn command(&mut self, replica: usize, words: &[String], at: u64) -> Option<Answer> {
        let seen = self.seen[replica].clone();
        let name = (replica, self.executed[replica]);
        let answer = R::interpret(&mut self.past, &seen, name, words, START_MS + at);
        self.executed[replica] += 1;
        self.seen[replica].0[replica] += 1;
        answer
    }

    /// The numbers of the operations that arrive.
    pub(crate) fn deliver(
        &mut self,
        from: usize,
        to: usize,
        count: usize,
    ) -> std::ops::Range<usize> {
        let first = self.seen[to].0[from];
        let end = self.executed[from].min(first.saturating_add(count));
        self.seen[to].0[from] = end;
        first..end
    }

    pub(crate) fn merge(&mut self, from: usize, to: usize) {
        let news = self.seen[from].clone();
        self.seen[to].join(&news);
    }
}

/// As a case file.
impl<R: Rules> fmt::Debug for Story<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told: Told<R> = Told::new(self.replicas);
        let mut steps = String::new();
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("at = \"t{}\"", index + 1);
            match step {
                Step::Command {
                    replica,
                    words,
                    at: clock,
                } => {
                    told.command(*replica, words, *clock);
                    let (replica, clock) = (replica + 1, START_MS + clock);
                    writeln!(
                        steps,
                        "  {{ {at}, replica = {replica}, cmd = {words:?}, clock_ms = {clock} }},"
                    )?;
                }
                Step::Deliver { from, to } => {
                    told.deliver(*from, *to, usize::MAX);
                    let (from, to) = (from + 1, to + 1);
                    writeln!(
                        steps,
                        "  {{ {at}, deliver = {{ from = {from}, to = {to} }} }},"
                    )?;
                }
                Step::DeliverSome { from, to, count } => {
                    let arrived = told.deliver(*from, *to, *count).len();
                    let is_all = told.seen[*to].0[*from] == told.executed[*from];
                    let (from, to) = (from + 1, to + 1);
                    let note = if is_all {
                        String::new()
                    } else {
                        format!(" # only {arrived}")
                    };
                    writeln!(
                        steps,
                        "  {{ {at}, deliver = {{ from = {from}, to = {to} }} }},{note}"
                    )?;
                }
                Step::Merge { from, to } => {
                    told.merge(*from, *to);
                    writeln!(
                        steps,
                        "  # {at}: all that {} has is merged into {}",
                        from + 1,
                        to + 1
                    )?;
                }
                Step::Redeliver { from, to } => {
                    writeln!(steps, "  # {at}: {} sends again to {}", from + 1, to + 1)?;
                }
                Step::Collect { replica } => {
                    writeln!(steps, "  # {at}: {} collects tombstones", replica + 1)?;
                }
            }
        }
        let last = self.steps.len() + 1;
        let everything = Seen(told.executed.clone());
        let mut expect = String::new();
        let keys = if R::IS_TOLD_BY_COMMANDS { R::KEYS } else { &[] };
        for key in keys {
            for expected in R::reads(&told.past, &everything, key) {
                writeln!(
                    expect,
                    "  {{ at = \"t{last}\", replica = \"all\", cmd = {:?}, {} }},",
                    expected.words,
                    expected.result()
                )?;
            }
        }
        write!(
            f,
            "as a case:\n\n[[case]]\nid = \"found\"\nreplicas = {}\nsteps = [\n{steps}  {{ at = \"t{last}\", sync = \
             \"all\" }},\n]\nexpect = [\n{expect}]\n",
            self.replicas
        )
    }
}
