//! The data files that a scenario names: kept beside its results, and given again to a reproduction.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regionfall::scenario::{LoadError, Loader};

/// Data files by the path under which the scenario asked for them, with the name of their copy.
#[derive(Clone, Default, Debug)]
pub(crate) struct Inputs {
    by_path: BTreeMap<String, (String, Vec<u8>)>,
}

/// A loader that notes what it gave.
pub(crate) struct Noting<'a> {
    loader: &'a dyn Loader,
    given: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Inputs {
    /// Inputs as a manifest and a folder hold them.
    pub(crate) fn from_parts(parts: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> Self {
        let by_path = parts
            .into_iter()
            .map(|(path, name, bytes)| (path, (name, bytes)));
        Self {
            by_path: by_path.collect(),
        }
    }

    /// Files of the folder.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.by_path
            .values()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The name of each copy by its path.
    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        let names = self
            .by_path
            .iter()
            .map(|(path, (name, _))| (path.clone(), name.clone()));
        names.collect()
    }
}

impl Loader for Inputs {
    /// The file at a path, or the only one whose path ends like it: a resolved scenario names files as
    /// they were counted from the file that named them.
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if let Some((_, bytes)) = self.by_path.get(path) {
            return Ok(bytes.clone());
        }
        let plain = path.trim_start_matches("../").trim_start_matches("./");
        let mut alike = self
            .by_path
            .iter()
            .filter(|(known, _)| *known == plain || known.ends_with(&format!("/{plain}")));
        match (alike.next(), alike.next()) {
            (Some((_, (_, bytes))), None) => Ok(bytes.clone()),
            (None, _) => Err(LoadError {
                reason: "the results hold no copy of it".to_owned(),
            }),
            (Some(_), Some(_)) => Err(LoadError {
                reason: "the results hold several files that could be meant".to_owned(),
            }),
        }
    }
}

impl<'a> Noting<'a> {
    /// Notes what `loader` gives.
    pub(crate) fn new(loader: &'a dyn Loader) -> Self {
        Self {
            loader,
            given: RefCell::default(),
        }
    }

    /// The data files that were given. Scenario files are not among them: their content is in the
    /// resolved scenario.
    pub(crate) fn into_inputs(self, scenario: &str) -> Inputs {
        let data = self
            .given
            .into_inner()
            .into_iter()
            .filter(|(path, _)| path != scenario && !is_scenario(path));
        let parts = data.enumerate().map(|(number, (path, bytes))| {
            let plain = path.rsplit('/').next().unwrap_or(&path);
            let name = format!("input-{}-{plain}", number + 1);
            (path, name, bytes)
        });
        Inputs::from_parts(parts)
    }
}

fn is_scenario(path: &str) -> bool {
    let ending = std::path::Path::new(path).extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

impl Loader for Noting<'_> {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let bytes = self.loader.load(path)?;
        self.given
            .borrow_mut()
            .insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always;

    impl Loader for Always {
        fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
            Ok(path.as_bytes().to_vec())
        }
    }

    #[test]
    fn data_files_are_found_again() {
        let noting = Noting::new(&Always);
        for path in ["sims/a.toml", "sims/base.toml", "sims/data/lag.csv"] {
            noting.load(path).unwrap();
        }
        let inputs = noting.into_inputs("sims/a.toml");
        assert_eq!(
            inputs.files().map(|(name, _)| name).collect::<Vec<_>>(),
            ["input-1-lag.csv"]
        );
        for path in [
            "sims/data/lag.csv",
            "data/lag.csv",
            "../data/lag.csv",
            "lag.csv",
        ] {
            assert_eq!(inputs.load(path).unwrap(), b"sims/data/lag.csv", "{path}");
        }
        assert!(inputs.load("other.csv").is_err());
    }
}
