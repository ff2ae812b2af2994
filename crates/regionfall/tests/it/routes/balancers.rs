//! Load balancers: in front of each member, and at the edge of a global network.

use super::{number, run, story};

/// Three nodes in each member, over three zones, with proxies on each.
pub(crate) fn clustered(story: &str) -> String {
    story.replace(
        "[database.sync]\n",
        "[database]\nshards = 1\nreplicas_per_shard = 2\nplacement = \"multi-zone\"\nentrance = \"proxy\"\n[database.promotion]\npreset = \"redis-enterprise-high\"\n[database.sync]\n",
    )
}

const NODE: &str =
    "kind = \"host-crash\"\nregion = \"a\"\nnode = 2\nat = \"30s\"\nlasts = \"50s\"\n";

/// The same settings with checks that do not take minutes.
fn balancer(on_down: &str) -> String {
    format!(
        "preset = \"aws-nlb-tuned\"\nbalancer = {{ on_down = \"{on_down}\", evidence = [{{ probe = \"connect\", every = \"2s\", timeout = \"1s\", detector = {{ consecutive = 2, recover = 2 }} }}] }}"
    )
}

#[test]
fn a_balancer_leaves_a_node_that_fails_its_checks() {
    for seed in 1..=4 {
        let text = clustered(&story(&balancer("reset"), NODE));
        let (outcome, heard) = run(&text, seed);
        let down = heard
            .targets
            .iter()
            .find(|&&(at, node, up)| at > 30.0 && node == 2 && !up);
        let down = down.expect("the node is silent").0;
        // Two checks 2 s apart, the last with its second.
        assert!((33.0..35.1).contains(&down), "{down}");
        assert!(heard.moves.is_empty(), "the region is not left");
        let late = heard.served(10, 40.0, 70.0);
        assert!(late > 2_700, "others carry on: {late}");
        assert_eq!(number(&outcome, "policy_switches"), Some(0.0));
    }
}

#[test]
fn flows_that_stay_are_lost_until_clients_give_up() {
    let silent = |on_down: &str| {
        let text = story(
            &format!("{}\nclient = {{ timeout = \"none\" }}", balancer(on_down)),
            NODE,
        )
        .replace("timeout = \"500ms\"", "connections_per_server = 1");
        run(&clustered(&text), 3).1
    };
    let (kept, cut) = (silent("keep"), silent("cut"));
    let served = |heard: &super::Heard| heard.served(10, 45.0, 70.0);
    assert!(
        served(&cut) > served(&kept) + 200,
        "sessions on the dead node stay pinned: {} {}",
        served(&kept),
        served(&cut)
    );
}

#[test]
fn a_balancer_without_healthy_nodes_uses_all_of_them() {
    // Everything is silent: checks fail, and yet new connections are tried, and work once the member is back.
    let fault = "kind = \"host-crash\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"30s\"\n";
    let open = balancer("reset");
    let closed = open.replace("on_down", "fail_open = false, on_down");
    let (_, open) = run(&clustered(&story(&open, fault)), 1);
    let (_, closed) = run(&clustered(&story(&closed, fault)), 1);
    assert_eq!(closed.served(10, 40.0, 60.0), 0);
    // Back at 61 s: who fails open serves at once, who does not waits for two checks.
    let first = |heard: &super::Heard| {
        let mut replies = heard.replies.iter();
        replies
            .find(|&&(at, server)| at > 60.0 && server < 10)
            .map(|&(at, _)| at)
    };
    let (open, closed) = (first(&open), first(&closed));
    assert!(open < closed, "{open:?} {closed:?}");
}

#[test]
fn a_traffic_manager_in_front_of_balancers_moves_regions_and_they_move_nodes() {
    let stack = "stack = [\"route53-fast\", \"aws-nlb-tuned\"]";
    let node = clustered(&story(stack, NODE));
    let (_, heard) = run(&node, 1);
    assert!(
        heard.moves.is_empty(),
        "one node is a matter of the balancer"
    );
    let region = "kind = \"region-outage\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"80s\"\n";
    let (_, heard) = run(&clustered(&story(stack, region)), 1);
    let down = heard
        .verdict(30.0, 0, false)
        .expect("checks go through the balancer to the nodes");
    assert!((60.0..72.0).contains(&down), "{down}");
    assert!(
        heard
            .moves
            .iter()
            .any(|&(_, server, to)| server < 10 && to == 1)
    );
}

#[test]
fn a_balancer_that_answers_for_dead_nodes_hides_them_from_a_traffic_manager() {
    // Connections are accepted by the balancer itself: the check does not reach the database.
    let stack =
        "stack = [\"route53-fast\", \"aws-nlb-tuned\"]\nbalancer = { connections = \"relayed\" }";
    let region = "kind = \"region-outage\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"80s\"\n";
    let (_, heard) = run(&clustered(&story(stack, region)), 1);
    assert_eq!(heard.verdict(30.0, 0, false), None, "the address answers");
    let through = format!(
        "{stack}\nevidence = [{{ probe = \"ping\", every = \"10s\", timeout = \"10s\", detector = {{ consecutive = 3 }} }}]"
    );
    let (_, heard) = run(&clustered(&story(&through, region)), 1);
    assert!(heard.verdict(30.0, 0, false).is_some(), "PING goes through");
}

#[test]
fn an_edge_moves_new_flows_at_once_and_keeps_established_ones() {
    let strategy = |preset: &str| {
        format!(
            "preset = \"{preset}\"\nevidence = [{{ probe = \"connect\", every = \"2s\", timeout = \"1s\", detector = {{ consecutive = 2, recover = 2 }} }}]\nclient = {{ timeout = \"none\" }}"
        )
    };
    let text = |preset: &str| {
        let fault = "kind = \"hang\"\nregion = \"a\"\nat = \"30s\"\nlasts = \"60s\"\n";
        // A process that hangs accepts connections: only what passes a connection sees nothing wrong.
        story(&strategy(preset), fault)
            .replace("probe = \"connect\"", "probe = \"ping\"")
            .replace("timeout = \"500ms\"", "connections_per_server = 1")
    };
    let (_, pinned) = run(&text("aws-global-accelerator"), 2);
    let (_, reset) = run(&text("gcp-global-lb"), 2);
    for heard in [&pinned, &reset] {
        let moved = heard
            .moves
            .iter()
            .filter(|&&(at, server, _)| at < 90.0 && server < 10);
        let moved: Vec<f64> = moved.map(|&(at, ..)| at).collect();
        assert_eq!(moved.len(), 10);
        assert!(
            moved.iter().all(|at| (at - moved[0]).abs() < 1e-9),
            "one decision for all"
        );
    }
    let served = |heard: &super::Heard| heard.served(10, 40.0, 80.0);
    assert_eq!(served(&pinned), 0, "flows that were open stay pinned");
    assert!(
        served(&reset) > 1_000,
        "those that are reset go on: {}",
        served(&reset)
    );
}

#[test]
fn a_node_that_was_added_is_used_when_the_syncer_has_told() {
    let fault = "kind = \"node-added\"\nregion = \"a\"\nnode = 1\nat = \"30s\"\n";
    let stuck = format!(
        "{fault}[[fault]]\nkind = \"config-syncer-stuck\"\nat = \"25s\"\nlasts = \"30s\"\n"
    );
    let preset =
        "stack = [\"aws-nlb-tuned\", \"config-syncer\"]\nclient = { keeps_connections = false }";
    let first_use = |fault: &str| {
        let (_, heard) = run(&clustered(&story(preset, fault)), 1);
        let mut reached = heard.reached.iter();
        let added = reached.find(|&&(at, node)| at > 5.0 && node == 1);
        added.expect("it is used in the end").0
    };
    // Looks come every 10 s, and applying takes one.
    let told = first_use(fault);
    assert!((31.0..32.0).contains(&told), "{told}");
    // The syncer goes on at 55 s, and looks at 60 s.
    let told = first_use(&stuck);
    assert!((61.0..62.0).contains(&told), "{told}");
}

/// A primary with one replica in region a, Sentinels that promote it, and a proxy that asks each node for its role.
const ROLES: &str = r#"
[phases]
warm_up = "10s"
storm = "60s"
calm = "30s"
quiescence = "1m"
[topology]
regions = ["a"]
[[topology.region]]
name = "a"
zones = 3
same_zone_rtt = "1ms"
cross_zone_rtt = "2ms"
[database]
kind = "primary-replica"
replicas_per_shard = 1
entrance = "direct"
[database.promotion]
preset = "sentinel-5s"
[database.sync]
restart = "1s"
[[workload.fleet]]
name = "app"
region = "a"
servers = 4
connections_per_server = 1
rate = "100/s"
timeout = "500ms"
[[workload.keyspace]]
name = "keys"
mix = { set = 1 }
[[strategy]]
name = "it"
preset = "pinned"
balancer = { fail_open = false, on_down = "cut", connections = "relayed", evidence = [{ probe = "primary", every = "1s", timeout = "1s", detector = { consecutive = 1, recover = 1 } }] }
client = { keeps_connections = false }
[[fault]]
kind = "host-crash"
region = "a"
node = "primary"
at = "20s"
lasts = "20s"
"#;

#[test]
fn a_proxy_that_asks_for_roles_has_two_primaries_until_the_old_one_is_told() {
    let text = format!("title = \"roles\"\nseeds = 1\n{ROLES}");
    let scenario = regionfall::scenario::Scenario::from_toml(&text);
    let scenario = scenario.unwrap_or_else(|error| panic!("{error}"));
    let mut both = 0;
    for seed in 1..=4 {
        let mut heard = super::Heard::default();
        let simulation =
            regionfall::simulation::Simulation::new(&scenario, regionfall_kernel::Seed::new(seed));
        let simulation = simulation.strategy("it").expect("it is there");
        simulation
            .run_with(&mut heard)
            .expect("a strategy is named");
        let at = |node: u8, from: f64, to: f64| {
            let wanted = |&&(at, other): &&(f64, u8)| other == node && at >= from && at < to;
            heard.writes.iter().filter(wanted).count()
        };
        assert!(
            at(0, 10.0, 20.0) > 800 && at(1, 10.0, 20.0) == 0,
            "the first is the primary"
        );
        assert!(
            at(1, 32.0, 40.0) > 600,
            "the second was promoted, and the proxy saw it"
        );
        // Back at 41 s, the old one says that it is the primary until a Sentinel tells it otherwise.
        both += u32::from(at(0, 41.0, 60.0) > 20 && at(1, 41.0, 60.0) > 20);
    }
    assert!(both >= 3, "writes went to both in {both} of 4 runs");
}
