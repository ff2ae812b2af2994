//! What carries traffic: proxies and load balancers in small worlds.

mod balancers;
mod detection;
mod names;
mod passive;
mod proxies;
mod takeover;

use regionfall::history::{Fact, Listener};
use regionfall::metric::Value;
use regionfall::simulation::Outcome;
use regionfall_kernel::SimTime;

use crate::small;

/// Ten app servers in region a, at home at a's member and after that at b's; one fault from 30 s.
pub(crate) fn story(strategy: &str, fault: &str) -> String {
    format!(
        r#"
[phases]
warm_up = "20s"
storm = "90s"
calm = "30s"
quiescence = "1m"
[database.sync]
restart = "1s"
[[workload.fleet]]
name = "app"
region = "a"
servers = 10
rate = "100/s"
timeout = "500ms"
home = ["a", "b"]
[[workload.fleet]]
name = "elsewhere"
region = "c"
servers = 2
rate = "20/s"
home = ["c", "b"]
[[strategy]]
name = "it"
{strategy}
[[fault]]
{fault}
"#
    )
}

/// Moments of interest, as they came.
#[derive(Default)]
pub(crate) struct Heard {
    /// (at, member, up)
    pub(crate) verdicts: Vec<(f64, u8, bool)>,
    /// (at, server, to)
    pub(crate) moves: Vec<(f64, u32, u8)>,
    /// (at, node, up)
    pub(crate) targets: Vec<(f64, u8, bool)>,
    /// (at, server, member) of every acknowledged attempt.
    pub(crate) replies: Vec<(f64, u32)>,
    issued: Vec<u32>,
    pub(crate) writes: Vec<(f64, u8)>,
    /// (at, node) of nodes that a balancer's connection reached for the first time.
    pub(crate) reached: Vec<(f64, u8)>,
    /// (at, relay) of addresses that moved.
    pub(crate) addresses: Vec<(f64, u16)>,
    pub(crate) failures: u32,
    /// Operations whose end was told.
    ended: Vec<u32>,
}

fn seconds(at: SimTime) -> f64 {
    at.as_nanos() as f64 / 1e9
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let at = seconds(at);
        if let Fact::OperationEnded { operation, .. } = *fact {
            self.ended.push(operation.0);
        }
        match *fact {
            Fact::Verdict {
                member, healthy, ..
            } => self.verdicts.push((at, member.0, healthy)),
            Fact::Adopted { server, to, .. } => self.moves.push((at, server.0, to.0)),
            Fact::TargetReached { node, .. } => self.reached.push((at, node.0)),
            Fact::AddressMoved { relay, zone: 0, .. } => {
                self.addresses.push((at, relay.0));
            }
            Fact::TargetJudged { node, healthy, .. } => self.targets.push((at, node.0, healthy)),
            Fact::OperationIssued { server, .. } => self.issued.push(server.0),
            Fact::OperationEnded {
                operation,
                member: Some(_),
                ..
            } => self.replies.push((at, self.issued[operation.0 as usize])),
            Fact::OperationEnded { member: None, .. } => self.failures += 1,
            Fact::WriteExecuted { node, .. } => self.writes.push((at, node.0)),
            _ => {}
        }
    }
}

impl Heard {
    /// The first verdict of this kind about a member at or after a moment.
    pub(crate) fn verdict(&self, since: f64, about: u8, up: bool) -> Option<f64> {
        let wanted = |&&(at, member, healthy): &&(f64, u8, bool)| {
            at >= since && member == about && healthy == up
        };
        self.verdicts.iter().find(wanted).map(|&(at, ..)| at)
    }

    /// Whether no operation ended more than once.
    pub(crate) fn endings_are_single(&self) -> bool {
        let mut ended = self.ended.clone();
        ended.sort_unstable();
        ended.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// How many replies servers below `servers` got in a span.
    pub(crate) fn served(&self, servers: u32, from: f64, to: f64) -> usize {
        let wanted = |&&(at, server): &&(f64, u32)| at >= from && at < to && server < servers;
        self.replies.iter().filter(wanted).count()
    }
}

/// Runs a story, in which all that must hold does.
pub(crate) fn run(story: &str, seed: u64) -> (Outcome, Heard) {
    let (outcome, heard) = run_to_the_end(story, seed);
    outcome.expect_all_held();
    (outcome, heard)
}

/// Runs a story at whose end somebody may not be served.
pub(crate) fn run_to_the_end(story: &str, seed: u64) -> (Outcome, Heard) {
    let mut heard = Heard::default();
    let outcome = small::listened_to(story, "it", None, (seed, &mut heard));
    (outcome, heard)
}

pub(crate) fn number(outcome: &Outcome, column: &str) -> Option<f64> {
    outcome.metrics().get(column).and_then(Value::as_f64)
}
