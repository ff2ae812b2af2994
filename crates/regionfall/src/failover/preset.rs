//! The catalogue of presets: strategies as people run them, as data files with the source and the
//! grade of evidence beside each number.
//!
//! A preset says nothing that a scenario could not say: every entry is a key path within
//! `[[strategy]]` and its value. Adding a preset is a file in `presets/` and a line in [`FILES`].

use core::fmt::{self, Write as _};

use regionfall_kernel::SimDuration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::preset_clients;
use super::preset_routes;

/// The data files, in the order of the catalogue.
const FILES: [(&str, &str); 3] = [
    ("pinned", include_str!("../../presets/pinned.toml")),
    (
        "route53-fast",
        include_str!("../../presets/route53-fast.toml"),
    ),
    (
        "jedis-multidb",
        include_str!("../../presets/jedis-multidb.toml"),
    ),
];

/// All data files of strategies, in the order of the catalogue.
fn files() -> Vec<(&'static str, &'static str)> {
    let mut files = FILES.to_vec();
    files.extend(preset_routes::FILES);
    files.extend(preset_clients::FILES);
    files
}

/// The data files of presets for `[database.promotion]`.
const PROMOTION_FILES: [(&str, &str); 7] = [
    (
        "sentinel-default",
        include_str!("../../presets/promotion/sentinel-default.toml"),
    ),
    (
        "sentinel-5s",
        include_str!("../../presets/promotion/sentinel-5s.toml"),
    ),
    (
        "redis-cluster-default",
        include_str!("../../presets/promotion/redis-cluster-default.toml"),
    ),
    (
        "redis-enterprise-high",
        include_str!("../../presets/promotion/redis-enterprise-high.toml"),
    ),
    (
        "redis-enterprise-low",
        include_str!("../../presets/promotion/redis-enterprise-low.toml"),
    ),
    (
        "azure-cache-unplanned",
        include_str!("../../presets/promotion/azure-cache-unplanned.toml"),
    ),
    (
        "elasticache-multi-az",
        include_str!("../../presets/promotion/elasticache-multi-az.toml"),
    ),
];

/// How well a number is founded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grade {
    /// It is an assumption: a knob to vary.
    Assumed,
    /// Its vendor or project documents it.
    Documented,
    /// It was read in the source code.
    Source,
    /// It was measured on real software.
    Measured,
}

/// All presets.
#[derive(Clone, PartialEq, Debug)]
pub struct Catalogue {
    presets: Vec<Preset>,
}

/// A strategy as people run it.
#[derive(Clone, PartialEq, Debug)]
pub struct Preset {
    /// Its name, as `preset = "…"` takes it.
    pub name: String,
    /// The family of strategies that it belongs to.
    pub family: String,
    /// What it is, in a sentence or two.
    pub summary: String,
    /// The worst detection times that its parameters predict, if it detects anything.
    pub detection: Option<Detection>,
    /// Its settings with their sources.
    pub numbers: Vec<Number>,
}

/// The worst detection times that a preset's parameters predict, without publication, adoption and
/// reconnection.
#[derive(Clone, PartialEq, Debug)]
pub struct Detection {
    /// When the member falls silent.
    pub silent: SimDuration,
    /// When it answers with resets.
    pub refusing: SimDuration,
    /// How they follow from the parameters.
    pub formula: String,
}

/// One setting of a preset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Number {
    /// The key path within `[[strategy]]`.
    pub key: String,
    /// Its value as TOML.
    pub value: String,
    /// How well it is founded.
    pub grade: Grade,
    /// Where it is from.
    pub source: String,
}

impl Catalogue {
    /// The presets that come with the crate.
    ///
    /// # Panics
    ///
    /// If an embedded data file is malformed, which the tests of this module rule out.
    pub fn embedded() -> Self {
        Self::read(&files())
    }

    /// The presets of `[database.promotion]`: who promotes a replica, and how long it takes. Their keys are paths
    /// within that table.
    pub fn promotion() -> Self {
        Self::read(&PROMOTION_FILES)
    }

    fn read(files: &[(&str, &str)]) -> Self {
        let presets = files
            .iter()
            .map(|(name, text)| match Preset::parse(text) {
                Ok(preset) => preset,
                Err(error) => panic!("presets/{name}.toml: {error}"),
            })
            .collect();
        Self { presets }
    }

    /// All presets, from no failover at all to the most elaborate.
    pub fn list(&self) -> &[Preset] {
        &self.presets
    }

    /// The preset with this name.
    pub fn get(&self, name: &str) -> Option<&Preset> {
        self.presets.iter().find(|preset| preset.name == name)
    }

    /// The names of all presets.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.presets.iter().map(|preset| preset.name.as_str())
    }
}

/// What is wrong with a preset's data file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PresetError {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key is missing or of the wrong type.
    #[error("`{0}` is missing or wrong")]
    Key(&'static str),
}

impl Preset {
    fn parse(text: &str) -> Result<Self, PresetError> {
        let table = DeTable::parse(text).map_err(|error| PresetError::Syntax(error.to_string()))?;
        let table = table.get_ref();
        let detection = match table.get("detection").map(Spanned::get_ref) {
            None => None,
            Some(DeValue::Table(entry)) => Some(Detection {
                silent: seconds(entry, "silent_s")?,
                refusing: seconds(entry, "refusing_s")?,
                formula: text_of(entry, "formula")?,
            }),
            Some(_) => return Err(PresetError::Key("detection")),
        };
        let Some(DeValue::Array(rows)) = table.get("numbers").map(Spanned::get_ref) else {
            return Err(PresetError::Key("numbers"));
        };
        let numbers = rows
            .iter()
            .map(|row| match row.get_ref() {
                DeValue::Table(row) => Number::parse(row, text),
                _ => Err(PresetError::Key("numbers")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: text_of(table, "name")?,
            family: text_of(table, "family")?,
            summary: text_of(table, "summary")?,
            detection,
            numbers,
        })
    }

    /// The preset spelt out as a `[[strategy]]`, ready to paste into a scenario, with grade and
    /// source beside each key.
    pub fn to_toml(&self) -> String {
        let mut out = format!(
            "# {}\n[[strategy]]\nname = \"{}\"\n",
            self.summary, self.name
        );
        // Keys of one table stand together, those of the strategy itself first, and each table before those within it.
        let mut groups: Vec<(Vec<&str>, Vec<&Number>)> = vec![(Vec::new(), Vec::new())];
        for number in &self.numbers {
            let mut parents: Vec<&str> = number.key.split('.').collect();
            parents.pop();
            if let Some((_, numbers)) = groups.iter_mut().find(|(known, _)| *known == parents) {
                numbers.push(number);
            } else {
                let within = |(known, _): &(Vec<&str>, _)| known.starts_with(&parents);
                let place = groups.iter().position(within).unwrap_or(groups.len());
                groups.insert(place, (parents, vec![number]));
            }
        }
        let mut before: &[&str] = &[];
        for (parents, numbers) in &groups {
            out.push_str(&header(parents, before));
            before = parents;
            for Number {
                key,
                value,
                grade,
                source,
            } in numbers
            {
                let key = key.rsplit('.').next().unwrap_or(key);
                let _ = writeln!(out, "{key} = {value}  # {grade}: {source}");
            }
        }
        out
    }
}

/// The headers that lead to a table: list items open a new item of their list.
fn header(parents: &[&str], before: &[&str]) -> String {
    let is_index = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let shared = parents
        .iter()
        .zip(before)
        .take_while(|(new, old)| new == old)
        .count();
    let mut out = String::new();
    for end in shared + 1..=parents.len() {
        let path: Vec<&str> = parents[..end]
            .iter()
            .copied()
            .filter(|part| !is_index(part))
            .collect();
        let path = path.join(".");
        if is_index(&parents[end - 1]) {
            let _ = writeln!(out, "[[strategy.{path}]]");
        } else if end == parents.len() {
            let _ = writeln!(out, "[strategy.{path}]");
        }
    }
    out
}

impl Number {
    pub(crate) fn parse(row: &DeTable<'_>, text: &str) -> Result<Self, PresetError> {
        let grade = text_of(row, "grade")?;
        let value = row.get("value").ok_or(PresetError::Key("value"))?;
        Ok(Self {
            key: text_of(row, "key")?,
            value: text
                .get(value.span())
                .ok_or(PresetError::Key("value"))?
                .to_owned(),
            grade: Grade::from_name(&grade).ok_or(PresetError::Key("grade"))?,
            source: text_of(row, "source")?,
        })
    }
}

fn text_of(table: &DeTable<'_>, key: &'static str) -> Result<String, PresetError> {
    match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::String(text)) if !text.is_empty() => Ok(text.to_string()),
        _ => Err(PresetError::Key(key)),
    }
}

fn seconds(table: &DeTable<'_>, key: &'static str) -> Result<SimDuration, PresetError> {
    let number: Option<f64> = match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::Integer(number)) => number.as_str().parse().ok(),
        Some(DeValue::Float(number)) => number.as_str().parse().ok(),
        _ => None,
    };
    let number = number.ok_or(PresetError::Key(key))?;
    Ok(SimDuration::from_nanos_f64(number * 1e9))
}

impl Grade {
    /// All grades, the weakest first.
    pub const ALL: [Self; 4] = [
        Self::Assumed,
        Self::Documented,
        Self::Source,
        Self::Measured,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Documented => "documented",
            Self::Source => "source",
            Self::Measured => "measured",
        }
    }

    /// The grade with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_preset_reads_and_has_the_name_of_its_file() {
        let catalogue = Catalogue::embedded();
        let names: Vec<&str> = catalogue.names().collect();
        let files: Vec<&str> = files().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn every_preset_of_promotion_reads_and_has_the_name_of_its_file() {
        let catalogue = Catalogue::promotion();
        let names: Vec<&str> = catalogue.names().collect();
        let files: Vec<&str> = PROMOTION_FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn predicted_worst_cases_are_those_of_the_catalogue_of_strategies() {
        let catalogue = Catalogue::embedded();
        let worst = |name: &str| {
            let detection = catalogue.get(name).unwrap().detection.clone().unwrap();
            (detection.silent, detection.refusing)
        };
        let seconds = SimDuration::from_secs;
        assert_eq!(worst("route53-fast"), (seconds(40), seconds(30)));
        assert_eq!(worst("jedis-multidb"), (seconds(5), seconds(4)));
        assert_eq!(catalogue.get("pinned").unwrap().detection, None);
    }

    /// Files of redis/jedis that the presets were read from, under `src/main/java/redis/clients/jedis` at
    /// commit 9bcb5c6: all of them that a number "read in source" may rest on.
    const READ: [&str; 11] = [
        "DefaultJedisSocketFactory.java",
        "MultiDbConfig.java",
        "Protocol.java",
        "executors/DefaultCommandExecutor.java",
        "mcf/CircuitBreakerThresholdsAdapter.java",
        "mcf/HealthCheckImpl.java",
        "mcf/HealthCheckStrategy.java",
        "mcf/MultiDbCommandExecutor.java",
        "mcf/MultiDbConnectionProvider.java",
        "mcf/PingStrategy.java",
        "mcf/ProbingPolicy.java",
    ];

    #[test]
    fn a_number_read_in_source_names_a_repository_and_a_file() {
        const ENDINGS: [&str; 10] = [
            ".java", ".py", ".cs", ".go", ".rs", ".c", ".conf", ".scala", ".h", ".proto",
        ];
        for preset in Catalogue::embedded().list() {
            for number in &preset.numbers {
                let place = format!("{}: {}: {}", preset.name, number.key, number.source);
                let resting_on_notes = number.source.contains("ip-sysctl.rst");
                if number.grade != Grade::Source {
                    continue;
                }
                let mut words = number.source.split([' ', ',', ':', ';']);
                let repository = words.next().unwrap_or_default();
                assert_eq!(repository.matches('/').count(), 1, "{place}");
                let files: Vec<&str> = words
                    .filter(|word| ENDINGS.iter().any(|ending| word.ends_with(ending)))
                    .collect();
                assert!(!files.is_empty(), "{place}");
                if repository == "redis/jedis" && !resting_on_notes {
                    for file in files {
                        assert!(READ.contains(&file), "{place}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_preset_is_refused() {
        assert_eq!(Preset::parse("name = 1"), Err(PresetError::Key("numbers")));
        assert!(matches!(
            Preset::parse("name ="),
            Err(PresetError::Syntax(_))
        ));
    }
}
