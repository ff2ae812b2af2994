//! Deciders at work: the world wakes them, carries their probes and reports, and does what they ask.

use regionfall_kernel::{SimTime, TimerId, TraceHash};

use super::event::{Event, Message, ProbeId};
use super::examining::Met;
use super::world::{Owner, World};
use crate::failover::{
    Action, Decider, KeySample, LocalTime, Probe, ProbeKind, ProbeOutcome, Propagation, Sight,
    Vantage,
};
use crate::history::{Fact, Listener};
use crate::network::{ConnectionId, ConnectionOptions, Draw, End, Opening, TrafficClass};
use crate::topology::{DeciderId, FaultId, HostId, MemberId, NodeId, RelayId, ServerId};

/// Bytes of a probe and of its answer: RESP PING and PONG with TCP/IP headers.
const PROBE_BYTES: u32 = 80;
/// TLS and AUTH of a client library's health check; a traffic manager's check has neither.
const CLIENT_PROBE_SETUP: u8 = 1;

/// TLS 1.3 of a request over HTTPS (RFC 8446, section 2).
const HTTPS_SETUP: u8 = 1;

/// A decider in its place.
#[derive(Clone)]
pub(super) struct DeciderSlot {
    decider: Box<dyn Decider>,
    /// Where it runs; `None` for a service that has no host of its own.
    pub host: Option<HostId>,
    /// The app server whose process it is.
    pub server: Option<ServerId>,
    /// Connections that it keeps for its next probe, by member.
    pub kept: Vec<Option<ConnectionId>>,
    /// Wake-ups that came while its host was down.
    deferred: Vec<u32>,
    probes_sent: u32,
    /// Whether it wants to see every attempt of its own traffic.
    pub watches_traffic: bool,
    /// The relay whose judge it is.
    pub relay: Option<RelayId>,
    /// Faults that cut it off from members, and whether its reports get lost too.
    pub cut_off: Vec<(FaultId, bool)>,
    /// Whether it wants to see every attempt before it chooses a member.
    pub wants_commands: bool,
    /// Its connections for heartbeats, by member, and whether they are open.
    pub subscriptions: Vec<Option<(ConnectionId, bool)>>,
    /// Heartbeats published and connections opened for them so far, for addressing draws.
    pub subscribed: u32,
    /// Notes sent so far, for addressing draws.
    pub noted: u32,
}

impl DeciderSlot {
    pub(super) fn new(
        decider: Box<dyn Decider>,
        host: Option<HostId>,
        server: Option<ServerId>,
        kept: Vec<Option<ConnectionId>>,
    ) -> Self {
        let watches_traffic = decider.watches_traffic();
        let wants_commands = decider.wants_commands();
        let subscriptions = vec![None; kept.len()];
        Self {
            decider,
            host,
            server,
            kept,
            deferred: Vec::new(),
            probes_sent: 0,
            watches_traffic,
            relay: None,
            cut_off: Vec::new(),
            wants_commands,
            subscriptions,
            subscribed: 0,
            noted: 0,
        }
    }

    /// Whether the decider holds a member for usable.
    pub(super) fn is_usable(&self, now: SimTime, member: MemberId) -> bool {
        self.decider.is_usable(local(now), member)
    }
}

/// A probe under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeSlot {
    decider: DeciderId,
    probe: Probe,
    connection: Option<ConnectionId>,
    timer: TimerId,
    /// The draw's sequence.
    sequence: u32,
    in_use: bool,
}

/// Bytes of a probe, and of its answer.
fn bytes_of(kind: ProbeKind) -> u32 {
    match kind {
        ProbeKind::Connect | ProbeKind::Ping | ProbeKind::Availability { .. } => PROBE_BYTES,
        // A payload of 32 bytes each way.
        ProbeKind::Echo => PROBE_BYTES + 32,
        // Request line, host and status line.
        ProbeKind::Http => PROBE_BYTES + 120,
        // SET and GET with a key of 16 bytes and a value of 16 for each.
        ProbeKind::SetGet(KeySample::OnePerShard) => PROBE_BYTES + 100,
        ProbeKind::SetGet(KeySample::Random(keys)) => PROBE_BYTES + 100 * u32::from(keys),
        // INFO replication, or the refusal of a write.
        ProbeKind::Replication { .. } | ProbeKind::Primary => PROBE_BYTES + 500,
        ProbeKind::NotStale => PROBE_BYTES + 60,
        ProbeKind::Custom(check) => check.bytes,
    }
}

/// A host's clock. Every clock is right for now.
fn local(now: SimTime) -> LocalTime {
    LocalTime(now.as_nanos())
}

impl World {
    pub(super) fn start_deciders<L: Listener>(&mut self, now: SimTime, listener: &mut L) {
        for index in 0..self.deciders.len() {
            // Real client code decides for itself.
            if self.deciders[index]
                .server
                .is_some_and(|server| self.is_external(server))
            {
                continue;
            }
            let mut actions = Vec::new();
            self.deciders[index].decider.start(local(now), &mut actions);
            self.act(now, DeciderId::from_index(index), actions, listener);
        }
    }

    /// Shows a decider something, and does what it asks for.
    pub(super) fn show<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        sight: Sight,
        listener: &mut L,
    ) {
        let mut actions = Vec::new();
        self.deciders[id.index()]
            .decider
            .observe(local(now), sight, &mut actions);
        self.act(now, id, actions, listener);
    }

    fn act<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        actions: Vec<Action>,
        listener: &mut L,
    ) {
        for action in actions {
            match action {
                Action::Wake { at, token } => {
                    let at = SimTime::from_nanos(at.0).max(now);
                    self.queue.schedule(at, Event::Wake(id, token));
                }
                Action::Probe(probe) => self.send_probe(now, id, probe, listener),
                Action::Verdict { member, healthy } => {
                    let slot = &self.deciders[id.index()];
                    let server = slot.server;
                    if let Some(relay) = slot.relay {
                        self.target_judged(now, (relay, id), (member, healthy), listener);
                    } else {
                        listener.observe(
                            now,
                            &Fact::Verdict {
                                decider: id,
                                server,
                                member,
                                healthy,
                            },
                        );
                    }
                    if let Some(server) = server.filter(|_| healthy) {
                        self.fill_pool(now, server, member, listener);
                    }
                    let mut state = TraceHash::default();
                    self.deciders[id.index()].decider.hash_into(&mut state);
                    listener.observe(
                        now,
                        &Fact::DeciderState {
                            decider: id,
                            digest: state.finish(),
                        },
                    );
                }
                Action::Report { member, healthy } => {
                    let mut cuts = self.deciders[id.index()].cut_off.iter();
                    let is_lost = cuts.any(|&(_, reports_lost)| reports_lost);
                    if let Vantage::Checkers { report_delay, .. } = self.strategy.vantage
                        && !is_lost
                    {
                        let report = Event::Report {
                            from: id,
                            member,
                            healthy,
                        };
                        self.queue.schedule(now + report_delay, report);
                    }
                }
                Action::Publish { fleet, member } => match &self.strategy.propagation {
                    Propagation::Upstream(upstream) => {
                        let change = Event::AnswerChanges(fleet, member);
                        self.queue.schedule(now + upstream.publish_delay, change);
                    }
                    &Propagation::Dns { publish_delay, .. } => {
                        let change = Event::AnswerChanges(fleet, member);
                        self.queue.schedule(now + publish_delay, change);
                    }
                    Propagation::Pointer { .. } => self.point_fleet(now, fleet, member, listener),
                    Propagation::None => {}
                },
                Action::Use { .. }
                | Action::UseForReads { .. }
                | Action::Share { .. }
                | Action::UseForShard { .. }
                | Action::Carry { .. } => self.steer(now, id, action, listener),
                Action::Subscribe { member } => self.subscribe(now, id, member),
                Action::Beat { member, channel } => {
                    self.publish_beat(now, id, (member, channel), listener);
                }
                Action::Send { to, note } => self.send_note(now, id, to, note),
            }
        }
    }

    /// A decider had asked to be woken. While its host is down it sleeps on.
    pub(super) fn wake<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        token: u32,
        listener: &mut L,
    ) {
        let slot = &mut self.deciders[id.index()];
        let is_down = slot
            .host
            .is_some_and(|host| !self.network.host(host).state.is_process_alive());
        if is_down {
            slot.deferred.push(token);
        } else {
            self.show(now, id, Sight::Woken { token }, listener);
        }
    }

    /// The deciders of a host run again and find what they had slept through.
    pub(super) fn wake_deferred<L: Listener>(
        &mut self,
        now: SimTime,
        host: HostId,
        listener: &mut L,
    ) {
        for index in 0..self.deciders.len() {
            if self.deciders[index].host == Some(host) {
                self.deciders[index].kept.fill(None);
                self.deciders[index].subscriptions.fill(None);
                for token in std::mem::take(&mut self.deciders[index].deferred) {
                    self.show(
                        now,
                        DeciderId::from_index(index),
                        Sight::Woken { token },
                        listener,
                    );
                }
            }
        }
    }

    /// A checker's report reaches its traffic manager, the last decider of the strategy.
    pub(super) fn report<L: Listener>(
        &mut self,
        now: SimTime,
        from: DeciderId,
        member: MemberId,
        healthy: bool,
        listener: &mut L,
    ) {
        // It alone has no host.
        let Some(manager) = self.deciders.iter().position(|slot| slot.host.is_none()) else {
            return;
        };
        let manager = DeciderId::from_index(manager);
        let sight = Sight::Reported {
            reporter: from.0,
            member,
            healthy,
        };
        self.show(now, manager, sight, listener);
    }

    fn send_probe<L: Listener>(
        &mut self,
        now: SimTime,
        id: DeciderId,
        probe: Probe,
        listener: &mut L,
    ) {
        let Some(host) = self.deciders[id.index()].host else {
            return;
        };
        let member = probe.member;
        listener.observe(
            now,
            &Fact::ProbeSent {
                decider: id,
                member,
                bytes: bytes_of(probe.kind),
            },
        );
        if let Some(relaying) = &mut self.relaying {
            relaying.probe_bytes += u64::from(PROBE_BYTES);
        }
        let sequence = self.deciders[id.index()].probes_sent;
        self.deciders[id.index()].probes_sent += 1;
        let number = self.claim_probe(ProbeSlot {
            decider: id,
            probe,
            connection: None,
            timer: TimerId::NONE,
            sequence,
            in_use: true,
        });
        let timer = self
            .queue
            .arm(now + probe.timeout, Event::ProbeTimeout(number));
        self.probes[number.0 as usize].timer = timer;
        if let Some(&(fault, _)) = self.deciders[id.index()].cut_off.first() {
            // Nothing of it arrives anywhere.
            self.network
                .effects
                .note(fault, |effects| effects.dropped += 1);
            return;
        }
        if let Some(connection) = self.deciders[id.index()].kept[member.index()].take() {
            self.probes[number.0 as usize].connection = Some(connection);
            self.own(connection, Owner::Probe(number));
            self.send_ping(now, number);
            return;
        }
        let setup = match probe.kind {
            ProbeKind::Availability { .. } => HTTPS_SETUP,
            ProbeKind::Custom(check) => check.setup_round_trips,
            ProbeKind::Http => 0,
            _ if self.deciders[id.index()].server.is_some() => CLIENT_PROBE_SETUP,
            ProbeKind::SetGet(_) | ProbeKind::Replication { .. } | ProbeKind::NotStale => {
                CLIENT_PROBE_SETUP
            }
            ProbeKind::Connect | ProbeKind::Ping | ProbeKind::Echo | ProbeKind::Primary => 0,
        };
        let opening = Opening {
            client: host,
            server: self.probe_target(id, member, probe.kind),
            class: TrafficClass::Check,
            options: ConnectionOptions {
                setup_round_trips: setup,
                ..Default::default()
            },
            draw: Draw {
                who: id.0,
                sequence,
                attempt: member.0,
                leg: 0,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.probes[number.0 as usize].connection = Some(connection);
        self.own(connection, Owner::Probe(number));
    }

    /// A probe's connection is open.
    pub(super) fn probe_opened<L: Listener>(
        &mut self,
        now: SimTime,
        number: ProbeId,
        listener: &mut L,
    ) {
        match self.probes[number.0 as usize].probe.kind {
            ProbeKind::Connect => self.end_probe(now, number, ProbeOutcome::Passed, listener),
            _ => self.send_ping(now, number),
        }
    }

    fn send_ping(&mut self, now: SimTime, number: ProbeId) {
        let slot = self.probes[number.0 as usize];
        let draw = Draw {
            who: slot.decider.0,
            sequence: slot.sequence,
            attempt: slot.probe.member.0,
            leg: 0,
        };
        if let Some(connection) = slot.connection {
            let message = (Message::Probe(number).into(), bytes_of(slot.probe.kind));
            self.network.send(
                now,
                &mut self.queue,
                (connection, End::Client),
                message,
                draw,
            );
            self.account_for_abandoned();
        }
    }

    /// A member's process answers a probe, or the management process beside it.
    pub(super) fn answer_probe<L: Listener>(
        &mut self,
        now: SimTime,
        connection: ConnectionId,
        number: ProbeId,
        listener: &mut L,
    ) {
        let slot = self.probes[number.0 as usize];
        let draw = Draw {
            who: slot.decider.0,
            sequence: slot.sequence,
            attempt: slot.probe.member.0,
            leg: 1,
        };
        // A process that still loads answers PING with an error too (Redis docs, PING and LOADING).
        let asked = (self.node_at(connection), slot.probe);
        let Met::Answer { is_error } = self.examine(now, asked, draw, listener) else {
            return;
        };
        let reply = Message::ProbeReply {
            probe: number,
            is_error,
        };
        let message = (reply.into(), bytes_of(slot.probe.kind));
        self.network.send(
            now,
            &mut self.queue,
            (connection, End::Server),
            message,
            draw,
        );
        self.account_for_abandoned();
    }

    /// A probe's answer arrived.
    pub(super) fn probe_answered<L: Listener>(
        &mut self,
        now: SimTime,
        (number, is_error): (ProbeId, bool),
        listener: &mut L,
    ) {
        if self.probes[number.0 as usize].in_use {
            let outcome = if is_error {
                ProbeOutcome::Refused
            } else {
                ProbeOutcome::Passed
            };
            self.end_probe(now, number, outcome, listener);
        }
    }

    /// A probe's connection broke, or was refused.
    pub(super) fn probe_broken<L: Listener>(
        &mut self,
        now: SimTime,
        number: ProbeId,
        listener: &mut L,
    ) {
        self.account_for_abandoned();
        if self.probes[number.0 as usize].in_use {
            self.probes[number.0 as usize].connection = None;
            self.end_probe(now, number, ProbeOutcome::Refused, listener);
        }
    }

    /// A probe took too long.
    pub(super) fn probe_timeout<L: Listener>(
        &mut self,
        now: SimTime,
        number: ProbeId,
        listener: &mut L,
    ) {
        self.end_probe(now, number, ProbeOutcome::TimedOut, listener);
    }

    fn end_probe<L: Listener>(
        &mut self,
        now: SimTime,
        number: ProbeId,
        outcome: ProbeOutcome,
        listener: &mut L,
    ) {
        let slot = self.probes[number.0 as usize];
        self.queue.cancel(slot.timer);
        self.probes[number.0 as usize].in_use = false;
        let Probe { member, ticket, .. } = slot.probe;
        if let Some(relay) = self.deciders[slot.decider.index()].relay {
            let passed = outcome == ProbeOutcome::Passed;
            self.relay_probed(now, relay, (member, passed), listener);
        }
        if let Some(connection) = slot.connection {
            let kept = self.deciders[slot.decider.index()].kept[member.index()];
            if slot.probe.keeps_connection && outcome == ProbeOutcome::Passed && kept.is_none() {
                self.deciders[slot.decider.index()].kept[member.index()] = Some(connection);
                self.own(connection, Owner::Kept(slot.decider, member));
            } else {
                self.network
                    .close(now, &mut self.queue, connection, End::Client);
                self.owners[connection.index()] = None;
                self.account_for_abandoned();
            }
        }
        self.show(
            now,
            slot.decider,
            Sight::ProbeEnded {
                member,
                ticket,
                outcome,
            },
            listener,
        );
    }

    /// Where a decider's probe goes: a balancer's to a node, all others to where traffic for the member goes.
    fn probe_target(&self, id: DeciderId, member: MemberId, kind: ProbeKind) -> HostId {
        let relay = self.deciders[id.index()]
            .relay
            .map(|relay| self.relay_state(relay));
        let target = relay.and_then(|relay| {
            let of_node = relay.targets.get(member.index());
            of_node.filter(|target| target.node.is_some())
        });
        match (kind, target) {
            (ProbeKind::Availability { .. }, None) => self.probed_host(member, kind),
            (ProbeKind::Availability { .. } | ProbeKind::Http, Some(target)) => {
                let node = target.node.map_or(0, NodeId::index);
                self.management[node]
            }
            (_, Some(target)) => self.target_host(target),
            // What other processes answer is asked of them.
            _ if self.probed_host(member, kind) == self.entrance_host(member) => {
                self.endpoint_host(member)
            }
            _ => self.probed_host(member, kind),
        }
    }

    /// Addresses the draws of what a relay hands on of a probe, and how long that is.
    pub(super) fn probe_draw(&self, number: ProbeId, leg: u8) -> (Draw, u32) {
        let slot = &self.probes[number.0 as usize];
        let draw = Draw {
            who: slot.decider.0,
            sequence: slot.sequence,
            attempt: slot.probe.member.0,
            leg,
        };
        (draw, PROBE_BYTES)
    }

    fn claim_probe(&mut self, slot: ProbeSlot) -> ProbeId {
        // A place is not used again while its messages may travel: every message of a probe travels over
        // a connection that ends with it, or is answered before it ends.
        if let Some(index) = self.probes.iter().position(|old| !old.in_use) {
            self.probes[index] = slot;
            return ProbeId(index as u32);
        }
        self.probes.push(slot);
        ProbeId((self.probes.len() - 1) as u32)
    }
}
