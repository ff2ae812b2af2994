//! How long it takes to hold a member for down, against what the parameters of each preset say.
//!
//! A loop that begins a check every I, or I after the last ended, and needs n failures in a row with a time limit T: the
//! fault meets it at a uniform phase, so the first check that fails begins within I of it.

use regionfall::failover::{Catalogue, Detector, Evidence, Pace, ProbeConfig, Vantage};
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

use super::Heard;
use crate::small;

/// A member alone with a few requests; what decides needs no more.
fn watched(strategy: &str, kind: &str) -> String {
    format!(
        r#"
[phases]
warm_up = "200s"
storm = "300s"
calm = "10s"
quiescence = "10s"
[database.sync]
restart = "1s"
[[workload.fleet]]
name = "app"
region = "a"
servers = 1
rate = "1/s"
timeout = "500ms"
home = ["a", "b"]
[[strategy]]
name = "it"
{strategy}
[[fault]]
kind = "{kind}"
region = "a"
at = "uniform(200s, 260s)"
lasts = "forever"
"#
    )
}

/// From the fault to the verdict, for each seed; and the strategy's first probe with its threshold, and its checkers.
struct Measured {
    seconds: Vec<f64>,
    probe: ProbeConfig,
    needed: u32,
    /// Of a detector that counts silence: how long.
    silence: Option<f64>,
    /// How many checkers there are, and how many of them must find it down.
    quorum: Option<(u32, u32)>,
}

fn measure(strategy: &str, kind: &str, seeds: u64) -> Measured {
    let scenario = small::scenario(&watched(strategy, kind));
    let settings = &scenario.variants[0].settings.strategies[0];
    let of_member = settings.evidence.iter().find_map(|piece| match piece {
        Evidence::Probe(probe, detector) => Some((probe.clone(), detector.clone())),
        _ => None,
    });
    let of_node = settings.balancer.as_ref();
    let of_node = of_node.and_then(|balancer| balancer.evidence.first().cloned());
    let (probe, detector) = of_member.or(of_node).expect("it probes");
    let needed = match detector {
        Detector::Consecutive { down, .. } => down,
        _ => 1,
    };
    let silence = match &detector {
        Detector::Silence(silence) => Some(silence.limit.as_secs_f64()),
        _ => None,
    };
    let quorum = match settings.vantage {
        Vantage::Checkers {
            count,
            healthy_share_above,
            ..
        } => {
            let may_stay = (f64::from(count) * healthy_share_above).floor() as u32;
            Some((count, count - may_stay))
        }
        _ => None,
    };
    let seconds = (1..=seeds).map(|seed| {
        let mut heard = Heard::default();
        let outcome = Simulation::new(&scenario, Seed::new(seed))
            .strategy("it")
            .expect("it is there")
            .run_with(&mut heard)
            .expect("a strategy is named");
        let fault = outcome.account().faults[0].begins.as_nanos() as f64 / 1e9;
        let verdict = heard.verdict(fault, 0, false);
        let node = heard
            .targets
            .iter()
            .find(|&&(at, node, up)| at >= fault && node == 0 && !up);
        let verdict = verdict.or(node.map(|&(at, ..)| at));
        verdict.unwrap_or_else(|| panic!("{strategy}: seed {seed}: no verdict")) - fault
    });
    Measured {
        seconds: seconds.collect(),
        probe,
        needed,
        silence,
        quorum,
    }
}

/// Shortest, mean and longest, by the formulas, without reports; and how wide the phases are.
fn formula(measured: &Measured, is_silent: bool) -> ([f64; 3], f64) {
    let probe = &measured.probe;
    let every = probe.every.as_secs_f64();
    if let Some(silence) = measured.silence {
        // A refusal is final; silence counts from the last success, which came within the interval before.
        let times = if is_silent {
            [silence - every, silence - every / 2.0, silence]
        } else {
            [0.0, every / 2.0, every]
        };
        return (times, every);
    }
    let limit = if is_silent {
        probe.timeout.as_secs_f64() * f64::from(probe.refinement.retries + 1)
    } else {
        0.0
    };
    let more = f64::from(measured.needed - 1);
    let jitter = probe.refinement.jitter.as_secs_f64();
    let failing = probe.refinement.every_when_failing;
    let failing = failing.map_or(every, regionfall_kernel::SimDuration::as_secs_f64);
    let after = match probe.pace {
        Pace::FixedRate => limit,
        Pace::FixedDelay => (more + 1.0) * limit,
    };
    // Of several checkers the one that tips the scales is late: an order statistic of uniform phases.
    let share = match measured.quorum {
        Some((count, needed)) => f64::from(needed) / f64::from(count + 1),
        None => 0.5,
    };
    let times = [
        more * failing + after,
        more * (failing + jitter / 2.0) + share * (every + jitter / 2.0) + after,
        more * (failing + jitter) + every + jitter + after,
    ];
    (times, every + jitter)
}

fn holds(name: &str, strategy: &str, seeds: u64) {
    for (kind, is_silent) in [("host-crash", true), ("process-crash", false)] {
        let measured = measure(strategy, kind, seeds);
        let report = if measured.quorum.is_some() { 1.0 } else { 0.0 };
        let (times, width) = formula(&measured, is_silent);
        let [least, mean, most] = times.map(|time| time + report);
        let seconds = &measured.seconds;
        let shortest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        let average = seconds.iter().sum::<f64>() / seconds.len() as f64;
        let place = format!(
            "{name}, {kind}: {shortest:.2} {average:.2} {longest:.2} against {least:.2} {mean:.2} {most:.2}"
        );
        // Round trips of up to 120 ms, a time limit that ends just before an answer would.
        assert!(shortest >= least - 0.01, "{place}");
        assert!(longest <= most + 0.4, "{place}");
        // The mean of uniform phases over so many seeds: within 3.5 standard errors, and the round trip.
        let error = width / (12.0 * seconds.len() as f64).sqrt();
        assert!((average - mean).abs() <= 3.5 * error + 0.2, "{place}");
        // And the worst case is that of the catalogue, but for reports.
        let detection = Catalogue::embedded()
            .get(name)
            .and_then(|preset| preset.detection.clone());
        let detection = detection.expect("it detects");
        let known = if is_silent {
            detection.silent
        } else {
            detection.refusing
        };
        let told = known.as_secs_f64() + report;
        assert!(
            (told - most).abs() < 1e-9,
            "{place}: the catalogue has {told}"
        );
    }
}

#[test]
fn detection_times_of_traffic_managers_are_those_of_their_formulas() {
    for name in [
        "route53-standard",
        "route53-fast",
        "azure-traffic-manager",
        "azure-traffic-manager-fast",
        "gcp-dns-failover",
        "cloudflare-lb",
        "f5-gtm",
    ] {
        holds(name, &format!("preset = \"{name}\""), 40);
    }
}

#[test]
fn detection_times_of_balancers_are_those_of_their_formulas() {
    for name in [
        "aws-nlb",
        "aws-nlb-tuned",
        "azure-lb-standard",
        "aws-global-accelerator",
        "gcp-global-lb",
    ] {
        holds(name, &format!("preset = \"{name}\""), 40);
    }
}

#[test]
fn detection_times_of_proxies_are_those_of_their_formulas() {
    for name in ["haproxy-default", "haproxy-tuned", "envoy-active"] {
        // One of a pool alone: of several the first verdict is early.
        let alone = format!("preset = \"{name}\"\npropagation = {{ count = 1 }}");
        holds(name, &alone, 60);
    }
}
