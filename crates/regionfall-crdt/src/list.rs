//! The list: a sequence from which each removal takes what it had observed.
//!
//! Concurrent insertions at the same place are all kept, in an order that is the same everywhere; DEL removes observed
//! elements, and a concurrent push survives; two replicas that pop before they synchronize can answer the same element,
//! which is gone once (Redis Active-Active documentation, data types: lists). Left open, and settled as for other
//! collections: LREM and LTRIM remove the elements that they had observed; of concurrent LSETs of one element the last
//! write wins, and an LSET wins over a removal that had not observed it.

use crate::cells::Cells;
use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::position::{Position, Tips};
use crate::{Change, Content, Dot, Effect, EffectKind, OriginId, Value};

/// What an effect changes in a list.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ListChange {
    /// These elements come in, side by side.
    Insert {
        /// Where the first of them stands.
        first: Position,
        /// The elements, in order.
        contents: Vec<Content>,
    },
    /// An element is replaced.
    Set {
        /// Where it stands.
        position: Position,
        /// What replaces it.
        content: Content,
    },
    /// The elements at these positions go, as far as observed.
    Remove {
        /// Where they stand.
        positions: Vec<Position>,
    },
}

impl ListChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Insert { .. } => "LINSERT",
            Self::Set { .. } => "LSET",
            Self::Remove { .. } => "LREM",
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        use crate::cells::CellKey;
        match self {
            Self::Insert { first, contents } => {
                first.bytes()
                    + contents
                        .iter()
                        .map(|content| 4 + content.len())
                        .sum::<usize>()
            }
            Self::Set { position, content } => position.bytes() + 4 + content.len(),
            Self::Remove { positions } => positions.iter().map(CellKey::bytes).sum(),
        }
    }
}

/// The elements of a list.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct List {
    elements: Cells<Position, Content>,
    /// For those who insert next. Forgotten with a list that is gone, at any time.
    tips: Tips,
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.elements == other.elements
    }
}

/// What is read where there is no list.
static NOTHING: List = List {
    elements: Cells::new(),
    tips: Tips::new(),
};

impl Merge for List {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::List(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        match &**change {
            Change::List(ListChange::Insert { first, contents }) => {
                for (place, content) in contents.iter().enumerate() {
                    let position = first.plus(place);
                    self.elements
                        .write(&position, content.clone(), effect, covered);
                }
                self.tips.note(effect.dot, first, contents.len());
            }
            Change::List(ListChange::Set { position, content }) => {
                self.elements
                    .write(position, content.clone(), effect, covered);
            }
            Change::List(ListChange::Remove { positions }) => {
                for position in positions {
                    self.elements.remove(position, effect);
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.elements.reset(covered);
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        self.elements
            .merge_news(&other.elements, counterpart, covered);
        self.tips.merge(&other.tips, counterpart);
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.elements.smallest_origin()
    }

    fn value(&self) -> Value<'_> {
        if self.elements.is_empty() {
            Value::Absent
        } else {
            Value::List(ListView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        self.elements.has_tombstones() || (self.elements.is_empty() && !self.tips.is_empty())
    }

    fn collect(&mut self, stable: &Clock) {
        self.elements.collect(stable);
        if self.elements.is_empty() {
            self.tips.collect(stable);
        }
    }

    fn bytes(&self) -> usize {
        self.elements.bytes()
    }

    fn recount(&mut self) {
        self.elements.recount();
    }
}

/// The elements of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListView<'a>(&'a List);

impl<'a> ListView<'a> {
    pub(crate) const EMPTY: ListView<'static> = ListView(&NOTHING);

    /// How many.
    pub fn len(self) -> usize {
        self.0.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.elements.is_empty()
    }

    /// All of them, in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a Content> + Clone {
        let all = self.0.elements.iter();
        all.filter_map(|(_, cell)| cell.value())
    }

    /// All of them with where they stand, in order.
    pub(crate) fn places(self) -> impl DoubleEndedIterator<Item = (&'a Position, &'a Content)> {
        let all = self.0.elements.iter();
        all.filter_map(|(position, cell)| Some((position, cell.value()?)))
    }

    /// The element at a place, with where it stands.
    pub(crate) fn at(self, place: usize) -> Option<(&'a Position, &'a Content)> {
        let (position, cell) = self.0.elements.home().at(place)?;
        Some((position, cell.value()?))
    }

    /// The first element or the last, with where it stands.
    pub(crate) fn end(self, is_first: bool) -> Option<(&'a Position, &'a Content)> {
        let place = if is_first {
            0
        } else {
            self.len().checked_sub(1)?
        };
        self.at(place)
    }

    /// Where `count` elements go between two neighbours; `dot` names the insertion.
    pub(crate) fn between(
        self,
        left: Option<&Position>,
        right: Option<&Position>,
        count: usize,
        dot: Dot,
    ) -> Position {
        self.0.tips.between(left, right, count, dot)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        Applied, Call, Clock, Command, CommandKind, Effect, KeyId, OriginId, Replica, Reply,
        Timestamp,
    };

    const MEMBERS: usize = 3;

    /// What a member does: a command on the list, taking in some effects of a peer or all that it holds. Or all take in everything,
    /// if they settle, and collect.
    #[derive(Clone, Debug)]
    enum Step {
        Execute(usize, Command),
        Deliver(usize, usize, usize),
        Merge(usize, usize),
        Collect { settles: bool },
    }

    fn call(kind: CommandKind, words: &[&str]) -> Command {
        let arguments = std::iter::once(&"k").chain(words);
        let arguments = arguments.map(|word| word.as_bytes().into()).collect();
        Command::Call(Box::new(Call::on_keys(kind, vec![KeyId(0)], arguments)))
    }

    fn commands() -> impl Strategy<Value = Command> {
        let place =
            (0_u8..40).prop_map(|place| call(CommandKind::LSet, &[&place.to_string(), "g"]));
        let few = (2_u8..9).prop_map(|few| call(CommandKind::LTrim, &["1", &format!("-{few}")]));
        prop_oneof![
            6 => Just(call(CommandKind::RPush, &["a", "b", "c"])),
            3 => Just(call(CommandKind::LPush, &["d", "e"])),
            3 => Just(call(CommandKind::LInsert, &["BEFORE", "b", "f"])),
            3 => Just(call(CommandKind::LPop, &[])),
            3 => Just(call(CommandKind::RPop, &[])),
            2 => Just(call(CommandKind::LRem, &["1", "b"])),
            3 => place,
            1 => few,
            1 => Just(call(CommandKind::LTrim, &["1", "0"])),
            1 => Just(Command::Del { key: KeyId(0) }),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let member = 0..MEMBERS;
        let step = prop_oneof![
            10 => (member.clone(), commands()).prop_map(|(own, command)| Step::Execute(own, command)),
            5 => (member.clone(), member.clone(), 1_usize..6)
                .prop_map(|(from, to, count)| Step::Deliver(from, to, count)),
            4 => (member.clone(), member).prop_map(|(from, to)| Step::Merge(from, to)),
            1 => any::<bool>().prop_map(|settles| Step::Collect { settles }),
        ];
        proptest::collection::vec(step, 0..150)
    }

    /// The effects of each origin that `replica` lacks, up to those that `other` covers.
    fn missing<'a>(
        sent: &'a [Vec<Effect>],
        replica: &Replica,
        other: &Replica,
    ) -> impl Iterator<Item = &'a Effect> {
        let bounds = [replica, other].map(|own| {
            let known = |origin| own.clock().get(OriginId(origin as u16)) as usize;
            (0..MEMBERS).map(known).collect::<Vec<_>>()
        });
        let all = sent.iter().enumerate();
        all.flat_map(move |(origin, sent)| {
            let [first, last] = [&bounds[0], &bounds[1]].map(|bound| bound[origin]);
            sent.get(first..last).unwrap_or(&[])
        })
    }

    /// A clock that everything still to come to a member had observed.
    fn stable(members: &[Replica], sent: &[Vec<Effect>], own: &Replica) -> Clock {
        let mut stable = own.clock().clone();
        for other in members {
            stable.meet(other.clock());
        }
        let all = sent.iter().flatten();
        let to_come = all.filter(|effect| !own.clock().covers(effect.dot));
        to_come.for_each(|effect| stable.meet(&effect.context));
        stable
    }

    /// Member 2 took in the removal, which came from member 3, before what it took, and never held that: its chunk has to know of the
    /// removal all the same, for the sake of member 1.
    #[test]
    fn a_merge_brings_a_removal_that_overtook_what_it_took() {
        let mut members = vec![Replica::new(); MEMBERS];
        let push = |own: &mut Replica, word| {
            let command = call(CommandKind::RPush, &[word]);
            let effects = own.execute(&command, Timestamp(1), OriginId(0)).effects;
            effects.into_first().unwrap()
        };
        let first = push(&mut members[0], "a");
        let second = push(&mut members[0], "b");
        assert_eq!(members[1].apply(&first), Applied::New);
        for effect in [&first, &second] {
            assert_eq!(members[2].apply(effect), Applied::New);
        }
        let pop = call(CommandKind::RPop, &[]);
        let removal = members[2].execute(&pop, Timestamp(2), OriginId(2)).effects;
        for effect in removal.iter().chain([&second]) {
            assert_eq!(members[1].apply(effect), Applied::New);
        }
        let other = members[1].clone();
        members[0].merge(&other);
        assert_eq!(members[0].digest(), other.digest());
        let get = call(CommandKind::LRange, &["0", "-1"]);
        for mut own in members {
            let reply = own.execute(&get, Timestamp(3), OriginId(9)).reply;
            assert_eq!(reply, Reply::Array(vec![Reply::Content("a".into())]));
        }
    }

    proptest! {
        /// Stretches that both sides know alike are left out of a merge; what comes out is what effects one by one lead to.
        #[test]
        fn a_merge_leaves_nothing_out_that_is_new(steps in steps()) {
            let mut members = vec![Replica::new(); MEMBERS];
            let mut sent = vec![Vec::new(); MEMBERS];
            let get = call(CommandKind::LRange, &["0", "-1"]);
            for (step, at) in steps.into_iter().zip(1..) {
                match step {
                    Step::Execute(own, command) => {
                        let executed = members[own].execute(&command, Timestamp(at), OriginId(own as u16));
                        sent[own].extend(executed.effects);
                    }
                    Step::Deliver(from, to, count) => {
                        let known = members[to].clock().get(OriginId(from as u16)) as usize;
                        for effect in sent[from].iter().skip(known).take(count) {
                            prop_assert_eq!(members[to].apply(effect), Applied::New);
                        }
                    }
                    Step::Merge(from, to) => {
                        let other = members[from].clone();
                        let mut by_effects = members[to].clone();
                        for effect in missing(&sent, &members[to], &other) {
                            prop_assert_eq!(by_effects.apply(effect), Applied::New);
                        }
                        members[to].merge(&other);
                        prop_assert_eq!(members[to].digest(), by_effects.digest());
                        prop_assert_eq!(members[to].clock(), by_effects.clock());
                        let read = |mut own: Replica| own.execute(&get, Timestamp(at), OriginId(9)).reply;
                        prop_assert_eq!(read(members[to].clone()), read(by_effects));
                    }
                    Step::Collect { settles } => {
                        for (from, sent) in sent.iter().enumerate().filter(|_| settles) {
                            for own in &mut members {
                                let known = own.clock().get(OriginId(from as u16)) as usize;
                                for effect in &sent[known..] {
                                    prop_assert_eq!(own.apply(effect), Applied::New);
                                }
                            }
                        }
                        for own in 0..MEMBERS {
                            let stable = stable(&members, &sent, &members[own]);
                            members[own].collect(&stable);
                        }
                    }
                }
            }
        }
    }
}
