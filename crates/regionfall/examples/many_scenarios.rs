//! Thousands of generated scenarios: none may panic, hang (the budget of events), break a law of the model, or give a number
//! that is none. At the end it tells in how many of them each thing was seen that should be seen sometimes.
//!
//! `cargo run --release -p regionfall --features proptest --example many_scenarios -- 10000 2` runs so many scenarios on so many
//! threads. Scenario `n` is the same on every machine.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]
#![expect(
    clippy::disallowed_types,
    reason = "an example may look at the clock to say how long it took"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use regionfall::arbitrary::{self, Generated};
use regionfall::check::{SOMETIMES, VerdictKind};
use regionfall::metric::{RUN_COLUMNS, Value};
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual: u64| {
        let text = arguments.next();
        text.and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (count, threads) = (number(10_000), number(2));
    let begun = Instant::now();
    let (next, events, wrong) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let seen: Mutex<Vec<&'static str>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    match tried(index) {
                        Ok((took, sights)) => {
                            events.fetch_add(took, Ordering::Relaxed);
                            if let Ok(mut seen) = seen.lock() {
                                seen.extend(sights);
                            }
                        }
                        Err(what) => {
                            wrong.fetch_add(1, Ordering::Relaxed);
                            println!("scenario {index}: {what}");
                        }
                    }
                }
            });
        }
    });
    println!(
        "{count} scenarios, {} events, {} wrong, {:.0} s on {threads} threads",
        events.into_inner(),
        wrong.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64()
    );
    let seen = seen.into_inner().unwrap_or_default();
    for bucket in SOMETIMES {
        let count = seen.iter().filter(|sight| *sight == bucket).count();
        println!("{bucket}: in {count}");
    }
    assert_eq!(wrong.into_inner(), 0, "some scenarios were wrong");
}

/// Runs a scenario; says how many events it took and what was seen, or what is wrong with it.
fn tried(index: u64) -> Result<(u64, Vec<&'static str>), String> {
    let run = || {
        let drawn = generated(index)?;
        let outcome = Simulation::new(&drawn.scenario, Seed::new(index))
            .run()
            .map_err(|error| error.to_string())?;
        if !outcome.is_within_budget() {
            return Err(format!("its events were spent\n{}", drawn.toml));
        }
        if let Some(broken) = outcome
            .broken()
            .find(|verdict| verdict.kind == VerdictKind::ModelLaw)
        {
            return Err(format!("{broken}\n{}", drawn.toml));
        }
        let numbers = RUN_COLUMNS.iter().zip(outcome.metrics().values());
        for (column, value) in numbers {
            if let Value::Number(number) = value
                && !number.is_finite()
            {
                return Err(format!("{} is {number}\n{}", column.name, drawn.toml));
            }
        }
        let verdicts = outcome.verdicts().iter();
        let sights =
            verdicts.filter(|verdict| verdict.kind == VerdictKind::Sometimes && verdict.held);
        Ok((
            outcome.events(),
            sights.map(|verdict| verdict.check).collect(),
        ))
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(_) => Err("it panicked".to_owned()),
    }
}

/// The scenario with a number.
fn generated(index: u64) -> Result<Generated, String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&index.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = arbitrary::scenario().new_tree(&mut runner);
    tree.map(|tree| tree.current())
        .map_err(|reason| reason.to_string())
}
