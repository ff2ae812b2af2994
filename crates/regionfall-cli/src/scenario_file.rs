//! Opening scenario files, and the files that they name.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::sync::OnceLock;

use regionfall::scenario::{LoadError, Loaded, Loader, Scenario, nearest};

use crate::arguments::ScenarioArguments;
use crate::error::CommandError;
use crate::shell::quoted;
use crate::study::inputs::{Inputs, Noting};

/// Larger files are no scenarios: something else is at this path.
const BYTES_MAX: u64 = 64 << 20;

/// The name that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Reads the scenario that the arguments name.
pub(crate) fn load(arguments: &ScenarioArguments) -> Result<Loaded, CommandError> {
    Ok(Scenario::load(
        &arguments.file,
        &Disk::default(),
        &arguments.set,
    )?)
}

/// Reads the scenario that the arguments name, and keeps the data files that it names.
pub(crate) fn load_with_inputs(
    arguments: &ScenarioArguments,
) -> Result<(Loaded, Inputs), CommandError> {
    let disk = Disk::default();
    let noting = Noting::new(&disk);
    let loaded = Scenario::load(&arguments.file, &noting, &arguments.set)?;
    Ok((loaded, noting.into_inputs(&arguments.file)))
}

/// The part of a command line that names the scenario again.
pub(crate) fn repeated(arguments: &ScenarioArguments) -> String {
    let set = arguments
        .set
        .iter()
        .map(|(key, value)| format!(" --set {}", quoted(&format!("{key}={value}"))));
    format!("{}{}", quoted(&arguments.file), set.collect::<String>())
}

/// Files as the operating system has them, relative to the working directory.
#[derive(Default)]
pub(crate) struct Disk {
    stdin: OnceLock<Vec<u8>>,
}

impl Loader for Disk {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let read = if path == STDIN {
            self.stdin()
        } else {
            File::open(path).and_then(bounded)
        };
        read.map_err(|error| LoadError {
            reason: reason(path, &error),
        })
    }
}

impl Disk {
    fn stdin(&self) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.stdin.get() {
            return Ok(bytes.clone());
        }
        let bytes = bounded(io::stdin().lock())?;
        Ok(self.stdin.get_or_init(|| bytes).clone())
    }
}

fn bounded(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "it is larger than 64 MiB",
        ));
    }
    Ok(bytes)
}

/// Why a file cannot be read, with the nearest file name if there is none of this name.
fn reason(path: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => match neighbour(Path::new(path)) {
            Some(near) => format!("no such file; did you mean `{near}`?"),
            None => "no such file".to_owned(),
        },
        ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The file of the nearest name in the same folder.
fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let entries = folder.unwrap_or(Path::new(".")).read_dir().ok()?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    // The folder lists them in any order.
    names.sort_unstable();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(folder.map_or_else(
        || near.to_owned(),
        |folder| format!("{}/{near}", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_answered_with_its_neighbour() {
        let missing = io::Error::from(ErrorKind::NotFound);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.tmol");
        let reason = reason(path, &missing);
        assert!(reason.ends_with("/Cargo.toml`?"), "{reason}");
    }

    #[test]
    fn the_repeated_line_keeps_what_was_set() {
        let arguments = ScenarioArguments {
            file: "sims/a.toml".to_owned(),
            set: vec![
                ("phases.calm".to_owned(), "5m".to_owned()),
                ("title".to_owned(), "a b".to_owned()),
            ],
        };
        assert_eq!(
            repeated(&arguments),
            "sims/a.toml --set phases.calm=5m --set 'title=a b'"
        );
    }
}
