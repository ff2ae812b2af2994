//! Folders of results: written under another name beside the final one, and renamed when they are whole.
//!
//! A reader never sees half a folder under the final name. Whether it can be written is known before
//! the first run: the folder beside is made then.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regionfall_report::manifest;

use super::Files;
use crate::error::{CommandError, InputError};

/// What date and host go into: apart from the digests.
pub(crate) const RUN_INFO: &str = "run-info.json";

/// A folder that is being written.
#[derive(Debug)]
pub(crate) struct Folder {
    target: PathBuf,
    beside: PathBuf,
    is_done: bool,
}

impl Folder {
    /// Makes room for results at a path. Refuses what cannot be written, and what holds anything but
    /// results.
    pub(crate) fn prepare(target: &Path) -> Result<Self, InputError> {
        let shown = target.display();
        let cannot = |error: &io::Error| {
            let reason = match error.kind() {
                io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "a part of the path is a file, not a folder".to_owned()
                }
                _ => error.to_string(),
            };
            InputError::new(format!("cannot write results to `{shown}`: {reason}"))
                .help("choose another folder with --out")
        };
        let Some(name) = target.file_name() else {
            let error = InputError::new(format!("`{shown}` is no name for a new folder"));
            return Err(error.help("choose another folder with --out"));
        };
        refuse_other_content(target)?;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| cannot(&error))?;
        let beside = parent.join(format!(
            ".{}.writing-{}",
            name.to_string_lossy(),
            std::process::id()
        ));
        remove(&beside).map_err(|error| cannot(&error))?;
        fs::create_dir(&beside).map_err(|error| cannot(&error))?;
        let folder = Self {
            target: target.to_owned(),
            beside,
            is_done: false,
        };
        // A folder can exist in which no file can.
        let probe = folder.beside.join("probe");
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| cannot(&error))?;
        Ok(folder)
    }

    /// Writes the files and gives the folder its final name. Older results there are replaced.
    pub(crate) fn finish(mut self, files: &Files) -> Result<PathBuf, CommandError> {
        let failed = |error: io::Error| {
            let message = format!(
                "cannot write results to `{}`: {error}",
                self.target.display()
            );
            CommandError::from(InputError::new(message))
        };
        for (name, bytes) in files {
            let path = self.beside.join(name);
            fs::write(path, bytes).map_err(failed)?;
        }
        let old = self.beside.with_extension("old");
        remove(&old).map_err(failed)?;
        let has_old = self.target.exists();
        if has_old {
            fs::rename(&self.target, &old).map_err(failed)?;
        }
        if let Err(error) = fs::rename(&self.beside, &self.target) {
            if has_old {
                // What was there stays there.
                let _ = fs::rename(&old, &self.target);
            }
            return Err(failed(error));
        }
        self.is_done = true;
        // The new results are in place; a rest of the old ones harms nobody.
        let _ = remove(&old);
        Ok(self.target.clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = remove(&self.beside);
        }
    }
}

/// The content of a folder, by name; folders within it are left out.
pub(crate) fn read(path: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.insert(
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path())?,
            );
        }
    }
    Ok(files)
}

/// A folder beside another, with an ending added to its name.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    target.with_file_name(name)
}

/// Removes a folder, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder with a manifest holds results, an empty one nothing; anything else is not ours to replace.
fn refuse_other_content(target: &Path) -> Result<(), InputError> {
    let shown = target.display();
    if target.exists() && !target.is_dir() {
        let error = InputError::new(format!("cannot write results to `{shown}`: it is a file"));
        return Err(error.help("choose another folder with --out"));
    }
    let is_empty = fs::read_dir(target).map_or(true, |mut entries| entries.next().is_none());
    if is_empty || target.join(manifest::FILE_NAME).is_file() {
        return Ok(());
    }
    let error = InputError::new(format!(
        "cannot write results to `{shown}`: it holds files that are no results"
    ));
    Err(error.help("choose another folder with --out, or empty it"))
}
