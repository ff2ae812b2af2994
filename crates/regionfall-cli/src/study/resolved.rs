//! The text of `scenario.resolved.toml`: its variants, and how well its values are founded.
//!
//! What the report says about origins is read from this text and not from the scenario, so that a
//! reproduction, which has nothing else, says the same.

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

/// A value that nobody wrote into the scenario: from a preset or a default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Founded {
    /// The number of the strategy that it belongs to; `None` for one that all share.
    pub(super) strategy: Option<usize>,
    /// The key, its value and where it is from.
    pub(super) text: String,
    /// How well it is founded.
    pub(super) grade: Grade,
}

/// The graded values of a variant.
pub(super) fn founded(variant: &str) -> Vec<Founded> {
    let mut founded = Vec::new();
    let (mut table, mut strategies) = (String::new(), 0_usize);
    for line in variant.lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_matches(['[', ']']).clone_into(&mut table);
            strategies += usize::from(line == "[[strategy]]");
            continue;
        }
        let Some((setting, origin)) = line.rsplit_once("  # ") else {
            continue;
        };
        let Some(grade) = grade(origin) else { continue };
        let is_of_strategy = table == "strategy" || table.starts_with("strategy.");
        let setting = setting.replacen(" = ", ": ", 1);
        founded.push(Founded {
            strategy: is_of_strategy.then(|| strategies.saturating_sub(1)),
            text: format!(
                "{table}.{setting} ({})",
                origin.split(" (").next().unwrap_or(origin)
            ),
            grade,
        });
    }
    founded
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
        assert_eq!(founded.len(), 2);
        assert_eq!(
            (founded[0].strategy, founded[0].grade),
            (None, Grade::Assumed)
        );
        assert_eq!(founded[0].text, "database.restart: \"5s\" (default)");
        assert_eq!(
            (founded[1].strategy, founded[1].grade),
            (Some(0), Grade::Source)
        );
    }
}
