//! The data types of the `crdts` and `yrs` crates, used as their documentation says.

use crdts::{CmRDT, CvRDT, LWWReg, List, MVReg, Map, Orswot, PNCounter};
use yrs::updates::decoder::Decode;
use yrs::{Any, Array, ArrayRef, Doc, Out, ReadTxn, StateVector, Transact, Update};

use crate::subject::{Ask, Subject, nth};

type Actor = u16;
/// What strings hold: as long as ours.
type Text = Box<[u8]>;

fn text() -> Text {
    (*b"12345678").into()
}

fn merge_all<T: CvRDT + Default>(own: &mut Vec<T>, theirs: Vec<T>) {
    for (number, register) in (0..).zip(theirs) {
        nth(own, number).merge(register);
    }
}

/// Takes effects in, and uses all of them up.
fn apply_all<T: CmRDT>(own: &mut T, effects: Vec<T::Op>) -> Vec<T::Op> {
    for effect in effects {
        own.apply(effect);
    }
    Vec::new()
}

/// The same with effects on numbered registers.
fn apply_by_number<T: CmRDT + Default>(
    all: &mut Vec<T>,
    effects: Vec<(u64, T::Op)>,
) -> Vec<(u64, T::Op)> {
    for (number, op) in effects {
        nth(all, number).apply(op);
    }
    Vec::new()
}

/// Registers that know time alone, and forget the loser whoever had seen whom.
pub(crate) struct LwwReg;

type Stamped = LWWReg<(u64, u32), (u64, Actor)>;

impl Subject for LwwReg {
    type State = (Vec<Stamped>, u64);
    type Request = (Ask, u64);
    type Effect = (u64, Stamped);
    const IS_COLLECTION: bool = false;

    fn empty() -> Self::State {
        (Vec::new(), 0)
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        (all, at): &mut Self::State,
        actor: Actor,
        &(_, number): &Self::Request,
    ) -> Option<Self::Effect> {
        *at += 1;
        let (val, marker) = ((number, 8), (*at, actor));
        let register = nth(all, number);
        register.update(val, marker);
        Some((number, register.clone()))
    }

    fn read((all, _): &mut Self::State, &(_, number): &Self::Request) -> usize {
        nth(all, number).val.0 as usize
    }

    fn apply((all, _): &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_by_number(all, effects)
    }

    fn merge((all, _): &mut Self::State, other: Self::State) -> Option<Self::State> {
        merge_all(all, other.0);
        None
    }
}

/// Registers that know causes and keep all concurrent values: what ours do before time decides which shows.
pub(crate) struct MvReg;

impl Subject for MvReg {
    type State = Vec<MVReg<(u64, u32), Actor>>;
    type Request = (Ask, u64);
    type Effect = (u64, crdts::mvreg::Op<(u64, u32), Actor>);
    const IS_COLLECTION: bool = false;

    fn empty() -> Self::State {
        Vec::new()
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        state: &mut Self::State,
        actor: Actor,
        &(_, number): &Self::Request,
    ) -> Option<Self::Effect> {
        let register = nth(state, number);
        let context = register.read_ctx().derive_add_ctx(actor);
        let op = register.write((number, 8), context);
        register.apply(op.clone());
        Some((number, op))
    }

    fn read(state: &mut Self::State, &(_, number): &Self::Request) -> usize {
        nth(state, number).read().val.len()
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_by_number(state, effects)
    }

    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State> {
        merge_all(state, other);
        None
    }
}

pub(crate) struct PnCounter;

impl Subject for PnCounter {
    type State = Vec<PNCounter<Actor>>;
    type Request = (Ask, u64);
    type Effect = (u64, crdts::pncounter::Op<Actor>);
    const IS_COLLECTION: bool = false;

    fn empty() -> Self::State {
        Vec::new()
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        state: &mut Self::State,
        actor: Actor,
        &(_, number): &Self::Request,
    ) -> Option<Self::Effect> {
        let counter = nth(state, number);
        let op = counter.inc(actor);
        counter.apply(op.clone());
        Some((number, op))
    }

    fn read(state: &mut Self::State, &(_, number): &Self::Request) -> usize {
        nth(state, number).read().bits() as usize
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_by_number(state, effects)
    }

    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State> {
        merge_all(state, other);
        None
    }
}

pub(crate) struct OrswotSet;

impl Subject for OrswotSet {
    type State = Orswot<u64, Actor>;
    type Request = (Ask, u64);
    type Effect = crdts::orswot::Op<u64, Actor>;

    fn empty() -> Self::State {
        Orswot::new()
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        state: &mut Self::State,
        actor: Actor,
        &(ask, number): &Self::Request,
    ) -> Option<Self::Effect> {
        if ask == Ask::Erase {
            let op = state.rm(number, state.contains(&number).derive_rm_ctx());
            state.apply(op.clone());
            return Some(op);
        }
        let op = state.add(number, state.read_ctx().derive_add_ctx(actor));
        state.apply(op.clone());
        Some(op)
    }

    fn read(state: &mut Self::State, &(_, number): &Self::Request) -> usize {
        usize::from(state.contains(&number).val)
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_all(state, effects)
    }

    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State> {
        CvRDT::merge(state, other);
        None
    }
}

/// A map of registers that keep all concurrent values; of those that know time alone it has none.
pub(crate) struct MapOfMvReg;

impl Subject for MapOfMvReg {
    type State = Map<Text, MVReg<Text, Actor>, Actor>;
    type Request = (Ask, Text);
    type Effect = crdts::map::Op<Text, MVReg<Text, Actor>, Actor>;

    fn empty() -> Self::State {
        Map::new()
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number.to_string().into_bytes().into())
    }

    fn change(
        state: &mut Self::State,
        actor: Actor,
        (ask, name): &Self::Request,
    ) -> Option<Self::Effect> {
        if *ask == Ask::Erase {
            let op = state.rm(name.clone(), state.get(name).derive_rm_ctx());
            state.apply(op.clone());
            return Some(op);
        }
        let context = state.read_ctx().derive_add_ctx(actor);
        let op = state.update(name.clone(), context, |register, context| {
            register.write(text(), context)
        });
        state.apply(op.clone());
        Some(op)
    }

    fn read(state: &mut Self::State, (_, name): &Self::Request) -> usize {
        let found = state.get(name).val;
        found.map_or(0, |register| register.read().val.len())
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_all(state, effects)
    }

    fn merge(state: &mut Self::State, other: Self::State) -> Option<Self::State> {
        CvRDT::merge(state, other);
        None
    }
}

pub(crate) struct CrdtsList;

impl Subject for CrdtsList {
    type State = List<Text, Actor>;
    type Request = (Ask, u64);
    type Effect = crdts::list::Op<Text, Actor>;

    fn empty() -> Self::State {
        List::new()
    }

    fn fork(state: &Self::State, _: Actor) -> Self::State {
        state.clone()
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(
        state: &mut Self::State,
        actor: Actor,
        &(ask, _): &Self::Request,
    ) -> Option<Self::Effect> {
        if ask == Ask::Erase {
            let op = state.delete_index(0, actor)?;
            state.apply(op.clone());
            return Some(op);
        }
        let op = state.append(text(), actor);
        state.apply(op.clone());
        Some(op)
    }

    fn read(state: &mut Self::State, &(_, number): &Self::Request) -> usize {
        state.position(number as usize).map_or(0, |text| text.len())
    }

    fn apply(state: &mut Self::State, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        apply_all(state, effects)
    }

    /// It has effects only.
    fn merge(_: &mut Self::State, other: Self::State) -> Option<Self::State> {
        Some(other)
    }
}

/// A document that holds one array.
pub(crate) struct YrsArray;

/// A document with its array.
pub(crate) struct Document {
    doc: Doc,
    array: ArrayRef,
}

impl Document {
    fn of(actor: Actor) -> Self {
        let doc = Doc::with_client_id(u64::from(actor) + 1);
        let array = doc.get_or_insert_array("list");
        Self { doc, array }
    }

    fn take(&mut self, bytes: &[u8]) {
        let update = match Update::decode_v1(bytes) {
            Ok(update) => update,
            Err(error) => panic!("{error}"),
        };
        if let Err(error) = self.doc.transact_mut().apply_update(update) {
            panic!("{error}");
        }
    }
}

impl Subject for YrsArray {
    type State = Document;
    type Request = (Ask, u64);
    /// As it travels: an update that was read cannot be applied twice.
    type Effect = Vec<u8>;

    fn empty() -> Document {
        Document::of(0)
    }

    fn fork(state: &Document, actor: Actor) -> Document {
        let mut fork = Document::of(actor);
        let all = state
            .doc
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        fork.take(&all);
        fork
    }

    fn request(ask: Ask, number: u64) -> Self::Request {
        (ask, number)
    }

    fn change(state: &mut Document, _: Actor, &(ask, _): &Self::Request) -> Option<Self::Effect> {
        if ask == Ask::Erase {
            let mut transaction = state.doc.transact_mut();
            if state.array.len(&transaction) == 0 {
                return None;
            }
            state.array.remove(&mut transaction, 0);
            return Some(transaction.encode_update_v1());
        }
        let mut transaction = state.doc.transact_mut();
        let content = Any::Buffer(text().to_vec().into());
        state.array.push_back(&mut transaction, content);
        Some(transaction.encode_update_v1())
    }

    fn read(state: &mut Document, &(_, number): &Self::Request) -> usize {
        let transaction = state.doc.transact();
        match state.array.get(&transaction, number as u32) {
            Some(Out::Any(Any::Buffer(bytes))) => bytes.len(),
            _ => 0,
        }
    }

    fn apply(state: &mut Document, effects: Vec<Self::Effect>) -> Vec<Self::Effect> {
        for effect in effects {
            state.take(&effect);
        }
        Vec::new()
    }

    fn merge(state: &mut Document, other: Document) -> Option<Document> {
        let known = state.doc.transact().state_vector();
        let news = other.doc.transact().encode_diff_v1(&known);
        state.take(&news);
        Some(other)
    }
}
