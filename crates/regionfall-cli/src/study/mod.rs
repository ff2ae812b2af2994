//! From a finished comparison to what people read: tables, a folder of results, pictures, a report.
//!
//! ```text
//!   Results ──▶ headline   which columns, over seeds how     ──▶ stdout, report
//!           ──▶ findings   objectives, broken promises, faults in vain ──▶ stdout, report, exit code
//!           ──▶ rows       runs.csv, incidents.csv, episodes.csv
//!           ──▶ pictures   distributions;  timeline: one seed
//!           ──▶ report     one page with all of it;  grades: how well founded each figure is
//!   folder:   everything beside its final name, renamed at the end
//!   manifest: what it was made from, with digests
//!   kept:     finished runs of an interrupted command as a file;  earlier: going on from them
//! ```
//!
//! Everything but [`folder`] is a function from results to bytes: the same experiment gives the same.

pub(crate) mod curve;
pub(crate) mod earlier;
pub(crate) mod findings;
pub(crate) mod folder;
mod grades;
pub(crate) mod headline;
mod idle;
pub(crate) mod inputs;
pub(crate) mod kept;
mod machinery;
pub(crate) mod manifest;
mod pictures;
mod report;
pub(crate) mod resolved;
mod rows;
pub(crate) mod sweep;
mod timeline;
pub(crate) mod words;

use std::collections::BTreeMap;

use regionfall::explore::Results;

use crate::error::CommandError;
use findings::Findings;

/// The folder's files by name. The manifest and what names date and host are not among them.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A finished comparison with what is known about its making.
pub(crate) struct Study<'a> {
    /// What came out.
    pub(crate) results: &'a Results<'a>,
    /// What there is to say about it.
    pub(crate) findings: &'a Findings,
    /// The scenario with every value expanded, as written to the folder.
    pub(crate) resolved: &'a str,
    /// What will disappoint, as the reading of the scenario found.
    pub(crate) warnings: &'a [String],
    /// The command that made it, without the name of the program.
    pub(crate) arguments: &'a [String],
    /// The data files that the scenario names.
    pub(crate) inputs: &'a inputs::Inputs,
    /// How many runs are made at a time. The files are the same.
    pub(crate) jobs: usize,
}

/// The names of files that every folder has.
pub(crate) const RESOLVED: &str = "scenario.resolved.toml";
/// The report.
pub(crate) const REPORT: &str = "report.html";

impl Study<'_> {
    /// A warning in a sentence.
    pub(crate) fn warning(warning: &regionfall::scenario::Warning) -> String {
        format!("{}: {}", warning.key, warning.message)
    }

    /// Everything that depends on nothing but the experiment.
    pub(crate) fn files(&self) -> Result<Files, CommandError> {
        let mut files = Files::new();
        files.insert(RESOLVED.to_owned(), self.resolved.as_bytes().to_vec());
        for (name, bytes) in self.inputs.files() {
            files.insert(name.to_owned(), bytes.to_vec());
        }
        rows::write(self.results, &mut files)?;
        let summary = headline::in_full(self.results, self.findings);
        let mut bytes = Vec::new();
        regionfall_report::table::Format::Csv.render(&summary, &mut bytes)?;
        files.insert("summary.csv".to_owned(), bytes);
        let overview = pictures::overview(self.results);
        let timelines = timeline::of(self.results, self.jobs)?;
        let page = report::page(self, &overview, &timelines);
        for picture in overview.into_iter().chain(timelines.into_values()) {
            files.insert(picture.name, picture.svg.into_bytes());
        }
        files.insert(REPORT.to_owned(), page.into_bytes());
        Ok(files)
    }
}

/// A picture with the name of its file.
pub(crate) struct Picture {
    /// The file.
    pub(crate) name: String,
    /// What to see in it.
    pub(crate) caption: String,
    /// The picture itself.
    pub(crate) svg: String,
}
