//! What a run costs, as far as the world itself counts it; the backlog of links is in `backlog.rs`.

use super::world::World;

impl World {
    /// Full synchronizations so far.
    pub fn full_syncs(&self) -> u64 {
        self.links.iter().map(|link| link.full_syncs).sum()
    }

    /// Bytes that left one region for another so far.
    pub fn cross_region_bytes(&self) -> u64 {
        self.network.cross_region_bytes()
    }

    /// Bytes that the largest node takes in memory, by the estimate of the data types.
    pub fn largest_memory(&self) -> u64 {
        let shards = self.nodes.iter().map(|node| &node.shards);
        let bytes = shards.map(|shards| shards.iter().map(|shard| shard.replica.bytes()).sum());
        bytes.max().unwrap_or(0)
    }
}
