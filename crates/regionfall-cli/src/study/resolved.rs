//! The text of `scenario.resolved.toml`: its variants, and how well its values are founded.
//!
//! What the report says about origins is read from this text and not from the scenario, so that a
//! reproduction, which has nothing else, says the same.

use std::fmt::Write as _;

use regionfall::scenario::{LoadError, Loaded, Loader, Scenario};
use regionfall_report::html::Grade;

use super::inputs::Inputs;
use super::{RESOLVED, Study};
use crate::error::{CommandError, InputError};

/// The line above each variant.
const HEADING: &str = "# variant: ";

/// A scenario read again from the text of its results.
///
/// `names` are those of its variants, in order, and `digest` is its own: both are of the scenario as it
/// was written, and not to be had from the text.
pub(crate) fn reload(
    text: &str,
    inputs: &Inputs,
    names: &[String],
    digest: &str,
) -> Result<Again, CommandError> {
    let texts = split_variants(text);
    if texts.is_empty() || texts.len() != names.len() {
        let message = format!(
            "{RESOLVED} holds {} variants, the manifest {}",
            texts.len(),
            names.len()
        );
        return Err(InputError::new(message).into());
    }
    let mut again: Option<Again> = None;
    for (text, name) in texts.iter().zip(names) {
        let loader = Beside { text, inputs };
        let Loaded {
            scenario, warnings, ..
        } = Scenario::load(RESOLVED, &loader, &[])?;
        let mut variants = scenario.variants;
        for variant in &mut variants {
            variant.name.clone_from(name);
        }
        let again = again.get_or_insert_with(|| Again {
            scenario: Scenario {
                title: scenario.title,
                seeds: scenario.seeds,
                variants: Vec::new(),
                expect: scenario.expect,
                references: Vec::new(),
                digest: digest.to_owned(),
            },
            warnings: Vec::new(),
        });
        again.scenario.variants.append(&mut variants);
        for warning in warnings {
            let warning = Study::warning(&warning);
            if !again.warnings.contains(&warning) {
                again.warnings.push(warning);
            }
        }
    }
    again.ok_or_else(|| InputError::new(format!("{RESOLVED} holds no variant")).into())
}

/// A scenario that was read again.
pub(crate) struct Again {
    /// What to run.
    pub(crate) scenario: Scenario,
    /// What will disappoint.
    pub(crate) warnings: Vec<String>,
}

/// The text under the name of its file, with the data files beside it.
struct Beside<'a> {
    text: &'a str,
    inputs: &'a Inputs,
}

impl Loader for Beside<'_> {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == RESOLVED {
            Ok(self.text.as_bytes().to_vec())
        } else {
            self.inputs.load(path)
        }
    }
}

/// The variants of the text, each a scenario of its own.
pub(super) fn split_variants(resolved: &str) -> Vec<String> {
    let mut variants: Vec<String> = Vec::new();
    for line in resolved.lines() {
        if line.starts_with(HEADING) {
            variants.push(String::new());
        } else if let Some(variant) = variants.last_mut() {
            variant.push_str(line);
            variant.push('\n');
        }
    }
    variants
}

/// A value with its origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Founded {
    /// The number of the strategy that it belongs to; `None` for one that all share.
    pub(super) strategy: Option<usize>,
    /// The key path, within its strategy if it belongs to one.
    pub(super) key: String,
    /// The value as TOML.
    pub(super) value: String,
    /// How well it is founded.
    pub(super) origin: Origin,
    /// Whether it is the format's default, and nobody's statement.
    pub(super) is_default: bool,
}

/// How a value is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A preset or a default has it, with this grade.
    Graded(Grade),
    /// The scenario states it: only its author knows why.
    Stated,
}

impl Founded {
    /// The grade, if it has one.
    pub(super) fn grade(&self) -> Option<Grade> {
        match self.origin {
            Origin::Graded(grade) => Some(grade),
            Origin::Stated => None,
        }
    }
}

/// The values of a variant that have a grade, and those of strategies that the scenario states. A mix of resolvers is
/// one value, as the catalogue of presets counts it.
pub(super) fn founded(variant: &str) -> Vec<Founded> {
    let mut founded = Vec::new();
    let mut table = Path::default();
    let mut strategies = 0_usize;
    for line in variant.lines() {
        if line.starts_with('[') {
            if line == "[[strategy]]" {
                strategies += 1;
            }
            table.enter(line);
            continue;
        }
        let Some((setting, from)) = line.rsplit_once("  # ") else {
            continue;
        };
        let Some((key, value)) = setting.split_once(" = ") else {
            continue;
        };
        let key = table.key(key);
        let (strategy, key) = match key.strip_prefix("strategy.") {
            Some(key) => (Some(strategies.saturating_sub(1)), key.to_owned()),
            None => (None, key),
        };
        let names_it = ["name", "preset", "gate"].contains(&key.as_str());
        let origin = match grade(from) {
            Some(grade) => Origin::Graded(grade),
            None if strategy.is_some() && !names_it && is_stated(from) => Origin::Stated,
            None => continue,
        };
        let one = Founded {
            strategy,
            key,
            value: value.to_owned(),
            origin,
            is_default: from.starts_with("default"),
        };
        if is_of_mix(&one.key) {
            into_mix(&mut founded, &one);
        } else {
            founded.push(one);
        }
    }
    founded
}

/// The key of a mix of resolvers, whose classes are values below it: `propagation.resolvers.0.share`.
const MIX: &str = "propagation.resolvers";

fn is_of_mix(key: &str) -> bool {
    let rest = key.strip_prefix(MIX);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// Adds a part to the mix that it belongs to, which is as well founded as the weakest of its parts.
fn into_mix(founded: &mut Vec<Founded>, part: &Founded) {
    let is_mix = |known: &&mut Founded| known.strategy == part.strategy && known.key == MIX;
    let Some(mix) = founded.iter_mut().find(is_mix) else {
        founded.push(Founded {
            key: MIX.to_owned(),
            value: "a mix".to_owned(),
            ..part.clone()
        });
        return;
    };
    mix.is_default &= part.is_default;
    mix.origin = match (mix.origin, part.origin) {
        (Origin::Graded(one), Origin::Graded(other)) => Origin::Graded(one.max(other)),
        _ => Origin::Stated,
    };
}

/// Whether the scenario, or the command line, states a value: neither a default nor a preset does, nor
/// does it follow from others.
fn is_stated(origin: &str) -> bool {
    !["default", "preset ", "derived"]
        .iter()
        .any(|other| origin.starts_with(other))
}

/// The table that a line belongs to. Entries of lists within a strategy have their number, as in the keys
/// that `--set` takes.
#[derive(Default)]
struct Path {
    /// Names, and for lists the number of the entry.
    parts: Vec<(String, Option<usize>)>,
}

impl Path {
    /// A header: `[a.b]`, or `[[a.b]]` for the next entry of a list.
    fn enter(&mut self, header: &str) {
        let is_list = header.starts_with("[[");
        let names: Vec<&str> = header.trim_matches(['[', ']']).split('.').collect();
        let shared = self
            .parts
            .iter()
            .zip(&names)
            .take_while(|((known, _), name)| known == *name)
            .count();
        let is_again = is_list && shared == names.len();
        let number = if is_again {
            self.parts[shared - 1].1.map_or(0, |number| number + 1)
        } else {
            0
        };
        self.parts
            .truncate(if is_again { shared - 1 } else { shared });
        for name in &names[self.parts.len()..] {
            self.parts.push(((*name).to_owned(), None));
        }
        if is_list && let Some(last) = self.parts.last_mut() {
            last.1 = Some(number);
        }
    }

    /// The path of a key in this table. Strategies are told apart by their names, not by numbers.
    fn key(&self, key: &str) -> String {
        let mut path = String::new();
        for (name, number) in &self.parts {
            path.push_str(name);
            path.push('.');
            if let Some(number) = number.filter(|_| name != "strategy") {
                let _ = write!(path, "{number}.");
            }
        }
        path.push_str(key);
        path
    }
}

/// The grade at the end of an origin: `preset route53-fast (documented)`.
fn grade(origin: &str) -> Option<Grade> {
    let (_, grade) = origin.rsplit_once(" (")?;
    match grade.strip_suffix(')')? {
        "measured" => Some(Grade::Measured),
        "source" => Some(Grade::Source),
        "documented" => Some(Grade::Documented),
        "assumed" => Some(Grade::Assumed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# variant: one\n\ntitle = \"a\"  # x.toml:1\n\n[database]\nrestart = \"5s\"  # default (assumed)\n\
                        \n[[strategy]]\nname = \"a\"  # x.toml:2\n\n[strategy.client]\nttl = \"1s\"  # preset p (source)\n\
                        \n[[strategy]]\nname = \"b\"  # x.toml:3\n\n[[strategy.evidence]]\nevery = \"5s\"  # x.toml:4\n\
                        \n[[strategy.evidence]]\nevery = \"6s\"  # preset p (source)\nprobes = 1  # default\n\
                        \n[strategy.evidence.detector]\nrate = \"10%\"  # preset p (source)\n\
                        # variant: two\n\ntitle = \"a\"  # x.toml:1\n";

    #[test]
    fn variants_are_found_by_their_heading() {
        let variants = split_variants(TEXT);
        assert_eq!(variants.len(), 2);
        assert_eq!(variants[1], "\ntitle = \"a\"  # x.toml:1\n");
    }

    #[test]
    fn grades_are_read_from_origins() {
        let founded = founded(&split_variants(TEXT)[0]);
        let found: Vec<_> = founded
            .iter()
            .map(|value| (value.strategy, value.key.as_str(), value.value.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (None, "database.restart", "\"5s\""),
                (Some(0), "client.ttl", "\"1s\""),
                (Some(1), "evidence.0.every", "\"5s\""),
                (Some(1), "evidence.1.every", "\"6s\""),
                (Some(1), "evidence.1.detector.rate", "\"10%\""),
            ]
        );
        assert_eq!(founded[0].origin, Origin::Graded(Grade::Assumed));
        assert_eq!(founded[1].origin, Origin::Graded(Grade::Source));
        assert_eq!(founded[2].origin, Origin::Stated);
        assert!(founded[0].is_default && !founded[1].is_default);
    }

    /// What is counted here is what the catalogue counts.
    #[test]
    fn a_preset_has_as_many_settings_in_a_scenario_as_in_the_catalogue() {
        let mut compared = 0;
        for preset in regionfall::failover::Catalogue::embedded().list() {
            let text = format!(
                "{}\n[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n",
                preset.to_toml()
            );
            // Some stand in front of members and are no strategy of their own.
            let files = Text(&text);
            let Ok(loaded) = Scenario::load("x.toml", &files, &[]) else {
                continue;
            };
            let resolved = loaded.resolved.to_toml();
            let values = founded(&split_variants(&resolved)[0]);
            let own = values.iter().filter(|value| value.strategy == Some(0));
            assert_eq!(
                own.filter(|value| !value.is_default).count(),
                preset.numbers.len(),
                "{}",
                preset.name
            );
            compared += 1;
        }
        assert!(compared > 20, "{compared} presets stand alone");
    }

    struct Text<'a>(&'a str);

    impl Loader for Text<'_> {
        fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }
}
