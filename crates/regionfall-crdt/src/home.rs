//! Where cells live: by their keys, in a hash table, a tree or a sequence, as suits what the keys name.
//!
//! Fields and members are looked for far more often than shown in order, so they live in tables; elements of lists are found by
//! where they stand and by number, so they live in a sequence.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::Dot;
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::table::{self, Table, Twin};

/// What became of a thing that was to be changed: it stayed, it was taken out, or there is none, which is to be put in here.
pub(crate) type Changed<H, F> =
    Result<Option<(<H as Home>::Key, <H as Home>::Value)>, (<H as Home>::Spot, F)>;

/// A map of some kind.
pub(crate) trait Home: Clone + PartialEq {
    type Key;
    type Value;
    /// A place for something.
    type Spot;
    /// One with nothing in it.
    const EMPTY: Self;

    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, key: &Self::Key) -> Option<&Self::Value>;

    /// Lets this effect change what is under a key; takes it out if the change says that it is not to stay. If there is nothing,
    /// says where it would be.
    fn change<F: FnOnce(&mut Self::Value) -> bool>(
        &mut self,
        key: &Self::Key,
        by: Dot,
        change: F,
    ) -> Changed<Self, F>;

    /// Puts something in where nothing is, for the sake of this effect.
    fn put_in(&mut self, _spot: Self::Spot, key: Self::Key, value: Self::Value, _by: Dot) {
        self.put(key, value);
    }

    /// Puts something in under a key under which nothing is.
    fn put(&mut self, key: Self::Key, value: Self::Value);

    /// The same with many.
    fn put_all(&mut self, all: Vec<(Self::Key, Self::Value)>) {
        for (key, value) in all {
            self.put(key, value);
        }
    }

    /// Notes that this effect was about what would be there.
    fn touch(&mut self, _spot: Self::Spot, _by: Dot) {}

    /// Notes that any effect within this clock may have been about any key.
    fn touch_all(&mut self, _by: &Clock) {}

    /// Notes that nothing is known of which effects were about which keys.
    #[cfg(feature = "serde")]
    fn forget_touches(&mut self) {}

    /// Takes out what is under a key.
    fn take(&mut self, key: &Self::Key) -> Option<(Self::Key, Self::Value)>;

    /// Takes out what is wanted.
    fn extract(
        &mut self,
        is_wanted: impl FnMut(&mut Self::Value) -> bool,
    ) -> Vec<(Self::Key, Self::Value)>;

    /// All that there is, in no order that means anything.
    fn all(&self) -> impl Iterator<Item = (&Self::Key, &Self::Value)>;

    fn values_mut(&mut self) -> impl Iterator<Item = &mut Self::Value>;

    /// All that there is in order of the keys, which may take time to find.
    fn sorted(&self) -> impl DoubleEndedIterator<Item = (&Self::Key, &Self::Value)> + Clone;

    /// Visits all that there is, with what another has under the same key; gives back what only the other has.
    ///
    /// Given the clocks of both, it may leave out where both took in the same effects.
    fn visit_beside<'o>(
        &mut self,
        other: &'o Self,
        clocks: Option<Counterpart<'_>>,
        visit: impl FnMut(&Self::Key, &mut Self::Value, Option<&'o Self::Value>),
    ) -> Vec<(&'o Self::Key, &'o Self::Value)>;
}

impl<K: Hash + Eq + Ord + Clone, V: Clone + PartialEq> Home for Table<K, V> {
    type Key = K;
    type Value = V;
    type Spot = ();
    const EMPTY: Self = table::empty();

    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn get(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn change<F: FnOnce(&mut V) -> bool>(
        &mut self,
        key: &K,
        _by: Dot,
        change: F,
    ) -> Changed<Self, F> {
        let Some((place, _, value)) = self.get_full_mut(key) else {
            return Err(((), change));
        };
        if change(value) {
            Ok(None)
        } else {
            Ok(self.swap_remove_index(place))
        }
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn take(&mut self, key: &K) -> Option<(K, V)> {
        self.swap_remove_entry(key)
    }

    fn extract(&mut self, mut is_wanted: impl FnMut(&mut V) -> bool) -> Vec<(K, V)> {
        self.extract_if(.., |_, value| is_wanted(value)).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.iter()
    }

    fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values_mut()
    }

    fn sorted(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        table::sorted(self).into_iter()
    }

    fn visit_beside<'o>(
        &mut self,
        other: &'o Self,
        _clocks: Option<Counterpart<'_>>,
        mut visit: impl FnMut(&K, &mut V, Option<&'o V>),
    ) -> Vec<(&'o K, &'o V)> {
        let mut twin = Twin::new(other);
        for (key, value) in self {
            visit(key, value, twin.get(key));
        }
        twin.rest().collect()
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> Home for BTreeMap<K, V> {
    type Key = K;
    type Value = V;
    type Spot = ();
    const EMPTY: Self = BTreeMap::new();

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn change<F: FnOnce(&mut V) -> bool>(
        &mut self,
        key: &K,
        _by: Dot,
        change: F,
    ) -> Changed<Self, F> {
        let Some(value) = self.get_mut(key) else {
            return Err(((), change));
        };
        if change(value) {
            Ok(None)
        } else {
            Ok(self.remove_entry(key))
        }
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn put_all(&mut self, all: Vec<(K, V)>) {
        // Few are put in one by one; many, as with a replica that was empty, in one pass.
        if all.len() > self.len() / 8 {
            self.append(&mut all.into_iter().collect());
        } else {
            self.extend(all);
        }
    }

    fn take(&mut self, key: &K) -> Option<(K, V)> {
        self.remove_entry(key)
    }

    fn extract(&mut self, mut is_wanted: impl FnMut(&mut V) -> bool) -> Vec<(K, V)> {
        self.extract_if(.., |_, value| is_wanted(value)).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.iter()
    }

    fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values_mut()
    }

    fn sorted(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.iter()
    }

    fn visit_beside<'o>(
        &mut self,
        other: &'o Self,
        _clocks: Option<Counterpart<'_>>,
        mut visit: impl FnMut(&K, &mut V, Option<&'o V>),
    ) -> Vec<(&'o K, &'o V)> {
        let mut beside = Beside::new(other.iter());
        for (key, value) in self {
            let theirs = beside.get(key);
            visit(key, value, theirs);
        }
        beside.rest()
    }
}

/// Looks for keys that come in order among others that do.
pub(crate) struct Beside<'o, K, V, I: Iterator<Item = (&'o K, &'o V)>> {
    others: std::iter::Peekable<I>,
    passed: Vec<(&'o K, &'o V)>,
}

impl<'o, K: Ord, V, I: Iterator<Item = (&'o K, &'o V)>> Beside<'o, K, V, I> {
    pub(crate) fn new(others: I) -> Self {
        Self {
            others: others.peekable(),
            passed: Vec::new(),
        }
    }

    /// What is under this key, which is greater than the one before.
    pub(crate) fn get(&mut self, key: &K) -> Option<&'o V> {
        while let Some(&(their, value)) = self.others.peek() {
            let order = their.cmp(key);
            if order.is_gt() {
                return None;
            }
            self.others.next();
            if order.is_eq() {
                return Some(value);
            }
            self.passed.push((their, value));
        }
        None
    }

    /// What nobody asked for.
    pub(crate) fn rest(mut self) -> Vec<(&'o K, &'o V)> {
        self.passed.extend(self.others);
        self.passed
    }
}

/// As pairs in order of their keys, so that equal ones are written equally.
#[cfg(feature = "serde")]
pub(crate) mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Home;

    pub(crate) fn serialize<H, S>(home: &H, serializer: S) -> Result<S::Ok, S::Error>
    where
        H: Home<Key: Serialize, Value: Serialize>,
        S: Serializer,
    {
        // Some formats want the number of pairs first.
        serializer.collect_seq(home.sorted().collect::<Vec<_>>())
    }

    pub(crate) fn deserialize<'de, H, D>(deserializer: D) -> Result<H, D::Error>
    where
        H: Home<Key: Deserialize<'de>, Value: Deserialize<'de>>,
        D: Deserializer<'de>,
    {
        let mut home = H::EMPTY;
        for (key, value) in Vec::<(H::Key, H::Value)>::deserialize(deserializer)? {
            home.take(&key);
            home.put(key, value);
        }
        home.forget_touches();
        Ok(home)
    }
}
