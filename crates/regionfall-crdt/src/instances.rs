//! The instances of an element of a set: dots, at most one an origin, and nearly always one or two altogether.

use crate::Dot;
use crate::OriginId;
use crate::clock::{Clock, pack, unpack};

/// Dots of different origins, at least one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Instances(Number);

#[derive(Clone, PartialEq, Debug)]
enum Number {
    /// A dot in one word.
    One(u64),
    /// Two, in order.
    Two([u64; 2]),
    /// More.
    Many(Box<Clock>),
}

impl Instances {
    #[inline]
    pub(crate) fn one(dot: Dot) -> Self {
        Self(Number::One(pack(dot)))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Number::One(_) => 1,
            Number::Two(_) => 2,
            Number::Many(all) => all.len(),
        }
    }

    /// In order of origin.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        let (few, many): (&[u64], _) = match &self.0 {
            Number::One(word) => (std::slice::from_ref(word), None),
            Number::Two(words) => (words, None),
            Number::Many(all) => (&[], Some(all.iter())),
        };
        let few = few.iter().map(|&word| unpack(word));
        few.chain(many.into_iter().flatten())
    }

    /// Whether this instance or a newer one of its origin is among them.
    pub(crate) fn holds(&self, dot: Dot) -> bool {
        match &self.0 {
            Number::Many(all) => all.covers(dot),
            _ => self
                .iter()
                .any(|own| own.origin == dot.origin && own.sequence >= dot.sequence),
        }
    }

    /// Takes an instance in, in place of older ones of its origin.
    #[inline]
    pub(crate) fn extend_to(&mut self, dot: Dot) {
        let new = pack(dot);
        match &mut self.0 {
            Number::One(word) if unpack(*word).origin == dot.origin => *word = new.max(*word),
            Number::One(word) => self.0 = Number::Two([new.min(*word), new.max(*word)]),
            Number::Two([first, _]) if unpack(*first).origin == dot.origin => {
                *first = new.max(*first);
            }
            Number::Two([_, second]) if unpack(*second).origin == dot.origin => {
                *second = new.max(*second);
            }
            Number::Two(_) => {
                let all = self.iter().chain([dot]).collect();
                self.0 = Number::Many(Box::new(all));
            }
            Number::Many(all) => all.extend_to(dot),
        }
    }

    /// Keeps those that `keep` accepts. If it accepts none, says `false`, and there is nothing to be done with the rest.
    #[inline]
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Dot) -> bool) -> bool {
        match &mut self.0 {
            Number::One(word) => keep(unpack(*word)),
            &mut Number::Two([first, second]) => {
                let kept = [first, second].map(|word| keep(unpack(word)));
                match kept {
                    [true, true] => {}
                    [true, false] => self.0 = Number::One(first),
                    [false, true] => self.0 = Number::One(second),
                    [false, false] => return false,
                }
                true
            }
            Number::Many(all) => {
                all.retain(keep);
                let mut left = all.iter().map(pack);
                let few = (left.next(), left.next(), left.next());
                drop(left);
                match few {
                    (None, ..) => return false,
                    (Some(only), None, _) => self.0 = Number::One(only),
                    (Some(first), Some(second), None) => self.0 = Number::Two([first, second]),
                    _ => {}
                }
                true
            }
        }
    }

    pub(crate) fn smallest_origin(&self) -> OriginId {
        let origins = self.iter().map(|dot| dot.origin);
        origins.min().unwrap_or(OriginId(u16::MAX))
    }
}

/// As its dots.
#[cfg(feature = "serde")]
mod serial {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Clock, Dot, Instances};

    impl Serialize for Instances {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.iter().collect::<Vec<_>>().serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Instances {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let clock = Clock::deserialize(deserializer)?;
            let mut dots = clock.iter();
            let first: Option<Dot> = dots.next();
            let mut all = Instances::one(first.ok_or_else(|| {
                D::Error::custom("an element of a set has at least one instance")
            })?);
            dots.for_each(|dot| all.extend_to(dot));
            Ok(all)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(origin: u16, sequence: u64) -> Dot {
        Dot::new(OriginId(origin), sequence)
    }

    #[test]
    fn instances_take_few_words() {
        assert_eq!(size_of::<Instances>(), 24);
    }

    #[test]
    fn equal_instances_have_one_form() {
        let mut instances = Instances::one(dot(2, 5));
        instances.extend_to(dot(2, 3));
        assert_eq!(instances, Instances::one(dot(2, 5)));
        instances.extend_to(dot(1, 1));
        assert_eq!(instances.len(), 2);
        assert_eq!(instances.smallest_origin(), OriginId(1));
        assert!(instances.holds(dot(2, 4)) && !instances.holds(dot(1, 2)));
        let mut three = instances.clone();
        three.extend_to(dot(0, 9));
        assert_eq!(
            three.iter().map(|own| own.origin.0).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert!(three.retain(|instance| instance.origin.0 > 0));
        assert_eq!(three, instances);
        assert!(instances.retain(|instance| instance.origin.0 == 2));
        assert_eq!(instances, Instances::one(dot(2, 5)));
        assert!(!instances.retain(|_| false));
    }
}
