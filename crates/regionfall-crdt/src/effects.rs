//! The effects of one command, in the order in which they were numbered.

use crate::Effect;

/// No, one or several effects. One, by far the most common number, needs no heap.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Effects {
    first: Option<Effect>,
    rest: Vec<Effect>,
}

impl Effects {
    /// No effect.
    pub const fn none() -> Self {
        Self {
            first: None,
            rest: Vec::new(),
        }
    }

    /// A single effect.
    #[inline]
    pub const fn one(effect: Effect) -> Self {
        Self {
            first: Some(effect),
            rest: Vec::new(),
        }
    }

    /// Adds an effect at the end.
    pub fn push(&mut self, effect: Effect) {
        if self.first.is_none() {
            self.first = Some(effect);
        } else {
            self.rest.push(effect);
        }
    }

    /// The first, if there is any.
    #[inline]
    pub fn first(&self) -> Option<&Effect> {
        self.first.as_ref()
    }

    /// The first, if there is any; the rest is dropped.
    #[inline]
    pub fn into_first(self) -> Option<Effect> {
        self.first
    }

    /// How many.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.first.iter().chain(&self.rest)
    }
}

impl Extend<Effect> for Effects {
    fn extend<I: IntoIterator<Item = Effect>>(&mut self, effects: I) {
        for effect in effects {
            self.push(effect);
        }
    }
}

impl FromIterator<Effect> for Effects {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        let mut all = Self::none();
        all.extend(effects);
        all
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Effect>, std::vec::IntoIter<Effect>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}

impl<'a> IntoIterator for &'a Effects {
    type Item = &'a Effect;
    type IntoIter = std::iter::Chain<std::option::Iter<'a, Effect>, std::slice::Iter<'a, Effect>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.iter().chain(&self.rest)
    }
}
