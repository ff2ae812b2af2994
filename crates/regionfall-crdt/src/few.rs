//! A list of which the first few need no heap.

use std::ops::{Deref, DerefMut};

/// Up to `N` in the value itself; more in a list.
#[derive(Clone, Debug)]
pub(crate) enum Few<T, const N: usize> {
    /// Places beyond the length hold anything.
    Inline {
        length: u8,
        items: [T; N],
    },
    Heap(Vec<T>),
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    pub(crate) fn insert(&mut self, place: usize, item: T) {
        match self {
            Self::Inline { length, items } => {
                let used = usize::from(*length);
                if used < N {
                    items.copy_within(place..used, place + 1);
                    items[place] = item;
                    *length += 1;
                } else {
                    let mut spilt = Vec::with_capacity(2 * N);
                    spilt.extend_from_slice(items);
                    spilt.insert(place, item);
                    *self = Self::Heap(spilt);
                }
            }
            Self::Heap(items) => items.insert(place, item),
        }
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::Inline {
            length: 0,
            items: [T::default(); N],
        }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Inline { length, items } => &items[..usize::from(*length).min(N)],
            Self::Heap(items) => items,
        }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Inline { length, items } => &mut items[..usize::from(*length).min(N)],
            Self::Heap(items) => items,
        }
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// As a sequence.
#[cfg(feature = "serde")]
mod serial {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Few;

    impl<T: Serialize, const N: usize> Serialize for Few<T, N> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(&**self)
        }
    }

    impl<'de, T: Deserialize<'de> + Copy + Default, const N: usize> Deserialize<'de> for Few<T, N> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut few = Self::default();
            for (place, item) in Vec::<T>::deserialize(deserializer)?.into_iter().enumerate() {
                few.insert(place, item);
            }
            Ok(few)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_it_becomes_many() {
        let (mut few, mut all) = (Few::<u32, 3>::default(), Vec::new());
        for (place, item) in [(0, 5), (0, 4), (1, 6), (2, 7), (0, 8), (5, 9)] {
            few.insert(place, item);
            all.insert(place, item);
            assert_eq!(&*few, &*all);
        }
        few[0] = 1;
        assert_eq!(few.first(), Some(&1));
    }
}
