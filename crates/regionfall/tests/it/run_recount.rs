//! What reads missed, what sessions saw, and when members agreed, in whole runs under generated storms: by
//! definition, from facts alone, with sets of effects for what each member holds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regionfall::fault::{FaultKind, FaultSpec, Part, PathSelector, TrafficScope};
use regionfall::history::{AttemptEnding, Ending, Fact, Listener, Phase};
use regionfall::simulation::Outcome;
use regionfall::topology::{MemberId, RegionId};
use regionfall_kernel::{Distribution, SimDuration, SimTime};

use crate::small::{listened_to, two_writers};
use crate::storms::{cases, storm};

/// Reads and writes of few keys from everywhere, so that reads miss something now and then. Every command
/// that writes has an effect.
const WRITTEN: &str = r#"
[[workload.keyspace]]
name = "strings"
share = "70%"
mix = { set = 1, get = 2 }
keys = 6
session = "read-your-writes"
[[workload.keyspace]]
name = "counters"
share = "30%"
mix = { incr = 1, get = 1 }
keys = 3
[[strategy]]
preset = "jedis-multidb"
[[strategy]]
preset = "route53-fast"
"#;

fn study() -> String {
    two_writers("uniform(1ms, 400ms)", ("20/s", "10/s")) + WRITTEN
}

/// Which effect: its origin and number.
type Dot = (u16, u64);

/// A write of the application.
#[derive(Clone, Debug)]
struct Write {
    server: u32,
    key: u32,
    dots: Vec<Dot>,
    /// Who executed it first.
    member: usize,
    /// When the application had its success, and in which order.
    acked: Option<(u64, usize)>,
}

/// What one execution of a read missed, as 0 or 1: the fewest and the most where the ledger may forget.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Missed {
    stale: u64,
    /// The most: what had been everywhere is taken to have the longest lag of all.
    beyond_lag: [u64; 2],
    own_write: u64,
    went_back: u64,
    age: Option<u64>,
}

/// A read of the application.
#[derive(Clone, Debug)]
struct Read {
    server: u32,
    key: u32,
    has_session: bool,
    issued: u64,
    /// The last attempt that was begun: the client gave the others up, and sees nothing of them.
    attempt: u8,
    /// By attempt.
    executed: BTreeMap<u8, Missed>,
    /// The attempt whose reply came.
    answered_by: Option<u8>,
}

/// Counted as `ReadCounts` does, and how long members took to agree.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Counts {
    stale: u64,
    /// The fewest and the most: see [`Missed`].
    beyond_lag: [u64; 2],
    own_writes_missed: u64,
    went_back: u64,
    /// Of stale reads, in order.
    ages: Vec<u64>,
    convergence: Option<u64>,
}

#[derive(Default)]
struct Recount {
    facts: usize,
    storm_begins: Option<u64>,
    holds: [BTreeSet<Dot>; 3],
    /// What all three have held at one time.
    everywhere: BTreeSet<Dot>,
    writer: BTreeMap<u16, usize>,
    executed_at: BTreeMap<Dot, u64>,
    key_of: BTreeMap<Dot, u32>,
    writes: BTreeMap<u32, Write>,
    reads: BTreeMap<u32, Read>,
    /// Longest in-order lag of the warm-up, from member to member.
    lags: BTreeMap<(usize, usize), u64>,
    /// By server and key: the newest write that an earlier read could see.
    sessions: BTreeMap<(u32, u32), Dot>,
    active: u32,
    /// Since the last fault ended: when, and what anybody held then.
    healed: Option<(u64, BTreeSet<Dot>)>,
    counts: Counts,
}

impl Recount {
    fn gets(&mut self, member: usize, dot: Dot) {
        self.holds[member].insert(dot);
        if self.holds.iter().all(|held| held.contains(&dot)) {
            self.everywhere.insert(dot);
        }
    }

    /// Whether a member has one of a write's effects, or every member had each of them once: a member that
    /// lost its disks is not held to what had been everywhere, unless that is the newest by the issue of a read.
    fn covers(&self, member: usize, write: &Write, is_newest: bool) -> bool {
        let has = |dot: &Dot| self.holds[member].contains(dot);
        let was_everywhere = write.dots.iter().all(|dot| self.everywhere.contains(dot));
        write.dots.iter().any(has) || (was_everywhere && !(is_newest && write.dots.len() == 1))
    }

    /// Acknowledged writes on a key, oldest acknowledgement first.
    fn acknowledged(&self, key: u32) -> Vec<(u64, usize, &Write)> {
        let of_key = self.writes.values().filter(|write| write.key == key);
        let acked = of_key.filter_map(|write| write.acked.map(|(at, order)| (at, order, write)));
        let mut acked: Vec<_> = acked.collect();
        acked.sort_by_key(|&(at, order, _)| (at, order));
        acked
    }

    fn look(&mut self, (operation, attempt): (u32, u8), member: usize) -> Option<Missed> {
        let read = self.reads.get(&operation)?;
        if attempt < read.attempt {
            return None;
        }
        let read = read.clone();
        let acked = self.acknowledged(read.key);
        let by_issue = || acked.iter().filter(|write| write.0 <= read.issued);
        let newest = by_issue().next_back().map(|&(_, order, _)| order);
        let lacks =
            |write: &(u64, usize, &Write)| !self.covers(member, write.2, newest == Some(write.1));
        let stale = by_issue().next_back().is_some_and(lacks);
        let lag = |write: &Write| {
            let lag = self.lags.get(&(write.member, member));
            lag.copied().unwrap_or(0)
        };
        let beyond = |lag: &dyn Fn(&Write) -> u64| {
            let long_ago = |write: &&(u64, usize, &Write)| write.0 + lag(write.2) <= read.issued;
            stale && by_issue().rfind(long_ago).is_some_and(lacks)
        };
        let longest = (0..3).filter_map(|writer| self.lags.get(&(writer, member)));
        let longest = longest.max().copied().unwrap_or(0);
        let lag_at_most = |write: &Write| {
            let was_everywhere = write.dots.iter().all(|dot| self.everywhere.contains(dot));
            if was_everywhere { longest } else { lag(write) }
        };
        let (beyond_lag, beyond_lag_at_most) = (beyond(&lag), beyond(&lag_at_most));
        let age = by_issue()
            .find(|write| lacks(write))
            .map(|write| read.issued - write.0);
        let own = by_issue().rfind(|write| write.2.server == read.server);
        let own = own.filter(|_| read.has_session);
        let own_write = own.is_some_and(|write| !self.covers(member, write.2, false));
        let went_back = read.has_session && self.session(&read, member);
        Some(Missed {
            stale: u64::from(stale),
            beyond_lag: [beyond_lag, beyond_lag_at_most].map(u64::from),
            own_write: u64::from(own_write),
            went_back: u64::from(went_back),
            age: age.filter(|_| stale),
        })
    }

    /// Whether a read goes back in time; it remembers what it sees. What all members have had nobody can
    /// miss any more.
    fn session(&mut self, read: &Read, member: usize) -> bool {
        let session = (read.server, read.key);
        let seen = self.sessions.get(&session).copied();
        let seen = seen.filter(|dot| !self.everywhere.contains(dot));
        let went_back = seen.is_some_and(|dot| !self.holds[member].contains(&dot));
        let age = |dot: &Dot| (self.executed_at[dot], dot.0, dot.1);
        let visible = self.holds[member].iter();
        let visible = visible
            .filter(|dot| self.key_of[dot] == read.key && !self.everywhere.contains(dot))
            .max_by_key(|dot| age(dot));
        let newest = visible.copied().into_iter().chain(seen).max_by_key(age);
        match newest {
            Some(dot) => self.sessions.insert(session, dot),
            None => self.sessions.remove(&session),
        };
        went_back
    }

    fn end_read(&mut self, operation: u32) {
        let Some(read) = self.reads.remove(&operation) else {
            return;
        };
        if self.storm_begins.is_none_or(|begins| read.issued < begins) {
            return;
        }
        let by = read.answered_by;
        let Some(missed) = by.and_then(|attempt| read.executed.get(&attempt)) else {
            return;
        };
        self.counts.stale += missed.stale;
        for bound in 0..2 {
            self.counts.beyond_lag[bound] += missed.beyond_lag[bound];
        }
        self.counts.own_writes_missed += missed.own_write;
        self.counts.went_back += missed.went_back;
        self.counts.ages.extend(missed.age);
    }

    fn settle(&mut self, now: u64) {
        if let Some((healed, union)) = &self.healed
            && self.holds.iter().all(|held| held.is_superset(union))
        {
            let took = now - healed;
            self.counts.convergence = self.counts.convergence.max(Some(took));
            self.healed = None;
        }
    }
}

impl Recount {
    /// What the application asked for and got.
    fn operation(&mut self, now: u64, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationIssued {
                operation,
                server,
                key,
                command,
                keyspace,
            } => {
                let (server, key) = (server.0, key.0);
                if command.is_write() {
                    self.writes.insert(
                        operation.0,
                        Write {
                            server,
                            key,
                            dots: Vec::new(),
                            member: 0,
                            acked: None,
                        },
                    );
                } else {
                    self.reads.insert(
                        operation.0,
                        Read {
                            server,
                            key,
                            has_session: keyspace.0 == 0,
                            issued: now,
                            attempt: 0,
                            executed: BTreeMap::new(),
                            answered_by: None,
                        },
                    );
                }
            }
            Fact::AttemptSent {
                operation, attempt, ..
            } => {
                if let Some(read) = self.reads.get_mut(&operation.0) {
                    read.attempt = read.attempt.max(attempt);
                }
            }
            Fact::AttemptEnded {
                operation,
                attempt,
                ending,
                ..
            } => {
                if let Some(read) = self.reads.get_mut(&operation.0) {
                    // One that found nobody to send to was begun as well.
                    read.attempt = read.attempt.max(attempt);
                    if ending == AttemptEnding::Reply {
                        read.answered_by = Some(attempt);
                    }
                }
            }
            Fact::OperationEnded {
                operation, ending, ..
            } => {
                if ending == Ending::Acknowledged {
                    if let Some(write) = self.writes.get_mut(&operation.0) {
                        write.acked = Some((now, self.facts));
                    }
                    self.end_read(operation.0);
                }
                self.reads.remove(&operation.0);
            }
            _ => {}
        }
    }

    /// What members executed.
    fn execution(&mut self, now: u64, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                operation,
                node: member,
                effect,
                ..
            } => {
                let effect = effect.expect("every write of the study has an effect");
                let dot = (effect.dot.origin.0, effect.dot.sequence);
                let write = self.writes.get_mut(&operation.0).expect("it was issued");
                if write.dots.is_empty() {
                    write.member = member.index();
                }
                write.dots.push(dot);
                self.key_of.insert(dot, write.key);
                self.executed_at.insert(dot, now);
                self.gets(member.index(), dot);
            }
            Fact::ReadExecuted {
                operation,
                attempt,
                node: member,
                ..
            } => {
                if let Some(missed) = self.look((operation.0, attempt), member.index())
                    && let Some(read) = self.reads.get_mut(&operation.0)
                {
                    read.executed.insert(attempt, missed);
                }
            }
            _ => {}
        }
    }

    /// What members hold, and what faults do.
    fn database(&mut self, now: u64, fact: &Fact<'_>) {
        match *fact {
            Fact::PhaseBegan {
                phase: Phase::Storm,
            } => self.storm_begins = Some(now),
            Fact::OriginBegan {
                node: member,
                origin,
                ..
            } => {
                self.writer.insert(origin.0, member.index());
            }
            Fact::EffectsApplied {
                node: member,
                origin,
                first,
                last,
            } => {
                for sequence in first..=last {
                    let dot = (origin.0, sequence);
                    if self.storm_begins.is_none() {
                        let source = self.writer[&origin.0];
                        let lag = self.lags.entry((source, member.index())).or_default();
                        *lag = (*lag).max(now - self.executed_at[&dot]);
                    }
                    self.gets(member.index(), dot);
                }
            }
            Fact::CopiesEnded {
                node: member,
                origin,
                kept,
                ..
            } => self.holds[member.index()].retain(|dot| dot.0 != origin.0 || dot.1 <= kept),
            Fact::FaultBegan { .. } => {
                self.active += 1;
                self.healed = None;
            }
            Fact::FaultEnded { .. } => {
                self.active -= 1;
                if self.active == 0 {
                    let union = self.holds.iter().flatten().copied().collect();
                    self.healed = Some((now, union));
                }
            }
            _ => {}
        }
    }
}

impl Listener for Recount {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let now = at.as_nanos();
        self.facts += 1;
        self.operation(now, fact);
        self.execution(now, fact);
        self.database(now, fact);
        self.settle(now);
    }
}

fn counted(outcome: &Outcome) -> Counts {
    let reads = &outcome.account().reads;
    Counts {
        stale: reads.stale,
        beyond_lag: [reads.stale_beyond_lag; 2],
        own_writes_missed: reads.own_writes_missed,
        went_back: reads.went_back,
        ages: Vec::new(),
        convergence: outcome.account().convergence.map(SimDuration::as_nanos),
    }
}

fn both(strategy: &str, faults: Vec<FaultSpec>, seed: u64) -> (Outcome, Counts) {
    let mut recount = Recount::default();
    let outcome = listened_to(&study(), strategy, Some(faults), (seed, &mut recount));
    let mut counts = recount.counts;
    if recount.healed.is_some() {
        counts.convergence = None;
    }
    counts.ages.sort_unstable();
    (outcome, counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(32), ..ProptestConfig::default() })]

    #[test]
    fn reads_sessions_and_convergence_are_those_of_a_recount(
        faults in storm(),
        seed in any::<u64>(),
        strategy in prop_oneof![Just("jedis-multidb"), Just("route53-fast")],
    ) {
        let (outcome, mut counts) = both(strategy, faults, seed);
        let ages = std::mem::take(&mut counts.ages);
        let mut ledger = counted(&outcome);
        // The ledger forgets who wrote what every member has, and takes it to have the longest lag.
        let [fewest, most] = counts.beyond_lag;
        prop_assert!((fewest..=most).contains(&ledger.beyond_lag[0]), "{ledger:?}, by recount {counts:?}");
        ledger.beyond_lag = counts.beyond_lag;
        prop_assert_eq!(ledger, counts);
        // The ledger keeps ages in a histogram, whose quantiles are within 1 %.
        prop_assert_eq!(outcome.account().reads.ages.quantile_ms(0.99).is_some(), !ages.is_empty());
        if let Some(p99) = outcome.account().reads.ages.quantile_ms(0.99) {
            let rank = (ages.len() as f64 * 0.99).ceil() as usize;
            let exact = ages[rank.max(1) - 1] as f64 / 1e6;
            prop_assert!((p99 - exact).abs() <= 0.02 * exact + 0.001, "{p99} ms, {exact} ms by recount");
        }
    }
}

/// What a test of such columns needs: that reads do miss something.
#[test]
fn a_partition_makes_reads_miss_what_sessions_wrote_and_saw() {
    let text = format!(
        "{}\n[[fault]]\nkind = \"region-outage\"\nregion = \"a\"\nat = \"8s\"\nlasts = \"10s\"\n\
         mode = \"refusing\"\ndisks = \"kept\"\n",
        study()
    );
    let mut recount = Recount::default();
    let outcome = listened_to(&text, "jedis-multidb", None, (1, &mut recount));
    let mut counts = recount.counts;
    counts.ages.clear();
    assert_eq!(counted(&outcome), counts);
    assert!(counts.stale > 0 && counts.beyond_lag[0] > 0 && counts.went_back > 0);
    assert!(counts.own_writes_missed > 0 && counts.convergence.is_some());
}

/// Few packets from `a` reach `c`, so that reads are asked for again, and `b` executes what it had been sent when it goes on.
#[test]
fn sessions_see_nothing_of_attempts_that_their_client_gave_up() {
    let fault = |kind, at, lasts| FaultSpec {
        kind,
        at: Distribution::Constant(SimDuration::from_millis(at)),
        lasts: Some(Distribution::Constant(SimDuration::from_millis(lasts))),
        flapping: None,
    };
    let loss = |from, to, share| FaultKind::Loss {
        paths: PathSelector {
            from: vec![RegionId(from)],
            to: vec![RegionId(to)],
            zone: None,
            both_ways: false,
            scope: TrafficScope::All,
        },
        share,
    };
    let hang = FaultKind::Hang {
        member: MemberId(1),
        part: Part::Whole,
    };
    let faults = vec![
        fault(loss(0, 2, 0.949_054_026_005_033_3), 18_954, 5_964),
        fault(hang, 24_116, 3_204),
        fault(loss(2, 0, 0.01), 5_000, 13_871),
    ];
    let (outcome, counts) = both("jedis-multidb", faults, 18_427_444_722_164_162_380);
    assert!(counts.went_back > 0);
    assert_eq!(outcome.account().reads.went_back, counts.went_back);
}
