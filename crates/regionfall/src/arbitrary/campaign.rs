//! A property test that keeps what failed: the smallest failing scenario is left as a file that the command replays.
//!
//! The environment says how much and what: `REGIONFALL_SEED` (of the generator, decimal), `REGIONFALL_CASES` (how many
//! scenarios at most), `REGIONFALL_TIME` (seconds, after which no further one is begun).

use std::path::PathBuf;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use regionfall_kernel::Seed;

use super::world::{Generated, scenario};
use crate::simulation::{MODEL_VERSION, Outcome, Simulation};

/// A property test over generated scenarios.
#[derive(Clone, Debug)]
pub struct Campaign {
    name: String,
    folder: PathBuf,
    cases: u32,
    seed: Option<u64>,
    time: Option<u64>,
}

/// What failed, as small as it could be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}\nkept in {file}: regionfall test {file}\n{toml}")]
pub struct Failed {
    /// What the property said.
    pub reason: String,
    /// Where the scenario is kept.
    pub file: String,
    /// The scenario.
    pub toml: String,
}

impl Campaign {
    /// A campaign of so many scenarios, under the name of its test, which is the name of the file that it keeps:
    /// one file for each test, so that tests in processes of their own do not meet.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may be told how long to run"
    )]
    pub fn new(name: &str, cases: u32) -> Self {
        let number = |key: &str| std::env::var(key).ok()?.trim().parse::<u64>().ok();
        Self {
            name: name.to_owned(),
            folder: PathBuf::from("target/regionfall"),
            cases: number("REGIONFALL_CASES").map_or(cases, |cases| cases as u32),
            seed: number("REGIONFALL_SEED"),
            time: number("REGIONFALL_TIME"),
        }
    }

    /// Keeps what failed in another folder than `target/regionfall`.
    #[must_use]
    pub fn keep_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Runs generated scenarios, each with a seed of its own; `property` says of each outcome what is wrong with it.
    ///
    /// # Errors
    /// With the smallest scenario found that fails, once it is kept.
    #[expect(
        clippy::disallowed_types,
        reason = "a test may look at the clock to know when to stop"
    )]
    pub fn run(
        &self,
        property: impl Fn(&Generated, &Outcome) -> Result<(), String>,
    ) -> Result<u32, Failed> {
        let config = Config {
            cases: self.cases,
            failure_persistence: None,
            max_shrink_iters: 2_000,
            ..Config::default()
        };
        let mut runner = match self.seed {
            Some(seed) => {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&seed.to_le_bytes());
                let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
                TestRunner::new_with_rng(config, rng)
            }
            None => TestRunner::new(config),
        };
        let begun = std::time::Instant::now();
        let is_over = || {
            self.time
                .is_some_and(|seconds| begun.elapsed().as_secs() >= seconds)
        };
        let made = std::cell::Cell::new(0);
        // The seed of a run is a function of its file: the plan shrinks, and the seed comes with it.
        let result = runner.run(&scenario(), |drawn| {
            if is_over() {
                return Ok(());
            }
            made.set(made.get() + 1);
            let seed = seed_of(&drawn);
            match Simulation::new(&drawn.scenario, seed).run() {
                Ok(outcome) => property(&drawn, &outcome).map_err(TestCaseError::fail),
                Err(error) => Err(TestCaseError::fail(error.to_string())),
            }
        });
        match result {
            Ok(()) => Ok(made.get()),
            Err(TestError::Fail(reason, drawn)) => Err(self.keep(reason.to_string(), &drawn)),
            Err(TestError::Abort(reason)) => Err(Failed {
                reason: reason.to_string(),
                file: String::new(),
                toml: String::new(),
            }),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a failing test leaves the file that repeats it"
    )]
    fn keep(&self, reason: String, drawn: &Generated) -> Failed {
        let path = self.folder.join(format!("{}.toml", self.name));
        let told: Vec<String> = reason.lines().map(|line| format!("# {line}")).collect();
        let toml = format!(
            "{}\n{}\n[replay]\nseed = {}\nmodel = {MODEL_VERSION}\n",
            told.join("\n"),
            drawn.toml,
            seed_of(drawn).get()
        );
        let is_kept =
            std::fs::create_dir_all(&self.folder).is_ok() && std::fs::write(&path, &toml).is_ok();
        let file = if is_kept {
            path.display().to_string()
        } else {
            format!("nowhere, since {} cannot be written", path.display())
        };
        Failed { reason, file, toml }
    }
}

/// The seed of the run of a generated scenario.
fn seed_of(drawn: &Generated) -> Seed {
    let settings = &drawn.scenario.variants[0].settings;
    Seed::new(
        u64::from(settings.topology.members as u32) * 1_000 + settings.workload.fleets.len() as u64,
    )
}
