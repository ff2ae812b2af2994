//! Names of keys, for people: an interner from bytes to [`KeyId`].
//!
//! Not used by [`Replica`](crate::Replica), which knows keys by number only.

use std::collections::BTreeMap;

use crate::{KeyId, SLOTS, slot_of};

/// Key names in the order in which they were first seen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeyNames {
    ids: BTreeMap<Box<[u8]>, KeyId>,
    names: Vec<Box<[u8]>>,
    /// The number of the first name.
    first: u32,
    /// By shard: how many ids were given out, where ids are spread over shards.
    spread: Vec<u32>,
}

impl KeyNames {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No names yet; ids begin at `first`, where smaller ones are given out elsewhere.
    pub fn after(first: u32) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Ids are given out so that a name's id, modulo the number of shards, is the shard of its slot: slots are spread evenly,
    /// in order. Other ids remain without a name.
    #[must_use]
    pub fn spread_over(mut self, shards: u16) -> Self {
        self.spread = vec![0; usize::from(shards)];
        self
    }

    /// The id of `name`, a new one if it was never seen.
    ///
    /// # Panics
    /// If 2³² names exist already.
    pub fn intern(&mut self, name: &[u8]) -> KeyId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        assert!(
            self.names.len() < (u32::MAX - self.first) as usize,
            "more key names than ids"
        );
        let id = self.next_id(name);
        let place = (id.0 - self.first) as usize;
        if self.names.len() <= place {
            self.names.resize(place + 1, Box::default());
        }
        self.ids.insert(name.into(), id);
        self.names[place] = name.into();
        id
    }

    fn next_id(&mut self, name: &[u8]) -> KeyId {
        let shards = self.spread.len() as u32;
        if shards < 2 {
            return KeyId(self.first + self.names.len() as u32);
        }
        let shard = u32::from(slot_of(name)) * shards / u32::from(SLOTS);
        let given = &mut self.spread[shard as usize];
        let first = self.first.next_multiple_of(shards) + shard;
        let id = KeyId(first + *given * shards);
        *given += 1;
        id
    }

    /// From now on `name` means `id`, which was given out elsewhere.
    pub fn bind(&mut self, name: &[u8], id: KeyId) {
        self.ids.insert(name.into(), id);
    }

    /// The id of `name`, if it was seen.
    pub fn get(&self, name: &[u8]) -> Option<KeyId> {
        self.ids.get(name).copied()
    }

    /// The name of `id`, if this interner gave it out.
    pub fn name(&self, id: KeyId) -> Option<&[u8]> {
        let place = id.0.checked_sub(self.first)?;
        let name = self.names.get(place as usize)?;
        // Where ids are spread, some have none.
        (self.spread.is_empty() || self.ids.contains_key(name)).then_some(name)
    }

    /// All names in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// How many names were seen.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dense_and_stable() {
        let mut names = KeyNames::new();
        assert!(names.is_empty());
        assert_eq!(names.intern(b"a"), KeyId(0));
        assert_eq!(names.intern(b"b"), KeyId(1));
        assert_eq!(names.intern(b"a"), KeyId(0));
        assert_eq!(names.len(), 2);
        assert_eq!(names.get(b"b"), Some(KeyId(1)));
        assert_eq!(names.get(b"c"), None);
        assert_eq!(names.name(KeyId(1)), Some(&b"b"[..]));
        assert_eq!(names.name(KeyId(2)), None);
    }

    #[test]
    fn ids_follow_the_slots_of_names() {
        let mut names = KeyNames::after(7).spread_over(3);
        for number in 0..200 {
            let name = format!("{{user:{number}}}:cart");
            let id = names.intern(name.as_bytes());
            assert!(id.0 >= 7);
            assert_eq!(names.name(id), Some(name.as_bytes()));
            let shard = u32::from(slot_of(name.as_bytes())) * 3 / u32::from(SLOTS);
            assert_eq!(id.0 % 3, shard);
            let other = names.intern(format!("{{user:{number}}}:orders").as_bytes());
            assert_eq!(other.0 % 3, shard);
            assert_ne!(id, other);
        }
    }

    #[test]
    fn ids_may_begin_anywhere() {
        let mut names = KeyNames::after(7);
        assert_eq!(names.intern(b"a"), KeyId(7));
        assert_eq!(names.name(KeyId(7)), Some(&b"a"[..]));
        assert_eq!(names.name(KeyId(0)), None);
        names.bind(b"b", KeyId(3));
        assert_eq!(names.intern(b"b"), KeyId(3));
        assert_eq!(names.intern(b"c"), KeyId(8));
    }
}
