//! How values are written and read by serde, where a derive would not do.
//!
//! Any format serves, also one that cannot tell by itself what it holds: maps are written as pairs, since some formats have
//! only text for keys; JSON documents as their text; scores as their 64 bits, since JSON has no infinity. What is derived
//! from other things (places of keys, sizes, what the collector must visit) is not written, and found anew when read. What
//! is read is checked where it could break more than a value.

use std::fmt::Display;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::consumer::Consumers;
use crate::entry::Entry;
use crate::{
    Clock, Dot, Effect, Effects, Element, Elements, KeyNames, OriginId, Replica, Settings,
};

/// Sequences that fit beside an origin in one word.
const LONGEST: u64 = (1 << 48) - 1;

fn check<'de, T, D: Deserializer<'de>>(
    value: T,
    is_right: impl FnOnce(&T) -> bool,
    message: impl Display,
) -> Result<T, D::Error> {
    if is_right(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(message))
    }
}

impl Serialize for Dot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.origin, self.sequence).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Dot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (origin, sequence) = <(OriginId, u64)>::deserialize(deserializer)?;
        let dot = Dot::new(origin, sequence);
        let is_right = |_: &Dot| (1..=LONGEST).contains(&sequence);
        check::<_, D>(
            dot,
            is_right,
            format!("sequence {sequence}: it must be from 1 to {LONGEST}"),
        )
    }
}

/// Dots in order of origin.
impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dots = Vec::<Dot>::deserialize(deserializer)?;
        let is_right = |dots: &Vec<Dot>| dots.is_sorted_by(|a, b| a.origin < b.origin);
        let dots = check::<_, D>(
            dots,
            is_right,
            "a clock has one entry an origin, in order of origin",
        )?;
        Ok(dots.into_iter().collect())
    }
}

impl Serialize for Elements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Element>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

impl Serialize for Effects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Effects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Effect>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// Names in the order of their numbers.
impl Serialize for KeyNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for KeyNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<Box<[u8]>>::deserialize(deserializer)?;
        let mut names = KeyNames::new();
        for name in &all {
            names.intern(name);
        }
        check::<_, D>(
            names,
            |names| names.len() == all.len(),
            "a name of a key comes twice",
        )
    }
}

/// A replica without what can be found anew.
#[derive(Serialize)]
struct Written<'a> {
    clock: &'a Clock,
    settings: Settings,
    entries: &'a [Entry],
    consumers: &'a Consumers,
}

#[derive(Deserialize)]
struct Read {
    clock: Clock,
    settings: Settings,
    entries: Vec<Entry>,
    consumers: Consumers,
}

impl Serialize for Replica {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (clock, settings) = (self.clock(), self.settings());
        let (entries, consumers) = (self.entries(), &self.consumers);
        Written {
            clock,
            settings,
            entries,
            consumers,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Replica {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read {
            clock,
            settings,
            entries,
            consumers,
        } = Read::deserialize(deserializer)?;
        let mut replica = Replica::with_settings(settings);
        replica.consumers = consumers;
        replica
            .restore(clock, entries)
            .map_err(|key| D::Error::custom(format!("key {} comes twice", key.0)))?;
        Ok(replica)
    }
}

/// A sequence of at least one.
pub(crate) fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Box<[T]>, D::Error> {
    let all = Box::<[T]>::deserialize(deserializer)?;
    check::<_, D>(
        all,
        |all| !all.is_empty(),
        "a position has at least one step",
    )
}

/// Pairs of which the first are in order.
pub(crate) fn ordered<'de, D, K, V>(deserializer: D) -> Result<Vec<(K, V)>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    let all = Vec::<(K, V)>::deserialize(deserializer)?;
    let is_right = |all: &Vec<(K, V)>| all.is_sorted_by(|a, b| a.0 < b.0);
    check::<_, D>(
        all,
        is_right,
        "totals have one entry an origin, in order of origin",
    )
}

/// Maps as pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K, V, S>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// A JSON value as its text.
pub(crate) mod text {
    use serde_json::Value as Tree;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(tree: &Tree, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(tree)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Tree, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

/// JSON values as the text of one array.
pub(crate) mod texts {
    use serde_json::Value as Tree;

    use super::{Deserializer, Error, Serializer, text};

    pub(crate) fn serialize<S: Serializer>(
        trees: &[Tree],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text::serialize(&Tree::Array(trees.to_vec()), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Tree>, D::Error> {
        match text::deserialize(deserializer)? {
            Tree::Array(trees) => Ok(trees),
            other => Err(D::Error::custom(format!("{other} is no array"))),
        }
    }
}

/// A score as its bits.
pub(crate) mod score {
    use super::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    pub(crate) fn serialize<S: Serializer>(score: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(score.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// Members with their scores.
pub(crate) mod scores {
    use super::{Deserialize, Deserializer, Element, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        members: &[(Element, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            members
                .iter()
                .map(|(member, score)| (member, score.to_bits())),
        )
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Element, f64)>, D::Error> {
        let members = Vec::<(Element, u64)>::deserialize(deserializer)?.into_iter();
        Ok(members
            .map(|(member, bits)| (member, f64::from_bits(bits)))
            .collect())
    }
}
