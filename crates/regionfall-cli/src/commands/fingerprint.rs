//! `regionfall fingerprint`, hidden: what runs came to, in lines that `verify` reads from a second
//! process. The two ends are the same executable, so the form may change at any time.

use std::io::Write as _;

use crate::arguments::FingerprintArguments;
use crate::context::Context;
use crate::error::{CommandError, InputError};
use crate::exit::Exit;
use crate::fingerprint::{checkpoints_to_lines, plan, records_to_lines};
use crate::parallel;
use crate::scenario_file;

/// Prints a line for each run, or the checkpoints or records of one.
pub(crate) fn run(
    arguments: &FingerprintArguments,
    context: &mut Context,
) -> Result<Exit, CommandError> {
    let loaded = scenario_file::load(&arguments.scenario)?;
    let scenario = &loaded.scenario;
    let runs = plan(scenario, arguments.seeds);
    let one = |number: usize| {
        runs.get(number)
            .ok_or_else(|| InputError::new(format!("there is no run {number}")))
    };
    if let Some(number) = arguments.checkpoints_of {
        let checkpoints = one(number)?.checkpoints(scenario)?;
        context
            .out()
            .write_all(checkpoints_to_lines(&checkpoints).as_bytes())?;
    } else if let Some((number, first, end)) = arguments.records_of {
        let records = one(number)?.records(scenario, first..end)?;
        context
            .out()
            .write_all(records_to_lines(&records).as_bytes())?;
    } else {
        let all = parallel::map(
            &runs,
            parallel::available_jobs(),
            || false,
            |run| run.fingerprint(scenario),
        );
        for fingerprint in all.into_iter().flatten() {
            writeln!(context.out(), "{}", fingerprint?.to_line())?;
        }
    }
    Ok(Exit::Held)
}
