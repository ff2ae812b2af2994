//! The chain of a lost write: from the call over its acknowledgement to the death of its last copy.

use std::ops::RangeInclusive;

use regionfall_crdt::{Dot, OriginId};
use regionfall_kernel::{SimDuration, SimTime};

use super::Names;
use super::timeline::Arrow;
use crate::check::Recoverability;
use crate::history::{Account, CopyEnd, Ending, Fact, Listener, LostWrite};
use crate::scenario::Settings;
use crate::topology::{MemberId, NodeId, OperationId};

/// A step of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When.
    pub at: SimTime,
    /// What, without a full stop.
    pub text: String,
    /// Whether it is the end of a copy.
    pub is_death: bool,
}

/// The chain of one lost write.
#[derive(Clone, Debug)]
pub struct LostChain {
    /// The write.
    pub write: LostWrite,
    /// Who wrote it.
    pub server: String,
    /// From the call to the death of its last copy.
    pub steps: Vec<Step>,
    /// Whose fault it is.
    pub judgement: Option<Recoverability>,
}

impl LostChain {
    /// When its last copy ended.
    pub fn death(&self) -> Option<SimTime> {
        let ends = self.steps.iter().filter(|step| step.is_death);
        ends.map(|step| step.at).max()
    }
}

/// The listener that follows some writes.
#[derive(Clone, Debug)]
pub(super) struct Chains {
    names: Names,
    followed: Vec<Followed>,
    arrows: Vec<Arrow>,
    /// By node: its member.
    members: Vec<MemberId>,
}

#[derive(Clone, Debug)]
struct Followed {
    write: LostWrite,
    steps: Vec<Step>,
    executed: Option<SimTime>,
    dots: Vec<(Dot, NodeId)>,
}

impl Chains {
    pub(super) fn new(names: Names, lost: &[LostWrite]) -> Self {
        let followed = lost.iter().map(|write| Followed {
            write: *write,
            steps: Vec::new(),
            executed: None,
            dots: Vec::new(),
        });
        Self {
            followed: followed.collect(),
            names,
            arrows: Vec::new(),
            members: Vec::new(),
        }
    }

    pub(super) fn arrows(&self) -> Vec<Arrow> {
        self.arrows.clone()
    }

    pub(super) fn finish(self, account: &Account, settings: &Settings) -> Vec<LostChain> {
        let judge = |followed: &Followed| {
            let executed = followed.executed?;
            let (_, node) = followed.dots.first()?;
            let needs = nearest(*node, account, settings);
            Recoverability::of(&followed.write, executed, account, needs)
        };
        let chain = |followed: &Followed| LostChain {
            write: followed.write,
            server: self.names.server(followed.write.server).to_owned(),
            steps: followed.steps.clone(),
            judgement: judge(followed),
        };
        self.followed.iter().map(chain).collect()
    }

    fn of(&mut self, operation: OperationId) -> Option<&mut Followed> {
        self.followed
            .iter_mut()
            .find(|followed| followed.write.operation == operation)
    }
}

/// What a message from a node to the nearest other node that shares its data takes at least: the first percentile, since most
/// distributions have no shortest value.
fn nearest(node: NodeId, account: &Account, settings: &Settings) -> SimDuration {
    let shape = &account.shape;
    let group = |node: usize| shape.groups.get(node);
    let from = shape.nodes[node.index()].index();
    let others = (0..shape.nodes.len())
        .filter(|&other| other != node.index() && group(other) == group(node.index()));
    let delays = others.map(|other| {
        let to = shape.nodes[other].index();
        let link = if to == from {
            &settings.topology.regions[from].same_zone
        } else {
            &settings.topology.links[from][to]
        };
        link.one_way.quantile(0.01)
    });
    // Where nobody else may have a copy, none ever could.
    delays.min().unwrap_or(SimDuration::FOREVER)
}

impl Chains {
    /// One more step of an operation that is followed.
    fn step(&mut self, at: SimTime, operation: OperationId, text: String) {
        if let Some(followed) = self.of(operation) {
            followed.steps.push(Step {
                at,
                text,
                is_death: false,
            });
        }
    }

    /// A node has a write now.
    fn executed(&mut self, at: SimTime, operation: OperationId, node: NodeId, dot: Dot) {
        let text = format!("{} executes it", self.names.node(node));
        if let Some(followed) = self.of(operation) {
            followed.executed.get_or_insert(at);
            followed.dots.push((dot, node));
        }
        self.step(at, operation, text);
    }

    /// Copies of effects reached a node.
    fn copied(&mut self, at: SimTime, node: NodeId, origin: OriginId, range: RangeInclusive<u64>) {
        let text = format!("a copy reaches {}", self.names.node(node));
        for followed in &mut self.followed {
            let mut dots = followed.dots.iter();
            let covered =
                dots.find(|(dot, _)| dot.origin == origin && range.contains(&dot.sequence));
            let Some(&(_, from)) = covered else {
                continue;
            };
            followed.steps.push(Step {
                at,
                text: text.clone(),
                is_death: false,
            });
            if let Some(left) = followed.executed {
                let place = |node: NodeId| {
                    let member = self.members.get(node.index());
                    member.copied().unwrap_or(MemberId(node.0))
                };
                self.arrows.push(Arrow {
                    from: place(from),
                    left,
                    to: place(node),
                    arrived: at,
                });
            }
        }
    }

    /// A node lost what it had of an origin beyond `kept`.
    fn ended(&mut self, at: SimTime, node: NodeId, (origin, kept): (OriginId, u64), by: CopyEnd) {
        let by = match by {
            CopyEnd::Fault(fault) => format!("destroyed by {}", self.names.fault(fault)),
            CopyEnd::Removed(fault) => format!("given up by {}", self.names.fault(fault)),
            CopyEnd::Replaced => "replaced by the state of a new primary".to_owned(),
            CopyEnd::Abandoned => "left behind by the promotion of another node".to_owned(),
        };
        let text = format!("the copy of {} is {by}", self.names.node(node));
        for followed in &mut self.followed {
            let mut dots = followed.dots.iter();
            if dots.any(|(dot, _)| dot.origin == origin && dot.sequence > kept) {
                followed.steps.push(Step {
                    at,
                    text: text.clone(),
                    is_death: true,
                });
            }
        }
    }
}

impl Listener for Chains {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::OperationIssued {
                operation,
                server,
                command,
                key,
                ..
            } => {
                let who = self.names.server(server);
                let text = format!("{who} asks for {} of key {}", command.name(), key.0);
                self.step(at, operation, text);
            }
            Fact::AttemptSent {
                operation,
                attempt,
                member,
            } => {
                let member = self.names.member(member);
                let text = format!("attempt {} leaves for {member}", attempt + 1);
                self.step(at, operation, text);
            }
            Fact::WriteExecuted {
                operation,
                node,
                effect: Some(effect),
                ..
            } => self.executed(at, operation, node, effect.dot),
            Fact::OperationEnded {
                operation,
                ending: Ending::Acknowledged,
                ..
            } => {
                let text = "the application has its success".to_owned();
                self.step(at, operation, text);
            }
            Fact::EffectsApplied {
                node,
                origin,
                first,
                last,
            } => self.copied(at, node, origin, first..=last),
            Fact::CopiesEnded {
                node,
                origin,
                kept,
                cause,
            } => self.ended(at, node, (origin, kept), cause),
            _ => {}
        }
    }
}
