//! A strategy of one's own: after three failures in a row to the next region, after a minute back to the first. It sees
//! and does only what a real one could. Run it with `cargo run --release --example own_strategy`.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use regionfall::failover::{Action, Decider, LocalTime, Sight};
use regionfall::scenario::Scenario;
use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_kernel::{Seed, SimDuration, TraceHash};

#[derive(Clone, Default)]
struct ThreeStrikes {
    at: u8,
    strikes: u32,
}
impl Decider for ThreeStrikes {
    fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::AttemptEnded { failed: true, .. } => self.strikes += 1,
            Sight::AttemptEnded { failed: false, .. } => self.strikes = 0,
            Sight::Woken { .. } => (self.at, self.strikes) = (0, 0),
            _ => return,
        }
        if self.strikes == 3 {
            (self.at, self.strikes) = ((self.at + 1) % 3, 0);
            let at = now.plus(SimDuration::from_secs(60));
            actions.push(Action::Wake { at, token: 0 });
        }
        let member = MemberId(self.at);
        actions.push(Action::Use { member });
    }
    fn is_usable(&self, _now: LocalTime, _member: MemberId) -> bool {
        true
    }
    fn watches_traffic(&self) -> bool {
        true
    }
    fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.at) << 32 | u64::from(self.strikes));
    }
    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::from_toml(include_str!("../../../sims/region-loss.toml"))?;
    let run = Simulation::new(&scenario, Seed::new(7)).case("disks kept")?;
    println!("{}", run.decider(ThreeStrikes::default()).run()?.story());
    Ok(())
}
