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
    /// Since when nobody answers, or answers again; in order of time.
    outages: Vec<(SimTime, bool)>,
}

impl Answers {
    /// A name that has always meant `member`.
    pub fn new(member: MemberId) -> Self {
        Self {
            changes: vec![(SimTime::ZERO, member)],
            outages: Vec::new(),
        }
    }

    /// From `at` on the name means `member`. Changes come in order of time.
    pub fn change(&mut self, at: SimTime, member: MemberId) {
        debug_assert!(self.changes.last().is_some_and(|&(last, _)| last <= at));
        self.changes.push((at, member));
    }

    /// From now on the authoritative servers do not answer, or do again. Several such faults may overlap.
    pub fn switch(&mut self, at: SimTime, is_down: bool) {
        self.outages.push((at, is_down));
    }

    /// Whether the authoritative servers are out of reach at a moment.
    pub fn is_down(&self, moment: SimTime) -> bool {
        let past = self.outages.iter().filter(|(at, _)| *at <= moment);
        past.map(|&(_, is_down)| if is_down { 1 } else { -1 })
            .sum::<i32>()
            > 0
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
    /// How long the recursive resolver keeps a record beyond its time, since it counts whole seconds.
    rounding: SimDuration,
    /// Whether the recursive resolver answers with an old record when it cannot get a new one (RFC 8767).
    serves_stale: bool,
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
            rounding: SimDuration::ZERO,
            serves_stale: false,
            cached: None,
        };
        let period = resolver.refresh_period().as_nanos() as f64;
        resolver.phase = SimDuration::from_nanos_f64(period * phase);
        resolver
    }

    /// The same, behind a recursive resolver that counts whole seconds: a record stays up to a second longer, and
    /// until it is asked again after the second is full.
    #[must_use]
    pub fn counting_seconds(mut self, phase: f64) -> Self {
        self.rounding = SimDuration::from_secs(1);
        let period = self.refresh_period().as_nanos() as f64;
        self.phase = SimDuration::from_nanos_f64(period * phase);
        self
    }

    /// The same, behind a recursive resolver that answers with an old record when it cannot get a new one.
    #[must_use]
    pub fn serving_stale(mut self) -> Self {
        self.serves_stale = true;
        self
    }

    /// The same, with an answer in the client's own cache that it had asked for before the run, if it keeps any.
    #[must_use]
    pub fn having_asked(mut self, answers: &Answers, age: f64) -> Self {
        if let Some(keeps) = self
            .own_cache()
            .filter(|&keeps| keeps != SimDuration::FOREVER)
        {
            let left = keeps.as_nanos() as f64 * (1.0 - age);
            let until = SimTime::ZERO + SimDuration::from_nanos_f64(left);
            self.cached = Some((answers.at(SimTime::ZERO), until));
        }
        self
    }

    /// How long the client itself keeps an answer; `None` if it does not.
    fn own_cache(&self) -> Option<SimDuration> {
        match self.class {
            ResolverClass::Honouring
            | ResolverClass::Extending(_)
            | ResolverClass::Clamping { .. } => None,
            ResolverClass::LocalCache(length) => Some(length),
            ResolverClass::OwnCache => Some(self.ttl),
            ResolverClass::Forever => Some(SimDuration::FOREVER),
        }
    }

    /// How often the recursive resolver refreshes the record.
    fn refresh_period(&self) -> SimDuration {
        let kept = match self.class {
            ResolverClass::Extending(length) => length.max(self.ttl),
            ResolverClass::Clamping { least, most } => self.ttl.max(least).min(most),
            // It asks the authority itself.
            ResolverClass::OwnCache => return SimDuration::ZERO,
            ResolverClass::Honouring | ResolverClass::LocalCache(_) | ResolverClass::Forever => {
                self.ttl
            }
        };
        kept + self.rounding
    }

    /// Resolves a name; `None` if nobody can answer.
    pub fn resolve(&mut self, now: SimTime, answers: &Answers) -> Option<Resolved> {
        if let Some((member, until)) = self.cached
            && now < until
        {
            return Some(Resolved {
                member,
                asked: false,
            });
        }
        let member = self.recursive_answer(now, answers)?;
        let keep = self.own_cache().unwrap_or(SimDuration::ZERO);
        self.cached = Some((member, now + keep));
        Some(Resolved {
            member,
            asked: true,
        })
    }

    /// What the recursive resolver answers. One that could not refresh its record tries again with every question.
    fn recursive_answer(&self, now: SimTime, answers: &Answers) -> Option<MemberId> {
        let refreshed = self.last_refresh(now);
        if !answers.is_down(refreshed) {
            return Some(answers.at(refreshed));
        }
        if !answers.is_down(now) {
            return Some(answers.at(now));
        }
        let period = self.refresh_period().as_nanos().max(1);
        let mut before = refreshed;
        while self.serves_stale && answers.is_down(before) {
            if before == SimTime::ZERO {
                return None;
            }
            before = SimTime::from_nanos(before.as_nanos().saturating_sub(period));
        }
        self.serves_stale.then(|| answers.at(before))
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
        let switched = |at: u64, resolver: &mut Resolver| {
            let answer = resolver.resolve(second(at), &answers);
            answer.is_some_and(|answer| answer.member == MemberId(1))
        };
        (0..4_000).find(|&at| switched(at, &mut resolver))
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
    fn a_clamp_works_both_ways() {
        let clamp = |least, most| ResolverClass::Clamping {
            least: SimDuration::from_secs(least),
            most: SimDuration::from_secs(most),
        };
        // Refreshes at 10, 310, ...; at 10, 30, 50, ..., 110.
        assert_eq!(switch_time(clamp(300, 3_600)), Some(310));
        assert_eq!(switch_time(clamp(0, 20)), Some(110));
        assert_eq!(switch_time(clamp(0, 3_600)), Some(130));
    }

    #[test]
    fn who_asks_the_authority_itself_counts_from_its_own_question() {
        // Asked at 0, 60, 120.
        assert_eq!(switch_time(ResolverClass::OwnCache), Some(120));
    }

    #[test]
    fn without_an_authority_a_record_lasts_its_time_and_a_stale_one_longer() {
        let mut answers = Answers::new(MemberId(0));
        answers.switch(second(100), true);
        answers.switch(second(400), false);
        let ttl = SimDuration::from_secs(60);
        // Refreshes at 10, 70, 130, ...
        let fresh = Resolver::new(ResolverClass::Honouring, ttl, 10.0 / 60.0);
        let answer = |resolver: &Resolver, at| {
            let resolved = resolver.clone().resolve(second(at), &answers);
            resolved.map(|resolved| resolved.member)
        };
        assert_eq!(answer(&fresh, 129), Some(MemberId(0)), "its time is not up");
        assert_eq!(answer(&fresh, 131), None);
        assert_eq!(answer(&fresh, 399), None);
        assert_eq!(
            answer(&fresh, 401),
            Some(MemberId(0)),
            "asked again at once"
        );
        let stale = fresh.serving_stale();
        assert_eq!(answer(&stale, 300), Some(MemberId(0)));
    }

    #[test]
    fn whole_seconds_lengthen_a_record() {
        let mut answers = Answers::new(MemberId(0));
        answers.change(second(1), MemberId(1));
        let ttl = SimDuration::from_secs(5);
        // Refreshes at 0, 6, 12, ...
        let mut resolver = Resolver::new(ResolverClass::Honouring, ttl, 0.0).counting_seconds(0.0);
        let mut member = |at| resolver.resolve(second(at), &answers).map(|one| one.member);
        assert_eq!(member(5), Some(MemberId(0)));
        assert_eq!(member(6), Some(MemberId(1)));
    }

    #[test]
    fn a_process_that_resolves_once_never_switches() {
        assert_eq!(switch_time(ResolverClass::Forever), None);
    }
}
