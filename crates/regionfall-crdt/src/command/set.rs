//! Commands on sets.

use super::Plan;
use crate::{EffectKind, Element, Elements, ErrorKind, Reply, SetView, Value};

/// Adds elements. One that is present already gets a new instance all the same, and the effect is
/// sent: the client was told that the element is in the set, and a removal that has not observed this
/// addition must not make that untrue ("add wins"). The sources leave open whether such an addition
/// counts; the price of counting it is an effect where single-node Redis would send none.
pub(super) fn add(value: Value<'_>, elements: &Elements) -> Plan {
    let Some(set) = read(value) else {
        return Plan::refusal(ErrorKind::WrongType);
    };
    let added = elements
        .as_slice()
        .iter()
        .filter(|element| !set.contains(element))
        .count();
    let reply = Reply::count(added);
    if elements.as_slice().is_empty() {
        return Plan::answer(reply);
    }
    Plan::change(
        reply,
        EffectKind::Add {
            elements: elements.clone(),
        },
    )
}

/// Removes elements. Those that this replica does not see are not mentioned in the effect: removing
/// the unseen has no effect anywhere (Redis Active-Active documentation, data types: sets).
pub(super) fn remove(value: Value<'_>, elements: &Elements) -> Plan {
    let Some(set) = read(value) else {
        return Plan::refusal(ErrorKind::WrongType);
    };
    let named = elements.as_slice();
    let present = named.iter().filter(|element| set.contains(element)).count();
    let reply = Reply::count(present);
    if present == 0 {
        return Plan::answer(reply);
    }
    let elements = if present == named.len() {
        elements.clone()
    } else {
        named
            .iter()
            .filter(|element| set.contains(element))
            .cloned()
            .collect()
    };
    Plan::change(reply, EffectKind::Discard { elements })
}

pub(super) fn is_member(value: Value<'_>, element: &Element) -> Plan {
    let Some(set) = read(value) else {
        return Plan::refusal(ErrorKind::WrongType);
    };
    Plan::answer(Reply::count(usize::from(set.contains(element))))
}

pub(super) fn members(value: Value<'_>) -> Plan {
    let Some(set) = read(value) else {
        return Plan::refusal(ErrorKind::WrongType);
    };
    let elements = set.iter().cloned().map(Reply::Element);
    Plan::answer(Reply::Array(elements.collect()))
}

pub(super) fn count(value: Value<'_>) -> Plan {
    let Some(set) = read(value) else {
        return Plan::refusal(ErrorKind::WrongType);
    };
    Plan::answer(Reply::count(set.len()))
}

/// The set, an empty one if there is nothing; `None` if the value is of another type.
fn read(value: Value<'_>) -> Option<SetView<'_>> {
    match value {
        Value::Absent => Some(SetView::EMPTY),
        Value::Set(set) => Some(set),
        _ => None,
    }
}
