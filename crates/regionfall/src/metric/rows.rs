//! The further tables of a run: a row for each incident, and one for each exposed app server.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::Account;
use crate::topology::{FleetId, ServerId};

use super::incident::{Incident, RecoveredBy};
use super::quantile::nearest_rank;
use super::value::Value;

/// Columns of the table of incidents, after those that name the run.
pub const INCIDENT_COLUMNS: &[&str] = &[
    "incident",
    "faults",
    "begins_ms",
    "ends_ms",
    "exposed",
    "affected",
    "censored",
    "collateral",
    "fallen",
    "rto_p50_ms",
    "rto_p95_ms",
    "rto_p99_ms",
    "rto_max_ms",
    "service_rto_ms",
    "writes_lost",
    "rpo_observed_ms",
    "rpo_at_resumption_ms",
    "recovered_by_switch",
    "recovered_by_retry",
    "recovered_by_heal",
    "recovered_by_none",
    "detect_mean_ms",
    "publish_mean_ms",
    "adopt_mean_ms",
    "reconnect_mean_ms",
    "first_success_mean_ms",
];

/// An exposed app server in an incident: what curves of RTO are drawn from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EpisodeRow {
    /// Its fleet.
    pub fleet: FleetId,
    /// Which.
    pub server: ServerId,
    /// The number of the incident, in order of beginning.
    pub incident: usize,
    /// Its RTO; a true 0 if it was served all along, `None` if it is censored.
    pub rto: Option<SimDuration>,
    /// If it is censored: from the incident's beginning to the horizon, which the RTO exceeds.
    pub censored_after: SimDuration,
    /// How it was served again; `None` if it was served all along.
    pub recovered_by: Option<RecoveredBy>,
}

pub(super) fn episode_rows(account: &Account, incidents: &[Incident]) -> Vec<EpisodeRow> {
    let rows = incidents.iter().enumerate().flat_map(|(index, incident)| {
        incident.servers.iter().map(move |outcome| EpisodeRow {
            fleet: account.shape.servers[outcome.server.index()].fleet,
            server: outcome.server,
            incident: index,
            rto: outcome.rto,
            censored_after: account.shape.calm_ends.saturating_since(incident.begins),
            recovered_by: outcome.recovered_by,
        })
    });
    rows.collect()
}

/// The row of an incident, in the order of [`INCIDENT_COLUMNS`].
pub(super) fn incident_row(index: usize, incident: &Incident) -> Vec<Value> {
    let faults: Vec<String> = incident
        .faults
        .iter()
        .map(|fault| fault.0.to_string())
        .collect();
    let count = |number: usize| Value::Count(number as u64);
    let affected = incident.affected().count();
    let mut row = vec![
        count(index),
        Value::Text(faults.join("+").into()),
        moment(incident.begins),
        moment(incident.ends),
        count(incident.servers.len()),
        count(affected),
        Value::Count(incident.censored()),
        Value::Count(incident.collateral),
        Value::Count(incident.fallen),
    ];
    let rtos = sorted_rtos(incident.servers.iter().map(|outcome| outcome.rto));
    row.extend([0.5, 0.95, 0.99, 1.0].map(|order| quantile(&rtos, order)));
    row.push(Value::maybe_millis(incident.service_rto));
    row.push(Value::Count(incident.recovery_point.lost));
    row.push(Value::millis(incident.recovery_point.observed));
    row.push(Value::millis(incident.recovery_point.at_resumption));
    for way in RecoveredBy::ALL {
        let such = incident
            .affected()
            .filter(|outcome| outcome.recovered_by == Some(way))
            .count();
        row.push(Value::maybe(
            (affected > 0).then(|| such as f64 / affected as f64),
        ));
    }
    let switched: Vec<_> = incident
        .servers
        .iter()
        .filter_map(|outcome| outcome.milestones)
        .collect();
    for part in 0..5 {
        let sum: SimDuration = switched
            .iter()
            .fold(SimDuration::ZERO, |sum, parts| sum + parts.parts()[part]);
        row.push(Value::maybe(
            (!switched.is_empty()).then(|| sum.as_millis_f64() / switched.len() as f64),
        ));
    }
    row
}

fn moment(at: SimTime) -> Value {
    if at == SimTime::NEVER {
        Value::Missing
    } else {
        Value::millis(at.since_start())
    }
}

/// Spans in order, those without an end last.
pub(super) fn sorted_rtos(rtos: impl Iterator<Item = Option<SimDuration>>) -> Vec<SimDuration> {
    let mut sorted: Vec<SimDuration> = rtos
        .map(|rto| rto.unwrap_or(SimDuration::FOREVER))
        .collect();
    sorted.sort_unstable();
    sorted
}

/// A quantile of spans; missing if it falls on one without an end, or if there are none.
pub(super) fn quantile(sorted: &[SimDuration], order: f64) -> Value {
    match nearest_rank(sorted, order) {
        Some(&span) if span != SimDuration::FOREVER => Value::millis(span),
        _ => Value::Missing,
    }
}
