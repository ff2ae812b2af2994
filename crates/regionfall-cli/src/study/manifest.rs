//! The manifest of a folder, and the file with date and host beside it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regionfall::explore::embedded_data;
use regionfall::simulation::MODEL_VERSION;
use regionfall_report::manifest::{FORM, Manifest, Seeds, TraceHashes, digest};
use serde_json::json;

use super::Files;

/// The lock file that the command was built with.
const LOCK: &[u8] = include_bytes!("../../../../Cargo.lock");
/// More trace hashes than this are kept as one digest.
const HASHES_MAX: usize = 2_000;

/// What a manifest is about, beside its files.
pub(crate) struct Making<'a> {
    /// The digest of the resolved scenario.
    pub(crate) scenario_digest: &'a str,
    /// The names of the variants, in order.
    pub(crate) variants: Vec<String>,
    /// The command, without the name of the program.
    pub(crate) arguments: &'a [String],
    /// The seeds.
    pub(crate) seeds: Vec<u64>,
    /// The seeds that were asked for, if they are more.
    pub(crate) partial_of: Option<u64>,
    /// Trace hashes by `variant/strategy/case/seed`.
    pub(crate) hashes: BTreeMap<String, String>,
    /// The names of the copies of data files, by path.
    pub(crate) inputs: BTreeMap<String, String>,
}

/// The manifest of these files.
pub(crate) fn of(making: Making<'_>, files: &Files) -> Manifest {
    let [model_version, crate_version, lock_digest, data_digest] = build_parts();
    Manifest {
        form: FORM.to_owned(),
        model_version,
        crate_version,
        scenario_digest: format!("sha256:{}", making.scenario_digest),
        data_digest,
        lock_digest,
        arguments: making.arguments.to_vec(),
        variants: making.variants,
        inputs: making.inputs,
        seeds: Seeds::new(&making.seeds),
        partial_of: making.partial_of,
        trace_hashes: TraceHashes::new(making.hashes, HASHES_MAX),
        files: files
            .iter()
            .map(|(name, bytes)| (name.clone(), digest(bytes)))
            .collect(),
    }
}

/// The digest of the data that comes with the model.
fn data_digest() -> String {
    let mut all = Vec::new();
    for (name, text) in embedded_data() {
        // Lengths keep the boundaries.
        all.extend_from_slice(format!("{name} {}\n", text.len()).as_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    digest(&all)
}

/// What tells builds of the command apart whose runs may differ: model version, crate version, digests
/// of the lock file and of the embedded data.
pub(crate) fn build_parts() -> [String; 4] {
    [
        MODEL_VERSION.to_string(),
        env!("CARGO_PKG_VERSION").to_owned(),
        digest(LOCK),
        data_digest(),
    ]
}

/// Date, host and duration: what differs between two makings of the same results.
pub(crate) fn run_info(took: Duration, jobs: usize, arguments: &[String]) -> Vec<u8> {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let info = json!({
        "finished_at": date(since_epoch.as_secs()),
        "took_seconds": (took.as_secs_f64() * 10.0).round() / 10.0,
        "jobs": jobs,
        "host": host(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "command": arguments,
    });
    format!("{info:#}\n").into_bytes()
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A moment as `2026-01-31T23:59:59Z`, from the seconds since 1970.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`: years begin in March, so that leap days are last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(4_107_542_399), "2100-02-28T23:59:59Z");
    }
}
