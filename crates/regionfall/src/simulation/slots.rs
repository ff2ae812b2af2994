//! App servers that know which node serves which slot, as cluster clients do: they send each request there, go where
//! MOVED sends them, and ask for the whole map when something was not as it said.
//!
//! A shard's slots are what a map has an entry for; of those that move to another shard there is one for each move. Each node
//! of a member has a pool of connections of its own. The connections over which maps are asked for are kept open and not
//! modelled for themselves. Where slots are on their way is `slot_moving.rs`.

use regionfall_kernel::SimTime;

use super::event::{Event, MapQuestionId};
use super::world::World;
use crate::client::{PooledState, Slot};
use crate::database::{Entrance, Member};
use crate::history::{AttemptEnding, Fact, Listener};
use crate::network::{ConnectionId, HostState};
use crate::topology::{MemberId, NodeId, ServerId};

/// So often a request is sent on before the client gives up (source: redis/jedis and redis/lettuce: 5).
const REDIRECTS_MAX: u8 = 5;
/// Bytes of a question for the map (`CLUSTER SLOTS`), and of its answer for each shard: a range, and each copy's address.
const QUESTION_BYTES: u32 = 120;
const ANSWER_BYTES: u32 = 72;
const ANSWER_BYTES_PER_COPY: u32 = 100;
/// The legs of a question's way there and back.
const LEG_THERE: u8 = 0x4A;
const LEG_BACK: u8 = 0x4B;

/// What a process answers to a request that it does not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Redirect {
    /// MOVED: this node's process serves the slot.
    Moved(NodeId),
    /// ASK: the key is not here any more; this node's process is getting its slot.
    Ask(NodeId),
    /// CLUSTERDOWN: it serves nothing at all for the time being.
    ClusterDown,
}

/// A question for a slot map.
#[derive(Clone, Debug)]
pub(super) struct MapQuestion {
    server: ServerId,
    member: MemberId,
    /// How many processes were asked before this one.
    asked_before: u16,
    /// Who is asked.
    process: (NodeId, u16),
    /// When it gives this one up.
    gives_up: SimTime,
    stage: Stage,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Stage {
    /// The question reaches the process.
    Arrives,
    /// The answer reaches the app server: by shard, who serves it; nothing if there is no answer.
    Returns(Option<Vec<NodeId>>),
}

impl World {
    /// Whether clients follow slot maps.
    #[inline]
    pub(super) fn routes_by_slot(&self) -> bool {
        self.blueprint.settings().database.entrance == Entrance::Cluster
    }

    /// What app servers know at the start: who is primary of each shard of each member, and of the slots that will move.
    pub(super) fn first_slot_map(&self) -> Vec<NodeId> {
        if !self.routes_by_slot() {
            return Vec::new();
        }
        let ranges = self.ranges();
        let of_member = |member: &Member| {
            let owners = (0..ranges).map(|range| self.owner_of_range(range));
            let primaries: Vec<NodeId> = owners
                .map(|shard| member.primaries[usize::from(shard)])
                .collect();
            primaries
        };
        self.members.iter().flat_map(of_member).collect()
    }

    /// The node to which an operation's request goes, by the map of its app server.
    #[inline]
    pub(super) fn node_by_slot(&self, slot: Slot) -> Option<NodeId> {
        if !self.routes_by_slot() {
            return None;
        }
        let operation = self.operations.get(slot);
        if operation.asks.is_some() {
            return operation.asks;
        }
        let place = self.map_place(operation.member, self.range_of(operation.key()));
        Some(self.servers[operation.server.index()].slot_map[place])
    }

    fn map_place(&self, member: MemberId, range: usize) -> usize {
        member.index() * self.ranges() + range
    }

    /// Where a process sends a client instead of executing its request, if it does.
    #[inline]
    pub(super) fn redirect(&self, node: NodeId, slot: Slot) -> Option<Redirect> {
        if !self.routes_by_slot() {
            return None;
        }
        let shard = self.shard_for(slot);
        let serves = match self.station(node, shard) {
            Some(station) if !station.process.serves() => return Some(Redirect::ClusterDown),
            Some(station) => {
                let serves = station.process.server_of(shard).node;
                if !self.slot_moves.is_empty()
                    && let Some(redirect) = self.redirect_on_move((node, serves), slot, station)
                {
                    return Some(redirect);
                }
                serves
            }
            // Behind a manager that tells every node.
            None if !self.has_quorum(node) => return Some(Redirect::ClusterDown),
            None => {
                let member = self.nodes[node.index()].member;
                self.members[member.index()].primaries[usize::from(shard)]
            }
        };
        (serves != node).then_some(Redirect::Moved(serves))
    }

    /// An operation takes a connection to the node that serves its slot, or waits for one.
    pub(super) fn take_connection_to_node<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) {
        if !self.goes_out_to_node(now, id, slot, listener) {
            self.wait_for_connection(now, id, slot);
        }
    }

    /// Sends an operation's request to its node, or opens a connection for it. Says whether it could.
    fn goes_out_to_node<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        slot: Slot,
        listener: &mut L,
    ) -> bool {
        let Some(node) = self.node_by_slot(slot) else {
            return false;
        };
        let server = &self.servers[id.index()];
        if let Some(position) = server.idle_connection_to(node) {
            self.send_request(now, id, position, slot, listener);
            true
        } else if server.has_room_to(node) {
            self.open_for(now, id, slot, listener);
            true
        } else {
            false
        }
    }

    /// Gives connections that became free, or places for new ones, to operations that wait for their nodes.
    pub(super) fn serve_waiting_by_node<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        let waiting = std::mem::take(&mut self.servers[id.index()].waiting);
        for slot in waiting {
            if !self.goes_out_to_node(now, id, slot, listener) {
                self.servers[id.index()].waiting.push_back(slot);
            }
        }
    }

    /// A process answered that it does not serve a request: the client goes where it was sent, and asks for a new map.
    pub(super) fn redirect_arrives<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        (slot, attempt): (Slot, u8),
        to: Redirect,
        listener: &mut L,
    ) {
        let operation = self.operations.get(slot);
        debug_assert!(!operation.ended && operation.attempt == attempt);
        let (id, number, member) = (operation.server, operation.id, operation.member);
        let (redirects, range) = (operation.redirects, self.range_of(operation.key()));
        let Some(position) = self.servers[id.index()].position(connection) else {
            return;
        };
        self.servers[id.index()].pool[position].state = PooledState::Idle;
        self.operations.message_gone(slot);
        if !matches!(to, Redirect::Ask(_)) {
            self.ask_for_map(now, id, member);
        }
        match to {
            Redirect::Moved(node) | Redirect::Ask(node) if redirects < REDIRECTS_MAX => {
                let asks = matches!(to, Redirect::Ask(_)).then_some(node);
                if asks.is_none() {
                    let place = self.map_place(member, range);
                    self.servers[id.index()].slot_map[place] = node;
                }
                let fact = Fact::AttemptEnded {
                    operation: number,
                    attempt,
                    member,
                    ending: AttemptEnding::Redirected,
                };
                listener.observe(now, &fact);
                let operation = self.operations.get_mut(slot);
                operation.attempt += 1;
                operation.redirects += 1;
                operation.asks = asks;
                self.take_connection_to_node(now, id, slot, listener);
            }
            Redirect::Moved(_) | Redirect::Ask(_) | Redirect::ClusterDown => {
                self.attempt_failed(now, slot, AttemptEnding::ErrorReply, listener);
            }
        }
        self.serve_waiting(now, id, listener);
    }

    /// A client that could not reach a node, or lost it, doubts its map.
    #[inline]
    pub(super) fn doubt_slot_map(
        &mut self,
        now: SimTime,
        (id, member): (ServerId, MemberId),
        ending: AttemptEnding,
    ) {
        let is_doubtful = matches!(
            ending,
            AttemptEnding::Refused
                | AttemptEnding::ConnectTimeout
                | AttemptEnding::Timeout
                | AttemptEnding::ConnectionLost
        );
        if is_doubtful && self.routes_by_slot() {
            self.ask_for_map(now, id, member);
        }
    }

    /// An app server asks for the map of a member, one question at a time.
    fn ask_for_map(&mut self, now: SimTime, server: ServerId, member: MemberId) {
        let state = &mut self.servers[server.index()];
        if !std::mem::replace(&mut state.asks_for_map, true) {
            self.ask_next_for_map(now, (server, member), 0);
        }
    }

    /// Asks the next process that it knows of, or gives up when all were asked. Every question goes to another than the
    /// one before.
    fn ask_next_for_map(
        &mut self,
        now: SimTime,
        (server, member): (ServerId, MemberId),
        asked_before: u16,
    ) {
        let nodes: Vec<NodeId> = self.members[member.index()].nodes().collect();
        let processes = nodes.len() * usize::from(self.shards);
        let state = &mut self.servers[server.index()];
        if usize::from(asked_before) == processes {
            state.asks_for_map = false;
            return;
        }
        let number = usize::from(state.asks_first) % processes;
        state.asks_first = ((number + 1) % processes) as u8;
        let process = (nodes[number % nodes.len()], (number / nodes.len()) as u16);
        let limit = state.timeout.min(self.strategy.client.connect_timeout);
        let hosts = (state.host, self.node_host(process.0));
        let question = MapQuestion {
            server,
            member,
            asked_before,
            process,
            gives_up: now + limit,
            stage: Stage::Arrives,
        };
        let arrives = self.question_hop(now, hosts, QUESTION_BYTES, (server, LEG_THERE));
        self.schedule_map_question(arrives, question);
    }

    /// What happens next to a question; if nothing does by itself, it is given up in time.
    fn schedule_map_question(&mut self, at: Option<SimTime>, mut question: MapQuestion) {
        let at = match at {
            Some(at) if at < question.gives_up => at,
            _ => {
                question.stage = Stage::Returns(None);
                question.gives_up
            }
        };
        let id = MapQuestionId(self.map_questions.insert(question));
        self.queue.schedule(at, Event::MapQuestion(id));
    }

    /// A question for a map, or its answer, arrives.
    pub(super) fn map_question_goes_on(&mut self, now: SimTime, id: MapQuestionId) {
        let Some(mut question) = self.map_questions.take(id.0) else {
            return;
        };
        let (server, member) = (question.server, question.member);
        match question.stage {
            Stage::Arrives => {
                let (node, _) = question.process;
                let host = self.node_host(node);
                let answer = match self.network.host(host).state {
                    HostState::Running if self.nodes[node.index()].is_running => {
                        Some(self.map_of(question.process))
                    }
                    // It loads, or nobody listens.
                    HostState::Running | HostState::ProcessDead(_) | HostState::Refusing(_) => None,
                    HostState::Hung(_) | HostState::Silent(_) => {
                        self.schedule_map_question(None, question);
                        return;
                    }
                };
                question.stage = Stage::Returns(answer);
                let copies = self.members[member.index()].nodes().count() as u32;
                let bytes = ANSWER_BYTES + u32::from(self.shards) * copies * ANSWER_BYTES_PER_COPY;
                let hosts = (host, self.servers[server.index()].host);
                let returns = self.question_hop(now, hosts, bytes, (server, LEG_BACK));
                self.schedule_map_question(returns, question);
            }
            Stage::Returns(Some(map)) => {
                let first = self.map_place(member, 0);
                let state = &mut self.servers[server.index()];
                state.slot_map[first..first + map.len()].copy_from_slice(&map);
                state.asks_for_map = false;
            }
            Stage::Returns(None) => {
                self.ask_next_for_map(now, (server, member), question.asked_before + 1);
            }
        }
    }

    /// By shard, and for each of the slots that move, who serves it as a process believes.
    fn map_of(&self, (node, shard): (NodeId, u16)) -> Vec<NodeId> {
        let Some(station) = self.station(node, shard) else {
            let member = self.nodes[node.index()].member;
            return self.members[member.index()].primaries.clone();
        };
        let owners = (0..self.ranges()).map(|range| self.owner_of_range(range));
        owners
            .map(|shard| station.process.server_of(shard).node)
            .collect()
    }
}
