//! Faults from rates: a plan for each seed, of kinds, places and lengths that are drawn.
//!
//! A generated plan is a plan like any other: it can be printed, run again and shrunk. The draws depend on the seed and
//! on what is configured here alone, so that every strategy meets the same faults. In swarm mode each seed first draws
//! which kinds it will use at all (Groce et al., *Swarm Testing*, ISSTA 2012): a plan with a few kinds goes deeper than one
//! with something of everything.

use rand_core::Rng;
use regionfall_kernel::{Distribution, Seed, SimDuration, below, exponential, shuffle, uniform};

use super::degradation::{Degradation, Skew};
use super::plan::{Disks, FaultKind, FaultSpec, Flapping, Part, PathSelector, Takes, TrafficScope};
use crate::network::{InFlight, Silence};
use crate::topology::{MemberId, RegionId};

/// What may go wrong, and how often.
#[derive(Clone, PartialEq, Debug)]
pub struct ChaosConfig {
    /// Faults per second of the storm, in the mean; they come as a Poisson process.
    pub rate: f64,
    /// Fewest faults of a plan.
    pub at_least: u32,
    /// Most faults of a plan.
    pub at_most: u32,
    /// Whether each seed uses a random subset of the kinds.
    pub swarm: bool,
    /// The share of faults that strike a zone, a region or the control plane as a whole, in 0..=1.
    pub correlated: f64,
    /// The share of faults that come and go with a period, in 0..=1.
    pub flapping: f64,
    /// The kinds with their weights; those without weight never happen.
    pub mix: Vec<(ChaosKind, f64)>,
    /// How long each kind lasts; a fault ends with the storm at the latest.
    pub lasts: Vec<(ChaosKind, Distribution)>,
}

/// Where faults may strike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChaosPlace {
    /// Members: regions `0..members` have one.
    pub members: u8,
    /// Fewest zones of a region with a member.
    pub zones: u16,
    /// Nodes of each member.
    pub nodes: u8,
    /// Shards of each member.
    pub shards: u16,
    /// Whether there are disks to strike.
    pub has_disks: bool,
    /// The beginning of the storm.
    pub begins: SimDuration,
    /// The end of the storm.
    pub ends: SimDuration,
}

/// A kind of fault that comes by itself. Operators' acts are none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChaosKind {
    /// A process dies.
    ProcessCrash,
    /// A machine dies.
    HostCrash,
    /// A process hangs.
    Hang,
    /// A zone falls.
    ZoneOutage,
    /// A region falls.
    RegionOutage,
    /// A path is cut.
    Partition,
    /// A path is slow.
    Latency,
    /// A path loses messages.
    Loss,
    /// A clock is wrong.
    ClockSkew,
    /// Too much traffic.
    LoadSurge,
    /// A machine is slow.
    SlowHost,
    /// The health endpoint is silent.
    HealthEndpointDown,
    /// Disks finish nothing.
    FsyncStall,
    /// Disks are slow.
    SlowDisk,
}

impl ChaosKind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::ProcessCrash,
        Self::HostCrash,
        Self::Hang,
        Self::ZoneOutage,
        Self::RegionOutage,
        Self::Partition,
        Self::Latency,
        Self::Loss,
        Self::ClockSkew,
        Self::LoadSurge,
        Self::SlowHost,
        Self::HealthEndpointDown,
        Self::FsyncStall,
        Self::SlowDisk,
    ];

    /// Its word in scenario files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ProcessCrash => "process-crash",
            Self::HostCrash => "host-crash",
            Self::Hang => "hang",
            Self::ZoneOutage => "zone-outage",
            Self::RegionOutage => "region-outage",
            Self::Partition => "partition",
            Self::Latency => "latency",
            Self::Loss => "loss",
            Self::ClockSkew => "clock-skew",
            Self::LoadSurge => "load-surge",
            Self::SlowHost => "slow-host",
            Self::HealthEndpointDown => "health-endpoint-down",
            Self::FsyncStall => "fsync-stall",
            Self::SlowDisk => "slow-disk",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl ChaosConfig {
    /// Every kind alike, two faults in the mean and six at most, each for some tens of seconds: what a search for broken promises
    /// uses where a scenario has no `[chaos]`. The numbers are assumed: plans that a person can read.
    pub fn for_search(storm: SimDuration) -> Self {
        let short = SimDuration::from_millis(100).min(storm);
        let long = storm.max(short);
        let lasts = Distribution::Uniform {
            low: short,
            high: long,
        };
        Self {
            rate: 2.0 / storm.as_secs_f64().max(1e-3),
            at_least: 1,
            at_most: 6,
            swarm: true,
            correlated: 0.1,
            flapping: 0.15,
            mix: ChaosKind::ALL.map(|kind| (kind, 1.0)).to_vec(),
            lasts: ChaosKind::ALL.map(|kind| (kind, lasts.clone())).to_vec(),
        }
    }

    /// The plan of a seed.
    pub fn draw(&self, seed: Seed, place: &ChaosPlace) -> Vec<FaultSpec> {
        let mut draw = Draw {
            chaos: self,
            place,
            rng: seed.stream("chaos"),
        };
        draw.plan()
    }
}

struct Draw<'a, R> {
    chaos: &'a ChaosConfig,
    place: &'a ChaosPlace,
    rng: R,
}

impl<R: Rng> Draw<'_, R> {
    fn plan(&mut self) -> Vec<FaultSpec> {
        let kinds = self.kinds();
        let mut plan = Vec::new();
        for at in self.moments() {
            if uniform(&mut self.rng) < self.chaos.correlated {
                self.correlated(at, &mut plan);
            } else if let Some(kind) = self.pick(&kinds) {
                let fault = self.fault(kind, at);
                plan.push(fault);
            }
        }
        plan.truncate(self.chaos.at_most as usize);
        plan
    }

    /// The kinds that this plan uses, with their weights.
    fn kinds(&mut self) -> Vec<(ChaosKind, f64)> {
        let place = *self.place;
        let can_be = |kind: ChaosKind| match kind {
            ChaosKind::ZoneOutage => place.zones > 1,
            ChaosKind::FsyncStall | ChaosKind::SlowDisk => place.has_disks,
            _ => true,
        };
        let mut kinds: Vec<(ChaosKind, f64)> = self
            .chaos
            .mix
            .iter()
            .copied()
            .filter(|&(kind, weight)| weight > 0.0 && can_be(kind))
            .collect();
        if self.chaos.swarm && kinds.len() > 1 {
            // At least one kind, at most all of them, every number alike.
            let count = 1 + below(&mut self.rng, kinds.len() as u64) as usize;
            shuffle(&mut self.rng, &mut kinds);
            kinds.truncate(count);
            kinds.sort_by_key(|&(kind, _)| kind);
        }
        kinds
    }

    /// When faults begin, in order.
    fn moments(&mut self) -> Vec<SimDuration> {
        let (begins, ends) = (self.place.begins, self.place.ends);
        let length = ends.saturating_sub(begins);
        let mut moments = Vec::new();
        if self.chaos.rate > 0.0 {
            let mean = SimDuration::from_nanos_f64(1e9 / self.chaos.rate);
            let mut at = begins + exponential(&mut self.rng, mean);
            while at < ends && moments.len() < self.chaos.at_most as usize {
                moments.push(at);
                at += exponential(&mut self.rng, mean);
            }
        }
        while moments.len() < self.chaos.at_least as usize {
            let share = uniform(&mut self.rng);
            moments.push(begins + SimDuration::from_nanos_f64(length.as_nanos() as f64 * share));
        }
        moments.sort();
        moments.into_iter().map(whole_millis).collect()
    }

    fn pick(&mut self, kinds: &[(ChaosKind, f64)]) -> Option<ChaosKind> {
        let total: f64 = kinds.iter().map(|(_, weight)| weight).sum();
        let mut left = uniform(&mut self.rng) * total;
        for &(kind, weight) in kinds {
            left -= weight;
            if left < 0.0 {
                return Some(kind);
            }
        }
        kinds.last().map(|&(kind, _)| kind)
    }

    fn fault(&mut self, kind: ChaosKind, at: SimDuration) -> FaultSpec {
        let what = self.what(kind);
        let lasts = self.length(kind, at);
        let flapping = self.flapping(lasts);
        spec(what, at, lasts, flapping)
    }

    /// How long a fault lasts that begins at `at`.
    fn length(&mut self, kind: ChaosKind, at: SimDuration) -> SimDuration {
        let lasts = self.chaos.lasts.iter().find(|(known, _)| *known == kind);
        let drawn = lasts.map_or(SimDuration::from_secs(1), |(_, lasts)| {
            lasts.quantile(uniform(&mut self.rng))
        });
        let left = self.place.ends.saturating_sub(at);
        whole_millis(drawn.min(left)).max(SimDuration::from_millis(1))
    }

    fn flapping(&mut self, lasts: SimDuration) -> Option<Flapping> {
        let is_flapping = uniform(&mut self.rng) < self.chaos.flapping;
        let tenths = 1 + below(&mut self.rng, 9);
        let periods = 2 + below(&mut self.rng, 9);
        let period = whole_millis(lasts / periods);
        let down = whole_millis(period * tenths / 10);
        let is_whole = down >= SimDuration::from_millis(1) && down < period;
        (is_flapping && is_whole).then_some(Flapping { period, down })
    }

    fn what(&mut self, kind: ChaosKind) -> FaultKind {
        let member = MemberId(below(&mut self.rng, u64::from(self.place.members)) as u8);
        let region = RegionId::from_index(member.index());
        let (part, disks) = (self.part(), self.disks());
        let (in_flight, mode) = (self.in_flight(), self.mode());
        match kind {
            ChaosKind::ProcessCrash => FaultKind::ProcessCrash {
                member,
                part,
                disks,
                in_flight,
            },
            ChaosKind::HostCrash => FaultKind::HostCrash {
                member,
                part,
                disks,
                in_flight,
            },
            ChaosKind::Hang => FaultKind::Hang { member, part },
            ChaosKind::FsyncStall => FaultKind::FsyncStall { member, part },
            ChaosKind::ZoneOutage => FaultKind::ZoneOutage {
                region,
                zone: below(&mut self.rng, u64::from(self.place.zones)) as u16,
                mode,
                disks,
                takes: self.takes(),
                in_flight,
            },
            ChaosKind::RegionOutage => FaultKind::RegionOutage {
                region,
                mode,
                disks,
                takes: self.takes(),
                in_flight,
            },
            ChaosKind::Partition => FaultKind::Partition {
                paths: self.paths(),
                mode,
                in_flight,
            },
            ChaosKind::Latency => FaultKind::Latency {
                paths: self.paths(),
                add: Distribution::Exponential {
                    mean: SimDuration::from_millis(1 + below(&mut self.rng, 2_000)),
                },
            },
            ChaosKind::Loss => FaultKind::Loss {
                paths: self.paths(),
                share: (1 + below(&mut self.rng, 100)) as f64 / 100.0,
            },
            ChaosKind::ClockSkew => FaultKind::Degraded(Degradation::ClockSkew {
                member,
                skew: Skew {
                    is_ahead: self.coin(),
                    offset: SimDuration::from_millis(1 + below(&mut self.rng, 5_000)),
                    drift: 0.0,
                },
            }),
            ChaosKind::LoadSurge => FaultKind::Degraded(Degradation::LoadSurge {
                region: self.coin().then_some(region),
                factor: (2 + below(&mut self.rng, 9)) as f64,
            }),
            ChaosKind::SlowHost => FaultKind::Degraded(Degradation::SlowHost {
                member,
                factor: (2 + below(&mut self.rng, 49)) as f64,
            }),
            ChaosKind::SlowDisk => FaultKind::Degraded(Degradation::SlowDisk {
                member,
                factor: (2 + below(&mut self.rng, 199)) as f64,
            }),
            ChaosKind::HealthEndpointDown => {
                FaultKind::Degraded(Degradation::HealthEndpointDown { member, mode })
            }
        }
    }

    /// What has one cause strikes several things at once: everything in a zone, everything in a region, or the control
    /// plane of a region while its data path goes on.
    fn correlated(&mut self, at: SimDuration, plan: &mut Vec<FaultSpec>) {
        let member = MemberId(below(&mut self.rng, u64::from(self.place.members)) as u8);
        let region = RegionId::from_index(member.index());
        let everything = Takes {
            database: true,
            app_servers: true,
            checkers: true,
            proxies: true,
            // Drawn plans are what they were before there was this.
            coordinator: false,
        };
        let (mode, disks, in_flight) = (self.mode(), self.disks(), InFlight::Lost);
        let lasts = self.length(ChaosKind::RegionOutage, at);
        match below(&mut self.rng, 3) {
            0 if self.place.zones > 1 => {
                let outage = FaultKind::ZoneOutage {
                    region,
                    zone: below(&mut self.rng, u64::from(self.place.zones)) as u16,
                    mode,
                    disks,
                    takes: everything,
                    in_flight,
                };
                plan.push(spec(outage, at, lasts, None));
            }
            0 | 1 => {
                let outage = FaultKind::RegionOutage {
                    region,
                    mode,
                    disks,
                    takes: everything,
                    in_flight,
                };
                plan.push(spec(outage, at, lasts, None));
            }
            _ => {
                let checks = PathSelector {
                    from: Vec::new(),
                    to: vec![region],
                    zone: None,
                    both_ways: true,
                    scope: TrafficScope::Checks,
                };
                let cut = FaultKind::Partition {
                    paths: checks,
                    mode,
                    in_flight,
                };
                let silent = Degradation::HealthEndpointDown { member, mode };
                plan.push(spec(cut, at, lasts, None));
                plan.push(spec(FaultKind::Degraded(silent), at, lasts, None));
            }
        }
    }

    fn part(&mut self) -> Part {
        let place = *self.place;
        let choice = below(&mut self.rng, 4);
        let node = below(&mut self.rng, u64::from(place.nodes)) as u8;
        let shard = below(&mut self.rng, u64::from(place.shards)) as u16;
        if place.nodes < 2 {
            return Part::Whole;
        }
        match choice {
            0 => Part::Whole,
            1 => Part::Node(node),
            2 => Part::Primary { shard },
            _ => Part::Replicas { shard },
        }
    }

    fn paths(&mut self) -> PathSelector {
        if self.place.zones > 1 && (self.place.members == 1 || below(&mut self.rng, 3) == 0) {
            return self.zone_paths();
        }
        let members = u64::from(self.place.members);
        let from = below(&mut self.rng, members);
        let mut to = below(&mut self.rng, members);
        let scope = match below(&mut self.rng, 4) {
            0 => TrafficScope::All,
            1 => TrafficScope::Replication,
            2 => TrafficScope::Clients,
            _ => TrafficScope::Checks,
        };
        // Between members there is no path of a region to itself.
        if scope == TrafficScope::Replication && from == to {
            to = (to + 1) % members;
        }
        let from = RegionId::from_index(from as usize);
        // What is cut off from everybody is the other half of what happens to paths.
        let is_alone = below(&mut self.rng, 3) == 0;
        PathSelector {
            from: vec![from],
            to: if is_alone {
                Vec::new()
            } else {
                vec![RegionId::from_index(to as usize)]
            },
            zone: None,
            both_ways: self.coin(),
            scope,
        }
    }

    /// The paths between a zone and the others of its region.
    fn zone_paths(&mut self) -> PathSelector {
        let region =
            RegionId::from_index(below(&mut self.rng, u64::from(self.place.members)) as usize);
        PathSelector {
            from: vec![region],
            to: vec![region],
            zone: Some(below(&mut self.rng, u64::from(self.place.zones)) as u16),
            both_ways: self.coin(),
            scope: TrafficScope::All,
        }
    }

    fn takes(&mut self) -> Takes {
        Takes {
            database: true,
            app_servers: self.coin(),
            checkers: self.coin(),
            proxies: self.coin(),
            coordinator: false,
        }
    }

    fn coin(&mut self) -> bool {
        below(&mut self.rng, 2) == 0
    }

    fn disks(&mut self) -> Disks {
        if below(&mut self.rng, 3) == 0 {
            Disks::Lost
        } else {
            Disks::Kept
        }
    }

    fn in_flight(&mut self) -> InFlight {
        if self.coin() {
            InFlight::Lost
        } else {
            InFlight::Delivered
        }
    }

    fn mode(&mut self) -> Silence {
        if self.coin() {
            Silence::Silent
        } else {
            Silence::Refusing
        }
    }
}

fn spec(
    kind: FaultKind,
    at: SimDuration,
    lasts: SimDuration,
    flapping: Option<Flapping>,
) -> FaultSpec {
    FaultSpec {
        kind,
        at: Distribution::Constant(at),
        lasts: Some(Distribution::Constant(lasts)),
        flapping,
    }
}

/// A moment as people write it.
fn whole_millis(span: SimDuration) -> SimDuration {
    SimDuration::from_millis(span.as_nanos() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: ChaosPlace = ChaosPlace {
        members: 3,
        zones: 3,
        nodes: 2,
        shards: 2,
        has_disks: true,
        begins: SimDuration::from_secs(5),
        ends: SimDuration::from_secs(65),
    };

    #[test]
    fn plans_stay_within_the_storm_and_their_bounds() {
        let chaos = ChaosConfig::for_search(SimDuration::from_secs(60));
        let mut words = std::collections::BTreeSet::new();
        for seed in 0..2_000 {
            let plan = chaos.draw(Seed::new(seed), &PLACE);
            assert!((1..=6).contains(&plan.len()));
            for fault in &plan {
                let (at, lasts) = (fault.at.quantile(0.5), fault.lasts.as_ref().unwrap());
                assert!(at >= PLACE.begins && at <= PLACE.ends);
                assert!(at + lasts.quantile(0.5) <= PLACE.ends + SimDuration::from_millis(1));
                words.insert(fault.kind.word());
            }
        }
        for kind in ChaosKind::ALL {
            assert!(words.contains(kind.word()), "{kind:?} never came");
        }
    }

    #[test]
    fn a_swarm_leaves_kinds_out_and_the_rest_does_not() {
        let mut chaos = ChaosConfig::for_search(SimDuration::from_secs(60));
        chaos.correlated = 0.0;
        let alone = |chaos: &ChaosConfig| {
            let is_alone = |seed| {
                let plan = chaos.draw(Seed::new(seed), &PLACE);
                plan.len() > 2
                    && plan
                        .iter()
                        .all(|fault| fault.kind.word() == plan[0].kind.word())
            };
            (0..2_000).filter(|&seed| is_alone(seed)).count()
        };
        let in_swarm = alone(&chaos);
        chaos.swarm = false;
        assert!(in_swarm > 10 * alone(&chaos).max(1), "{in_swarm}");
    }

    #[test]
    fn what_has_no_weight_never_happens() {
        let mut chaos = ChaosConfig::for_search(SimDuration::from_secs(60));
        chaos.correlated = 0.0;
        chaos.mix = vec![(ChaosKind::Hang, 1.0), (ChaosKind::Loss, 0.0)];
        for seed in 0..200 {
            let plan = chaos.draw(Seed::new(seed), &PLACE);
            assert!(plan.iter().all(|fault| fault.kind.word() == "hang"));
        }
    }
}
