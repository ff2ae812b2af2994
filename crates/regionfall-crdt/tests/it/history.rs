//! Random histories of a few replicas: commands, partial and repeated delivery, merges, restarts,
//! collection; after each step the replica that changed is compared with the specification.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regionfall_crdt::{
    Applied, Clock, Command, Content, Dot, Effect, Element, Elements, KeyId, OriginId, Replica,
    Timestamp, Value,
};

use crate::oracle::{Oracle, Shown, Visible};

pub(crate) const KEYS: u32 = 2;

/// One step. Numbers that select something are taken modulo how many there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client's command.
    Execute {
        replica: usize,
        command: Command,
        at: u64,
    },
    /// The next few effects of one origin arrive.
    Deliver {
        origin: usize,
        replica: usize,
        count: usize,
    },
    /// An effect arrives that arrived before, or one that comes too early.
    Misdeliver {
        origin: usize,
        replica: usize,
        index: usize,
    },
    /// A full synchronization.
    Merge { source: usize, target: usize },
    /// The state goes to disk.
    Save { replica: usize },
    /// A crash; the replica goes on under a new origin, with its memory or, if it ever saved any, with
    /// what was on disk.
    Restart { replica: usize, from_disk: bool },
    /// The collector runs.
    Collect { replica: usize },
    /// Everything reaches everyone, and all disks.
    Settle,
}

/// A replica with what the test knows of it.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) replica: Replica,
    pub(crate) visible: Visible,
    origin: OriginId,
    disk: Option<(Replica, Visible)>,
}

/// A run of steps.
pub(crate) struct History {
    pub(crate) nodes: Vec<Node>,
    pub(crate) logs: BTreeMap<OriginId, Vec<Effect>>,
    pub(crate) oracle: Oracle,
    /// The first state seen under each clock.
    states: Vec<(Replica, u64)>,
    collects: bool,
}

impl History {
    pub(crate) fn run(nodes: usize, steps: &[Step]) -> Self {
        let node = |index: usize| Node {
            replica: Replica::new(),
            visible: Visible::new(),
            origin: OriginId(index as u16 + 1),
            disk: None,
        };
        let nodes: Vec<_> = (0..nodes).map(node).collect();
        let logs = nodes.iter().map(|node| (node.origin, vec![])).collect();
        let collects = steps
            .iter()
            .any(|step| matches!(step, Step::Collect { .. }));
        let mut history = Self {
            nodes,
            logs,
            oracle: Oracle::default(),
            states: vec![],
            collects,
        };
        for step in steps {
            history.step(step);
        }
        history
    }

    fn step(&mut self, step: &Step) {
        let nodes = self.nodes.len();
        match step {
            Step::Execute {
                replica,
                command,
                at,
            } => self.execute(replica % nodes, command, *at),
            Step::Deliver {
                origin,
                replica,
                count,
            } => {
                let origin = self.origin(*origin);
                for _ in 0..*count {
                    self.deliver_next(origin, replica % nodes);
                }
            }
            Step::Misdeliver {
                origin,
                replica,
                index,
            } => {
                self.misdeliver(self.origin(*origin), replica % nodes, *index);
            }
            Step::Merge { source, target } => {
                let source = self.nodes[source % nodes].clone();
                let target = target % nodes;
                self.nodes[target].replica.merge(&source.replica);
                self.nodes[target].visible.extend(&source.visible);
                self.check(target);
            }
            Step::Save { replica } => {
                let node = &mut self.nodes[replica % nodes];
                node.disk = Some((node.replica.clone(), node.visible.clone()));
            }
            Step::Restart { replica, from_disk } => {
                let origin = OriginId(self.logs.len() as u16 + 1);
                self.logs.insert(origin, vec![]);
                let node = &mut self.nodes[replica % nodes];
                node.origin = origin;
                if let Some((replica, visible)) = node.disk.clone().filter(|_| *from_disk) {
                    (node.replica, node.visible) = (replica, visible);
                }
                self.check(replica % nodes);
            }
            Step::Collect { replica } => {
                let stable = self.stable(replica % nodes);
                self.nodes[replica % nodes].replica.collect(&stable);
                self.check(replica % nodes);
            }
            Step::Settle => {
                self.deliver_all(0);
                for node in &mut self.nodes {
                    node.disk = node
                        .disk
                        .as_ref()
                        .map(|_| (node.replica.clone(), node.visible.clone()));
                }
            }
        }
    }

    fn execute(&mut self, index: usize, command: &Command, at: u64) {
        let node = &mut self.nodes[index];
        let log = self.logs.entry(node.origin).or_default();
        let name = (node.origin.0, log.len() as u64 + 1);
        let (reply, has_effect) = self.oracle.execute(command, at, name, &node.visible);
        let executed = node.replica.execute(command, Timestamp(at), node.origin);
        assert_eq!(executed.reply, reply, "{command:?}");
        assert_eq!(!executed.effects.is_empty(), has_effect, "{command:?}");
        for effect in executed.effects {
            assert_eq!(
                effect.dot,
                Dot::new(node.origin, name.1),
                "dots are contiguous and never reused"
            );
            assert!(!effect.observed(effect.dot));
            for &(origin, sequence) in &node.visible {
                assert!(effect.observed(Dot::new(OriginId(origin), sequence)));
            }
            log.push(effect);
            node.visible.insert(name);
        }
        self.check(index);
    }

    /// Delivers the next effect of `origin`; `false` if there is none.
    pub(crate) fn deliver_next(&mut self, origin: OriginId, index: usize) -> bool {
        let node = &mut self.nodes[index];
        let next = node.replica.clock().next(origin);
        let Some(effect) = self.logs[&origin].get(next.sequence as usize - 1) else {
            return false;
        };
        assert_eq!(node.replica.apply(effect), Applied::New);
        node.visible.insert((origin.0, next.sequence));
        self.check(index);
        true
    }

    fn misdeliver(&mut self, origin: OriginId, index: usize, which: usize) {
        let log = &self.logs[&origin];
        let node = &mut self.nodes[index];
        let next = node.replica.clock().next(origin).sequence;
        let Some(effect) = log.get(which % log.len().max(1)) else {
            return;
        };
        let before = node.replica.clone();
        let expected = match effect.dot.sequence {
            sequence if sequence < next => Applied::AlreadySeen,
            sequence if sequence > next => Applied::Gap { expected: next },
            _ => return,
        };
        assert_eq!(node.replica.apply(effect), expected);
        assert_eq!(node.replica, before);
    }

    /// Delivers everything to everyone, origins by turns from `first` on.
    pub(crate) fn deliver_all(&mut self, first: usize) {
        for index in 0..self.nodes.len() {
            for turn in 0..self.logs.len() {
                let origin = self.origin(first + turn + index);
                while self.deliver_next(origin, index) {}
            }
        }
    }

    fn origin(&self, number: usize) -> OriginId {
        let origins: Vec<_> = self.logs.keys().copied().collect();
        origins[number % origins.len()]
    }

    /// A clock that all effects still to come at `index` had observed: those on their way, and those that
    /// anyone might create, also after falling back to what is on disk.
    fn stable(&self, index: usize) -> Clock {
        let node = &self.nodes[index];
        let mut stable = node.replica.clock().clone();
        for other in &self.nodes {
            stable.meet(other.replica.clock());
            if let Some((disk, _)) = &other.disk {
                stable.meet(disk.clock());
            }
        }
        let missing = self
            .logs
            .values()
            .flatten()
            .filter(|effect| !node.replica.clock().covers(effect.dot));
        missing.for_each(|effect| stable.meet(&effect.context));
        stable
    }

    /// A replica shows what the specification says, and what every other shows that saw the same.
    fn check(&mut self, index: usize) {
        let node = &self.nodes[index];
        let seen: usize = node.replica.clock().total() as usize;
        assert_eq!(seen, node.visible.len());
        for key in (0..KEYS).map(KeyId) {
            assert_shows(&node.replica, key, &self.oracle.shown(key, &node.visible));
        }
        let digest = node.replica.digest();
        match self
            .states
            .iter()
            .find(|(state, _)| state.clock() == node.replica.clock())
        {
            Some((state, known)) => {
                assert_eq!(digest, *known, "equal clocks, equal digests");
                assert!(
                    self.collects || *state == node.replica,
                    "{state:?}\n{:?}",
                    node.replica
                );
            }
            None => self.states.push((node.replica.clone(), digest)),
        }
    }
}

pub(crate) fn assert_shows(replica: &Replica, key: KeyId, shown: &Shown) {
    let value = replica.value(key);
    match shown {
        Shown::Nothing => assert_eq!(value, Value::Absent),
        Shown::Text(content) => assert_eq!(value, Value::Content(content)),
        Shown::Number(number) => assert_eq!(value, Value::Integer(*number)),
        Shown::Members(members) => match value {
            Value::Set(set) => assert!(set.iter().eq(members), "{set:?} is not {members:?}"),
            _ => panic!("{value:?} is not {members:?}"),
        },
    }
}

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        (0_u64..2).prop_map(Element::Number),
        Just(Element::from("x"))
    ]
}

fn elements() -> impl Strategy<Value = Elements> {
    proptest::collection::vec(element(), 1..3).prop_map(|elements| elements.into_iter().collect())
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        2 => (0_u64..1000).prop_map(|token| Content::Synthetic { token, length: 8 }),
        1 => (-5_i64..5).prop_map(Content::from_integer),
        1 => "[a-c]{0,2}".prop_map(|text| Content::from(text.as_str())),
    ]
}

/// Commands, mostly of the types that `weights` favours: strings, counters, sets.
fn command(weights: [u32; 3]) -> impl Strategy<Value = Command> {
    let key = || (0..KEYS).prop_map(KeyId);
    let [strings, counters, sets] = weights;
    prop_oneof![
        4 * strings => (key(), content()).prop_map(|(key, content)| Command::Set { key, content }),
        6 => key().prop_map(|key| Command::Del { key }),
        1 => key().prop_map(|key| Command::Get { key }),
        1 => key().prop_map(|key| Command::Exists { key }),
        counters => key().prop_map(|key| Command::Incr { key }),
        counters => key().prop_map(|key| Command::Decr { key }),
        2 * counters => (key(), -9_i64..9).prop_map(|(key, amount)| Command::IncrBy { key, amount }),
        counters => (key(), -9_i64..9).prop_map(|(key, amount)| Command::DecrBy { key, amount }),
        4 * sets => (key(), elements()).prop_map(|(key, elements)| Command::SAdd { key, elements }),
        3 * sets => (key(), elements()).prop_map(|(key, elements)| Command::SRem { key, elements }),
        1 => (key(), element()).prop_map(|(key, element)| Command::SIsMember { key, element }),
        1 => key().prop_map(|key| Command::SMembers { key }),
        1 => key().prop_map(|key| Command::SCard { key }),
        1 => Just(Command::Ping),
        1 => content().prop_map(|content| Command::Echo { content }),
    ]
}

/// Steps that never collect, or that do every so often.
pub(crate) fn steps(collects: bool) -> impl Strategy<Value = Vec<Step>> {
    // Histories of one type reach corners that mixed ones, being full of conflicts of type, do not.
    let weights = prop_oneof![
        Just([4, 1, 1]),
        Just([1, 6, 1]),
        Just([1, 1, 4]),
        Just([2, 2, 2])
    ];
    weights.prop_flat_map(move |weights| proptest::collection::vec(step(weights, collects), 1..80))
}

fn step(weights: [u32; 3], collects: bool) -> impl Strategy<Value = Step> {
    let (some, replica) = (0_usize..100, 0_usize..100);
    let (collect, save) = if collects { (12, 1) } else { (0, 2) };
    prop_oneof![
        // Few instants, so that equal times are common.
        24 => (replica.clone(), command(weights), 0_u64..5)
            .prop_map(|(replica, command, at)| Step::Execute { replica, command, at }),
        24 => (some.clone(), replica.clone(), 1_usize..4)
            .prop_map(|(origin, replica, count)| Step::Deliver { origin, replica, count }),
        4 => (some.clone(), replica.clone(), some.clone())
            .prop_map(|(origin, replica, index)| Step::Misdeliver { origin, replica, index }),
        4 => (some, replica.clone()).prop_map(|(source, target)| Step::Merge { source, target }),
        save => replica.clone().prop_map(|replica| Step::Save { replica }),
        2 => (replica.clone(), any::<bool>())
            .prop_map(|(replica, from_disk)| Step::Restart { replica, from_disk }),
        collect => replica.prop_map(|replica| Step::Collect { replica }),
        collect / 4 => Just(Step::Settle),
    ]
}
