//! The commands, one file each: from arguments to what is printed and how it ends.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod crdt;
pub(crate) mod curve;
pub(crate) mod explain;
pub(crate) mod fidelity;
pub(crate) mod fingerprint;
pub(crate) mod init;
pub(crate) mod presets;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod shrink;
pub(crate) mod test;
pub(crate) mod verify;
