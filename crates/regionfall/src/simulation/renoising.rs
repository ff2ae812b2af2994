//! Other noise: from a checkpoint on every delay is drawn anew, while requests, faults and weather stay as they are.

use regionfall_kernel::Seed;

use super::world::World;

impl World {
    /// Draws every delay from another seed from now on.
    pub(crate) fn renoise(&mut self, seed: Seed) {
        self.network.renoise(seed);
        self.processing_draws = seed.addressed("processing");
    }
}
