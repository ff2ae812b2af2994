//! Where app servers send new requests: they are pointed elsewhere, adopt a route, stop and start.

use regionfall_kernel::SimTime;

use super::sabotage::Mutation;
use super::world::World;
use crate::client::{Finding, PooledState};
use crate::failover::{Adopt, Propagation};
use crate::history::{Ending, Fact, Listener};
use crate::route::Route;
use crate::topology::{FleetId, MemberId, ServerId};

impl World {
    /// An app server's own judge points it to another member.
    pub(super) fn point<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        member: MemberId,
        listener: &mut L,
    ) {
        let Propagation::Pointer { adopt, .. } = self.strategy.propagation else {
            return;
        };
        let route = self.route_to(id, member);
        match adopt {
            Adopt::AtOnce => self.adopt(now, id, route, listener),
            Adopt::NextCommand => self.servers[id.index()].next_route = Some(route),
        }
    }

    /// Somebody points all app servers of a fleet to another member: a flag that they read.
    pub(super) fn point_fleet<L: Listener>(
        &mut self,
        now: SimTime,
        fleet: FleetId,
        member: MemberId,
        listener: &mut L,
    ) {
        for index in 0..self.servers.len() {
            if self.servers[index].fleet == fleet {
                self.point(now, ServerId::from_index(index), member, listener);
            }
        }
    }

    pub(super) fn take_next_route<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        if let Some(route) = self.servers[id.index()].next_route.take() {
            self.adopt(now, id, route, listener);
        }
    }

    /// New requests of an app server take another route from now on.
    pub(super) fn adopt<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        route: Route,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
        let (from, to) = (server.route.member(), route.member());
        if from == to {
            return;
        }
        let is_home = to == self.blueprint.settings().workload.fleets[server.fleet.index()].home[0];
        if self.sabotage.is(Mutation::NeverFailsBack) && is_home {
            return;
        }
        server.route = route;
        server.steering.left = Some(from);
        listener.observe(
            now,
            &Fact::Adopted {
                server: id,
                from,
                to,
            },
        );
        if let Propagation::Pointer {
            cut_sessions: true, ..
        } = self.strategy.propagation
        {
            self.cut_sessions(now, id, from, listener);
        }
    }

    /// An app server that looks at its name before each command does so. The question runs beside the command.
    pub(super) fn look_at_name<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        self.forget_after_trouble(now, id);
        let server = &mut self.servers[id.index()];
        let answers = &self.answers[server.fleet.index()];
        let Finding::Name(resolver) = &mut server.finding else {
            return;
        };
        if let Some(resolved) = resolver.resolve(now, answers) {
            let route = self.route_to(id, resolved.member);
            self.adopt(now, id, route, listener);
        }
    }

    /// A process that nothing has succeeded for too long is started anew: it forgets what names meant.
    pub(super) fn forget_after_trouble(&mut self, now: SimTime, id: ServerId) {
        let Propagation::Dns { names, .. } = &self.strategy.propagation else {
            return;
        };
        let Some(limit) = names.forgets_after else {
            return;
        };
        let server = &mut self.servers[id.index()];
        let is_due =
            server.trouble_since <= now && now.saturating_since(server.trouble_since) >= limit;
        if let Finding::Name(resolver) = &mut server.finding
            && is_due
        {
            resolver.restart();
            // Its next patience begins now.
            server.trouble_since = now;
        }
    }

    /// An app server's host died, and with it all that the process knew.
    pub(super) fn stop_server<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
        server.is_running = false;
        server.next_route = None;
        server.stranded.clear();
        let pool = std::mem::take(&mut server.pool);
        let waiting = std::mem::take(&mut server.waiting);
        for pooled in pool {
            if let PooledState::Opening(_, timer) = pooled.state {
                self.queue.cancel(timer);
            }
            if let PooledState::Opening(slot, _) | PooledState::Busy(slot, _) = pooled.state {
                self.operations.end(slot);
            }
            if let Some(connection) = pooled.connection {
                self.owners[connection.index()] = None;
            }
        }
        for slot in waiting {
            self.operations.end(slot);
        }
        self.forget_streams_of(id);
        listener.observe(now, &Fact::ServerStopped { server: id });
    }

    /// An app server runs again, at its home.
    pub(super) fn restart_server<L: Listener>(
        &mut self,
        now: SimTime,
        id: ServerId,
        listener: &mut L,
    ) {
        let server = &mut self.servers[id.index()];
        server.is_running = true;
        if let Finding::Name(resolver) = &mut server.finding {
            resolver.restart();
        }
        listener.observe(now, &Fact::ServerRestarted { server: id });
        if self.is_external(id) {
            return;
        }
        for client in 0..self.servers[id.index()].clients.len() as u32 {
            self.schedule_thought(now, id, client, Ending::Acknowledged);
        }
    }
}
