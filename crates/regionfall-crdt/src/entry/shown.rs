//! What a key shows to clients, given all that is kept under it.

use super::mixed::Mixed;
use super::{Entry, Holding};
use crate::collection::{Collection, Merge};
use crate::extra::Extra;
use crate::set::Set;
use crate::{Content, Decimal, OriginId, Value};

impl Entry {
    /// What a client would see.
    #[inline]
    pub(crate) fn value(&self) -> Value<'_> {
        match &self.holding {
            Holding::Text(text) => text.content().map_or(Value::Absent, Value::Content),
            Holding::Count(counter) => Value::Integer(counter.whole_sum()),
            Holding::Mixed(mixed) => mixed.value(),
        }
    }

    /// The string, if nothing but strings was ever written here, or the counter as a string, if nothing else was ever here.
    #[inline]
    pub(crate) fn lone_text(&self) -> Option<Content> {
        match &self.holding {
            Holding::Text(text) => text.content().cloned(),
            Holding::Count(counter) => Some(Content::from_integer(counter.whole_sum())),
            Holding::Mixed(_) => None,
        }
    }

    /// The set, if nothing but a set was ever here.
    #[inline]
    pub(crate) fn plain_set(&self) -> Option<&Set> {
        match &self.holding {
            Holding::Mixed(mixed) => mixed.plain_set(),
            _ => None,
        }
    }
}

impl Mixed {
    fn value(&self) -> Value<'_> {
        match &self.extra {
            None => self
                .register
                .content()
                .map_or(Value::Absent, Value::Content),
            Some(extra) => self.value_of_many(extra),
        }
    }

    #[inline]
    fn plain_set(&self) -> Option<&Set> {
        let extra = self.extra.as_ref()?;
        let [Collection::Set(set)] = extra.collections.as_slice() else {
            return None;
        };
        let is_alone = self.register.content().is_none()
            && extra.counter.is_empty()
            && extra.fractions.is_empty();
        is_alone.then_some(set)
    }

    fn value_of_many<'a>(&'a self, extra: &'a Extra) -> Value<'a> {
        let text = self.text(extra);
        let is_sole = |value: &Value<'_>| extra.collections.is_empty() || value.is_absent();
        match extra.collections.as_slice() {
            [] => return text,
            [only] if is_sole(&text) => return only.value(),
            _ => {}
        }
        let text = self.text_origin(extra).map(|origin| (origin, text));
        let collections = extra
            .collections
            .iter()
            .filter_map(|own| Some((own.smallest_origin()?, own.value())));
        text.into_iter()
            .chain(collections)
            .min_by_key(|(origin, _)| *origin)
            .map_or(Value::Absent, |(_, value)| value)
    }

    /// The string or counter, whether it is hidden or not.
    #[inline]
    fn text<'a>(&'a self, extra: &Extra) -> Value<'a> {
        if !extra.fractions.is_empty()
            && let Some(fraction) = extra.fractions.sum()
        {
            return self.fraction(extra, fraction);
        }
        match (self.register.content(), extra.counter.sum(&self.covered)) {
            (None, None) => Value::Absent,
            (Some(content), None) => Value::Content(content),
            (None, Some(sum)) => Value::Integer(sum),
            (Some(content), Some(sum)) => match content.as_integer() {
                Some(base) => Value::Integer(base.wrapping_add(sum)),
                None => counted_decimal(content, Decimal::from_integer(sum)),
            },
        }
    }

    /// The same where something with a fraction was added.
    #[cold]
    fn fraction<'a>(&'a self, extra: &Extra, fraction: Decimal) -> Value<'a> {
        let counted = extra.counter.sum(&self.covered).unwrap_or(0);
        let sum = fraction.wrapping_add(Decimal::from_integer(counted));
        match self.register.content() {
            None => Value::Fraction(sum),
            Some(content) => counted_decimal(content, sum),
        }
    }

    /// The smallest origin of the string or counter.
    fn text_origin(&self, extra: &Extra) -> Option<OriginId> {
        let written = self
            .register
            .winner()
            .filter(|write| write.content.is_some());
        let increment = extra.counter.smallest_origin(&self.covered);
        written
            .map(|write| write.dot().origin)
            .into_iter()
            .chain(increment)
            .chain(extra.fractions.smallest_origin())
            .min()
    }
}

/// A string to which a sum was added, if it spells a number.
fn counted_decimal(content: &Content, sum: Decimal) -> Value<'_> {
    match Decimal::parse(&content.to_bytes()) {
        Some(base) => Value::Fraction(base.wrapping_add(sum)),
        None => Value::Content(content),
    }
}
