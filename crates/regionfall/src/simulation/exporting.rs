//! Exports in the world: they are taken on a schedule, and an operator restores a member from the last one.
//!
//! An Active-Active member takes an import in beside what it has (inferred from the knowledge base on consistency
//! and loss in a regional failure: a member recovers from its latest backup and what its peers send); any other
//! database is erased first (Redis Software docs, import data).

use regionfall_crdt::Replica;
use regionfall_kernel::SimTime;

use super::event::{Event, LinkId};
use super::world::World;
use crate::database::persistence::{Export, ExportTo, Exports, time_at_rate};
use crate::database::{DatabaseKind, LinkState, Scope};
use crate::history::{CopyEnd, Fact, Listener};
use crate::topology::{FaultId, MemberId, NodeId};

/// The exports of a member.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporting {
    exports: Exports,
    /// What an operator is restoring.
    importing: Option<Export>,
}

impl World {
    /// Schedules the first export of each member.
    pub(super) fn place_exports(&mut self) {
        let Some(config) = &self.blueprint.settings().database.export else {
            return;
        };
        let first = SimTime::ZERO + config.first;
        self.exporting = vec![Exporting::default(); self.members.len()];
        for member in &self.members {
            self.queue.schedule(first, Event::Export(member.id));
        }
    }

    /// An export of a member is due.
    pub(super) fn export(&mut self, now: SimTime, member: MemberId) {
        let Some(config) = &self.blueprint.settings().database.export else {
            return;
        };
        let (every, rate) = (config.every, config.copy_rate);
        self.queue.schedule(now + every, Event::Export(member));
        let primaries = self.members[member.index()].primaries.iter().enumerate();
        let shards: Option<Vec<Replica>> = primaries
            .map(|(shard, &node)| {
                let node = &self.nodes[node.index()];
                node.is_running.then(|| node.shards[shard].replica.clone())
            })
            .collect();
        if let Some(shards) = shards {
            self.exporting[member.index()]
                .exports
                .begin(now, shards, rate);
        }
    }

    /// A node stopped: an export that reads from it comes to nothing.
    pub(super) fn break_export_off(&mut self, now: SimTime, node: NodeId) {
        let member = self.nodes[node.index()].member;
        let is_read = self.members[member.index()].primaries.contains(&node);
        if let Some(exporting) = self.exporting.get_mut(member.index()).filter(|_| is_read) {
            exporting.exports.break_off(now);
        }
    }

    /// A region lost its disks, and with them what was exported to storage in it.
    pub(super) fn lose_exports(&mut self, member: MemberId) {
        let config = self.blueprint.settings().database.export.as_ref();
        if config.is_some_and(|config| config.to == ExportTo::Local) {
            self.exporting[member.index()].exports.lose();
        }
    }

    /// An operator begins to restore a member. Nothing happens if there is no export.
    pub(super) fn begin_restore(&mut self, now: SimTime, fault: FaultId, member: MemberId) {
        let Some(config) = &self.blueprint.settings().database.export else {
            return;
        };
        let rate = config.import_rate;
        let exporting = &mut self.exporting[member.index()];
        let Some(export) = exporting.exports.newest(now).cloned() else {
            return;
        };
        let ends = now + time_at_rate(export.bytes(), rate);
        exporting.importing = Some(export);
        self.queue.schedule(ends, Event::Imported(member, fault));
    }

    /// The import is done, if the member's primaries run.
    pub(super) fn imported<L: Listener>(
        &mut self,
        now: SimTime,
        (member, fault): (MemberId, FaultId),
        listener: &mut L,
    ) {
        let Some(export) = self.exporting[member.index()].importing.take() else {
            return;
        };
        let kind = self.blueprint.settings().database.kind;
        for (index, state) in export.shards.into_iter().enumerate() {
            let node = self.members[member.index()].primaries[index];
            if !self.nodes[node.index()].is_running {
                continue;
            }
            self.network
                .effects
                .note(fault, |effects| effects.hosts += 1);
            let copy = (node, index as u16);
            if kind == DatabaseKind::ActiveActive {
                self.merge_import(now, copy, &state, listener);
            } else {
                self.replace_by_import(now, copy, (state, fault), listener);
            }
        }
    }

    fn merge_import<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        state: &Replica,
        listener: &mut L,
    ) {
        self.measure_backlogs(node, shard);
        let replica = &mut self.nodes[node.index()].shards[usize::from(shard)].replica;
        let before = replica.clock().clone();
        replica.merge(state);
        let gained: Vec<_> = replica.clock().beyond(&before).collect();
        for range in &gained {
            let fact = Fact::EffectsApplied {
                node,
                origin: range.origin,
                first: range.first,
                last: range.last,
            };
            listener.observe(now, &fact);
        }
        if gained.is_empty() {
            return;
        }
        self.note_state(now, (node, shard), Some(state));
        self.begin_backlog(node, usize::from(shard));
        // Peers may lack any of it: they get it as a state.
        for index in 0..self.links.len() {
            let link = &self.links[index];
            let is_fed = link.source == node
                && link.shard == shard
                && matches!(link.state, LinkState::Streaming(_));
            if is_fed {
                self.send_full_state(now, LinkId(index as u16));
            }
        }
    }

    fn replace_by_import<L: Listener>(
        &mut self,
        now: SimTime,
        (node, shard): (NodeId, u16),
        (state, fault): (Replica, FaultId),
        listener: &mut L,
    ) {
        let replica = &mut self.nodes[node.index()].shards[usize::from(shard)].replica;
        let before = std::mem::replace(replica, state);
        let after = replica.clock().clone();
        for range in before.clock().beyond(&after) {
            let fact = Fact::CopiesEnded {
                node,
                origin: range.origin,
                kept: range.first - 1,
                cause: CopyEnd::Fault(fault),
            };
            listener.observe(now, &fact);
        }
        for range in after.beyond(before.clock()) {
            let fact = Fact::EffectsApplied {
                node,
                origin: range.origin,
                first: range.first,
                last: range.last,
            };
            listener.observe(now, &fact);
        }
        self.note_state(now, (node, shard), None);
        self.unsettle(node, shard);
        self.begin_backlog(node, usize::from(shard));
        // What it goes on with is another history: its own numbers would come twice.
        self.begin_origin(now, node, shard, listener);
        for index in self.links_within(node) {
            let is_fed = self.links[index].scope == Scope::Replicas
                && self.links[index].shard == shard
                && matches!(self.links[index].state, LinkState::Streaming(_));
            if is_fed {
                self.links[index].replaces = true;
                self.send_full_state(now, LinkId(index as u16));
            }
        }
    }
}
