//! What is under way, each in a place of its own that is used again: events and messages carry the number of the place.

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Keeps something; returns its place.
    pub(super) fn insert(&mut self, what: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(what);
            return place;
        }
        self.places.push(Some(what));
        (self.places.len() - 1) as u32
    }

    /// What is in a place.
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.places.get(place as usize)?.as_ref()
    }

    /// Takes what is in a place, which is free then.
    pub(super) fn take(&mut self, place: u32) -> Option<T> {
        let what = self.places.get_mut(place as usize)?.take();
        if what.is_some() {
            self.free.push(place);
        }
        what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_holds_one_thing_at_a_time() {
        let mut slab = Slab::default();
        let (first, second) = (slab.insert("a"), slab.insert("b"));
        assert_eq!(slab.take(first), Some("a"));
        assert_eq!(slab.take(first), None, "once only");
        assert_eq!(slab.insert("c"), first);
        let third = slab.insert("d");
        assert!(third != first && third != second, "each place is free once");
        assert_eq!(
            [first, second, third].map(|place| slab.get(place).copied()),
            [Some("c"), Some("b"), Some("d")]
        );
        assert_eq!(slab.get(9), None);
    }
}
