//! What a process of the database does for a Sentinel: it answers, says what it is, passes greetings on, becomes primary
//! or follows another.

use regionfall_kernel::{Address, SimDuration, SimTime};

use super::event::PostId;
use super::sentinels::{Content, LEG};
use super::world::World;
use crate::database::promotion::sentinel::{
    Hello, NodeInfo, NodeRole, SentinelAnswer, SentinelRequest, Watched,
};
use crate::database::{LinkState, Role};
use crate::history::Listener;
use crate::network::{ConnectionId, End};
use crate::topology::NodeId;

impl World {
    /// A process of the database does what a Sentinel asks of it.
    pub(super) fn obey<L: Listener>(
        &mut self,
        now: SimTime,
        post: PostId,
        node: NodeId,
        request: SentinelRequest,
        listener: &mut L,
    ) -> SentinelAnswer {
        let (member, shard) = {
            let post = &self.posts[usize::from(post.0)];
            (post.member, post.shard)
        };
        match request {
            SentinelRequest::Ping => SentinelAnswer::Pong { is_available: true },
            SentinelRequest::Info => SentinelAnswer::Info(self.info(now, node, shard)),
            SentinelRequest::Publish(hello) => {
                self.publish_hello(now, post, node, hello);
                SentinelAnswer::Done
            }
            SentinelRequest::ReplicaOf(None) => {
                self.promote(now, (member, shard), node, listener);
                self.drop_clients(now, node);
                SentinelAnswer::Done
            }
            SentinelRequest::ReplicaOf(Some(primary)) => {
                if primary != node {
                    self.follow(now, (node, shard), primary, listener);
                    self.drop_clients(now, node);
                }
                SentinelAnswer::Done
            }
            SentinelRequest::IsPrimaryDown { .. } => SentinelAnswer::Done,
        }
    }

    /// What a process says of itself.
    pub(super) fn info(&self, now: SimTime, node: NodeId, shard: u16) -> NodeInfo {
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        let offset = process.replica.clock().iter().map(|dot| dot.sequence).sum();
        let address = Address::from([u32::from(node.0), u32::from(shard), 0, LEG.into()]);
        let run = self.processing_draws.bits(address);
        let mut info = NodeInfo {
            role: NodeRole::Primary,
            link_is_up: false,
            link_down_for: SimDuration::ZERO,
            offset,
            priority: 100,
            run,
        };
        if process.role == Role::Replica {
            let of = process.follows;
            info.role = NodeRole::Replica { of };
            info.link_is_up = self.follows_closely(node, shard);
            info.link_down_for = self.without_primary_for(now, node, shard);
        }
        info
    }

    /// Whether a replica's stream from its primary flows, as far as it knows.
    pub(super) fn follows_closely(&self, node: NodeId, shard: u16) -> bool {
        let primary = self.nodes[node.index()].shards[usize::from(shard)].follows;
        let link = self.link_within(primary, node, shard);
        link.is_some_and(|link| {
            matches!(
                self.links[usize::from(link.0)].state,
                LinkState::Streaming(_) | LinkState::Orphaned(_)
            )
        })
    }

    /// For how long a replica has known that its stream does not flow, in whole seconds of its clock.
    pub(super) fn without_primary_for(
        &self,
        now: SimTime,
        node: NodeId,
        shard: u16,
    ) -> SimDuration {
        let primary = self.nodes[node.index()].shards[usize::from(shard)].follows;
        let lost_at = self
            .link_within(primary, node, shard)
            .map_or(SimTime::NEVER, |link| {
                self.links[usize::from(link.0)].lost_at
            });
        if lost_at > now {
            return SimDuration::ZERO;
        }
        let second = |at: SimTime| at.as_nanos() / 1_000_000_000;
        SimDuration::from_secs(second(now) - second(lost_at))
    }

    /// A process passes a Sentinel's greeting on to every other Sentinel that listens.
    fn publish_hello(&mut self, now: SimTime, from: PostId, node: NodeId, hello: Hello) {
        let group = {
            let post = &self.posts[usize::from(from.0)];
            (post.member, post.shard)
        };
        for index in 0..self.posts.len() {
            let post = &self.posts[index];
            let id = PostId(index as u16);
            if (post.member, post.shard) != group || id == from {
                continue;
            }
            let wire = self.wire(id, Watched::Node(node));
            if self.posts[index].is_open(wire) {
                self.dispatch(now, id, wire, End::Server, Content::Heard(hello));
            }
        }
    }

    /// A process closes the connections of all its clients, so that they ask anew who is primary.
    pub(super) fn drop_clients(&mut self, now: SimTime, node: NodeId) {
        let host = self.node_host(node);
        let leads_here = |connection: &ConnectionId| {
            self.network.host_at(*connection, End::Server) == Some(host)
        };
        let connections: Vec<ConnectionId> = self
            .servers
            .iter()
            .flat_map(|server| server.pool.iter().filter_map(|pooled| pooled.connection))
            .filter(leads_here)
            .collect();
        for connection in connections {
            self.network
                .close(now, &mut self.queue, connection, End::Server);
        }
        self.account_for_abandoned();
    }
}
