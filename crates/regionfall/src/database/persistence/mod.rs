//! What survives a crash: append-only files, snapshots, exports.
//!
//! State and rules only: when a file is written is worked out from moments that the caller names. That
//! processes die, who waits for a reply and what a restart costs is the world's.

mod append_file;
mod config;
mod disk;
mod export;
mod log;
mod pace;
mod rewriting;
mod rhythm;
mod snapshot_file;

pub use append_file::AppendFile;
pub use config::{
    PersistenceConfig, PersistenceMode, PersistsOn, RewriteConfig, SaveRule, time_at_rate,
};
pub use disk::{Crash, Disk};
pub use export::{Export, ExportConfig, ExportTo, Exports};
pub use log::{Change, Log};
pub use pace::{Pace, Work};
pub use rewriting::Rewriting;
pub use rhythm::{DIRTY_EXPIRES, Rhythm, WRITEBACK_EVERY};
pub use snapshot_file::SnapshotFile;

#[cfg(test)]
mod tests;
