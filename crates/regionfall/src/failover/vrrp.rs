//! A router of the Virtual Router Redundancy Protocol, version 2 (RFC 3768), as keepalived runs it: of two proxies the
//! master holds the address that clients use.
//!
//! ```text
//! Backup  -- no advert for missed adverts and skew --> Master, which announces the address
//! Backup  -- advert of priority 0                  --> waits the skew only
//! Backup  -- advert of a lower priority            --> takes no notice of it, if it preempts
//! Master  -- advert of a higher priority           --> Backup
//! any     -- its proxy does not run                --> Fault; a master says priority 0 first
//! Fault   -- its proxy runs                        --> Backup
//! ```
//!
//! There is no quorum and no fencing: while adverts are lost there are two masters. It sees adverts that arrive and the
//! looks of its own script, and its host's clock; the network in between is the world's.

use regionfall_kernel::{SimDuration, TraceHash};

use super::VrrpConfig;
use crate::topology::LocalTime;

/// The priority that says "I end".
pub(super) const ENDS: u8 = 0;
/// The second announcement of a new master comes so long after the first (source: keepalived, `vrrp.h`,
/// `garp_master_delay`).
const ANNOUNCES_AGAIN: SimDuration = SimDuration::from_secs(5);

/// One router.
#[derive(Clone, PartialEq, Debug)]
pub struct VrrpRouter {
    config: VrrpConfig,
    priority: u8,
    state: RouterState,
    /// Since when it runs.
    started: LocalTime,
    /// Timers that are still meant carry this number.
    epoch: u32,
    failed_looks: u32,
    good_looks: u32,
}

/// What a router is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouterState {
    /// Its daemon does not run.
    Stopped,
    /// It listens.
    Backup,
    /// It holds the address.
    Master,
    /// Its proxy does not run.
    Fault,
}

/// What a router does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouterAction {
    /// Wake it at a moment.
    Wake(LocalTime, RouterTimer),
    /// Send an advert with this priority.
    Advertise(u8),
    /// Announce to the network that the address is here (gratuitous ARP).
    Announce,
}

/// Which timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouterTimer {
    /// Of its state: a master's next advert, or the end of a backup's patience. Void if the number is old.
    State(u32),
    /// The second announcement. Void if the number is old.
    Announcement(u32),
    /// The next look of its script.
    Look,
}

impl VrrpRouter {
    /// A router that does not run yet.
    pub fn new(config: VrrpConfig, priority: u8) -> Self {
        Self {
            config,
            priority,
            state: RouterState::Stopped,
            started: LocalTime(0),
            epoch: 0,
            failed_looks: 0,
            good_looks: 0,
        }
    }

    /// What it is.
    pub fn state(&self) -> RouterState {
        self.state
    }

    /// Its daemon starts, and its script `until_look` later.
    pub fn start(&mut self, now: LocalTime, until_look: SimDuration, out: &mut Vec<RouterAction>) {
        self.started = now;
        self.failed_looks = 0;
        self.good_looks = 0;
        let look = RouterAction::Wake(now.plus(until_look), RouterTimer::Look);
        out.push(look);
        self.listen(now, self.config.master_down(self.priority), out);
    }

    /// As [`VrrpRouter::start`], of a pair that has run for long: it is what it will come to be.
    pub fn start_settled(
        &mut self,
        now: LocalTime,
        (until_look, until_advert): (SimDuration, SimDuration),
        is_master: bool,
        out: &mut Vec<RouterAction>,
    ) {
        self.start(now, until_look, out);
        if is_master {
            self.state = RouterState::Master;
            self.epoch += 1;
            let timer = RouterTimer::State(self.epoch);
            out.push(RouterAction::Wake(now.plus(until_advert), timer));
        }
    }

    /// Its daemon ends; if that is orderly, a master says so.
    pub fn stop(&mut self, is_orderly: bool, out: &mut Vec<RouterAction>) {
        if self.state == RouterState::Master && is_orderly {
            out.push(RouterAction::Advertise(ENDS));
        }
        self.state = RouterState::Stopped;
        self.epoch += 1;
    }

    /// A timer fires.
    pub fn woken(
        &mut self,
        now: LocalTime,
        timer: RouterTimer,
        proxy_runs: bool,
        out: &mut Vec<RouterAction>,
    ) {
        match timer {
            RouterTimer::State(epoch) if epoch == self.epoch => match self.state {
                RouterState::Backup => self.become_master(now, out),
                RouterState::Master => self.advertise(now, out),
                RouterState::Stopped | RouterState::Fault => {}
            },
            RouterTimer::Announcement(epoch)
                if epoch == self.epoch && self.state == RouterState::Master =>
            {
                out.push(RouterAction::Announce);
            }
            RouterTimer::State(_) | RouterTimer::Announcement(_) => {}
            RouterTimer::Look => self.look(now, proxy_runs, out),
        }
    }

    /// An advert arrives.
    pub fn heard(&mut self, now: LocalTime, priority: u8, out: &mut Vec<RouterAction>) {
        match self.state {
            RouterState::Backup if priority == ENDS => {
                self.listen(now, VrrpConfig::skew(self.priority), out);
            }
            RouterState::Backup => {
                let preempts =
                    self.config.preempt && now.since(self.started) >= self.config.preempt_delay;
                if priority >= self.priority || !preempts {
                    self.listen(now, self.config.master_down(self.priority), out);
                }
            }
            RouterState::Master if priority == ENDS => {
                out.push(RouterAction::Advertise(self.priority));
            }
            RouterState::Master if priority > self.priority => {
                self.listen(now, self.config.master_down(self.priority), out);
            }
            RouterState::Master if priority < self.priority => {
                out.push(RouterAction::Advertise(self.priority));
                if self.config.announces_again {
                    out.push(RouterAction::Announce);
                }
            }
            // Of two equal masters the address decides, which is none of these.
            RouterState::Stopped | RouterState::Fault | RouterState::Master => {}
        }
    }

    fn listen(&mut self, now: LocalTime, patience: SimDuration, out: &mut Vec<RouterAction>) {
        self.state = RouterState::Backup;
        self.epoch += 1;
        let timer = RouterTimer::State(self.epoch);
        out.push(RouterAction::Wake(now.plus(patience), timer));
    }

    fn become_master(&mut self, now: LocalTime, out: &mut Vec<RouterAction>) {
        self.state = RouterState::Master;
        self.epoch += 1;
        let again = RouterTimer::Announcement(self.epoch);
        out.push(RouterAction::Announce);
        out.push(RouterAction::Wake(now.plus(ANNOUNCES_AGAIN), again));
        self.advertise(now, out);
    }

    fn advertise(&mut self, now: LocalTime, out: &mut Vec<RouterAction>) {
        out.push(RouterAction::Advertise(self.priority));
        let timer = RouterTimer::State(self.epoch);
        out.push(RouterAction::Wake(now.plus(self.config.advert), timer));
    }

    fn look(&mut self, now: LocalTime, proxy_runs: bool, out: &mut Vec<RouterAction>) {
        if self.state == RouterState::Stopped {
            return;
        }
        let next = now.plus(self.config.check_every);
        out.push(RouterAction::Wake(next, RouterTimer::Look));
        if proxy_runs {
            self.failed_looks = 0;
            self.good_looks += 1;
            if self.state == RouterState::Fault && self.good_looks >= self.config.check_rise {
                self.listen(now, self.config.master_down(self.priority), out);
            }
            return;
        }
        self.good_looks = 0;
        self.failed_looks += 1;
        if self.state != RouterState::Fault && self.failed_looks >= self.config.check_fall {
            if self.state == RouterState::Master {
                out.push(RouterAction::Advertise(ENDS));
            }
            self.state = RouterState::Fault;
            self.epoch += 1;
        }
    }

    /// Its state enters the trace hash.
    pub fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.epoch) << 8 | self.state as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> VrrpConfig {
        VrrpConfig {
            advert: SimDuration::from_secs(1),
            missed: 3,
            priorities: [150, 100],
            preempt: true,
            preempt_delay: SimDuration::ZERO,
            announces_again: true,
            check_every: SimDuration::from_secs(1),
            check_fall: 2,
            check_rise: 1,
        }
    }

    fn at(millis: u64) -> LocalTime {
        LocalTime(millis * 1_000_000)
    }

    fn started(priority: u8, is_master: bool) -> VrrpRouter {
        let mut router = VrrpRouter::new(config(), priority);
        let phases = (SimDuration::ZERO, SimDuration::ZERO);
        router.start_settled(at(0), phases, is_master, &mut Vec::new());
        router
    }

    /// The moment of the timer of its state that a list of actions arms last.
    fn patience(actions: &[RouterAction]) -> Option<LocalTime> {
        actions.iter().rev().find_map(|action| match action {
            RouterAction::Wake(at, RouterTimer::State(_)) => Some(*at),
            _ => None,
        })
    }

    #[test]
    fn a_backup_waits_three_adverts_and_its_skew() {
        let mut backup = started(100, false);
        let mut out = Vec::new();
        backup.heard(at(1_000), 150, &mut out);
        // (256 - 100) / 256 s.
        assert_eq!(
            patience(&out),
            Some(LocalTime(1_000_000_000 + 3_609_375_000))
        );
    }

    #[test]
    fn an_orderly_end_costs_the_skew_only() {
        let mut backup = started(100, false);
        let mut out = Vec::new();
        backup.heard(at(1_000), ENDS, &mut out);
        assert_eq!(patience(&out), Some(LocalTime(1_000_000_000 + 609_375_000)));
    }

    #[test]
    fn who_has_the_higher_priority_does_not_let_itself_be_kept_waiting() {
        let mut better = started(150, false);
        let mut out = Vec::new();
        better.heard(at(1_000), 100, &mut out);
        assert_eq!(out, [], "the advert of a lower priority changes nothing");
        let mut equal = started(100, false);
        equal.heard(at(1_000), 100, &mut out);
        assert!(patience(&out).is_some(), "an equal one keeps it waiting");
    }

    #[test]
    fn of_two_masters_the_lower_gives_way() {
        let (mut high, mut low) = (started(150, true), started(100, true));
        let mut out = Vec::new();
        low.heard(at(1), 150, &mut out);
        assert_eq!(low.state(), RouterState::Backup);
        out.clear();
        high.heard(at(1), 100, &mut out);
        assert_eq!(high.state(), RouterState::Master);
        let says = [RouterAction::Advertise(150), RouterAction::Announce];
        assert_eq!(out, says);
    }

    #[test]
    fn a_master_whose_proxy_does_not_run_says_so_after_two_looks() {
        let mut master = started(150, true);
        let mut out = Vec::new();
        master.woken(at(1_000), RouterTimer::Look, false, &mut out);
        assert_eq!(master.state(), RouterState::Master);
        master.woken(at(2_000), RouterTimer::Look, false, &mut out);
        assert_eq!(master.state(), RouterState::Fault);
        assert!(out.contains(&RouterAction::Advertise(ENDS)));
        master.woken(at(3_000), RouterTimer::Look, true, &mut out);
        assert_eq!(master.state(), RouterState::Backup);
    }

    #[test]
    fn an_old_timer_is_void() {
        let mut backup = started(100, false);
        let mut out = Vec::new();
        backup.heard(at(1_000), 150, &mut out);
        backup.woken(at(3_610), RouterTimer::State(1), true, &mut out);
        assert_eq!(backup.state(), RouterState::Backup);
    }
}
