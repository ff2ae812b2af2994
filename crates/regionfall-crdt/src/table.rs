//! Maps that are looked into far more often than shown: hash tables whose hash is the same in every run and on every platform.
//!
//! They have no order that means anything: that of their entries depends on how they came about. Whoever shows one sorts it.
//! Not for adversaries, as nothing in a simulation is one.

use std::hash::{BuildHasher, Hasher};

use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};

/// A hash table.
pub(crate) type Table<K, V> = IndexMap<K, V, Mixing>;

/// An empty one.
pub(crate) const fn empty<K, V>() -> Table<K, V> {
    IndexMap::with_hasher(Mixing)
}

/// What is under a key, looked for once; the key is copied only if nothing is.
#[inline]
pub(crate) fn get_or_insert_with<'t, K, V>(
    table: &'t mut Table<K, V>,
    key: &K,
    new: impl FnOnce() -> V,
) -> (&'t mut V, bool)
where
    K: std::hash::Hash + Eq + Clone,
{
    match table.raw_entry_mut_v1().from_key(key) {
        RawEntryMut::Occupied(place) => (place.into_mut(), false),
        RawEntryMut::Vacant(place) => (place.insert(key.clone(), new()).1, true),
    }
}

/// The entries in order of their keys.
pub(crate) fn sorted<K: Ord, V>(table: &Table<K, V>) -> Vec<(&K, &V)> {
    let mut all: Vec<(&K, &V)> = table.iter().collect();
    all.sort_unstable_by(|one, other| one.0.cmp(other.0));
    all
}

/// Looks keys of one table up in another whose entries, as a rule, came in the same order.
pub(crate) struct Twin<'t, K, V> {
    other: &'t Table<K, V>,
    next: usize,
    /// Which of the other's entries were found.
    found: Vec<bool>,
}

impl<'t, K: std::hash::Hash + Eq, V> Twin<'t, K, V> {
    pub(crate) fn new(other: &'t Table<K, V>) -> Self {
        Self {
            other,
            next: 0,
            found: vec![false; other.len()],
        }
    }

    /// What the other has under a key.
    pub(crate) fn get(&mut self, key: &K) -> Option<&'t V> {
        let (place, value) = match self.other.get_index(self.next) {
            Some((expected, value)) if expected == key => (self.next, value),
            _ => {
                let (place, _, value) = self.other.get_full(key)?;
                (place, value)
            }
        };
        self.next = place + 1;
        self.found[place] = true;
        Some(value)
    }

    /// The other's entries that nobody asked for.
    pub(crate) fn rest(self) -> impl Iterator<Item = (&'t K, &'t V)> {
        let Self { other, found, .. } = self;
        other
            .iter()
            .zip(found)
            .filter_map(|(entry, found)| (!found).then_some(entry))
    }
}

/// Makes hashes that depend on nothing but what is hashed.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Mixing;

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    #[inline]
    fn build_hasher(&self) -> Mixer {
        Mixer(0x9e37_79b9_7f4a_7c15)
    }
}

/// Multiplies words to twice their width, and folds the halves.
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * 0xd134_2543_de82_ef95;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.write_u64(u64::from_le_bytes(word));
        }
        // The number of bytes tells "a" from "a\0".
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// As pairs in order of their keys, so that equal tables are written equally.
#[cfg(feature = "serde")]
pub(crate) mod pairs {
    use std::hash::Hash;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Table, sorted};

    pub(crate) fn serialize<K, V, S>(table: &Table<K, V>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_seq(sorted(table))
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<Table<K, V>, D::Error>
    where
        K: Deserialize<'de> + Hash + Eq,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::Element;

    #[test]
    fn a_twin_finds_what_is_there_and_tells_what_was_not_asked_for() {
        let table =
            |keys: &[u64]| -> Table<u64, u64> { keys.iter().map(|&key| (key, key)).collect() };
        let other = table(&[1, 2, 3, 4, 5]);
        let mut twin = Twin::new(&other);
        let asked = [1, 2, 9, 5].map(|key| twin.get(&key).copied());
        assert_eq!(asked, [Some(1), Some(2), None, Some(5)]);
        assert_eq!(twin.rest().map(|own| *own.0).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn short_keys_spread() {
        let hash = |element: Element| Mixing.hash_one(element);
        let numbers = (0..4096).map(|number| hash(Element::Number(number)));
        let texts = (0..4096).map(|number| hash(Element::from(number.to_string().as_str())));
        let few_bits = |all: Vec<u64>| -> usize {
            let mut low: Vec<u64> = all.iter().map(|hash| hash & 4095).collect();
            low.sort_unstable();
            low.dedup();
            low.len()
        };
        // As many as of numbers drawn at random: 4096 (1 - 1/e) = 2589.
        assert!(few_bits(numbers.collect()) > 2400);
        assert!(few_bits(texts.collect()) > 2400);
        assert_ne!(hash(Element::from("a")), hash(Element::from("a\0")));
    }
}
