//! Bugs planted on purpose, each in a scenario, a decider or a setting of its own, with the promise that it breaks. The search
//! knows nothing of them.

use regionfall::check::{Book, Check, Findings, Verdict, VerdictKind};
use regionfall::explore::Hunt;
use regionfall::failover::{Action, Decider, LocalTime, Sight};
use regionfall::history::{Ending, Fact, Listener};
use regionfall::topology::{MemberId, NodeId, OperationId, ServerId};
use regionfall_crdt::Dot;
use regionfall_kernel::{SimTime, TraceHash};
use std::collections::BTreeMap;

/// A planted bug.
pub(crate) struct Bug {
    /// What is wrong.
    pub(crate) name: &'static str,
    /// The property that shows it.
    pub(crate) property: &'static str,
    /// The search that finds it.
    pub(crate) hunt: Hunt,
}

/// All of them.
pub(crate) fn bugs() -> Vec<Bug> {
    let hunt = |text: &str| match Hunt::new(text) {
        Ok(hunt) => hunt,
        Err(error) => panic!("{error}"),
    };
    let two = |rest: &str| hunt(&format!("{TWO_REGIONS}{rest}"));
    let planted = |name, property, hunt: Hunt| Bug {
        name,
        property,
        hunt: hunt.only(property),
    };
    vec![
        planted(
            "split brain through missing fencing",
            "one writer per shard",
            hunt(SENTINELS).check(OneWriter::default()),
        ),
        planted(
            "failback into a stale member",
            "no failback into a stale member",
            two(IMPATIENT).check(FreshFailback::new()),
        ),
        planted(
            "breaker that never closes",
            "everyone is home",
            two(WITH_BREAKER).decider(Breaker::default()),
        ),
        planted(
            "dual writers through staggered failback",
            "no concurrent access",
            two(STAGGERED),
        ),
        planted(
            "retry that duplicates a counter increment",
            "no duplicates",
            two(RETRIES),
        ),
        planted(
            "promotion of a lagging replica",
            "the freshest replica is promoted",
            // Clients ask the Sentinels; who is promoted need not be the one that has most.
            hunt(&SENTINELS.replace("\"direct\"", "\"sentinel\"")).check(FreshPromotion::new()),
        ),
        planted(
            "reads that follow a write to another region",
            "read your writes",
            two(WANDERING),
        ),
        planted("a client that waits for ever", "rto_max_ms", two(PATIENT)),
        planted(
            "an append-only file that is counted on",
            "loss within its bound",
            two(COUNTED_ON),
        ),
        planted(
            "WAIT that is taken for a guarantee",
            "loss within its bound",
            hunt(&waiting()),
        ),
        planted(
            "failback at once into a member that lags",
            "monotonic reads",
            two(EAGER),
        ),
    ]
}

const TWO_REGIONS: &str = r#"
title = "two regions"
seeds = 1
event_budget = 5_000_000
[phases]
warm_up = "2s"
storm = "30s"
calm = "40s"
quiescence = "2m"
[topology]
regions = ["us-east-1", "eu-west-1"]
[[workload.fleet]]
name = "us"
region = "us-east-1"
servers = 3
connections_per_server = 2
rate = "30/s"
timeout = "500ms"
home = ["us-east-1", "eu-west-1"]
"#;

/// Clients go back as soon as a probe passes, whether or not the member has caught up.
const IMPATIENT: &str = r#"
[[workload.keyspace]]
name = "carts"
mix = { set = 2, get = 1 }
keys = 50
[database.sync]
processing = "200ms"
reconnect_every = "5s"
[[strategy]]
preset = "jedis-multidb"
failback = { every = "1s", grace = "0s" }
"#;

const WITH_BREAKER: &str = r#"
[[workload.keyspace]]
name = "carts"
mix = { set = 2, get = 1 }
keys = 50
[[strategy]]
preset = "pinned"
[expect]
promises = ["everyone-home"]
"#;

/// Every client process looks back on a timer of its own.
const STAGGERED: &str = r#"
[[workload.keyspace]]
name = "carts"
mix = { set = 2, get = 1 }
keys = 50
[[strategy]]
preset = "jedis-multidb"
failback = { every = "15s", grace = "1s" }
[expect]
promises = ["single-writer"]
"#;

const RETRIES: &str = r#"
[[workload.keyspace]]
name = "stock"
mix = { incr = 1 }
keys = 5
[[strategy]]
preset = "pinned"
client = { attempts = 3, retry_wait = "50ms", retry_unsafe = true }
[expect]
promises = ["no-duplicates"]
"#;

/// A client library that fails over at once, over members that merge: a session that moves does not find what it wrote.
const WANDERING: &str = r#"
[[workload.keyspace]]
name = "sessions"
mix = { set = 1, get = 3 }
keys = 3
[database.sync]
processing = "500ms"
[[strategy]]
preset = "jedis-multidb"
[expect]
promises = ["read-your-writes"]
"#;

const PATIENT: &str = r#"
[[workload.keyspace]]
name = "carts"
mix = { set = 1 }
keys = 50
[[strategy]]
preset = "pinned"
[objectives]
rto_max = { max = "10s" }
"#;

/// An fsync a second, and nobody else who has it, taken for no loss.
const COUNTED_ON: &str = r#"
[database]
persistence = "aof-everysec"
[[workload.keyspace]]
name = "orders"
mix = { set = 1 }
keys = 50
[[strategy]]
preset = "pinned"
[expect]
promises = ["no-loss"]
"#;

/// A session goes back as soon as its first home answers, and reads there what it has not got yet.
const EAGER: &str = r#"
[database.sync]
processing = "300ms"
[[workload.keyspace]]
name = "profiles"
mix = { set = 1, get = 2 }
keys = 5
[[strategy]]
preset = "jedis-multidb"
failback = { after = "0s" }
[expect]
promises = ["monotonic-reads"]
"#;

/// Each write waits for one of two replicas: the other may be promoted, and all may lose what is nowhere on disk.
fn waiting() -> String {
    let asked = SENTINELS.replace("\"direct\"", "\"sentinel\"");
    let waits = "keys = 20\nwait = { replicas = 1, timeout = \"1s\" }";
    let promised = "\n[expect]\npromises = [\"no-loss\"]\n";
    asked.replace("keys = 20", waits) + promised
}

/// A primary, two replicas and three Sentinels in three zones; nothing tells a primary that is cut off to stop.
const SENTINELS: &str = r#"
title = "Sentinels without a guard"
seeds = 1
event_budget = 5_000_000
[phases]
warm_up = "2s"
storm = "30s"
calm = "40s"
quiescence = "1m"
[topology]
regions = ["lab"]
[[topology.region]]
name = "lab"
zones = 3
[database]
kind = "primary-replica"
replicas_per_shard = 2
entrance = "direct"
[database.promotion]
preset = "sentinel-default"
down_after = "1s"
[[workload.fleet]]
name = "writer"
region = "lab"
servers = 2
connections_per_server = 2
rate = "40/s"
timeout = "500ms"
[[workload.keyspace]]
name = "keys"
mix = { set = 1 }
keys = 20
[[strategy]]
preset = "pinned"
"#;

/// Once another node was made primary, the former one executes nothing any more.
#[derive(Clone, Default, Debug)]
struct OneWriter {
    primary: Option<(NodeId, SimTime)>,
    findings: Findings,
}

impl Listener for OneWriter {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::Promoted { node, .. } => self.primary = Some((node, at)),
            Fact::WriteExecuted {
                node, operation, ..
            } => {
                if let Some((primary, since)) = self.primary.filter(|(primary, _)| *primary != node)
                {
                    self.findings.add(at, || {
                        format!("{node} executes {operation}, although {primary} is primary since {since}")
                    });
                }
            }
            _ => {}
        }
    }
}

impl Check for OneWriter {
    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("one writer per shard", VerdictKind::Promise)
    }
}

/// Who goes back to its first home finds there what it wrote elsewhere. Here the first home is member 0, and members have one node.
#[derive(Clone, Debug)]
struct FreshFailback {
    book: Book,
    executed: BTreeMap<OperationId, (ServerId, Option<Dot>)>,
    newest: BTreeMap<ServerId, Dot>,
    findings: Findings,
}

impl FreshFailback {
    fn new() -> Self {
        Self {
            book: Book::new(2),
            executed: BTreeMap::new(),
            newest: BTreeMap::new(),
            findings: Findings::default(),
        }
    }
}

impl Listener for FreshFailback {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.book.enter(fact);
        match *fact {
            Fact::OperationIssued {
                operation, server, ..
            } => {
                self.executed.insert(operation, (server, None));
            }
            Fact::WriteExecuted {
                operation,
                effect: Some(effect),
                ..
            } => {
                if let Some((_, dot)) = self.executed.get_mut(&operation) {
                    *dot = Some(effect.dot);
                }
            }
            Fact::OperationEnded {
                operation, ending, ..
            } => {
                if let Some((server, Some(dot))) = self.executed.remove(&operation)
                    && ending == Ending::Acknowledged
                {
                    self.newest.insert(server, dot);
                }
            }
            Fact::Adopted { server, from, to } if to == MemberId(0) => {
                let missing = self.newest.get(&server).filter(|dot| {
                    self.book.held(usize::from(dot.origin.0), to.index()) < dot.sequence
                });
                if missing.is_some() {
                    self.findings.add(at, || {
                        format!("{server} goes back to {to}, which lacks what it wrote at {from}")
                    });
                }
            }
            _ => {}
        }
    }
}

impl Check for FreshFailback {
    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("no failback into a stale member", VerdictKind::Promise)
    }
}

/// Nobody is promoted while another node that runs has more.
#[derive(Clone, Debug)]
struct FreshPromotion {
    book: Book,
    down: Vec<NodeId>,
    findings: Findings,
}

const NODES: usize = 3;

impl FreshPromotion {
    fn new() -> Self {
        Self {
            book: Book::new(NODES),
            down: Vec::new(),
            findings: Findings::default(),
        }
    }

    fn total(&self, node: usize) -> u64 {
        (0..self.book.origins())
            .map(|origin| self.book.held(origin, node))
            .sum()
    }
}

impl Listener for FreshPromotion {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        self.book.enter(fact);
        match *fact {
            Fact::NodeStopped { node, .. } => self.down.push(node),
            Fact::NodeRestarted { node } => self.down.retain(|down| *down != node),
            Fact::Promoted { node, .. } => {
                let own = self.total(node.index());
                let running = (0..NODES).filter(|&other| !self.down.contains(&NodeId(other as u8)));
                let best = running.map(|other| (self.total(other), other)).max();
                if let Some((most, other)) = best.filter(|(most, _)| *most > own) {
                    self.findings.add(at, || {
                        format!("{node} is promoted with {own} writes, and node-{other} has {most}")
                    });
                }
            }
            _ => {}
        }
    }
}

impl Check for FreshPromotion {
    fn verdict(&self) -> Verdict {
        self.findings
            .verdict("the freshest replica is promoted", VerdictKind::Promise)
    }
}

/// Three failures in a row open it; nothing ever closes it.
#[derive(Clone, Default, Debug)]
struct Breaker {
    failures: u32,
    is_open: bool,
}

impl Decider for Breaker {
    fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}

    fn observe(&mut self, _now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        let Sight::AttemptEnded { failed, .. } = sight else {
            return;
        };
        self.failures = if failed { self.failures + 1 } else { 0 };
        if self.failures == 3 && !self.is_open {
            self.is_open = true;
            actions.push(Action::Use {
                member: MemberId(1),
            });
        }
    }

    fn is_usable(&self, _now: LocalTime, _member: MemberId) -> bool {
        true
    }

    fn watches_traffic(&self) -> bool {
        true
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb2(u64::from(self.failures), u64::from(self.is_open));
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}
