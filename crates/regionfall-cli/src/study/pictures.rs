//! Distributions over all seeds: recovery times of app servers, and both measures of the recovery
//! point.

use std::collections::BTreeMap;

use regionfall::explore::statistics::bootstrap::Bootstrap;
use regionfall::explore::statistics::kaplan_meier::{KaplanMeier, Observation};
use regionfall::explore::statistics::{Sample, ecdf};
use regionfall::explore::{CellRuns, Results};
use regionfall_report::plot::{Axis, Cdf, CdfSeries, CdfStep, SmallMultiples, Spread};

use super::{Picture, words};

/// The most steps that a line has: more cannot be told apart.
const STEPS_MAX: usize = 400;
/// How often seeds are drawn anew for a band.
const RESAMPLES: usize = 500;
/// The key of the resampling.
const KEY: u64 = 3;

/// The pictures over all seeds.
pub(super) fn overview(results: &Results<'_>) -> Vec<Picture> {
    let scenario = results.scenario();
    let variants = words::slugs(
        scenario
            .variants
            .iter()
            .map(|variant| variant.name.as_str()),
    );
    let mut by_variant: BTreeMap<usize, Vec<Vec<CellRuns<'_>>>> = BTreeMap::new();
    for block in results.blocks() {
        if let Some(first) = block.first() {
            by_variant
                .entry(first.cell.variant)
                .or_default()
                .push(block);
        }
    }
    let several = by_variant.len() > 1;
    let mut pictures = Vec::new();
    for (variant, blocks) in &by_variant {
        let suffix = if several {
            format!("-{}", variants[*variant])
        } else {
            String::new()
        };
        let title = if several {
            format!("{}, {}", scenario.title, scenario.variants[*variant].name)
        } else {
            scenario.title.clone()
        };
        pictures.push(Picture {
            name: format!("rto-cdf{suffix}.svg"),
            caption: format!(
                "Recovery times of exposed app servers over {} seeds, estimated by simulation. Each \
                 steep stretch is one way of being served again. At 0 are app servers that were served \
                 all along; a line that stays below 100 % has app servers that were not served again \
                 before the run ended.",
                results.seeds().len()
            ),
            svg: recovery_times(&title, blocks),
        });
        pictures.push(Picture {
            name: format!("rpo-cdf{suffix}.svg"),
            caption: format!(
                "What is lost for good (observed), and what is missing at the moment in which clients \
                 resume, for good or until it arrives late (at resumption): distribution over {} seeds, \
                 estimated by simulation.",
                results.seeds().len()
            ),
            svg: recovery_points(&title, blocks),
        });
    }
    pictures
}

fn recovery_times(title: &str, blocks: &[Vec<CellRuns<'_>>]) -> String {
    let longest = blocks
        .iter()
        .flatten()
        .flat_map(|cell| cell.runs)
        .flat_map(|run| &run.episodes)
        .map(|episode| episode.censored_after.as_secs_f64())
        .fold(0.0, f64::max);
    let never = format!(
        "not within {} s after the incident began",
        words::number(longest)
    );
    let panel = |block: &Vec<CellRuns<'_>>| {
        let cdf = Cdf {
            title: String::new(),
            x: Axis {
                spread: Spread::Logarithmic,
                ..Axis::new("Time from the incident to recovery of writes", "s")
            },
            of: "Share of exposed app servers".to_owned(),
            series: block
                .iter()
                .map(|cell| CdfSeries {
                    name: cell.strategy.name.clone(),
                    steps: server_steps(cell),
                    count: cell.runs.iter().map(|run| run.episodes.len()).sum(),
                })
                .collect(),
            band: Some("95 % intervals of the share at each time, over seeds".to_owned()),
            never: Some(never.clone()),
            nothing: "no app server was exposed: no incident touched a home, or a way to it"
                .to_owned(),
        };
        (heading(block), cdf)
    };
    multiples(
        &format!("{title}: recovery time (RTO)"),
        blocks.iter().map(panel).collect(),
    )
}

fn recovery_points(title: &str, blocks: &[Vec<CellRuns<'_>>]) -> String {
    let measures = [
        ("rpo_observed_ms", "observed"),
        ("rpo_at_resumption_ms", "at resumption"),
    ];
    let panels = blocks.iter().flat_map(|block| {
        measures.map(|(column, name)| {
            let series = block.iter().map(|cell| CdfSeries {
                name: cell.strategy.name.clone(),
                steps: seed_steps(cell, column),
                count: Sample::new(&cell.column(column)).map_or(0, |sample| sample.count()),
            });
            let cdf = Cdf {
                title: String::new(),
                x: Axis::new("Recovery point: age of the oldest write concerned", "ms"),
                of: "Share of seeds".to_owned(),
                series: series.collect(),
                band: Some("95 % band for each whole line".to_owned()),
                never: None,
                nothing: "no seed has a value".to_owned(),
            };
            (format!("{}, {name}", heading(block)), cdf)
        })
    });
    multiples(&format!("{title}: recovery point (RPO)"), panels.collect())
}

/// Panels side by side; one alone needs no heading of its own.
fn multiples(title: &str, panels: Vec<(String, Cdf)>) -> String {
    match SmallMultiples::cdfs(title, panels.clone()) {
        Ok(multiples) => multiples.svg(),
        // Strategies of one variant are the same in all its cases, so this does not happen; the first
        // panel alone would still be true.
        Err(_) => panels
            .into_iter()
            .next()
            .map_or_else(String::new, |(_, panel)| panel.svg()),
    }
}

fn heading(block: &[CellRuns<'_>]) -> String {
    block
        .first()
        .map_or_else(String::new, |cell| cell.case.name.clone())
}

/// The distribution of a column over seeds.
fn seed_steps(cell: &CellRuns<'_>, column: &str) -> Vec<CdfStep> {
    let Ok(sample) = Sample::new(&cell.column(column)) else {
        return Vec::new();
    };
    let steps = ecdf::steps(&sample, regionfall::explore::statistics::Level::P95);
    let steps = steps.into_iter().map(|step| CdfStep {
        value: step.value,
        share: step.share,
        band: Some((step.band.low, step.band.high)),
    });
    steps.collect()
}

/// The distribution of recovery times of app servers, those that were cut off included by the
/// product-limit estimator. The band resamples seeds, since app servers of one run share its weather.
fn server_steps(cell: &CellRuns<'_>) -> Vec<CdfStep> {
    let by_seed: Vec<Vec<Observation>> = cell
        .runs
        .iter()
        .map(|run| {
            let observed = run.episodes.iter().map(|episode| match episode.rto {
                Some(rto) => Observation::event(rto.as_secs_f64()),
                None => Observation::censored(episode.censored_after.as_secs_f64()),
            });
            observed.collect()
        })
        .collect();
    let estimate = KaplanMeier::new(&by_seed.concat());
    let mut steps: Vec<(f64, f64)> = estimate
        .steps()
        .iter()
        .map(|step| (step.time, 1.0 - step.survival))
        .collect();
    if steps.len() > STEPS_MAX {
        // The first and the last stay: what is left out lies between two that stay.
        let last = steps.len() - 1;
        steps = (0..STEPS_MAX)
            .map(|index| steps[index * last / (STEPS_MAX - 1)])
            .collect();
    }
    let times: Vec<f64> = steps.iter().map(|step| step.0).collect();
    let bands = bands(&by_seed, &times);
    let steps = steps
        .into_iter()
        .zip(bands)
        .map(|((value, share), band)| CdfStep {
            value,
            share,
            band: band.map(|(low, high)| (low.min(share), high.max(share))),
        });
    steps.collect()
}

/// At each time the limits of the share that is served again, over seeds drawn anew.
fn bands(by_seed: &[Vec<Observation>], times: &[f64]) -> Vec<Option<(f64, f64)>> {
    if by_seed.len() < 2 {
        return vec![None; times.len()];
    }
    // Per seed: how many app servers there are, and how many are back by each time.
    let count = |seed: &Vec<Observation>| {
        let mut back: Vec<f64> = seed
            .iter()
            .filter(|observed| {
                observed.end == regionfall::explore::statistics::kaplan_meier::End::Event
            })
            .map(|observed| observed.time)
            .collect();
        back.sort_unstable_by(f64::total_cmp);
        let by_time = times
            .iter()
            .map(|time| back.partition_point(|value| value <= time) as f64);
        (seed.len() as f64, by_time.collect::<Vec<f64>>())
    };
    let counts: Vec<(f64, Vec<f64>)> = by_seed.iter().map(count).collect();
    let settings = Bootstrap {
        resamples: RESAMPLES,
        method: regionfall::explore::statistics::bootstrap::Method::Percentile,
        ..Bootstrap::standard(KEY)
    };
    let limits = (0..times.len()).map(|index| {
        let share = |drawn: &[usize]| {
            let (mut servers, mut back) = (0.0, 0.0);
            for &seed in drawn {
                servers += counts[seed].0;
                back += counts[seed].1[index];
            }
            if servers > 0.0 { back / servers } else { 0.0 }
        };
        settings
            .interval(counts.len(), share)
            .map(|limits| (limits.low, limits.high))
    });
    limits.collect()
}
