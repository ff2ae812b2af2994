//! DNS: what an authoritative server answers, and what a client believes.
//!
//! A recursive resolver with many users always holds the record, and refreshes it when its time is up:
//! its refreshes fall at one phase of the TTL, uniform over resolvers. A client that asks gets the answer
//! of the last refresh. Caches behind it (the JVM's, or a process that resolves once) add to that.
//! Source: `RFC 1035` for the TTL; `InetAddressCachePolicy.java` of `OpenJDK` for the JVM's cache.

use regionfall_kernel::{SimDuration, SimTime};

use crate::failover::ResolverClass;
use crate::topology::MemberId;

/// The history of a name's authoritative answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answers {
    /// Changes in order of time; the first is the answer from before the run.
    changes: Vec<(SimTime, MemberId)>,
}

impl Answers {
    /// A name that has always meant `member`.
    pub fn new(member: MemberId) -> Self {
        Self {
            changes: vec![(SimTime::ZERO, member)],
        }
    }

    /// From `at` on the name means `member`. Changes come in order of time.
    pub fn change(&mut self, at: SimTime, member: MemberId) {
        debug_assert!(self.changes.last().is_some_and(|&(last, _)| last <= at));
        self.changes.push((at, member));
    }

    /// What the authoritative server answers at a moment.
    pub fn at(&self, moment: SimTime) -> MemberId {
        let later = self.changes.partition_point(|&(at, _)| at <= moment);
        self.changes[later.saturating_sub(1)].1
    }
}

/// How one app server resolves names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolver {
    class: ResolverClass,
    ttl: SimDuration,
    /// Where in its refresh period the recursive resolver stands.
    phase: SimDuration,
    /// The answer in the client's own cache, and until when it is used.
    cached: Option<(MemberId, SimTime)>,
}

/// An answer, and whether it took a query over the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The member that the name means to this client.
    pub member: MemberId,
    /// Whether the client had to ask its resolver.
    pub asked: bool,
}

impl Resolver {
    /// A resolver of this class for records with this TTL; `phase` in 0..1.
    pub fn new(class: ResolverClass, ttl: SimDuration, phase: f64) -> Self {
        let mut resolver = Self {
            class,
            ttl,
            phase: SimDuration::ZERO,
            cached: None,
        };
        let period = resolver.refresh_period().as_nanos() as f64;
        resolver.phase = SimDuration::from_nanos_f64(period * phase);
        resolver
    }

    /// How often the recursive resolver refreshes the record.
    fn refresh_period(&self) -> SimDuration {
        match self.class {
            ResolverClass::Extending(length) => length.max(self.ttl),
            ResolverClass::Honouring | ResolverClass::LocalCache(_) | ResolverClass::Forever => {
                self.ttl
            }
        }
    }

    /// Resolves a name.
    pub fn resolve(&mut self, now: SimTime, answers: &Answers) -> Resolved {
        if let Some((member, until)) = self.cached
            && now < until
        {
            return Resolved {
                member,
                asked: false,
            };
        }
        let member = answers.at(self.last_refresh(now));
        let keep = match self.class {
            ResolverClass::Honouring | ResolverClass::Extending(_) => SimDuration::ZERO,
            ResolverClass::LocalCache(length) => length,
            ResolverClass::Forever => SimDuration::FOREVER,
        };
        self.cached = Some((member, now + keep));
        Resolved {
            member,
            asked: true,
        }
    }

    /// The recursive resolver's last refresh, at the latest at `now`.
    fn last_refresh(&self, now: SimTime) -> SimTime {
        let period = self.refresh_period().as_nanos();
        if period == 0 {
            return now;
        }
        let since_phase = now.as_nanos() + period - self.phase.as_nanos() % period;
        SimTime::from_nanos(now.as_nanos().saturating_sub(since_phase % period))
    }

    /// The process started anew: its own cache is empty.
    pub fn restart(&mut self) {
        self.cached = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    /// The record changes at 100 s, TTL 60 s, resolver refreshes at 10, 70, 130, … s.
    fn switch_time(class: ResolverClass) -> Option<u64> {
        let mut answers = Answers::new(MemberId(0));
        answers.change(second(100), MemberId(1));
        let ttl = SimDuration::from_secs(60);
        let phase = 10.0
            / Resolver::new(class, ttl, 0.0)
                .refresh_period()
                .as_secs_f64();
        let mut resolver = Resolver::new(class, ttl, phase);
        (0..4_000).find(|&at| resolver.resolve(second(at), &answers).member == MemberId(1))
    }

    #[test]
    fn an_honouring_resolver_switches_with_its_next_refresh() {
        assert_eq!(switch_time(ResolverClass::Honouring), Some(130));
    }

    #[test]
    fn a_local_cache_adds_its_own_age() {
        let class = ResolverClass::LocalCache(SimDuration::from_secs(30));
        // Looked up at 0, 30, …, 120 (still the old answer), 150.
        assert_eq!(switch_time(class), Some(150));
    }

    #[test]
    fn a_stretched_record_stays_for_its_length() {
        let class = ResolverClass::Extending(SimDuration::from_secs(3_600));
        assert_eq!(switch_time(class), Some(3_610));
    }

    #[test]
    fn a_process_that_resolves_once_never_switches() {
        assert_eq!(switch_time(ResolverClass::Forever), None);
    }
}
