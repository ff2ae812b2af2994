//! What is written is read back: the same value, the same hash, and a replica that goes on as the one that was written.
//!
//! Through JSON, which has only text for keys and no infinity, and through postcard, which cannot tell what it holds.

#![expect(
    clippy::expect_used,
    reason = "what cannot be written or read is a broken test"
)]

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use regionfall_crdt::{
    Clock, Dot, Effect, Effects, Elements, KeyNames, OriginId, Position, Replica,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convergence::{FAMILIES, Members, at, origin, parse, steps};
use crate::history::{self, History};

/// The value after a journey through each format.
fn journeys<T: Serialize + DeserializeOwned>(value: &T) -> [T; 2] {
    let text = serde_json::to_string(value).expect("JSON can hold it");
    [
        serde_json::from_str(&text).expect("JSON reads what it wrote"),
        postcard::from_bytes(&written(value)).expect("postcard reads what it wrote"),
    ]
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("postcard can hold it")
}

/// All that a replica holds, also what is no part of the state that replicas have in common. Left out is which keys the
/// collector will visit, as those that had tombstones once may be among them, and where entries are found, as that tells of
/// keys that were.
fn inside(replica: &Replica) -> String {
    let mut text = format!("{replica:?}").replace("is_in_graves: true", "is_in_graves: false");
    for list in ["places: [", "graves: ["] {
        let (before, rest) = text.split_once(list).expect("a list of numbers");
        let (_, after) = rest.split_once(']').expect("an end");
        text = format!("{before}{after}");
    }
    text
}

fn assert_same(a: &Replica, b: &Replica) -> Result<(), TestCaseError> {
    prop_assert!(a == b, "\n{:#?}\n{:#?}", a, b);
    prop_assert_eq!(a.digest(), b.digest());
    prop_assert_eq!(a.clock(), b.clock());
    prop_assert_eq!(a.settings(), b.settings());
    prop_assert_eq!(a.bytes(), b.bytes());
    prop_assert_eq!(a.tombstones(), b.tombstones());
    prop_assert_eq!(inside(a), inside(b));
    Ok(())
}

/// Both take in what is still on its way, execute the same commands of the family, merge, expire and collect, and do all of
/// it alike.
fn assert_go_on_alike(
    members: &mut Members,
    family: usize,
    (node, commands): (usize, &[usize]),
    twin: &mut Replica,
) -> Result<(), TestCaseError> {
    let mut own = members.replicas[node].clone();
    for from in 0..members.logs.len() {
        let known = own.clock().get(origin(from)) as usize;
        for effect in &members.logs[from][known..] {
            let [from_text, from_bytes] = journeys(effect);
            prop_assert_eq!(&from_text, effect);
            prop_assert_eq!(own.apply(effect), twin.apply(&from_bytes));
        }
        assert_same(&own, twin)?;
    }
    for (second, command) in (9..).zip(commands) {
        let text = FAMILIES[family][command % FAMILIES[family].len()];
        let command = parse(text, &mut members.names);
        let executed = own.execute(&command, at(second), origin(node));
        prop_assert_eq!(&executed, &twin.execute(&command, at(second), origin(node)));
        let [effects, _] = journeys(&executed.effects);
        prop_assert_eq!(&effects, &executed.effects);
    }
    assert_same(&own, twin)?;
    for replica in &members.replicas {
        own.merge(replica);
        twin.merge(replica);
    }
    let later = at(9_999);
    prop_assert_eq!(
        own.expire(later, origin(node)),
        twin.expire(later, origin(node))
    );
    assert_same(&own, twin)?;
    let stable = own.clock().clone();
    prop_assert_eq!(own.collect(&stable), twin.collect(&stable));
    assert_same(&own, twin)
}

proptest! {
    #![proptest_config(crate::specification::config())]

    #[test]
    fn replicas_read_back(
        family in 0..FAMILIES.len(),
        nodes in 2_usize..5,
        steps in prop_oneof![steps(false), steps(true)],
        node in 0_usize..5,
        commands in proptest::collection::vec(0_usize..1000, 0..40),
    ) {
        let mut members = Members::run(family, nodes, &steps);
        let node = node % nodes;
        for mut twin in journeys(&members.replicas[node]) {
            assert_same(&members.replicas[node], &twin)?;
            assert_go_on_alike(&mut members, family, (node, &commands), &mut twin)?;
        }
        let names: [KeyNames; 2] = journeys(&members.names);
        prop_assert_eq!(&names, &[members.names.clone(), members.names.clone()]);
    }

    /// The simulator's numbered elements and stand-ins too, at replicas that restarted under other origins.
    #[test]
    fn numbered_things_read_back(steps in history::steps(true)) {
        let history = History::run(3, &steps);
        for node in &history.nodes {
            for twin in journeys(&node.replica) {
                assert_same(&node.replica, &twin)?;
            }
        }
        for effect in history.logs.values().flatten() {
            prop_assert_eq!(&journeys(effect), &[effect.clone(), effect.clone()]);
        }
    }

    /// A clone is the same, goes on alike, and takes nothing along of what it came from.
    #[test]
    fn clones_are_replicas_of_their_own(
        family in 0..FAMILIES.len(),
        nodes in 2_usize..5,
        steps in prop_oneof![steps(false), steps(true)],
        commands in proptest::collection::vec(0_usize..1000, 0..40),
    ) {
        let mut members = Members::run(family, nodes, &steps);
        let before = written(&members.replicas[0]);
        let mut twin = members.replicas[0].clone();
        assert_go_on_alike(&mut members, family, (0, &commands), &mut twin)?;
        let after = written(&members.replicas[0]);
        prop_assert_eq!(before, after);
    }
}

/// What is left in the key is a string alone, whether the collector comes by, as it does where there was more than one fraction, or
/// does not, as where that is not known any more.
#[test]
fn what_a_string_replaced_leaves_no_trace() {
    for before in [
        ["INCRBYFLOAT k 0.5", "INCRBYFLOAT k 0.5"],
        ["HINCRBY k f 1", "HINCRBY k f 2"],
        ["SADD k a", "SADD k b"],
        ["ZINCRBY k 1 a", "ZINCRBY k 2 a"],
    ] {
        let (mut replica, mut names) = (Replica::new(), KeyNames::new());
        for (second, text) in (0..).zip(before.into_iter().chain(["SET k a"])) {
            let command = parse(text, &mut names);
            replica.execute(&command, at(second), OriginId(1));
        }
        let stable = replica.clock().clone();
        for mut twin in journeys(&replica) {
            assert_eq!(inside(&replica), inside(&twin), "{before:?}");
            let mut own = replica.clone();
            assert_eq!(own.collect(&stable), twin.collect(&stable));
            assert_eq!(inside(&own), inside(&twin), "{before:?}");
            assert!(!inside(&own).contains("extra: Some"), "{before:?}");
        }
    }
}

fn error_of<T: DeserializeOwned>(text: &str) -> String {
    match serde_json::from_str::<T>(text) {
        Ok(_) => panic!("{text} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_would_break_more_than_a_value_is_refused() {
    for (error, expected) in [
        (error_of::<Dot>("[1,0]"), "sequence 0: it must be from 1"),
        (
            error_of::<Dot>("[1,281474976710656]"),
            "sequence 281474976710656",
        ),
        (error_of::<Clock>("[[2,1],[1,1]]"), "in order of origin"),
        (error_of::<Clock>("[[1,1],[1,2]]"), "one entry an origin"),
        (
            error_of::<Position>(r#"{"rank":0,"steps":[]}"#),
            "at least one step",
        ),
        (error_of::<KeyNames>("[[97],[97]]"), "comes twice"),
    ] {
        assert!(error.contains(expected), "{error}");
    }
    let mut replica = Replica::new();
    let mut names = KeyNames::new();
    replica.execute(&parse("SET k 1", &mut names), at(0), OriginId(1));
    let text = serde_json::to_string(&replica).expect("JSON can hold it");
    let start = text.find(r#""entries":["#).expect("entries") + 11;
    let end = text.find(r#"],"consumers""#).expect("consumers");
    let entry = &text[start..end];
    let twice = format!("{}{entry},{entry}{}", &text[..start], &text[end..]);
    assert!(error_of::<Replica>(&twice).contains("key 0 comes twice"));
}

#[test]
fn elements_and_effects_are_brought_into_their_form() {
    let elements: Elements =
        serde_json::from_str(r#"[{"Number":2},{"Number":1},{"Number":2}]"#).expect("elements");
    assert_eq!(elements.as_slice().len(), 2);
    let effects: Effects = serde_json::from_str("[]").expect("no effects");
    assert_eq!(effects, Effects::none());
    let none: Vec<Effect> = effects.into_iter().collect();
    assert!(none.is_empty());
}
