//! How each app server was served: episodes of failure, and the requests of each fleet over time.
//!
//! ```text
//!   issued ── fails                    candidate ── nothing fails or is overdue ──▶ closed
//!   │◀─────────────── episode ───────────────▶│◀── stability window ──▶│
//! ```
//!
//! An episode begins with the issue of its first request that failed or was overdue. It ends with the
//! first success issued later that opens a stability window in which nothing fails, becomes overdue or
//! still is: a request that hangs on one connection keeps the server's episode open.

use crate::topology::ServerId;

use super::account::Episode;
use super::rows::NEVER;

/// Reads and writes are judged apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Traffic {
    /// The headline.
    Writes,
    /// Reads.
    Reads,
}

#[derive(Clone, Copy, Debug)]
struct Machine {
    start: u64,
    /// When the failure showed.
    shown: u64,
    candidate: u64,
    candidate_member: u8,
    /// The member that the server used when the failure showed.
    member_before: u8,
    overdue: u32,
    /// End of the last episode.
    last_end: u64,
}

const IDLE: Machine = Machine {
    start: NEVER,
    shown: NEVER,
    candidate: NEVER,
    candidate_member: 0,
    member_before: 0,
    overdue: 0,
    last_end: 0,
};

#[derive(Clone, Copy, Debug)]
struct Server {
    machines: [Machine; 2],
    window: u64,
    stopped: bool,
}

/// The machines of all servers.
#[derive(Clone, Debug)]
pub(super) struct Service {
    servers: Vec<Server>,
    horizon: u64,
    episodes: Vec<Episode>,
}

impl Service {
    pub(super) fn new(windows: impl Iterator<Item = u64>, horizon: u64) -> Self {
        let servers = windows
            .map(|window| Server {
                machines: [IDLE; 2],
                window,
                stopped: false,
            })
            .collect();
        Self {
            servers,
            horizon,
            episodes: Vec::new(),
        }
    }

    /// A request failed, or became overdue.
    pub(super) fn fail(&mut self, at: u64, server: u32, traffic: Traffic, issued: u64, member: u8) {
        let state = &mut self.servers[server as usize];
        if at > self.horizon || state.stopped {
            return;
        }
        let machine = &mut state.machines[traffic as usize];
        if machine.start != NEVER && machine.candidate != NEVER {
            if at - machine.candidate >= state.window {
                self.episodes.push(close(server, traffic, machine));
            } else {
                machine.candidate = NEVER;
            }
        }
        if machine.start == NEVER {
            machine.start = issued.max(machine.last_end);
            machine.shown = at;
            machine.member_before = member;
        } else {
            machine.start = machine.start.min(issued.max(machine.last_end));
        }
    }

    /// A request became overdue; until it ends, no stability window opens.
    pub(super) fn become_overdue(
        &mut self,
        at: u64,
        server: u32,
        traffic: Traffic,
        issued: u64,
        member: u8,
    ) {
        self.fail(at, server, traffic, issued, member);
        self.servers[server as usize].machines[traffic as usize].overdue += 1;
    }

    /// An overdue request ended, however it did.
    pub(super) fn end_overdue(&mut self, server: u32, traffic: Traffic) {
        let machine = &mut self.servers[server as usize].machines[traffic as usize];
        machine.overdue = machine.overdue.saturating_sub(1);
    }

    /// A request succeeded within the deadline.
    #[inline]
    pub(super) fn succeed(
        &mut self,
        at: u64,
        server: u32,
        traffic: Traffic,
        issued: u64,
        member: u8,
    ) {
        let state = &mut self.servers[server as usize];
        let machine = &mut state.machines[traffic as usize];
        if machine.start == NEVER {
            return;
        }
        if machine.candidate == NEVER {
            if machine.overdue == 0 && issued > machine.start && at <= self.horizon {
                machine.candidate = at;
                machine.candidate_member = member;
            }
        } else if at - machine.candidate >= state.window {
            self.episodes.push(close(server, traffic, machine));
        }
    }

    /// The server's host stopped: what it waited for nobody waits for any more.
    pub(super) fn stop(&mut self, server: u32) {
        let state = &mut self.servers[server as usize];
        state.machines = [IDLE; 2];
        state.stopped = true;
    }

    pub(super) fn restart(&mut self, at: u64, server: u32) {
        let state = &mut self.servers[server as usize];
        state.machines = [Machine {
            last_end: at,
            ..IDLE
        }; 2];
        state.stopped = false;
    }

    /// All episodes; those that no window closed before the horizon have no end.
    pub(super) fn finish(mut self) -> Vec<Episode> {
        for (index, server) in self.servers.iter_mut().enumerate() {
            for traffic in [Traffic::Writes, Traffic::Reads] {
                let machine = &mut server.machines[traffic as usize];
                if machine.start == NEVER {
                    continue;
                }
                let is_closed = machine.candidate != NEVER
                    && machine.candidate.saturating_add(server.window) <= self.horizon;
                let mut episode = close(index as u32, traffic, machine);
                if !is_closed {
                    episode.ends = None;
                }
                self.episodes.push(episode);
            }
        }
        self.episodes
            .sort_by_key(|episode| (episode.server, episode.traffic, episode.begins));
        self.episodes
    }
}

fn close(server: u32, traffic: Traffic, machine: &mut Machine) -> Episode {
    let time = regionfall_kernel::SimTime::from_nanos;
    let episode = Episode {
        server: ServerId(server),
        traffic,
        begins: time(machine.start),
        shown: time(machine.shown),
        ends: Some(time(machine.candidate)),
        member_before: crate::topology::MemberId(machine.member_before),
        member_after: crate::topology::MemberId(machine.candidate_member),
    };
    *machine = Machine {
        overdue: machine.overdue,
        last_end: machine.candidate,
        ..IDLE
    };
    episode
}

/// The requests of one fleet that were issued within one step.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Requests {
    /// All.
    pub issued: u32,
    /// Those that succeeded within the deadline.
    pub in_time: u32,
    /// Those of them that took longer than the latency bound of the recovery criterion.
    pub slow: u32,
}

/// Requests over time, fleet by fleet, in steps of a tenth of the recovery window.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub step: u64,
    pub fleets: Vec<Vec<Requests>>,
    /// Number and beginning of the step that was asked for last: most requests are of one step.
    latest: (usize, u64),
}

impl Timeline {
    pub(super) fn new(fleets: usize, step: u64) -> Self {
        Self {
            step: step.max(1),
            fleets: vec![Vec::new(); fleets],
            latest: (0, 0),
        }
    }

    #[inline]
    pub(super) fn at(&mut self, fleet: usize, issued: u64) -> &mut Requests {
        if issued.wrapping_sub(self.latest.1) >= self.step {
            self.look_up(issued);
        }
        let index = self.latest.0;
        if self.fleets[fleet].len() <= index {
            self.lengthen(fleet, index + 1);
        }
        &mut self.fleets[fleet][index]
    }

    #[cold]
    fn look_up(&mut self, issued: u64) {
        let index = issued / self.step;
        self.latest = (index as usize, index * self.step);
    }

    #[cold]
    fn lengthen(&mut self, fleet: usize, length: usize) {
        self.fleets[fleet].resize(length, Requests::default());
    }
}
