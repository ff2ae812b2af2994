//! What probes find out: each kind asks something of the process that it reaches, and no more.
//!
//! Probes that set keys write for real: their effects are replicated and kept like any other, and are
//! nobody's operations.

use regionfall_crdt::{Command, Content, KeyId};
use regionfall_kernel::SimTime;

use super::world::World;
use crate::database::{LinkState, Scope, Shard, shard_of};
use crate::failover::{CustomCheck, KeySample, Probe, ProbeKind};
use crate::history::{Fact, Listener};
use crate::network::{Draw, HostState, TrafficClass};
use crate::topology::{MemberId, NodeId};

/// Bytes of a probe's key and value on the way to its shard.
const KEY_BYTES: u32 = 120;
/// The leg of a probe's way to a shard inside a member.
const LEG_SHARD: u8 = 0x32;

/// What a probe meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Met {
    /// An answer, or an error.
    Answer {
        /// Whether it is an error.
        is_error: bool,
    },
    /// Nothing.
    Silence,
}

impl World {
    /// What a probe that reached a member's process meets there.
    pub(super) fn examine<L: Listener>(
        &mut self,
        now: SimTime,
        (node, probe): (Option<NodeId>, Probe),
        draw: Draw,
        listener: &mut L,
    ) -> Met {
        // A balancer counts its targets as a decider does members: it is the node that tells whose it is.
        let member = node.map_or(probe.member, |node| self.nodes[node.index()].member);
        let entrance = self.members[member.index()].entrance;
        let is_loading = self.is_loading(node.unwrap_or(entrance));
        let answer = |is_error| Met::Answer { is_error };
        match probe.kind {
            ProbeKind::Connect | ProbeKind::Ping | ProbeKind::Echo => answer(is_loading),
            ProbeKind::Availability { scope, lag } => {
                answer(!self.availability(now, member, (scope, lag)).is_available())
            }
            ProbeKind::Http => {
                let state = self.network.host(self.node_host(entrance)).state;
                answer(state != HostState::Running || is_loading)
            }
            ProbeKind::SetGet(sample) => {
                if is_loading {
                    return answer(true);
                }
                self.set_and_get(
                    now,
                    (member, entrance),
                    (sample, probe.shard),
                    draw,
                    listener,
                )
            }
            ProbeKind::Replication { tolerance } => {
                answer(is_loading || self.is_behind(now, member, tolerance))
            }
            ProbeKind::Primary => {
                let node = node.unwrap_or(entrance);
                let mut shards = self.nodes[node.index()].shards.iter();
                answer(is_loading || !shards.all(Shard::is_primary))
            }
            ProbeKind::NotStale => answer(is_loading || self.is_stale(member)),
            ProbeKind::Custom(check) => answer(self.fails_check(now, member, is_loading, check)),
        }
    }

    fn fails_check(
        &self,
        now: SimTime,
        member: MemberId,
        is_loading: bool,
        check: CustomCheck,
    ) -> bool {
        let is_behind = |tolerance| self.is_behind(now, member, tolerance);
        let misses_shard = || {
            let mut primaries = self.members[member.index()].primaries.iter();
            primaries.any(|&node| {
                self.network.host(self.node_host(node)).state != HostState::Running
                    || self.is_loading(node)
            })
        };
        check.sees_loading && is_loading
            || check.sees_shards && misses_shard()
            || check.sees_staleness && self.is_stale(member)
            || check.sees_lag.is_some_and(is_behind)
    }

    /// Whether a shard of a member is in stale mode, where the database has one; or the member has not caught up,
    /// since it was cut off, with a peer that it can reach again, or was cut off and reaches none.
    fn is_stale(&self, member: MemberId) -> bool {
        let mut primaries = self.members[member.index()].primaries.iter().enumerate();
        if primaries.any(|(shard, node)| self.nodes[node.index()].shards[shard].is_stale) {
            return true;
        }
        let inbound = self.links[..self.inner_links].iter().filter(|link| {
            link.scope == Scope::Members && self.nodes[link.target.index()].member == member
        });
        let (mut reaches_any, mut is_cut_off, mut is_behind) = (false, false, false);
        for link in inbound {
            let (source, target) = (self.node_host(link.source), self.node_host(link.target));
            let reaches = self.network.host(source).state == HostState::Running
                && !self
                    .network
                    .is_cut(source, target, TrafficClass::Replication);
            let lacks = link.disrupted_since != SimTime::NEVER || link.catch_up.is_some();
            reaches_any |= reaches;
            is_cut_off |= lacks;
            is_behind |= reaches && lacks;
        }
        is_behind || is_cut_off && !reaches_any
    }

    /// Keys are set and read in the shards that a probe asks.
    fn set_and_get<L: Listener>(
        &mut self,
        now: SimTime,
        (member, entrance): (MemberId, NodeId),
        (sample, shard): (KeySample, Option<u16>),
        draw: Draw,
        listener: &mut L,
    ) -> Met {
        let shards = self.shards();
        let asked: Vec<u16> = match (sample, shard) {
            (_, Some(shard)) => vec![shard % shards],
            (KeySample::OnePerShard, None) => (0..shards).collect(),
            (KeySample::Random(keys), None) => (0..u32::from(keys))
                .map(|key| {
                    let address = [draw.who, draw.sequence, key, 0x5345_5447];
                    let unit = self.processing_draws.unit(address.into());
                    (unit * f64::from(shards)) as u16
                })
                .collect(),
        };
        for shard in asked {
            let node = self.members[member.index()].primaries[usize::from(shard)];
            let hosts = (self.node_host(entrance), self.node_host(node));
            if node != entrance {
                let class = TrafficClass::Client;
                let draw = Draw {
                    attempt: shard as u8,
                    ..draw.leg(LEG_SHARD)
                };
                if self
                    .network
                    .hop(now, hosts, class, KEY_BYTES, draw)
                    .is_none()
                {
                    return Met::Silence;
                }
            }
            match self.network.host(hosts.1).state {
                HostState::Silent(_) | HostState::Hung(_) => return Met::Silence,
                HostState::ProcessDead(_) | HostState::Refusing(_) => {
                    return Met::Answer { is_error: true };
                }
                HostState::Running => {}
            }
            let process = &self.nodes[node.index()].shards[usize::from(shard)];
            let refuses = !process.is_primary()
                || process.is_stale
                || self.is_loading(node)
                || !self.nodes[node.index()].is_running
                || self.refuses_writes(node, usize::from(shard))
                || !self.has_quorum(node);
            if refuses {
                return Met::Answer { is_error: true };
            }
            self.write_probe_key(now, (node, shard), draw, listener);
        }
        Met::Answer { is_error: false }
    }

    fn write_probe_key<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        draw: Draw,
        listener: &mut L,
    ) {
        // Beyond every key of the workload, the first that falls into the shard.
        let first = self.blueprint.workload().keys();
        let shards = self.shards();
        let Some(key) = (first..first + u32::from(shards))
            .map(KeyId)
            .find(|&key| shard_of(key, shards) == shard)
        else {
            return;
        };
        let content = Content::from(draw.sequence.to_be_bytes().as_slice());
        let executed = self.execute(now, (node, shard), &Command::Set { key, content });
        for effect in executed.effects {
            let (origin, sequence) = (effect.dot.origin, effect.dot.sequence);
            listener.observe(
                now,
                &Fact::EffectsApplied {
                    node,
                    origin,
                    first: sequence,
                    last: sequence,
                },
            );
            self.publish_effect(now, (node, shard), effect);
        }
    }
}

/// Whether a link streams, for those who publish on it.
pub(super) fn streams(state: LinkState) -> Option<crate::network::ConnectionId> {
    match state {
        LinkState::Streaming(connection) => Some(connection),
        _ => None,
    }
}
