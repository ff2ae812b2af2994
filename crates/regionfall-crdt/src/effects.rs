//! The effects of one command, in the order in which they were numbered.

use crate::Effect;

/// No, one or several effects. One, by far the most common number, needs no heap.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Effects(Number);

#[derive(Clone, PartialEq, Default, Debug)]
enum Number {
    #[default]
    None,
    One(Effect),
    /// At least two.
    Many(Box<[Effect]>),
}

impl Effects {
    /// No effect.
    #[inline]
    pub const fn none() -> Self {
        Self(Number::None)
    }

    /// A single effect.
    #[inline]
    pub const fn one(effect: Effect) -> Self {
        Self(Number::One(effect))
    }

    /// All, in order.
    #[inline]
    pub fn as_slice(&self) -> &[Effect] {
        match &self.0 {
            Number::None => &[],
            Number::One(effect) => std::slice::from_ref(effect),
            Number::Many(effects) => effects,
        }
    }

    /// The first, if there is any.
    #[inline]
    pub fn first(&self) -> Option<&Effect> {
        self.as_slice().first()
    }

    /// The first, if there is any; the rest is dropped.
    #[inline]
    pub fn into_first(self) -> Option<Effect> {
        match self.0 {
            Number::None => None,
            Number::One(effect) => Some(effect),
            Number::Many(effects) => effects.into_vec().into_iter().next(),
        }
    }

    /// Hands each over, in order.
    #[inline]
    pub fn each(self, mut take: impl FnMut(Effect)) {
        match self.0 {
            Number::None => {}
            Number::One(effect) => take(effect),
            Number::Many(effects) => effects.into_vec().into_iter().for_each(take),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Number::None)
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Effect> {
        self.as_slice().iter()
    }
}

impl FromIterator<Effect> for Effects {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        let effects: Vec<Effect> = effects.into_iter().collect();
        match <[Effect; 1]>::try_from(effects) {
            Ok([effect]) => Self::one(effect),
            Err(effects) if effects.is_empty() => Self::none(),
            Err(effects) => Self(Number::Many(effects.into())),
        }
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Effect>, std::vec::IntoIter<Effect>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self.0 {
            Number::None => (None, Vec::new()),
            Number::One(effect) => (Some(effect), Vec::new()),
            Number::Many(effects) => (None, effects.into_vec()),
        };
        one.into_iter().chain(many)
    }
}

impl<'a> IntoIterator for &'a Effects {
    type Item = &'a Effect;
    type IntoIter = std::slice::Iter<'a, Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_effect_takes_no_more_room_than_an_optional_one() {
        assert_eq!(size_of::<Effects>(), size_of::<Option<Effect>>());
    }
}
