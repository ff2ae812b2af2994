//! `manifest.json`: what a result was made from, and how to tell that it is whole.
//!
//! Everything that enters a result is named here with its digest, and every file of the result too.
//! Date and host are not: they go elsewhere, so that the same experiment writes the same bytes.
//! This file opens nothing: contents arrive as bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The name of the manifest within a result folder.
pub const FILE_NAME: &str = "manifest.json";

/// The version of this form. Fields may be added; a change of meaning raises it.
pub const FORM: &str = "regionfall.manifest/1";

/// What a result was made from. Maps are ordered by key, so that equal manifests are equal bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub form: String,
    /// The version of the model: results of different versions are not comparable run by run.
    pub model_version: String,
    /// The version of the crate that ran.
    pub crate_version: String,
    /// The digest of the resolved scenario, files it refers to included.
    pub scenario_digest: String,
    /// The digest of the embedded data: round-trip times and presets.
    pub data_digest: String,
    /// The digest of the lock file that the command was built with.
    pub lock_digest: String,
    /// The arguments that decide results, in canonical order. `--jobs` and `--out` are not among them.
    pub arguments: Vec<String>,
    /// The names of the variants, in the order of the resolved scenario.
    #[serde(default)]
    pub variants: Vec<String>,
    /// The copies of data files that the scenario names: their names, by the paths asked for.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// The seeds that were run.
    pub seeds: Seeds,
    /// If the comparison was stopped: how many seeds it was to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_of: Option<u64>,
    /// Trace hashes: by `variant/strategy/case/seed`, or one digest over all of them in that order.
    pub trace_hashes: TraceHashes,
    /// The digest of every other file of the result, by its name.
    pub files: BTreeMap<String, String>,
}

/// The seeds of a result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// Consecutive seeds, both ends included.
    Range {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Any other set, in ascending order.
    List(Vec<u64>),
}

/// What the runs hashed to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TraceHashes {
    /// One digest over many.
    Digest {
        /// How many runs it covers.
        runs: u64,
        /// The digest of the lines `key=hash`, in the order of the keys.
        digest: String,
    },
    /// Each by its key.
    ByRun(BTreeMap<String, String>),
}

/// A difference between a manifest and the files it describes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileProblem {
    /// The manifest names a file that is not there.
    #[error("{name}: missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A file's content is not what the manifest says.
    #[error("{name}: content differs: expected {expected}, got {got}")]
    Differs {
        /// Its name.
        name: String,
        /// The digest in the manifest.
        expected: String,
        /// The digest of its content.
        got: String,
    },
    /// A file is there that the manifest does not name.
    #[error("{name}: not in the manifest")]
    Unknown {
        /// Its name.
        name: String,
    },
}

/// The manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no JSON of this shape.
    #[error("manifest.json: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of a form that this version does not know.
    #[error("manifest.json: form: expected {FORM:?}, got {got:?}")]
    Form {
        /// The form it states.
        got: String,
    },
}

impl Manifest {
    /// The bytes of the file: indented JSON in the order of the fields, ending in a line feed.
    pub fn to_json(&self) -> String {
        // Serializing strings, numbers and maps with string keys has no way to fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Reads a manifest.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.form == FORM {
            Ok(manifest)
        } else {
            Err(ManifestError::Form { got: manifest.form })
        }
    }

    /// Compares the contents of a folder with what the manifest says; empty if they agree.
    ///
    /// `folder` maps names to contents. The manifest itself and names in `apart` (such as a file
    /// with date and host) may be there or not.
    pub fn verify(&self, folder: &BTreeMap<String, Vec<u8>>, apart: &[&str]) -> Vec<FileProblem> {
        let mut problems = Vec::new();
        for (name, expected) in &self.files {
            match folder.get(name).map(|content| digest(content)) {
                None => problems.push(FileProblem::Missing { name: name.clone() }),
                Some(got) if got != *expected => problems.push(FileProblem::Differs {
                    name: name.clone(),
                    expected: expected.clone(),
                    got,
                }),
                Some(_) => {}
            }
        }
        let is_apart = |name: &str| name == FILE_NAME || apart.contains(&name);
        let unknown = folder
            .keys()
            .filter(|name| !is_apart(name) && !self.files.contains_key(*name));
        problems.extend(unknown.map(|name| FileProblem::Unknown { name: name.clone() }));
        problems
    }
}

impl Seeds {
    /// Seeds in any order, written as a range where they are consecutive.
    pub fn new(seeds: &[u64]) -> Self {
        let mut seeds = seeds.to_vec();
        seeds.sort_unstable();
        seeds.dedup();
        match seeds.as_slice() {
            [first, .., last] if last - first == seeds.len() as u64 - 1 => Self::Range {
                first: *first,
                last: *last,
            },
            _ => Self::List(seeds),
        }
    }

    /// The seeds, in ascending order.
    pub fn list(&self) -> Vec<u64> {
        match self {
            Self::Range { first, last } => (*first..=*last).collect(),
            Self::List(seeds) => seeds.clone(),
        }
    }
}

impl TraceHashes {
    /// Each hash by its run's key while there are at most `limit`, otherwise one digest over all.
    pub fn new(hashes: BTreeMap<String, String>, limit: usize) -> Self {
        if hashes.len() <= limit {
            return Self::ByRun(hashes);
        }
        let mut sha = Sha256::new();
        for (key, hash) in &hashes {
            sha.update(format!("{key}={hash}\n"));
        }
        Self::Digest {
            runs: hashes.len() as u64,
            digest: labelled(&sha.finalize()),
        }
    }
}

/// The digest of some content, `sha256:` and 64 hexadecimal digits.
pub fn digest(content: &[u8]) -> String {
    labelled(&Sha256::digest(content))
}

fn labelled(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()))
            .collect()
    }

    fn example() -> Manifest {
        Manifest {
            form: FORM.to_owned(),
            model_version: "1".to_owned(),
            crate_version: "0.1.0".to_owned(),
            scenario_digest: digest(b"scenario"),
            data_digest: digest(b"data"),
            lock_digest: digest(b"lock"),
            variants: vec!["base".to_owned()],
            inputs: BTreeMap::new(),
            partial_of: None,
            arguments: vec!["compare".to_owned(), "sims/region-loss.toml".to_owned()],
            seeds: Seeds::new(&[3, 1, 2]),
            trace_hashes: TraceHashes::new(BTreeMap::new(), 10),
            files: BTreeMap::from([("runs.csv".to_owned(), digest(b"a,b\n"))]),
        }
    }

    /// The digest of nothing is in FIPS 180-4's examples.
    #[test]
    fn digest_is_sha256() {
        let expected = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), expected);
    }

    #[test]
    fn manifest_reads_back_equal() {
        let manifest = example();
        let json = manifest.to_json();
        assert_eq!(Manifest::from_json(json.as_bytes()).unwrap(), manifest);
        assert!(
            json.contains("\"seeds\": {\n    \"first\": 1,\n    \"last\": 3\n  }"),
            "{json}"
        );
        let other = json.replace(FORM, "regionfall.manifest/9");
        let refused = Manifest::from_json(other.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("manifest.json: form: expected"),
            "{refused}"
        );
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let manifest = example();
        let whole = folder(&[
            ("runs.csv", "a,b\n"),
            ("manifest.json", "{}"),
            ("run-info.json", "{}"),
        ]);
        assert_eq!(manifest.verify(&whole, &["run-info.json"]), []);
        let touched = folder(&[("runs.csv", "a,c\n"), ("extra.txt", "")]);
        let problems = manifest.verify(&touched, &[]);
        assert!(matches!(&problems[0], FileProblem::Differs { name, .. } if name == "runs.csv"));
        assert_eq!(problems[1].to_string(), "extra.txt: not in the manifest");
        assert_eq!(
            manifest.verify(&folder(&[]), &[])[0].to_string(),
            "runs.csv: missing"
        );
    }

    #[test]
    fn many_hashes_fold_into_one_digest() {
        let hashes: BTreeMap<_, _> = (0..3)
            .map(|i| (format!("run {i}"), format!("{i:016x}")))
            .collect();
        assert_eq!(
            TraceHashes::new(hashes.clone(), 3),
            TraceHashes::ByRun(hashes.clone())
        );
        let TraceHashes::Digest { runs, digest } = TraceHashes::new(hashes, 2) else {
            panic!("more than two runs are folded");
        };
        assert_eq!((runs, digest.len()), (3, 71));
    }
}
