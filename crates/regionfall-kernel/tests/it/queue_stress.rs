//! Loads under which a queue could degrade: crowds in one instant, timers that never fire, looks far
//! ahead, permuted ties that explore.

use regionfall_kernel::{EventQueue, Seed, SimDuration, SimTime, TieBreak};

fn drain_order(queue: &mut EventQueue<u32>) -> Vec<u32> {
    core::iter::from_fn(|| queue.pop_until(SimTime::NEVER).map(|(_, event)| event)).collect()
}

#[test]
fn a_crowd_of_one_instant_that_keeps_growing_leaves_in_order() {
    let mut queue = EventQueue::new(TieBreak::InsertionOrder);
    let at = SimTime::from_nanos(123_456_789);
    for number in 0..100_000 {
        queue.schedule(at, number);
    }
    for expected in 0..200_000 {
        assert_eq!(queue.pop_until(at), Some((at, expected)));
        if expected < 100_000 {
            queue.schedule(at, 100_000 + expected);
        }
    }
    assert!(queue.is_empty());
}

#[test]
fn a_timer_that_is_reset_a_million_times_does_not_fill_the_queue() {
    let mut queue = EventQueue::new(TieBreak::InsertionOrder);
    let mut timeout = queue.arm(SimTime::from_nanos(5_000_000_000), 0);
    for number in 1..1_000_000 {
        queue.schedule(queue.now() + SimDuration::from_micros(1), number);
        assert!(queue.pop_until(SimTime::NEVER).is_some());
        assert!(queue.cancel(timeout));
        assert!(!queue.cancel(timeout));
        timeout = queue.arm(queue.now() + SimDuration::from_secs(5), 0);
        assert_eq!(queue.len(), 1);
    }
    assert!(
        format!("{queue:?}").len() < 200_000,
        "cancelled entries are swept"
    );
}

#[test]
fn work_before_a_moment_that_was_looked_at_stays_in_order() {
    let mut queue = EventQueue::new(TieBreak::InsertionOrder);
    queue.schedule(SimTime::from_nanos(600_000_000_000), 0);
    for number in 1..20_000_u32 {
        assert!(queue.next_time() >= queue.now());
        let delay = u64::from(number.wrapping_mul(2_654_435_761) % 1_000_000) + 1;
        queue.schedule(queue.now() + SimDuration::from_nanos(delay), number);
        if number % 3 == 0 {
            let expected = queue.next_time();
            assert_eq!(
                queue.pop_until(SimTime::NEVER).map(|(at, _)| at),
                Some(expected)
            );
        }
    }
    let order = drain_order(&mut queue);
    assert_eq!(order.last(), Some(&0));
    assert_eq!(queue.popped(), 20_000);
}

#[test]
fn seeds_explore_different_orders_of_one_instant_and_repeat_them() {
    let order = |seed| {
        let mut queue = EventQueue::new(TieBreak::Permuted(Seed::new(seed)));
        (0..4).for_each(|number| queue.schedule(SimTime::from_nanos(7), number));
        drain_order(&mut queue)
    };
    let orders: std::collections::BTreeSet<_> = (0..400).map(order).collect();
    assert_eq!(orders.len(), 24, "400 seeds reach every order of four");
    assert_eq!(order(1), order(1));
}

#[test]
fn what_never_happens_stays_and_can_be_taken_back() {
    let mut queue = EventQueue::new(TieBreak::InsertionOrder);
    let timer = queue.arm(SimTime::NEVER, 1);
    let lane = queue.open_lane();
    queue.push_lane(lane, SimTime::NEVER, 2);
    assert_eq!(queue.next_time(), SimTime::NEVER);
    assert_eq!(queue.pop_until(SimTime::NEVER), None);
    assert_eq!(queue.len(), 2);
    assert!(queue.cancel(timer));
    assert_eq!(queue.drain_lane(lane), [(SimTime::NEVER, 2)]);
    assert!(queue.is_empty());
}

#[test]
fn an_entry_on_the_bound_of_a_bucket_waits_for_an_older_one_inside() {
    // 1. Events 0 and 1 fall into one coarse bucket, with 1 on the bound of a finer one.
    // 2. Event 0 opens the coarse bucket: 1 moves to the sorted keys.
    // 3. Event 2, at the same moment as 1, hangs in a bucket that begins at that very moment.
    // Under permuted ties 2 may have to leave first, so the bucket must be opened before 1 leaves.
    let order = |seed| {
        let mut queue = EventQueue::new(TieBreak::Permuted(Seed::new(seed)));
        let bound = SimTime::from_nanos(1 << 21 | 1 << 14);
        queue.schedule(SimTime::from_nanos(1 << 21), 0);
        queue.schedule(bound, 1);
        assert!(queue.pop_until(SimTime::NEVER).is_some());
        queue.schedule(bound, 2);
        drain_order(&mut queue)
    };
    let orders: std::collections::BTreeSet<_> = (0..64).map(order).collect();
    assert_eq!(orders.len(), 2);
}
