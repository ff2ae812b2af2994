//! Which function executes which command.

use super::Call;
use super::CommandKind as Kind;
use crate::run::Run;
use crate::{ErrorKind, Reply};

/// Executes a command given as bytes.
pub(crate) fn dispatch(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::Del | Kind::Unlink => super::keys::delete(run, call),
        Kind::Exists | Kind::Touch => super::keys::exists(run, call),
        _ => Err(ErrorKind::NotSupported(call.kind().name().into())),
    }
}
