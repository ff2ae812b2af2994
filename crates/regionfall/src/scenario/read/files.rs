//! The files of a scenario: had from the caller's loader, each once.

use crate::scenario::error::{Place, Problem, ProblemKind};

use super::tree::{Mark, Source};

/// Gives the content of files. The library opens none itself.
pub trait Loader {
    /// The content of the file at a path. Paths are written with `/`, and are relative to where the
    /// path given to [`Scenario::load`](crate::scenario::Scenario::load) is.
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError>;
}

/// Why a file cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct LoadError {
    /// The reason, in lower case without a full stop, such as `no such file`.
    pub reason: String,
}

/// A loader without any files, for scenarios that name none.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _path: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError {
            reason: "this scenario was read from a text, which has no files beside it".to_owned(),
        })
    }
}

/// The files had so far, and the texts that marks refer to.
pub(crate) struct Files<'a> {
    loader: &'a dyn Loader,
    /// Texts that values came from.
    pub(crate) sources: Vec<Source>,
    /// Data files with their content, in the order of their first use.
    pub(crate) data: Vec<(String, String)>,
}

impl<'a> Files<'a> {
    pub(crate) const fn new(loader: &'a dyn Loader) -> Self {
        Self {
            loader,
            sources: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Adds a text that is no file.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> usize {
        self.sources.push(Source {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        self.sources.len() - 1
    }

    /// The text of a scenario file.
    pub(crate) fn scenario(&mut self, path: &str) -> Result<usize, Problem> {
        let text = self.text(path)?;
        Ok(self.add(path, &text))
    }

    /// The text of a data file that a value in `beside` names.
    pub(crate) fn data(&mut self, beside: Option<Mark>, path: &str) -> Result<String, Problem> {
        let path = self.resolve(beside, path);
        if let Some((_, text)) = self.data.iter().find(|(known, _)| *known == path) {
            return Ok(text.clone());
        }
        let text = self.text(&path)?;
        self.data.push((path, text.clone()));
        Ok(text)
    }

    /// A path as counted from the file in which it is written.
    pub(crate) fn resolve(&self, beside: Option<Mark>, path: &str) -> String {
        let from = beside
            .and_then(|mark| self.sources.get(mark.source))
            .map_or("", |source| source.name.as_str());
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        if path.starts_with('/') || folder.is_empty() {
            return normal(path);
        }
        normal(&format!("{folder}/{path}"))
    }

    /// What is written at a place.
    pub(crate) fn written(&self, mark: Mark) -> Option<String> {
        let source = self.sources.get(mark.source)?;
        source.text.get(mark.start..mark.end).map(str::to_owned)
    }

    /// The place that a mark stands for.
    pub(crate) fn place(&self, mark: Option<Mark>) -> Option<Box<Place>> {
        let mark = mark?;
        let source = self.sources.get(mark.source)?;
        Some(Box::new(Place::of(
            &source.name,
            &source.text,
            mark.start,
            mark.end,
        )))
    }

    /// The scenario as a whole, where no line of it is at fault.
    pub(crate) fn whole(&self) -> Option<Box<Place>> {
        self.sources
            .first()
            .map(|source| Box::new(Place::file(&source.name)))
    }

    fn text(&self, path: &str) -> Result<String, Problem> {
        let bytes = self.loader.load(path).map_err(|error| {
            Problem::new(
                ProblemKind::MissingFile,
                "",
                format!("cannot read `{path}`: {error}"),
            )
        })?;
        String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = String::from_utf8_lossy(&error.as_bytes()[..good])
                .matches('\n')
                .count()
                + 1;
            let message =
                format!("`{path}` is not UTF-8: line {line} holds bytes that are no text");
            let mut problem = Problem::new(ProblemKind::NotUtf8, "", message);
            problem.place = Some(Box::new(Place::file(path)));
            problem
        })
    }
}

/// A path without `.` and without `x/..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts
                .last()
                .is_some_and(|last| !last.is_empty() && *last != "..") =>
            {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_count_from_the_file_that_names_them() {
        let mut files = Files::new(&NoFiles);
        files.add("sims/a/story.toml", "");
        let mark = Some(Mark {
            source: 0,
            start: 0,
            end: 0,
        });
        assert_eq!(files.resolve(mark, "base.toml"), "sims/a/base.toml");
        assert_eq!(files.resolve(mark, "../base/./x.toml"), "sims/base/x.toml");
        assert_eq!(files.resolve(mark, "/abs.toml"), "/abs.toml");
        assert_eq!(files.resolve(None, "./x.toml"), "x.toml");
        assert_eq!(normal("../../x"), "../../x");
    }
}
