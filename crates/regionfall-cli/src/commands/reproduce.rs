//! `regionfall reproduce`.
use crate::arguments::ReproduceArguments;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
pub(crate) fn run(_: &ReproduceArguments, _: &mut Context) -> Result<Exit, CommandError> { Ok(Exit::Held) }
