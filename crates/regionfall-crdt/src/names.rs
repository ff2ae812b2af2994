//! Names of keys, for people: an interner from bytes to [`KeyId`].
//!
//! Not used by [`Replica`](crate::Replica), which knows keys by number only.

use std::collections::BTreeMap;

use crate::KeyId;

/// Key names in the order in which they were first seen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeyNames {
    ids: BTreeMap<Box<[u8]>, KeyId>,
    names: Vec<Box<[u8]>>,
}

impl KeyNames {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
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
            self.names.len() < u32::MAX as usize,
            "more key names than ids"
        );
        let id = KeyId(self.names.len() as u32);
        self.ids.insert(name.into(), id);
        self.names.push(name.into());
        id
    }

    /// The id of `name`, if it was seen.
    pub fn get(&self, name: &[u8]) -> Option<KeyId> {
        self.ids.get(name).copied()
    }

    /// The name of `id`, if this interner gave it out.
    pub fn name(&self, id: KeyId) -> Option<&[u8]> {
        self.names.get(id.0 as usize).map(AsRef::as_ref)
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
}
