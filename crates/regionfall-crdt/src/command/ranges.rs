//! Commands on ranges of sorted sets: by place, by score, by name.

use super::Call;
use super::call::{float, integer, is_word};
use super::sorted_sets::{Scored, owned, read, remove_members, replies, store};
use super::strings::between;
use crate::run::Run;
use crate::score::compare_scores;
use crate::{CommandKind, Element, ErrorKind, KeyId, Reply, SortedSetView};

/// By what a range is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Place,
    Score,
    Name,
}

/// A range with its options.
struct Range<'a> {
    by: By,
    start: &'a [u8],
    end: &'a [u8],
    is_reverse: bool,
    offset: i64,
    limit: i64,
}

impl Range<'_> {
    /// The members within, in the order asked for.
    fn select(&self, set: SortedSetView<'_>) -> Result<Scored, ErrorKind> {
        if self.by == By::Place {
            let length = set.len();
            let places = between(integer(self.start)?, integer(self.end)?, length);
            if self.is_reverse {
                let places = length - places.end..length - places.start;
                return Ok(set.ranking().range(places).rev().map(owned).collect());
            }
            return Ok(set.ranking().range(places).map(owned).collect());
        }
        // The reverse commands name the greater bound first.
        let (low, high) = if self.is_reverse {
            (self.end, self.start)
        } else {
            (self.start, self.end)
        };
        if self.by == By::Score {
            let ((low, low_is_open), (high, high_is_open)) =
                (score_bound(low)?, score_bound(high)?);
            let is_below = |score: f64| {
                let order = compare_scores(score, low);
                order.is_lt() || (order.is_eq() && low_is_open)
            };
            let is_within = |score: f64| {
                let order = compare_scores(score, high);
                order.is_lt() || (order.is_eq() && !high_is_open)
            };
            let ranking = set.ranking();
            let members = ranking.range(ranking.below(is_below)..ranking.below(is_within));
            return Ok(self.cut(members));
        }
        let (low, high) = (name_bound(low)?, name_bound(high)?);
        let members = set.ranked().filter(|(member, _)| {
            let name = member.to_bytes();
            low.is_below(&name) && high.is_above(&name)
        });
        Ok(self.cut(members))
    }

    /// Those that the limit lets through, in the order asked for.
    fn cut<'a>(&self, members: impl DoubleEndedIterator<Item = (&'a Element, f64)>) -> Scored {
        let Ok(offset) = usize::try_from(self.offset) else {
            return Vec::new();
        };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if self.is_reverse {
            return members.rev().skip(offset).take(limit).map(owned).collect();
        }
        members.skip(offset).take(limit).map(owned).collect()
    }
}

/// A bound of scores, and whether it is itself outside.
fn score_bound(argument: &[u8]) -> Result<(f64, bool), ErrorKind> {
    let (number, is_open) = match argument {
        [b'(', number @ ..] => (number, true),
        number => (number, false),
    };
    let number = float(number).map_err(|_| ErrorKind::Other("ERR min or max is not a float"))?;
    Ok((number, is_open))
}

/// A bound of names.
enum NameBound<'a> {
    First,
    Last,
    At { name: &'a [u8], is_open: bool },
}

impl NameBound<'_> {
    fn is_below(&self, other: &[u8]) -> bool {
        match *self {
            Self::First => true,
            Self::Last => false,
            Self::At { name, is_open } => other > name || (other == name && !is_open),
        }
    }

    fn is_above(&self, other: &[u8]) -> bool {
        match *self {
            Self::First => false,
            Self::Last => true,
            Self::At { name, is_open } => other < name || (other == name && !is_open),
        }
    }
}

fn name_bound(argument: &[u8]) -> Result<NameBound<'_>, ErrorKind> {
    Ok(match argument {
        b"-" => NameBound::First,
        b"+" => NameBound::Last,
        [b'[', name @ ..] => NameBound::At {
            name,
            is_open: false,
        },
        [b'(', name @ ..] => NameBound::At {
            name,
            is_open: true,
        },
        _ => {
            return Err(ErrorKind::Other(
                "ERR min or max not valid string range item",
            ));
        }
    })
}

/// The range that starts at the `place`-th argument, and whether scores are asked for.
fn parse(
    call: &Call,
    place: usize,
    by: By,
    is_reverse: bool,
) -> Result<(Range<'_>, bool), ErrorKind> {
    let mut range = Range {
        by,
        start: call.bytes_at(place)?,
        end: call.bytes_at(place + 1)?,
        is_reverse,
        offset: 0,
        limit: -1,
    };
    let is_general = matches!(call.kind(), CommandKind::ZRange | CommandKind::ZRangeStore);
    let (mut place, mut with_scores, mut has_limit) = (place + 2, false, false);
    while let Ok(word) = call.bytes_at(place) {
        if is_word(word, "WITHSCORES") {
            with_scores = true;
        } else if is_word(word, "LIMIT") {
            (range.offset, range.limit) =
                (call.integer_at(place + 1)?, call.integer_at(place + 2)?);
            has_limit = true;
            place += 2;
        } else if is_general && is_word(word, "BYSCORE") {
            range.by = By::Score;
        } else if is_general && is_word(word, "BYLEX") {
            range.by = By::Name;
        } else if is_general && is_word(word, "REV") {
            range.is_reverse = true;
        } else {
            return Err(ErrorKind::Syntax);
        }
        place += 1;
    }
    if has_limit && range.by == By::Place {
        return Err(ErrorKind::Other(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    Ok((range, with_scores))
}

/// By what a command of the older family cuts, and whether it reverses.
fn nature(kind: CommandKind) -> (By, bool) {
    match kind {
        CommandKind::ZRevRange => (By::Place, true),
        CommandKind::ZRangeByScore | CommandKind::ZCount | CommandKind::ZRemRangeByScore => {
            (By::Score, false)
        }
        CommandKind::ZRevRangeByScore => (By::Score, true),
        CommandKind::ZRangeByLex | CommandKind::ZLexCount | CommandKind::ZRemRangeByLex => {
            (By::Name, false)
        }
        CommandKind::ZRevRangeByLex => (By::Name, true),
        _ => (By::Place, false),
    }
}

/// ZRANGE and its family.
pub(super) fn range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (by, is_reverse) = nature(call.kind());
    let (range, with_scores) = parse(call, 1, by, is_reverse)?;
    let members = range.select(read(run, call.key())?)?;
    Ok(Reply::Array(replies(members, with_scores)))
}

fn within(run: &Run<'_>, call: &Call, key: KeyId) -> Result<Scored, ErrorKind> {
    let (by, is_reverse) = nature(call.kind());
    let (range, _) = parse(call, 1, by, is_reverse)?;
    range.select(read(run, key)?)
}

/// ZCOUNT and ZLEXCOUNT.
pub(super) fn count(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    Ok(Reply::count(within(run, call, call.key())?.len()))
}

/// ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX: the observed members within go.
pub(super) fn remove(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let members = within(run, call, call.key())?;
    let members = members.into_iter().map(|(member, _)| member).collect();
    Ok(Reply::count(remove_members(run, call.key(), members)))
}

/// ZRANGESTORE.
pub(super) fn store_range(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (target, source) = (call.keys()[0], call.keys()[1]);
    let (range, _) = parse(call, 2, By::Place, false)?;
    let members = range.select(read(run, source)?)?;
    Ok(store(run, target, members))
}
