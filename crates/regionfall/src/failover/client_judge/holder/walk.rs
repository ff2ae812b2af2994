//! Leases in full: a coordinator and two holders, whose notes are late, come in any order or are lost, whose processes stand
//! still, and who want one value and then the other. However these meet, no two members are in use at once.
//!
//! A walk that never fails shows nothing. So it is walked once more over leases that are broken in the ways that matter, and
//! must see each.

use std::collections::{BTreeSet, VecDeque};

use regionfall_kernel::SimDuration;

use super::super::super::conduct::LeaseConfig;
use super::super::super::coordinator::Coordinator;
use super::super::super::decider::{Action, Decider, LocalTime, Sight};
use super::super::super::note::{Note, Party};
use super::super::{DRAINED, RENEW};
use super::Holder;
use crate::topology::{MemberId, RegionId};

const SECOND: u64 = 1_000_000_000;
/// So many are under way at once; more are lost.
const UNDER_WAY: usize = 2;
/// Clocks of holders begin here, so that they can be set back.
const BASE: u64 = 100;

/// What is walked.
#[derive(Clone, Copy, Debug)]
struct Lease {
    patience: f64,
    lock_delay: u64,
    broken: Broken,
    /// A note that is not there after so many seconds more is lost.
    latest: u64,
    /// Whether the first holder's process may stand still.
    stands_still: bool,
}

/// How a lease can be broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    Nothing,
    /// A holder counts from when it got the lease, not from when it asked.
    CountsFromTheGrant,
    /// A holder lets go, says so, and goes on for a second.
    GoesOnAfterRelease,
    /// The clock of the first holder is set back in the first second, by so many.
    ClockSetBack(u64),
}

const ETCD: Lease = Lease {
    patience: 1.0,
    lock_delay: 0,
    broken: Broken::Nothing,
    latest: 1,
    stands_still: true,
};
/// Twice the time to live, and a lock delay after it (`SessionTTLMultiplier`, `lock-delay`). All this takes longer, so notes
/// arrive within their second or not at all.
const CONSUL: Lease = Lease {
    patience: 2.0,
    lock_delay: 1,
    broken: Broken::Nothing,
    latest: 0,
    stands_still: false,
};
/// How long a lease lasts for its holder.
const TTL: u64 = 2;

/// A note under way, oldest first in what sorts it: when it was sent, from whom, to whom (none: the coordinator).
#[derive(Clone, Debug)]
struct Letter {
    sent: u64,
    from: u32,
    to: Option<u32>,
    note: Note,
}

#[derive(Clone, Debug)]
struct Client {
    holder: Holder,
    wakes: BTreeSet<(u64, u32)>,
    /// By how much its clock was set back.
    behind: u64,
    has_proposed: bool,
    /// A member that it uses without a right to, and until when.
    clings: Option<(MemberId, u64)>,
}

#[derive(Clone, Debug)]
struct Town {
    now: u64,
    coordinator: Coordinator,
    wakes: BTreeSet<(u64, u32)>,
    clients: [Client; 2],
    letters: Vec<Letter>,
}

impl Town {
    fn new(lease: Lease) -> Self {
        let config = LeaseConfig {
            region: RegionId(0),
            ttl: SimDuration::from_secs(TTL),
            renew_every: SimDuration::from_secs(1),
            patience: lease.patience,
            lock_delay: SimDuration::from_secs(lease.lock_delay),
            drain: SimDuration::from_secs(1),
            fencing: true,
        };
        let client = || Client {
            holder: Holder::new(&config, MemberId(0)),
            wakes: BTreeSet::new(),
            behind: 0,
            has_proposed: false,
            clings: None,
        };
        let mut town = Self {
            now: 0,
            coordinator: Coordinator::new(config.clone(), &[MemberId(0)], vec![0, 0]),
            wakes: BTreeSet::new(),
            clients: [client(), client()],
            letters: Vec::new(),
        };
        for index in 0..2 {
            town.with_holder(index, |holder, now, out| holder.timer(now, true, out));
        }
        town
    }

    fn clock(&self, index: u32) -> LocalTime {
        LocalTime((BASE + self.now - self.clients[index as usize].behind) * SECOND)
    }

    fn send(&mut self, from: u32, to: Option<u32>, note: Note) {
        if self.letters.len() < UNDER_WAY {
            let sent = self.now;
            self.letters.push(Letter {
                sent,
                from,
                to,
                note,
            });
        }
    }

    fn with_holder(
        &mut self,
        index: u32,
        act: impl FnOnce(&mut Holder, LocalTime, &mut Vec<Action>),
    ) {
        let now = self.clock(index);
        let mut out = Vec::new();
        act(&mut self.clients[index as usize].holder, now, &mut out);
        for action in out {
            match action {
                Action::Send { note, .. } => self.send(index, None, note),
                Action::Wake { at, token } => {
                    self.clients[index as usize]
                        .wakes
                        .insert((at.0 / SECOND, token));
                }
                _ => {}
            }
        }
    }

    fn with_coordinator(&mut self, sight: Sight) {
        let mut out = Vec::new();
        self.coordinator
            .observe(LocalTime(self.now * SECOND), sight, &mut out);
        for action in out {
            match action {
                Action::Send {
                    to: Party::Decider(to),
                    note,
                } => self.send(0, Some(to), note),
                Action::Wake { at, token } => {
                    self.wakes.insert((at.0.div_ceil(SECOND), token));
                }
                _ => {}
            }
        }
    }

    /// A note arrives.
    fn deliver(&mut self, place: usize, broken: Broken) {
        let letter = self.letters.remove(place);
        let Some(to) = letter.to else {
            let Letter { from, note, .. } = letter;
            return self.with_coordinator(Sight::Received { from, note });
        };
        let mut note = letter.note;
        let now = self.clock(to);
        if let Note::Grant { asked, .. } = &mut note
            && broken == Broken::CountsFromTheGrant
        {
            *asked = now;
        }
        let used = self.used(to);
        self.with_holder(to, |holder, now, out| {
            holder.received(now, note, out);
        });
        if broken == Broken::GoesOnAfterRelease && matches!(note, Note::Revoke { .. }) {
            let until = self.now + 2;
            self.clients[to as usize].clings = used.map(|member| (member, until));
        }
    }

    /// A second passes, in which the processes of some holders stand still.
    fn pass(&mut self, latest: u64, stands_still: Option<u32>) {
        self.now += 1;
        let now = self.now;
        self.letters.retain(|letter| letter.sent + latest >= now);
        for index in (0..2).filter(|&index| Some(index) != stands_still) {
            let clock = self.clock(index).0 / SECOND;
            let wakes = &mut self.clients[index as usize].wakes;
            let due: Vec<_> = wakes
                .iter()
                .copied()
                .filter(|&(at, _)| at <= clock)
                .collect();
            wakes.retain(|&(at, _)| at > clock);
            for (_, token) in due {
                assert!(token == RENEW || token == DRAINED, "{token} is a holder's");
                self.with_holder(index, |holder, now, out| {
                    holder.timer(now, token == RENEW, out);
                });
            }
        }
        while let Some(&(at, token)) = self.wakes.first()
            && at <= self.now
        {
            self.wakes.pop_first();
            self.with_coordinator(Sight::Woken { token });
        }
    }

    /// The member that a client uses, standing still or not: what it has checked just now it does.
    fn used(&self, index: u32) -> Option<MemberId> {
        let client = &self.clients[index as usize];
        let clings = client.clings.filter(|&(_, until)| self.now < until);
        let now = self.clock(index);
        let mut members = [MemberId(0), MemberId(1)].into_iter();
        let held = members.find(|&member| client.holder.may_use(now, member));
        held.or(clings.map(|(member, _)| member))
    }

    /// Every step that can come next.
    fn steps(&self, lease: Lease) -> Vec<Self> {
        let broken = lease.broken;
        let mut steps = Vec::new();
        for place in 0..self.letters.len() {
            let mut next = self.clone();
            next.deliver(place, broken);
            steps.push(next);
        }
        for stands_still in [None, Some(0)]
            .into_iter()
            .take(1 + usize::from(lease.stands_still))
        {
            let mut next = self.clone();
            next.pass(lease.latest, stands_still);
            steps.push(next);
        }
        // The second holder wants the other member.
        if !self.clients[1].has_proposed {
            let mut next = self.clone();
            next.clients[1].has_proposed = true;
            next.with_holder(1, |holder, _, out| holder.propose(MemberId(1), out));
            steps.push(next);
        }
        if let Broken::ClockSetBack(by) = broken
            && (self.clients[0].behind, self.now) == (0, 0)
        {
            let mut next = self.clone();
            next.clients[0].behind = by;
            steps.push(next);
        }
        steps
    }
}

impl Town {
    /// What tells one state from another.
    fn key(&self) -> Vec<u64> {
        let mut key = vec![self.now];
        key.extend(self.coordinator.state_of(0));
        key.push(u64::MAX);
        key.extend(
            self.wakes
                .iter()
                .flat_map(|&(at, token)| [at, u64::from(token)]),
        );
        for client in &self.clients {
            let Holder {
                member,
                version,
                until,
                letting_go,
                wants,
                ..
            } = client.holder;
            let wants = wants.map_or(0, |wants| u64::from(wants.0) + 1);
            key.push(u64::MAX);
            key.push(u64::from(member.0) | wants << 8 | u64::from(version) << 32);
            key.push(until.0 | u64::from(letting_go.unwrap_or(0)));
            key.push(client.behind << 1 | u64::from(client.has_proposed));
            key.push(
                client
                    .clings
                    .map_or(0, |(member, until)| u64::from(member.0) + 1 + (until << 8)),
            );
            key.extend(
                client
                    .wakes
                    .iter()
                    .flat_map(|&(at, token)| [at, u64::from(token)]),
            );
        }
        let mut letters: Vec<[u64; 3]> = self.letters.iter().map(Letter::key).collect();
        letters.sort_unstable();
        key.push(u64::MAX);
        key.extend(letters.into_iter().flatten());
        key
    }
}

impl Letter {
    fn key(&self) -> [u64; 3] {
        let to = self.to.map_or(0, |to| u64::from(to) + 1);
        let [kind, version, rest] = match self.note {
            Note::Renew { version, asked } => [0, version, (asked.0 / SECOND) as u32],
            Note::Grant {
                member,
                version,
                asked,
            } => [1 + u32::from(member.0), version, (asked.0 / SECOND) as u32],
            Note::Revoke { version } => [3, version, 0],
            Note::Release { version } => [4, version, 0],
            Note::Changed => [5, 0, 0],
            Note::Propose { version, member } => [6, version, u32::from(member.0)],
            Note::Vote { .. } => panic!("nobody votes here"),
        };
        let note = u64::from(kind) | u64::from(version) << 8;
        [
            self.sent << 8 | u64::from(self.from) << 4 | to,
            note,
            u64::from(rest),
        ]
    }
}

/// How a walk ended.
struct Walked {
    states: usize,
    /// Changes of the value that some holder has followed.
    changes: u32,
    /// The first state with two members in use.
    two: Option<Box<Town>>,
}

fn walk(lease: Lease, seconds: u64) -> Walked {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([Town::new(lease)]);
    let mut walked = Walked {
        states: 0,
        changes: 0,
        two: None,
    };
    while let Some(town) = queue.pop_front() {
        for next in town.steps(lease) {
            if next.now > seconds || !seen.insert(next.key()) {
                continue;
            }
            if let (Some(one), Some(other)) = (next.used(0), next.used(1))
                && one != other
            {
                walked.two = Some(Box::new(next));
                return walked;
            }
            let version = next
                .clients
                .iter()
                .map(|client| client.holder.version)
                .max();
            walked.changes = walked.changes.max(version.unwrap_or(0));
            queue.push_back(next);
        }
    }
    walked.states = seen.len();
    walked
}

#[test]
fn no_two_members_are_in_use_whatever_becomes_of_notes_and_processes() {
    for (lease, seconds, states) in [(ETCD, 4, 50_000), (CONSUL, 7, 30_000)] {
        let walked = walk(lease, seconds);
        assert!(walked.two.is_none(), "{:?}", walked.two);
        assert!(
            walked.states > states,
            "{lease:?}: {} states",
            walked.states
        );
        assert_eq!(walked.changes, 2, "{lease:?}: the value changed");
    }
}

#[test]
fn leases_that_are_broken_are_seen() {
    for (lease, broken) in [
        (ETCD, Broken::CountsFromTheGrant),
        (ETCD, Broken::GoesOnAfterRelease),
        (CONSUL, Broken::GoesOnAfterRelease),
    ] {
        let two = walk(Lease { broken, ..lease }, 7).two;
        assert!(two.is_some(), "{broken:?} is not seen");
    }
}

#[test]
fn a_clock_that_is_set_back_makes_two_holders_and_only_one_of_them_has_the_newest_version() {
    let broken = Broken::ClockSetBack(1);
    let two = walk(Lease { broken, ..ETCD }, 7).two;
    // What fencing goes by: the late one carries an older version.
    let versions = two
        .expect("it is seen")
        .clients
        .map(|client| client.holder.version);
    assert_eq!(versions, [1, 2]);
}

#[test]
fn patience_and_a_lock_delay_forgive_a_clock_that_is_set_back_by_no_more() {
    // Twice the time to live, and the lock delay: 2 and 1 seconds more than the holder counts.
    for (by, is_seen) in [(3, false), (4, true)] {
        let broken = Broken::ClockSetBack(by);
        let walked = walk(Lease { broken, ..CONSUL }, 7);
        assert_eq!(walked.two.is_some(), is_seen, "{by} s: {:?}", walked.two);
    }
}
