//! Whole scenarios, and their topologies and workloads. Each is made as a scenario file, so that what fails can be kept.

use core::fmt;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::fault::fault_plan;
use crate::scenario::{Scenario, plan_to_toml};
use crate::topology::TopologyConfig;
use crate::workload::WorkloadConfig;

/// A scenario with the file that says it.
#[derive(Clone)]
pub struct Generated {
    /// The whole file, with the plan.
    pub toml: String,
    /// What it means.
    pub scenario: Scenario,
}

impl fmt::Debug for Generated {
    /// The file: who reads about a failure wants that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.toml)
    }
}

const MEMBERS: [&str; 4] = ["a", "b", "c", "d"];

/// Two to four members 5 ms to 150 ms apart each way, in regions of one to three zones.
pub fn topology() -> BoxedStrategy<TopologyConfig> {
    topology_text()
        .prop_map(|(members, text)| {
            let scenario = read(&format!("{PHASES}{text}{}", strategy(members, 0)));
            scenario.variants[0].settings.topology.clone()
        })
        .boxed()
}

/// One to three fleets over so many members (2 to 4), open or closed, and one to three keyspaces of different types.
pub fn workload(members: usize) -> BoxedStrategy<WorkloadConfig> {
    let members = members.clamp(2, MEMBERS.len());
    workload_text(members)
        .prop_map(move |text| {
            let topology = topology_of(members, &[20; 6], 1);
            let scenario = read(&format!("{PHASES}{topology}{text}{}", strategy(members, 0)));
            scenario.variants[0].settings.workload.clone()
        })
        .boxed()
}

/// A whole scenario with one strategy and a plan of one to six faults, in one case named `faults`: of an Active-Active
/// database, seldom of a Redis Cluster.
pub fn scenario() -> BoxedStrategy<Generated> {
    let text = prop_oneof![5 => active_active_text(), 1 => cluster_text()];
    text.prop_flat_map(|text| {
        let base = read(&text);
        let plan = fault_plan(&base.variants[0].settings);
        plan.prop_map(move |plan| {
            let settings = &base.variants[0].settings;
            let toml = format!("{text}\n{}", plan_to_toml(&plan, &settings.topology));
            let scenario = read(&toml);
            Generated { toml, scenario }
        })
    })
    .boxed()
}

fn active_active_text() -> BoxedStrategy<String> {
    topology_text()
        .prop_flat_map(|(members, topology)| {
            let parts = (
                Just(topology),
                database_text(),
                workload_text(members),
                0..STRATEGIES.len(),
            );
            parts.prop_map(move |(topology, database, workload, which)| {
                let strategy = strategy(members, which);
                format!("{PHASES}{topology}{database}{workload}{strategy}")
            })
        })
        .boxed()
}

/// One member, whose shards elect among themselves who serves, and may give slots to one another.
fn cluster_text() -> BoxedStrategy<String> {
    let timeout = prop_oneof![Just("1s"), Just("2s"), Just("5s")];
    let shape = (1_u16..=3, 2_u16..=3, 1_u16..=2, timeout);
    (shape, persistence_text(), workload_text(1))
        .prop_map(|((zones, shards, replicas, timeout), persistence, workload)| {
            let topology = topology_of(1, &[20; 6], zones);
            let strategy = strategy(1, 0);
            format!(
                "{PHASES}{topology}\n[database]\nkind = \"primary-replica\"\nshards = {shards}\nreplicas_per_shard = {replicas}\nentrance = \"cluster\"\n{persistence}\n[database.promotion]\npreset = \"redis-cluster-default\"\nnode_timeout = \"{timeout}\"\n\n[database.sync]\nsilence_limit = \"10s\"\n{workload}{strategy}"
            )
        })
        .boxed()
}

/// What is generated is always a valid file, or the generator is wrong.
fn read(text: &str) -> Scenario {
    match Scenario::from_toml(text) {
        Ok(scenario) => scenario,
        Err(error) => unreachable!("generated scenarios are valid: {error}\nin\n{text}"),
    }
}

const PHASES: &str = r#"title = "generated"
seeds = 1
event_budget = 5_000_000

[phases]
warm_up = "5s"
storm = "30s"
calm = "30s"
quiescence = "5m"
"#;

fn topology_text() -> BoxedStrategy<(usize, String)> {
    let delays = proptest::array::uniform6(5_u32..150);
    (2..=MEMBERS.len(), delays, 1_u16..=3)
        .prop_map(|(members, delays, zones)| (members, topology_of(members, &delays, zones)))
        .boxed()
}

fn topology_of(members: usize, delays: &[u32; 6], zones: u16) -> String {
    let names: Vec<String> = MEMBERS[..members]
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    let mut out = format!("\n[topology]\nregions = [{}]\n", names.join(", "));
    for name in &MEMBERS[..members] {
        let _ = write!(
            out,
            "\n[[topology.region]]\nname = \"{name}\"\nzones = {zones}\nsame_zone_rtt = \"1ms\"\n"
        );
    }
    let mut delays = delays.iter();
    for (place, from) in MEMBERS[..members].iter().enumerate() {
        for to in &MEMBERS[place + 1..members] {
            let delay = delays.next().copied().unwrap_or(20);
            let _ = write!(
                out,
                "\n[[topology.link]]\nfrom = \"{from}\"\nto = \"{to}\"\none_way = \"{delay}ms\"\n"
            );
        }
    }
    out
}

fn database_text() -> BoxedStrategy<String> {
    let spare = prop_oneof![4 => Just(""), 1 => Just("spare_nodes = 1\n")];
    let export = prop_oneof![
        4 => Just(""),
        1 => Just("export = { every = \"7s\", first = \"3s\" }\n"),
    ];
    let copies = (0_u16..=1, spare, export);
    (1_u16..=2, copies, persistence_text())
        .prop_map(|(shards, (replicas, spare, export), persistence)| {
            format!(
                "\n[database]\nshards = {shards}\nreplicas_per_shard = {replicas}\n{spare}{export}{persistence}\n[database.sync]\nprocessing = \"uniform(1ms, 30ms)\"\nsilence_limit = \"10s\"\n"
            )
        })
        .boxed()
}

fn persistence_text() -> BoxedStrategy<&'static str> {
    prop_oneof![
        3 => Just(""),
        1 => Just("persistence = \"aof-everysec\"\n"),
        1 => Just("persistence = \"aof-always\"\n"),
    ]
    .boxed()
}

fn workload_text(members: usize) -> BoxedStrategy<String> {
    let fleet = (
        0..members,
        1_u32..=3,
        5_u32..40,
        any::<bool>(),
        1..=members,
        0..members,
    );
    let fleets = proptest::collection::vec(fleet, 1..=3);
    let kinds = proptest::sample::subsequence(vec![0_usize, 1, 2], 1..=3);
    (fleets, kinds, 1_u32..30)
        .prop_map(move |(fleets, kinds, keys)| {
            let mut out = String::new();
            for (number, (region, servers, rate, is_closed, homes, first)) in
                fleets.into_iter().enumerate()
            {
                let homes: Vec<String> = (0..homes)
                    .map(|step| format!("\"{}\"", MEMBERS[(first + step) % members]))
                    .collect();
                let traffic = if is_closed {
                    "clients = 4\nthink = \"100ms\"".to_owned()
                } else {
                    format!("rate = \"{rate}/s\"")
                };
                let _ = write!(
                    out,
                    "\n[[workload.fleet]]\nname = \"fleet {number}\"\nregion = \"{}\"\nservers = {servers}\nconnections_per_server = 2\n{traffic}\nhome = [{}]\n",
                    MEMBERS[region],
                    homes.join(", ")
                );
            }
            let shares = match kinds.len() {
                1 => [100, 0, 0],
                2 => [60, 40, 0],
                _ => [50, 30, 20],
            };
            for (kind, share) in kinds.into_iter().zip(shares) {
                let (name, mix) = KEYSPACES[kind];
                let _ = write!(
                    out,
                    "\n[[workload.keyspace]]\nname = \"{name}\"\nshare = \"{share}%\"\nmix = {mix}\nkeys = {keys}\n"
                );
            }
            out
        })
        .boxed()
}

const KEYSPACES: [(&str, &str); 3] = [
    ("strings", "{ set = 3, get = 2, del = 1 }"),
    ("counters", "{ incr = 3, get = 1 }"),
    ("sets", "{ sadd = 3, srem = 1, smembers = 1 }"),
];

/// Nobody decides, names, client processes, a proxy, two of them with one address, names of load balancers, one value for all.
/// Simpler ones first.
const STRATEGIES: [&str; 7] = [
    "preset = \"pinned\"",
    "preset = \"route53-fast\"",
    "preset = \"jedis-multidb\"",
    "preset = \"haproxy-default\"",
    "name = \"a pair\"\nstack = [\"haproxy-default\", \"keepalived-vrrp\"]",
    "name = \"balancers\"\nstack = [\"route53-fast\", \"aws-nlb\"]",
    "preset = \"etcd-lease\"\nvantage = { coordination = { region = LAST } }",
];

/// A strategy for so many members. What coordinates stands with the last one.
fn strategy(members: usize, which: usize) -> String {
    let last = format!("\"{}\"", MEMBERS[members - 1]);
    let text = STRATEGIES[which].replace("LAST", &last);
    format!("\n[[strategy]]\n{text}\n")
}
