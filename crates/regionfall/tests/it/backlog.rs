//! The largest backlog of a replication link against one counted from the facts alone: sets of effects,
//! summed anew after every fact.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regionfall::fault::FaultSpec;
use regionfall::history::{Fact, Listener};
use regionfall::metric::{RUN_COLUMNS, Value};
use regionfall::simulation::Outcome;
use regionfall_kernel::SimTime;

use crate::small::{listened_to, two_writers};
use crate::storms::{cases, storm};

const WRITTEN: &str = r#"
[[workload.keyspace]]
name = "strings"
share = "70%"
mix = { set = 1 }
keys = 20
value_size = "700B"
[[workload.keyspace]]
name = "sets"
share = "30%"
mix = { sadd = 3, srem = 1 }
keys = 5
elements = 10
[[strategy]]
preset = "jedis-multidb"
"#;

fn study() -> String {
    two_writers("uniform(1ms, 30ms)", ("8/s", "4/s")) + WRITTEN
}

/// Which effect: its origin and number.
type Dot = (u16, u64);

/// By sets: what each member wrote, holds, and ever had.
#[derive(Default)]
struct Recount {
    wrote: BTreeMap<usize, Vec<(Dot, u64)>>,
    holds: BTreeMap<usize, BTreeSet<Dot>>,
    had: BTreeMap<usize, BTreeSet<Dot>>,
    disturbed: BTreeSet<(usize, usize)>,
    largest: u64,
}

impl Recount {
    fn gets(&mut self, member: usize, dot: Dot) {
        self.holds.entry(member).or_default().insert(dot);
        self.had.entry(member).or_default().insert(dot);
    }

    fn backlog(&self, source: usize, target: usize) -> u64 {
        let has = |sets: &BTreeMap<usize, BTreeSet<Dot>>, member: usize, dot: &Dot| {
            sets.get(&member).is_some_and(|held| held.contains(dot))
        };
        let wrote = self.wrote.get(&source).into_iter().flatten();
        wrote
            .filter(|(dot, _)| has(&self.holds, source, dot) && !has(&self.had, target, dot))
            .map(|(_, bytes)| bytes)
            .sum()
    }
}

impl Listener for Recount {
    fn observe(&mut self, _: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                node: member,
                effect: Some(effect),
                ..
            } => {
                let dot = (effect.dot.origin.0, effect.dot.sequence);
                let bytes = effect.bytes() as u64;
                self.wrote
                    .entry(member.index())
                    .or_default()
                    .push((dot, bytes));
                self.gets(member.index(), dot);
            }
            Fact::EffectsApplied {
                node: member,
                origin,
                first,
                last,
            } => {
                for sequence in first..=last {
                    self.gets(member.index(), (origin.0, sequence));
                }
            }
            Fact::CopiesEnded {
                node: member,
                origin,
                kept,
                ..
            } => {
                let held = self.holds.entry(member.index()).or_default();
                held.retain(|dot| dot.0 != origin.0 || dot.1 <= kept);
            }
            Fact::LinkDisrupted { source, target } => {
                self.disturbed.insert((source.index(), target.index()));
            }
            Fact::LinkCaughtUp { source, target } => {
                self.disturbed.remove(&(source.index(), target.index()));
            }
            _ => return,
        }
        let backlogs = self.disturbed.iter();
        let largest = backlogs.map(|&(source, target)| self.backlog(source, target));
        self.largest = self.largest.max(largest.max().unwrap_or(0));
    }
}

fn column(outcome: &Outcome) -> Value {
    let mut columns = RUN_COLUMNS.iter();
    let index = columns.position(|column| column.name == "backlog_bytes_max");
    outcome.metrics().values()[index.expect("the column exists")].clone()
}

fn both(faults: Vec<FaultSpec>, seed: u64) -> (Value, u64) {
    let mut recount = Recount::default();
    let outcome = listened_to(
        &study(),
        "jedis-multidb",
        Some(faults),
        (seed, &mut recount),
    );
    (column(&outcome), recount.largest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn the_largest_backlog_is_that_of_a_recount(faults in storm(), seed in any::<u64>()) {
        let (column, largest) = both(faults, seed);
        prop_assert_eq!(column, Value::Count(largest));
    }
}

#[test]
fn without_a_fault_no_link_has_a_backlog_to_speak_of() {
    assert_eq!(both(Vec::new(), 1), (Value::Count(0), 0));
}

/// Two regions cut apart for ten seconds: what one wrote in the meantime waits for the other.
#[test]
fn a_partition_of_ten_seconds_keeps_ten_seconds_of_effects_waiting() {
    let text = format!(
        "{}\n[[fault]]\nkind = \"partition\"\nfrom = [\"a\"]\nto = [\"b\", \"c\"]\nat = \"10s\"\n\
         lasts = \"10s\"\nscope = \"replication\"\n",
        study()
    );
    let mut recount = Recount::default();
    let outcome = listened_to(&text, "jedis-multidb", None, (1, &mut recount));
    assert_eq!(column(&outcome), Value::Count(recount.largest));
    // About 8 writes a second, 70 % of them with 700 bytes of value.
    assert!(
        (30_000..90_000).contains(&recount.largest),
        "{}",
        recount.largest
    );
}
