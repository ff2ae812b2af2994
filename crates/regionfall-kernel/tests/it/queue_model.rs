//! The event queue against a naive model: random interleavings of everything it can do.
//!
//! The model keeps every event in one list and looks through all of it. In insertion order it predicts
//! exactly which event leaves; under permuted ties it checks that the one that leaves is allowed to, and
//! a second queue that is driven alike checks that the order can be repeated.

use proptest::prelude::*;
use regionfall_kernel::{EventQueue, LaneId, Seed, SimDuration, SimTime, TieBreak, TimerId};

#[derive(Clone, Debug)]
enum Step {
    Schedule(SimDuration),
    /// Many events of one instant.
    Crowd(SimDuration, u8),
    Arm(SimDuration),
    /// Cancels the armed timer of that number, modulo how many there are; it may have fired.
    Cancel(usize),
    OpenLane,
    CloseLane(usize),
    /// Pushes so long after the last event of the lane.
    PushLane(usize, SimDuration),
    DrainLane(usize),
    NextTime,
    PopOne,
    PopFor(SimDuration),
    AdvanceWithin(SimDuration),
    /// Goes on with a clone.
    Clone,
}

fn delay() -> impl Strategy<Value = SimDuration> {
    let up_to = |limit: u64| (0..limit).prop_map(SimDuration::from_nanos);
    prop_oneof![
        2 => Just(SimDuration::ZERO),
        3 => up_to(3),
        4 => up_to(2_000),
        // Whole powers of two, so that times fall on the bounds of buckets and meet there.
        4 => (0_u32..24, 0_u64..4).prop_map(|(power, count)| SimDuration::from_nanos(count << power)),
        6 => up_to(10_000_000),
        2 => up_to(1_000_000_000_000),
        1 => up_to(u64::MAX),
        1 => Just(SimDuration::FOREVER),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => delay().prop_map(Step::Schedule),
        2 => (delay(), 1_u8..80).prop_map(|(delay, count)| Step::Crowd(delay, count)),
        6 => delay().prop_map(Step::Arm),
        5 => any::<usize>().prop_map(Step::Cancel),
        2 => Just(Step::OpenLane),
        1 => any::<usize>().prop_map(Step::CloseLane),
        8 => (any::<usize>(), delay()).prop_map(|(lane, delay)| Step::PushLane(lane, delay)),
        1 => any::<usize>().prop_map(Step::DrainLane),
        2 => Just(Step::NextTime),
        12 => Just(Step::PopOne),
        3 => delay().prop_map(Step::PopFor),
        1 => delay().prop_map(Step::AdvanceWithin),
        1 => Just(Step::Clone),
    ]
}

struct Entry {
    at: SimTime,
    number: u32,
    lane: Option<LaneId>,
}

/// Two queues driven alike, and the list of what should be in them, in order of insertion.
struct Bench {
    queue: EventQueue<u32>,
    twin: EventQueue<u32>,
    is_ordered: bool,
    entries: Vec<Entry>,
    count: u32,
    popped: u64,
    timers: Vec<([TimerId; 2], u32)>,
    lanes: Vec<LaneId>,
}

impl Bench {
    fn new(ties: TieBreak) -> Self {
        Self {
            queue: EventQueue::new(ties),
            twin: EventQueue::new(ties),
            is_ordered: ties == TieBreak::InsertionOrder,
            entries: Vec::new(),
            count: 0,
            popped: 0,
            timers: vec![([TimerId::NONE; 2], u32::MAX)],
            lanes: Vec::new(),
        }
    }

    fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.apply(&step);
            assert_eq!(self.queue.len(), self.entries.len());
            assert_eq!(self.queue.is_empty(), self.entries.is_empty());
            assert_eq!(self.queue.popped(), self.popped);
        }
        while self.pop(SimTime::NEVER) {}
        assert!(
            self.entries
                .iter()
                .all(|entry| entry.at == SimTime::NEVER || self.is_behind_never(entry))
        );
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Schedule(delay) => self.schedule(delay),
            Step::Crowd(delay, count) => (0..count).for_each(|_| self.schedule(delay)),
            Step::Arm(delay) => {
                let at = self.queue.now() + delay;
                let number = self.note(at, None);
                let timers = [self.queue.arm(at, number), self.twin.arm(at, number)];
                self.timers.push((timers, number));
            }
            Step::Cancel(which) => {
                let ([timer, twin_timer], number) = self.timers[which % self.timers.len()];
                let place = self.entries.iter().position(|entry| entry.number == number);
                assert_eq!(self.queue.cancel(timer), place.is_some());
                assert_eq!(self.twin.cancel(twin_timer), place.is_some());
                place.map(|place| self.entries.remove(place));
            }
            Step::OpenLane => {
                let lane = self.queue.open_lane();
                assert_eq!(lane, self.twin.open_lane());
                assert!(!self.lanes.contains(&lane));
                self.lanes.push(lane);
            }
            Step::NextTime => {
                let expected = self.entries.iter().map(|entry| entry.at).min();
                assert_eq!(self.queue.next_time(), expected.unwrap_or(SimTime::NEVER));
            }
            Step::PopOne => {
                self.pop(SimTime::NEVER);
            }
            Step::PopFor(span) => {
                let limit = self.queue.now() + span;
                while self.pop(limit) {}
            }
            Step::AdvanceWithin(span) => {
                let at = (self.queue.now() + span).min(self.queue.next_time());
                if at < SimTime::NEVER {
                    self.queue.advance_to(at);
                    self.twin.advance_to(at);
                    assert_eq!(self.queue.now(), at);
                }
            }
            Step::Clone => self.queue = self.queue.clone(),
            Step::CloseLane(which) | Step::PushLane(which, _) | Step::DrainLane(which) => {
                if let Some(lane) = which
                    .checked_rem(self.lanes.len())
                    .map(|place| self.lanes[place])
                {
                    self.apply_to_lane(step, lane);
                }
            }
        }
    }

    fn apply_to_lane(&mut self, step: &Step, lane: LaneId) {
        match *step {
            Step::PushLane(_, delay) => {
                let at = self.queue.lane_last_time(lane).max(self.queue.now()) + delay;
                let number = self.note(at, Some(lane));
                self.queue.push_lane(lane, at, number);
                self.twin.push_lane(lane, at, number);
                assert_eq!(self.queue.lane_last_time(lane), at);
            }
            Step::DrainLane(_) => {
                let drained = self.queue.drain_lane(lane);
                assert_eq!(drained, self.twin.drain_lane(lane));
                assert_eq!(drained, self.take_lane(lane));
                assert_eq!(self.queue.lane_last_time(lane), self.queue.now());
            }
            _ => {
                self.queue.close_lane(lane);
                self.twin.close_lane(lane);
                self.take_lane(lane);
                self.lanes.retain(|open| *open != lane);
                return;
            }
        }
        let expected = self
            .entries
            .iter()
            .filter(|entry| entry.lane == Some(lane))
            .count();
        assert_eq!(self.queue.lane_len(lane), expected);
    }

    fn schedule(&mut self, delay: SimDuration) {
        let at = self.queue.now() + delay;
        let number = self.note(at, None);
        self.queue.schedule(at, number);
        self.twin.schedule(at, number);
    }

    fn note(&mut self, at: SimTime, lane: Option<LaneId>) -> u32 {
        self.count += 1;
        self.entries.push(Entry {
            at,
            number: self.count,
            lane,
        });
        self.count
    }

    fn take_lane(&mut self, lane: LaneId) -> Vec<(SimTime, u32)> {
        let is_in = |entry: &Entry| entry.lane == Some(lane);
        let taken = self.entries.iter().filter(|entry| is_in(entry));
        let taken = taken.map(|entry| (entry.at, entry.number)).collect();
        self.entries.retain(|entry| !is_in(entry));
        taken
    }

    /// Pops one event and compares; false if there was none.
    fn pop(&mut self, limit: SimTime) -> bool {
        let got = self.queue.pop_until(limit);
        assert_eq!(got, self.twin.pop_until(limit), "equal queues part");
        let first = self.entries.iter().map(|entry| entry.at).min();
        let Some((at, number)) = got else {
            assert!(first.is_none_or(|first| first > limit || first == SimTime::NEVER));
            return false;
        };
        assert_eq!(Some(at), first);
        assert_eq!(at, self.queue.now());
        assert!(at <= limit);
        // The list is in order of insertion, and a lane rises in time: the first match is the right one.
        let place = self.entries.iter().position(|entry| entry.number == number);
        let Some(place) = place else {
            panic!("event {number} was not pending")
        };
        let before = &self.entries[..place];
        let is_earlier = |entry: &&Entry| entry.at == at;
        if self.is_ordered {
            assert_eq!(
                before.iter().find(is_earlier).map(|entry| entry.number),
                None
            );
        } else if let lane @ Some(_) = self.entries[place].lane {
            assert!(
                before.iter().all(|entry| entry.lane != lane),
                "a lane keeps its order"
            );
        }
        self.entries.remove(place);
        self.popped += 1;
        true
    }

    /// Whether an event waits in its lane for one that never comes; it then never comes itself.
    fn is_behind_never(&self, entry: &Entry) -> bool {
        let is_ahead = |other: &&Entry| other.lane == entry.lane && other.number < entry.number;
        entry.lane.is_some()
            && self
                .entries
                .iter()
                .find(is_ahead)
                .is_some_and(|other| other.at == SimTime::NEVER)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_the_naive_list(steps in prop::collection::vec(step(), 0..400)) {
        Bench::new(TieBreak::InsertionOrder).run(steps);
    }

    #[test]
    fn permuted_ties_obey_time_and_lanes_and_repeat(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 0..400),
    ) {
        Bench::new(TieBreak::Permuted(Seed::new(seed))).run(steps);
    }
}
