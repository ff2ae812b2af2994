//! Faults that break nothing: each in a small world, with what it does to the data and how often it acted.

use std::collections::BTreeMap;

use regionfall::history::{Fact, Listener};
use regionfall_kernel::SimTime;

use crate::field::{A, B, C, Field};
use crate::small::listened_to;

const PINNED: &str = "[[strategy]]\npreset = \"pinned\"\n";

fn skewed(keys: &str) -> Field {
    Field::new(&format!(
        "{PINNED}[[fault]]\nkind = \"clock-skew\"\nregion = \"a\"\nat = \"10s\"\nlasts = \"50s\"\n{keys}"
    ))
}

/// Two concurrent writes to one string, 10 ms apart: members are 40 ms from each other.
fn earlier_and_later(field: &mut Field, at: f64) -> &mut Field {
    field.at(at).write(A, 1, 1);
    field.at(at + 0.010).write(B, 1, 2);
    field.at(at + 5.0)
}

#[test]
fn a_clock_that_is_ahead_lets_the_earlier_of_two_writes_win() {
    let mut field = skewed("offset = \"500ms\"");
    earlier_and_later(&mut field, 6.0).expect_everywhere(1, Some(2));
    assert_eq!(field.altered(0), 0, "it has not begun");
    earlier_and_later(&mut field, 20.0).expect_everywhere(1, Some(1));
    assert_eq!(field.altered(0), 1, "of the two writes one was here");
    // The fault is over, and the clock is right again.
    earlier_and_later(&mut field, 70.0).expect_everywhere(1, Some(2));
    assert_eq!(field.altered(0), 1);
}

#[test]
fn a_write_that_saw_the_other_wins_whatever_the_clocks_say() {
    let mut field = skewed("offset = \"10s\"");
    field.at(20.0).write(A, 1, 1);
    field.at(22.0).write(B, 1, 2);
    field.at(25.0).expect_everywhere(1, Some(2));
}

#[test]
fn a_clock_that_is_behind_loses_its_own_later_write() {
    let mut field = skewed("offset = \"500ms\"\ndirection = \"behind\"");
    field.at(20.0).write(B, 1, 1);
    field.at(20.010).write(A, 1, 2);
    field.at(25.0).expect_everywhere(1, Some(1));
}

#[test]
fn a_drift_decides_only_once_it_has_grown() {
    // 1 ms in a second: 2 ms after two seconds, 40 ms after forty. The second write comes 10 ms later.
    let mut field = skewed("drift = \"0.1%\"");
    earlier_and_later(&mut field, 12.0).expect_everywhere(1, Some(2));
    earlier_and_later(&mut field, 50.0).expect_everywhere(1, Some(1));
    field.at(60.0).write(C, 2, 5);
    field.at(62.0).expect_everywhere(2, Some(5));
}

/// Requests issued in each second, by region of the app server that asked.
#[derive(Default)]
struct Asked(BTreeMap<(u32, u64), u64>);

impl Listener for Asked {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::OperationIssued { server, .. } = fact {
            let second = at.as_nanos() / 1_000_000_000;
            *self.0.entry((server.0, second)).or_default() += 1;
        }
    }
}

impl Asked {
    fn between(&self, server: u32, from: u64, to: u64) -> u64 {
        (from..to)
            .filter_map(|second| self.0.get(&(server, second)))
            .sum()
    }
}

const TWO_FLEETS: &str = r#"
[phases]
warm_up = "5s"
storm = "100s"
calm = "20s"
[[workload.fleet]]
name = "open"
region = "a"
servers = 1
rate = "50/s"
[[workload.fleet]]
name = "closed"
region = "b"
servers = 1
clients = 5
think = "100ms"
[[workload.keyspace]]
name = "keys"
mix = { get = 1 }
keys = 10
[[strategy]]
preset = "pinned"
"#;

fn surge(keys: &str) -> Asked {
    let mut asked = Asked::default();
    let text = format!(
        "{TWO_FLEETS}[[fault]]\nkind = \"load-surge\"\nat = \"45s\"\nlasts = \"40s\"\n{keys}"
    );
    let outcome = listened_to(&text, "pinned", None, (3, &mut asked));
    outcome.expect_all_held();
    let altered = outcome.fault_effects()[0].1.altered;
    assert!(altered > 100, "requests that it brought nearer: {altered}");
    asked
}

/// How many times more server `server` asked during the surge than before it.
fn ratio(asked: &Asked, server: u32) -> f64 {
    asked.between(server, 45, 85) as f64 / asked.between(server, 5, 45) as f64
}

#[test]
fn a_surge_multiplies_rates_and_divides_thinking_times() {
    let asked = surge("factor = 4");
    assert!(
        (3.6..4.4).contains(&ratio(&asked, 0)),
        "{}",
        ratio(&asked, 0)
    );
    // A round takes 100 ms and a round trip of 1 ms: 101 to 26 ms.
    assert!(
        (3.7..4.0).contains(&ratio(&asked, 1)),
        "{}",
        ratio(&asked, 1)
    );
    let after = asked.between(0, 86, 120) as f64 / 34.0;
    assert!((42.0..58.0).contains(&after), "{after} a second afterwards");
}

#[test]
fn a_surge_of_one_region_leaves_the_others_alone() {
    let asked = surge("factor = 0.25\nregion = \"a\"");
    assert!(
        (0.2..0.3).contains(&ratio(&asked, 0)),
        "{}",
        ratio(&asked, 0)
    );
    assert!(
        (0.95..1.05).contains(&ratio(&asked, 1)),
        "{}",
        ratio(&asked, 1)
    );
}
