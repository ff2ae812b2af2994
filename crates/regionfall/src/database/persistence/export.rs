//! Exports: copies of a whole member that are kept elsewhere, and what a restore finds of them.

use regionfall_crdt::Replica;
use regionfall_kernel::{SimDuration, SimTime};

use super::config::time_at_rate;

/// How a member's data is exported.
#[derive(Clone, PartialEq, Debug)]
pub struct ExportConfig {
    /// From the beginning of one export to that of the next.
    pub every: SimDuration,
    /// When the first one begins, from the start of the run.
    pub first: SimDuration,
    /// Where it goes.
    pub to: ExportTo,
    /// Bytes per second that an export writes; at least 1.
    pub copy_rate: u64,
    /// Bytes per second that a restore reads and rebuilds; at least 1.
    pub import_rate: u64,
}

/// Where exports go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExportTo {
    /// To storage in the member's own region, which goes when its disks do.
    Local,
    /// To storage that is copied to another region.
    GeoRedundant,
}

/// A copy of a member's shards as they were at one moment.
#[derive(Clone, Debug)]
pub struct Export {
    /// That moment: when it began.
    pub taken: SimTime,
    /// The shards, in order.
    pub shards: Vec<Replica>,
}

/// The exports of one member: the last complete one, and the one that is being written.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    complete: Option<Export>,
    writing: Option<(Export, SimTime)>,
}

impl Export {
    /// Bytes of it, by the estimate of the data types.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(Replica::bytes).sum()
    }
}

impl Exports {
    /// Begins an export of shards as they are. Nothing happens if one is under way.
    pub fn begin(&mut self, now: SimTime, shards: Vec<Replica>, rate: u64) {
        self.finish(now);
        if self.writing.is_none() {
            let export = Export { taken: now, shards };
            let ends = now + time_at_rate(export.bytes(), rate);
            self.writing = Some((export, ends));
        }
    }

    /// The member stopped: what it was writing is no export.
    pub fn break_off(&mut self, now: SimTime) {
        self.finish(now);
        self.writing = None;
    }

    /// The storage is gone.
    pub fn lose(&mut self) {
        *self = Self::default();
    }

    /// What a restore finds.
    pub fn newest(&mut self, now: SimTime) -> Option<&Export> {
        self.finish(now);
        self.complete.as_ref()
    }

    fn finish(&mut self, now: SimTime) {
        if let Some((export, _)) = self.writing.take_if(|(_, ends)| *ends <= now) {
            self.complete = Some(export);
        }
    }
}

#[cfg(test)]
mod tests {
    use regionfall_crdt::{Command, KeyId, OriginId, Timestamp};

    use super::*;

    #[test]
    fn a_restore_finds_the_last_complete_export_as_it_was_when_it_began() {
        let at = |millis: u64| SimTime::from_nanos(millis * 1_000_000);
        let mut shard = Replica::new();
        let mut exports = Exports::default();
        assert!(exports.newest(at(0)).is_none());
        let write = |shard: &mut Replica| {
            shard.execute(&Command::Incr { key: KeyId(1) }, Timestamp(0), OriginId(0));
        };
        write(&mut shard);
        let rate = shard.bytes();
        exports.begin(at(0), vec![shard.clone()], rate);
        write(&mut shard);
        assert!(exports.newest(at(999)).is_none(), "it takes a second");
        let total = |export: &Export| export.shards[0].clock().total();
        assert_eq!(exports.newest(at(1_000)).map(total), Some(1));

        exports.begin(at(2_000), vec![shard.clone()], rate);
        exports.begin(at(2_500), Vec::new(), rate);
        let mut broken = exports.clone();
        broken.break_off(at(2_600));
        assert_eq!(broken.newest(at(9_000)).map(total), Some(1));
        assert_eq!(exports.newest(at(9_000)).map(total), Some(2));
        exports.lose();
        assert!(exports.newest(at(9_000)).is_none());
    }
}
