//! The data that comes with the crate and decides runs: round-trip times and presets.

use crate::failover::Catalogue;

/// The embedded data by name, as text: what a manifest has a digest of.
pub fn embedded_data() -> Vec<(String, String)> {
    let tables = [
        ("region-rtt.csv", include_str!("../../data/region-rtt.csv")),
        (
            "region-rtt-aws.csv",
            include_str!("../../data/region-rtt-aws.csv"),
        ),
    ];
    let catalogue = Catalogue::embedded();
    let presets = catalogue
        .list()
        .iter()
        .map(|preset| (format!("preset {}", preset.name), preset.to_toml()));
    let tables = tables.map(|(name, text)| (name.to_owned(), text.to_owned()));
    tables.into_iter().chain(presets).collect()
}
