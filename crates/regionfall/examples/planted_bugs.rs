//! Bugs planted on purpose: the search finds each and makes it as small as it gets.
//!
//! `cargo run --release --example planted_bugs`; it prints how many runs it took, and the shrunk plan. The same list is a test.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]
#![expect(
    clippy::disallowed_types,
    reason = "an example may look at the clock to say how long it took"
)]

#[path = "../tests/proof/bugs.rs"]
mod bugs;

use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for bug in bugs::bugs() {
        let begun = Instant::now();
        let hunt = bug
            .hunt
            .until(move || begun.elapsed() > Duration::from_mins(1));
        let searched = hunt.search();
        let Some(found) = searched.found else {
            println!("{}: not found in {} runs", bug.name, searched.runs);
            continue;
        };
        let to_find = begun.elapsed().as_secs_f64();
        let shrunk = hunt.shrink(&found, 1_000)?;
        println!(
            "{}: {} broke in run {} after {to_find:.1} s; from {} faults to {} in {} regions, {} runs, {:.1} s",
            bug.name,
            bug.property,
            found.runs,
            found.plan.len(),
            shrunk.specimen.faults(),
            shrunk.specimen.regions(),
            shrunk.runs,
            begun.elapsed().as_secs_f64(),
        );
        for line in shrunk
            .specimen
            .to_toml()
            .lines()
            .skip_while(|line| *line != "[[fault]]")
        {
            println!("    {line}");
        }
    }
    Ok(())
}
