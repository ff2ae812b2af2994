//! What happened, as sentences: faults, detections, decisions, route changes, promotions.

use regionfall_kernel::{SimDuration, SimTime};

use super::Names;
use crate::fault::PlannedFault;
use crate::history::{CopyEnd, Fact, Listener};
use crate::network::FaultEffects;
use crate::topology::{MemberId, NodeId};

/// What a sentence is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ToldKind {
    /// A fault began, acted or ended.
    Fault,
    /// A process or a machine stopped or came back.
    Node,
    /// A replication link.
    Link,
    /// Somebody held a member for down or up.
    Detection,
    /// Somebody decided: an answer was published, a primary promoted.
    Decision,
    /// An app server went elsewhere.
    Route,
    /// Copies of writes came to an end.
    Loss,
}

impl ToldKind {
    /// Its word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Node => "node",
            Self::Link => "link",
            Self::Detection => "detection",
            Self::Decision => "decision",
            Self::Route => "route",
            Self::Loss => "loss",
        }
    }
}

/// A sentence of the timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// When it happened, or began to.
    pub at: SimTime,
    /// The last time, where the same happened to several.
    pub until: SimTime,
    /// What it is about.
    pub kind: ToldKind,
    /// The sentence, without a full stop.
    pub text: String,
    /// The member that it is about, if it is one.
    pub member: Option<MemberId>,
}

/// A message of interest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// From where.
    pub from: MemberId,
    /// When it left, or was executed.
    pub left: SimTime,
    /// To where.
    pub to: MemberId,
    /// When it arrived.
    pub arrived: SimTime,
}

/// The listener that hears the timeline.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    names: Names,
    raw: Vec<Raw>,
}

/// Something that happened to one of several.
#[derive(Clone, Debug)]
struct Raw {
    at: SimTime,
    kind: ToldKind,
    who: String,
    /// Several of these, where it happens to many.
    many: &'static str,
    did: String,
    member: Option<MemberId>,
}

/// The same that happens to others within this time is one sentence.
const TOGETHER: SimDuration = SimDuration::from_secs(90);

impl Timeline {
    pub(super) fn new(names: Names) -> Self {
        Self {
            names,
            raw: Vec::new(),
        }
    }

    fn say(
        &mut self,
        at: SimTime,
        kind: ToldKind,
        (who, many): (String, &'static str),
        did: String,
        member: Option<MemberId>,
    ) {
        self.raw.push(Raw {
            at,
            kind,
            who,
            many,
            did,
            member,
        });
    }

    /// The sentences in order. What happens to many is told once.
    pub(super) fn finish(self, effects: &[(PlannedFault, FaultEffects)]) -> Vec<Told> {
        let mut told: Vec<(Told, Raw, usize)> = Vec::new();
        for raw in self.raw {
            let same = told.iter_mut().rev().find(|(last, first, _)| {
                !raw.many.is_empty()
                    && first.did == raw.did
                    && first.kind == raw.kind
                    && raw.at.saturating_since(last.until) <= TOGETHER
            });
            if let Some((last, _, count)) = same {
                last.until = raw.at;
                *count += 1;
            } else {
                let sentence = Told {
                    at: raw.at,
                    until: raw.at,
                    kind: raw.kind,
                    text: String::new(),
                    member: raw.member,
                };
                told.push((sentence, raw, 1));
            }
        }
        for (fault, _) in effects.iter().filter(|(_, did)| !did.any()) {
            let name = self.names.fault(fault.id).to_owned();
            let raw = Raw {
                at: fault.begins,
                kind: ToldKind::Fault,
                who: name,
                many: "",
                did: "touched nothing".to_owned(),
                member: None,
            };
            let sentence = Told {
                at: raw.at,
                until: raw.at,
                kind: raw.kind,
                text: String::new(),
                member: None,
            };
            told.push((sentence, raw, 1));
        }
        let mut told: Vec<Told> = told
            .into_iter()
            .map(|(mut sentence, raw, count)| {
                sentence.text = if count == 1 {
                    format!("{} {}", raw.who, raw.did)
                } else {
                    let until = sentence.until.since_start().as_secs_f64();
                    format!("{} {}: {count} times until {until:.3} s", raw.many, raw.did)
                };
                sentence
            })
            .collect();
        told.sort_by_key(|one| one.at);
        told
    }

    fn node(&self, node: NodeId) -> (String, &'static str) {
        (self.names.node(node).to_owned(), "")
    }

    /// What ended copies on a node; each cause is told once for each node and moment.
    fn copies_ended(&mut self, at: SimTime, node: NodeId, cause: CopyEnd) {
        let did = match cause {
            CopyEnd::Fault(fault) => format!("lost copies to {}", self.names.fault(fault)),
            CopyEnd::Removed(fault) => {
                format!("was cut off with copies by {}", self.names.fault(fault))
            }
            CopyEnd::Replaced => "had its state replaced by that of a new primary".to_owned(),
            CopyEnd::Abandoned => {
                "kept copies that nobody asks for, as no primary any more".to_owned()
            }
        };
        let who = self.names.node(node).to_owned();
        let is_told = self
            .raw
            .iter()
            .rev()
            .take_while(|raw| raw.at == at)
            .any(|raw| raw.who == who && raw.did == did);
        if !is_told {
            self.say(at, ToldKind::Loss, (who, ""), did, None);
        }
    }
}

impl Timeline {
    /// Who decided what about clients.
    fn moved(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::Verdict {
                decider,
                server,
                member,
                healthy,
            } => {
                let state = if healthy { "up" } else { "down" };
                let did = format!("held {} for {state}", self.names.member(member));
                let who = match server {
                    Some(server) => (self.names.server(server).to_owned(), "app servers"),
                    None => (decider.to_string(), "checkers"),
                };
                self.say(at, ToldKind::Detection, who, did, Some(member));
            }
            Fact::AnswerPublished { fleet, member } => {
                let who = format!("the answer for {}", self.names.fleet(fleet));
                let did = format!("became {}", self.names.member(member));
                self.say(at, ToldKind::Decision, (who, ""), did, Some(member));
            }
            Fact::Adopted { server, from, to } => {
                let who = self.names.server(server).to_owned();
                let (from, member) = (self.names.member(from), to);
                let did = format!("turned from {from} to {}", self.names.member(to));
                self.say(at, ToldKind::Route, (who, "app servers"), did, Some(member));
            }
            _ => self.promoted(at, fact),
        }
    }

    /// Who became primary, and why.
    fn promoted(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::SubjectivelyDown { sentinel, node, .. } => {
                let did = format!("held {} for down", self.names.node(node));
                let who = (sentinel.to_string(), "Sentinels");
                self.say(at, ToldKind::Detection, who, did, None);
            }
            Fact::ObjectivelyDown { sentinel, node, .. } => {
                let did = format!(
                    "knew that enough of them held {} for down",
                    self.names.node(node)
                );
                let who = (sentinel.to_string(), "Sentinels");
                self.say(at, ToldKind::Detection, who, did, None);
            }
            Fact::PromotionBegan {
                member,
                shard,
                node,
            } => {
                let who = format!("the replacement of {}", self.names.node(node));
                let did = format!("as primary of shard {shard} began");
                self.say(at, ToldKind::Decision, (who, ""), did, Some(member));
            }
            Fact::Promoted {
                member,
                shard,
                node,
                epoch,
            } => {
                let who = self.node(node);
                let did = format!("became primary of shard {shard}, epoch {epoch}");
                self.say(at, ToldKind::Decision, who, did, Some(member));
            }
            _ => {}
        }
    }
}

impl Listener for Timeline {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        let name = |text: &str| (text.to_owned(), "");
        match *fact {
            Fact::FaultBegan { fault } => {
                let who = name(self.names.fault(fault));
                self.say(at, ToldKind::Fault, who, "began".to_owned(), None);
            }
            Fact::FaultEnded { fault } => {
                let who = name(self.names.fault(fault));
                self.say(at, ToldKind::Fault, who, "ended".to_owned(), None);
            }
            Fact::NodeStopped { node, fault } => {
                let did = format!("stopped by {}", self.names.fault(fault));
                let who = self.node(node);
                self.say(at, ToldKind::Node, who, did, None);
            }
            Fact::NodeRestarted { node } => {
                let who = self.node(node);
                self.say(at, ToldKind::Node, who, "ran again".to_owned(), None);
            }
            Fact::CopiesEnded { node, cause, .. } => self.copies_ended(at, node, cause),
            Fact::LinkDisrupted { source, target } => {
                let (from, to) = (self.names.node(source), self.names.node(target));
                let who = format!("replication from {from} to {to}");
                self.say(
                    at,
                    ToldKind::Link,
                    (who, ""),
                    "was disturbed".to_owned(),
                    None,
                );
            }
            Fact::LinkCaughtUp { source, target } => {
                let (from, to) = (self.names.node(source), self.names.node(target));
                let who = format!("replication from {from} to {to}");
                self.say(at, ToldKind::Link, (who, ""), "caught up".to_owned(), None);
            }
            Fact::MemberRemoved { member, .. } => {
                let who = name(self.names.member(member));
                let did = "was removed by the others".to_owned();
                self.say(at, ToldKind::Decision, who, did, Some(member));
            }
            Fact::MemberRejoined { member } => {
                let who = name(self.names.member(member));
                let did = "joined again, empty".to_owned();
                self.say(at, ToldKind::Decision, who, did, Some(member));
            }
            Fact::Staleness {
                node,
                shard,
                is_stale,
            } => {
                let who = self.node(node);
                let state = if is_stale {
                    "became stale"
                } else {
                    "was up to date again"
                };
                let did = format!("{state} in shard {shard}");
                self.say(at, ToldKind::Node, who, did, None);
            }
            Fact::ActiveChanged { member } => {
                let who = name(self.names.member(member));
                let did = "took writes alone from here on".to_owned();
                self.say(at, ToldKind::Decision, who, did, Some(member));
            }
            Fact::NodeUnlinked { node } => {
                let who = self.node(node);
                let did = "was taken out of the database".to_owned();
                self.say(at, ToldKind::Decision, who, did, None);
            }
            Fact::ServerStopped { server } => {
                let who = (self.names.server(server).to_owned(), "app servers");
                self.say(
                    at,
                    ToldKind::Node,
                    who,
                    "stopped with the host".to_owned(),
                    None,
                );
            }
            Fact::ServerRestarted { server } => {
                let who = (self.names.server(server).to_owned(), "app servers");
                self.say(at, ToldKind::Node, who, "ran again".to_owned(), None);
            }
            _ => self.moved(at, fact),
        }
    }
}
