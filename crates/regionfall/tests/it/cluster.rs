//! Redis Cluster in small worlds: processes that find out over the bus who fails and elect another, and clients that
//! follow slot maps.

use std::collections::BTreeMap;

use regionfall::history::{AttemptEnding, BusFact, Ending, Fact, Listener};
use regionfall::scenario::Scenario;
use regionfall::topology::NodeId;
use regionfall_kernel::{Seed, SimTime};

use super::small::{count, run, run_held};

pub(crate) const CLUSTER: &str = "[database.promotion]\npreset = \"redis-cluster-default\"\n";

/// Three shards whose primaries stand on three machines in three zones, each with a replica on the two others, and
/// clients in the first zone.
pub(crate) fn database(promotion: &str, more: &str) -> String {
    format!(
        "title = \"small\"\nseeds = 1\n\
         [phases]\nwarm_up = \"15s\"\nstorm = \"60s\"\ncalm = \"60s\"\n\
         [topology]\nregions = [\"a\"]\n\
         [[topology.region]]\nname = \"a\"\nsame_zone_rtt = \"200us\"\ncross_zone_rtt = \"1ms\"\n\
         [[workload.fleet]]\nname = \"a\"\nregion = \"a\"\nservers = 1\nclients = 6\nthink = \"5ms\"\n\
         pause_after_error = \"20ms\"\ntimeout = \"500ms\"\n\
         [[workload.keyspace]]\nname = \"k\"\nmix = {{ set = 1 }}\nkeys = 60\n\
         [[strategy]]\npreset = \"pinned\"\n\
         [database]\nkind = \"primary-replica\"\nshards = 3\nreplicas_per_shard = 2\nentrance = \"cluster\"\n\
         {promotion}{more}"
    )
}

fn fault(kind: &str, at_ms: u64, lasts: &str) -> String {
    format!(
        "[[fault]]\nkind = \"{kind}\"\nregion = \"a\"\nnode = 0\nat = \"{at_ms}ms\"\nlasts = \"{lasts}\"\n"
    )
}

fn cut_zone(at_ms: u64, lasts: &str) -> String {
    format!(
        "[[fault]]\nkind = \"partition\"\nwithin = \"a\"\nzone = 0\nat = \"{at_ms}ms\"\nlasts = \"{lasts}\"\n"
    )
}

/// What happened when.
#[derive(Clone, Default, Debug)]
struct Heard {
    began: Option<SimTime>,
    ended: Option<SimTime>,
    suspected: Vec<(SimTime, (NodeId, u16), NodeId)>,
    failed: Vec<(SimTime, NodeId, u16)>,
    stood: Vec<(SimTime, NodeId, u32)>,
    elected: Vec<(SimTime, NodeId, u16, u32)>,
    serves: Vec<(SimTime, NodeId, bool)>,
    promoted: Vec<(SimTime, NodeId, u16)>,
    demoted: Option<SimTime>,
    /// Writes by the node that executed them.
    written: BTreeMap<NodeId, Vec<SimTime>>,
    redirected: Vec<SimTime>,
    refused: Vec<SimTime>,
    acknowledged: Vec<SimTime>,
    connected: u32,
}

impl Listener for Heard {
    fn observe(&mut self, at: SimTime, fact: &Fact<'_>) {
        match *fact {
            Fact::FaultBegan { .. } => self.began = self.began.or(Some(at)),
            Fact::FaultEnded { .. } => self.ended = self.ended.or(Some(at)),
            Fact::Bus(BusFact::Suspected { by, node, .. }) => self.suspected.push((at, by, node)),
            Fact::Bus(BusFact::Failed { node, shard, .. }) => self.failed.push((at, node, shard)),
            Fact::Bus(BusFact::Stood { node, epoch, .. }) => self.stood.push((at, node, epoch)),
            Fact::Bus(BusFact::Elected {
                node, shard, epoch, ..
            }) => self.elected.push((at, node, shard, epoch)),
            Fact::Bus(BusFact::Serves { node, serves, .. }) => {
                self.serves.push((at, node, serves));
            }
            Fact::Promoted { node, shard, .. } => self.promoted.push((at, node, shard)),
            Fact::CopiesEnded {
                node: NodeId(0), ..
            } => self.demoted = self.demoted.or(Some(at)),
            Fact::WriteExecuted { node, .. } => self.written.entry(node).or_default().push(at),
            Fact::AttemptEnded {
                ending: AttemptEnding::Redirected,
                ..
            } => self.redirected.push(at),
            Fact::OperationEnded { ending, .. } => match ending {
                Ending::Acknowledged => self.acknowledged.push(at),
                _ => self.refused.push(at),
            },
            Fact::Connected { .. } => self.connected += 1,
            _ => {}
        }
    }
}

impl Heard {
    /// Milliseconds from the first fault.
    fn after(&self, at: SimTime) -> f64 {
        at.saturating_since(self.began.expect("there was a fault"))
            .as_millis_f64()
    }

    /// The last write that a node executed before the heal, in milliseconds from the first fault.
    fn last_write(&self, node: u8) -> f64 {
        let written = &self.written[&NodeId(node)];
        let before = written.iter().filter(|&&at| Some(at) < self.ended);
        self.after(*before.max().expect("it took writes"))
    }
}

#[test]
fn in_peace_nobody_is_suspected_and_every_request_finds_its_node_at_once() {
    let mut heard = Heard::default();
    let outcome = run(&database(CLUSTER, ""), 1, &mut heard);
    outcome.expect_all_held();
    assert!(heard.suspected.is_empty() && heard.promoted.is_empty());
    assert!(heard.redirected.is_empty() && heard.refused.is_empty());
    let nodes: Vec<u8> = heard.written.keys().map(|node| node.0).collect();
    assert_eq!(nodes, [0, 1, 2], "each machine has a primary");
    // Six clients of one process, and a pool of its own for each machine.
    assert!((3..=18).contains(&heard.connected), "{}", heard.connected);
}

/// Failure detection and election against the timers of cluster.c: silence is noticed after one to one and a half node
/// timeouts, and a replica stands half a second to a second after the primary is marked as failing, and a second
/// later where another one has more data.
#[test]
fn a_replica_is_elected_within_the_documented_bounds() {
    let timeout = 2_000.0;
    for kind in ["hang", "host-crash", "process-crash"] {
        let mut detections = Vec::new();
        let mut elections = Vec::new();
        for seed in 0..30 {
            let more = format!(
                "node_timeout = \"2s\"\n{}",
                fault(kind, 20_000 + seed * 67, "40s")
            );
            let mut heard = Heard::default();
            let outcome = run(&database(CLUSTER, &more), seed, &mut heard);
            outcome.expect_all_held();
            let [(elected, node, 0, 4), ..] = heard.elected[..] else {
                panic!("{kind} {seed}: {:?}", heard.elected);
            };
            assert_ne!(node, NodeId(0));
            assert_eq!(heard.elected.len(), 1, "{kind} {seed}: one election");
            let failed = heard.failed.iter().filter(|failed| failed.2 == 0);
            let first = failed.map(|failed| failed.0).min().expect("it was marked");
            detections.push(heard.after(first));
            elections.push(elected.saturating_since(first).as_millis_f64());
        }
        let range = |values: &[f64]| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            (least, values.iter().copied().fold(0.0, f64::max))
        };
        let (soonest, latest) = range(&detections);
        assert!(soonest >= timeout - 2.0, "{kind}: {soonest}");
        assert!(latest > 1.2 * timeout, "{kind}: {latest}: it spreads");
        // Of the second primary that must suspect it the first one hears with the next ping.
        assert!(latest <= 2.0 * timeout + 200.0, "{kind}: {latest}");
        let (soonest, latest) = range(&elections);
        assert!((500.0..2_300.0).contains(&soonest), "{kind}: {soonest}");
        assert!(latest <= 2_300.0, "{kind}: {latest}");
        assert!(latest - soonest > 200.0, "{kind}: the delay is drawn");
    }
}

/// The catalogue of strategies computes a mean of 19.8 s and a most of 23.8 s for the default node timeout.
#[test]
fn the_default_takes_about_twenty_seconds() {
    let mut sum = 0.0;
    for seed in 0..20 {
        let mut heard = Heard::default();
        let text = database(CLUSTER, &fault("hang", 20_000 + seed * 371, "40s"));
        run(&text, seed, &mut heard).expect_all_held();
        let after = heard.after(heard.elected.first().expect("one was elected").0);
        assert!((15_400.0..=25_000.0).contains(&after), "{seed}: {after}");
        sum += after;
    }
    let mean = sum / 20.0;
    assert!((mean - 19_800.0).abs() < 1_980.0, "{mean}");
}

/// Each of the two replicas has one voter on its own machine: asked at about the same time over slow paths, they get one
/// vote each, and two are needed. The next election begins after four node timeouts.
#[test]
fn votes_split_between_distant_replicas_and_the_next_election_is_long_in_coming() {
    let mut split = 0;
    for seed in 0..20 {
        let more = format!("node_timeout = \"2s\"\n{}", fault("hang", 20_000, "40s"));
        let text = database(CLUSTER, &more)
            .replace("cross_zone_rtt = \"1ms\"", "cross_zone_rtt = \"400ms\"")
            .replace("timeout = \"500ms\"\n", "timeout = \"2s\"\n");
        let mut heard = Heard::default();
        run(&text, seed, &mut heard).expect_all_held();
        let [(elected, _, 0, won), ..] = heard.elected[..] else {
            panic!("{seed}: {:?}", heard.elected);
        };
        let stood = |epoch: u32| heard.stood.iter().filter(move |stood| stood.2 == epoch);
        let rivals = heard
            .stood
            .iter()
            .filter(|one| one.2 < won && stood(one.2).count() == 2);
        if let Some((first, ..)) = rivals.min() {
            split += 1;
            let later = elected.saturating_since(*first).as_millis_f64();
            assert!(later > 8_000.0, "{seed}: {later}");
        }
    }
    assert!((3..=17).contains(&split), "{split} of 20");
}

#[test]
fn a_cut_off_primary_stops_after_the_node_timeout_and_is_demoted_after_the_heal() {
    for seed in 0..10 {
        let more = format!("node_timeout = \"2s\"\n{}", cut_zone(20_000, "20s"));
        let mut heard = Heard::default();
        let outcome = run(&database(CLUSTER, &more), seed, &mut heard);
        outcome.expect_all_held();
        let last = heard.last_write(0);
        assert!((1_400.0..4_200.0).contains(&last), "seed {seed}: {last}");
        let down = heard.serves.iter().find(|one| one.1 == NodeId(0));
        assert!(down.is_some_and(|one| !one.2), "it says that it is down");
        assert_eq!(heard.promoted.len(), 1, "seed {seed}");
        // It took them while nobody copied them: gone with its demotion.
        assert!(count(&outcome, "writes_lost") >= 1.0, "seed {seed}");
        let demoted = heard.demoted.expect("its tail was discarded");
        assert!(demoted > heard.ended.unwrap(), "only after the heal");
        let span = demoted.saturating_since(heard.ended.unwrap());
        assert!(span.as_millis_f64() < 15_000.0, "{span}");
        let healed = heard.ended.unwrap();
        let again = heard.acknowledged.iter().filter(|&&at| at > healed);
        assert!(again.count() > 1_000, "all is served again");
    }
}

/// An operator moves a primary while all is well: whoever asks the former one is sent on.
#[test]
fn clients_learn_by_moved_of_a_primary_that_changed() {
    let promote = "[[fault]]\nkind = \"promote\"\nregion = \"a\"\nnode = 1\nat = \"20s\"\n";
    let mut heard = Heard::default();
    let outcome = run(&database(CLUSTER, promote), 1, &mut heard);
    outcome.expect_all_held();
    // Shards 0 and 2: node 1 is the primary of shard 1 already.
    let shards: Vec<u16> = heard.promoted.iter().map(|promoted| promoted.2).collect();
    assert_eq!(shards, [0, 2]);
    assert!(heard.elected.is_empty(), "nobody was asked");
    assert!(heard.refused.is_empty(), "no request failed");
    let redirected = heard.redirected.len();
    assert!((2..=24).contains(&redirected), "{redirected}");
    let last = heard.redirected.iter().max().copied().unwrap();
    assert!(heard.after(last) < 500.0, "the map is new by then");
    let to_others = |node: u8| heard.written[&NodeId(node)].iter().max().copied();
    assert!(heard.after(to_others(0).unwrap()) < 500.0);
    assert!(heard.after(to_others(1).unwrap()) > 60_000.0);
}

/// Three primaries on two machines: with the one that has two of them the majority is gone.
#[test]
fn two_machines_are_too_few() {
    let more = format!(
        "node_timeout = \"2s\"\n{}",
        fault("host-crash", 20_000, "20s")
    );
    let text = database(CLUSTER, &more).replace("replicas_per_shard = 2", "replicas_per_shard = 1");
    let mut heard = Heard::default();
    let outcome = run(&text, 1, &mut heard);
    outcome.expect_all_held();
    assert!(heard.promoted.is_empty());
    assert!(heard.last_write(1) < 4_200.0, "the other machine stops too");
    assert!(
        count(&outcome, "rto_max_ms") > 20_000.0,
        "it returns with the machine"
    );
    let errors = heard.refused.iter().filter(|&&at| Some(at) < heard.ended);
    assert!(errors.count() > 50, "CLUSTERDOWN is answered at once");
}

/// While a shard has no primary the others serve or do not, as the setting says.
#[test]
fn full_coverage_decides_whether_the_other_shards_serve() {
    let stops = |coverage: bool| {
        let more = format!(
            "node_timeout = \"2s\"\nrequire_full_coverage = {coverage}\n{}",
            fault("hang", 20_000, "40s")
        );
        let mut heard = Heard::default();
        run(&database(CLUSTER, &more), 3, &mut heard).expect_all_held();
        assert_eq!(heard.elected.len(), 1);
        let others = heard.serves.iter().filter(|one| one.1 != NodeId(0));
        others.filter(|one| !one.2).count()
    };
    // Three processes on each of two machines, from the mark of failure to the election.
    assert_eq!(stops(true), 6);
    assert_eq!(stops(false), 0);
}

/// Machines that die, hang or are cut off, one after the other and together.
#[test]
fn under_random_faults_no_epoch_has_two_primaries_and_all_ends_well() {
    let mut elections = 0;
    for seed in 0..24 {
        let draws = Seed::new(seed).addressed("faults");
        let unit = |number: u32, what: u32| draws.unit([number, what, 0, 0].into());
        let mut more = String::from("node_timeout = \"1s\"\n");
        for number in 0..5 {
            let machine = (unit(number, 0) * 3.0) as u32;
            let at = 20_000 + (unit(number, 1) * 35_000.0) as u64;
            let lasts = format!("{}ms", 500 + (unit(number, 2) * 12_000.0) as u64);
            let kind = (unit(number, 3) * 4.0) as usize;
            more += &match ["hang", "host-crash", "process-crash"].get(kind) {
                Some(kind) => fault(kind, at, &lasts).replace("= 0\n", &format!("= {machine}\n")),
                None => cut_zone(at, &lasts).replace("= 0\n", &format!("= {machine}\n")),
            };
        }
        let mut heard = Heard::default();
        let outcome = run(&database(CLUSTER, &more), seed, &mut heard);
        outcome.expect_all_held();
        elections += heard.elected.len();
        let last = heard.acknowledged.iter().max().copied().unwrap();
        assert!(
            last > SimTime::from_nanos(130_000_000_000),
            "seed {seed}: {last}"
        );
        let mut epochs: Vec<u32> = heard.elected.iter().map(|elected| elected.3).collect();
        epochs.sort_unstable();
        assert!(
            epochs.windows(2).all(|pair| pair[0] < pair[1]),
            "{epochs:?}"
        );
    }
    assert!(elections > 20, "{elections}");
}

/// Redis Software with the OSS Cluster API: its nodes decide, its proxies send clients on.
#[test]
fn behind_a_manager_too_clients_follow_slot_maps() {
    let promotion = "[database.promotion]\npreset = \"redis-enterprise-high\"\n";
    let text = database(promotion, &fault("host-crash", 20_000, "20s"));
    let mut heard = Heard::default();
    let outcome = run(&text, 1, &mut heard);
    outcome.expect_all_held();
    assert!(!heard.promoted.is_empty() && heard.elected.is_empty());
    assert!(count(&outcome, "rto_max_ms") < 10_000.0);
    let served = heard
        .acknowledged
        .iter()
        .filter(|&&at| Some(at) < heard.ended);
    let late = served.filter(|&&at| heard.after(at) > 10_000.0);
    assert!(late.count() > 500, "all shards are served without the node");
}

#[test]
fn what_no_redis_cluster_can_be_is_refused() {
    let entrance = database(CLUSTER, "").replace("entrance = \"cluster\"\n", "");
    let kind = database(CLUSTER, "")
        .replace("primary-replica", "active-active")
        .replace("[[topology.region]]\nname = \"a\"\n", "")
        .replace("same_zone_rtt = \"200us\"\ncross_zone_rtt = \"1ms\"\n", "")
        .replace("region = \"a\"", "region = \"us-east-1\"")
        .replace("[\"a\"]", "[\"us-east-1\", \"eu-west-1\"]");
    for (text, place) in [(entrance, "database.entrance"), (kind, "database.kind")] {
        let error = Scenario::from_toml(&text)
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains(place), "{error}");
    }
}

/// What was sent to a process that hung it executes itself when it goes on, though its clients have long closed their
/// connections, and wherever the member's clients go meanwhile.
#[test]
fn a_process_that_hung_executes_what_it_was_sent_though_its_clients_are_gone() {
    let hang =
        "[[fault]]\nkind = \"hang\"\nregion = \"a\"\nnode = 1\nat = \"20s\"\nlasts = \"11s\"\n";
    let mut heard = Heard::default();
    run_held(&database(CLUSTER, hang), 1, &mut heard);
    let goes_on = SimTime::from_nanos(31_000_000_000);
    let then = |node: u8| {
        heard.written[&NodeId(node)]
            .iter()
            .filter(|at| **at == goes_on)
    };
    assert!(then(1).count() > 0, "clients had asked, and wait no more");
    assert_eq!(then(0).count() + then(2).count(), 0);
    // Nor does a process execute them that took the hung one's place, as with these seeds, and is down by then.
    let crash = "[[fault]]\nkind = \"process-crash\"\nregion = \"a\"\nnode = 0\nat = \"30.5s\"\nlasts = \"5s\"\n";
    for seed in [2, 5] {
        let more = format!("node_timeout = \"2s\"\n{hang}{crash}");
        run_held(&database(CLUSTER, &more), seed, &mut ());
    }
}
