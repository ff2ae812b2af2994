//! The same quantities as the ledger's, by definition and brute force: all facts are kept, what each
//! member holds is a set of dots after every fact, and every pair of writes is compared.

#![expect(clippy::unwrap_used, reason = "a broken history is a broken test")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regionfall::fault::Disks;
use regionfall::history::{Ending, Fact, Traffic, WriteCounts};
use regionfall::metric::Metrics;
use regionfall_crdt::{CommandKind, Effect};
use regionfall_kernel::{SimDuration, SimTime};

use crate::vocabulary::{Recorded, Story, crash, shape};

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
                    operation, member, ..
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
                    member,
                    origin,
                    first,
                    last,
                } => {
                    holdings[member.index()]
                        .extend((first..=last).map(|sequence| (origin.0, sequence)));
                }
                Fact::CopiesEnded {
                    member,
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

    /// Writes that beat `write` without having seen it, and that no knowing replacement excuses.
    fn winners(&self, write: &Write) -> Vec<&Write> {
        let rank = |of: &Write| (of.effect.at.0, u16::MAX - of.dot.0);
        let same_key = |other: &&Write| other.effect.key == write.effect.key;
        let wins = |other: &&Write| {
            other.operation != write.operation
                && self.survives(other.dot)
                && self.are_concurrent(write, other)
                && rank(other) > rank(write)
        };
        let is_excused = |winner: &Write| {
            self.writes.iter().filter(same_key).any(|third| {
                let saw_loser = third.index > write.index && self.saw(third, write.dot);
                let saw_winner = third.index > winner.index && self.saw(third, winner.dot);
                third.index != winner.index && saw_loser && !saw_winner
            })
        };
        self.writes
            .iter()
            .filter(same_key)
            .filter(wins)
            .filter(|winner| !is_excused(winner))
            .collect()
    }

    /// Whether the link was cut at some time from the first of the two executions to the second.
    fn was_cut(&self, loser: &Write, winner: &Write) -> bool {
        let (from, to) = (loser.at.min(winner.at), loser.at.max(winner.at));
        let mut since = None;
        for Recorded { at, fact, .. } in &self.story.facts {
            match *fact {
                Fact::LinkDisrupted { source, target }
                    if (source.index(), target.index()) == (loser.member, winner.member) =>
                {
                    since.get_or_insert(at.as_nanos());
                }
                Fact::LinkCaughtUp { source, target }
                    if (source.index(), target.index()) == (loser.member, winner.member)
                        && since.take().is_some_and(|since| since <= to)
                        && at.as_nanos() >= from =>
                {
                    return true;
                }
                _ => {}
            }
        }
        since.is_some_and(|since| since <= to)
    }

    fn home(&self, operation: u32) -> u32 {
        self.story.operations[operation as usize].0 % 3
    }

    /// Acknowledged, then missing at a member that somebody of the same home moved to, then there.
    fn is_late(&self, operation: u32) -> bool {
        let Some((acked, _)) = self.acked(operation) else {
            return false;
        };
        let has = |index: usize, member: usize| {
            self.of(operation)
                .any(|write| self.holdings[index][member].contains(&write.dot))
        };
        self.story
            .facts
            .iter()
            .enumerate()
            .any(|(index, recorded)| match recorded.fact {
                Fact::Adopted { server, to, .. } => {
                    server.0 % 3 == self.home(operation)
                        && index > acked
                        && !(0..=index).any(|before| has(before, to.index()))
                        && (index..self.holdings.len()).any(|after| has(after, to.index()))
                }
                _ => false,
            })
    }

    fn counts(&self) -> WriteCounts {
        let mut counts = WriteCounts::default();
        for operation in 0..self.issued.len() as u32 {
            if self.command(operation).is_write() {
                self.count(operation, &mut counts);
            }
        }
        counts
    }

    fn count(&self, operation: u32, counts: &mut WriteCounts) {
        let survivors: Vec<&Write> = self
            .of(operation)
            .filter(|write| self.survives(write.dot))
            .collect();
        let has_effect = self.of(operation).next().is_some();
        if self.acked(operation).is_none() {
            if self
                .ended
                .get(&operation)
                .is_some_and(|end| end.2 == Ending::Failed)
                && !has_effect
            {
                return;
            }
            if survivors.is_empty() {
                counts.unknown_absent += 1;
            } else {
                counts.unknown_present += 1;
            }
            return;
        }
        counts.acked += 1;
        if has_effect && survivors.is_empty() {
            counts.lost += 1;
            return;
        }
        counts.late += u64::from(self.is_late(operation));
        let is_register = self.story.operations[operation as usize]
            .1
            .is_multiple_of(3);
        let (mut hard, mut soft, mut back) = (false, false, false);
        for own in self.of(operation) {
            for other in self
                .writes
                .iter()
                .filter(|other| other.operation != operation)
            {
                if !Self::touch_alike(&own.effect, &other.effect)
                    || !self.are_concurrent(own, other)
                {
                    continue;
                }
                if !is_register && self.is_removal(operation) == self.is_removal(other.operation) {
                    soft = true;
                } else {
                    hard = true;
                    back |= !is_register && self.is_removal(operation);
                }
            }
        }
        counts.conflicting += u64::from(hard);
        counts.conflicting_commuting += u64::from(soft && !hard);
        counts.duplicated +=
            u64::from(survivors.len() > 1 && !self.command(operation).is_idempotent());
        if is_register && !survivors.is_empty() {
            let winners: Vec<Vec<&Write>> = survivors.iter().map(|own| self.winners(own)).collect();
            if winners.iter().all(|winners| !winners.is_empty()) {
                let earliest = |winners: &[&Write], own: &Write| {
                    let mut origins: BTreeMap<u16, &Write> = BTreeMap::new();
                    for winner in winners {
                        let first = origins.entry(winner.dot.0).or_insert(winner);
                        if winner.dot.1 < first.dot.1 {
                            *first = winner;
                        }
                    }
                    origins.values().any(|winner| self.was_cut(own, winner))
                };
                if survivors
                    .iter()
                    .zip(&winners)
                    .any(|(own, winners)| earliest(winners, own))
                {
                    counts.overwritten_by_fault += 1;
                } else {
                    counts.overwritten_ordinary += 1;
                }
            }
            back |= self.is_removal(operation)
                && winners
                    .iter()
                    .flatten()
                    .any(|winner| !self.is_removal(winner.operation));
        }
        counts.resurrected += u64::from(back);
    }

    /// Stale reads: the newest write acknowledged by the issue is not held by the member.
    fn stale_reads(&self) -> u64 {
        let mut stale = 0;
        for operation in 0..self.issued.len() as u32 {
            let (_, key, command) = self.story.operations[operation as usize];
            let Some((answered, _)) = self.acked(operation) else {
                continue;
            };
            if command.is_write() {
                continue;
            }
            let Fact::AttemptEnded { attempt: last, .. } = self.story.facts[answered - 1].fact
            else {
                panic!("the attempt ends before its operation")
            };
            let execution = self.story.facts[..answered]
                .iter()
                .enumerate()
                .rev()
                .find_map(|(index, recorded)| match recorded.fact {
                    Fact::ReadExecuted {
                        operation: read,
                        attempt,
                        member,
                        ..
                    } if read.0 == operation && attempt == last => Some((index, member.index())),
                    _ => None,
                });
            let Some((index, member)) = execution else {
                continue;
            };
            let newest_by = |time: u64| {
                (0..self.issued.len() as u32)
                    .filter(|&write| self.command(write).is_write())
                    .filter(|&write| self.story.operations[write as usize].1 == key)
                    .filter_map(|write| Some((self.acked(write)?.1, write)))
                    .filter(|&(acked, _)| acked <= time)
                    .max()
            };
            if let Some((_, newest)) = newest_by(self.issued[operation as usize]) {
                // What every member has had counts as seen, unless it is the newest of all (and has one
                // effect, by which it can be told).
                let is_newest =
                    newest_by(self.story.facts[index].at.as_nanos()).unwrap().1 == newest;
                let has = self
                    .of(newest)
                    .any(|write| self.holdings[index][member].contains(&write.dot));
                let was_everywhere = self
                    .of(newest)
                    .all(|write| self.everywhere[index].contains(&write.dot));
                let has_effect = self.of(newest).next().is_some();
                let is_told = is_newest && self.of(newest).count() == 1;
                let has = has || (has_effect && was_everywhere && !is_told);
                stale += u64::from(!has);
            }
        }
        stale
    }

    fn is_lost(&self, operation: u32) -> bool {
        let survives = self.of(operation).any(|write| self.survives(write.dot));
        self.of(operation).next().is_some() && !survives
    }

    /// Whether `member` lacked the write when somebody moved there at `at`, and got it later.
    fn was_missing(&self, operation: u32, member: usize, at: u64) -> bool {
        let has = |index: usize| {
            self.of(operation)
                .any(|write| self.holdings[index][member].contains(&write.dot))
        };
        let facts = &self.story.facts;
        let moved = facts
            .iter()
            .rposition(|recorded| recorded.at.as_nanos() <= at)
            .unwrap();
        !(0..=moved).any(has) && (moved..facts.len()).any(has)
    }

    /// From the oldest acknowledgement of those writes to the newest, or to the incident.
    fn rpo(&self, begins: u64, counts: impl Fn(u32, u64) -> bool) -> u64 {
        let acked: Vec<u64> = (0..self.issued.len() as u32)
            .filter_map(|operation| Some((operation, self.acked(operation)?.1)))
            .filter(|&(operation, acked)| counts(operation, acked))
            .map(|(_, acked)| acked)
            .collect();
        let Some(&oldest) = acked.iter().min() else {
            return 0;
        };
        acked
            .iter()
            .copied()
            .fold(begins, u64::max)
            .saturating_sub(oldest)
            .max(1_000_000)
    }

    /// From the incident to the end of the first episode of failed writes that overlaps it.
    fn rto(&self, server: u32, begins: u64, ends: u64) -> Option<u64> {
        let episodes = self.episodes(server, Traffic::Writes);
        let first = episodes
            .iter()
            .find(|&&(from, to)| from <= ends && to.is_none_or(|to| to > begins));
        first.map_or(Some(0), |&(_, to)| to.map(|to| to - begins))
    }

    /// Episodes of a server: issue of the first bad request, and the end.
    fn episodes(&self, server: u32, traffic: Traffic) -> Vec<(u64, Option<u64>)> {
        let second = 1_000_000_000;
        let horizon = self.story.shape.calm_ends.as_nanos();
        // Each bad moment with the issue of its request; each request's span of being overdue.
        let (mut bad, mut good, mut overdue) = (Vec::new(), Vec::new(), Vec::new());
        for operation in 0..self.issued.len() as u32 {
            let (of, _, command) = self.story.operations[operation as usize];
            let issued = self.issued[operation as usize];
            if of != server || command.is_write() != (traffic == Traffic::Writes) {
                continue;
            }
            let end = self.ended.get(&operation);
            let ended = end.map_or(u64::MAX, |end| end.1);
            if ended > issued + second {
                bad.push((issued + second, issued));
                overdue.push((issued + second, ended));
            }
            match end {
                Some(&(_, at, Ending::Acknowledged)) if at <= issued + second => {
                    good.push((at, issued));
                }
                Some(&(_, at, Ending::Failed | Ending::Unknown)) => bad.push((at, issued)),
                _ => {}
            }
        }
        bad.retain(|moment| moment.0 <= horizon);
        bad.sort_unstable();
        good.sort_unstable();
        let mut episodes: Vec<(u64, Option<u64>)> = Vec::new();
        let mut from = 0;
        while let Some(&(shown, _)) = bad.iter().find(|moment| moment.0 >= from) {
            let floor = episodes.last().and_then(|last| last.1).unwrap_or(0);
            let start_by = |by: u64| {
                let issues = bad
                    .iter()
                    .filter(|moment| moment.0 >= shown && moment.0 <= by);
                issues.map(|moment| moment.1).min().unwrap().max(floor)
            };
            let end = good.iter().find(|&&(at, issued)| {
                at > shown
                    && issued > start_by(at)
                    && at + second <= horizon
                    && !bad
                        .iter()
                        .any(|moment| (at..at + second).contains(&moment.0))
                    && !overdue
                        .iter()
                        .any(|&(since, until)| since < at && until > at)
            });
            let Some(&(at, _)) = end else {
                episodes.push((start_by(u64::MAX), None));
                break;
            };
            episodes.push((start_by(at), Some(at)));
            from = at + second;
        }
        episodes
    }
}

/// One step of a random history: what, and which.
type Step = (u8, u8, u8, u8);

/// A history that keeps the rules of a replicated store, from random steps.
#[derive(Default)]
struct Pending {
    /// Operation, attempt, member, whether executed.
    open: Vec<(u32, u8, u8, bool)>,
    /// Attempts that the client gave up and a member may still execute.
    zombies: Vec<(u32, u8, u8)>,
}

fn history(steps: &[Step]) -> Story {
    let faults = vec![
        crash(0, 0, Disks::Lost),
        crash(1, 1, Disks::Kept),
        crash(2, 2, Disks::Lost),
    ];
    let mut story = Story::new(shape(4, faults));
    let mut using = [0_u8, 1, 2, 0];
    let mut cut = [[false; 3]; 3];
    let mut pending = Pending::default();
    for &(what, a, b, c) in steps {
        // Odd nanoseconds, so that no two things happen at one moment.
        story.now += 1_000_001 + u64::from(c) * u64::from(c) * 50_003;
        let (member, other) = (a % 3, b % 3);
        match what % 16 {
            0..=4 => {
                let server = u32::from(a % 4);
                let key = u32::from(b % 6);
                let choices: &[CommandKind] = match key % 3 {
                    0 => &[CommandKind::Set, CommandKind::Set, CommandKind::Del],
                    1 => &[CommandKind::Incr, CommandKind::Incr, CommandKind::Del],
                    _ => &[CommandKind::SAdd, CommandKind::SRem, CommandKind::SAdd],
                };
                let command = if what % 16 == 4 {
                    CommandKind::Get
                } else {
                    choices[usize::from(c) % 3]
                };
                let operation = story.issue(server, key, command);
                let target = using[server as usize];
                story.send(operation, 0, target);
                let is_executed = story.up[usize::from(target)] && c % 5 != 0;
                if is_executed {
                    story.execute(operation, 0, target, i64::from(c % 7) * 1_000);
                }
                if is_executed && c % 4 != 0 {
                    story.now += 7;
                    story.ack(operation, target);
                } else {
                    pending.open.push((operation, 0, target, is_executed));
                }
            }
            5 | 6 => advance(&mut story, &mut pending, &using, a, b, c),
            7..=10 => {
                let (source, target) = (usize::from(member), usize::from(other));
                if source != target && !cut[source][target] && story.up[source] && story.up[target]
                {
                    for origin in 0..story.applied[source].len() {
                        let known = story.applied[target][origin];
                        story.apply(target, source, origin, known + 1 + u64::from(c % 4));
                    }
                }
            }
            11 if member != other => {
                cut[usize::from(member)][usize::from(other)] = true;
                story.cut(member, other);
            }
            12 if story.up[usize::from(member)] && story.up[usize::from(other)] => {
                if std::mem::take(&mut cut[usize::from(member)][usize::from(other)]) {
                    story.mend(member, other);
                }
            }
            13 if story.up.iter().all(|up| *up) && c % 2 == 0 => {
                let disks = if member == 1 {
                    Disks::Kept
                } else {
                    Disks::Lost
                };
                story.stop(member, u16::from(member), disks);
            }
            13 | 14 => {
                if let Some(down) = story.up.iter().position(|up| !up) {
                    story.restart(down as u8, down as u16);
                }
            }
            _ => {
                let server = a % 4;
                let from = using[usize::from(server)];
                if from != other {
                    using[usize::from(server)] = other;
                    story.adopt(u32::from(server), from, other);
                }
            }
        }
    }
    drain(&mut story);
    story
}

/// An operation under way takes its next step: executed, acknowledged, given up, or tried again.
fn advance(story: &mut Story, pending: &mut Pending, using: &[u8], a: u8, b: u8, c: u8) {
    if a.is_multiple_of(4) && !pending.zombies.is_empty() {
        let (operation, attempt, member) = pending
            .zombies
            .remove(usize::from(b) % pending.zombies.len());
        if story.up[usize::from(member)] {
            story.execute(operation, attempt, member, 0);
        }
        return;
    }
    if pending.open.is_empty() {
        return;
    }
    let index = usize::from(b) % pending.open.len();
    let (operation, attempt, member, is_executed) = pending.open[index];
    let is_up = story.up[usize::from(member)];
    match (is_executed, c % 4) {
        (true, 0 | 1) => {
            pending.open.remove(index);
            story.end(operation, attempt, member, Ending::Acknowledged);
        }
        (false, 0 | 1) if is_up => {
            pending.open[index].3 = true;
            story.execute(operation, attempt, member, -1_000);
        }
        (_, 2) => {
            pending.open.remove(index);
            story.end(operation, attempt, member, Ending::Unknown);
            if !is_executed {
                pending.zombies.push((operation, attempt, member));
            }
        }
        (_, 3) if attempt < 3 => {
            let server = story.operations[operation as usize].0;
            let target = using[server as usize];
            if !is_executed {
                pending.zombies.push((operation, attempt, member));
            }
            story.send(operation, attempt + 1, target);
            pending.open[index] = (operation, attempt + 1, target, false);
        }
        _ => {}
    }
}

/// All that can still spread spreads.
fn drain(story: &mut Story) {
    story.now = story.now.max(story.shape.calm_ends.as_nanos() + 1);
    for _ in 0..2 {
        for (source, target) in [(0, 1), (1, 2), (2, 0), (0, 2), (2, 1), (1, 0)] {
            if story.up[source] && story.up[target] {
                story.sync(source, target);
            }
        }
    }
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
