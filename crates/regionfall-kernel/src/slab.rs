//! A slab: values in one vector, found by a small key that notices when it is stale.
//!
//! Events are small copies; what does not fit into one lives here. Slots are reused last-out-first-in,
//! so the keys of a run depend on nothing but the order of its insertions and removals. This is not a
//! map: keys are given, not chosen.

/// Where a value lies in its [`Slab`], with the generation of the slot, so that a key which outlives
/// its value finds nothing rather than a stranger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlabKey {
    index: u32,
    generation: u32,
}

impl SlabKey {
    /// The slot, for dense side tables and for traces.
    pub const fn index(self) -> u32 {
        self.index
    }
}

/// Values behind generation-checked keys; insertion, look-up and removal take constant time.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    /// A slab without values; it allocates with the first of them.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// How many values the slab holds.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether the slab holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a value and gives the key under which it is found.
    ///
    /// # Panics
    ///
    /// If the slab already holds 2³² − 1 values.
    #[inline]
    pub fn insert(&mut self, value: T) -> SlabKey {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.value = Some(value);
            return SlabKey {
                index,
                generation: slot.generation,
            };
        }
        assert!(
            self.slots.len() < u32::MAX as usize,
            "a slab holds at most 2^32 - 1 values"
        );
        let index = self.slots.len() as u32;
        self.slots.push(Slot {
            generation: 0,
            value: Some(value),
        });
        SlabKey {
            index,
            generation: 0,
        }
    }

    /// The value under a key, if it was not removed.
    #[inline]
    pub fn get(&self, key: SlabKey) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation == key.generation {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// The value under a key, to be changed, if it was not removed.
    #[inline]
    pub fn get_mut(&mut self, key: SlabKey) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation {
            slot.value.as_mut()
        } else {
            None
        }
    }

    /// Takes the value under a key out of the slab, if it was not removed before.
    #[inline]
    pub fn remove(&mut self, key: SlabKey) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    /// All values with their keys, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (SlabKey, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = SlabKey {
                index: index as u32,
                generation: slot.generation,
            };
            slot.value.as_ref().map(|value| (key, value))
        })
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_although_its_slot_is_reused() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(second.index(), first.index());
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn values_are_listed_by_slot() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..4).map(|value| slab.insert(value)).collect();
        slab.remove(keys[1]);
        *slab.get_mut(keys[2]).unwrap() = 20;
        assert_eq!(
            slab.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [0, 20, 3]
        );
        assert!(!slab.is_empty());
    }
}
