//! The story of `sims/flash-sale.toml`: what it says in its first comment is what happens.

use regionfall::history::{BrokenKind, BrokenPromises};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;

fn run(case: &str) -> BrokenPromises {
    let text = include_str!("../../../../sims/flash-sale.toml");
    let scenario = Scenario::from_toml(text).expect("a right scenario");
    let outcome = Simulation::new(&scenario, Seed::new(1))
        .case(case)
        .and_then(|simulation| simulation.strategy("jedis-multidb"))
        .and_then(Simulation::run)
        .expect("the story has this case and strategy");
    outcome.expect_all_held();
    outcome.account().promises.clone()
}

#[test]
fn regions_apart_sell_what_the_other_has_sold() {
    let (apart, together) = (run("regions apart"), run("nothing happens"));
    // 20 articles of 150 units, of which each region can sell all but what the other had sold before the partition.
    let (sold_apart, sold_together) = (apart.oversold_units, together.oversold_units);
    assert!(
        (500..3_000).contains(&sold_apart.expect("there is a floor")),
        "{sold_apart:?}"
    );
    assert!(sold_together < Some(50), "{sold_together:?}");
    assert!(apart.double_deliveries > together.double_deliveries);
    assert!(apart.double_claims > together.double_claims);
    for broken in &apart.evidence {
        assert_ne!(broken.nodes[0], broken.nodes[1]);
        let is_stock = matches!(broken.kind, BrokenKind::Oversold(_));
        assert_eq!(is_stock, broken.keyspace.index() == 0);
    }
}
