//! Where traffic goes, when it returns and in which steps; heartbeats, votes and people.

#![expect(
    clippy::float_cmp,
    reason = "shares and counts that are exactly nothing, or all"
)]

use regionfall::simulation::Simulation;
use regionfall::topology::MemberId;
use regionfall_crdt::CommandKind;
use regionfall_kernel::Seed;

use crate::clients_world::{A, B, Moves, SILENT, heard, number, ours, run};
use crate::small::scenario;

const PROBED_SHARDS: &str = "evidence = [{ probe = \"set-get\", every = \"1s\", timeout = \"500ms\", detector = { consecutive = 2 } }]\n\
     propagation = { kind = \"pointer\", adopt = \"at-once\" }\nfailback = { after = \"0s\" }\n";

const SHARD_DOWN: &str = "[database]\nshards = 4\nreplicas_per_shard = 1\n\
     [[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nnode = 1\nat = \"60s\"\nlasts = \"60s\"\n";

#[test]
fn the_example_of_the_file_format_works_word_for_word() {
    let rest = format!(
        r#"
[[strategy]]                               # composed from parts
name = "ours"
vantage = {{ at = "client-process" }}
evidence = [{{ probe = "ping", every = "1s", timeout = "500ms", loop = "fixed-delay" }}, {{ passive = "errors" }}]
detector = {{ consecutive = 3 }}
choice = {{ order = "priority" }}
propagation = {{ kind = "pointer", adopt = "next-command", cut_sessions = true }}
failback = {{ after = "60s", criteria = ["available", "synchronized"], gradual = {{ reads_first = "30s" }} }}
{SILENT}"#
    );
    let (outcome, moves) = heard::<Moves>(&rest, "ours", 1);
    outcome.expect_all_held();
    let away: Vec<f64> = moves
        .adopted
        .iter()
        .filter(|(.., to)| *to == B)
        .map(|&(_, at, _)| at)
        .collect();
    let back: Vec<f64> = moves
        .adopted
        .iter()
        .filter(|(.., to)| *to == A)
        .map(|&(_, at, _)| at)
        .collect();
    assert_eq!((away.len(), back.len()), (8, 8));
    assert!(away.iter().all(|at| (61.0..65.5).contains(at)), "{away:?}");
    // Back a minute after the member counts as up, and the writes half a minute after the reads.
    assert!(
        back.iter().all(|at| (250.0..262.0).contains(at)),
        "{back:?}"
    );
    let writes = moves.share(A, 230.0, 245.0, Some(CommandKind::Set));
    let reads = moves.share(A, 230.0, 245.0, Some(CommandKind::Get));
    assert_eq!(
        (writes, reads),
        (0.0, 1.0),
        "reads are back, writes are not"
    );
}

#[test]
fn a_timer_brings_processes_back_up_to_its_period_apart() {
    let rest = format!("[[strategy]]\npreset = \"jedis-multidb\"\n{SILENT}");
    let (_, moves) = heard::<Moves>(&rest, "jedis-multidb", 1);
    let back: Vec<f64> = moves
        .adopted
        .iter()
        .filter(|(.., to)| *to == A)
        .map(|&(_, at, _)| at)
        .collect();
    assert_eq!(back.len(), 8);
    assert!(
        back.iter().all(|at| (160.0..=295.0).contains(at)),
        "{back:?}"
    );
    let first = back.iter().copied().fold(f64::MAX, f64::min);
    let last = back.iter().copied().fold(0.0, f64::max);
    assert!(
        last - first > 30.0,
        "the fleet writes to both for long: {back:?}"
    );
}

#[test]
fn a_lazy_client_looks_for_better_a_fixed_time_after_it_left() {
    let rest = format!("[[strategy]]\npreset = \"redis-py-multidb\"\n{SILENT}");
    let (_, moves) = heard::<Moves>(&rest, "redis-py-multidb", 1);
    for server in 0..8 {
        let own: Vec<f64> = moves
            .adopted
            .iter()
            .filter(|(id, ..)| id.0 == server)
            .map(|&(_, at, _)| at)
            .collect();
        assert_eq!(own.len(), 2, "away and back");
        assert!((120.0..122.0).contains(&(own[1] - own[0])), "{own:?}");
    }
}

#[test]
fn a_grace_that_blocks_the_last_member_is_looked_beyond_only_on_a_timer() {
    // a fails and is back; while it is in its grace b fails too.
    let rest = |look_again: &str| {
        format!(
            "[[strategy]]\npreset = \"jedis-multidb\"\n{look_again}\n\
             [[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"10s\"\n\
             [[fault]]\nkind = \"process-crash\"\nregion = \"b\"\nat = \"90s\"\nlasts = \"120s\"\n"
        )
    };
    let first_back = |rest: &str| {
        let (_, moves) = heard::<Moves>(rest, "jedis-multidb", 1);
        let back = moves
            .adopted
            .iter()
            .filter(|(_, at, to)| *to == A && *at > 90.0);
        back.map(|&(_, at, _)| at).collect::<Vec<f64>>()
    };
    let stuck = first_back(&rest(""));
    let looking = first_back(&rest("vantage = { look_again = \"12s\" }"));
    assert_eq!(looking.len(), 8);
    // Grace ends 60 s after a was left, at 61 to 64 s; then within 12 s.
    assert!(
        looking.iter().all(|at| (120.0..138.0).contains(at)),
        "{looking:?}"
    );
    let late = stuck.iter().filter(|&&at| at > 138.0).count() + 8 - stuck.len();
    assert!(late > 0, "the failback timer is all they have: {stuck:?}");
}

#[test]
fn criteria_keep_traffic_from_a_member_that_is_not_in_step() {
    let strategy = |criteria: &str| {
        ours(
            "back",
            &format!(
                "evidence = [{{ probe = \"ping\", every = \"1s\", timeout = \"500ms\" }}]\n\
                 propagation = {{ kind = \"pointer\", adopt = \"at-once\" }}\nfailback = {{ after = \"0s\" {criteria} }}"
            ),
        ) + "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"60s\"\n\
             [[fault]]\nkind = \"partition\"\nfrom = \"a\"\nto = [\"b\", \"c\"]\nscope = \"replication\"\nmode = \"silent\"\nat = \"60s\"\nlasts = \"110s\"\n"
    };
    let back = |criteria: &str| {
        let (outcome, moves) = heard::<Moves>(&strategy(criteria), "back", 1);
        let at = moves
            .adopted
            .iter()
            .filter(|(.., to)| *to == A)
            .map(|&(_, at, _)| at);
        let first = at.fold(f64::MAX, f64::min);
        (first, number(&outcome, "stale_reads"))
    };
    let (naive, stale) = back("");
    let (careful, fresh) = back(
        ", criteria = [\"available\", \"not-stale\"], check_every = \"1s\", held_for = \"5s\"",
    );
    assert!(naive < 140.0, "back at once: {naive}");
    // Replication is whole again at 170 s, and must have caught up.
    assert!((175.0..240.0).contains(&careful), "{careful}");
    assert!(stale > fresh, "{stale} {fresh}");
}

#[test]
fn a_canary_goes_first() {
    let rest = ours(
        "canary",
        "evidence = [{ probe = \"ping\", every = \"1s\", timeout = \"500ms\" }]\n\
         propagation = { kind = \"pointer\", adopt = \"at-once\" }\n\
         failback = { after = \"10s\", gradual = { canary = \"20%\", canary_for = \"40s\" } }",
    ) + SILENT;
    let (_, moves) = heard::<Moves>(&rest, "canary", 1);
    assert_eq!(moves.share(A, 80.0, 150.0, None), 0.0);
    let canary = moves.share(A, 180.0, 205.0, None);
    assert!((0.15..0.25).contains(&canary), "{canary}");
    assert_eq!(moves.share(A, 230.0, 260.0, None), 1.0);
}

#[test]
fn weights_may_change_while_the_process_runs() {
    let rest = ours(
        "weighted",
        "evidence = [{ probe = \"ping\", every = \"1s\", timeout = \"500ms\" }]\n\
         choice = { order = \"weight\", weights = { a = 1.0, b = 0.5 }, weight_changes = [{ at = \"100s\", region = \"b\", weight = 2.0 }] }\n\
         propagation = { kind = \"pointer\", adopt = \"at-once\" }\nfailback = { after = \"0s\" }",
    );
    let (_, moves) = heard::<Moves>(&rest, "weighted", 1);
    assert_eq!(moves.share(A, 40.0, 99.0, None), 1.0);
    assert_eq!(moves.share(B, 103.0, 200.0, None), 1.0);
}

#[test]
fn the_nearest_member_is_found_by_measurement() {
    let rest = "[[strategy]]\npreset = \"se-redis-group\"\n";
    let (outcome, moves) = heard::<Moves>(rest, "se-redis-group", 1);
    assert_eq!(
        moves.share(B, 40.0, 200.0, None),
        1.0,
        "home is a, and b is next door"
    );
    assert!(
        number(&outcome, "policy_switches") >= 8.0,
        "without any fault"
    );
}

#[test]
fn a_shard_that_is_down_moves_its_own_traffic_or_everything_or_nothing() {
    let shares = |choice: &str, probe: &str| {
        let rest = ours("probed", &format!("choice = {{ {choice} }}\n{probe}")) + SHARD_DOWN;
        let (_, moves) = heard::<Moves>(&rest, "probed", 1);
        moves.share(B, 70.0, 115.0, None)
    };
    let ping = PROBED_SHARDS.replace("set-get", "ping");
    assert_eq!(
        shares("order = \"priority\"", &ping),
        0.0,
        "PING asks the entrance only"
    );
    assert_eq!(shares("order = \"priority\"", PROBED_SHARDS), 1.0);
    let half = shares("order = \"per-shard\"", PROBED_SHARDS);
    assert!((0.4..0.6).contains(&half), "two of four shards: {half}");
    // Half of a member can carry 1.4 times a half.
    let spill = shares("order = \"shares\"", PROBED_SHARDS);
    assert!((0.25..0.35).contains(&spill), "{spill}");
}

#[test]
fn reads_that_are_checked_against_own_writes_are_asked_again_where_those_are() {
    let strategy = |checks: bool| {
        ours(
            "back",
            &format!(
                "evidence = [{{ probe = \"ping\", every = \"1s\", timeout = \"500ms\" }}]\n\
                 propagation = {{ kind = \"pointer\", adopt = \"at-once\" }}\nfailback = {{ after = \"0s\" }}\n\
                 client = {{ checks_versions = {checks} }}"
            ),
        ) + "[[fault]]\nkind = \"host-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"60s\"\n\
             [[fault]]\nkind = \"partition\"\nfrom = \"a\"\nto = [\"b\", \"c\"]\nscope = \"replication\"\nmode = \"silent\"\nat = \"60s\"\nlasts = \"110s\"\n"
    };
    let violations = |checks| number(&run(&strategy(checks), "back"), "ryw_violations");
    let (plain, checked) = (violations(false), violations(true));
    assert!(plain > 50.0, "{plain}");
    assert!(checked < plain / 2.0, "{checked} of {plain}");
}

#[test]
fn heartbeats_through_the_database_see_what_ping_does_not() {
    let cut = "[[fault]]\nkind = \"partition\"\nfrom = \"a\"\nto = [\"b\", \"c\"]\nscope = \"replication\"\nmode = \"silent\"\nat = \"60s\"\nlasts = \"60s\"\n";
    let beats = |isolated: &str| {
        ours(
            "beats",
            &format!(
                "evidence = [{{ heartbeat = \"2s\", silence = \"6s\", isolated = \"{isolated}\" }}]\n\
                 propagation = {{ kind = \"pointer\", adopt = \"at-once\" }}\nfailback = {{ after = \"30s\" }}"
            ),
        ) + cut
    };
    // Three members, of which a alone is cut off.
    let three =
        |rest: String| rest.replace("home = [\"a\", \"b\"]", "home = [\"a\", \"b\", \"c\"]");
    let moved = |isolated: &str| {
        let text = format!(
            "[phases]\nwarm_up = \"30s\"\nstorm = \"3m\"\ncalm = \"3m\"\n[[workload.fleet]]\nregion = \"b\"\nservers = 4\nrate = \"40/s\"\nhome = [\"a\", \"b\", \"c\"]\n[[workload.keyspace]]\nmix = {{ set = 1 }}\n{}",
            three(beats(isolated))
        );
        let scenario = scenario(&text);
        let mut moves = Moves::default();
        Simulation::new(&scenario, Seed::new(1))
            .strategy("beats")
            .unwrap()
            .run_with(&mut moves)
            .unwrap();
        moves.adopted
    };
    assert!(moved("stays").is_empty());
    let left = moved("leaves");
    let away: Vec<f64> = left
        .iter()
        .filter(|(.., to)| *to == B)
        .map(|&(_, at, _)| at)
        .collect();
    assert_eq!(away.len(), 4);
    assert!(away.iter().all(|at| (63.9..66.3).contains(at)), "{away:?}");
}

#[test]
fn one_channel_is_blind_for_other_shards() {
    let beats = |channels: &str| {
        ours(
            "beats",
            &format!(
                "evidence = [{{ heartbeat = \"2s\", silence = \"6s\", channels = \"{channels}\" }}]\n\
                 propagation = {{ kind = \"pointer\", adopt = \"at-once\" }}\nfailback = {{ after = \"30s\" }}"
            ),
        ) + SHARD_DOWN
    };
    let moved = |channels| heard::<Moves>(&beats(channels), "beats", 1).1.adopted.len();
    assert_eq!(moved("one"), 0);
    assert!(moved("per-shard") >= 8);
}

#[test]
fn an_ejected_member_is_back_after_its_time_and_longer_each_time() {
    let rest = ours(
        "outliers",
        "evidence = [{ passive = \"errors\", detector = { ejection = 5, always_one = true } }]\n\
         propagation = { kind = \"pointer\", adopt = \"at-once\" }\nfailback = { after = \"0s\" }",
    ) + "[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nat = \"60s\"\nlasts = \"50s\"\n";
    let (_, moves) = heard::<Moves>(&rest, "outliers", 1);
    let own: Vec<(f64, MemberId)> = moves
        .adopted
        .iter()
        .filter(|(id, ..)| id.0 == 0)
        .map(|&(_, at, to)| (at, to))
        .collect();
    assert!(own.len() >= 4, "{own:?}");
    let first = own[1].0 - own[0].0;
    let second = own[3].0 - own[2].0;
    assert!((29.0..41.0).contains(&first), "{own:?}");
    assert!((59.0..71.0).contains(&second), "{own:?}");
    let none = rest.replace("always_one = true", "always_one = false");
    assert_eq!(
        number(&run(&none, "outliers"), "policy_switches"),
        0.0,
        "with two members none may be out"
    );
}

#[test]
fn shared_verdicts_move_a_fleet_together() {
    let shared = |votes: &str| {
        format!(
            "[[strategy]]\npreset = \"jedis-multidb\"\nvantage = {{ votes = \"{votes}\" }}\n{SILENT}"
        )
    };
    let skew = |votes| {
        let (_, moves) = heard::<Moves>(&shared(votes), "jedis-multidb", 2);
        let away = moves
            .adopted
            .iter()
            .filter(|(.., to)| *to == B)
            .map(|&(_, at, _)| at);
        let (first, last) = away.fold((f64::MAX, 0.0_f64), |(first, last), at| {
            (first.min(at), last.max(at))
        });
        last - first
    };
    assert!(skew("own") > 1.0);
    assert!(skew("any") < 0.1);
}

#[test]
fn a_person_brings_a_fleet_back_together() {
    let rest = ours(
        "back by hand",
        "evidence = [{ probe = \"ping\", every = \"1s\", timeout = \"500ms\" }]\n\
         propagation = { kind = \"pointer\", adopt = \"at-once\" }\nfailback = { manual = \"uniform(60s, 100s)\" }",
    ) + SILENT;
    let (_, moves) = heard::<Moves>(&rest, "back by hand", 1);
    let back: Vec<f64> = moves
        .adopted
        .iter()
        .filter(|(.., to)| *to == A)
        .map(|&(_, at, _)| at)
        .collect();
    assert_eq!(back.len(), 8);
    let first = back.iter().copied().fold(f64::MAX, f64::min);
    let last = back.iter().copied().fold(0.0, f64::max);
    assert!(
        (220.0..265.0).contains(&first) && last - first < 2.5,
        "{back:?}"
    );
}
