//! When the exposed population as a whole was served again.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, Requests};

use super::incident::ServerOutcome;

/// From the beginning of the incident to the start of the first window whose requests, by their issue,
/// meet the recovery criterion; `None` if there is none before the horizon, or nobody was exposed.
///
/// Windows begin on steps of a tenth of their length; the first is the one that holds the incident's
/// beginning, so that a population which was served all along has a true 0. The 99th percentile is the
/// nearest rank over the requests that succeeded in time. Whoever shares a fleet shares region and homes,
/// and so exposure: fleets are summed.
pub(super) fn service_rto(
    account: &Account,
    begins: SimTime,
    servers: &[ServerOutcome],
) -> Option<SimDuration> {
    let mut fleets: Vec<usize> = servers
        .iter()
        .map(|outcome| account.shape.servers[outcome.server.index()].fleet.index())
        .collect();
    fleets.dedup();
    if fleets.is_empty() {
        return None;
    }
    let criterion = &account.shape.recovered;
    let step = account.step.as_nanos();
    let steps = (criterion.window.as_nanos() / step).max(1);
    let horizon = account.shape.calm_ends.as_nanos() / step;
    let at = |index: u64| {
        let mut sum = Requests::default();
        for &fleet in &fleets {
            if let Some(requests) = account.timeline[fleet].get(index as usize) {
                sum.issued += requests.issued;
                sum.in_time += requests.in_time;
                sum.slow += requests.slow;
            }
        }
        sum
    };
    let first = begins.as_nanos() / step;
    let is_served = |start: u64| {
        let mut sum = Requests::default();
        for index in start..start + steps {
            let requests = at(index);
            sum.issued += requests.issued;
            sum.in_time += requests.in_time;
            sum.slow += requests.slow;
        }
        sum.issued >= criterion.min_requests
            && f64::from(sum.in_time) >= criterion.success * f64::from(sum.issued)
            && sum.slow <= sum.in_time / 100
    };
    (first..=horizon.saturating_sub(steps))
        .find(|&start| is_served(start))
        .map(|start| SimTime::from_nanos(start * step).saturating_since(begins))
}
