//! A check of one's own: it hears every fact, changes nothing, and gives a verdict with evidence.
//!
//! `cargo run --example own_check`. The promise here: nobody waits longer than two seconds for an answer, whatever it is.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::collections::BTreeMap;

use regionfall::check::{Check, Findings, Verdict, VerdictKind};
use regionfall::history::{Fact, Listener};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::OperationId;
use regionfall_kernel::{Seed, SimDuration, SimTime};

/// Nobody waits longer than this.
#[derive(Clone, Debug)]
struct Patience {
    longest: SimDuration,
    waiting: BTreeMap<OperationId, SimTime>,
    findings: Findings,
}

impl Listener for Patience {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationIssued { operation, .. } => {
                self.waiting.insert(operation, at);
            }
            Fact::OperationEnded { operation, .. } => {
                let Some(since) = self.waiting.remove(&operation) else {
                    return;
                };
                let waited = at.saturating_since(since);
                if waited > self.longest {
                    self.findings
                        .add(at, || format!("{operation} was answered after {waited}"));
                }
            }
            _ => {}
        }
    }
}

impl Check for Patience {
    fn verdict(&self) -> Verdict {
        self.findings.verdict("patience", VerdictKind::Promise)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::from_toml(
        r#"
        title = "A host dies"
        [phases]
        warm_up = "5s"
        storm = "30s"
        calm = "10s"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [[strategy]]
        preset = "pinned"
        [[fault]]
        kind = "host-crash"
        region = "us-east-1"
        at = "10s"
        lasts = "20s"
        "#,
    )?;
    let outcome = Simulation::new(&scenario, Seed::new(7))
        .check(Patience {
            longest: SimDuration::from_secs(2),
            waiting: BTreeMap::new(),
            findings: Findings::default(),
        })
        .run()?;
    for verdict in outcome.broken() {
        println!("{verdict}");
    }
    println!("{}", outcome.story());
    Ok(())
}
