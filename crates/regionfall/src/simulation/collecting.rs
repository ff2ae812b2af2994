//! Tidying up: effects that everybody has are forgotten, tombstones that everybody has observed are collected.

use regionfall_crdt::{Clock, Dot, OriginId};

use super::event::LinkId;
use super::sabotage::Mutation;
use super::world::World;
use crate::database::{Node, Standing};
use crate::topology::{MemberId, NodeId};

impl World {
    /// The journal forgets what every node has that will ever get it, disks included, and those collect the tombstones
    /// that no effect still under way can need: those that all had observed before any such effect was written.
    pub(super) fn forget_settled(&mut self) {
        if self.sabotage.is(Mutation::NeverCollects) {
            return;
        }
        let blueprint = self.blueprint.clone();
        let (groups, now) = (blueprint.groups(), self.now());
        for look in 0..self.last_look.len() {
            let (shard, group) = (
                look % usize::from(self.shards),
                look / usize::from(self.shards),
            );
            let is_in = |node: &Node| usize::from(groups[node.id.index()]) == group;
            // Everybody counts who belongs to the database, also those that are down.
            let counts = |node: &&Node| {
                is_in(node) && !self.is_out(node.member) && node.standing != Standing::Spare
            };
            let mut nodes = self.nodes.iter().filter(counts);
            let Some(first) = nodes.next() else { continue };
            let mut everywhere = first.shards[shard].replica.clock().clone();
            let mut to_come = everywhere.clone();
            for node in nodes {
                everywhere.meet(node.shards[shard].replica.clock());
                to_come.join(node.shards[shard].replica.clock());
            }
            if let Some(persisting) = &mut self.persisting {
                let holds = |node: &&Node| is_in(node) && node.standing != Standing::Spare;
                let nodes = self.nodes.iter().filter(holds);
                let copies = (shard, nodes.map(|node| node.id));
                persisting.settle(now, copies, &self.journal, &mut everywhere);
            }
            let origins = self.journal.origins_of_shard(shard as u16);
            let origins: Vec<OriginId> = origins
                .filter(|&origin| is_in(&self.nodes[self.journal.node(origin).index()]))
                .collect();
            for origin in origins {
                self.journal.forget(origin, everywhere.get(origin));
            }
            if self.has_lost_data {
                // What is under way need not be with anybody, and what is neither here nor there arrives nowhere.
                self.add_what_is_under_way((shard, group), &mut to_come);
            }
            // Once what was there or under way at the last look has arrived, whatever else is still under way
            // was written by nodes that had observed what was everywhere then.
            let (stable, written) = &self.last_look[look];
            let has_arrived = everywhere.dominates(written) || {
                let mut awaited = to_come.clone();
                awaited.meet(written);
                everywhere.dominates(&awaited)
            };
            if has_arrived {
                for node in self.nodes.iter_mut().filter(|node| is_in(node)) {
                    node.shards[shard].replica.collect(stable);
                    if let Some(persisting) = &mut self.persisting {
                        persisting.collect(node.id, shard, stable);
                    }
                }
                self.last_look[look] = (everywhere, to_come);
            }
        }
    }

    /// Whether a member is no part of the database any more: the others have dropped it, or an operator took it out.
    pub(super) fn is_out(&self, member: MemberId) -> bool {
        self.members[member.index()].is_unlinked || self.is_removed(member)
    }

    /// What the collector knew of who has what holds no more: somebody else is to have it.
    pub(super) fn forget_looks(&mut self) {
        self.has_lost_data = true;
        for look in &mut self.last_look {
            *look = (Clock::new(), Clock::new());
        }
    }

    /// A process has lost some of what it had observed: what it writes from now on need not have observed what was
    /// everywhere at the last look.
    pub(super) fn unsettle(&mut self, node: NodeId, shard: u16) {
        self.has_lost_data = true;
        let group = usize::from(self.blueprint.groups()[node.index()]);
        let look = group * usize::from(self.shards) + usize::from(shard);
        let process = &self.nodes[node.index()].shards[usize::from(shard)];
        self.last_look[look].0.meet(process.replica.clock());
    }

    /// Adds to a clock what the links of a shard in a group may still deliver: what was sent on their connections, and the
    /// states that they carry.
    fn add_what_is_under_way(&self, (shard, group): (usize, usize), clock: &mut Clock) {
        let groups = self.blueprint.groups();
        for (index, link) in self.links.iter().enumerate() {
            let is_ours = usize::from(link.shard) == shard
                && usize::from(groups[link.target.index()]) == group
                && link.connection().is_some();
            if !is_ours {
                continue;
            }
            clock.join(&link.sent);
            clock.extend_to(Dot::new(
                self.writes_as(LinkId(index as u16)),
                link.sent_own,
            ));
            let states = [
                link.full_state.as_deref(),
                link.full_sync.as_deref().map(|sync| &sync.state),
            ];
            for state in states.into_iter().flatten() {
                clock.join(state.clock());
            }
        }
    }

    /// Whether all members that run, or will run again, have the same effects.
    pub(super) fn has_converged(&self) -> bool {
        // What an operator alone could repair is not waited for.
        let is_cut_off = |node: &Node| {
            let mut links = self.links.iter().filter(|link| link.target == node.id);
            links.any(|link| link.stopped_by > 0)
        };
        let is_out = |node: &Node| self.is_out(node.member) || is_cut_off(node);
        let is_starting = |node: &Node| {
            !node.is_running && self.host_faults[node.host.index()].is_empty() && !is_out(node)
        };
        if self.nodes.iter().any(is_starting) {
            return false;
        }
        let groups = self.blueprint.groups();
        self.nodes.iter().enumerate().all(|(index, node)| {
            let mut earlier = self.nodes[..index].iter();
            let peer = earlier
                .rfind(|peer| {
                    let is_peer = groups[peer.id.index()] == groups[index];
                    peer.is_running && is_peer && !is_out(peer)
                })
                .filter(|_| node.is_running && !is_out(node));
            peer.is_none_or(|peer| {
                let pairs = node.shards.iter().zip(&peer.shards);
                pairs
                    .into_iter()
                    .all(|(one, other)| same(one.replica.clock(), other.replica.clock()))
            })
        })
    }
}

fn same(one: &Clock, other: &Clock) -> bool {
    one.dominates(other) && other.dominates(one)
}

#[cfg(test)]
mod tests {
    use regionfall_kernel::{Seed, SimDuration, SimTime};

    use super::*;
    use crate::scenario::Scenario;
    use crate::simulation::Blueprint;

    /// Three regions, of which two write sets; the first cannot send for ten seconds, and then loses its disk.
    fn world(faults: &str) -> World {
        let text = format!(
            "[phases]\nwarm_up = \"5s\"\nstorm = \"60s\"\ncalm = \"60s\"\n\
             [topology]\nregions = [\"us-east-1\", \"eu-west-1\", \"ap-southeast-1\"]\n\
             [database.sync]\nrestart = \"1s\"\nsilence_limit = \"5s\"\n\
             [[workload.fleet]]\nname = \"us\"\nregion = \"us-east-1\"\nservers = 2\nrate = \"200/s\"\nhome = [\"us-east-1\"]\n\
             [[workload.fleet]]\nname = \"eu\"\nregion = \"eu-west-1\"\nservers = 2\nrate = \"200/s\"\nhome = [\"eu-west-1\"]\n\
             [[workload.keyspace]]\nname = \"k\"\nmix = {{ sadd = 1, srem = 1 }}\nkeys = 30\nelements = 20\n\
             [[strategy]]\npreset = \"pinned\"\n{faults}"
        );
        let scenario = Scenario::from_toml(&text).unwrap();
        let settings = scenario.variants[0].settings.clone();
        let strategy = settings.strategies[0].clone();
        let calm = SimTime::ZERO + settings.phases.warm_up + settings.phases.storm;
        let faults = crate::fault::draw_plan(&settings.cases[0].faults, Seed::new(1), calm);
        World::new(&Blueprint::new(settings), &strategy, faults, Seed::new(1))
    }

    /// Up to where collection has come, and how many keys have tombstones anywhere.
    fn collected(world: &mut World, seconds: u64) -> (u64, usize) {
        let until = SimTime::ZERO + SimDuration::from_secs(seconds);
        world.advance_until(until, &mut ());
        let processes = world.nodes.iter().flat_map(|node| &node.shards);
        let tombstones = processes.map(|process| process.replica.tombstones()).sum();
        (world.last_look[0].0.total(), tombstones)
    }

    #[test]
    fn what_was_lost_for_good_does_not_stop_collection() {
        let mut ordinary = world("");
        let mut world = world(
            "[[fault]]\nkind = \"partition\"\nfrom = \"us-east-1\"\nto = [\"eu-west-1\", \"ap-southeast-1\"]\n\
             scope = \"replication\"\nat = \"10s\"\nlasts = \"15s\"\n\
             [[fault]]\nkind = \"host-crash\"\nregion = \"us-east-1\"\nat = \"20s\"\nlasts = \"10s\"\ndisks = \"lost\"\n",
        );
        let (during, _) = collected(&mut world, 19);
        // The first member has written since then what nobody else will ever get.
        let (after, _) = collected(&mut world, 60);
        assert!(after > during + 5_000, "{during} {after}");
        let (end, tombstones) = collected(&mut world, 120);
        assert!(end > after + 5_000, "{after} {end}");
        let (_, ordinary) = collected(&mut ordinary, 120);
        assert!(
            tombstones <= ordinary * 2,
            "{tombstones} keys have tombstones, {ordinary} without faults"
        );
    }

    #[test]
    fn a_member_that_is_away_stops_collection_until_it_is_back() {
        let mut world = world(
            "[[fault]]\nkind = \"host-crash\"\nregion = \"us-east-1\"\nat = \"10s\"\nlasts = \"40s\"\n",
        );
        let (before, _) = collected(&mut world, 12);
        let (away, kept) = collected(&mut world, 49);
        assert!(away < before + 4_000, "{before} {away}");
        let (back, left) = collected(&mut world, 110);
        assert!(back > away + 8_000, "{away} {back}");
        assert!(left <= kept, "{kept} {left}");
    }
}
