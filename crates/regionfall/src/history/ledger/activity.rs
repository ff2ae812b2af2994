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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::MemberId;

    const SECOND: u64 = 1_000_000_000;

    /// The time in which a population had two active members, in seconds; writes are (home, member, from, to), one a second.
    fn dual(runs: &[(usize, usize, u64, u64)], from: u64) -> u64 {
        let mut writes: Vec<(u64, usize, usize)> = Vec::new();
        for &(home, member, begins, ends) in runs {
            writes.extend((begins..=ends).map(|second| (second, home, member)));
        }
        writes.sort_unstable();
        let mut activity = Activity::new(3);
        for (second, home, member) in writes {
            activity.accept(second * SECOND, home, member);
        }
        let dual = activity.dual(from * SECOND);
        assert_eq!(dual % SECOND, 0);
        dual / SECOND
    }

    #[test]
    fn two_members_are_active_for_one_population_while_runs_of_writes_overlap() {
        assert_eq!(dual(&[(0, 0, 10, 20), (0, 1, 15, 30)], 0), 5);
        assert_eq!(dual(&[(1, 0, 10, 20), (1, 2, 12, 14)], 0), 2);
        assert_eq!(
            dual(&[(0, 0, 10, 20), (0, 1, 20, 30)], 0),
            0,
            "one took over"
        );
        assert_eq!(
            dual(&[(0, 0, 10, 20), (1, 1, 10, 20)], 0),
            0,
            "each its own"
        );
        assert_eq!(
            dual(&[(2, 2, 10, 20), (2, 0, 15, 15)], 0),
            0,
            "a single write"
        );
        assert_eq!(
            dual(&[(0, 0, 10, 20), (0, 1, 12, 18), (0, 2, 14, 30)], 0),
            8,
            "8 and 6, together 8"
        );
    }

    #[test]
    fn a_gap_of_more_than_a_second_ends_a_run() {
        // Member 0 paused from 12 to 14, while member 1 went on.
        let paused = [(0, 0, 10, 12), (0, 0, 14, 16), (0, 1, 10, 16)];
        assert_eq!(dual(&paused, 0), 4);
        // A single write between two pauses covers no time.
        let single = [
            (0, 0, 10, 11),
            (0, 0, 13, 13),
            (0, 0, 15, 16),
            (0, 1, 10, 16),
        ];
        assert_eq!(dual(&single, 0), 2);
    }

    #[test]
    fn only_what_follows_the_beginning_counts_and_populations_count_once() {
        assert_eq!(dual(&[(0, 0, 10, 20), (0, 1, 10, 20)], 14), 6);
        assert_eq!(dual(&[(0, 0, 10, 20), (0, 1, 10, 20)], 20), 0);
        let both = [
            (0, 0, 10, 20),
            (0, 1, 10, 20),
            (1, 0, 15, 25),
            (1, 1, 15, 25),
        ];
        assert_eq!(dual(&both, 0), 15, "from 10 to 25");
    }

    /// Two members that write as origins of their own; member 0 has written twice, and member 1 has the first of it.
    fn origins() -> Origins {
        let mut origins = Origins::new(&[MemberId(0), MemberId(1)], &[0, 0], 1);
        for node in 0..2 {
            origins.begin(node, node, 0);
        }
        for sequence in 1..=2 {
            let entry = super::super::origins::Entry {
                operation: 0,
                back: 0,
                executed: 0,
                stamp: 0,
            };
            origins.execute(0, 0, sequence, entry);
        }
        origins.apply(0, 1, 1);
        origins
    }

    #[test]
    fn members_agree_when_each_has_what_anybody_had_at_the_heal() {
        let origins = origins();
        let mut convergence = Convergence::default();
        assert_eq!(convergence.finish(), None, "there was no heal");
        convergence.heal(10, &origins);
        assert_eq!(convergence.finish(), None, "not yet");
        convergence.applied(15, 1, 0, 1);
        assert_eq!(convergence.finish(), None, "what came after the heal");
        convergence.applied(17, 0, 1, 2);
        assert_eq!(convergence.finish(), Some(7));
        // The longest counts, and a heal that never ends makes all of it unknown.
        convergence.heal(20, &origins);
        convergence.applied(22, 0, 1, 2);
        assert_eq!(convergence.finish(), Some(7));
        convergence.heal(30, &origins);
        assert_eq!(convergence.finish(), None);
    }

    #[test]
    fn the_next_fault_makes_a_heal_void_and_who_is_removed_is_not_waited_for() {
        let mut origins = origins();
        let mut convergence = Convergence::default();
        convergence.heal(10, &origins);
        convergence.disturb();
        convergence.applied(17, 0, 1, 2);
        assert_eq!(convergence.finish(), None, "nothing was measured");
        convergence.heal(20, &origins);
        origins.apply(0, 1, 2);
        convergence.recount(&origins);
        convergence.settle(25);
        assert_eq!(convergence.finish(), Some(5));
    }

    #[test]
    fn a_link_was_cut_if_it_is_or_was_whole_again_only_later() {
        let mut links = Links::new(3);
        links.catch_up(5, 2, 1);
        assert!(!links.cut_since(2, 1, 0), "it was never cut");
        links.disrupt(2, 1);
        assert!(links.cut_since(2, 1, 100) && !links.cut_since(1, 2, 0));
        links.catch_up(50, 2, 1);
        assert!(links.cut_since(2, 1, 50) && !links.cut_since(2, 1, 51));
    }
}
