//! What applications take for granted of their keys.

use regionfall::history::Promise;
use regionfall_crdt::CommandKind::Decr;
use regionfall_crdt::EffectKind;

use super::*;

/// One unit of each counter is there to be sold.
fn stock(faults: Vec<PlannedFault>) -> Story {
    let mut shape = shape(3, faults);
    let (initial, floor) = (1, 0);
    shape.keyspaces[1].promise = Promise::Floor { initial, floor };
    Story::new(shape)
}

fn sell(story: &mut Story, server: u32, member: u8) {
    let operation = story.issue(server, COUNTER, Decr);
    story
        .send(operation, 0, member)
        .execute(operation, 0, member, 0);
    let effect = story.facts.last_mut().and_then(|last| last.effect.as_mut());
    effect.expect("it was executed").kind = EffectKind::Delta { amount: -1 };
    story.ack(operation, member);
}

#[test]
fn what_two_members_sold_without_having_seen_each_other_is_oversold() {
    let mut story = stock(Vec::new());
    sell(story.at(1_000), 0, 0);
    sell(story.at(1_010), 1, 1);
    story.at(1_050).sync(0, 1);
    let account = story.account(true);
    assert_eq!(account.promises.oversold_units, Some(1));
    let told = [(
        ms(1_050),
        "counters: 1 units oversold; first of key 1, where node-1 learnt what node-0 had sold"
            .to_owned(),
    )];
    assert_eq!(account.broken_promises(), told);
}

#[test]
fn what_is_sold_once_is_not_oversold() {
    let mut story = stock(Vec::new());
    sell(story.at(1_000), 0, 0);
    sync_all(&mut story);
    let account = story.account(true);
    assert_eq!(account.promises.oversold_units, Some(0));
    assert_eq!(account.broken_promises(), []);
}

#[test]
fn who_lost_its_disk_learns_of_the_same_sale_again() {
    let mut story = stock(vec![crash(0, 1, Disks::Lost)]);
    sell(story.at(1_000), 0, 0);
    story.at(1_050).sync(0, 1);
    story.at(2_000).stop(1, 0, Disks::Lost);
    story.at(3_000).restart(1, 0).sync(0, 1);
    assert_eq!(story.account(true).promises.oversold_units, Some(0));
}
