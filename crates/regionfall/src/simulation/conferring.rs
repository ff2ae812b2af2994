//! Deciders confer: notes between them take the paths between their hosts, and a coordinator is one of them.
//!
//! Notes are single messages; the connections under them are not modelled for themselves, since every note
//! that matters is repeated.

use regionfall_kernel::SimTime;

use super::afflictions::Affliction;
use super::event::{Event, NoteId};
use super::world::World;
use crate::client::Slot;
use crate::failover::{Note, Party, Sight};
use crate::history::Listener;
use crate::network::{Draw, InFlight, Silence, TrafficClass};
use crate::topology::{DeciderId, FaultId, HostId, NodeId};

/// Bytes of a note with its headers.
const NOTE_BYTES: u32 = 160;
/// The leg of notes.
const LEG: u8 = 0x51;

/// What deciders have between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Conferring {
    notes: Vec<Option<(DeciderId, DeciderId, Note)>>,
    sent: u64,
    /// The coordinator, and where it stands.
    pub(super) coordinator: Option<(DeciderId, HostId)>,
    /// By member and fleet: the newest version that a request carried.
    versions: Vec<Vec<u32>>,
}

impl World {
    /// Notes that deciders have sent to each other.
    pub fn notes_sent(&self) -> u64 {
        self.conferring.sent
    }

    /// A decider sends a note.
    pub(super) fn send_note(&mut self, now: SimTime, from: DeciderId, to: Party, note: Note) {
        match to {
            Party::Decider(number) => self.send_note_to(now, from, DeciderId(number), note),
            Party::Coordinator => {
                if let Some((coordinator, _)) = self.conferring.coordinator {
                    self.send_note_to(now, from, coordinator, note);
                }
            }
            Party::Peers => {
                let fleet = |id: DeciderId| {
                    let server = self.deciders[id.index()].server?;
                    Some(self.servers[server.index()].fleet)
                };
                let own = fleet(from);
                let peers: Vec<DeciderId> = (0..self.deciders.len())
                    .map(DeciderId::from_index)
                    .filter(|&other| other != from && own.is_some() && fleet(other) == own)
                    .collect();
                for peer in peers {
                    self.send_note_to(now, from, peer, note);
                }
            }
        }
    }

    fn send_note_to(&mut self, now: SimTime, from: DeciderId, to: DeciderId, note: Note) {
        let host = |id: DeciderId| self.deciders.get(id.index()).and_then(|slot| slot.host);
        let (Some(source), Some(target)) = (host(from), host(to)) else {
            return;
        };
        self.conferring.sent += 1;
        self.deciders[from.index()].noted += 1;
        let draw = Draw {
            who: from.0 << 16 | to.0,
            sequence: self.deciders[from.index()].noted,
            attempt: 0,
            leg: LEG,
        };
        if !self.network.host(source).state.is_process_alive() {
            return;
        }
        let hosts = (source, target);
        let arrives = self
            .network
            .hop(now, hosts, TrafficClass::Check, NOTE_BYTES, draw);
        let Some(at) = arrives else { return };
        let notes = &mut self.conferring.notes;
        let place = notes.iter().position(Option::is_none);
        let place = place.unwrap_or_else(|| {
            notes.push(None);
            notes.len() - 1
        });
        notes[place] = Some((from, to, note));
        self.queue.schedule(at, Event::Note(NoteId(place as u32)));
    }

    /// A note arrives, if there is a process to read it.
    pub(super) fn note_arrives<L: Listener>(&mut self, now: SimTime, id: NoteId, listener: &mut L) {
        let Some((from, to, note)) = self.conferring.notes[id.0 as usize].take() else {
            return;
        };
        let host = self.deciders[to.index()].host;
        let reads = host.is_some_and(|host| {
            self.network.host(host).state == crate::network::HostState::Running
        });
        if reads {
            self.show(now, to, Sight::Received { from: from.0, note }, listener);
        }
    }

    /// Whether a member refuses a request because it has seen a newer version of its fleet's value than the
    /// request carries. Requests that carry none are never refused.
    #[inline]
    pub(super) fn is_fenced_off(&mut self, slot: Slot, node: NodeId) -> bool {
        let operation = self.operations.get(slot);
        let version = operation.version;
        if version == 0 {
            return false;
        }
        let fleet = self.servers[operation.server.index()].fleet;
        let member = self.nodes[node.index()].member;
        let members = self.members.len();
        let versions = &mut self.conferring.versions;
        versions.resize_with(members, Vec::new);
        let seen = &mut versions[member.index()];
        if seen.len() <= fleet.index() {
            seen.resize(fleet.index() + 1, 0);
        }
        let newest = &mut seen[fleet.index()];
        *newest = (*newest).max(version);
        version < *newest
    }

    /// The coordinator falls, or is back.
    pub(super) fn switch_coordinator<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        mode: Silence,
        listener: &mut L,
    ) {
        let affliction = match mode {
            Silence::Silent => Affliction::Silent,
            Silence::Refusing => Affliction::Refusing,
        };
        if let Some((_, host)) = self.conferring.coordinator {
            self.strike_coordinator(now, (fault, begins), (host, affliction), listener);
        }
    }

    pub(super) fn strike_coordinator<L: Listener>(
        &mut self,
        now: SimTime,
        (fault, begins): (FaultId, bool),
        (host, affliction): (HostId, Affliction),
        listener: &mut L,
    ) {
        if begins {
            self.afflict(now, host, (fault, affliction), InFlight::Lost);
            self.network
                .effects
                .note(fault, |effects| effects.altered += 1);
        } else {
            self.relieve(now, host, fault, listener);
        }
    }
}
