//! Loss within what persistence permits: a crash may end only copies that are younger than the window which
//! the mode leaves exposed.
//!
//! The check has a book of its own of when each node got what, from the facts alone. Of the model it takes only how
//! long fsyncs took and disks stood still. The windows are those of the table in `docs/model.md`. Snapshots and copies
//! without a file are left out: what they lose has no such bound.
//!
//! A process that dies leaves in the page cache what it had written and not forced. Nobody forces it then but the kernel, which
//! writes back what has been dirty for 30 s and looks every 5 s (Linux `sysctl/vm.rst`, `dirty_expire_centisecs` 3000,
//! `dirty_writeback_centisecs` 500). A machine that crashes before that loses what the dead process left, however long ago it died.

use std::collections::VecDeque;

use regionfall_crdt::OriginId;
use regionfall_kernel::{SimDuration, SimTime};

use crate::database::persistence::{DIRTY_EXPIRES, PersistenceMode, WRITEBACK_EVERY};
use crate::fault::{Disks, FaultKind, PlannedFault};
use crate::history::{CopyEnd, Fact, Listener};
use crate::topology::{FaultId, NodeId};

use super::{Findings, Verdict, VerdictKind};

/// What a node got within so long of what it got first is one entry; its age is that of the first.
const GRAIN: SimDuration = SimDuration::from_millis(10);
/// A tick of the server's periodic task, the latest turn in which something is written or an fsync begins.
const TICK: SimDuration = SimDuration::from_millis(100);

/// See the module.
#[derive(Clone, Debug)]
pub struct Exposure {
    mode: PersistenceMode,
    /// Whether processes leave fsyncs out while their files are rewritten.
    leaves_fsyncs_out: bool,
    /// By fault: what it does to what a process has written.
    crashes: Vec<Option<Crash>>,
    /// By node: what it got lately, in order.
    news: Vec<VecDeque<News>>,
    /// By node: whether all its copies have files.
    persists: Vec<bool>,
    /// By node: when it stopped; [`SimTime::NEVER`] while it runs.
    stopped: Vec<SimTime>,
    /// By node: when its processes died lately under a kernel that lived on, in order.
    deaths: Vec<VecDeque<SimTime>>,
    /// Entries older than this go; longer than any window.
    horizon: SimDuration,
    ends: Vec<Ended>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Crash {
    Process,
    Machine,
}

#[derive(Clone, Copy, Debug)]
struct News {
    at: SimTime,
    origin: OriginId,
    through: u64,
}

/// The oldest copy that a crash ended at a node.
#[derive(Clone, Debug)]
struct Ended {
    at: SimTime,
    node: NodeId,
    /// When the node got it.
    got: SimTime,
    /// How long it had the copy while it ran.
    age: SimDuration,
    crash: Crash,
    /// When processes had died since that left it to the kernel.
    deaths: Vec<SimTime>,
}

/// What the disks of a run took, by node.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DiskTimes {
    /// The longest fsync, in a disk that went on.
    pub longest_fsync: SimDuration,
    /// All the time for which it stood still.
    pub stalled: SimDuration,
}

impl Exposure {
    /// The check of a run by its mode, and whether fsyncs are left out while files are rewritten; `persists` says of each node whether all its copies have files.
    pub fn new(
        (mode, leaves_fsyncs_out): (PersistenceMode, bool),
        faults: &[PlannedFault],
        persists: &[bool],
    ) -> Self {
        let crash = |fault: &PlannedFault| match fault.kind {
            FaultKind::ProcessCrash {
                disks: Disks::Kept, ..
            }
            | FaultKind::Upkeep(_) => Some(Crash::Process),
            FaultKind::HostCrash {
                disks: Disks::Kept, ..
            }
            | FaultKind::RegionOutage {
                disks: Disks::Kept, ..
            }
            | FaultKind::ZoneOutage {
                disks: Disks::Kept, ..
            } => Some(Crash::Machine),
            _ => None,
        };
        Self {
            mode,
            leaves_fsyncs_out,
            crashes: faults.iter().map(crash).collect(),
            news: vec![VecDeque::new(); persists.len()],
            stopped: vec![SimTime::NEVER; persists.len()],
            deaths: vec![VecDeque::new(); persists.len()],
            persists: persists.to_vec(),
            horizon: SimDuration::from_secs(600),
            ends: Vec::new(),
        }
    }

    /// How old a copy may be that a crash ends at a node.
    fn window(&self, crash: Crash, times: DiskTimes) -> SimDuration {
        let DiskTimes {
            longest_fsync,
            stalled,
        } = times;
        // What waits for the fsync before it, then for its own.
        let fsyncs = longest_fsync * 2 + stalled;
        let in_cache = fsyncs + DIRTY_EXPIRES + WRITEBACK_EVERY;
        match (self.mode, crash) {
            (PersistenceMode::AofAlways | PersistenceMode::AofEverySecond, Crash::Machine)
                if self.leaves_fsyncs_out =>
            {
                in_cache
            }
            // Executed and not yet acknowledged.
            (PersistenceMode::AofAlways, _) => fsyncs,
            // Put off while an fsync is under way.
            (PersistenceMode::AofEverySecond, Crash::Process) => fsyncs + TICK,
            (PersistenceMode::AofEverySecond, Crash::Machine) => {
                fsyncs + TICK + SimDuration::from_secs(1)
            }
            (PersistenceMode::AofNoFsync, Crash::Process) => SimDuration::ZERO,
            (PersistenceMode::AofNoFsync, Crash::Machine) => in_cache,
            (PersistenceMode::None | PersistenceMode::Snapshot, _) => SimDuration::FOREVER,
        }
    }

    /// Whether what a crash of the machine ended was left to the kernel by a process that had died before, not longer ago than
    /// the kernel takes; the dead process itself had left no more than its own window.
    fn was_left_behind(&self, end: &Ended, times: DiskTimes) -> bool {
        let takes = DIRTY_EXPIRES + WRITEBACK_EVERY + times.longest_fsync * 2 + times.stalled;
        let window = self.window(Crash::Machine, times) + GRAIN;
        end.crash == Crash::Machine
            && end
                .deaths
                .iter()
                .any(|&died| end.at <= died + takes && died <= end.got + window)
    }

    /// The verdict, with what the disks took.
    pub fn verdict(&self, times: &[DiskTimes]) -> Verdict {
        let mut findings = Findings::default();
        for end in &self.ends {
            let times = times.get(end.node.index()).copied().unwrap_or_default();
            let window = self.window(end.crash, times) + GRAIN;
            if end.age > window && !self.was_left_behind(end, times) {
                findings.add(end.at, || {
                    format!(
                        "a crash of {} ended copies that were {} old; {window} are exposed",
                        end.node, end.age
                    )
                });
            }
        }
        findings.verdict(
            "loss within what persistence permits",
            VerdictKind::ModelLaw,
        )
    }

    fn got(&mut self, at: SimTime, node: NodeId, origin: OriginId, through: u64) {
        let news = &mut self.news[node.index()];
        while news
            .front()
            .is_some_and(|oldest| oldest.at + self.horizon < at)
        {
            news.pop_front();
        }
        if let Some(last) = news.back_mut()
            && last.origin == origin
            && at < last.at + GRAIN
        {
            last.through = through;
            return;
        }
        news.push_back(News {
            at,
            origin,
            through,
        });
    }

    fn stop(&mut self, at: SimTime, node: NodeId, fault: FaultId) {
        self.stopped[node.index()] = at;
        if self.crashes.get(fault.index()) != Some(&Some(Crash::Process)) {
            return;
        }
        let deaths = &mut self.deaths[node.index()];
        deaths.retain(|&died| died + self.horizon >= at);
        deaths.push_back(at);
    }

    fn ended(
        &mut self,
        at: SimTime,
        node: NodeId,
        (origin, kept): (OriginId, u64),
        fault: FaultId,
    ) {
        let is_gone = |news: &News| news.origin == origin && news.through > kept;
        let oldest = self.news[node.index()].iter().find(|news| is_gone(news));
        let crash = self.crashes.get(fault.index()).copied().flatten();
        let has_files = self.persists[node.index()];
        if let (Some(oldest), Some(crash), true) = (oldest, crash, has_files) {
            // A process that is dead already gets nothing new: the kernel has what it had then.
            let until = at.min(self.stopped[node.index()]);
            let deaths = self.deaths[node.index()].iter();
            self.ends.push(Ended {
                at,
                node,
                got: oldest.at,
                age: until.saturating_since(oldest.at),
                crash,
                deaths: deaths.copied().filter(|&died| died >= oldest.at).collect(),
            });
        }
        self.news[node.index()].retain(|news| !is_gone(news));
    }
}

impl Listener for Exposure {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::WriteExecuted {
                node,
                effect: Some(effect),
                ..
            } => self.got(at, node, effect.dot.origin, effect.dot.sequence),
            Fact::EffectsApplied {
                node, origin, last, ..
            } => self.got(at, node, origin, last),
            Fact::CopiesEnded {
                node,
                origin,
                kept,
                cause: CopyEnd::Fault(fault),
            } => self.ended(at, node, (origin, kept), fault),
            Fact::NodeStopped { node, fault } => self.stop(at, node, fault),
            Fact::NodeRestarted { node } => self.stopped[node.index()] = SimTime::NEVER,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
