//! App servers that ask a Sentinel who is primary before they connect, as client libraries do; or the discovery service of a
//! cluster's node, which speaks like one and names the node of the endpoint.
//!
//! They ask one Sentinel after the other, first the one that answered last, and take the first answer that names a
//! primary which that Sentinel does not hold for down (source: redis-py, `sentinel.py`, `discover_master`). Nobody
//! knows one: the attempt fails. The connections to Sentinels are kept open and not modelled for themselves.
//!
//! The discovery service (Redis Software docs, discovery service; port 8001 of each node) is a process beside the database: it
//! answers while its machine runs and the node hears a majority of its cluster (assumed: who hears none has nothing to say).
//! The cluster's manager tells it of a new endpoint at once.

use regionfall_kernel::{SimTime, TimerId};

use super::event::{Event, InquiryId, PostId};
use super::world::World;
use crate::client::{PooledState, Slot};
use crate::database::Entrance;
use crate::history::{AttemptEnding, Listener};
use crate::network::{Draw, End, HostState, TrafficClass};
use crate::topology::{HostId, MemberId, NodeId, OperationId, ServerId};

/// Bytes of a question to a Sentinel or service, and of its answer.
const QUESTION_BYTES: u32 = 120;
const ANSWER_BYTES: u32 = 1_200;
/// The legs of a question's way there and back.
const LEG_THERE: u8 = 0x42;
const LEG_BACK: u8 = 0x43;

/// A question to a Sentinel or to the discovery service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inquiry {
    server: ServerId,
    slot: Slot,
    operation: OperationId,
    /// How many were asked before this one.
    asked_before: u8,
    asked: Asked,
    /// When it gives this one up.
    gives_up: SimTime,
    stage: Stage,
}

/// Who is asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Sentinel(PostId),
    /// The discovery service of a node.
    Service(NodeId),
}

/// What somebody answers.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Node(NodeId),
    /// It knows nobody, or the connection is refused.
    Nobody,
    /// Nothing ever comes back.
    Never,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The question reaches whom it is for.
    Arrives,
    /// The answer reaches the app server: a node to connect to, if one was named.
    Returns(Option<NodeId>),
}

impl World {
    /// Whether clients of a member ask Sentinels.
    pub(super) fn asks_sentinels(&self, member: MemberId) -> bool {
        self.blueprint.settings().database.entrance == Entrance::Sentinel
            && self.posts.iter().any(|post| post.member == member)
    }

    /// Whether clients of a member ask before they connect.
    pub(super) fn asks_before_connecting(&self, member: MemberId) -> bool {
        self.blueprint.settings().database.entrance == Entrance::Discovery
            || self.asks_sentinels(member)
    }

    /// All whom an app server may ask about a member.
    fn askable(&self, member: MemberId) -> Vec<Asked> {
        if self.blueprint.settings().database.entrance == Entrance::Discovery {
            let nodes = self.members[member.index()].nodes();
            return nodes.map(Asked::Service).collect();
        }
        (0..self.posts.len())
            .filter(|&index| self.posts[index].member == member && self.posts[index].shard == 0)
            .map(|index| Asked::Sentinel(PostId(index as u16)))
            .collect()
    }

    /// The machine of somebody who is asked.
    fn asked_host(&self, asked: Asked) -> HostId {
        match asked {
            Asked::Sentinel(post) => self.posts[usize::from(post.0)].host,
            Asked::Service(node) => self.node_host(node),
        }
    }

    /// What somebody answers that is asked now.
    fn answer_of(&self, asked: Asked) -> Answer {
        let state = self.network.host(self.asked_host(asked)).state;
        match (asked, state) {
            (_, HostState::Silent(_)) | (Asked::Sentinel(_), HostState::Hung(_)) => Answer::Never,
            (_, HostState::Refusing(_)) | (Asked::Sentinel(_), HostState::ProcessDead(_)) => {
                Answer::Nobody
            }
            (Asked::Sentinel(post), HostState::Running) => {
                let view = self.posts[usize::from(post.0)].sentinel.view();
                if view.is_down {
                    Answer::Nobody
                } else {
                    Answer::Node(view.listed)
                }
            }
            // It is no process of the database.
            (Asked::Service(node), _) => {
                let member = self.nodes[node.index()].member;
                if self.has_quorum(node) {
                    Answer::Node(self.members[member.index()].entrance)
                } else {
                    Answer::Nobody
                }
            }
        }
    }

    /// An app server asks for the primary, to connect to it for an operation. The time for connecting begins after.
    pub(super) fn inquire<L: Listener>(
        &mut self,
        now: SimTime,
        server: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        let position = self.opening_position(server, slot);
        if let Some(position) = position
            && let PooledState::Opening(_, timer) =
                &mut self.servers[server.index()].pool[position].state
        {
            self.queue.cancel(*timer);
            *timer = TimerId::NONE;
        }
        self.ask_next(now, (server, slot), 0, listener);
    }

    fn opening_position(&self, server: ServerId, slot: Slot) -> Option<usize> {
        self.servers[server.index()].pool.iter().position(|pooled| {
            pooled.connection.is_none()
                && matches!(pooled.state, PooledState::Opening(other, _) if other == slot)
        })
    }

    /// Asks the next one, or gives up when all were asked.
    fn ask_next<L: Listener>(
        &mut self,
        now: SimTime,
        (server, slot): (ServerId, Slot),
        asked_before: u8,
        listener: &mut L,
    ) {
        let member = self.operations.get(slot).member;
        let group = self.askable(member);
        let first = usize::from(self.servers[server.index()].asks_first);
        let mut order = vec![first];
        order.extend((0..group.len()).filter(|&number| number != first));
        let Some(&number) = order.get(usize::from(asked_before)) else {
            if let Some(position) = self.opening_position(server, slot) {
                self.drop_pooled(now, server, position);
                self.attempt_failed(now, slot, AttemptEnding::TargetDown, listener);
                self.serve_waiting(now, server, listener);
            }
            return;
        };
        let asked = group[number];
        let state = &self.servers[server.index()];
        let limit = state.timeout.min(self.strategy.client.connect_timeout);
        let inquiry = Inquiry {
            server,
            slot,
            operation: self.operations.get(slot).id,
            asked_before,
            asked,
            gives_up: now + limit,
            stage: Stage::Arrives,
        };
        let hosts = (state.host, self.asked_host(asked));
        let arrives = self.question_hop(now, hosts, QUESTION_BYTES, (server, LEG_THERE));
        self.schedule_inquiry(arrives, inquiry);
    }

    /// What happens next to a question; if nothing does by itself, it is given up in time.
    fn schedule_inquiry(&mut self, at: Option<SimTime>, mut inquiry: Inquiry) {
        let at = match at {
            Some(at) if at < inquiry.gives_up => at,
            _ => {
                inquiry.stage = Stage::Returns(None);
                inquiry.gives_up
            }
        };
        let id = InquiryId(self.inquiries.insert(inquiry));
        self.queue.schedule(at, Event::Inquiry(id));
    }

    /// When what an app server asks, or the answer, reaches the other host beside its connections; `None` if it never does.
    pub(super) fn question_hop(
        &mut self,
        now: SimTime,
        hosts: (HostId, HostId),
        bytes: u32,
        (server, leg): (ServerId, u8),
    ) -> Option<SimTime> {
        let sequence = self.servers[server.index()].opened;
        self.servers[server.index()].opened += 1;
        let draw = Draw {
            who: server.0,
            sequence,
            attempt: 0,
            leg,
        };
        self.network
            .hop(now, hosts, TrafficClass::Client, bytes, draw)
    }

    /// A question, or its answer, arrives.
    pub(super) fn inquiry_goes_on<L: Listener>(
        &mut self,
        now: SimTime,
        id: InquiryId,
        listener: &mut L,
    ) {
        let Some(mut inquiry) = self.inquiries.take(id.0) else {
            return;
        };
        let Inquiry {
            server,
            slot,
            asked,
            ..
        } = inquiry;
        match inquiry.stage {
            Stage::Arrives => {
                let hosts = (self.asked_host(asked), self.servers[server.index()].host);
                let answer = match self.answer_of(asked) {
                    Answer::Node(node) => Some(node),
                    Answer::Nobody => None,
                    Answer::Never => {
                        self.schedule_inquiry(None, inquiry);
                        return;
                    }
                };
                inquiry.stage = Stage::Returns(answer);
                let returns = self.question_hop(now, hosts, ANSWER_BYTES, (server, LEG_BACK));
                self.schedule_inquiry(returns, inquiry);
            }
            Stage::Returns(answer) => {
                let operation = self.operations.get(slot);
                let is_current = operation.id == inquiry.operation && !operation.ended;
                let Some(position) = self.opening_position(server, slot).filter(|_| is_current)
                else {
                    return;
                };
                let Some(node) = answer else {
                    let next = inquiry.asked_before + 1;
                    self.ask_next(now, (server, slot), next, listener);
                    return;
                };
                let number = match asked {
                    Asked::Sentinel(post) => self.posts[usize::from(post.0)].sentinel.id().0,
                    Asked::Service(asked) => {
                        let member = self.nodes[asked.index()].member;
                        let nodes = self.members[member.index()].nodes();
                        nodes.take_while(|&other| other != asked).count() as u8
                    }
                };
                self.servers[server.index()].asks_first = number;
                self.learn_primary(now, server, node);
                let limit = now + self.strategy.client.connect_timeout;
                let timer = self.queue.arm(limit, Event::OpeningTimeout(server, slot));
                // Idle connections to another node were closed: positions may have moved.
                let position = self.opening_position(server, slot).unwrap_or(position);
                self.servers[server.index()].pool[position].state =
                    PooledState::Opening(slot, timer);
                let host = self.node_host(node);
                self.open_pooled(now, (server, position), (slot, host), listener);
            }
        }
    }

    /// An app server knows who is primary: it closes idle connections that lead to another node.
    fn learn_primary(&mut self, now: SimTime, server: ServerId, node: NodeId) {
        self.servers[server.index()].primary = Some(node);
        while let Some(position) = (0..self.servers[server.index()].pool.len()).find(|&position| {
            self.servers[server.index()].pool[position].state == PooledState::Idle
                && self.leads_astray(server, position)
        }) {
            self.drop_pooled(now, server, position);
        }
    }

    /// Whether a connection of a pool leads to another node than the one that the app server holds for primary.
    pub(super) fn leads_astray(&self, server: ServerId, position: usize) -> bool {
        let state = &self.servers[server.index()];
        let leads_to = state.pool[position]
            .connection
            .and_then(|connection| self.network.host_at(connection, End::Server))
            .and_then(|host| self.node_on(host));
        state.primary.is_some() && leads_to.is_some() && leads_to != state.primary
    }

    /// Whether a connection of a pool leads to a process that refuses writes because it is no primary.
    pub(super) fn leads_to_replica(&self, server: ServerId, position: usize) -> bool {
        self.servers[server.index()].pool[position]
            .connection
            .and_then(|connection| self.node_at(connection))
            .is_some_and(|node| !self.nodes[node.index()].shards[0].is_primary())
    }
}
