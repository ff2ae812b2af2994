//! What is wrong with a scenario: every problem with its file, line, key, the value got, the values
//! allowed, and the nearest right word.

use core::fmt;
use std::collections::BTreeSet;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A scenario that cannot be run, with everything found wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ScenarioError {
    problems: Vec<Problem>,
    /// Problems beyond those listed.
    omitted: usize,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What kind of mistake it is.
    pub kind: ProblemKind,
    /// The key path, such as `workload.fleet.us.rate`; empty where no key is at fault.
    pub key: String,
    /// What is wrong, in lower case without a full stop.
    pub message: String,
    /// The value got, as written.
    pub got: Option<Box<str>>,
    /// The values allowed, in words.
    pub allowed: Option<Box<str>>,
    /// What to do about it; the nearest right word, if one is near.
    pub help: Option<Box<str>>,
    /// Where it stands.
    pub place: Option<Box<Place>>,
}

/// A stretch of one line of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The file, or `--set` for the command line.
    pub file: String,
    /// The line, counted from 1; 0 if the file has no text to show.
    pub line: usize,
    /// The text of the line.
    pub text: String,
    /// The first byte within the line.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// Kinds of mistakes in scenarios.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ProblemKind {
    /// A file that cannot be had.
    MissingFile,
    /// A file that is not UTF-8.
    NotUtf8,
    /// A file that is not TOML.
    NotToml,
    /// A file that says nothing.
    Empty,
    /// `extends` that comes back to a file.
    ExtendsCycle,
    /// `extends` that goes on for too many files.
    ExtendsTooDeep,
    /// A key that does not exist.
    UnknownKey,
    /// A key that must be given and is not.
    MissingKey,
    /// A value of the wrong type.
    WrongType,
    /// A number without its unit.
    MissingUnit,
    /// A value that cannot be read.
    Unreadable,
    /// A value that is too small or too large.
    OutOfRange,
    /// A word or name that does not exist.
    UnknownName,
    /// A name given twice.
    NamedTwice,
    /// Shares that do not make up a whole.
    SharesDoNotSum,
    /// A fault that may begin before the storm or after it.
    FaultOutsideStorm,
    /// Two regions without a known distance.
    MissingLink,
    /// Settings that contradict each other.
    Conflict,
}

impl ScenarioError {
    /// More problems than this are counted, not listed.
    const LISTED: usize = 20;
    /// More problems than this are not looked for: each costs a look at the whole file.
    pub(crate) const SOUGHT: usize = 200;

    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        // One mistake may show in several variants, or where it was copied to.
        let mut seen: BTreeSet<(String, Option<Box<Place>>)> = BTreeSet::new();
        problems.retain(|problem| {
            let known = match &problem.place {
                Some(place) if place.line > 0 => (problem.message.clone(), Some(place.clone())),
                _ => (format!("{}: {}", problem.key, problem.message), None),
            };
            seen.insert(known)
        });
        let omitted = problems.len().saturating_sub(Self::LISTED);
        problems.truncate(Self::LISTED);
        Self { problems, omitted }
    }

    /// What was found wrong, in the order of finding. Never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The same problems where another argument than `--set` gave the values that are set over the file.
    #[must_use]
    pub fn of_argument(mut self, argument: &str) -> Self {
        let places = self
            .problems
            .iter_mut()
            .filter_map(|problem| problem.place.as_mut());
        for place in places.filter(|place| place.file == "--set") {
            argument.clone_into(&mut place.file);
        }
        self
    }

    /// The problems as text for a terminal, in colour or without.
    pub fn render(&self, is_coloured: bool) -> String {
        let renderer = if is_coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut blocks: Vec<String> = self
            .problems
            .iter()
            .map(|problem| problem.render(&renderer))
            .collect();
        if self.omitted > 0 {
            let least = if self.omitted + Self::LISTED >= Self::SOUGHT {
                "at least "
            } else {
                ""
            };
            blocks.push(format!("... and {least}{} more problems", self.omitted));
        }
        blocks.join("\n\n")
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            key: key.into(),
            message: message.into(),
            got: None,
            allowed: None,
            help: None,
            place: None,
        }
    }

    pub(crate) fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(got.into().into_boxed_str());
        self
    }

    pub(crate) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into().into_boxed_str());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into().into_boxed_str());
        self
    }

    /// Lists the words allowed, and names the nearest one to what was got.
    pub(crate) fn words<'a>(self, got: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let nearest = nearest(got, known.iter().copied()).map(str::to_owned);
        let mut problem = self;
        if problem.allowed.is_none() && !known.is_empty() {
            let listed: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            problem = problem.allowed(listed.join(", "));
        }
        match nearest {
            Some(word) => problem.help(format!("did you mean `{word}`?")),
            None => problem,
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = if self.key.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.key, self.message)
        };
        let mut group: Group<'_> = match &self.place {
            Some(place) if place.line > 0 => {
                let mut annotation = AnnotationKind::Primary.span(place.start..place.end);
                if let Some(got) = &self.got {
                    annotation = annotation.label(format!("got {got}"));
                }
                let snippet = Snippet::source(place.text.as_str())
                    .path(place.file.as_str())
                    .line_start(place.line)
                    .annotation(annotation);
                Level::ERROR.primary_title(title).element(snippet)
            }
            Some(place) => Level::ERROR
                .primary_title(title)
                .element(Level::NOTE.message(format!("in {}", place.file))),
            None => Group::with_title(Level::ERROR.primary_title(title)),
        };
        if let (Some(got), None) = (
            &self.got,
            self.place.as_ref().filter(|place| place.line > 0),
        ) {
            group = group.element(Level::NOTE.message(format!("got {got}")));
        }
        if let Some(allowed) = &self.allowed {
            group = group.element(Level::NOTE.message(format!("allowed: {allowed}")));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_ref()));
        }
        renderer.render(&[group])
    }
}

impl Place {
    /// The place of a stretch of a text. A stretch over several lines is cut to its first.
    pub(crate) fn of(file: &str, text: &str, start: usize, end: usize) -> Self {
        let start = floor_boundary(text, start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let line = text[..start].matches('\n').count() + 1;
        let content = text[line_start..line_end].trim_end_matches('\r');
        let start = (start - line_start).min(content.len());
        let end = floor_boundary(text, end).clamp(line_start + start, line_end) - line_start;
        Self {
            file: file.to_owned(),
            line,
            text: content.to_owned(),
            start,
            end: end.min(content.len()),
        }
    }

    /// A file as a whole.
    pub(crate) fn file(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            text: String::new(),
            start: 0,
            end: 0,
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The known word nearest to a text, if one is near enough to be meant.
pub fn nearest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs the product of the lengths: what is that long is no slip of the pen.
    if got.len() > 80 {
        return None;
    }
    let got = got.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for word in known {
        let likeness = strsim::normalized_damerau_levenshtein(&got, &word.to_lowercase())
            .max(strsim::jaro_winkler(&got, &word.to_lowercase()) - 0.25);
        if likeness >= 0.55 && best.is_none_or(|(least, _)| likeness > least) {
            best = Some((likeness, word));
        }
    }
    best.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_only_if_it_is_near() {
        let known = ["warm_up", "storm", "calm", "quiescence"];
        assert_eq!(nearest("warmup", known), Some("warm_up"));
        assert_eq!(nearest("strom", known), Some("storm"));
        assert_eq!(nearest("xyz", known), None);
    }

    #[test]
    fn a_place_is_cut_to_its_line_and_to_whole_characters() {
        let text = "a = 1\nb = \"é\nx\"\n";
        let place = Place::of("f.toml", text, 10, 15);
        assert_eq!((place.line, place.text.as_str()), (2, "b = \"é"));
        assert_eq!((place.start, place.end), (4, 7));
        let beyond = Place::of("f.toml", text, 900, 950);
        assert_eq!((beyond.start, beyond.end), (0, 0));
    }
}
