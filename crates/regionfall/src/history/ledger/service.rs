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

#[cfg(test)]
mod tests {
    use regionfall_kernel::SimTime;

    use super::*;
    use crate::topology::MemberId;

    const HORIZON: u64 = 1_000;

    /// Two servers with a stability window of 10.
    fn service() -> Service {
        Service::new([10, 10].into_iter(), HORIZON)
    }

    fn fail(service: &mut Service, at: u64) {
        service.fail(at, 1, Traffic::Writes, at - 1, 4);
    }

    /// Asked and answered at once.
    fn succeed(service: &mut Service, at: u64) {
        service.succeed(at, 1, Traffic::Writes, at - 1, 5);
    }

    /// Beginning, showing and end of each episode.
    fn episodes(service: Service) -> Vec<(u64, u64, Option<u64>)> {
        let episodes = service.finish().into_iter().map(|episode| {
            assert_eq!(
                (episode.server, episode.traffic),
                (ServerId(1), Traffic::Writes)
            );
            assert_eq!(episode.member_before, MemberId(4));
            let ends = episode.ends.map(SimTime::as_nanos);
            (episode.begins.as_nanos(), episode.shown.as_nanos(), ends)
        });
        episodes.collect()
    }

    #[test]
    fn an_episode_ends_with_the_success_that_opens_a_window_without_failures() {
        let mut service = service();
        succeed(&mut service, 50);
        fail(&mut service, 100);
        succeed(&mut service, 103);
        fail(&mut service, 112);
        succeed(&mut service, 120);
        // The window is over at 130, whoever says so.
        fail(&mut service, 130);
        succeed(&mut service, 140);
        succeed(&mut service, 150);
        assert_eq!(
            episodes(service),
            [(99, 100, Some(120)), (129, 130, Some(140))]
        );
    }

    #[test]
    fn what_was_asked_before_the_end_of_an_episode_makes_the_next_begin_there() {
        let mut service = service();
        fail(&mut service, 100);
        succeed(&mut service, 110);
        succeed(&mut service, 120);
        service.fail(125, 1, Traffic::Writes, 90, 4);
        assert_eq!(episodes(service), [(99, 100, Some(110)), (110, 125, None)]);
    }

    #[test]
    fn a_success_asked_for_before_the_failure_proves_nothing() {
        let mut service = service();
        service.fail(100, 1, Traffic::Writes, 60, 4);
        service.succeed(105, 1, Traffic::Writes, 60, 5);
        assert_eq!(episodes(service), [(60, 100, None)]);
    }

    #[test]
    fn while_a_request_hangs_no_window_opens() {
        let mut service = service();
        service.become_overdue(100, 1, Traffic::Writes, 60, 4);
        succeed(&mut service, 110);
        service.end_overdue(1, Traffic::Writes);
        succeed(&mut service, 130);
        assert_eq!(episodes(service), [(60, 100, Some(130))]);
    }

    #[test]
    fn a_request_that_hangs_since_an_earlier_episode_keeps_the_next_one_open() {
        let mut service = service();
        fail(&mut service, 100);
        succeed(&mut service, 110);
        // The window is over, and the failure that ends it is that of a request which hangs on.
        service.become_overdue(121, 1, Traffic::Writes, 119, 4);
        succeed(&mut service, 130);
        succeed(&mut service, 150);
        assert_eq!(episodes(service), [(99, 100, Some(110)), (119, 121, None)]);
    }

    #[test]
    fn nothing_counts_after_the_horizon() {
        let mut service = service();
        fail(&mut service, HORIZON + 1);
        assert_eq!(episodes(service), []);
        let mut at_the_last = self::service();
        fail(&mut at_the_last, HORIZON);
        assert_eq!(episodes(at_the_last), [(HORIZON - 1, HORIZON, None)]);
        for (success, is_closed) in [(990, true), (991, false)] {
            let mut service = self::service();
            fail(&mut service, 900);
            succeed(&mut service, success);
            let expected = is_closed.then_some(success);
            assert_eq!(episodes(service), [(899, 900, expected)]);
        }
    }

    #[test]
    fn a_server_that_fell_waits_for_nothing_and_begins_anew() {
        let mut service = service();
        fail(&mut service, 100);
        service.stop(1);
        fail(&mut service, 110);
        service.restart(200, 1);
        assert_eq!(episodes(service.clone()), []);
        // What had been asked before the restart counts from there.
        service.fail(210, 1, Traffic::Writes, 150, 4);
        assert_eq!(episodes(service), [(200, 210, None)]);
    }

    #[test]
    fn requests_count_in_the_step_in_which_they_were_issued() {
        let mut timeline = Timeline::new(2, 10);
        // Requests of earlier steps end after later ones were issued.
        for issued in [0, 9, 10, 35, 39, 12, 40, 36, 5, 38, 15] {
            timeline.at(1, issued).issued += 1;
        }
        timeline.at(0, 25).issued += 1;
        let issued = |fleet: usize| -> Vec<u32> {
            timeline.fleets[fleet]
                .iter()
                .map(|step| step.issued)
                .collect()
        };
        assert_eq!((issued(0), issued(1)), (vec![0, 0, 1], vec![3, 3, 0, 4, 1]));
    }

    #[test]
    fn a_server_that_never_runs_again_waits_for_nothing() {
        let mut service = service();
        fail(&mut service, 100);
        service.stop(1);
        fail(&mut service, 110);
        assert_eq!(episodes(service), []);
    }
}
