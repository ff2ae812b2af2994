//! Commands that change sorted sets, and those that look at single members.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Call;
use super::call::{count_after_key, count_at_end, float, integer, is_word};
use super::sets::limit_option;
use crate::run::Run;
use crate::score::{compare_scores, show_score};
use crate::{
    Change, CommandKind, Element, ErrorKind, KeyId, Reply, SortedSetChange, SortedSetView, Value,
};

/// Members with their scores.
pub(super) type Scored = Vec<(Element, f64)>;

/// The sorted set under a key, an empty one if there is nothing.
pub(super) fn read<'a>(run: &'a Run<'_>, key: KeyId) -> Result<SortedSetView<'a>, ErrorKind> {
    match run.value(key) {
        Value::Absent => Ok(SortedSetView::EMPTY),
        Value::SortedSet(set) => Ok(set),
        _ => Err(ErrorKind::WrongType),
    }
}

/// The members under a key by rank.
pub(super) fn ranked(run: &Run<'_>, key: KeyId) -> Result<Scored, ErrorKind> {
    let all = read(run, key)?.ranked();
    Ok(all.map(owned).collect())
}

pub(super) fn owned((member, score): (&Element, f64)) -> (Element, f64) {
    (member.clone(), score)
}

fn change(run: &mut Run<'_>, key: KeyId, change: SortedSetChange) {
    run.change(key, Change::SortedSet(change));
}

/// Removes members that are there.
pub(super) fn remove_members(run: &mut Run<'_>, key: KeyId, members: Vec<Element>) -> usize {
    let removed = members.len();
    if removed > 0 {
        change(run, key, SortedSetChange::Remove { members });
    }
    removed
}

/// Writes scores, of which there must be some.
pub(super) fn set_scores(run: &mut Run<'_>, key: KeyId, members: Scored) {
    if !members.is_empty() {
        change(run, key, SortedSetChange::Set { members });
    }
}

/// Replaces what a key holds by members: a deletion and an addition.
pub(super) fn store(run: &mut Run<'_>, key: KeyId, members: Scored) -> Reply {
    run.delete(key);
    let reply = Reply::count(members.len());
    set_scores(run, key, members);
    reply
}

/// A member with its score, or only itself.
pub(super) fn replies(members: Scored, with_scores: bool) -> Vec<Reply> {
    let mut all = Vec::new();
    for (member, score) in members {
        all.push(Reply::Element(member));
        if with_scores {
            all.push(Reply::bulk(show_score(score)));
        }
    }
    all
}

/// Which members ZADD may touch.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Only {
    #[default]
    Any,
    New,
    Old,
}

/// What lets ZADD add or update.
#[derive(Clone, Copy, Default)]
pub(super) struct Conditions {
    pub(super) only: Only,
    /// How the new score must compare with the old one, if there is one.
    pub(super) order: Option<Ordering>,
}

impl Conditions {
    /// Takes NX or XX in, which exclude each other.
    pub(super) fn limit(&mut self, only: Only) -> Result<(), ErrorKind> {
        if self.only != Only::Any && self.only != only {
            return Err(ErrorKind::Other(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        self.only = only;
        Ok(())
    }

    /// Takes GT or LT in, which exclude each other.
    fn compare(&mut self, order: Ordering) -> Result<(), ErrorKind> {
        if self.order.is_some_and(|own| own != order) {
            return Err(INCOMPATIBLE);
        }
        self.order = Some(order);
        Ok(())
    }

    fn pass(self, old: Option<f64>, new: f64) -> bool {
        match old {
            None => self.only != Only::Old,
            Some(old) => {
                self.only != Only::New
                    && self
                        .order
                        .is_none_or(|order| compare_scores(new, old) == order)
            }
        }
    }
}

const INCOMPATIBLE: ErrorKind =
    ErrorKind::Other("ERR GT, LT, and/or NX options at the same time are not compatible");

/// ZADD.
pub(super) fn add(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (mut conditions, mut counts_changed, mut increments) =
        (Conditions::default(), false, false);
    let mut place = 1;
    while let Ok(word) = call.bytes_at(place) {
        match word {
            word if is_word(word, "NX") => conditions.limit(Only::New)?,
            word if is_word(word, "XX") => conditions.limit(Only::Old)?,
            word if is_word(word, "GT") => conditions.compare(Ordering::Greater)?,
            word if is_word(word, "LT") => conditions.compare(Ordering::Less)?,
            word if is_word(word, "CH") => counts_changed = true,
            word if is_word(word, "INCR") => increments = true,
            _ => break,
        }
        place += 1;
    }
    let arguments = call.from(place);
    if arguments.is_empty() || !arguments.len().is_multiple_of(2) {
        return Err(ErrorKind::Syntax);
    }
    if conditions.only == Only::New && conditions.order.is_some() {
        return Err(INCOMPATIBLE);
    }
    let pairs = arguments
        .chunks_exact(2)
        .map(|pair| Ok((Element::from(&*pair[1]), float(&pair[0])?)))
        .collect::<Result<Scored, ErrorKind>>()?;
    if increments {
        let [(member, amount)] = &pairs[..] else {
            return Err(ErrorKind::Other(
                "ERR INCR option supports a single increment-element pair",
            ));
        };
        return increment_if(run, call.key(), member.clone(), *amount, conditions);
    }
    add_pairs(run, call.key(), pairs, conditions, counts_changed)
}

/// Writes scores where conditions let it. A score that is written again as it was is a write all the same: it must win over a
/// concurrent removal, and over a concurrent other score if it is later.
pub(super) fn add_pairs(
    run: &mut Run<'_>,
    key: KeyId,
    pairs: Scored,
    conditions: Conditions,
    counts_changed: bool,
) -> Result<Reply, ErrorKind> {
    let set = read(run, key)?;
    let (mut added, mut updated) = (0, 0);
    let mut members: BTreeMap<Element, f64> = BTreeMap::new();
    for (member, score) in pairs {
        let old = members.get(&member).copied().or_else(|| set.score(&member));
        if !conditions.pass(old, score) {
            continue;
        }
        match old {
            None => added += 1,
            Some(old) if compare_scores(old, score).is_ne() => updated += 1,
            Some(_) => {}
        }
        members.insert(member, score);
    }
    set_scores(run, key, members.into_iter().collect());
    Ok(Reply::count(if counts_changed {
        added + updated
    } else {
        added
    }))
}

fn increment_if(
    run: &mut Run<'_>,
    key: KeyId,
    member: Element,
    amount: f64,
    conditions: Conditions,
) -> Result<Reply, ErrorKind> {
    let old = read(run, key)?.score(&member);
    let sum = old.unwrap_or(0.0) + amount;
    if sum.is_nan() {
        return Err(ErrorKind::Other(
            "ERR resulting score is not a number (NaN)",
        ));
    }
    if !conditions.pass(old, sum) {
        return Ok(Reply::Nil);
    }
    change(run, key, SortedSetChange::Increment { member, amount });
    Ok(Reply::bulk(show_score(sum)))
}

/// ZINCRBY.
pub(super) fn increment(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let amount = float(call.bytes_at(1)?)?;
    let member = call.bytes_at(2)?.into();
    increment_if(run, call.key(), member, amount, Conditions::default())
}

/// ZREM. Members that are not seen here are not mentioned.
pub(super) fn remove(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let set = read(run, call.key())?;
    let mut members: Vec<Element> = call.from(1).iter().map(|name| (&**name).into()).collect();
    members.retain(|member| set.score(member).is_some());
    members.sort_unstable();
    members.dedup();
    Ok(Reply::count(remove_members(run, call.key(), members)))
}

/// ZSCORE and ZMSCORE.
pub(super) fn score(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let set = read(run, call.key())?;
    let score = |name: &[u8]| {
        let score = set.score(&name.into());
        score.map_or(Reply::Nil, |score| Reply::bulk(show_score(score)))
    };
    if call.kind() == CommandKind::ZScore {
        return Ok(score(call.bytes_at(1)?));
    }
    Ok(Reply::Array(
        call.from(1).iter().map(|name| score(name)).collect(),
    ))
}

/// ZCARD.
pub(super) fn length(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(read(run, call.key())?.len()))
}

/// ZRANK and ZREVRANK.
pub(super) fn rank(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let with_score = match call.from(2) {
        [] => false,
        [word] if is_word(word, "WITHSCORE") => true,
        _ => return Err(ErrorKind::Syntax),
    };
    let member = Element::from(call.bytes_at(1)?);
    let set = read(run, call.key())?;
    let Some(score) = set.score(&member) else {
        return Ok(Reply::Nil);
    };
    let place = set.ranking().rank(score, &member);
    let is_reverse = call.kind() == CommandKind::ZRevRank;
    let rank = Reply::count(if is_reverse {
        set.len() - 1 - place
    } else {
        place
    });
    Ok(if with_score {
        Reply::Array(vec![rank, Reply::bulk(show_score(score))])
    } else {
        rank
    })
}

/// The members at one end, taken away.
fn pop_from(
    run: &mut Run<'_>,
    key: KeyId,
    lowest: bool,
    number: usize,
) -> Result<Scored, ErrorKind> {
    let set = read(run, key)?;
    let all: Scored = if lowest {
        set.ranking().range(0..number).map(owned).collect()
    } else {
        let first = set.len().saturating_sub(number);
        let last = set.ranking().range(first..set.len());
        last.rev().map(owned).collect()
    };
    let members = all.iter().map(|(member, _)| member.clone()).collect();
    remove_members(run, key, members);
    Ok(all)
}

/// ZPOPMIN and ZPOPMAX.
pub(super) fn pop(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let number = count_after_key(call)?;
    let lowest = call.kind() == CommandKind::ZPopMin;
    let popped = pop_from(run, call.key(), lowest, number.unwrap_or(1))?;
    Ok(Reply::Array(replies(popped, true)))
}

/// ZMPOP.
pub(super) fn pop_first(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let place = 1 + call.keys().len();
    let lowest = call.is_word(place, "MIN");
    if !lowest && !call.is_word(place, "MAX") {
        return Err(ErrorKind::Syntax);
    }
    let number = count_at_end(call, place + 1)?;
    for (index, &key) in call.keys().iter().enumerate() {
        let popped = pop_from(run, key, lowest, number)?;
        if !popped.is_empty() {
            let pairs = popped
                .into_iter()
                .map(|pair| Reply::Array(replies(vec![pair], true)));
            let name = Reply::bulk(call.bytes_at(1 + index)?);
            return Ok(Reply::Array(vec![name, Reply::Array(pairs.collect())]));
        }
    }
    Ok(Reply::Nil)
}

/// ZRANDMEMBER.
pub(super) fn random(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let all: Scored = ranked(run, call.key())?;
    let Some(number) = call.from(1).first() else {
        let chosen = run.choose(all.len(), 1);
        let member = chosen.first().map(|&place| all[place].0.clone());
        return Ok(member.map_or(Reply::Nil, Reply::Element));
    };
    let with_scores = match call.from(2) {
        [] => false,
        [word] if is_word(word, "WITHSCORES") => true,
        _ => return Err(ErrorKind::Syntax),
    };
    let chosen = run.choose(all.len(), integer(number)?);
    let chosen = chosen.into_iter().map(|place| all[place].clone()).collect();
    Ok(Reply::Array(replies(chosen, with_scores)))
}

/// ZSCAN: everything at once, as the server does for small sets.
pub(super) fn scan(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let all = replies(ranked(run, call.key())?, true);
    Ok(Reply::Array(vec![Reply::bulk("0"), Reply::Array(all)]))
}

/// A source of the algebra: a sorted set, or a set whose scores are all 1.
fn source(run: &Run<'_>, key: KeyId) -> Result<Scored, ErrorKind> {
    match run.value(key) {
        Value::Set(set) => Ok(set.iter().map(|element| (element.clone(), 1.0)).collect()),
        _ => ranked(run, key),
    }
}

/// The members and scores that the ZUNION, ZINTER and ZDIFF families make, and whether WITHSCORES was among the options.
fn combine(
    run: &Run<'_>,
    call: &Call,
    keys: &[KeyId],
    place: usize,
) -> Result<(Scored, bool), ErrorKind> {
    let mut weights = vec![1.0; keys.len()];
    let mut aggregate: fn(f64, f64) -> f64 = |a, b| {
        let sum = a + b;
        if sum.is_nan() { 0.0 } else { sum }
    };
    let (mut place, mut with_scores) = (place, false);
    while let Ok(word) = call.bytes_at(place) {
        if is_word(word, "WEIGHTS") {
            for (weight, argument) in weights.iter_mut().zip(call.from(place + 1)) {
                *weight = float(argument)
                    .map_err(|_| ErrorKind::Other("ERR weight value is not a float"))?;
            }
            place += keys.len();
        } else if is_word(word, "AGGREGATE") {
            place += 1;
            aggregate = match call.bytes_at(place)? {
                word if is_word(word, "SUM") => aggregate,
                word if is_word(word, "MIN") => f64::min,
                word if is_word(word, "MAX") => f64::max,
                _ => return Err(ErrorKind::Syntax),
            };
        } else if is_word(word, "WITHSCORES") {
            with_scores = true;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    let mut result: BTreeMap<Element, (f64, usize)> = BTreeMap::new();
    for (index, (&key, weight)) in keys.iter().zip(weights).enumerate() {
        for (member, score) in source(run, key)? {
            let weighted = score * weight;
            let weighted = if weighted.is_nan() { 0.0 } else { weighted };
            if let Some((sum, sources)) = result.get_mut(&member) {
                (*sum, *sources) = (aggregate(*sum, weighted), *sources + 1);
            } else {
                // What only later sources hold is in no difference and in no intersection.
                let sources = if index == 0 { 1 } else { usize::MAX / 2 };
                result.insert(member, (weighted, sources));
            }
        }
    }
    let is_kept = |sources: usize| match call.kind() {
        CommandKind::ZUnion | CommandKind::ZUnionStore => true,
        CommandKind::ZDiff | CommandKind::ZDiffStore => sources == 1,
        _ => sources == keys.len(),
    };
    let mut kept: Scored = result
        .into_iter()
        .filter(|&(_, (_, sources))| is_kept(sources))
        .map(|(member, (score, _))| (member, score))
        .collect();
    kept.sort_by(|a, b| compare_scores(a.1, b.1));
    Ok((kept, with_scores))
}

/// ZUNION, ZINTER and ZDIFF.
pub(super) fn algebra(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (members, with_scores) = combine(run, call, call.keys(), 1 + call.keys().len())?;
    Ok(Reply::Array(replies(members, with_scores)))
}

/// ZUNIONSTORE, ZINTERSTORE and ZDIFFSTORE.
pub(super) fn store_algebra(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (target, sources) = (call.keys()[0], &call.keys()[1..]);
    let (members, _) = combine(run, call, sources, 1 + call.keys().len())?;
    Ok(store(run, target, members))
}

/// ZINTERCARD.
pub(super) fn intersection_size(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let end = 1 + call.keys().len();
    let limit = limit_option(call, end)?;
    // Without the options, which are not those of the algebra.
    let (members, _) = combine(run, call, call.keys(), usize::MAX)?;
    Ok(Reply::count(members.len().min(limit)))
}
