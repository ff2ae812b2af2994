//! Queues against the formula of Pollaczek and Khinchine; limits against counting.

use regionfall_kernel::{Seed, SimDuration, SimTime};

use super::*;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * MS)
}

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

/// The mean wait, in mean service times, of a queue with Poisson arrivals at a share `load` of what it can
/// serve: simulated with the process under test. `service` makes a time of a uniform draw.
fn mean_wait(load: f64, service: impl Fn(f64) -> f64, arrivals: u32) -> f64 {
    let draws = Seed::new(7).addressed("queue");
    let unit = |number: u32, what: u32| draws.unit([number, what, 0, 0].into());
    let mean = 1e6;
    let mut process: Process<(u32, SimTime)> = Process::default();
    let (mut over, mut waited, mut now) = (SimTime::NEVER, 0.0, SimTime::ZERO);
    let mut begin = |process: &mut Process<_>, at: SimTime, (number, came): (u32, SimTime)| {
        waited += at.saturating_since(came).as_nanos() as f64;
        process.begin(
            at,
            SimDuration::from_nanos_f64(mean * service(unit(number, 1))),
        )
    };
    for number in 0..arrivals {
        let gap = -libm::log(1.0 - unit(number, 0)) * mean / load;
        now += SimDuration::from_nanos_f64(gap);
        while process.is_busy() && over <= now {
            let moment = over;
            if let Some(next) = process.complete(moment) {
                over = begin(&mut process, moment, next);
            }
        }
        if let Some(work) = process.offer(now, (number, now)) {
            over = begin(&mut process, now, work);
        }
    }
    waited / mean / f64::from(arrivals)
}

/// `W = load (1 + C²) / 2 (1 - load)` in mean service times, with the squared coefficient of variation `C²`
/// of the service time.
#[test]
fn waits_are_as_pollaczek_and_khinchine_say() {
    let exponential = |draw: f64| -libm::log(1.0 - draw);
    for load in [0.3, 0.5, 0.7, 0.9] {
        // The mean of a queue near its limit is slow to settle.
        let (arrivals, tolerance) = if load > 0.8 {
            (2_000_000, 0.06)
        } else {
            (400_000, 0.03)
        };
        for (variation, wait) in [
            (0.0, mean_wait(load, |_| 1.0, arrivals)),
            (1.0, mean_wait(load, exponential, arrivals)),
        ] {
            let expected = load * (1.0 + variation) / (2.0 * (1.0 - load));
            let error = (wait / expected - 1.0).abs();
            assert!(error < tolerance, "at {load}: {wait} for {expected}");
        }
    }
}

#[test]
fn work_is_served_in_order_and_one_at_a_time() {
    let mut process = Process::default();
    assert_eq!(process.offer(at(0), 'a'), Some('a'));
    assert_eq!(process.begin(at(0), ms(10)), at(10));
    assert_eq!(process.offer(at(1), 'b'), None);
    assert_eq!(process.offer(at(2), 'c'), None);
    assert_eq!(process.complete(at(10)), Some('b'));
    assert_eq!(process.begin(at(10), ms(5)), at(15));
    assert_eq!(process.queue(), 1);
    assert_eq!(process.complete(at(15)), Some('c'));
    process.begin(at(15), ms(1));
    assert_eq!(process.complete(at(16)), None);
    assert!(!process.is_busy());
    let waits = &process.load().waits;
    assert_eq!(waits.count(), 3);
    let longest = waits.quantile_ms(1.0).unwrap();
    assert!(
        (longest - 13.0).abs() < 0.2,
        "c waited 13 ms, not {longest}"
    );
}

#[test]
fn a_process_that_stands_still_keeps_its_queue_and_its_remaining_work() {
    let mut process = Process::default();
    process.offer(at(0), 'a');
    process.begin(at(0), ms(10));
    process.freeze(at(4));
    assert_eq!(process.offer(at(5), 'b'), None);
    assert_eq!(process.thaw(at(100)), Some(at(106)));
    assert_eq!(process.complete(at(106)), Some('b'));
    process.begin(at(106), ms(1));
    process.complete(at(107));
    // 10 + 1 ms of work within one second; standing still is none.
    let busy = process.load().utilisation_max;
    assert!((busy - 0.011).abs() < 1e-9, "{busy}");
}

#[test]
fn an_idle_process_that_stands_still_takes_nothing() {
    let mut process = Process::default();
    process.freeze(at(1));
    assert_eq!(process.offer(at(2), 'a'), None);
    assert_eq!(process.thaw(at(3)), None);
    assert_eq!(process.complete(at(3)), Some('a'));
}

#[test]
fn a_dead_process_loses_its_queue() {
    let mut process = Process::default();
    process.offer(at(0), 'a');
    process.begin(at(0), ms(10));
    process.offer(at(1), 'b');
    assert_eq!(process.kill(at(2)).collect::<String>(), "b");
    assert_eq!(process.offer(at(3), 'c'), Some('c'));
}

#[test]
fn utilisation_is_of_the_busiest_second() {
    let mut process = Process::default();
    for (begins, lasts) in [(100, 50), (900, 1_300), (5_000, 1)] {
        process.offer(at(begins), ());
        let over = process.begin(at(begins), ms(lasts));
        process.complete(over);
    }
    // Busy from 0.9 s to 2.2 s: the second from 1 s to 2 s has no pause.
    assert!((process.load().utilisation_max - 1.0).abs() < 1e-9);
}

#[test]
fn owed_work_delays_what_is_next() {
    let mut process = Process::default();
    process.owe(at(0), ms(3));
    process.offer(at(1), 'a');
    assert_eq!(process.begin(at(1), ms(1)), at(4));
    // While it works: after that, and before what waits.
    process.owe(at(2), ms(5));
    process.offer(at(3), 'b');
    assert_eq!(process.complete(at(4)), Some('b'));
    assert_eq!(process.begin(at(4), ms(1)), at(10));
    process.complete(at(10));
    // What is done is done.
    process.offer(at(20), 'c');
    assert_eq!(process.begin(at(20), ms(1)), at(21));
    process.complete(at(21));
    let busy = process.load().utilisation_max;
    assert!((busy - 0.011).abs() < 1e-9, "3 + 1 + 5 + 1 + 1 ms: {busy}");
}

#[test]
fn a_limit_lets_its_rate_pass_and_one_burst() {
    let limit = Limit {
        per_second: 10.0,
        window: ms(1_000),
    };
    // A hundred a second for ten seconds: the burst of the first second and ten a second.
    let mut refusing = RateLimit::new(limit, 1.0);
    let passed = (0..1_000)
        .filter(|step| refusing.admits(at(step * 10)))
        .count();
    assert!((109..=110).contains(&passed), "{passed}");
    // At ten a second all pass.
    let mut refusing = RateLimit::new(limit, 1.0);
    assert!((0..100).all(|step| refusing.admits(at(step * 100))));
    // Whoever waits gets a turn: the eleventh of a burst after a tenth of a second.
    let mut delaying = RateLimit::new(limit, 1.0);
    let turns: Vec<SimTime> = (0..12).map(|_| delaying.next_turn(at(0))).collect();
    assert_eq!(turns[..10], [at(0); 10]);
    assert_eq!(turns[10..], [at(100), at(200)]);
    // Half of it goes to each of two shards.
    let mut half = RateLimit::new(limit, 0.5);
    assert_eq!((0..12).filter(|_| half.admits(at(0))).count(), 5);
}
