//! Outlier ejection: failures in a row put a member out for a time that grows with each ejection.
//!
//! Source: Envoy, `outlier_detection.proto` and the page on outlier detection. How many members may be out
//! at a time is the business of whoever knows them all.

use super::decider::LocalTime;
use super::evidence::EjectionConfig;

/// One member's record.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ejection {
    pub(super) config: EjectionConfig,
    in_a_row: u32,
    /// By how many times the base the next ejection is longer.
    times: u32,
    /// Until when it is out.
    until: Option<LocalTime>,
    /// When it came back last, or began.
    since: LocalTime,
}

impl Ejection {
    pub(super) fn new(config: EjectionConfig) -> Self {
        Self {
            config,
            in_a_row: 0,
            times: 0,
            until: None,
            since: LocalTime(0),
        }
    }

    pub(super) fn is_out(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn take(&mut self, now: LocalTime, passed: bool) {
        if self.until.is_some() {
            return;
        }
        self.in_a_row = if passed { 0 } else { self.in_a_row + 1 };
        if self.in_a_row >= self.config.failures {
            // For every sweep that it stayed in, an earlier ejection is forgiven.
            let sweeps = now.since(self.since).as_nanos() / self.config.sweep.as_nanos().max(1);
            self.times = self
                .times
                .saturating_sub(sweeps.min(u64::from(u32::MAX)) as u32)
                + 1;
            let length = (self.config.base * u64::from(self.times)).min(self.config.max);
            self.until = Some(self.next_sweep(now.plus(length)));
            self.in_a_row = 0;
        }
    }

    /// The first sweep that is not before a moment.
    fn next_sweep(&self, at: LocalTime) -> LocalTime {
        let sweep = self.config.sweep.as_nanos().max(1);
        LocalTime(at.0.div_ceil(sweep) * sweep)
    }

    /// When it comes back.
    pub(super) fn turns_at(&self) -> Option<LocalTime> {
        self.until
    }

    pub(super) fn tick(&mut self, now: LocalTime) {
        if self.until.is_some_and(|until| now >= until) {
            self.until = None;
            self.since = now;
        }
    }

    /// It is not put out after all.
    pub(super) fn pardon(&mut self) {
        self.until = None;
        self.in_a_row = 0;
        self.times = self.times.saturating_sub(1);
    }

    pub(super) fn state(&self) -> u64 {
        u64::from(self.in_a_row) << 32 | u64::from(self.times) << 1 | u64::from(self.is_out())
    }
}

/// Whether another member may be put out, of so many.
pub(super) fn may_eject(config: &EjectionConfig, out: usize, members: usize) -> bool {
    let share = (out + 1) as f64 / members.max(1) as f64;
    share <= config.max_share || (out == 0 && config.always_one)
}

#[cfg(test)]
mod tests {
    use regionfall_kernel::SimDuration;

    use super::*;

    fn seconds(count: u64) -> SimDuration {
        SimDuration::from_secs(count)
    }

    fn envoy() -> EjectionConfig {
        EjectionConfig {
            failures: 5,
            base: seconds(30),
            max: seconds(300),
            sweep: seconds(10),
            max_share: 0.1,
            always_one: false,
        }
    }

    fn fail(ejection: &mut Ejection, at: u64) {
        for _ in 0..5 {
            ejection.take(LocalTime(seconds(at).as_nanos()), false);
        }
    }

    #[test]
    fn each_ejection_is_longer_and_ends_with_a_sweep() {
        let mut ejection = Ejection::new(envoy());
        let at = |count: u64| LocalTime(seconds(count).as_nanos());
        fail(&mut ejection, 3);
        assert_eq!(ejection.turns_at(), Some(at(40)));
        ejection.tick(at(40));
        fail(&mut ejection, 41);
        assert_eq!(ejection.turns_at(), Some(at(110)), "twice as long");
        ejection.tick(at(110));
        fail(&mut ejection, 200);
        assert_eq!(ejection.turns_at(), Some(at(230)), "forgiven");
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut ejection = Ejection::new(envoy());
        for passed in [false, false, false, false, true, false, false, false, false] {
            ejection.take(LocalTime(1), passed);
        }
        assert!(!ejection.is_out());
    }

    #[test]
    fn with_fewer_than_ten_members_the_default_share_ejects_nobody() {
        let config = envoy();
        assert!(!may_eject(&config, 0, 9));
        assert!(may_eject(&config, 0, 10));
        let config = EjectionConfig {
            always_one: true,
            ..config
        };
        assert!(may_eject(&config, 0, 2));
        assert!(!may_eject(&config, 1, 2));
    }
}
