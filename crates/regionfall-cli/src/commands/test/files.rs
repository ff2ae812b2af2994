//! Which files are tests: those that are named, and those in folders that are named.

use std::path::Path;

use crate::context::Context;
use crate::error::InputError;
use crate::toml_files;

/// Files of this name must fail, to show that tests can: they are run only if they are named.
const CANARY: &str = "canary.toml";

/// The files in order: of a folder its own `*.toml` and those in its `regressions`.
pub(super) fn find(paths: &[String], context: &Context) -> Result<Vec<String>, InputError> {
    let usual = ["sims".to_owned()];
    let paths = if paths.is_empty() { &usual[..] } else { paths };
    let mut files = Vec::new();
    for path in paths {
        if Path::new(path).is_dir() {
            let before = files.len();
            folder(path, &mut files, context)?;
            let regressions = format!("{}/regressions", path.trim_end_matches('/'));
            if Path::new(&regressions).is_dir() {
                folder(&regressions, &mut files, context)?;
            }
            if files.len() == before {
                return Err(InputError::new(format!("there is no scenario in `{path}`"))
                    .allowed("files that end in .toml"));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn folder(path: &str, files: &mut Vec<String>, context: &Context) -> Result<(), InputError> {
    for name in toml_files::names(path)? {
        let file = toml_files::within(path, &name);
        if name == CANARY {
            context.note(&format!(
                "{file} must fail, and is left out: name it to run it"
            ));
        } else {
            files.push(file);
        }
    }
    Ok(())
}
