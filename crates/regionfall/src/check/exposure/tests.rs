//! Crashes at the edge of what each mode leaves exposed.

use super::*;
use crate::fault::{InFlight, Part};
use crate::topology::MemberId;

const SECOND: u64 = 1_000_000_000;

/// A node that got an effect each second for a minute and crashed at its end: whether it may have kept so many.
fn is_permitted(mode: PersistenceMode, is_machine: bool, kept: u64, times: DiskTimes) -> bool {
    let (member, disks, in_flight) = (MemberId(0), Disks::Kept, InFlight::Lost);
    let part = Part::Whole;
    let kind = if is_machine {
        FaultKind::HostCrash {
            member,
            part,
            disks,
            in_flight,
        }
    } else {
        FaultKind::ProcessCrash {
            member,
            part,
            disks,
            in_flight,
        }
    };
    let fault = PlannedFault {
        id: FaultId(0),
        kind,
        begins: SimTime::ZERO,
        ends: SimTime::NEVER,
        flapping: None,
    };
    let mut exposure = Exposure::new((mode, false), &[fault], &[true]);
    let (node, origin) = (NodeId(0), OriginId(0));
    for second in 1..=60 {
        let fact = Fact::EffectsApplied {
            node,
            origin,
            first: second,
            last: second,
        };
        exposure.observe(SimTime::from_nanos(second * SECOND), &fact);
    }
    let fact = Fact::CopiesEnded {
        node,
        origin,
        kept,
        cause: CopyEnd::Fault(FaultId(0)),
    };
    exposure.observe(SimTime::from_nanos(60 * SECOND), &fact);
    exposure.verdict(&[times]).held
}

#[test]
fn each_mode_has_its_window() {
    let still = DiskTimes::default();
    let stalled = DiskTimes {
        stalled: SimDuration::from_secs(7),
        ..still
    };
    let slow = DiskTimes {
        longest_fsync: SimDuration::from_secs(1),
        ..still
    };
    // The newest is 0 s old, the one before it 1 s, and so on: `kept` leaves 60 - kept of them.
    let oldest = |mode, is_machine, times| {
        let is_permitted = |ended: &u64| is_permitted(mode, is_machine, 60 - ended, times);
        (1..=60).filter(is_permitted).max().unwrap_or(0)
    };
    let always = PersistenceMode::AofAlways;
    let every = PersistenceMode::AofEverySecond;
    let no = PersistenceMode::AofNoFsync;
    assert_eq!(oldest(always, true, still), 1, "of this very moment");
    assert_eq!(oldest(always, true, slow), 3);
    assert_eq!(oldest(every, false, still), 1);
    assert_eq!(oldest(every, true, still), 2);
    assert_eq!(oldest(every, true, stalled), 9);
    assert_eq!(oldest(no, false, slow), 1);
    assert_eq!(oldest(no, true, still), 36);
    assert_eq!(oldest(PersistenceMode::Snapshot, false, still), 60);
}

/// A node that got one effect at 10 s, whose process died at 10.5 s and started again a second later, and whose machine crashed
/// at a moment after that: whether it may have lost the effect.
fn may_lose_what_a_dead_process_left(mode: PersistenceMode, dies: bool, crashes: u64) -> bool {
    let (member, disks, part) = (MemberId(0), Disks::Kept, Part::Whole);
    let in_flight = InFlight::Lost;
    let planned = |number: u16, kind| PlannedFault {
        id: FaultId(number),
        kind,
        begins: SimTime::ZERO,
        ends: SimTime::NEVER,
        flapping: None,
    };
    let faults = [
        planned(
            0,
            FaultKind::ProcessCrash {
                member,
                part,
                disks,
                in_flight,
            },
        ),
        planned(
            1,
            FaultKind::HostCrash {
                member,
                part,
                disks,
                in_flight,
            },
        ),
    ];
    let mut exposure = Exposure::new((mode, false), &faults, &[true]);
    let (node, origin) = (NodeId(0), OriginId(0));
    let at = |millis: u64| SimTime::from_nanos(millis * 1_000_000);
    let got = Fact::EffectsApplied {
        node,
        origin,
        first: 1,
        last: 1,
    };
    exposure.observe(at(10_000), &got);
    if dies {
        let fault = FaultId(0);
        exposure.observe(at(10_500), &Fact::NodeStopped { node, fault });
        exposure.observe(at(11_500), &Fact::NodeRestarted { node });
    }
    let fault = FaultId(1);
    exposure.observe(at(crashes), &Fact::NodeStopped { node, fault });
    let ended = Fact::CopiesEnded {
        node,
        origin,
        kept: 0,
        cause: CopyEnd::Fault(fault),
    };
    exposure.observe(at(crashes), &ended);
    exposure.verdict(&[DiskTimes::default()]).held
}

#[test]
fn what_a_dead_process_left_to_the_kernel_is_exposed_until_the_kernel_has_written_it() {
    let may = may_lose_what_a_dead_process_left;
    let every = PersistenceMode::AofEverySecond;
    // 30 s until it counts as old, and 5 s until the kernel looks, after the process died.
    for (dies, crashes, is_permitted) in [
        (true, 12_000, true),
        (true, 45_400, true),
        (true, 45_600, false),
        (false, 11_050, true),
        (false, 12_000, false),
    ] {
        assert_eq!(
            may(every, dies, crashes),
            is_permitted,
            "{dies}, {crashes} ms"
        );
    }
    let always = PersistenceMode::AofAlways;
    assert!(
        !may(always, true, 12_000),
        "each write was forced by itself"
    );
}

const fn at(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * 1_000_000)
}

fn planned(number: u16, kind: FaultKind) -> PlannedFault {
    PlannedFault {
        id: FaultId(number),
        kind,
        begins: SimTime::ZERO,
        ends: SimTime::NEVER,
        flapping: None,
    }
}

const fn host_crash(disks: Disks) -> FaultKind {
    FaultKind::HostCrash {
        member: MemberId(0),
        part: Part::Whole,
        disks,
        in_flight: InFlight::Lost,
    }
}

/// Two nodes whose machines fault 0 may crash, under a file that is forced every second: 1.1 s are exposed, and 10 ms more.
struct Told(Exposure);

impl Told {
    fn new(kind: FaultKind, leaves_fsyncs_out: bool, persists: [bool; 2]) -> Self {
        let mode = (PersistenceMode::AofEverySecond, leaves_fsyncs_out);
        Self(Exposure::new(mode, &[planned(0, kind)], &persists))
    }

    fn gets(&mut self, millis: u64, node: u8, origin: u16, last: u64) {
        let fact = Fact::EffectsApplied {
            node: NodeId(node),
            origin: OriginId(origin),
            first: last,
            last,
        };
        self.0.observe(at(millis), &fact);
    }

    fn loses(&mut self, millis: u64, node: u8, origin: u16, kept: u64) {
        let fact = Fact::CopiesEnded {
            node: NodeId(node),
            origin: OriginId(origin),
            kept,
            cause: CopyEnd::Fault(FaultId(0)),
        };
        self.0.observe(at(millis), &fact);
    }

    fn holds(&self) -> bool {
        self.0.verdict(&[DiskTimes::default(); 2]).held
    }
}

#[test]
fn what_one_node_lost_of_one_origin_is_judged_and_the_rest_stays_with_its_age() {
    let told = || Told::new(host_crash(Disks::Kept), false, [true; 2]);
    // The old effect of the other origin, that which was kept, and that of the other node were not lost.
    let mut kept = told();
    kept.gets(1_000, 0, 0, 1);
    kept.gets(1_000, 1, 1, 2);
    kept.gets(1_000, 0, 1, 1);
    kept.gets(9_500, 0, 1, 2);
    kept.loses(10_000, 0, 1, 1);
    assert!(kept.holds());
    // They are as old as they are when another crash takes them.
    for (origin, kept_of_it) in [(0, 0), (1, 0)] {
        let mut later = Told(kept.0.clone());
        later.loses(10_100, 0, origin, kept_of_it);
        assert!(!later.holds(), "of origin {origin}");
    }
    // What is gone is gone once.
    kept.loses(20_000, 0, 1, 1);
    assert!(kept.holds());
}

#[test]
fn what_came_within_ten_milliseconds_is_as_old_as_the_first_of_it() {
    for (second, is_permitted) in [(1_009, false), (1_010, true)] {
        let mut told = Told::new(host_crash(Disks::Kept), false, [true; 2]);
        told.gets(1_000, 0, 0, 1);
        told.gets(second, 0, 0, 2);
        // The second alone is young enough; with the first it is not.
        told.loses(2_115, 0, 0, 1);
        assert_eq!(told.holds(), is_permitted, "{second} ms");
    }
    let mut told = Told::new(host_crash(Disks::Kept), false, [true; 2]);
    told.gets(1_000, 0, 0, 1);
    told.gets(1_005, 0, 1, 1);
    told.loses(2_115, 0, 1, 0);
    assert!(told.holds(), "each origin by itself");
}

#[test]
fn where_fsyncs_wait_for_a_rewrite_all_that_the_kernel_holds_is_exposed() {
    for (leaves_fsyncs_out, age, is_permitted) in [
        (false, 1_110, true),
        (false, 1_111, false),
        (true, 35_010, true),
        (true, 35_011, false),
    ] {
        let mut told = Told::new(host_crash(Disks::Kept), leaves_fsyncs_out, [true; 2]);
        told.gets(1_000, 0, 0, 1);
        told.loses(1_000 + age, 0, 0, 0);
        assert_eq!(told.holds(), is_permitted, "{leaves_fsyncs_out}, {age} ms");
    }
}

#[test]
fn only_crashes_that_leave_disks_to_nodes_with_files_are_judged() {
    for (disks, persists, is_judged) in [
        (Disks::Kept, [true, false], true),
        (Disks::Kept, [false, true], false),
        (Disks::Lost, [true, true], false),
    ] {
        let mut told = Told::new(host_crash(disks), false, persists);
        told.gets(1_000, 0, 0, 1);
        told.loses(60_000, 0, 0, 0);
        assert_eq!(told.holds(), !is_judged, "{disks:?}, {persists:?}");
    }
}

#[test]
fn a_node_that_is_down_gets_no_older_until_it_runs_again() {
    let node = NodeId(0);
    let fault = FaultId(0);
    let mut told = Told::new(host_crash(Disks::Kept), false, [true; 2]);
    told.gets(1_000, 0, 0, 1);
    told.0
        .observe(at(1_500), &Fact::NodeStopped { node, fault });
    let mut down = Told(told.0.clone());
    down.loses(60_000, 0, 0, 0);
    assert!(down.holds());
    told.0.observe(at(2_500), &Fact::NodeRestarted { node });
    told.loses(60_000, 0, 0, 0);
    assert!(!told.holds());
}

#[test]
fn what_a_node_executed_itself_is_exposed_like_what_it_applied() {
    let effect = regionfall_crdt::Effect {
        dot: regionfall_crdt::Dot {
            origin: OriginId(0),
            sequence: 1,
        },
        key: regionfall_crdt::KeyId(0),
        at: regionfall_crdt::Timestamp(0),
        context: regionfall_crdt::Clock::new(),
        kind: regionfall_crdt::EffectKind::Remove { totals: None },
    };
    let mut told = Told::new(host_crash(Disks::Kept), false, [true; 2]);
    let fact = Fact::WriteExecuted {
        operation: crate::topology::OperationId(0),
        attempt: 0,
        node: NodeId(0),
        effect: Some(&effect),
    };
    told.0.observe(at(1_000), &fact);
    told.loses(60_000, 0, 0, 0);
    assert!(!told.holds());
}

/// A node that got one effect at 10 s, whose process died at these moments and was back half a second later, and whose machine
/// crashed at last, with disks that took `times`.
fn may_lose_after_deaths(deaths: &[u64], crashes: u64, times: DiskTimes) -> bool {
    let (member, disks, part) = (MemberId(0), Disks::Kept, Part::Whole);
    let in_flight = InFlight::Lost;
    let process = FaultKind::ProcessCrash {
        member,
        part,
        disks,
        in_flight,
    };
    let faults = [planned(0, host_crash(disks)), planned(1, process)];
    let mode = (PersistenceMode::AofEverySecond, false);
    let mut told = Told(Exposure::new(mode, &faults, &[true]));
    told.gets(10_000, 0, 0, 1);
    let node = NodeId(0);
    for &dies in deaths {
        let fault = FaultId(1);
        told.0.observe(at(dies), &Fact::NodeStopped { node, fault });
        told.0
            .observe(at(dies + 500), &Fact::NodeRestarted { node });
    }
    told.loses(crashes, 0, 0, 0);
    told.0.verdict(&[times]).held
}

#[test]
fn it_counts_which_of_several_dead_processes_left_it_to_the_kernel() {
    let still = DiskTimes::default();
    assert!(may_lose_after_deaths(&[10_500, 20_000], 21_000, still));
    assert!(!may_lose_after_deaths(&[20_000, 30_000], 31_000, still));
}

#[test]
fn slow_and_stalled_disks_give_the_kernel_more_time() {
    let slow = DiskTimes {
        longest_fsync: SimDuration::from_secs(2),
        stalled: SimDuration::from_secs(3),
    };
    // 30 s, 5 s, two fsyncs and the stall after the death.
    assert!(may_lose_after_deaths(&[10_500], 52_500, slow));
    assert!(!may_lose_after_deaths(&[10_500], 52_501, slow));
}
