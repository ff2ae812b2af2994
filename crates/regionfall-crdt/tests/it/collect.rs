//! The collector changes nothing that anyone can see, and leaves nothing that everyone has forgotten.

use proptest::prelude::*;
use regionfall_crdt::{
    Applied, Clock, Command, Element, Elements, KeyId, OriginId, Replica, Timestamp, Value,
};

use crate::history::{History, steps};

const KEY: KeyId = KeyId(0);

proptest! {
    #![proptest_config(crate::specification::config())]

    #[test]
    fn collection_is_invisible(nodes in 2_usize..5, steps in steps(true), first in 0_usize..9) {
        let mut history = History::run(nodes, &steps);
        history.deliver_all(first);
        let replicas: Vec<_> = history.nodes.iter().map(|node| &node.replica).collect();
        for a in &replicas {
            prop_assert_eq!(a.digest(), replicas[0].digest());
            for b in &replicas {
                let mut merged = (*a).clone();
                merged.merge(b);
                prop_assert_eq!(merged.digest(), a.digest());
            }
        }
    }

    /// Once everyone has seen everything and all is deleted, nothing is left but counters.
    #[test]
    fn nothing_lingers(nodes in 2_usize..5, steps in steps(true)) {
        let mut history = History::run(nodes, &steps);
        history.deliver_all(0);
        let replica = &mut history.nodes[0].replica;
        let clock = replica.clock().clone();
        replica.collect(&clock);
        prop_assert_eq!(replica.tombstones(), 0);
        let visible = replica.keys().count();
        if visible == 0 && history.logs.values().flatten().all(|effect| effect.delta().is_none()) {
            prop_assert_eq!(replica.bytes(), 0);
        }
        prop_assert_eq!(replica.collect(&clock), 0);
    }
}

#[test]
fn a_tombstone_waits_for_the_last_member() {
    let (east, west) = (OriginId(1), OriginId(2));
    let mut in_east = Replica::new();
    let mut in_west = Replica::new();
    let set = in_east.execute(
        &Command::Set {
            key: KEY,
            content: "a".into(),
        },
        Timestamp(1),
        east,
    );
    assert_eq!(
        in_west.apply(&set.effects.into_first().unwrap()),
        Applied::New
    );
    let delete = in_east
        .execute(&Command::Del { key: KEY }, Timestamp(2), east)
        .effects
        .into_first()
        .unwrap();
    assert_eq!(in_east.tombstones(), 1);
    assert!(in_east.bytes() > 0);

    // West has not seen the deletion: it stays.
    let stable = in_west.clock().clone();
    assert_eq!(in_east.collect(&stable), 0);
    assert_eq!(in_east.tombstones(), 1);

    assert_eq!(in_west.apply(&delete), Applied::New);
    let stable = in_west.clock().clone();
    assert_eq!(in_east.collect(&stable), 1);
    assert_eq!((in_east.tombstones(), in_east.bytes()), (0, 0));

    // West still has the tombstone, and that is no difference to clients, nor after a merge.
    let at_west = in_west.execute(
        &Command::SAdd {
            key: KEY,
            elements: Element::Number(1).into(),
        },
        Timestamp(3),
        west,
    );
    in_east.merge(&in_west);
    assert!(!at_west.effects.is_empty());
    assert_eq!(in_east.digest(), in_west.digest());
}

/// Two members that share a key; east then deletes what it holds by `removal` and forgets it, and west,
/// which missed that, executes `later`.
fn east_forgets(shared: &Command, removal: &Command, later: &Command) -> [Replica; 2] {
    let (mut in_east, mut in_west) = (Replica::new(), Replica::new());
    let effect = in_east
        .execute(shared, Timestamp(1), OriginId(1))
        .effects
        .into_first();
    let applied = effect.map(|effect| in_west.apply(&effect));
    assert_eq!(applied, Some(Applied::New));
    in_east.execute(removal, Timestamp(2), OriginId(1));
    let clock: Clock = in_east.clock().clone();
    assert_eq!(in_east.collect(&clock), 1);
    assert_eq!(in_east.bytes(), 0);
    in_west.execute(later, Timestamp(3), OriginId(2));
    [in_east, in_west]
}

/// East's clock covers what west still holds, and east holds nothing of it: so it was removed there.
#[test]
fn a_member_that_missed_a_forgotten_removal_learns_of_it_by_merging() {
    let add = |numbers: &[u64]| {
        let elements: Elements = numbers
            .iter()
            .map(|&number| Element::Number(number))
            .collect();
        Command::SAdd { key: KEY, elements }
    };
    let remove = Command::SRem {
        key: KEY,
        elements: [1, 2].map(Element::Number).into_iter().collect(),
    };
    let [in_east, in_west] = east_forgets(&add(&[1, 2]), &remove, &add(&[2]));
    for (mut merged, other) in [(in_east.clone(), &in_west), (in_west.clone(), &in_east)] {
        merged.merge(other);
        let Value::Set(set) = merged.value(KEY) else {
            panic!("a set")
        };
        assert_eq!(set.iter().collect::<Vec<_>>(), [&Element::Number(2)]);
    }

    let elsewhere = Command::Set {
        key: KeyId(1),
        content: "b".into(),
    };
    let set = Command::Set {
        key: KEY,
        content: "a".into(),
    };
    let [in_east, in_west] = east_forgets(&set, &Command::Del { key: KEY }, &elsewhere);
    for (mut merged, other) in [(in_east.clone(), &in_west), (in_west.clone(), &in_east)] {
        merged.merge(other);
        assert_eq!(merged.keys().collect::<Vec<_>>(), [KeyId(1)]);
        assert_eq!(merged.value(KEY), Value::Absent);
    }
}

/// What the removal had observed is known to all; the removal itself is not.
#[test]
fn a_removed_element_stays_buried_until_all_know_of_the_removal() {
    let origin = OriginId(1);
    let mut replica = Replica::new();
    replica.execute(
        &Command::SAdd {
            key: KEY,
            elements: Element::Number(1).into(),
        },
        Timestamp(1),
        origin,
    );
    let before = replica.clock().clone();
    replica.execute(
        &Command::SRem {
            key: KEY,
            elements: Element::Number(1).into(),
        },
        Timestamp(2),
        origin,
    );
    assert_eq!((replica.collect(&before), replica.tombstones()), (0, 1));
    assert_eq!(replica.collect(&replica.clock().clone()), 1);
    assert_eq!((replica.tombstones(), replica.bytes()), (0, 0));
}
