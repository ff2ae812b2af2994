//! `regionfall curve`.
use crate::arguments::CurveArguments;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
pub(crate) fn run(_: &CurveArguments, _: &mut Context) -> Result<Exit, CommandError> { Ok(Exit::Held) }
