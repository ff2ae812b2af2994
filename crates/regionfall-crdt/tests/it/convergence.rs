//! Every type through the commands that clients send: whatever is executed where, and in whatever order effects and states
//! travel, replicas that have taken in the same hold the same.

#![expect(
    clippy::expect_used,
    reason = "a command that is none is a broken test"
)]

use proptest::prelude::*;
use regionfall_crdt::{
    Applied, Clock, Command, Effect, KeyNames, OriginId, Replica, Reply, Settings, Timestamp,
    XaddIdMode,
};

/// A command as a client writes it, with its words in place of arguments: `k` and `l` are keys of the family, `@entry` is the
/// first entry of the stream `k` where the command is executed, `@pending` the first that its group `g` was given there.
pub(crate) const FAMILIES: &[&[&str]] = &[
    &[
        "SET k a",
        "SET k 5",
        "SET k b EX 9",
        "SET k c KEEPTTL",
        "APPEND k x",
        "INCRBY k 3",
        "DECR k",
        "INCRBYFLOAT k 0.5",
        "DEL k",
        "GETDEL k",
        "EXPIRE k 5",
        "PEXPIRE k 20000",
        "PERSIST k",
        "SETRANGE k 1 z",
        "SETBIT k 3 1",
        "GET k",
        "MSET k 1 l 2",
        "RENAME k l",
        "COPY l k REPLACE",
        "SETNX k n",
        "GETEX k EX 3",
        "BITFIELD k INCRBY u8 0 7",
    ],
    &[
        "HSET k f a",
        "HSET k f 5 g b",
        "HDEL k f",
        "HINCRBY k f 2",
        "HINCRBYFLOAT k f 0.5",
        "HDEL k f g",
        "DEL k",
        "HEXPIRE k 4 FIELDS 1 f",
        "HPERSIST k FIELDS 1 f",
        "HSETNX k g x",
        "HGETALL k",
        "EXPIRE k 3",
        "RENAME k l",
        "HPEXPIRE k 9000 FIELDS 2 f g",
        "HGETDEL k FIELDS 1 g",
    ],
    &[
        "SADD k a",
        "SADD k b c",
        "SREM k a",
        "SPOP k",
        "SMOVE k l a",
        "SUNIONSTORE k k l",
        "SDIFFSTORE l k l",
        "SINTERSTORE k k l",
        "DEL k",
        "SADD l a b",
        "RENAME l k",
        "EXPIRE k 2",
        "SREM k b c",
    ],
    &[
        "ZADD k 1 a",
        "ZADD k 2 a 3 b",
        "ZINCRBY k 1.5 a",
        "ZREM k a",
        "ZPOPMIN k",
        "ZADD k GT 4 a",
        "ZADD k XX INCR 2 b",
        "DEL k",
        "ZUNIONSTORE l 2 k l",
        "ZREMRANGEBYSCORE k 2 3",
        "ZINCRBY k -1 b",
        "ZREM k a b",
        "GEOADD k 13 38 p",
        "RENAME k l",
        "ZRANGESTORE k l 0 1",
    ],
    &[
        "RPUSH k a b",
        "LPUSH k c d",
        "LPOP k",
        "RPOP k",
        "LINSERT k BEFORE a x",
        "LINSERT k AFTER b y",
        "LSET k 0 z",
        "LREM k 0 a",
        "LTRIM k 0 2",
        "RPOPLPUSH k l",
        "LMOVE l k LEFT RIGHT",
        "DEL k",
        "RPUSH k e",
        "LPUSH l f",
        "LSET k -1 w",
        "RENAME l k",
        "EXPIRE k 4",
    ],
    &[
        "XADD k * f v",
        "XADD k * g w",
        "XADD k 100 f v",
        "XDEL k 100-1",
        "XDEL k @entry",
        "XDEL k @entry 100-2",
        "XTRIM k MAXLEN 1",
        "DEL k",
        "XGROUP CREATE k g 0 MKSTREAM",
        "XGROUP CREATE k h $ MKSTREAM",
        "XGROUP DESTROY k g",
        "XREADGROUP GROUP g c COUNT 1 STREAMS k >",
        "XACK k g 100-1",
        "XACK k g @pending",
        "XACK k g @entry @pending",
        "XREADGROUP GROUP g d STREAMS k >",
        "XREADGROUP GROUP h c NOACK COUNT 2 STREAMS k >",
        "XACK k h @entry",
        "XADD k MAXLEN 2 * f u",
        "XAUTOCLAIM k g d 0 0",
        "XSETID k 9999999999999-0",
        "RENAME k l",
        "SET k text",
    ],
    &[
        "PFADD k a",
        "PFADD k b c",
        "PFADD k d",
        "DEL k",
        "PFMERGE k l",
        "PFADD l e",
        "EXPIRE k 3",
        "SET k x",
        "RENAME l k",
        "PFADD k",
    ],
    &[
        r#"JSON.SET k $ {"a":{"b":1},"c":[1,2]}"#,
        r#"JSON.SET k $.a {"d":2}"#,
        r#"JSON.SET k $.a.x "y""#,
        "JSON.SET k $.a []",
        "JSON.DEL k $.a",
        "JSON.DEL k",
        "JSON.CLEAR k $.a",
        "JSON.CLEAR k $.c",
        "JSON.ARRAPPEND k $.c 3 4",
        "JSON.ARRINSERT k $.c 0 [5]",
        "JSON.ARRPOP k $.c 0",
        "JSON.ARRTRIM k $.c 0 1",
        "JSON.NUMINCRBY k $..b 2",
        r#"JSON.MERGE k $ {"a":{"b":null,"e":3},"z":0}"#,
        "JSON.SET k $.c[0] {}",
        "JSON.SET k $.c[0].q 1",
        "JSON.ARRPOP k $.c",
        "RENAME k l",
        r#"JSON.SET l $ {"m":[]}"#,
        "JSON.ARRAPPEND l $.m 9",
    ],
    // Types that meet under one key.
    &[
        "SET k a",
        "INCR k",
        "SADD k a",
        "HSET k f v",
        "ZADD k 1 a",
        "RPUSH k a",
        "XADD k * f v",
        "PFADD k a",
        "JSON.SET k $ {}",
        "DEL k",
        "EXPIRE k 2",
        "PERSIST k",
        "XGROUP CREATE k g 0 MKSTREAM",
        "INCRBYFLOAT k 0.5",
        "SREM k a",
        "LPOP k",
    ],
];

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Execute {
        node: usize,
        command: usize,
        at: u64,
    },
    Deliver {
        from: usize,
        to: usize,
        count: usize,
    },
    Merge {
        from: usize,
        to: usize,
    },
    Expire {
        node: usize,
        at: u64,
    },
    Collect {
        node: usize,
    },
    Settle,
}

pub(crate) fn steps(collects: bool) -> impl Strategy<Value = Vec<Step>> {
    let node = 0_usize..4;
    let step = prop_oneof![
        30 => (node.clone(), 0_usize..1000, 0_u64..9)
            .prop_map(|(node, command, at)| Step::Execute { node, command, at }),
        20 => (node.clone(), node.clone(), 1_usize..4)
            .prop_map(|(from, to, count)| Step::Deliver { from, to, count }),
        4 => (node.clone(), node.clone()).prop_map(|(from, to)| Step::Merge { from, to }),
        2 => (node.clone(), 0_u64..9).prop_map(|(node, at)| Step::Expire { node, at }),
        if collects { 8 } else { 0 } => node.prop_map(|node| Step::Collect { node }),
        if collects { 2 } else { 0 } => Just(Step::Settle),
    ];
    proptest::collection::vec(step, 1..70)
}

/// The first text in a reply of lists.
fn first_text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Array(all) => all.first().and_then(first_text),
        Reply::Content(content) => String::from_utf8(content.to_bytes().into_owned()).ok(),
        _ => None,
    }
}

pub(crate) struct Members {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) logs: Vec<Vec<Effect>>,
    pub(crate) names: KeyNames,
    family: &'static [&'static str],
    /// The first state seen under each clock.
    states: Vec<(Replica, u64)>,
    collects: bool,
}

pub(crate) fn origin(node: usize) -> OriginId {
    OriginId(node as u16 + 1)
}

/// A moment, in seconds.
pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp((1_700_000_000_000 + second * 1000) * 1_000_000)
}

pub(crate) fn parse(text: &str, names: &mut KeyNames) -> Command {
    let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
    Command::parse(&words, names).expect(text)
}

impl Members {
    pub(crate) fn run(family: usize, nodes: usize, steps: &[Step]) -> Self {
        let settings = Settings {
            instance: None,
            xadd_id_mode: XaddIdMode::Strict,
        };
        let mut members = Self {
            replicas: vec![Replica::with_settings(settings); nodes],
            logs: vec![vec![]; nodes],
            names: KeyNames::new(),
            family: FAMILIES[family],
            states: vec![],
            collects: steps
                .iter()
                .any(|step| matches!(step, Step::Collect { .. })),
        };
        for step in steps {
            members.step(step, nodes);
        }
        members
    }

    fn step(&mut self, step: &Step, nodes: usize) {
        match *step {
            Step::Execute {
                node,
                command,
                at: when,
            } => {
                let node = node % nodes;
                let text = self.family[command % self.family.len()];
                let text = &self.named(text, node);
                let command = parse(text, &mut self.names);
                let executed = self.replicas[node].execute(&command, at(when), origin(node));
                for effect in executed.effects {
                    // A refused command may have expired what it looked at.
                    assert!(!executed.reply.is_error() || effect.is_removal(), "{text}");
                    assert!(!effect.observed(effect.dot));
                    self.logs[node].push(effect);
                }
                self.check(node);
            }
            Step::Deliver { from, to, count } => {
                for _ in 0..count {
                    self.deliver(from % nodes, to % nodes);
                }
            }
            Step::Merge { from, to } => {
                let source = self.replicas[from % nodes].clone();
                self.replicas[to % nodes].merge(&source);
                self.check(to % nodes);
            }
            Step::Expire { node, at: when } => {
                let node = node % nodes;
                let effects = self.replicas[node].expire(at(when), origin(node));
                self.logs[node].extend(effects);
                self.check(node);
            }
            Step::Collect { node } => {
                let stable = self.stable(node % nodes);
                self.replicas[node % nodes].collect(&stable);
                self.check(node % nodes);
            }
            Step::Settle => self.deliver_all(),
        }
    }

    /// The command with the IDs that its words stand for at a member.
    fn named(&mut self, text: &str, node: usize) -> String {
        let questions = [
            ("@entry", "XRANGE k - + COUNT 1"),
            ("@pending", "XPENDING k g - + 1"),
        ];
        let mut text = text.to_owned();
        for (word, question) in questions {
            if !text.contains(word) {
                continue;
            }
            let question = parse(question, &mut self.names);
            let mut looker = self.replicas[node].clone();
            let reply = looker.execute(&question, at(0), origin(node)).reply;
            let id = first_text(&reply).unwrap_or_else(|| "1-1".to_owned());
            text = text.replace(word, &id);
        }
        text
    }

    fn deliver(&mut self, from: usize, to: usize) -> bool {
        let next = self.replicas[to].clock().get(origin(from)) as usize;
        let Some(effect) = self.logs[from].get(next) else {
            return false;
        };
        assert_eq!(self.replicas[to].apply(effect), Applied::New);
        assert_eq!(self.replicas[to].apply(effect), Applied::AlreadySeen);
        self.check(to);
        true
    }

    fn deliver_all(&mut self) {
        for to in 0..self.replicas.len() {
            for from in 0..self.replicas.len() {
                while self.deliver(from, to) {}
            }
        }
    }

    /// A clock that all effects still to come at `node` had observed.
    fn stable(&self, node: usize) -> Clock {
        let clock = self.replicas[node].clock();
        let mut stable = clock.clone();
        for other in &self.replicas {
            stable.meet(other.clock());
        }
        for effect in self.logs.iter().flatten() {
            if !clock.covers(effect.dot) {
                stable.meet(&effect.context);
            }
        }
        stable
    }

    fn check(&mut self, node: usize) {
        let replica = &self.replicas[node];
        let digest = replica.digest();
        let known = self
            .states
            .iter()
            .find(|(state, _)| state.clock() == replica.clock());
        match known {
            Some((state, known)) => {
                assert_eq!(digest, *known, "equal clocks, equal digests");
                if !self.collects {
                    assert!(state == replica, "\n{state:#?}\n{replica:#?}");
                    assert_eq!(state.bytes(), replica.bytes());
                }
            }
            None => self.states.push((replica.clone(), digest)),
        }
    }
}

proptest! {
    #![proptest_config(crate::specification::config())]

    #[test]
    fn replicas_agree(family in 0..FAMILIES.len(), nodes in 2_usize..5, steps in steps(false)) {
        let mut members = Members::run(family, nodes, &steps);
        members.deliver_all();
        for replica in &members.replicas {
            prop_assert_eq!(replica.digest(), members.replicas[0].digest());
            prop_assert!(replica == &members.replicas[0]);
            prop_assert_eq!(replica.bytes(), members.replicas[0].bytes());
            prop_assert_eq!(replica.tombstones(), members.replicas[0].tombstones());
        }
    }

    #[test]
    fn merges_are_joins(family in 0..FAMILIES.len(), steps in steps(false)) {
        let members = Members::run(family, 3, &steps);
        let merged = |a: &Replica, b: &Replica| {
            let mut merged = a.clone();
            merged.merge(b);
            merged
        };
        let [a, b, c] = [0, 1, 2].map(|index| &members.replicas[index]);
        prop_assert!(merged(a, b) == merged(b, a));
        prop_assert!(merged(&merged(a, b), c) == merged(a, &merged(b, c)));
        prop_assert!(&merged(a, a) == a);
        prop_assert!(&merged(&Replica::new(), a) == a);
        prop_assert_eq!(merged(&Replica::new(), a).bytes(), a.bytes());
    }

    #[test]
    fn collection_is_invisible(family in 0..FAMILIES.len(), nodes in 2_usize..5, steps in steps(true)) {
        let mut members = Members::run(family, nodes, &steps);
        members.deliver_all();
        for replica in &members.replicas {
            prop_assert_eq!(replica.digest(), members.replicas[0].digest());
        }
    }

    /// Once everyone has seen everything, all that is kept is what is seen and what is said of it. Keys that were ever counted
    /// upon are left out: a counter's contributions and the clock beside them are never dropped.
    #[test]
    fn metadata_is_equal_once_collected(family in 1..FAMILIES.len() - 1, nodes in 2_usize..5, steps in steps(true)) {
        let mut members = Members::run(family, nodes, &steps);
        members.deliver_all();
        let clock = members.replicas[0].clock().clone();
        for replica in &mut members.replicas {
            replica.collect(&clock);
            replica.collect(&clock);
        }
        for replica in &members.replicas[1..] {
            prop_assert!(replica == &members.replicas[0], "\n{:#?}\n{:#?}", replica, members.replicas[0]);
            prop_assert_eq!(replica.bytes(), members.replicas[0].bytes());
        }
    }
}
