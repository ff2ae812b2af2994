//! Runs one seed of the README's study and prints its story.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::from_toml(include_str!("../../../sims/region-loss.toml"))?;
    for strategy in ["pinned", "route53-fast", "jedis-multidb"] {
        for case in ["disks kept", "disks lost"] {
            let outcome = Simulation::new(&scenario, Seed::new(7))
                .case(case)?
                .strategy(strategy)?
                .run()?;
            println!(
                "{strategy}, {case}: {} events, trace {}",
                outcome.events(),
                outcome.trace_hash()
            );
            for verdict in outcome.verdicts() {
                println!("  {verdict}");
            }
            for (column, value) in regionfall::metric::RUN_COLUMNS
                .iter()
                .zip(outcome.metrics().values())
            {
                println!("  {} = {:?}", column.name, value);
            }
        }
    }
    Ok(())
}
