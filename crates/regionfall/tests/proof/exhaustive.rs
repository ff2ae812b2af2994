//! Small worlds in full: every interleaving up to a bound, for machines that decide. What holds here holds in all of them, not in
//! those that a seed happens to draw.

use std::collections::{BTreeSet, VecDeque};

use regionfall::failover::{
    Action, ClientJudge, Decider, Failback, Probe, ProbeOutcome, Seat, Sight, StrategyConfig,
};
use regionfall::scenario::Scenario;
use regionfall::topology::{LocalTime, MemberId};
use regionfall_kernel::{Seed, TraceHash};

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

/// What tells one state from another: the decider's, what is to come, and what an onlooker knows.
type StateKey = (u64, u64, Vec<(u64, u32)>, Vec<u32>, [Known; 2]);

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

    fn key(&self) -> StateKey {
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
    for failback in [
        "{ after = \"2s\" }",
        "{ every = \"2s\", grace = \"3s\" }",
        "\"never\"",
    ] {
        let strategy = strategy(failback);
        let (states, moves) = walk(&strategy, 7);
        assert!(states > 200, "{failback}: {states} states");
        assert!(moves > 10, "{failback}: {moves} moves");
    }
}
