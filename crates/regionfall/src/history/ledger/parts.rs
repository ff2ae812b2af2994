//! Which writes met on keys of any type: part by part, in the manner in which their effects touch each part.
//!
//! The mechanism is one for all types: an effect says which parts of its key it touches and how
//! ([`Effect::for_each_touch`]), and [`meeting`] says what comes of two touches neither of which had seen the other. What
//! *seen* means is told in [`conflicts`](super::conflicts), which does the same for strings, counters and sets alone, and
//! faster: it may count on one part for each effect.
//!
//! Where one of two stands for the whole part (a race), the other is overwritten, unless a third that had seen only one of
//! the two replaced that one: then either the loser was let go knowingly, or the winner is out of the race and the third runs
//! in its place. Where an operation takes away what it had not seen (a deletion that wins), nothing helps the loser but
//! having been replaced before.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use regionfall_crdt::{Clock, DataType, Dot, Effect, Manner, Part};

use super::Ledger;
use super::keys::Slab;
use super::rows::flag;

/// A touch of a part that is not everywhere yet.
#[derive(Clone, Debug)]
struct Record {
    operation: u32,
    touch: Touch,
    executed: u64,
    /// Whether somebody who had seen it replaced it.
    is_replaced: bool,
}

/// One part, touched once.
#[derive(Clone, Debug)]
struct Touch {
    dot: Dot,
    stamp: u64,
    part: Part,
    manner: Manner,
    /// Whether the touch takes away, whatever its manner: the DEL of a string is written as one of its values.
    is_removal: bool,
    /// What its author had applied, where it may contain objects that others are at work in.
    context: Option<Box<Clock>>,
}

/// A touch that another one beats.
#[derive(Clone, Copy, Debug)]
struct Dispute {
    loser: u32,
    loser_dot: Dot,
    winner_dot: Dot,
    part: Part,
    key: u32,
    by_fault: bool,
    resurrects: bool,
    strength: Strength,
    is_open: bool,
}

/// For how long a winner wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Strength {
    /// As long as nobody replaces it.
    Race,
    /// Once and for all.
    ForGood,
}

#[derive(Clone, Default, Debug)]
struct Key {
    records: BTreeMap<Part, Vec<Record>>,
    /// Open disputes.
    disputes: Vec<u32>,
}

/// All keys that are kept part by part, by their place.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    keys: BTreeMap<u32, Key>,
    disputes: Slab<Dispute>,
    /// Records in the order in which they came, so that those that are everywhere leave.
    queue: VecDeque<(Dot, u32, Part)>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            disputes: Slab::new(),
            queue: VecDeque::new(),
        }
    }
}

/// What comes of two touches that had not seen each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meeting {
    /// Both keep their whole effect.
    Commute,
    /// What is added stays although the other removes: it had not seen it.
    Outlives,
    /// The first stands for both, as long as it is not replaced.
    FirstWins,
    /// The second does.
    SecondWins,
    /// The first takes the second away for good.
    FirstDestroys,
    /// The second takes the first away for good.
    SecondDestroys,
}

impl Meeting {
    fn turned(self) -> Self {
        match self {
            Self::FirstWins => Self::SecondWins,
            Self::SecondWins => Self::FirstWins,
            Self::FirstDestroys => Self::SecondDestroys,
            Self::SecondDestroys => Self::FirstDestroys,
            other => other,
        }
    }
}

/// What comes of two touches that overlap and had not seen each other. Sources: the files of the data types.
fn meeting(first: &Touch, second: &Touch) -> Meeting {
    use Manner::{Assign, AssignByOrigin, Contribute, Destroy, Expire, ExpireBeside, Remove};
    if let Part::Inside { container, .. } = second.part
        && first.part.contains(second.part)
        && first.part != second.part
    {
        return within(first, container);
    }
    if let Part::Inside { .. } = first.part
        && first.part != second.part
    {
        return meeting(second, first).turned();
    }
    let race = |first_wins: bool| {
        if first_wins {
            Meeting::FirstWins
        } else {
            Meeting::SecondWins
        }
    };
    let origins = |touch: &Touch| Reverse(touch.dot.origin);
    match (first.manner, second.manner) {
        (Expire(one) | ExpireBeside(one), Expire(other) | ExpireBeside(other)) => {
            let first_wins = (one, origins(first)) > (other, origins(second));
            let loser = if first_wins { second } else { first };
            match loser.manner {
                Expire(_) => race(first_wins),
                _ => Meeting::Commute,
            }
        }
        (Destroy | Remove, Destroy | Remove)
        | (Expire(_) | ExpireBeside(_), _)
        | (_, Expire(_) | ExpireBeside(_)) => Meeting::Commute,
        (Destroy, _) => Meeting::FirstDestroys,
        (_, Destroy) => Meeting::SecondDestroys,
        (Remove, _) | (_, Remove) => Meeting::Outlives,
        (Assign, Assign) if first.part == second.part => {
            race((first.stamp, origins(first)) > (second.stamp, origins(second)))
        }
        (Assign | AssignByOrigin, Assign | AssignByOrigin) if first.part == second.part => {
            race(origins(first) > origins(second))
        }
        (Contribute | Assign | AssignByOrigin, Contribute | Assign | AssignByOrigin) => {
            Meeting::Commute
        }
    }
}

/// What comes of a touch of a whole document and one inside of an object or array of it. An object is named by the effect that
/// created it: whoever had seen that effect and replaces or deletes the document takes the object away, and what others do
/// inside of it meanwhile. Of two documents that had not seen each other the one of the smaller origin stands, with its
/// objects (Redis Active-Active documentation, JSON conflict resolution).
fn within(whole: &Touch, container: Dot) -> Meeting {
    let has_seen = whole
        .context
        .as_ref()
        .is_some_and(|context| context.covers(container));
    match whole.manner {
        _ if has_seen && replaces(whole.manner) => Meeting::FirstDestroys,
        Manner::Assign | Manner::AssignByOrigin if whole.dot.origin < container.origin => {
            Meeting::FirstWins
        }
        _ => Meeting::Commute,
    }
}

/// Whether a touch takes the place of what it had observed of its part.
fn replaces(manner: Manner) -> bool {
    manner != Manner::Contribute
}

/// The effect that meets the others of its key.
struct Newcomer<'a> {
    operation: u32,
    node: usize,
    key: u32,
    effect: &'a Effect,
    is_register: bool,
}

impl Ledger {
    /// Lets a new effect meet the others of its key, part by part.
    pub(super) fn meet_parts(
        &mut self,
        operation: u32,
        node: usize,
        effect: &Effect,
        (key, keyspace): (u32, usize),
    ) {
        let data_type = self.shape.keyspaces[keyspace].data_type;
        let new = Newcomer {
            operation,
            node,
            key,
            effect,
            is_register: data_type == DataType::String,
        };
        let mut parts = std::mem::take(&mut self.parts);
        let mut own = Vec::new();
        effect.for_each_touch(|part, manner| {
            let is_removal = matches!(manner, Manner::Remove | Manner::Destroy);
            let is_written = new.is_register && is_removal && part == Part::Whole;
            own.push(Touch {
                dot: effect.dot,
                stamp: effect.at.0,
                part,
                // The DEL of a string is a value among others: the last one stands.
                manner: if is_written { Manner::Assign } else { manner },
                is_removal,
                context: (data_type == DataType::Json && part.is_wide())
                    .then(|| Box::new(effect.context.clone())),
            });
        });
        for touch in &own {
            self.meet_touch(&mut parts, &new, touch);
        }
        if !own.is_empty() {
            let records = &mut parts.keys.entry(key).or_default().records;
            for touch in own {
                parts.queue.push_back((touch.dot, key, touch.part));
                records.entry(touch.part).or_default().push(Record {
                    operation,
                    touch,
                    executed: self.now,
                    is_replaced: false,
                });
            }
        }
        self.parts = parts;
        self.tidy_parts();
    }

    fn meet_touch(&mut self, parts: &mut Parts, new: &Newcomer<'_>, touch: &Touch) {
        let Some(key) = parts.keys.get_mut(&new.key) else {
            return;
        };
        if replaces(touch.manner) {
            let mut closed = Vec::new();
            key.disputes.retain(|&index| {
                let dispute = parts.disputes.at(index);
                let stays = !touch.part.contains(dispute.part) || !self.is_over(new, dispute);
                if !stays {
                    closed.push(index);
                }
                stays
            });
            for index in closed {
                let loser = parts.disputes.at(index).loser;
                parts.disputes.at_mut(index).is_open = false;
                parts.disputes.remove(index);
                self.release(loser);
            }
        }
        let places: Vec<Part> = if touch.part.is_wide() {
            key.records.keys().copied().collect()
        } else {
            vec![touch.part, Part::Whole, Part::Document, Part::Groups]
        };
        let mut opened = Vec::new();
        for part in places.into_iter().filter(|part| part.overlaps(touch.part)) {
            if let Some(records) = key.records.get_mut(&part) {
                for record in records {
                    opened.extend(self.meet_record(new, touch, record));
                }
            }
        }
        for dispute in opened {
            if let Some(row) = self.rows.get_mut(dispute.loser) {
                row.holds += 1;
            }
            key.disputes.push(parts.disputes.insert(dispute));
        }
    }

    /// Whether a newcomer that replaces the part ends a dispute: it had seen one of the two, and not the other.
    fn is_over(&self, new: &Newcomer<'_>, dispute: &Dispute) -> bool {
        let (loser, winner) = (
            self.has_seen(new, dispute.loser_dot),
            self.has_seen(new, dispute.winner_dot),
        );
        (loser && !winner) || (dispute.strength == Strength::Race && winner && !loser)
    }

    fn has_seen(&self, new: &Newcomer<'_>, dot: Dot) -> bool {
        let origin = usize::from(dot.origin.0);
        self.origins.seen(origin, new.node) >= dot.sequence || new.effect.context.covers(dot)
    }

    fn meet_record(
        &mut self,
        new: &Newcomer<'_>,
        touch: &Touch,
        record: &mut Record,
    ) -> Option<Dispute> {
        let old = &record.touch;
        let origin = usize::from(old.dot.origin.0);
        if self.has_seen(new, old.dot) {
            if replaces(touch.manner) && touch.part.contains(old.part) {
                let applied = self.origins.seen(origin, new.node);
                let is_unseen = touch.is_removal
                    && !new.is_register
                    && !old.is_removal
                    && !record.is_replaced
                    && old.dot.sequence > applied;
                record.is_replaced = true;
                if is_unseen && let Some(row) = self.rows.get_mut(record.operation) {
                    row.flags |= flag::REMOVED_UNSEEN;
                }
            }
            return None;
        }
        // An attempt that was repeated, or its own past that was lost with its disk, is no other's write.
        if record.operation == new.operation
            || self
                .origins
                .are_of_one_member(self.origins.node(origin), new.node)
        {
            return None;
        }
        let met = meeting(touch, old);
        let (mut one, mut other) = match met {
            Meeting::Commute => (flag::COMMUTING, flag::COMMUTING),
            _ => (flag::CONFLICT, flag::CONFLICT),
        };
        if met == Meeting::Outlives {
            if touch.is_removal {
                one |= flag::RESURRECTED;
            } else {
                other |= flag::RESURRECTED;
            }
        }
        for (operation, flags) in [(new.operation, one), (record.operation, other)] {
            if let Some(row) = self.rows.get_mut(operation) {
                row.flags |= flags;
            }
        }
        let old_node = self.origins.node(origin);
        let strength = match met {
            Meeting::FirstWins | Meeting::SecondWins => Strength::Race,
            _ => Strength::ForGood,
        };
        // Who is replaced already runs no more, in either place.
        if strength == Strength::Race && record.is_replaced {
            return None;
        }
        match met {
            Meeting::FirstWins | Meeting::FirstDestroys if !record.is_replaced => Some(Dispute {
                loser: record.operation,
                loser_dot: old.dot,
                winner_dot: touch.dot,
                part: old.part,
                key: new.key,
                by_fault: self.was_cut(old_node, new.node, record.executed),
                resurrects: old.is_removal && !touch.is_removal,
                strength,
                is_open: true,
            }),
            Meeting::SecondWins | Meeting::SecondDestroys => Some(Dispute {
                loser: new.operation,
                loser_dot: touch.dot,
                winner_dot: old.dot,
                part: touch.part,
                key: new.key,
                by_fault: self.was_cut(new.node, old_node, record.executed),
                resurrects: touch.is_removal && !old.is_removal,
                strength,
                is_open: true,
            }),
            _ => None,
        }
    }

    /// A dispute lets go of its loser.
    fn release(&mut self, loser: u32) {
        if let Some(row) = self.rows.get_mut(loser) {
            row.holds -= 1;
        }
        // The newcomer's row may be the loser's: it is looked at when its own effects are everywhere.
        self.leave_if_settled(loser);
    }

    /// Lets records leave that every node has, and closes disputes that nothing can change any more, two at a time.
    fn tidy_parts(&mut self) {
        while let Some(&(dot, key, part)) = self.parts.queue.front() {
            if dot.sequence > self.origins.everywhere(usize::from(dot.origin.0)) {
                break;
            }
            self.parts.queue.pop_front();
            self.parts.forget(dot, key, part);
        }
        for _ in 0..2 {
            let Some(index) = self.parts.disputes.turn() else {
                return;
            };
            let dispute = *self.parts.disputes.at(index);
            let is_for_ever = |dot: Dot| self.is_for_ever(dot.origin.0, dot.sequence);
            if dispute.is_open
                && self.durable_from <= self.now
                && is_for_ever(dispute.winner_dot)
                && is_for_ever(dispute.loser_dot)
            {
                self.overwritten_in_part(&dispute);
                self.parts.close(index);
                self.release(dispute.loser);
            }
        }
    }

    fn overwritten_in_part(&mut self, dispute: &Dispute) {
        let loser = (
            dispute.loser,
            dispute.loser_dot.origin.0,
            dispute.loser_dot.sequence,
        );
        self.mark_overwritten(loser, dispute.by_fault, dispute.resurrects);
    }

    /// At the end of the run, whoever lost to one that survived is overwritten.
    pub(super) fn finish_parts(&mut self) {
        for index in self.parts.disputes.places() {
            let dispute = *self.parts.disputes.at(index);
            let is_held = |dot: Dot| self.origins.held(usize::from(dot.origin.0)) >= dot.sequence;
            if dispute.is_open && is_held(dispute.winner_dot) && is_held(dispute.loser_dot) {
                self.overwritten_in_part(&dispute);
            }
        }
    }
}

impl Parts {
    fn forget(&mut self, dot: Dot, key: u32, part: Part) {
        let Some(own) = self.keys.get_mut(&key) else {
            return;
        };
        if let Some(records) = own.records.get_mut(&part) {
            records.retain(|record| record.touch.dot != dot);
            if records.is_empty() {
                own.records.remove(&part);
            }
        }
        if own.records.is_empty() && own.disputes.is_empty() {
            self.keys.remove(&key);
        }
    }

    fn close(&mut self, index: u32) {
        let key = self.disputes.at(index).key;
        if let Some(own) = self.keys.get_mut(&key) {
            own.disputes.retain(|&open| open != index);
        }
        self.disputes.at_mut(index).is_open = false;
        self.disputes.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use regionfall_crdt::OriginId;

    fn touch(origin: u16, stamp: u64, part: Part, manner: Manner) -> Touch {
        Touch {
            dot: Dot::new(OriginId(origin), 1),
            stamp,
            part,
            manner,
            is_removal: matches!(manner, Manner::Remove | Manner::Destroy),
            context: None,
        }
    }

    #[test]
    fn a_meeting_is_the_same_from_both_sides() {
        let cell = Part::Cell(1);
        let manners = [
            Manner::Contribute,
            Manner::Assign,
            Manner::AssignByOrigin,
            Manner::Remove,
            Manner::Destroy,
            Manner::Expire(5),
            Manner::Expire(9),
            Manner::ExpireBeside(7),
        ];
        for one in manners {
            for other in manners {
                for (part, stamp) in [(cell, 3), (Part::Whole, 1)] {
                    let (a, b) = (touch(0, 2, part, one), touch(1, stamp, cell, other));
                    assert_eq!(meeting(&a, &b), meeting(&b, &a).turned(), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn the_later_stands_then_the_smaller_origin_and_in_documents_the_smaller_origin() {
        let part = Part::Cell(1);
        let of = |manner, stamps: (u64, u64)| {
            meeting(
                &touch(0, stamps.0, part, manner),
                &touch(1, stamps.1, part, manner),
            )
        };
        assert_eq!(of(Manner::Assign, (1, 2)), Meeting::SecondWins);
        assert_eq!(of(Manner::Assign, (2, 2)), Meeting::FirstWins);
        assert_eq!(of(Manner::AssignByOrigin, (1, 2)), Meeting::FirstWins);
    }

    #[test]
    fn a_document_that_is_replaced_takes_its_objects_with_it() {
        let container = Dot::new(OriginId(1), 1);
        let inside = Part::Inside {
            container,
            place: 7,
        };
        let update = touch(2, 9, inside, Manner::AssignByOrigin);
        let mut whole = touch(3, 1, Part::Document, Manner::AssignByOrigin);
        assert_eq!(
            meeting(&whole, &update),
            Meeting::Commute,
            "the update's document stands"
        );
        whole.context = Some(Box::new([container].into_iter().collect()));
        assert_eq!(meeting(&whole, &update), Meeting::FirstDestroys);
        assert_eq!(meeting(&update, &whole), Meeting::SecondDestroys);
        whole.context = None;
        whole.dot = Dot::new(OriginId(0), 1);
        assert_eq!(
            meeting(&whole, &update),
            Meeting::FirstWins,
            "the other document stands"
        );
    }
}
