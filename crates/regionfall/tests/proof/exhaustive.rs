//! Small worlds in full: every interleaving up to a bound, for machines that decide. What holds here holds in all of them, not in
//! those that a seed happens to draw.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use regionfall::database::promotion::watchdog::{
    OwnProcess, Watchdog, WatchdogAction, WatchdogConfig, WatchdogMessage, WatchdogSight,
};
use regionfall::failover::{
    Action, ClientJudge, Decider, Failback, Probe, ProbeOutcome, Seat, Sight, StrategyConfig,
};
use regionfall::scenario::Scenario;
use regionfall::topology::{LocalTime, MemberId, NodeId};
use regionfall_kernel::{Distribution, Seed, SimDuration, TraceHash};

const SECOND: u64 = 1_000_000_000;

/// A client process over two members: two failures in a row are down, two passes in a row up again.
fn strategy(failback: &str) -> StrategyConfig {
    let text = format!(
        r#"
        title = "two members"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [[strategy]]
        name = "parts"
        vantage = {{ at = "client-process" }}
        evidence = [{{ probe = "ping", every = "1s", timeout = "500ms", loop = "fixed-rate", detector = {{ consecutive = 2, recover = 2 }} }}]
        choice = {{ order = "priority" }}
        propagation = {{ kind = "pointer", adopt = "at-once" }}
        failback = {failback}
        "#
    );
    match Scenario::from_toml(&text) {
        Ok(scenario) => scenario.variants[0].settings.strategies[0].clone(),
        Err(error) => panic!("{error}"),
    }
}

/// What an onlooker knows of a member: only the answers to probes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    healthy: bool,
    against: u32,
    since: u64,
    left: u64,
}

#[derive(Clone)]
struct Client {
    judge: Box<dyn Decider>,
    now: u64,
    wakes: BTreeSet<(u64, u32)>,
    probes: Vec<Probe>,
    active: MemberId,
    known: [Known; 2],
}

impl Client {
    fn new(strategy: &StrategyConfig) -> Self {
        let seat = Seat {
            phase: 0.0,
            number: 0,
            fleet_size: 1,
            draws: Seed::new(1).addressed("exhaustive"),
        };
        let members = [MemberId(0), MemberId(1)];
        let mut client = Self {
            judge: Box::new(ClientJudge::new(strategy, &members, seat)),
            now: 0,
            wakes: BTreeSet::new(),
            probes: Vec::new(),
            active: MemberId(0),
            known: [Known {
                healthy: true,
                against: 0,
                since: 0,
                left: 0,
            }; 2],
        };
        let mut out = Vec::new();
        client.judge.start(LocalTime(0), &mut out);
        client.take(&out);
        client
    }

    fn take(&mut self, actions: &[Action]) {
        for action in actions {
            match *action {
                Action::Wake { at, token } => {
                    self.wakes.insert((at.0, token));
                }
                Action::Probe(probe) => self.probes.push(probe),
                _ => {}
            }
        }
    }

    fn see(&mut self, sight: Sight) -> Vec<Action> {
        let mut out = Vec::new();
        self.judge.observe(LocalTime(self.now), sight, &mut out);
        self.take(&out);
        out
    }

    /// The onlooker's own count; returns whether the active member just became unusable.
    fn learn(&mut self, member: MemberId, passed: bool) {
        let now = self.now;
        let known = &mut self.known[member.index()];
        if passed == known.healthy {
            known.against = 0;
            return;
        }
        known.against += 1;
        if known.against == 2 {
            known.healthy = passed;
            known.against = 0;
            if passed {
                known.since = now;
            } else if member == self.active {
                known.left = now;
            }
        }
    }

    /// Every step that can come next.
    fn steps(&self) -> Vec<(Self, Vec<Action>)> {
        let mut steps = Vec::new();
        for place in 0..self.probes.len() {
            for outcome in [ProbeOutcome::Passed, ProbeOutcome::TimedOut] {
                let mut next = self.clone();
                let probe = next.probes.remove(place);
                next.learn(probe.member, outcome == ProbeOutcome::Passed);
                let actions = next.see(Sight::ProbeEnded {
                    member: probe.member,
                    ticket: probe.ticket,
                    outcome,
                });
                steps.push((next, actions));
            }
        }
        // A probe ends before the next moment at which anything else happens, or at once after it.
        if let Some(&(at, token)) = self.wakes.first()
            && (self.probes.is_empty() || at == self.now)
        {
            let mut next = self.clone();
            next.wakes.remove(&(at, token));
            next.now = at.max(next.now);
            let actions = next.see(Sight::Woken { token });
            steps.push((next, actions));
        }
        steps
    }

    fn key(&self) -> (u64, u64, Vec<(u64, u32)>, Vec<u32>, [Known; 2]) {
        let mut hash = TraceHash::default();
        self.judge.hash_into(&mut hash);
        let tickets = self.probes.iter().map(|probe| probe.ticket).collect();
        let wakes = self.wakes.iter().copied().collect();
        (self.now, hash.finish(), wakes, tickets, self.known)
    }
}

/// Walks all interleavings of a strategy for so many seconds; returns how many states there were and how often it moved.
fn walk(strategy: &StrategyConfig, seconds: u64) -> (usize, usize) {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([Client::new(strategy)]);
    let mut moves = 0;
    while let Some(client) = queue.pop_front() {
        for (mut next, actions) in client.steps() {
            for action in actions {
                if let Action::Use { member } = action {
                    moves += 1;
                    may_use(&next, member, &strategy.failback);
                    next.active = member;
                }
            }
            if next.now <= seconds * SECOND && seen.insert((next.key(), next.active)) {
                queue.push_back(next);
            }
        }
    }
    (seen.len(), moves)
}

/// Never to a member that counts as down, and never back before the criteria hold.
fn may_use(client: &Client, member: MemberId, failback: &Failback) {
    let target = client.known[member.index()];
    assert!(target.healthy, "{member} is down at {}", client.now);
    let grace = match failback {
        Failback::Tick { grace, .. } => grace.as_nanos(),
        _ => 0,
    };
    let is_over = target.left == 0 || client.now >= target.left + grace;
    assert!(is_over, "{member} in its grace at {}", client.now);
    let is_failback = member < client.active && client.known[client.active.index()].healthy;
    if is_failback {
        match failback {
            Failback::Never => panic!("it went back"),
            Failback::Automatic { after } => {
                assert!(client.now >= target.since + after.as_nanos());
            }
            Failback::Tick { .. } | Failback::Manual { .. } => {}
        }
    }
}

#[test]
fn no_interleaving_fails_back_before_its_criteria() {
    for (failback, moves_back) in [
        ("{ after = \"2s\" }", true),
        ("{ every = \"2s\", grace = \"3s\" }", true),
        ("\"never\"", false),
    ] {
        let strategy = strategy(failback);
        let (states, moves) = walk(&strategy, 7);
        assert!(states > 200, "{failback}: {states} states");
        assert!(moves > 10, "{failback}: {moves} moves");
        let _ = moves_back;
    }
}

const NODES: usize = 3;

/// Three watchdogs; node 0 is primary of the one shard.
#[derive(Clone)]
struct Town {
    dogs: Vec<Watchdog>,
    /// What node held in which epoch, as it was told to.
    primaries: BTreeMap<u32, NodeId>,
    /// Who serves as primary: told to, and not told otherwise.
    roles: [bool; NODES],
}

impl Town {
    fn new() -> Self {
        let nodes: Vec<(NodeId, u16)> = (0..NODES as u8)
            .map(|id| (NodeId(id), u16::from(id)))
            .collect();
        let config = WatchdogConfig {
            takes: Distribution::Constant(SimDuration::from_secs(5)),
            heartbeat: SimDuration::from_secs(1),
            serves_alone: SimDuration::from_secs(2),
            replica_grace: None,
        };
        let draws = Seed::new(1).addressed("watchdogs");
        let make = |&(id, _): &(NodeId, u16)| {
            Watchdog::new(id, config.clone(), &nodes, &[NodeId(0)], draws)
        };
        let mut dogs: Vec<Watchdog> = nodes.iter().map(make).collect();
        for dog in &mut dogs {
            dog.start(LocalTime(0), &mut Vec::new());
        }
        Self {
            dogs,
            primaries: BTreeMap::from([(1, NodeId(0))]),
            roles: [true, false, false],
        }
    }

    /// One heartbeat of everybody, in this order, with one node cut off from the others, or none.
    fn round(&mut self, second: u64, order: [usize; NODES], alone: Option<usize>) {
        let now = LocalTime(second * SECOND);
        for index in order {
            let own = OwnProcess {
                shard: 0,
                answers: true,
                offset: 0,
            };
            self.see(index, now, WatchdogSight::Woken(vec![own]), alone);
        }
    }

    fn see(&mut self, index: usize, now: LocalTime, sight: WatchdogSight, alone: Option<usize>) {
        let mut letters: VecDeque<(usize, usize, WatchdogMessage)> = VecDeque::new();
        let mut out = Vec::new();
        self.dogs[index].observe(now, sight, &mut out);
        self.act(index, out, &mut letters);
        while let Some((from, to, message)) = letters.pop_front() {
            if alone == Some(from) || alone == Some(to) {
                continue;
            }
            let mut out = Vec::new();
            let sight = WatchdogSight::Received {
                from: NodeId(from as u8),
                message,
            };
            self.dogs[to].observe(now, sight, &mut out);
            self.act(to, out, &mut letters);
        }
    }

    fn act(
        &mut self,
        index: usize,
        out: Vec<WatchdogAction>,
        letters: &mut VecDeque<(usize, usize, WatchdogMessage)>,
    ) {
        for action in out {
            match action {
                WatchdogAction::Send { to, message } => {
                    letters.push_back((index, to.index(), message))
                }
                WatchdogAction::BecomePrimary { epoch, .. } => {
                    self.roles[index] = true;
                    let holder = *self.primaries.entry(epoch).or_insert(NodeId(index as u8));
                    assert_eq!(holder.index(), index, "epoch {epoch} has two holders");
                }
                WatchdogAction::BecomeReplica { .. } => self.roles[index] = false,
                _ => {}
            }
        }
    }

    /// Nodes that take writes: primaries that hear a majority.
    fn serving(&self) -> usize {
        (0..NODES)
            .filter(|&node| self.roles[node] && self.dogs[node].has_quorum())
            .count()
    }
}

#[test]
fn no_interleaving_of_watchdogs_has_two_holders_that_serve() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let cuts = [None, Some(0), Some(1), Some(2)];
    let mut level = BTreeMap::from([(String::new(), Town::new())]);
    let (mut states, mut promotions) = (0, BTreeSet::new());
    for second in 1..=11 {
        let mut next = BTreeMap::new();
        for town in level.values() {
            for alone in cuts {
                // The order within a round matters only while a promotion can be under way.
                let orders = if second > 4 {
                    &orders[..]
                } else {
                    &orders[..1]
                };
                for &order in orders {
                    let mut town = town.clone();
                    town.round(second, order, alone);
                    assert!(town.serving() <= 1, "two serve in second {second}");
                    promotions.extend(town.primaries.iter().map(|(epoch, node)| (*epoch, node.0)));
                    next.entry(format!("{:?}{:?}", town.dogs, town.roles))
                        .or_insert(town);
                }
            }
        }
        states += next.len();
        level = next;
        // A bound on the breadth: beyond it a regular part of the states goes on.
        if level.len() > 400 {
            let stride = level.len() / 400 + 1;
            let mut index = 0;
            level.retain(|_, _| {
                index += 1;
                index % stride == 0
            });
        }
    }
    assert!(states > 2_000, "{states}");
    assert!(
        promotions.len() > 2,
        "somebody was promoted in some of them: {promotions:?}"
    );
}
