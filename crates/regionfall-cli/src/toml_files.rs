//! The files of a folder that end in `.toml`.

use std::path::Path;

use crate::error::InputError;

/// The names of the files, in their order.
pub(crate) fn names(folder: &str) -> Result<Vec<String>, InputError> {
    let entries = Path::new(folder)
        .read_dir()
        .map_err(|error| InputError::new(format!("cannot read the folder `{folder}`: {error}")))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    // The folder lists them in any order.
    names.sort_unstable();
    Ok(names)
}

/// A file of a folder, as it is named in tables.
pub(crate) fn within(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}
