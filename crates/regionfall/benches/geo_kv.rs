//! What a message costs: the whole scenario path, or parts of it, on one workload.

#[path = "geo_kv_settings.rs"]
mod geo_kv_settings;

use std::hint::black_box;

use regionfall::simulation::{Blueprint, World};
use regionfall_kernel::{Seed, SimDuration, SimTime};

fn main() {
    let blueprint =
        Blueprint::new(geo_kv_settings::settings(3, SimDuration::from_secs(60)));
    let strategy = geo_kv_settings::plain_client();
    let start = std::time::Instant::now();
    let mut world = World::new(&blueprint, &strategy, Vec::new(), Seed::new(1));
    let events =
        world.advance_until(SimTime::ZERO + SimDuration::from_secs(60), &mut black_box(()));
    let elapsed = start.elapsed().as_secs_f64();
    println!("{events} events in {elapsed:.3} s, converged {}", world.is_quiescent());
}
