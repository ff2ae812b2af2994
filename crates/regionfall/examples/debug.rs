#![allow(missing_docs, clippy::all, clippy::print_stdout)]
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall_kernel::Seed;
fn main() {
    let scenario = Scenario::from_toml(include_str!("../../../sims/region-loss.toml")).unwrap();
    println!("{:?}", scenario.variants[0].settings.strategies[1].propagation);
    for seed in 1..12 {
    let o = Simulation::new(&scenario, Seed::new(seed)).case("disks kept").unwrap().strategy("route53-fast").unwrap().run().unwrap();
    let r: Vec<_> = o.metrics().episodes().iter().map(|e| (e.rto.unwrap().as_secs_f64() as u64)).collect();
    println!("{r:?}");
    }
}
