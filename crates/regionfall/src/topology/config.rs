//! Where things stand and how far apart they are.

use regionfall_kernel::{Distribution, SimDuration};

use super::RegionId;

/// The topology of a scenario: regions, and a directed link for every ordered pair.
#[derive(Clone, PartialEq, Debug)]
pub struct TopologyConfig {
    /// Regions that have a member come first, in the order of the scenario: member `i` is in region
    /// `i`. Regions with fleets or checkers only follow.
    pub regions: Vec<RegionConfig>,
    /// How many of `regions` have a member: 2 to 10.
    pub members: usize,
    /// `links[from][to]`, for `from != to`; the diagonal is unused.
    pub links: Vec<Vec<LinkConfig>>,
}

/// A region.
#[derive(Clone, PartialEq, Debug)]
pub struct RegionConfig {
    /// Its name, as in the RTT table or the scenario.
    pub name: String,
    /// Number of zones, at least 1. The member's host stands in the first.
    pub zones: u16,
    /// One-way delay between hosts of one zone.
    pub same_zone: LinkConfig,
    /// One-way delay between hosts of different zones.
    pub cross_zone: LinkConfig,
}

/// One direction of a path.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkConfig {
    /// One-way delay of a message.
    pub one_way: Distribution,
    /// Share of messages lost independently of each other, in 0..1.
    pub loss: f64,
    /// Bursts of loss.
    pub bursts: Option<LossBursts>,
    /// Bytes per second; `None` is no limit. Messages queue for it.
    pub bandwidth: Option<u64>,
    /// Slow wandering of the delay.
    pub drift: Option<Drift>,
}

/// Gilbert–Elliott bursts: the path is good or bad, for exponentially distributed times.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LossBursts {
    /// Mean time between bursts.
    pub every: SimDuration,
    /// Mean length of a burst.
    pub lasts: SimDuration,
    /// Share of messages lost in a burst, in 0..=1.
    pub loss: f64,
}

/// Slow wandering of a path's delay: a factor between `1 - amplitude` and `1 + amplitude`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drift {
    /// In 0..1.
    pub amplitude: f64,
    /// How fast it wanders: the distance of its support points.
    pub period: SimDuration,
}

impl TopologyConfig {
    /// The region with this name.
    pub fn region(&self, name: &str) -> Option<RegionId> {
        self.regions
            .iter()
            .position(|region| region.name == name)
            .map(RegionId::from_index)
    }
}
