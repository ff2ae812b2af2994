//! Commands on keys of any type.

use super::Call;
use crate::run::Run;
use crate::{ErrorKind, Reply};

/// DEL and UNLINK, which blocks too (Redis Active-Active documentation, planning).
pub(super) fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let deleted = call.keys().iter().filter(|&&key| run.delete(key)).count();
    Ok(Reply::count(deleted))
}

/// EXISTS and TOUCH: a key named twice counts twice.
pub(super) fn exists(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let there = call
        .keys()
        .iter()
        .filter(|&&key| !run.value(key).is_absent());
    Ok(Reply::count(there.count()))
}
