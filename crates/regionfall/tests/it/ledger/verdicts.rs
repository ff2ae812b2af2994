//! What checks say of accounts.

use regionfall::check::{SOMETIMES, everyone_home, loss_within, no_duplicates, sometimes};
use regionfall::history::Account;

use super::*;

#[test]
fn only_what_took_effect_twice_and_should_not_is_a_duplicate() {
    let twice = |key, command| {
        let mut story = story(Vec::new());
        let operation = story.at(1_000).issue(0, key, command);
        story.send(operation, 0, 0).execute(operation, 0, 0, 0);
        story.at(2_000).send(operation, 1, 1);
        story.execute(operation, 1, 1, 0);
        story.at(2_010).end(operation, 1, 1, Ending::Acknowledged);
        sync_all(&mut story);
        no_duplicates(&story.account(true))
    };
    assert!(twice(STRING, Set).held);
    let broken = twice(COUNTER, Incr);
    assert!(!broken.held);
    let [evidence] = &broken.evidence[..] else {
        panic!("of one keyspace: {broken}")
    };
    assert_eq!(
        evidence.text,
        "1 writes of counters took effect more than once"
    );
}

#[test]
fn whoever_moved_last_to_another_member_than_its_home_is_not_home() {
    let mut story = story(Vec::new());
    assert!(everyone_home(&story.account(true)).held);
    story.at(1_000).adopt(0, 0, 1);
    story.at(1_500).adopt(1, 1, 2);
    story.at(2_000).adopt(0, 1, 0);
    let verdict = everyone_home(&story.account(true));
    let texts: Vec<&str> = verdict.evidence.iter().map(|one| &*one.text).collect();
    assert_eq!(
        texts,
        ["server-1 moved to member-2 and never back to member-1"]
    );
    story.at(3_000).adopt(1, 2, 1);
    assert!(everyone_home(&story.account(true)).held);
}

#[test]
fn one_member_at_a_time_is_no_concurrent_access() {
    let mut story = story(Vec::new());
    serve(&mut story, 0, 0, 1_000, 2_000);
    assert!(single_writer(&story.account(true)).held);
}

#[test]
fn as_many_writes_may_be_lost_as_was_said() {
    let mut story = story(vec![crash(0, 0, Disks::Lost)]);
    for at in [1_000, 1_100] {
        story.at(at).write(0, STRING, Set, 0);
    }
    story.at(1_200).stop(0, 0, Disks::Lost);
    let account = story.account(true);
    for (bound, found) in [(0, 2), (1, 1), (2, 0)] {
        let verdict = loss_within(&account, bound);
        assert_eq!((verdict.evidence.len(), verdict.held), (found, found == 0));
    }
}

/// Server 0 asks at 1 s and waits for ever; `fault` is in force from then on, or until 2 s.
fn hangs(fault: PlannedFault, ends: bool) -> Account {
    let id = fault.id.0;
    let mut story = story(vec![fault]);
    story.at(900).fault(id);
    let hung = story.at(1_000).issue(0, STRING, Set);
    story.send(hung, 0, 0);
    if ends {
        story.at(2_000).heal(id);
    }
    story.account(true)
}

#[test]
fn who_hangs_is_excused_by_a_fault_without_end_at_one_of_its_members_and_by_no_other() {
    assert!(!everyone_served(&hangs(crash(0, 0, Disks::Kept), true)).held);
    assert!(everyone_served(&hangs(crash(0, 0, Disks::Kept), false)).held);
    // Each server may use every member.
    assert!(everyone_served(&hangs(crash(0, 2, Disks::Kept), false)).held);
    // Nobody leaves a member for want of replication, and what is cut between others excuses nobody.
    let cut = cut_of(0, TrafficScope::Replication, 0, 1);
    assert!(!everyone_served(&hangs(cut, false)).held);
    let names = PlannedFault {
        kind: FaultKind::Routing(regionfall::fault::RoutingFault::DnsDown),
        ..crash(0, 0, Disks::Kept)
    };
    assert!(everyone_served(&hangs(names, false)).held);
}

#[test]
fn an_endless_fault_excuses_by_what_it_is_and_not_by_what_another_was() {
    let faults = vec![
        crash(0, 0, Disks::Kept),
        cut_of(1, TrafficScope::Replication, 0, 1),
    ];
    let mut story = story(faults);
    story.at(900).fault(0).fault(1).heal(0);
    let hung = story.at(1_000).issue(0, STRING, Set);
    story.send(hung, 0, 0);
    assert!(!everyone_served(&story.account(true)).held);
}

#[test]
fn a_server_that_fell_with_its_host_is_excused_and_no_other() {
    for (fell, held) in [(0, true), (1, false)] {
        let mut account = hangs(crash(0, 0, Disks::Kept), true);
        account.stopped.push((ServerId(fell), ms(1_500)));
        assert_eq!(everyone_served(&account).held, held, "server {fell} fell");
    }
}

/// Which of the sights a run is that had `change` and nothing else.
fn seen(change: impl Fn(&mut Account)) -> Vec<&'static str> {
    let mut account = story(Vec::new()).account(true);
    change(&mut account);
    let verdicts = sometimes(&account);
    let names: Vec<&str> = verdicts.iter().map(|verdict| verdict.check).collect();
    assert_eq!(names, SOMETIMES);
    let held = verdicts.iter().filter(|verdict| verdict.held);
    held.map(|verdict| verdict.check).collect()
}

#[test]
fn each_sight_is_seen_by_itself() {
    assert!(seen(|_| {}).is_empty());
    assert_eq!(seen(|run| run.writes[0].conflicting = 1), ["a conflict"]);
    assert_eq!(seen(|run| run.writes[1].lost = 1), ["a lost write"]);
    assert_eq!(seen(|run| run.writes[2].late = 1), ["a late write"]);
    let overwritten = ["an overwritten write"];
    assert_eq!(
        seen(|run| run.writes[0].overwritten_by_fault = 1),
        overwritten
    );
    assert_eq!(
        seen(|run| run.writes[0].overwritten_ordinary = 1),
        overwritten
    );
    assert_eq!(
        seen(|run| run.writes[0].duplicated = 1),
        ["a write applied twice"]
    );
    assert_eq!(
        seen(|run| run.writes[0].resurrected = 1),
        ["a removal undone"]
    );
    assert_eq!(
        seen(|run| run.writes[0].unknown_present = 1),
        ["an unknown write that is there"]
    );
    assert_eq!(seen(|run| run.reads.stale = 1), ["a stale read"]);
    let moved = |moves: &[(u8, u8)]| {
        let mut story = story(Vec::new());
        for &(from, to) in moves {
            story.at(1_000).adopt(0, from, to);
        }
        let adoptions = story.account(true).adoptions;
        seen(move |run| run.adoptions.clone_from(&adoptions))
    };
    assert_eq!(moved(&[(0, 1)]), ["a failover"]);
    assert_eq!(moved(&[(1, 2)]), [""; 0], "away from home to elsewhere");
    assert_eq!(moved(&[(1, 0)]), ["a failback"]);
    let open = hangs(crash(0, 0, Disks::Kept), true).episodes;
    assert_eq!(
        seen(move |run| run.episodes.clone_from(&open)),
        ["an episode"]
    );
}
