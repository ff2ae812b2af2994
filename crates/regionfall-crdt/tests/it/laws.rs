//! The laws that hold of every history.

use proptest::prelude::*;
use regionfall_crdt::{Applied, Command, KeyId, OriginId, Replica, Timestamp};

use crate::history::{History, KEYS, assert_shows, steps};

fn merged(a: &Replica, b: &Replica) -> Replica {
    let mut merged = a.clone();
    merged.merge(b);
    merged
}

proptest! {
    #![proptest_config(crate::specification::config())]

    /// Every replica shows at every moment what the specification says of what it has seen, and in the
    /// end all show the same.
    #[test]
    fn histories_meet_the_specification(nodes in 2_usize..6, steps in steps(false), first in 0_usize..9) {
        let mut history = History::run(nodes, &steps);
        history.deliver_all(first);
        for node in &history.nodes[1..] {
            prop_assert_eq!(&node.replica, &history.nodes[0].replica);
            prop_assert_eq!(node.replica.digest(), history.nodes[0].replica.digest());
            prop_assert_eq!(node.replica.bytes(), history.nodes[0].replica.bytes());
            prop_assert_eq!(node.replica.tombstones(), history.nodes[0].replica.tombstones());
        }
    }

    #[test]
    fn merge_is_a_join(steps in steps(false)) {
        let history = History::run(3, &steps);
        let [a, b, c] = [0, 1, 2].map(|index| &history.nodes[index].replica);
        prop_assert_eq!(merged(a, b), merged(b, a));
        prop_assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)));
        prop_assert_eq!(&merged(a, a), a);
        prop_assert_eq!(&merged(a, &Replica::new()), a);
        prop_assert_eq!(&merged(&Replica::new(), a), a);
        prop_assert_eq!(merged(&merged(a, b), b), merged(a, b));
        prop_assert_eq!(merged(&Replica::new(), a).bytes(), a.bytes());
        prop_assert_eq!(merged(&Replica::new(), a).tombstones(), a.tombstones());
        let union = history.nodes[0].visible.union(&history.nodes[1].visible).copied().collect();
        for key in (0..KEYS).map(KeyId) {
            assert_shows(&merged(a, b), key, &history.oracle.shown(key, &union));
        }
    }

    /// Any two effects that a replica could apply next may come in either order.
    #[test]
    fn effects_of_different_origins_commute(nodes in 2_usize..5, steps in steps(false)) {
        let history = History::run(nodes, &steps);
        for node in &history.nodes {
            let next: Vec<_> = history
                .logs
                .iter()
                .filter_map(|(&origin, log)| log.get(node.replica.clock().get(origin) as usize))
                .collect();
            for (index, first) in next.iter().enumerate() {
                for second in &next[index + 1..] {
                    let (mut a, mut b) = (node.replica.clone(), node.replica.clone());
                    prop_assert_eq!([a.apply(first), a.apply(second)], [Applied::New; 2]);
                    prop_assert_eq!([b.apply(second), b.apply(first)], [Applied::New; 2]);
                    prop_assert_eq!(a, b);
                }
            }
        }
    }

    /// A merge is the same as applying what the other had applied.
    #[test]
    fn merge_is_delivery(steps in steps(false)) {
        let mut history = History::run(3, &steps);
        let (own, other) = (history.nodes[0].replica.clone(), history.nodes[1].replica.clone());
        for range in other.clock().beyond(own.clock()) {
            for _ in range.first..=range.last {
                prop_assert!(history.deliver_next(range.origin, 0));
            }
        }
        prop_assert_eq!(&history.nodes[0].replica, &merged(&own, &other));
    }

    /// What a command answers and sends depends on nothing but the replica, the command, the time and
    /// the origin.
    #[test]
    fn execution_repeats(steps in steps(false), at in 0_u64..5) {
        let history = History::run(2, &steps);
        let replica = &history.nodes[0].replica;
        let command = Command::Set { key: KeyId(0), content: "x".into() };
        let (mut a, mut b) = (replica.clone(), merged(&Replica::new(), replica));
        prop_assert_eq!(
            a.execute(&command, Timestamp(at), OriginId(99)),
            b.execute(&command, Timestamp(at), OriginId(99))
        );
        prop_assert_eq!(a, b);
    }
}
