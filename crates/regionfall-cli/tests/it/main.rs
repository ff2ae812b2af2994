//! The command end to end, and the source tree.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot start the command or read its own files fails"
)]

mod bad_scenarios;
mod check;
mod claims;
mod command;
mod compare;
mod crdt;
mod curve;
mod fidelity;
mod help;
mod init;
#[cfg(unix)]
mod interrupt;
mod presets;
mod proving;
mod report;
mod reproduce;
mod run;
mod tidy;
mod tree;
mod verify;
