//! The same quantities as the ledger's, by definition and brute force: all facts are kept, what each
//! member holds is a set of dots after every fact, and every pair of writes is compared.

#![expect(clippy::unwrap_used, reason = "a broken history is a broken test")]

mod downtime;
mod stale;
mod stories;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regionfall::fault::Disks;
use regionfall::history::{Ending, Fact, Traffic, WriteCounts};
use regionfall::metric::Metrics;
use regionfall_crdt::{CommandKind, Effect};
use regionfall_kernel::{SimDuration, SimTime};

use crate::vocabulary::{Recorded, Story, crash, shape};
use stories::{Step, history};

type DotKey = (u16, u64);

#[derive(Clone, Debug)]
struct Write {
    operation: u32,
    index: usize,
    at: u64,
    member: usize,
    effect: Effect,
    dot: DotKey,
}

/// Everything, unfolded.
struct Recount<'a> {
    story: &'a Story,
    /// After each fact: what each member holds.
    holdings: Vec<Vec<BTreeSet<DotKey>>>,
    /// After each fact: what all members have held at one time.
    everywhere: Vec<BTreeSet<DotKey>>,
    writes: Vec<Write>,
    /// Operation: index and time of the issue.
    issued: Vec<u64>,
    ended: BTreeMap<u32, (usize, u64, Ending)>,
}

impl<'a> Recount<'a> {
    fn new(story: &'a Story) -> Self {
        let mut holdings = vec![BTreeSet::new(); 3];
        let mut everywhere = BTreeSet::new();
        let mut all = Self {
            story,
            holdings: Vec::new(),
            everywhere: Vec::new(),
            writes: Vec::new(),
            issued: Vec::new(),
            ended: BTreeMap::new(),
        };
        for (index, Recorded { at, fact, effect }) in story.facts.iter().enumerate() {
            let at = at.as_nanos();
            match *fact {
                Fact::OperationIssued { .. } => all.issued.push(at),
                Fact::WriteExecuted {
                    operation,
                    node: member,
                    ..
                } => {
                    let effect = effect.clone().unwrap();
                    let dot = (effect.dot.origin.0, effect.dot.sequence);
                    holdings[member.index()].insert(dot);
                    let member = member.index();
                    all.writes.push(Write {
                        operation: operation.0,
                        index,
                        at,
                        member,
                        effect,
                        dot,
                    });
                }
                Fact::EffectsApplied {
                    node: member,
                    origin,
                    first,
                    last,
                } => {
                    holdings[member.index()]
                        .extend((first..=last).map(|sequence| (origin.0, sequence)));
                }
                Fact::CopiesEnded {
                    node: member,
                    origin,
                    kept,
                    ..
                } => {
                    holdings[member.index()].retain(|dot| dot.0 != origin.0 || dot.1 <= kept);
                }
                Fact::OperationEnded {
                    operation, ending, ..
                } => {
                    all.ended.insert(operation.0, (index, at, ending));
                }
                _ => {}
            }
            let common = holdings[0]
                .iter()
                .filter(|dot| holdings[1].contains(dot) && holdings[2].contains(dot));
            everywhere.extend(common.copied());
            all.holdings.push(holdings.clone());
            all.everywhere.push(everywhere.clone());
        }
        all
    }

    fn acked(&self, operation: u32) -> Option<(usize, u64)> {
        let &(index, at, ending) = self.ended.get(&operation)?;
        (ending == Ending::Acknowledged).then_some((index, at))
    }

    fn survives(&self, dot: DotKey) -> bool {
        self.holdings
            .last()
            .unwrap()
            .iter()
            .any(|held| held.contains(&dot))
    }

    fn of(&self, operation: u32) -> impl Iterator<Item = &Write> {
        self.writes
            .iter()
            .filter(move |write| write.operation == operation)
    }

    /// Whether `write` had seen `dot`.
    fn saw(&self, write: &Write, dot: DotKey) -> bool {
        let before = write.index - 1;
        self.holdings[before][write.member].contains(&dot)
            || self.everywhere[before].contains(&dot)
            || write.effect.context.get(regionfall_crdt::OriginId(dot.0)) >= dot.1
    }

    fn touch_alike(a: &Effect, b: &Effect) -> bool {
        let (left, right) = (a.elements(), b.elements());
        a.key == b.key
            && (left.is_empty()
                || right.is_empty()
                || left.iter().any(|element| right.contains(element)))
    }

    fn are_concurrent(&self, a: &Write, b: &Write) -> bool {
        let (first, second) = if a.index < b.index { (a, b) } else { (b, a) };
        a.member != b.member && !self.saw(second, first.dot)
    }

    fn command(&self, operation: u32) -> CommandKind {
        self.story.operations[operation as usize].2
    }

    fn is_removal(&self, operation: u32) -> bool {
        matches!(
            self.command(operation),
            CommandKind::Del | CommandKind::SRem
        )
    }

    fn home(&self, operation: u32) -> u32 {
        self.story.operations[operation as usize].0 % 3
    }

    fn is_lost(&self, operation: u32) -> bool {
        let survives = self.of(operation).any(|write| self.survives(write.dot));
        self.of(operation).next().is_some() && !survives
    }
}

/// The same history, with keyspaces that are kept part by part.
fn in_parts(story: &Story) -> Story {
    let mut shape = (*story.shape).clone();
    for keyspace in &mut shape.keyspaces {
        keyspace.is_plain = false;
    }
    let mut story = story.clone();
    story.shape = shape.into();
    story
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_ledger_counts_what_the_definitions_say(
        steps in proptest::collection::vec(any::<Step>(), 1..140),
    ) {
        let story = history(&steps);
        let recount = Recount::new(&story);
        let account = story.account(true);
        prop_assert_eq!(account.all_writes(), recount.counts(), "{}", story);
        prop_assert_eq!(account.reads.stale, recount.stale_reads(), "{}", story);
        // What is kept part by part comes to the same, where the fast books can keep it. They count any two writes of
        // a string as a conflict, and where clocks are skewed may take one for beaten by a write that was replaced.
        let by_parts = in_parts(&story).account(true);
        for keyspace in [1, 2] {
            prop_assert_eq!(account.writes[keyspace], by_parts.writes[keyspace], "{}", story);
        }
        prop_assert_eq!(account.writes[0].acked, by_parts.writes[0].acked);
        prop_assert_eq!(account.writes[0].lost, by_parts.writes[0].lost);
        prop_assert_eq!(account.reads.clone(), by_parts.reads);
        let metrics = Metrics::new(&account);
        if let [incident] = metrics.incidents() {
            let begins = incident.begins.as_nanos();
            let point = incident.recovery_point;
            let observed = recount.rpo(begins, |operation, _| recount.is_lost(operation));
            prop_assert_eq!(point.observed.as_nanos(), observed, "{}", story);
            let missed = |operation, acked| {
                incident.servers.iter().filter_map(|outcome| outcome.resumed).any(|moved| {
                    let at = moved.at.as_nanos();
                    moved.server.0 % 3 == recount.home(operation)
                        && acked <= at
                        && recount.was_missing(operation, moved.to.index(), at)
                })
            };
            let at_resumption = recount.rpo(begins, |operation, acked| {
                recount.is_lost(operation) || missed(operation, acked)
            });
            prop_assert_eq!(point.at_resumption.as_nanos(), at_resumption, "{}", story);
            for outcome in &incident.servers {
                let rto = recount.rto(outcome.server.0, begins, incident.ends.as_nanos());
                prop_assert_eq!(outcome.rto.map(SimDuration::as_nanos), rto, "{}", story);
            }
        }
        for server in 0..4 {
            for traffic in [Traffic::Writes, Traffic::Reads] {
                let found: Vec<_> = account
                    .episodes
                    .iter()
                    .filter(|episode| episode.server.0 == server && episode.traffic == traffic)
                    .map(|episode| (episode.begins.as_nanos(), episode.ends.map(SimTime::as_nanos)))
                    .collect();
                prop_assert_eq!(found, recount.episodes(server, traffic), "{} {:?}\n{}", server, traffic, story);
            }
        }
    }
}
