//! Commands on counters: all are additions.

use super::Plan;
use crate::{EffectKind, ErrorKind, Reply, Value};

/// The numbers that fit in 59 bits with their sign (Redis Active-Active documentation, data types:
/// strings): as many members as there can be may each add as much before 64 bits overflow.
pub(crate) const RANGE: std::ops::RangeInclusive<i64> = -(1 << 58)..=(1 << 58) - 1;

/// A counter's value once `amount` is added, unless that leaves the range.
#[inline]
pub(crate) fn increased(number: i64, amount: i64) -> Option<i64> {
    let sum = number.checked_add(amount)?;
    (RANGE.contains(&number) && RANGE.contains(&sum)).then_some(sum)
}

/// Adds `amount`, `None` being a number that no 64 bits hold.
///
/// A string that spells a number is a counter from then on: since version 5.4.2 strings are typed
/// implicitly, as in single-node Redis. The limit is checked against what this replica sees, so that
/// merged values may leave the range (no lower bound across replicas is documented either).
pub(super) fn add(value: Value<'_>, amount: Option<i64>) -> Plan {
    let current = match value {
        Value::Absent => Some(0),
        Value::Integer(number) => Some(number),
        Value::Fraction(number) => number.to_integer(),
        Value::Content(content) => content.as_integer(),
        _ => return Plan::refusal(ErrorKind::WrongType),
    };
    let Some(current) = current.filter(|number| RANGE.contains(number)) else {
        return Plan::refusal(ErrorKind::NotAnInteger);
    };
    let sum = amount.and_then(|amount| Some((amount, current.checked_add(amount)?)));
    match sum {
        Some((amount, sum)) if RANGE.contains(&sum) => {
            Plan::change(Reply::Integer(sum), EffectKind::Delta { amount })
        }
        _ => Plan::refusal(ErrorKind::CounterOverflow),
    }
}
