//! How well the figures of each strategy are founded: the weakest number behind each headline, and how to
//! see what an assumption does to it. A figure is no better than the weakest number behind it.
//!
//! Numbers of settings come with their grades from the text of `scenario.resolved.toml`. What the model
//! takes for granted without a setting is listed here, in the words of `docs/model.md`.

use regionfall::database::DatabaseConfig;
use regionfall::failover::{Propagation, StrategyConfig, Vantage};
use regionfall_report::html::{Grade, GradedHeadline};

use super::machinery::{is_in_use, matters};
use super::resolved::{self, Founded, Origin};
use super::{Study, words};
use crate::shell::quoted;

/// Numbers named in one cell of the table; the others are counted.
const NAMED: usize = 4;

/// A headline of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Headline {
    Rto,
    Rpo,
}

/// What the model takes for granted, and no setting changes.
struct Assumption {
    /// In a few words.
    words: &'static str,
    /// Which headlines rest on it.
    behind: &'static [Headline],
    /// Under which strategies, and with which database.
    applies: fn(&StrategyConfig, &DatabaseConfig) -> bool,
}

const ASSUMPTIONS: [Assumption; 6] = [
    Assumption {
        words: "members have no queues and no service times",
        behind: &[Headline::Rto, Headline::Rpo],
        applies: |_, database| database.capacity.is_none(),
    },
    Assumption {
        words: "the tails of delays",
        behind: &[Headline::Rto, Headline::Rpo],
        applies: |_, _| true,
    },
    Assumption {
        words: "every clock is right",
        behind: &[Headline::Rto, Headline::Rpo],
        applies: |_, _| true,
    },
    Assumption {
        words: "a kept disk holds all that was acknowledged",
        behind: &[Headline::Rpo],
        applies: |_, database| database.persistence.is_none(),
    },
    Assumption {
        words: "where the checkers stand",
        behind: &[Headline::Rto],
        applies: |strategy, _| matches!(strategy.vantage, Vantage::Checkers { .. }),
    },
    Assumption {
        words: "how often resolvers are asked",
        behind: &[Headline::Rto],
        applies: |strategy, _| matches!(strategy.propagation, Propagation::Dns { .. }),
    },
];

/// What stands behind the figures of a comparison.
pub(super) struct Grades {
    strategies: Vec<Behind>,
    shared: Vec<Founded>,
    /// Where the delays are from, in a clause.
    delays: Option<&'static str>,
    /// The part of a command line that names the scenario.
    file: String,
}

/// What stands behind the figures of one strategy.
struct Behind {
    config: StrategyConfig,
    database: DatabaseConfig,
    own: Vec<Founded>,
}

impl Grades {
    /// The grades of the strategies that were compared, by the first variant.
    pub(super) fn of(study: &Study<'_>) -> Self {
        let variants = resolved::split_variants(study.resolved);
        let text = variants.first().map_or("", String::as_str);
        let settings = study.results.scenario().variants.first();
        let settings = settings.map(|variant| &variant.settings);
        let founded = resolved::founded(text);
        let is_compared = |index: usize| {
            let mut cells = study.results.cells();
            cells.any(|cell| cell.cell.strategy == index)
        };
        let strategies = settings.iter().flat_map(|settings| {
            let configs = settings.strategies.iter().enumerate();
            configs.map(|(index, config)| (index, config, &settings.database))
        });
        let strategies = strategies.filter(|(index, ..)| is_compared(*index)).map(
            |(index, config, database)| Behind {
                config: config.clone(),
                database: database.clone(),
                own: founded
                    .iter()
                    .filter(|value| value.strategy == Some(index) && matters(value, config))
                    .cloned()
                    .collect(),
            },
        );
        Self {
            strategies: strategies.collect(),
            shared: founded
                .iter()
                .filter(|value| value.strategy.is_none())
                .filter(|value| settings.is_none_or(|settings| is_in_use(&value.key, settings)))
                .cloned()
                .collect(),
            delays: delays(text),
            file: scenario(study.arguments),
        }
    }

    /// A row for each headline.
    pub(super) fn headlines(&self) -> Vec<GradedHeadline> {
        let headlines = [(Headline::Rto, "RTO"), (Headline::Rpo, "RPO")];
        let rows = self.strategies.iter().flat_map(|behind| {
            headlines.map(|(headline, name)| self.headline(behind, headline, name))
        });
        rows.collect()
    }

    fn headline(&self, behind: &Behind, headline: Headline, name: &str) -> GradedHeadline {
        let shared: Vec<Founded> = self
            .shared
            .iter()
            .filter(|value| is_behind(value, headline))
            .cloned()
            .collect();
        let assumed: Vec<&str> = ASSUMPTIONS
            .iter()
            .filter(|one| {
                one.behind.contains(&headline) && (one.applies)(&behind.config, &behind.database)
            })
            .map(|one| one.words)
            .collect();
        let grades = behind.own.iter().chain(&shared).filter_map(Founded::grade);
        let weakest = grades.chain((!assumed.is_empty()).then_some(Grade::Assumed));
        let mut because = vec![format!("of its own {}", counted(&behind.own))];
        because.extend(named(&behind.own, Grade::Assumed).map(|named| format!("assumed: {named}")));
        because.extend(
            named(&shared, Grade::Assumed).map(|named| format!("for all strategies: {named}")),
        );
        if !assumed.is_empty() {
            because.push(format!("by the model: {}", assumed.join(", ")));
        }
        let measured = match self.delays {
            Some(delays) => {
                format!("never measured under this strategy; of what is beneath it, {delays}")
            }
            None => "never measured".to_owned(),
        };
        GradedHeadline {
            headline: format!("{name} under {}", behind.config.name),
            weakest: weakest.max().unwrap_or(Grade::Assumed),
            because: because.join("; "),
            measured: Some(measured),
            moves: Some(
                if varied(behind).is_empty() && !shared.iter().any(|it| around(it).is_some()) {
                    "not examined here".to_owned()
                } else {
                    "not examined here: the commands below do".to_owned()
                },
            ),
        }
    }

    /// What is to be known under the tables of a case.
    pub(super) fn footing(&self) -> String {
        let own = self.strategies.iter().map(|behind| {
            let weakest = behind.own.iter().filter_map(Founded::grade).max();
            let weakest = weakest.map_or("stated by the scenario", Grade::name);
            format!("{} {weakest}", behind.config.name)
        });
        format!(
            "Weakest grade behind these figures: assumed, since the model itself assumes things. Weakest of the \
             strategies' own settings: {}. No figure was compared with measurements of a real failover.",
            own.collect::<Vec<_>>().join(", ")
        )
    }

    /// Commands that show how much the figures move with each assumption that is one number.
    pub(super) fn examine(&self) -> Vec<String> {
        let mut commands = Vec::new();
        for behind in &self.strategies {
            for (key, values) in varied(behind) {
                let vary = quoted(&format!("{key}={values}"));
                let strategy = quoted(&behind.config.name);
                commands.push(format!(
                    "regionfall curve {} --vary {vary} --strategy {strategy}",
                    self.file
                ));
            }
        }
        for (key, values) in self.shared.iter().filter_map(around) {
            let vary = quoted(&format!("{key}={values}"));
            commands.push(format!("regionfall curve {} --vary {vary}", self.file));
        }
        commands
    }
}

/// The keys of a strategy's assumed numbers, each with values about its own.
fn varied(behind: &Behind) -> Vec<(String, String)> {
    let own = behind.own.iter().filter_map(around);
    let name = words::slug(&behind.config.name);
    own.map(|(key, values)| (format!("strategy.{name}.{key}"), values))
        .collect()
}

/// The part of a command line that names the scenario, with what is set in it.
fn scenario(arguments: &[String]) -> String {
    let mut words = vec![quoted(arguments.get(1).map_or("FILE", String::as_str))];
    for pair in arguments.windows(2).filter(|pair| pair[0] == "--set") {
        words.extend(["--set".to_owned(), quoted(&pair[1])]);
    }
    words.join(" ")
}

/// Whether a number that all strategies share stands behind a headline.
fn is_behind(value: &Founded, headline: Headline) -> bool {
    // How fast syncers work decides what is lost and late, not when clients are served.
    let is_of_replication =
        value.key.starts_with("database.sync.") && value.key != "database.sync.restart";
    headline == Headline::Rpo || !is_of_replication
}

/// `30 settings: 25 source, 4 documented, 1 stated by the scenario, without a grade`.
fn counted(values: &[Founded]) -> String {
    let of = |origin: Origin| values.iter().filter(|value| value.origin == origin).count();
    let kinds = [
        Origin::Graded(Grade::Measured),
        Origin::Graded(Grade::Source),
        Origin::Graded(Grade::Documented),
        Origin::Graded(Grade::Assumed),
        Origin::Stated,
    ];
    let parts = kinds
        .into_iter()
        .map(|kind| (kind, of(kind)))
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| match kind {
            Origin::Graded(grade) => format!("{count} {}", grade.name()),
            Origin::Stated => format!("{count} stated by the scenario, without a grade"),
        });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return "settings: none".to_owned();
    }
    // The catalogue of presets knows nothing of what the format sets by itself.
    let defaults = values.iter().filter(|value| value.is_default).count();
    let beside = if defaults > 0 {
        format!(
            " ({} stated, {defaults} by default)",
            values.len() - defaults
        )
    } else {
        String::new()
    };
    format!("{} settings{beside}: {}", values.len(), parts.join(", "))
}

/// The numbers of a grade, the first of them by name.
fn named(values: &[Founded], grade: Grade) -> Option<String> {
    let such: Vec<&Founded> = values
        .iter()
        .filter(|value| value.origin == Origin::Graded(grade))
        .collect();
    let first = such.iter().take(NAMED);
    let mut named: Vec<String> = first
        .map(|value| format!("{} = {}", value.key, value.value))
        .collect();
    if such.len() > NAMED {
        named.push(format!("{} more", such.len() - NAMED));
    }
    (!named.is_empty()).then(|| named.join(", "))
}

/// The key of an assumed number with half of it, itself and twice of it; `None` if it is no single number, as
/// a mix of resolvers is not.
fn around(value: &Founded) -> Option<(String, String)> {
    if value.origin != Origin::Graded(Grade::Assumed) {
        return None;
    }
    let text = value.value.trim_matches('"');
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !unit.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let half = if unit.is_empty() {
        (number / 2.0).ceil()
    } else {
        number / 2.0
    };
    if half <= 0.0 || (half - number).abs() < f64::EPSILON {
        return None;
    }
    Some((
        value.key.clone(),
        format!("{half}{unit},{text},{}{unit}", number * 2.0),
    ))
}

/// What is measured about the delays, by the table of round-trip times.
fn delays(text: &str) -> Option<&'static str> {
    let line = text.lines().find(|line| line.starts_with("rtt = "))?;
    if line.starts_with("rtt = \"aws\"") {
        Some("the median round-trip times are (CloudPing, 19 April 2024)")
    } else if line.starts_with("rtt = \"azure\"") {
        Some("the 95th percentiles of round-trip times are (Microsoft, July 2026)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn founded(key: &str, value: &str, grade: Grade) -> Founded {
        Founded {
            strategy: Some(0),
            key: key.to_owned(),
            value: value.to_owned(),
            origin: Origin::Graded(grade),
            is_default: false,
        }
    }

    #[test]
    fn assumptions_of_the_model_stand_in_its_page_as_assumed() {
        let page = include_str!("../../../../docs/model.md");
        // The first column of the row about each, in the same order.
        let rows = [
            "a command is executed at once",
            "delay between regions",
            "clocks",
            "`disks = \"kept\"`: everything acknowledged is on disk",
            "checkers stand in the scenario's regions in turn",
            "a recursive resolver always holds the record and refreshes it at one phase of its TTL",
        ];
        assert_eq!(rows.len(), ASSUMPTIONS.len());
        for row in rows {
            let found = page
                .lines()
                .find(|line| line.starts_with(&format!("| {row}")));
            assert!(found.is_some_and(|line| line.contains("assumed")), "{row}");
        }
    }

    #[test]
    fn single_numbers_are_varied_about_themselves() {
        let varied = |key, value| around(&founded(key, value, Grade::Assumed)).map(|it| it.1);
        assert_eq!(varied("a", "\"1s\"").as_deref(), Some("0.5s,1s,2s"));
        assert_eq!(varied("a", "15").as_deref(), Some("8,15,30"));
        assert_eq!(varied("a", "1").as_deref(), None);
        assert_eq!(varied("a", "\"uniform(5s, 30s)\""), None);
        assert_eq!(varied("a", "\"off\""), None);
        assert_eq!(varied("propagation.resolvers", "a mix"), None);
        assert_eq!(around(&founded("a", "15", Grade::Documented)), None);
    }

    #[test]
    fn defaults_are_counted_apart_from_what_a_preset_states() {
        let mut values = vec![
            founded("a", "1", Grade::Source),
            founded("b", "2", Grade::Source),
        ];
        assert_eq!(counted(&values), "2 settings: 2 source");
        values[1].is_default = true;
        assert_eq!(
            counted(&values),
            "2 settings (1 stated, 1 by default): 2 source"
        );
    }
}
