//! What a run came to.

use std::fmt::Write as _;

use regionfall_kernel::{Checkpoints, Seed, SimDuration, SimTime, TraceHash, TraceRecord};

use crate::check::{Verdict, VerdictKind};
use crate::fault::PlannedFault;
use crate::history::{Account, Names};
use crate::metric::Metrics;
use crate::network::FaultEffects;
use crate::simulation::Synchronizations;

/// What tables call the strategy of a run that is driven from outside.
pub(super) const OWN_CLIENT: &str = "own client";

/// What a run came to: its books, its metrics, what held, and how to repeat it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) label: Label,
    /// Their names, of all regions.
    pub(super) regions: Vec<String>,
    pub(super) account: Account,
    pub(super) metrics: Metrics,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) effects: Vec<(PlannedFault, FaultEffects)>,
    pub(super) trace: TraceHash,
    pub(super) checkpoints: Checkpoints,
    pub(super) records: Vec<TraceRecord>,
    pub(super) synchronizations: Synchronizations,
    pub(super) ended_at: SimTime,
    pub(super) events: u64,
    pub(super) within_budget: bool,
}

/// Which run it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The variant's name.
    pub variant: String,
    /// The strategy's name.
    pub strategy: String,
    /// The case's name.
    pub case: String,
    /// The seed.
    pub seed: Seed,
    /// The scenario's digest.
    pub digest: String,
}

impl Outcome {
    /// Which run it was.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The books of the run.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The names that the scenario gives to what verdicts and stories speak of.
    pub fn names(&self) -> Names {
        Names::new(&self.regions, &self.account.shape)
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The metrics, to keep.
    pub fn into_metrics(self) -> Metrics {
        self.metrics
    }

    /// Every verdict.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Verdicts of properties that should hold in every run and did not.
    pub fn broken(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts
            .iter()
            .filter(|verdict| !verdict.held && verdict.kind != VerdictKind::Sometimes)
    }

    /// What each fault did. A fault that touched nothing proves nothing.
    pub fn fault_effects(&self) -> &[(PlannedFault, FaultEffects)] {
        &self.effects
    }

    /// The hash over everything that happened, what held, and every metric.
    pub fn trace_hash(&self) -> TraceHash {
        self.trace
    }

    /// The hash of what happened, at checkpoints: for finding where two runs part.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// The records of the window that was asked for.
    pub fn records(&self) -> &[TraceRecord] {
        &self.records
    }

    /// How replication links caught up.
    pub fn synchronizations(&self) -> Synchronizations {
        self.synchronizations
    }

    /// When the run ended.
    pub fn ended_at(&self) -> SimTime {
        self.ended_at
    }

    /// How many events it took.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether it ended by itself, not because its budget of events was spent.
    pub fn is_within_budget(&self) -> bool {
        self.within_budget
    }

    /// The one line that repeats this run, given the scenario's file.
    pub fn repeat_line(&self, file: &str) -> String {
        let Label {
            strategy,
            case,
            seed,
            ..
        } = &self.label;
        if strategy == OWN_CLIENT {
            return format!(
                "the test of the own client, with case {case:?} and seed {seed}; it expects {}",
                self.trace
            );
        }
        format!(
            "regionfall run {file} --strategy {strategy:?} --case {case:?} --seed {seed} --expect {}",
            self.trace
        )
    }

    /// Asserts that everything held.
    ///
    /// # Panics
    /// With the evidence and the line that repeats the run, if something did not.
    pub fn expect_all_held(&self) {
        let broken: Vec<String> = self.broken().map(ToString::to_string).collect();
        assert!(
            broken.is_empty() && self.within_budget,
            "{}\n{}\nrepeat with: {}",
            self.names().in_words(&broken.join("\n")),
            self.story(),
            self.repeat_line("SCENARIO")
        );
    }

    /// The run in sentences: what failed, what was noticed and when, what was lost; in the names of the scenario.
    pub fn story(&self) -> String {
        self.names().in_words(&self.story_by_ids())
    }

    fn story_by_ids(&self) -> String {
        let mut story = String::new();
        let mut say = |at: SimTime, text: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(story, "{:>10.3} s  {text}", at.since_start().as_secs_f64());
        };
        let account = &self.account;
        let mut events: Vec<(SimTime, String)> = Vec::new();
        for (fault, effects) in &self.effects {
            let did = if effects.any() {
                ""
            } else {
                " (it touched nothing)"
            };
            events.push((
                fault.begins,
                format!("{} begins: {}{did}", fault.id, fault.kind.told()),
            ));
            if fault.ends != SimTime::NEVER {
                events.push((fault.ends, format!("{} ends", fault.id)));
            }
        }
        for publication in &account.publications {
            events.push((
                publication.at,
                format!(
                    "the answer for {} becomes {}",
                    publication.fleet, publication.to
                ),
            ));
        }
        for adoption in &account.adoptions {
            events.push((
                adoption.at,
                format!(
                    "{} turns from {} to {}",
                    adoption.server, adoption.from, adoption.to
                ),
            ));
        }
        events.extend(account.broken_promises());
        events.sort_by_key(|&(at, _)| at);
        for (at, text) in events {
            say(at, text);
        }
        let Synchronizations {
            full,
            partial_failed,
            ..
        } = self.synchronizations;
        if partial_failed > 0 {
            say(
                self.ended_at,
                format!(
                    "{partial_failed} partial synchronizations found the backlog too short; {full} were full ones"
                ),
            );
        }
        let writes = account.all_writes();
        let slowest = self.metrics.rto().max();
        let recovery = if slowest == SimDuration::FOREVER {
            "some exposed app servers never recovered".to_owned()
        } else {
            let seconds = slowest.as_secs_f64();
            format!("the slowest exposed app server recovered after {seconds:.1} s")
        };
        let (lost, acked) = (writes.lost, writes.acked);
        say(
            self.ended_at,
            format!("{lost} of {acked} acknowledged writes are lost; {recovery}"),
        );
        story
    }
}
