//! Heartbeats through the database: deciders publish on members, members pass on to each other what is
//! published, subscribers hear it.
//!
//! A message on a channel lives in one shard and travels over that shard's links, behind the syncer's work,
//! like an effect; nobody keeps it, so what meets a link that is down is lost (Redis docs, pub/sub).

use regionfall_kernel::SimTime;

use super::event::{Event, Message};
use super::examining::streams;
use super::world::{Owner, World};
use crate::failover::Sight;
use crate::history::{Fact, Listener};
use crate::network::{
    ConnectionId, ConnectionOptions, Draw, End, HostState, Opening, TrafficClass,
};
use crate::topology::{DeciderId, MemberId};

/// Bytes of a message with its channel and headers.
const BEAT_BYTES: u32 = 140;
/// TLS and AUTH of a subscriber's connection.
const SETUP_ROUND_TRIPS: u8 = 2;
/// Legs of what belongs to heartbeats.
const LEG: u8 = 0x50;

/// A heartbeat on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Beat {
    /// Whose.
    pub(super) decider: DeciderId,
    /// Where it was published.
    pub(super) from: MemberId,
    /// Where it is, or goes.
    pub(super) to: MemberId,
    /// On which channel.
    pub(super) channel: u16,
    /// How far it is.
    pub(super) leg: BeatLeg,
}

/// How far a heartbeat is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BeatLeg {
    /// From its decider to the member.
    Published,
    /// From member to member.
    Relayed,
    /// From a member to its subscriber.
    Delivered,
}

impl World {
    /// A decider opens its connection for heartbeats with a member, unless it has one.
    pub(super) fn subscribe(&mut self, now: SimTime, id: DeciderId, member: MemberId) {
        let slot = &mut self.deciders[id.index()];
        let Some(host) = slot
            .host
            .filter(|_| slot.subscriptions[member.index()].is_none())
        else {
            return;
        };
        slot.subscribed += 1;
        let opening = Opening {
            client: host,
            server: self.entrance_host(member),
            class: TrafficClass::Check,
            options: ConnectionOptions {
                setup_round_trips: SETUP_ROUND_TRIPS,
                ..Default::default()
            },
            draw: Draw {
                who: id.0,
                sequence: self.deciders[id.index()].subscribed,
                attempt: member.0,
                leg: LEG,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.deciders[id.index()].subscriptions[member.index()] = Some((connection, false));
        self.own(connection, Owner::Subscription(id, member));
    }

    /// A connection for heartbeats is open.
    pub(super) fn subscription_opened(&mut self, id: DeciderId, member: MemberId) {
        if let Some((_, is_open)) = &mut self.deciders[id.index()].subscriptions[member.index()] {
            *is_open = true;
        }
    }

    /// A connection for heartbeats was refused, or broke.
    pub(super) fn subscription_broken<L: Listener>(
        &mut self,
        now: SimTime,
        (id, member): (DeciderId, MemberId),
        connection: ConnectionId,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        let slot = &mut self.deciders[id.index()].subscriptions[member.index()];
        if slot.is_some_and(|(own, _)| own == connection) {
            *slot = None;
            self.show(now, id, Sight::SubscriptionLost { member }, listener);
        }
    }

    /// A decider publishes on a member.
    pub(super) fn publish_beat<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        (member, channel): (MemberId, u16),
        listener: &mut L,
    ) {
        let Some((connection, true)) = self.deciders[id.index()].subscriptions[member.index()]
        else {
            return;
        };
        self.deciders[id.index()].subscribed += 1;
        let fact = Fact::ProbeSent {
            decider: id,
            member,
            bytes: BEAT_BYTES,
        };
        listener.observe(now, &fact);
        let beat = Beat {
            decider: id,
            from: member,
            to: member,
            channel,
            leg: BeatLeg::Published,
        };
        self.carry_beat(now, (connection, End::Client), beat);
    }

    fn carry_beat(&mut self, now: SimTime, (connection, end): (ConnectionId, End), beat: Beat) {
        let draw = Draw {
            who: beat.decider.0,
            sequence: self.deciders[beat.decider.index()].subscribed,
            attempt: beat.from.0 << 4 | beat.to.0,
            leg: LEG | beat.leg as u8 | (beat.channel as u8 & 7) << 2,
        };
        let message = (Message::Beat(beat).into(), BEAT_BYTES);
        self.network
            .send(now, &mut self.queue, (connection, end), message, draw);
        self.account_for_abandoned();
    }

    /// A heartbeat arrived somewhere.
    pub(super) fn beat_arrives<L: Listener>(&mut self, now: SimTime, beat: Beat, listener: &mut L) {
        match beat.leg {
            BeatLeg::Published => {
                if !self.has_shard(beat.to, beat.channel) {
                    return;
                }
                self.deliver_beat(now, beat);
                for index in 0..self.members.len() {
                    let to = MemberId::from_index(index);
                    if to != beat.from {
                        self.relay_beat(now, Beat { to, ..beat });
                    }
                }
            }
            BeatLeg::Relayed => {
                if self.has_shard(beat.to, beat.channel) {
                    self.deliver_beat(now, beat);
                }
            }
            BeatLeg::Delivered => {
                let Beat {
                    from, to, channel, ..
                } = beat;
                let sight = Sight::Heard { from, to, channel };
                self.show(now, beat.decider, sight, listener);
            }
        }
    }

    /// Whether the process that has a channel's shard runs.
    fn has_shard(&self, member: MemberId, channel: u16) -> bool {
        let node = self.primary_of_channel(member, channel);
        self.network.host(self.node_host(node)).state == HostState::Running
            && self.nodes[node.index()].is_running
            && !self.is_loading(node)
    }

    fn primary_of_channel(&self, member: MemberId, channel: u16) -> crate::topology::NodeId {
        let shard = channel % self.shards();
        self.members[member.index()].primaries[usize::from(shard)]
    }

    /// The syncer works on a message before it leaves for another member.
    fn relay_beat(&mut self, now: SimTime, beat: Beat) {
        let link = self.link_between(beat.from, beat.to, beat.channel % self.shards());
        if streams(self.links[usize::from(link.0)].state).is_none() {
            return;
        }
        let delay = self.blueprint.processing().map(|processing| {
            let sequence = self.deciders[beat.decider.index()].subscribed;
            let who = beat.decider.0 << 16 | u32::from(beat.channel);
            let address = [u32::from(link.0), who, sequence, 0x4245_4154];
            processing.sample(self.processing_draws.bits(address.into()))
        });
        let beat = Beat {
            leg: BeatLeg::Relayed,
            ..beat
        };
        let at = now + delay.unwrap_or_default();
        self.queue.schedule(at, Event::Relay(beat));
    }

    /// A message leaves a member for another.
    pub(super) fn beat_leaves(&mut self, now: SimTime, beat: Beat) {
        let link = self.link_between(beat.from, beat.to, beat.channel % self.shards());
        if let Some(connection) = streams(self.links[usize::from(link.0)].state) {
            self.carry_beat(now, (connection, End::Server), beat);
        }
    }

    /// A member hands a message to its subscriber.
    fn deliver_beat(&mut self, now: SimTime, beat: Beat) {
        let subscription = self.deciders[beat.decider.index()].subscriptions[beat.to.index()];
        if let Some((connection, true)) = subscription {
            let beat = Beat {
                leg: BeatLeg::Delivered,
                ..beat
            };
            self.carry_beat(now, (connection, End::Server), beat);
        }
    }
}
