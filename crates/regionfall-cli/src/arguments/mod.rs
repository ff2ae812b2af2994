//! The command line: every command with its arguments.

pub(crate) mod value;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use regionfall_report::table::Format;

use crate::exit;
use crate::selection::Selection;

/// Compares failover strategies of multi-region databases under repeatable faults: how much data is
/// lost, and for how long clients are down.
#[derive(Debug, Parser)]
#[command(name = "regionfall", version, after_help = exit::HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct GlobalArguments {
    /// How tables are written
    #[arg(
        long,
        global = true,
        default_value = "table",
        value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)).try_map(|name| name.parse::<Format>())
    )]
    pub(crate) format: Format,
    /// Neither progress nor notes on standard error; warnings and errors stay
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a commented scenario to start from
    Init(InitArguments),
    /// Runs each strategy and case once: summary, verdicts, trace hash
    Run(RunArguments),
    /// Compares strategies over many seeds: tables with intervals, and a folder of results
    Compare(CompareArguments),
    /// Varies a key of the scenario and draws a metric against it
    Curve(CurveArguments),
    /// Makes a folder of results again and compares the bytes
    Reproduce(ReproduceArguments),
    /// Finds what is wrong with a scenario, and what will disappoint
    Check(CheckArguments),
    /// Prints the JSON Schema of scenario files, for editors
    Schema,
    /// Lists the presets of strategies, with sources and grades
    Presets(PresetsArguments),
    /// Runs everything again, in a second process too: equal, or the first difference
    Verify(VerifyArguments),
    /// Runs scenarios as tests: one line for each scenario, case and strategy
    Test(TestArguments),
    /// Tells the story of a run: what happened, why writes were lost and clients slow
    Explain(ExplainArguments),
    /// Makes a failing run as small as it gets: scenario file, Rust test, story
    Shrink(ShrinkArguments),
    /// Asks the replicated data types the questions of a file of conflict cases
    Crdt(CrdtArguments),
    /// Compares what scenarios predict with what was measured on the real thing
    Fidelity(FidelityArguments),
    /// Prints completions for a shell
    Completions(CompletionsArguments),
    /// Prints what runs came to, for `verify` to compare
    #[command(hide = true)]
    Fingerprint(FingerprintArguments),
}

/// A scenario file and what is set over it.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArguments {
    /// The scenario file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// Sets a key over the file, such as `database.shards=4` or `strategy.NAME.propagation.ttl=5s`
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_and_value)]
    pub(crate) set: Vec<(String, String)>,
}

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Regions with a member, two to ten
    #[arg(
        long,
        value_name = "A,B,…",
        value_delimiter = ',',
        default_value = "us-east-1,eu-west-1,ap-southeast-1"
    )]
    pub(crate) regions: Vec<String>,
    /// A new file to write to instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<std::path::PathBuf>,
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// The seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The trace hash that the run must have
    #[arg(long, value_name = "HASH", value_parser = value::trace_hash)]
    pub(crate) expect: Option<u64>,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// Prints every setting as TOML, with its origin
    #[arg(long)]
    pub(crate) resolved: bool,
}

/// The arguments of `presets`.
#[derive(Debug, Args)]
pub(crate) struct PresetsArguments {
    /// Shows every setting of this one
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// As TOML, to paste into a scenario
    #[arg(long)]
    pub(crate) toml: bool,
}

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value::seeds)]
    pub(crate) seeds: u32,
}

/// The arguments of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Scenario files, and folders with such: their files, and those in their `regressions`
    /// [default: sims]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Also writes what came of it as JUnit XML, which CI systems show
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<std::path::PathBuf>,
    /// Runs as many seeds as fit into this time, at least one of each
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(crate) time: Option<std::time::Duration>,
    /// How many seeds of each scenario [default: 5, or the environment's `REGIONFALL_CASES`]
    #[arg(long, value_name = "N", value_parser = value::seeds)]
    pub(crate) seeds: Option<u32>,
    /// The first seed [default: 1, or the environment's `REGIONFALL_SEED`]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = value::jobs)]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Sets a key over every file, such as `phases.calm=5m`
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_and_value)]
    pub(crate) set: Vec<(String, String)>,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// The seed, or which of several: `worst:rto`, `worst:lost` or `median` (of the slowest client)
    #[arg(long, value_name = "N|worst:rto|worst:lost|median", value_parser = value::which_seed)]
    pub(crate) seed: value::WhichSeed,
    /// How many seeds are looked at for `worst:…` and `median`
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value::seeds)]
    pub(crate) seeds: u32,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How many continuations are made from each moment to find when a loss became inevitable; 0 does without
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) noises: u32,
    /// Writes a diagram of space and time; of one run only
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<std::path::PathBuf>,
}

/// The arguments of `shrink`.
#[derive(Debug, Args)]
pub(crate) struct ShrinkArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// The seed of the run that fails
    #[arg(long, value_name = "N")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// The property that must go on failing [default: the worst that fails]
    #[arg(long, value_name = "NAME")]
    pub(crate) property: Option<String>,
    /// Most runs
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) runs: u32,
    /// Most time
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::time)]
    pub(crate) time: std::time::Duration,
    /// The folder for the three files
    #[arg(long, value_name = "FOLDER", default_value = "target/regionfall")]
    pub(crate) out: std::path::PathBuf,
}

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    #[command(flatten)]
    pub(crate) sweep: SweepArguments,
    /// This strategy's broken promises and objectives that are not met (missed, or too few seeds to say)
    /// decide the exit code, beside those that say `gate = true`
    #[arg(long, value_name = "NAME")]
    pub(crate) gate: Vec<String>,
    /// Those of every strategy do: what too few seeds cannot prove counts as missed
    #[arg(long)]
    pub(crate) strict: bool,
    /// Stops early, once the interval of a metric is this narrow, as in `rto_p99=5%`
    #[arg(long, value_name = "METRIC=SHARE", value_parser = value::precision)]
    pub(crate) until: Option<(String, f64)>,
    /// Takes only every Nth seed, from the Ith on, as in `1/4`: to share a comparison out
    #[arg(long, value_name = "I/N", value_parser = value::shard)]
    pub(crate) shard: Option<(u32, u32)>,
}

/// The arguments of `curve`.
#[derive(Debug, Args)]
pub(crate) struct CurveArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    #[command(flatten)]
    pub(crate) sweep: SweepArguments,
    /// A key of the scenario and the values that it takes
    #[arg(long, value_name = "KEY=V1,V2,…", required = true, value_parser = value::key_and_values)]
    pub(crate) vary: Vec<(String, Vec<String>)>,
    /// The column that is drawn
    #[arg(long, value_name = "COLUMN")]
    pub(crate) metric: Option<String>,
}

/// What commands that make many runs take.
#[derive(Clone, Debug, Args)]
pub(crate) struct SweepArguments {
    /// How many seeds, instead of those of the scenario
    #[arg(long, value_name = "N", value_parser = value::seeds)]
    pub(crate) seeds: Option<u32>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = value::jobs)]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// The folder for results [default: results/NAME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// The arguments of `reproduce`.
#[derive(Debug, Args)]
pub(crate) struct ReproduceArguments {
    /// A folder of results
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: std::path::PathBuf,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = value::jobs)]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

/// The arguments of `crdt`.
#[derive(Debug, Args)]
pub(crate) struct CrdtArguments {
    /// Files of cases, and folders with such; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<String>,
    /// Sets a key over every case, such as `config.xadd_id_mode=liberal`
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Only this case
    #[arg(long, value_name = "ID")]
    pub(crate) case: Vec<String>,
    /// Shows every case with its steps, those that passed and the ambiguous ones too
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// The arguments of `fidelity`.
#[derive(Debug, Args)]
pub(crate) struct FidelityArguments {
    /// A folder of scenarios, or one scenario file; those without `[[reference]]` are passed over
    #[arg(value_name = "DIR")]
    pub(crate) folder: std::path::PathBuf,
    /// The smallest share of references that must agree
    #[arg(long, value_name = "SHARE", default_value = "90%", value_parser = value::share)]
    pub(crate) least: f64,
    /// How many seeds, instead of those of each scenario
    #[arg(long, value_name = "N", value_parser = value::seeds)]
    pub(crate) seeds: Option<u32>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = value::jobs)]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Writes the tables in Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The arguments of `fingerprint`.
#[derive(Debug, Args)]
pub(crate) struct FingerprintArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// How many seeds
    #[arg(long)]
    pub(crate) seeds: u32,
    /// The checkpoints of the run with this number, instead of what all runs came to
    #[arg(long)]
    pub(crate) checkpoints_of: Option<usize>,
    /// The records of the run with this number from the first to before the last, separated by colons
    #[arg(long, value_parser = value::records)]
    pub(crate) records_of: Option<(usize, u64, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }
}
