//! The laws that hold of every history.

use regionfall_crdt::{Applied, Effect, Replica};

use super::Rules;
use super::run::{Run, assert_shows};
use super::story::Story;

fn merged(one: &Replica, other: &Replica) -> Replica {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

/// Every replica shows at every moment what the specification says of what it has seen; merging is a
/// join and the same as delivery; effects of different replicas commute; in the end all are equal.
pub(crate) fn all_hold<R: Rules>(story: &Story<R>) {
    let mut run = Run::of(story);
    merging_is_a_join(&run);
    effects_commute(&run);
    let unsynchronized = run.replicas.clone();
    run.deliver_all();
    let [first, rest @ ..] = &run.replicas[..] else {
        unreachable!("there are at least two")
    };
    for other in rest {
        assert_eq!(other, first, "who has seen everything is equal");
        assert_eq!(other.digest(), first.digest());
        assert_eq!(other.bytes(), first.bytes(), "bytes");
        assert_eq!(other.tombstones(), first.tombstones(), "tombstones");
    }
    // The other way: states instead of effects, in the opposite order.
    let mut by_states = Replica::with_settings(first.settings());
    for state in unsynchronized.iter().rev() {
        by_states.merge(state);
    }
    let mut by_effects = first.clone();
    assert_eq!(by_states, by_effects, "effects and states agree");
    assert_eq!(by_states.digest(), by_effects.digest());
    assert_eq!(by_states.bytes(), by_effects.bytes(), "bytes by states");
    let everything = first.clock().clone();
    by_states.collect(&everything);
    by_effects.collect(&everything);
    assert_eq!(by_states, by_effects, "and after collection too");
    assert_eq!(
        by_effects.tombstones(),
        0,
        "nothing waits for the collector"
    );
    assert_eq!(by_effects.digest(), first.digest());
}

/// The collector changes nothing that anyone can see.
pub(crate) fn collection_is_invisible<R: Rules>(story: &Story<R>) {
    let mut run = Run::of(story);
    run.deliver_all();
    let first = run.replicas[0].clone();
    let everything = first.clock().clone();
    for replica in &mut run.replicas {
        assert_eq!(replica.digest(), first.digest());
        assert_eq!(merged(replica, &first).digest(), first.digest());
        replica.collect(&everything);
        assert_eq!(replica.digest(), first.digest());
        assert_eq!(replica.tombstones(), 0);
    }
    let [collected, rest @ ..] = &run.replicas[..] else {
        unreachable!("there are at least two")
    };
    for other in rest {
        if !R::LEAVES_NOTHING {
            break;
        }
        assert_eq!(other, collected, "after collection all hold the same");
        assert_eq!(other.bytes(), collected.bytes());
    }
}

fn merging_is_a_join<R: Rules>(run: &Run<R>) {
    let (a, b) = (&run.replicas[0], &run.replicas[1]);
    let c = run.replicas.get(2).unwrap_or(b);
    let ab = merged(a, b);
    assert_eq!(ab, merged(b, a), "merging commutes");
    assert_eq!(
        merged(&ab, c),
        merged(a, &merged(b, c)),
        "merging associates"
    );
    assert_eq!(&merged(a, a), a, "merging with oneself changes nothing");
    assert_eq!(merged(&ab, b), ab, "merging again changes nothing");
    let nothing = Replica::with_settings(a.settings());
    assert_eq!(&merged(&nothing, a), a, "a copy");
    assert_eq!(&merged(a, &nothing), a);
    assert_eq!(merged(&nothing, a).bytes(), a.bytes(), "bytes of a copy");
    let mut union = run.told.seen[0].clone();
    union.join(&run.told.seen[1]);
    assert_shows::<R>(&ab, &run.told, &union, &mut run.key_names().clone(), 0);
    // A merge is the same as applying what the other had applied.
    let mut delivered = a.clone();
    for (from, log) in run.logs.iter().enumerate() {
        for effect in log[run.told.seen[0].0[from]..union.0[from]]
            .iter()
            .flatten()
        {
            assert_eq!(delivered.apply(effect), Applied::New);
        }
    }
    assert_eq!(delivered, ab, "merging is delivery");
}

/// Any two operations that a replica could take in next may come in either order.
fn effects_commute<R: Rules>(run: &Run<R>) {
    for (replica, seen) in run.replicas.iter().zip(&run.told.seen) {
        let next: Vec<&Vec<Effect>> = run
            .logs
            .iter()
            .zip(&seen.0)
            .filter_map(|(log, &seen)| log.get(seen))
            .collect();
        for (index, first) in next.iter().enumerate() {
            for second in &next[index + 1..] {
                let apply = |effects: [&Vec<Effect>; 2]| {
                    let mut replica = replica.clone();
                    for effect in effects.into_iter().flatten() {
                        assert_eq!(replica.apply(effect), Applied::New);
                    }
                    replica
                };
                assert_eq!(
                    apply([first, second]),
                    apply([second, first]),
                    "effects commute"
                );
            }
        }
    }
}
