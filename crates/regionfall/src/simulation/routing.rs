//! Where app servers send new requests: they are pointed elsewhere, adopt a route, stop and start.

use regionfall_kernel::SimTime;

use super::sabotage::Mutation;
use super::world::World;
use crate::client::{Finding, PooledState};
use crate::failover::{Adopt, Propagation};
use crate::history::{Ending, Fact, Listener};
use crate::route::Route;
use crate::topology::{MemberId, ServerId};

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
        let route = Route::direct(member);
        match adopt {
            Adopt::AtOnce => self.adopt(now, id, route, listener),
            Adopt::NextCommand => self.servers[id.index()].next_route = Some(route),
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
        for client in 0..self.servers[id.index()].clients.len() as u32 {
            self.schedule_thought(now, id, client, Ending::Acknowledged);
        }
    }
}
