//! Availability checks: what they see, what they miss, and what deciders make of them.

use regionfall::database::LagCheck;
use regionfall::history::{Fact, Listener};
use regionfall_kernel::{SimDuration, SimTime};

use crate::field::{A, B, C, Field};

/// A client process that asks with this evidence.
fn asks(evidence: &str, rest: &str) -> Field {
    Field::new(&format!(
        "[[strategy]]\nname = \"asks\"\nvantage = {{ at = \"client-process\" }}\n\
         evidence = [{{ {evidence}, every = \"1s\", timeout = \"500ms\", detector = {{ consecutive = 1 }} }}]\n\
         propagation = {{ kind = \"pointer\" }}\n{rest}"
    ))
}

fn fault(keys: &str) -> String {
    format!("[[fault]]\n{keys}\nat = \"10s\"\nlasts = \"60s\"\n")
}

fn lag(millis: u64) -> LagCheck {
    let tolerance = Some(SimDuration::from_millis(millis));
    LagCheck { tolerance }
}

/// What the client process found of each member, and when.
#[derive(Default)]
struct Verdicts(Vec<(u8, bool, SimTime)>);

impl Listener for Verdicts {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        if let Fact::Verdict {
            member, healthy, ..
        } = fact
        {
            self.0.push((member.0, *healthy, at));
        }
    }
}

/// Which members the client process ever found down.
fn found_down(mut field: Field) -> Vec<u8> {
    let mut verdicts = Verdicts::default();
    field.at_listening(60.0, &mut verdicts);
    let down = verdicts.0.iter().filter(|(_, healthy, _)| !healthy);
    let mut down: Vec<u8> = down.map(|(member, ..)| *member).collect();
    down.sort_unstable();
    down.dedup();
    down
}

#[test]
fn a_dead_process_is_told_by_the_management_process_beside_it() {
    for kind in ["process-crash", "hang"] {
        let kind = fault(&format!("kind = \"{kind}\"\nregion = \"b\""));
        for scope in ["database", "node"] {
            let evidence = format!("probe = \"availability\", scope = \"{scope}\"");
            assert_eq!(found_down(asks(&evidence, &kind)), [B.0], "{kind}");
        }
    }
    let crash = fault("kind = \"process-crash\"\nregion = \"b\"");
    let mut field = asks("probe = \"availability\"", &crash);
    field.at(30.0);
    let answer = field.availability(B, None);
    assert_eq!(
        (answer.status(), answer.error_code()),
        (503, Some("bdb_unavailable_shard_unreachable_port_unbound"))
    );
    assert_eq!(field.availability(A, None).status(), 200);
}

#[test]
fn a_dead_machine_answers_nothing() {
    let crash = fault("kind = \"host-crash\"\nregion = \"b\"");
    assert_eq!(found_down(asks("probe = \"availability\"", &crash)), [B.0]);
}

#[test]
fn without_faults_every_check_passes() {
    for evidence in [
        "probe = \"availability\"",
        "probe = \"availability-lag\", scope = \"node\"",
    ] {
        assert_eq!(found_down(asks(evidence, "")), [0_u8; 0]);
    }
}

#[test]
fn an_outage_of_a_peer_fails_lag_aware_checks_only_where_the_unreachable_count() {
    let outage = "kind = \"region-outage\"\nregion = \"a\"\nmode = \"silent\"";
    let lag_aware = "probe = \"availability-lag\", lag_tolerance = \"5s\"";
    let counts = format!(
        "{}[database.availability]\nunreachable_peers = \"lag\"\n",
        fault(outage)
    );
    assert_eq!(found_down(asks(lag_aware, &fault(outage))), [A.0]);
    assert_eq!(found_down(asks(lag_aware, &counts)), [A.0, B.0, C.0]);
    assert_eq!(found_down(asks("probe = \"availability\"", &counts)), [A.0]);
}

#[test]
fn lag_beyond_the_tolerance_flips_the_answer_and_back() {
    // Effects from a to b take 2 s longer.
    let slow = fault(
        "kind = \"latency\"\nfrom = \"a\"\nto = \"b\"\ndirection = \"one-way\"\nadd = \"2s\"\nscope = \"replication\"",
    );
    let mut field = asks("probe = \"ping\"", &slow);
    field.at(20.0).write(A, 1, 7);
    field.at(21.5).expect(B, 1, None);
    assert!(
        field.availability(B, None).is_available(),
        "a plain check does not look"
    );
    assert!(!field.availability(B, Some(lag(1_000))).is_available());
    assert!(field.availability(B, Some(lag(2_000))).is_available());
    assert!(
        !field
            .availability(B, Some(LagCheck { tolerance: None }))
            .is_available()
    );
    assert!(
        field.availability(C, Some(lag(100))).is_available(),
        "c has it"
    );
    field.at(23.0).expect(B, 1, Some(7));
    assert!(field.availability(B, Some(lag(0))).is_available());
}

#[test]
fn a_member_that_is_being_sent_a_whole_state_lags() {
    // c was removed and joins again: for ten seconds everything is on its way to it, and it answers.
    let rejoins = "[database]\nsize = \"100MB\"\n[database.sync.full_sync]\ntransfer = \"10MB/s\"\n\
         [[fault]]\nkind = \"force-remove\"\nregion = \"c\"\nat = \"20s\"\n\
         [[fault]]\nkind = \"rejoin\"\nregion = \"c\"\nat = \"40s\"\n\
         [[variant]]\nname = \"next to no backlog\"\nset = { \"database.sync.backlog\" = \"1B\" }\n";
    let mut field = asks("probe = \"ping\"", rejoins);
    field.at(30.0).write(A, 1, 7);
    field.at(46.0).expect(C, 1, None);
    assert!(field.availability(C, None).is_available(), "it answers");
    assert!(!field.availability(C, Some(lag(5_000))).is_available());
    field.at(60.0).expect(C, 1, Some(7));
    assert!(field.availability(C, Some(lag(0))).is_available());
}

#[test]
fn clocks_that_disagree_show_as_lag() {
    let skew = fault("kind = \"clock-skew\"\nregion = \"b\"\noffset = \"3s\"");
    let slow = fault(
        "kind = \"latency\"\nfrom = \"a\"\nto = \"b\"\ndirection = \"one-way\"\nadd = \"500ms\"\nscope = \"replication\"",
    );
    let mut field = asks("probe = \"ping\"", &format!("{skew}{slow}"));
    field.at(20.0).write(A, 1, 7);
    field.at(20.4);
    assert!(
        !field.availability(B, Some(lag(3_000))).is_available(),
        "0.4 s and 3 s"
    );
    assert!(field.availability(B, Some(lag(3_500))).is_available());
}

#[test]
fn a_health_endpoint_that_is_down_says_nothing_of_the_database() {
    for mode in ["silent", "refusing"] {
        let down = fault(&format!(
            "kind = \"health-endpoint-down\"\nregion = \"b\"\nmode = \"{mode}\""
        ));
        assert_eq!(found_down(asks("probe = \"availability\"", &down)), [B.0]);
        assert_eq!(found_down(asks("probe = \"ping\"", &down)), [0_u8; 0]);
        let mut field = asks("probe = \"availability\"", &down);
        field.at(30.0).write(B, 1, 5);
        field.at(31.0).expect_everywhere(1, Some(5));
        let effects = field
            .world
            .fault_effects()
            .of(regionfall::topology::FaultId(0));
        assert!(
            effects.hosts == 1 && (mode == "silent" || effects.refused > 0),
            "{effects:?}"
        );
    }
}

#[test]
fn the_endpoint_answers_again_after_the_fault() {
    let down = fault("kind = \"health-endpoint-down\"\nregion = \"b\"");
    let mut field = asks("probe = \"availability\"", &down);
    let mut verdicts = Verdicts::default();
    field.at_listening(75.0, &mut verdicts);
    let [(1, false, down), (1, true, up)] = verdicts.0[..] else {
        panic!("{:?}", verdicts.0)
    };
    let seconds = |at: SimTime| at.since_start().as_secs_f64();
    assert!((10.0..12.0).contains(&seconds(down)), "{down}");
    assert!((70.0..72.0).contains(&seconds(up)), "{up}");
}

#[test]
fn a_cluster_answers_by_its_majority_and_its_primaries() {
    // Three nodes in three zones; the address is that of the first.
    let cluster = "[database]\nkind = \"active-active\"\nreplicas_per_shard = 2\n";
    let crash = |node: &str| {
        fault(&format!(
            "kind = \"process-crash\"\nregion = \"b\"\nnode = {node}"
        ))
    };
    let dark = |node: &str| {
        fault(&format!(
            "kind = \"host-crash\"\nregion = \"b\"\nnode = {node}"
        ))
    };
    let code = |faults: String| {
        let mut field = asks("probe = \"availability\"", &format!("{cluster}{faults}"));
        field.at(30.0);
        field.availability(B, None).error_code()
    };
    assert_eq!(code(String::new()), None);
    assert_eq!(code(crash("2")), None, "a replica is no primary");
    assert_eq!(code(dark("2")), None, "two of three are a majority");
    assert_eq!(code(dark("1") + &dark("2")), Some("no_quorum"));
    assert_eq!(code(crash("0")), Some("bdb_unavailable_shard_unreachable"));
}
