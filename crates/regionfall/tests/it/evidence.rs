//! What each kind of probe sees, and what it misses: one client process asks every second, one failure is
//! enough.

use regionfall::history::{Fact, Listener};
use regionfall_kernel::SimTime;

use crate::field::Field;

#[derive(Default)]
struct Down(Vec<&'static str>);

impl Listener for Down {
    fn observe(&mut self, _at: SimTime, fact: &Fact<'_>) {
        if let Fact::Verdict {
            member,
            healthy: false,
            ..
        } = fact
        {
            self.0.push(["a", "b", "c"][member.index()]);
        }
    }
}

/// Which members a probe ever found down under a fault from 10 s to 40 s.
fn sees(probe: &str, rest: &str) -> Vec<&'static str> {
    let text = format!(
        "[[strategy]]\nname = \"asks\"\nvantage = {{ at = \"client-process\" }}\n\
         evidence = [{{ {probe}, every = \"1s\", timeout = \"500ms\", detector = {{ consecutive = 1 }} }}]\n\
         propagation = {{ kind = \"pointer\" }}\n{rest}"
    );
    let mut down = Down::default();
    Field::new(&text).at_listening(60.0, &mut down);
    down.0.sort_unstable();
    down.0.dedup();
    down.0
}

fn fault(keys: &str) -> String {
    format!("[[fault]]\n{keys}\nat = \"10s\"\nlasts = \"30s\"\n")
}

const EVERY: [&str; 7] = [
    "probe = \"ping\"",
    "probe = \"echo\"",
    "probe = \"http\"",
    "probe = \"set-get\"",
    "probe = \"replication\", tolerance = \"5s\"",
    "probe = \"not-stale\"",
    "probe = \"custom\"",
];

#[test]
fn without_faults_every_kind_passes() {
    for probe in EVERY {
        assert_eq!(sees(probe, ""), [""; 0], "{probe}");
    }
}

#[test]
fn every_kind_sees_a_process_that_is_dead_hangs_or_has_no_machine() {
    for kind in ["process-crash", "hang", "host-crash"] {
        let fault = fault(&format!("kind = \"{kind}\"\nregion = \"b\""));
        for probe in EVERY {
            assert!(sees(probe, &fault).contains(&"b"), "{probe} {kind}");
        }
        // A client's connection takes TLS and a login, which a process that hangs does not answer.
        assert!(sees("probe = \"connect\"", &fault).contains(&"b"), "{kind}");
    }
}

#[test]
fn only_a_probe_of_the_endpoint_beside_the_database_falls_with_it() {
    let fault = fault("kind = \"health-endpoint-down\"\nregion = \"b\"\nmode = \"refusing\"");
    assert_eq!(sees("probe = \"http\"", &fault), ["b"]);
    assert_eq!(sees("probe = \"echo\"", &fault), [""; 0]);
    assert_eq!(sees("probe = \"replication\"", &fault), [""; 0]);
}

#[test]
fn a_member_cut_off_from_its_peers_is_seen_by_those_that_ask_for_it() {
    let cut = fault(
        "kind = \"partition\"\nfrom = \"a\"\nto = [\"b\", \"c\"]\nscope = \"replication\"\nmode = \"silent\"",
    );
    for blind in [
        "probe = \"ping\"",
        "probe = \"set-get\"",
        "probe = \"custom\"",
    ] {
        assert_eq!(sees(blind, &cut), [""; 0], "{blind}");
    }
    for seeing in [
        "probe = \"not-stale\"",
        "probe = \"custom\", sees = [\"staleness\"]",
    ] {
        assert!(sees(seeing, &cut).contains(&"a"), "{seeing}");
    }
}

#[test]
fn lag_is_seen_beyond_its_tolerance() {
    // A busy writer beside a, whose effects take two seconds more to reach b.
    let slow = fault(
        "kind = \"latency\"\nfrom = \"a\"\nto = \"b\"\ndirection = \"one-way\"\nadd = \"2s\"\nscope = \"replication\"",
    );
    let sees_lag = |probe: &str| {
        let text = format!(
            "[[strategy]]\nname = \"asks\"\nvantage = {{ at = \"client-process\" }}\n\
             evidence = [{{ {probe}, every = \"1s\", timeout = \"500ms\", detector = {{ consecutive = 1 }} }}]\n\
             propagation = {{ kind = \"pointer\" }}\n{slow}"
        );
        let mut field = Field::new(&text);
        let mut down = Down::default();
        for step in 0..120 {
            let moment = 10.0 + f64::from(step) * 0.25;
            let a = crate::field::A;
            field
                .at_listening(moment, &mut down)
                .write(a, 1, i64::from(step));
        }
        down.0
    };
    let tight = sees_lag("probe = \"replication\", tolerance = \"1s\"");
    assert!(tight.contains(&"b") && !tight.contains(&"c"), "{tight:?}");
    assert_eq!(
        sees_lag("probe = \"replication\", tolerance = \"5s\""),
        [""; 0]
    );
    assert!(sees_lag("probe = \"custom\", tolerance = \"1s\"").contains(&"b"));
}

#[test]
fn keys_at_random_may_miss_the_shard_that_is_down() {
    let shards = "[database]\nshards = 6\nreplicas_per_shard = 5\n";
    let one = fault("kind = \"process-crash\"\nregion = \"b\"\nnode = 3");
    let rest = format!("{shards}{one}");
    assert_eq!(sees("probe = \"set-get\"", &rest), ["b"]);
    assert_eq!(sees("probe = \"ping\"", &rest), [""; 0]);
    // Each round of four keys in six shards finds it with one chance in two; there are thirty.
    assert_eq!(sees("probe = \"set-get\", keys = 4", &rest), ["b"]);
    let check = "probe = \"custom\", sees = [\"shards\"]";
    assert_eq!(sees(check, &rest), ["b"]);
}
