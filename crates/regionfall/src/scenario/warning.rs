//! What is right in a scenario and will disappoint all the same.

use core::fmt;

use regionfall_kernel::{Distribution, SimDuration};

use super::model::{Scenario, Settings, Statistic};
use super::resolved::ResolvedScenario;
use crate::failover::{
    Catalogue, Detector, Evidence, Failback, Propagation, ResolverClass, StrategyConfig, Vantage,
};
use crate::fault::{Degradation, FaultKind};

/// Something that will disappoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// The key that it is about.
    pub key: String,
    /// What will disappoint and what to do, without a full stop.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning: {}: {}", self.key, self.message)
    }
}

/// The warnings of a scenario.
pub(crate) fn of(scenario: &Scenario, _resolved: &ResolvedScenario) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for variant in &scenario.variants {
        let settings = &variant.settings;
        for strategy in &settings.strategies {
            phases(settings, strategy, &mut warnings);
            tails(strategy, &mut warnings);
        }
        seeds(scenario.seeds, settings, &mut warnings);
        restarts(settings, &mut warnings);
        without_effect(settings, &mut warnings);
        cut_short(settings, &mut warnings);
        budget(settings, &mut warnings);
    }
    let mut seen: Vec<Warning> = Vec::new();
    warnings.retain(|warning| {
        let is_new = !seen.contains(warning);
        if is_new {
            seen.push(warning.clone());
        }
        is_new
    });
    warnings
}

/// The longest time from a fault to the last honest client's move, as the parameters predict it.
fn worst_switch(strategy: &StrategyConfig) -> Option<SimDuration> {
    let detection = worst_detection(strategy)?;
    Some(match &strategy.propagation {
        Propagation::Dns {
            ttl,
            publish_delay,
            lookup,
            resolvers,
            ..
        } => {
            let local = resolvers.iter().map(|resolver| match resolver.class {
                ResolverClass::LocalCache(keeps) => keeps,
                _ => SimDuration::ZERO,
            });
            let local = local.max().unwrap_or_default();
            detection + *publish_delay + *ttl + local + *lookup
        }
        Propagation::Upstream(upstream) => {
            let is_told = matches!(strategy.vantage, Vantage::Checkers { .. });
            let told = if is_told {
                upstream.publish_delay
            } else {
                SimDuration::ZERO
            };
            detection + told
        }
        Propagation::Pointer { .. } | Propagation::None => detection,
    })
}

/// The longest time from a silent fault to the verdict, by the active probes.
fn worst_detection(strategy: &StrategyConfig) -> Option<SimDuration> {
    if matches!(strategy.vantage, Vantage::None) {
        return None;
    }
    let known = strategy
        .preset
        .as_deref()
        .and_then(|name| Catalogue::embedded().get(name)?.detection.clone())
        .map(|detection| detection.silent);
    let computed = strategy.evidence.iter().filter_map(|piece| match piece {
        Evidence::Probe(probe, Detector::Consecutive { down, .. }) => {
            Some(probe.every * u64::from(*down) + probe.timeout)
        }
        Evidence::Probe(_, Detector::Silence(silence)) => Some(silence.limit),
        Evidence::Probe(probe, _) => Some(probe.every + probe.timeout),
        Evidence::Heartbeat(beats) => Some(beats.silence + beats.every),
        Evidence::Passive(_) | Evidence::PassiveTimeouts(_) => None,
    });
    computed.min().or(known)
}

fn phases(settings: &Settings, strategy: &StrategyConfig, warnings: &mut Vec<Warning>) {
    let has_faults = settings.cases.iter().any(|case| !case.faults.is_empty());
    if !has_faults {
        return;
    }
    let name = &strategy.name;
    if let Some(worst) = worst_switch(strategy).filter(|worst| *worst > settings.phases.storm) {
        warnings.push(Warning {
            key: "phases.storm".to_owned(),
            message: format!(
                "a storm of {} is shorter than the worst case of `{name}`, {worst} to detect and switch: lengthen it",
                settings.phases.storm
            ),
        });
    }
    let back = match &strategy.failback {
        Failback::Never => None,
        Failback::Automatic { after } => Some(*after),
        Failback::Tick { every, .. } => Some(*every),
        Failback::Manual { takes } => Some(takes.quantile(0.99)),
    };
    if let Some(back) = back.filter(|back| *back > settings.phases.calm) {
        warnings.push(Warning {
            key: "phases.calm".to_owned(),
            message: format!(
                "a calm of {} is shorter than the failback of `{name}`, up to {back} after the heal: lengthen it",
                settings.phases.calm
            ),
        });
    }
}

/// Tails that rest on assumptions.
fn tails(strategy: &StrategyConfig, warnings: &mut Vec<Warning>) {
    let Propagation::Dns { resolvers, .. } = &strategy.propagation else {
        return;
    };
    let slow: f64 = resolvers
        .iter()
        .filter(|resolver| {
            matches!(
                resolver.class,
                ResolverClass::Extending(_) | ResolverClass::Forever
            )
        })
        .map(|resolver| resolver.share)
        .sum();
    if slow > 0.0 {
        warnings.push(Warning {
            key: format!("strategy.{}.propagation.resolvers", super::read::path::slug(&strategy.name)),
            message: format!(
                "the slowest clients of `{}` follow from an assumed mix of resolvers ({:.1} % that stretch the TTL or never ask again): vary it before you sign a 95th percentile or a maximum",
                strategy.name,
                slow * 100.0
            ),
        });
    }
}

/// Fewer seeds than an objective needs to be met even if every run meets it.
fn seeds(seeds: u32, settings: &Settings, warnings: &mut Vec<Warning>) {
    for case in &settings.cases {
        for objective in &case.objectives {
            let Statistic::Quantile(order) = objective.statistic else {
                continue;
            };
            let tail = order.max(1.0 - order);
            // All of n runs within the bound prove the quantile only if tail^n <= 1 - confidence.
            let needed = libm::ceil(libm::log(1.0 - objective.confidence) / libm::log(tail));
            if f64::from(seeds) < needed {
                warnings.push(Warning {
                    key: "seeds".to_owned(),
                    message: format!(
                        "{seeds} seeds are too few to prove the {:.4}th percentile of `{}` with {} confidence: it takes {needed}",
                        tail * 100.0,
                        objective.column,
                        objective.confidence
                    )
                    .replace(".0000th", "th"),
                });
            }
        }
    }
}

/// Request, reply, effects and the timers between: what a request comes to where nothing fails.
const EVENTS_OF_A_REQUEST: f64 = 6.0;

/// A workload that `event_budget` will not suffice for.
fn budget(settings: &Settings, warnings: &mut Vec<Warning>) {
    let fleets = settings.workload.fleets.iter();
    let per_second: f64 = fleets.map(|fleet| fleet.arrivals.per_second()).sum();
    let requests = per_second * settings.phases.traffic().as_secs_f64();
    let events = requests * EVENTS_OF_A_REQUEST;
    if events > settings.event_budget as f64 {
        warnings.push(Warning {
            key: "event_budget".to_owned(),
            message: format!(
                "{requests:.0} requests a run come to about {events:.0} events, and it ends after {}: lower `rate`, shorten the phases, or raise it and have time and memory for it",
                settings.event_budget
            ),
        });
    }
}

/// Faults that end with the storm in every run, long before what is written.
fn cut_short(settings: &Settings, warnings: &mut Vec<Warning>) {
    let storm_ends = settings.phases.warm_up + settings.phases.storm;
    for case in &settings.cases {
        for (index, fault) in case.faults.iter().enumerate() {
            let Some(lasts) = fault.lasts.as_ref().map(Distribution::minimum) else {
                continue;
            };
            let begins = fault.at.minimum();
            if begins + lasts > storm_ends {
                let most = storm_ends.saturating_sub(begins);
                warnings.push(Warning {
                    key: "fault".to_owned(),
                    message: format!(
                        "fault {} of `{}` ({}) lasts {lasts} and ends with the storm after at most {most}: lengthen `phases.storm`, or write `lasts = \"forever\"` for what does not heal by itself",
                        index + 1,
                        case.name,
                        fault.kind.word()
                    ),
                });
            }
        }
    }
}

/// Faults that cannot act in a database without capacity or memory limits.
fn without_effect(settings: &Settings, warnings: &mut Vec<Warning>) {
    let mut warn = |message: &str| {
        warnings.push(Warning {
            key: "fault".to_owned(),
            message: message.to_owned(),
        });
    };
    for fault in settings.cases.iter().flat_map(|case| &case.faults) {
        match &fault.kind {
            FaultKind::Degraded(Degradation::SlowHost { .. })
                if settings.database.capacity.is_none() =>
            {
                warn("a slow host does nothing where work takes no time: add [database.capacity]");
            }
            FaultKind::Membership(change)
                if change.when.is_some() && settings.database.memory.is_none() =>
            {
                warn(
                    "a condition on memory never holds where it has no limit: add [database.memory]",
                );
            }
            _ => {}
        }
    }
}

/// Recovery from a crash rests on the time that a restart takes.
fn restarts(settings: &Settings, warnings: &mut Vec<Warning>) {
    let is_restart = |kind: &FaultKind| {
        matches!(
            kind,
            FaultKind::ProcessCrash { .. } | FaultKind::HostCrash { .. }
        ) || matches!(kind, FaultKind::RegionOutage { takes, .. } if takes.database)
    };
    let crashes = settings
        .cases
        .iter()
        .flat_map(|case| &case.faults)
        .any(|fault| is_restart(&fault.kind));
    if crashes {
        warnings.push(Warning {
            key: "database.sync.restart".to_owned(),
            message: format!(
                "how long a restart takes ({}) is an assumption unless you measured it: it decides when clients that wait for the region are served again",
                settings.database.sync.restart
            ),
        });
    }
}
