//! `regionfall schema`: the JSON Schema of scenario files, which editors use.

use std::io::Write as _;

use regionfall::scenario::schema::json_schema;

use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// Prints the schema.
pub(crate) fn run(context: &mut Context) -> Result<Exit, CommandError> {
    writeln!(context.out(), "{:#}", json_schema())?;
    Ok(Exit::Held)
}
