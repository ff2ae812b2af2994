//! Why a slow client was slow: its time as a sum of parts, each with the setting that makes it.

use regionfall_kernel::{SimDuration, SimTime};

use super::Names;
use crate::failover::{Detector, Evidence, Pace, ProbeConfig, Propagation, StrategyConfig};
use crate::metric::RecoveredBy;
use crate::simulation::Outcome;
use crate::topology::ServerId;

/// A part of the time in which a client was not served.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// What it was: `until the verdict`, …
    pub what: &'static str,
    /// How long.
    pub took: SimDuration,
    /// The settings that make it, if there are such: `3 probes, one every 5s`.
    pub because: Option<String>,
}

/// A client that was not served for a while.
#[derive(Clone, PartialEq, Debug)]
pub struct SlowClient {
    /// Which.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// When the incident began.
    pub since: SimTime,
    /// Until it was served again; `None` if it was not before the horizon.
    pub rto: Option<SimDuration>,
    /// How it was served again.
    pub recovered_by: RecoveredBy,
    /// The parts; they sum up to the whole. Empty if it was not served again by a switch.
    pub parts: Vec<Part>,
}

/// All slow clients, the slowest first.
pub(super) fn clients(
    outcome: &Outcome,
    strategy: Option<&StrategyConfig>,
    names: &Names,
) -> Vec<SlowClient> {
    let mut slow = Vec::new();
    for incident in outcome.metrics().incidents() {
        for server in incident.affected() {
            let Some(recovered_by) = server.recovered_by else {
                continue;
            };
            let because = strategy.map(reasons).unwrap_or_default();
            let parts = server.milestones.map(|milestones| {
                WHAT.iter()
                    .zip(milestones.parts())
                    .zip(because)
                    .map(|((what, took), because)| Part {
                        what,
                        took,
                        because,
                    })
                    .collect()
            });
            slow.push(SlowClient {
                server: server.server,
                name: names.server(server.server).to_owned(),
                since: incident.begins,
                rto: server.rto,
                recovered_by,
                parts: parts.unwrap_or_default(),
            });
        }
    }
    slow.sort_by_key(|client| core::cmp::Reverse(client.rto.unwrap_or(SimDuration::FOREVER)));
    slow
}

const WHAT: [&str; 5] = [
    "until the verdict",
    "until the answer was published",
    "until its first attempt elsewhere",
    "until it was connected",
    "until it was served again for good",
];

/// What must be seen before somebody acts.
fn evidence_in_words(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Probe(probe, detector) => probes_in_words(probe, detector),
        Evidence::Passive(Detector::WindowRate { window, .. }) => {
            format!("failed commands within {window}")
        }
        Evidence::PassiveTimeouts(Detector::WindowRate { window, .. }) => {
            format!("commands without an answer within {window}")
        }
        Evidence::Passive(_) => "failed commands".to_owned(),
        Evidence::PassiveTimeouts(_) => "commands without an answer".to_owned(),
        Evidence::Heartbeat(beats) => format!(
            "channels on which nothing came for {}, a message every {}",
            beats.silence, beats.every
        ),
    }
}

fn probes_in_words(probe: &ProbeConfig, detector: &Detector) -> String {
    let rounds = match detector {
        Detector::Consecutive { down, .. } => *down,
        Detector::Ejection(ejection) => ejection.failures,
        Detector::Silence(silence) => {
            return format!(
                "no probe answered for {}, one every {}",
                silence.limit, probe.every
            );
        }
        Detector::Accrual(accrual) => {
            return format!(
                "a gap of answers, to probes {} apart, that is longer than all but one in 10^{} of those before it",
                probe.every, accrual.threshold
            );
        }
        Detector::Round { .. } | Detector::WindowRate { .. } => 1,
    };
    let count = if rounds == 1 {
        "a probe".to_owned()
    } else {
        format!("{rounds} probes in a row")
    };
    let pace = match probe.pace {
        Pace::FixedDelay => "one every",
        Pace::FixedRate => "one each",
    };
    format!(
        "{count}, {pace} {}, each given up after {}",
        probe.every, probe.timeout
    )
}

/// By part: the settings that make it.
fn reasons(strategy: &StrategyConfig) -> [Option<String>; 5] {
    let detect = strategy.evidence.first().map(evidence_in_words);
    let (publish, adopt) = match &strategy.propagation {
        Propagation::Dns {
            ttl, publish_delay, ..
        } => (
            Some(format!("the name server takes {publish_delay}")),
            Some(format!("a TTL of {ttl}, and the commands under way")),
        ),
        Propagation::Upstream(upstream) => (
            Some(format!("proxies take {}", upstream.publish_delay)),
            None,
        ),
        Propagation::Pointer { .. } | Propagation::None => (None, None),
    };
    let client = &strategy.client;
    let connect = Some(format!("a connection may take {}", client.connect_timeout));
    // The part ends with the episode: with the first success after which nothing fails or is overdue for a while.
    let reply = Some(match client.timeout {
        Some(timeout) => format!(
            "a success with no failure behind it counts; a command fails after {timeout} without a reply"
        ),
        None => "a success with no failure behind it counts".to_owned(),
    });
    [detect, publish, adopt, connect, reply]
}
