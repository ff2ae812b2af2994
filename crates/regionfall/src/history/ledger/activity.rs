//! Which members took writes of which home population at the same time, which replication links were
//! cut, and how long members took to agree after a heal.

use super::origins::Origins;
use super::rows::NEVER;

/// The longest gap between two accepted writes of one run of activity (design: ε, 1 s).
const GAP: u64 = 1_000_000_000;

/// Runs of accepted writes, by home population and member.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    members: usize,
    /// `[home * members + member]`: beginning and latest write of the current run.
    current: Vec<(u64, u64)>,
    /// Runs that are over: home, beginning, end. Runs of a single write cover no time.
    runs: Vec<(u8, u64, u64)>,
}

impl Activity {
    pub(super) fn new(members: usize) -> Self {
        Self {
            members,
            current: vec![(NEVER, NEVER); members * members],
            runs: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn accept(&mut self, now: u64, home: usize, member: usize) {
        let run = &mut self.current[home * self.members + member];
        if run.0 == NEVER {
            *run = (now, now);
        } else if now - run.1 <= GAP {
            run.1 = now;
        } else {
            if run.1 > run.0 {
                self.runs.push((home as u8, run.0, run.1));
            }
            *run = (now, now);
        }
    }

    /// Time after `from` in which some home population had two or more active members.
    pub(super) fn dual(mut self, from: u64) -> u64 {
        for (index, &(begins, ends)) in self.current.iter().enumerate() {
            if begins != NEVER && ends > begins {
                self.runs.push(((index / self.members) as u8, begins, ends));
            }
        }
        let mut both = Vec::new();
        for home in 0..self.members {
            let mut edges: Vec<(u64, i32)> = Vec::new();
            for &(_, begins, ends) in self.runs.iter().filter(|run| usize::from(run.0) == home) {
                if ends > from {
                    edges.push((begins.max(from), 1));
                    edges.push((ends, -1));
                }
            }
            covered(&mut edges, 2, &mut both);
        }
        let mut edges: Vec<(u64, i32)> = both
            .iter()
            .flat_map(|&(begins, ends)| [(begins, 1), (ends, -1)])
            .collect();
        let mut union = Vec::new();
        covered(&mut edges, 1, &mut union);
        union.iter().map(|(begins, ends)| ends - begins).sum()
    }
}

/// The spans in which at least `depth` of the intervals with these edges are open.
fn covered(edges: &mut [(u64, i32)], depth: i32, spans: &mut Vec<(u64, u64)>) {
    edges.sort_unstable();
    let mut open = 0;
    for pair in 0..edges.len() {
        open += edges[pair].1;
        if let Some(next) = edges.get(pair + 1)
            && open >= depth
            && next.0 > edges[pair].0
        {
            spans.push((edges[pair].0, next.0));
        }
    }
}

/// Replication links: cut or not, and since when whole.
#[derive(Clone, Debug)]
pub(super) struct Links {
    members: usize,
    /// `[source * members + target]`: whether cut, and when it was whole again last.
    state: Vec<(bool, Option<u64>)>,
}

impl Links {
    pub(super) fn new(members: usize) -> Self {
        Self {
            members,
            state: vec![(false, None); members * members],
        }
    }

    pub(super) fn disrupt(&mut self, source: usize, target: usize) {
        self.state[source * self.members + target].0 = true;
    }

    pub(super) fn catch_up(&mut self, now: u64, source: usize, target: usize) {
        let link = &mut self.state[source * self.members + target];
        if link.0 {
            *link = (false, Some(now));
        }
    }

    /// Whether the link was cut at some time since `since`.
    pub(super) fn cut_since(&self, source: usize, target: usize, since: u64) -> bool {
        let (is_cut, whole) = self.state[source * self.members + target];
        is_cut || whole.is_some_and(|whole| whole >= since)
    }
}

/// From the heal to the moment at which every member covers what anybody held at the heal.
#[derive(Clone, Default, Debug)]
pub(super) struct Convergence {
    healed: Option<u64>,
    union: Vec<u64>,
    lacking: usize,
    /// The longest so far.
    longest: Option<u64>,
}

impl Convergence {
    /// The last active fault ended.
    pub(super) fn heal(&mut self, now: u64, origins: &Origins) {
        self.union = origins.union();
        self.healed = Some(now);
        self.lacking = origins.lacking(&self.union);
        self.settle(now);
    }

    /// A fault began: what was measured from the last heal is void.
    pub(super) fn disturb(&mut self) {
        self.healed = None;
    }

    #[inline]
    pub(super) fn applied(&mut self, now: u64, origin: usize, prior: u64, last: u64) {
        if self.healed.is_some()
            && let Some(&held) = self.union.get(origin)
            && prior < held
            && last >= held
        {
            self.lacking -= 1;
            self.settle(now);
        }
    }

    pub(super) fn recount(&mut self, origins: &Origins) {
        if self.healed.is_some() {
            self.lacking = origins.lacking(&self.union);
        }
    }

    fn settle(&mut self, now: u64) {
        if self.lacking == 0
            && let Some(healed) = self.healed.take()
        {
            self.longest = self.longest.max(Some(now - healed));
        }
    }

    /// The longest time that a heal took; `None` if there was none, or if the last never ended.
    pub(super) fn finish(&self) -> Option<u64> {
        if self.healed.is_some() {
            None
        } else {
            self.longest
        }
    }
}
