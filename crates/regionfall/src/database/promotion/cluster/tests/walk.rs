//! The election of a replica in full: a primary is dead, and its two replicas ask the primaries that are left for votes. Requests
//! and votes are late, come in any order or not at all, a replica may stand again in another epoch, and one process may start
//! again in the middle. However these meet, an epoch makes one primary, by the votes of a majority in it, and each voter votes in it
//! once.
//!
//! A walk that never fails shows nothing. So it is walked again over clusters that are broken in the ways that matter, and must
//! see each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use regionfall_kernel::{Seed, SimDuration};

use super::super::{
    BusBody, BusMessage, ClusterAction, ClusterConfig, ClusterNote, ClusterProcess, ClusterSight,
    OwnState, ProcessId,
};
use super::town::MS;
use crate::topology::{LocalTime, NodeId};

/// By process: the shard. The first of each shard is its primary; that of shard 0 is dead.
const SHARDS: [u16; 5] = [0, 1, 2, 0, 0];
const DEAD: usize = 0;
const VOTERS: [usize; 2] = [1, 2];
const CANDIDATES: [usize; 2] = [3, 4];
/// A candidate wakes so long after it last did: it stands; the first one gives up later and begins anew, and stands again.
const WAKES: [&[u64]; CANDIDATES.len()] = [&[1_000, 5_000, 1_000], &[1_000]];
/// So long a voter lets pass before it votes for a replica of the same primary again, and a moment.
const PAUSE: u64 = 2_001;

/// How a cluster can be broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    Nothing,
    /// A process that starts again has not kept its file (`lastVoteEpoch`, `currentEpoch`).
    ForgetsItsVote,
    /// A voter votes for whoever asks.
    VotesAgain,
    /// A candidate counts votes of an earlier epoch too.
    CountsOldVotes,
}

#[derive(Clone, Debug)]
struct Letter {
    to: usize,
    message: BusMessage,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "three laws, each broken or not, and whether somebody started again"
)]
struct Town {
    processes: Vec<ClusterProcess>,
    clocks: [u64; SHARDS.len()],
    /// How often each candidate woke, and each voter let time pass.
    steps: [usize; SHARDS.len()],
    letters: Vec<Letter>,
    has_restarted: bool,
    /// By epoch: the process that it made primary of shard 0.
    elected: BTreeMap<u32, usize>,
    /// By voter and epoch: for whom.
    votes: BTreeMap<(usize, u32), usize>,
    /// An epoch made two primaries.
    has_two: bool,
    /// Somebody voted twice in an epoch.
    voted_twice: bool,
    /// Somebody was elected without the votes of a majority in that epoch.
    lacks_votes: bool,
}

fn id(index: usize) -> ProcessId {
    ProcessId {
        node: NodeId::from_index(index),
        shard: SHARDS[index],
    }
}

fn fresh(index: usize) -> ClusterProcess {
    let config = ClusterConfig {
        node_timeout: SimDuration::from_millis(1_000),
        ..ClusterConfig::default()
    };
    let all: Vec<ProcessId> = (0..SHARDS.len()).map(id).collect();
    let draws = Seed::new(7).addressed("cluster");
    ClusterProcess::new(id(index), config, &all, 3, draws)
}

impl Town {
    /// Everybody alive has heard that the primary of shard 0 fails.
    fn new() -> Self {
        let mut town = Self {
            processes: (0..SHARDS.len()).map(fresh).collect(),
            clocks: [0; SHARDS.len()],
            steps: [0; SHARDS.len()],
            letters: Vec::new(),
            has_restarted: false,
            elected: BTreeMap::new(),
            votes: BTreeMap::new(),
            has_two: false,
            voted_twice: false,
            lacks_votes: false,
        };
        for index in VOTERS.into_iter().chain(CANDIDATES) {
            town.begin(index);
        }
        town
    }

    /// A process starts, and hears from another that the primary of shard 0 fails.
    fn begin(&mut self, index: usize) {
        let now = LocalTime(self.clocks[index]);
        self.processes[index].start(now, &mut Vec::new());
        let from = VOTERS[usize::from(index == VOTERS[0])];
        let message = BusMessage {
            from: id(from),
            epoch: 3,
            configuration: u32::from(SHARDS[from]) + 1,
            replica_of: None,
            offset: 0,
            body: BusBody::Fail(id(DEAD)),
        };
        self.show(index, ClusterSight::Received(message));
    }

    fn show(&mut self, index: usize, sight: ClusterSight) {
        let now = LocalTime(self.clocks[index]);
        let mut out = Vec::new();
        self.processes[index].observe(now, sight, &mut out);
        for action in out {
            match action {
                ClusterAction::Send { to, message } | ClusterAction::Answer { to, message } => {
                    self.post(to.node.index(), message);
                }
                ClusterAction::BecomePrimary { epoch } => {
                    self.has_two |= *self.elected.entry(epoch).or_insert(index) != index;
                    let own = self.votes.iter();
                    let own = own.filter(|&(&(_, of), &whom)| (of, whom) == (epoch, index));
                    // Of three primaries one is dead.
                    self.lacks_votes |= own.count() < 2;
                }
                ClusterAction::Note(ClusterNote::Voted { candidate, epoch }) => {
                    let whom = candidate.node.index();
                    self.voted_twice |= self.votes.insert((index, epoch), whom).is_some();
                }
                _ => {}
            }
        }
    }

    /// Of what is sent only requests for votes and votes arrive: who is elected is heard of by nobody, and candidates do not hear
    /// of each other, so that they stand in the same epoch whenever they can.
    fn post(&mut self, to: usize, message: BusMessage) {
        let goes = match message.body {
            BusBody::VoteRequest => VOTERS.contains(&to),
            BusBody::Vote => true,
            _ => false,
        };
        if goes {
            self.letters.push(Letter { to, message });
        }
    }

    fn deliver(&mut self, place: usize, broken: Broken) {
        let Letter { to, mut message } = self.letters.remove(place);
        let process = &mut self.processes[to];
        match (&message.body, broken) {
            (BusBody::VoteRequest, Broken::VotesAgain) => {
                process.voted_in = 0;
                if let Some(dead) = process.belief(id(DEAD)) {
                    dead.voted_at = None;
                }
            }
            (BusBody::Vote, Broken::CountsOldVotes) => {
                message.epoch = message.epoch.max(process.epoch);
            }
            _ => {}
        }
        self.show(to, ClusterSight::Received(message));
    }

    /// A process dies and starts again. What was on its way to it still arrives, over a new connection.
    fn restart(&mut self, index: usize, broken: Broken) {
        self.has_restarted = true;
        if broken == Broken::ForgetsItsVote {
            self.processes[index] = fresh(index);
        }
        self.begin(index);
    }

    /// Every step that can come next. What is never delivered is lost.
    fn next(&self, broken: Broken) -> Vec<Self> {
        let mut steps = Vec::new();
        for place in 0..self.letters.len() {
            let mut next = self.clone();
            next.deliver(place, broken);
            steps.push(next);
        }
        for index in CANDIDATES {
            let wakes = WAKES[index - CANDIDATES[0]];
            if let Some(after) = wakes.get(self.steps[index])
                && !self.processes[index].is_primary()
            {
                let mut next = self.clone();
                next.steps[index] += 1;
                next.clocks[index] += after * MS;
                next.show(index, ClusterSight::Woken(OwnState::default()));
                steps.push(next);
            }
        }
        for index in VOTERS.into_iter().filter(|&index| self.steps[index] == 0) {
            let mut next = self.clone();
            next.steps[index] += 1;
            next.clocks[index] += PAUSE * MS;
            steps.push(next);
        }
        if !self.has_restarted {
            // The others are in no other place than these.
            for index in [VOTERS[0], CANDIDATES[0]] {
                let mut next = self.clone();
                next.restart(index, broken);
                steps.push(next);
            }
        }
        steps
    }

    /// What tells one state from another. Whom a process pings and holds for silent has no part in an election.
    fn key(&self) -> String {
        use std::fmt::Write as _;
        let mut key = String::new();
        for index in VOTERS.into_iter().chain(CANDIDATES) {
            let process = &self.processes[index];
            let dead = process.others.iter().find(|other| other.id == id(DEAD));
            let _ = write!(
                key,
                "{} {} {} {} {:?} {:?} {:?} {:?};",
                self.steps[index],
                process.drawn,
                process.epoch,
                process.voted_in,
                process.replica_of.map(|primary| primary.node.0),
                process.served[0],
                process.candidacy,
                dead.map(|dead| (dead.health, dead.voted_at)),
            );
        }
        let letter = |letter: &Letter| {
            let Letter { to, message } = letter;
            let is_vote = message.body == BusBody::Vote;
            let from = message.from.node.0;
            (*to, from, is_vote, message.epoch)
        };
        let mut letters: Vec<_> = self.letters.iter().map(letter).collect();
        letters.sort_unstable();
        let _ = write!(
            key,
            "{letters:?} {} {:?} {:?}",
            self.has_restarted, self.elected, self.votes
        );
        key
    }
}

struct Walked {
    states: usize,
    /// By epoch: in how many states it had just made a primary.
    elections: BTreeMap<u32, usize>,
    wrong: Option<Box<Town>>,
}

fn walk(broken: Broken, is_wrong: fn(&Town) -> bool) -> Walked {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([Town::new()]);
    let mut walked = Walked {
        states: 0,
        elections: BTreeMap::new(),
        wrong: None,
    };
    while let Some(town) = queue.pop_front() {
        for next in town.next(broken) {
            if is_wrong(&next) {
                walked.wrong = Some(Box::new(next));
                return walked;
            }
            if seen.insert(next.key()) {
                for &epoch in next.elected.keys() {
                    let is_new = !town.elected.contains_key(&epoch);
                    *walked.elections.entry(epoch).or_default() += usize::from(is_new);
                }
                queue.push_back(next);
            }
        }
    }
    walked.states = seen.len();
    walked
}

#[test]
fn an_epoch_makes_one_primary_and_each_voter_votes_in_it_once() {
    let walked = walk(Broken::Nothing, |town| {
        town.has_two || town.voted_twice || town.lacks_votes
    });
    assert!(walked.wrong.is_none(), "{:?}", walked.wrong);
    assert!(walked.states > 40_000, "{} states", walked.states);
    // The first election is epoch 4; whoever fails in it is elected in a later one.
    assert!(walked.elections.len() > 1, "{:?}", walked.elections);
    let all: usize = walked.elections.values().sum();
    assert!(all > 300, "{:?}", walked.elections);
}

#[test]
fn clusters_that_are_broken_are_seen() {
    let twice: fn(&Town) -> bool = |town| town.voted_twice;
    let two: fn(&Town) -> bool = |town| town.has_two;
    let unvoted: fn(&Town) -> bool = |town| town.lacks_votes;
    for (broken, is_wrong) in [
        (Broken::ForgetsItsVote, twice),
        (Broken::VotesAgain, twice),
        (Broken::VotesAgain, two),
        (Broken::CountsOldVotes, unvoted),
    ] {
        let wrong = walk(broken, is_wrong).wrong;
        assert!(wrong.is_some(), "{broken:?} is not seen");
    }
}
