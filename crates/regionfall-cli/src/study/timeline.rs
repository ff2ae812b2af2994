//! One seed of each variant, case and strategy from beginning to end: run again, since its books are
//! not kept.

use std::collections::BTreeMap;

use regionfall::explore::{Cell, CellRuns, Results};
use regionfall::history::Account;
use regionfall::scenario::Settings;
use regionfall::simulation::{Outcome, Simulation};
use regionfall::topology::ServerId;
use regionfall_kernel::{SimDuration, SimTime};
use regionfall_report::plot::{Fault, Lane, LostWrites, Phase, Span, SuccessSeries, Timeline};

use super::{Picture, words};
use crate::error::CommandError;
use crate::parallel;

/// The most pictures: a comparison of more cells shows its first variant.
const PICTURES_MAX: usize = 24;
/// The most windows of a line of success.
const WINDOWS_MAX: usize = 300;
/// The most lanes: of more app servers the first of each fleet stand for all.
const LANES_MAX: usize = 18;

/// The pictures of the first seed, by cell.
pub(super) fn of(
    results: &Results<'_>,
    jobs: usize,
) -> Result<BTreeMap<Cell, Picture>, CommandError> {
    let Some(&seed) = results.seeds().first() else {
        return Ok(BTreeMap::new());
    };
    let scenario = results.scenario();
    let is_small = results.cells().count() <= PICTURES_MAX;
    let variants = words::slugs(
        scenario
            .variants
            .iter()
            .map(|variant| variant.name.as_str()),
    );
    let chosen: Vec<CellRuns<'_>> = results
        .cells()
        .filter(|cell| is_small || cell.cell.variant == 0)
        .take(PICTURES_MAX)
        .collect();
    let draw = |cell: &CellRuns<'_>| -> Result<(Cell, Picture), CommandError> {
        let outcome = Simulation::new(scenario, seed)
            .variant(&cell.variant.name)?
            .case(&cell.case.name)?
            .strategy(&cell.strategy.name)?
            .run()?;
        let settings = &cell.variant.settings;
        let strategies = words::slugs(settings.strategies.iter().map(|it| it.name.as_str()));
        let cases = words::slugs(settings.cases.iter().map(|case| case.name.as_str()));
        let variant = if scenario.variants.len() > 1 {
            format!("{}-", variants[cell.cell.variant])
        } else {
            String::new()
        };
        let picture = Picture {
            name: format!(
                "timeline-{variant}{}-{}.svg",
                cases[cell.cell.case], strategies[cell.cell.strategy]
            ),
            caption: format!(
                "Seed {seed} under {}: phases and faults, the share of requests that succeeded in time, \
                 acknowledged writes that were lost, and the member that each app server used.",
                cell.strategy.name
            ),
            svg: picture(cell, &outcome).svg(),
        };
        Ok((cell.cell, picture))
    };
    let pictures = parallel::map(&chosen, jobs, || false, draw);
    pictures.into_iter().flatten().collect()
}

fn picture(cell: &CellRuns<'_>, outcome: &Outcome) -> Timeline {
    let settings = &cell.variant.settings;
    let account = outcome.account();
    let end = account.shape.calm_ends;
    Timeline {
        title: format!(
            "{}, {}, seed {}",
            cell.strategy.name,
            cell.case.name,
            outcome.label().seed
        ),
        window: (0.0, seconds(end)),
        phases: phases(account),
        faults: faults(outcome, settings, end),
        success: success(account),
        lost: lost(account),
        members: settings.topology.regions[..settings.topology.members]
            .iter()
            .map(|region| region.name.clone())
            .collect(),
        lanes: lanes(account, end),
        drawn: drawn(account),
    }
}

fn seconds(at: SimTime) -> f64 {
    at.since_start().as_secs_f64()
}

fn phases(account: &Account) -> Vec<Phase> {
    let shape = &account.shape;
    let turns = [
        SimTime::ZERO,
        shape.storm_begins,
        shape.calm_begins,
        shape.calm_ends,
    ];
    let named = ["warm-up", "storm", "calm"].iter().zip(turns.windows(2));
    named
        .map(|(name, turns)| Phase {
            name: (*name).to_owned(),
            start: seconds(turns[0]),
            end: seconds(turns[1]),
        })
        .collect()
}

fn faults(outcome: &Outcome, settings: &Settings, end: SimTime) -> Vec<Fault> {
    let faults = outcome.fault_effects().iter().map(|(fault, did)| {
        let mut label = words::fault(&fault.kind, settings);
        if !did.any() {
            label.push_str(" (touched nothing)");
        }
        Fault {
            label,
            start: seconds(fault.begins),
            end: (fault.ends < end).then(|| seconds(fault.ends)),
        }
    });
    faults.collect()
}

/// The share of requests in time by fleet, in windows that are no more than can be drawn.
fn success(account: &Account) -> Vec<SuccessSeries> {
    let steps = account.timeline.iter().map(Vec::len).max().unwrap_or(0);
    let of_window = steps.div_ceil(WINDOWS_MAX).max(1);
    let step = account.step.as_secs_f64();
    let named = account.shape.fleets.iter().zip(&account.timeline);
    let series = named.map(|(name, requests)| SuccessSeries {
        name: format!("requests of {name}"),
        windows: requests
            .chunks(of_window)
            .enumerate()
            .map(|(index, window)| {
                let issued: u64 = window.iter().map(|step| u64::from(step.issued)).sum();
                let in_time: u64 = window.iter().map(|step| u64::from(step.in_time)).sum();
                let share = (issued > 0).then(|| in_time as f64 / issued as f64);
                // A line goes through the middles, so that a fall is not drawn before its cause.
                let middle = (index * of_window) as f64 + window.len() as f64 / 2.0;
                (middle * step, share)
            })
            .collect(),
    });
    series.collect()
}

/// Lost writes by the second of their acknowledgement.
fn lost(account: &Account) -> Vec<LostWrites> {
    let mut by_second: BTreeMap<u64, u64> = BTreeMap::new();
    for write in &account.lost {
        let second = write.acked.since_start().as_nanos() / SimDuration::from_secs(1).as_nanos();
        *by_second.entry(second).or_default() += 1;
    }
    let lost = by_second.into_iter().map(|(second, count)| LostWrites {
        at: second as f64 + 0.5,
        count,
    });
    lost.collect()
}

/// How many lanes a fleet has at most.
fn lanes_of_fleet(account: &Account) -> usize {
    let shape = &account.shape;
    if shape.servers.len() <= LANES_MAX {
        usize::MAX
    } else {
        (LANES_MAX / shape.fleets.len().max(1)).max(1)
    }
}

/// Of which fleets only some app servers are drawn: `9 of 30 app servers of checkout`.
fn drawn(account: &Account) -> Option<String> {
    let shape = &account.shape;
    let servers = &shape.servers;
    let size = |fleet: usize| {
        let of_it = servers
            .iter()
            .filter(|server| server.fleet.index() == fleet);
        of_it.count()
    };
    let sizes: Vec<usize> = (0..shape.fleets.len()).map(size).collect();
    drawn_of(&shape.fleets, &sizes, lanes_of_fleet(account))
}

fn drawn_of(fleets: &[impl AsRef<str>], sizes: &[usize], at_most: usize) -> Option<String> {
    if sizes.iter().all(|size| *size <= at_most) {
        return None;
    }
    let of = fleets.iter().zip(sizes).map(|(name, &size)| {
        let name = name.as_ref();
        format!("{} of {size} app servers of {name}", size.min(at_most))
    });
    Some(of.collect::<Vec<_>>().join(", "))
}

/// Which member each app server used.
fn lanes(account: &Account, end: SimTime) -> Vec<Lane> {
    let shape = &account.shape;
    let of_fleet = lanes_of_fleet(account);
    let mut lanes = Vec::new();
    for (fleet, name) in shape.fleets.iter().enumerate() {
        let servers =
            (0..shape.servers.len()).filter(|&server| shape.servers[server].fleet.index() == fleet);
        lanes.extend(
            servers
                .take(of_fleet)
                .enumerate()
                .map(|(number, server)| Lane {
                    name: format!("{name} {}", number + 1),
                    spans: spans(account, ServerId::from_index(server), end),
                }),
        );
    }
    lanes
}

fn spans(account: &Account, server: ServerId, end: SimTime) -> Vec<Span> {
    let stopped = account
        .stopped
        .iter()
        .find(|(stopped, _)| *stopped == server);
    let end = stopped.map_or(end, |(_, at)| end.min(*at));
    let mut spans = Vec::new();
    let mut from = SimTime::ZERO;
    let mut member = account.shape.home_of(server.index());
    let moves = account
        .adoptions
        .iter()
        .filter(|adoption| adoption.server == server && adoption.at < end);
    for adoption in moves {
        spans.push(Span {
            start: seconds(from),
            end: seconds(adoption.at),
            member: member.index(),
        });
        (from, member) = (adoption.at, adoption.to);
    }
    spans.push(Span {
        start: seconds(from),
        end: seconds(end),
        member: member.index(),
    });
    spans.retain(|span| span.end > span.start);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_servers_without_a_lane_are_counted() {
        let drawn = |sizes: [usize; 2], at_most| drawn_of(&["shop", "b"], &sizes, at_most);
        assert_eq!(drawn([9, 3], 9), None);
        assert_eq!(
            drawn([30, 3], 9).as_deref(),
            Some("9 of 30 app servers of shop, 3 of 3 app servers of b")
        );
    }
}
