//! Commands on the bits of strings.
//!
//! "APPEND, SETRANGE, SETBIT, BITFIELD: one replica's whole result survives; there is no merging of bytes or bits" (Redis
//! Active-Active documentation, data types: strings): each writes the whole string.

use super::Call;
use super::call::{integer, is_word};
use super::strings::{between, check_length, text};
use crate::run::Run;
use crate::{CommandKind, Content, ErrorKind, Reply, TtlChange};

const INVALID_OFFSET: ErrorKind =
    ErrorKind::Other("ERR bit offset is not an integer or out of range");

fn offset(argument: &[u8]) -> Result<usize, ErrorKind> {
    let offset = integer(argument).map_err(|_| INVALID_OFFSET)?;
    let offset = usize::try_from(offset).map_err(|_| INVALID_OFFSET)?;
    if offset >= 1 << 32 {
        Err(INVALID_OFFSET)
    } else {
        Ok(offset)
    }
}

/// The bit at a place; the first is the highest of the first byte.
fn bit(bytes: &[u8], place: usize) -> bool {
    bytes
        .get(place / 8)
        .is_some_and(|byte| byte >> (7 - place % 8) & 1 == 1)
}

fn set_bit(bytes: &mut Vec<u8>, place: usize, value: bool) {
    if bytes.len() <= place / 8 {
        bytes.resize(place / 8 + 1, 0);
    }
    let mask = 1 << (7 - place % 8);
    if value {
        bytes[place / 8] |= mask;
    } else {
        bytes[place / 8] &= !mask;
    }
}

fn as_bit(argument: &[u8]) -> Result<bool, ErrorKind> {
    match argument {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(ErrorKind::Other(
            "ERR bit is not an integer or out of range",
        )),
    }
}

/// SETBIT.
pub(super) fn set(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let place = offset(call.bytes_at(1)?)?;
    let value = as_bit(call.bytes_at(2)?)?;
    let mut bytes = text(run, call.key())?.unwrap_or_default();
    check_length(place / 8 + 1)?;
    let old = bit(&bytes, place);
    set_bit(&mut bytes, place, value);
    run.write(call.key(), Content::from(&*bytes), TtlChange::Keep);
    Ok(Reply::yes_or_no(old))
}

/// GETBIT.
pub(super) fn get(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let place = offset(call.bytes_at(1)?)?;
    let bytes = text(run, call.key())?.unwrap_or_default();
    Ok(Reply::yes_or_no(bit(&bytes, place)))
}

/// The bits that the bounds from the `place`-th argument on enclose.
fn within(call: &Call, place: usize, length: usize) -> Result<std::ops::Range<usize>, ErrorKind> {
    let arguments = call.from(place);
    let by_bit = match arguments.get(2) {
        None => false,
        Some(word) if is_word(word, "BIT") => true,
        Some(word) if is_word(word, "BYTE") => false,
        Some(_) => return Err(ErrorKind::Syntax),
    };
    if arguments.len() > 3 {
        return Err(ErrorKind::Syntax);
    }
    let start = arguments
        .first()
        .map_or(Ok(0), |argument| integer(argument))?;
    let end = arguments
        .get(1)
        .map_or(Ok(-1), |argument| integer(argument))?;
    if by_bit {
        return Ok(between(start, end, length * 8));
    }
    let bytes = between(start, end, length);
    Ok(bytes.start * 8..bytes.end * 8)
}

/// BITCOUNT.
pub(super) fn count(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    if call.from(1).len() == 1 {
        return Err(ErrorKind::Syntax);
    }
    let bytes = text(run, call.key())?.unwrap_or_default();
    let places = within(call, 1, bytes.len())?;
    Ok(Reply::count(
        places.filter(|&place| bit(&bytes, place)).count(),
    ))
}

/// BITPOS.
pub(super) fn find(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let wanted = as_bit(call.bytes_at(1)?)?;
    let Some(bytes) = text(run, call.key())? else {
        return Ok(Reply::Integer(if wanted { -1 } else { 0 }));
    };
    let mut places = within(call, 2, bytes.len())?;
    let end = places.end;
    let found = places.find(|&place| bit(&bytes, place) == wanted);
    Ok(match found {
        Some(place) => Reply::count(place),
        // Without an end the string is taken to go on with zeros.
        None if !wanted && call.from(3).is_empty() && end > 0 => Reply::count(end),
        None => Reply::Integer(-1),
    })
}

/// BITOP.
pub(super) fn combine(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let operation: fn(u8, u8) -> u8 = match call.bytes_at(0)? {
        word if is_word(word, "AND") => |a, b| a & b,
        word if is_word(word, "OR") => |a, b| a | b,
        word if is_word(word, "XOR") => |a, b| a ^ b,
        word if is_word(word, "NOT") => |a, _| !a,
        _ => return Err(ErrorKind::Syntax),
    };
    let (target, sources) = (call.keys()[0], &call.keys()[1..]);
    let is_negation = call.is_word(0, "NOT");
    if sources.is_empty() || (is_negation && sources.len() != 1) {
        return Err(ErrorKind::Other(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }
    let sources = sources
        .iter()
        .map(|&key| Ok(text(run, key)?.unwrap_or_default()));
    let sources = sources.collect::<Result<Vec<Vec<u8>>, ErrorKind>>()?;
    let length = sources.iter().map(Vec::len).max().unwrap_or(0);
    let byte = |place: usize| {
        let mut all = sources
            .iter()
            .map(|own| own.get(place).copied().unwrap_or(0));
        let first = all.next().unwrap_or(0);
        if is_negation {
            operation(first, 0)
        } else {
            all.fold(first, operation)
        }
    };
    let result: Vec<u8> = (0..length).map(byte).collect();
    if result.is_empty() {
        run.delete(target);
    } else {
        run.write(target, Content::from(&*result), TtlChange::Clear);
    }
    Ok(Reply::count(length))
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// A number within a string.
struct Field {
    is_signed: bool,
    width: u32,
    place: usize,
}

impl Field {
    fn parse(kind: &[u8], place: &[u8]) -> Result<Self, ErrorKind> {
        let invalid = ErrorKind::Other(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let (is_signed, width) = match kind {
            [b'i' | b'I', width @ ..] => (true, width),
            [b'u' | b'U', width @ ..] => (false, width),
            _ => return Err(invalid),
        };
        let longest = if is_signed { 64 } else { 63 };
        let width = integer(width)
            .ok()
            .and_then(|width| u32::try_from(width).ok());
        let width = width
            .filter(|width| (1..=longest).contains(width))
            .ok_or(invalid)?;
        let place = match place {
            [b'#', number @ ..] => {
                let number = integer(number).map_err(|_| INVALID_OFFSET)?;
                let place = number.checked_mul(i64::from(width)).ok_or(INVALID_OFFSET)?;
                offset(place.to_string().as_bytes())?
            }
            place => offset(place)?,
        };
        Ok(Self {
            is_signed,
            width,
            place,
        })
    }

    fn read(&self, bytes: &[u8]) -> i64 {
        let mut word = 0_u64;
        for step in 0..self.width as usize {
            word = word << 1 | u64::from(bit(bytes, self.place + step));
        }
        let unused = 64 - self.width;
        if self.is_signed {
            (word << unused).cast_signed() >> unused
        } else {
            word.cast_signed()
        }
    }

    fn write(&self, bytes: &mut Vec<u8>, value: i64) {
        for step in 0..self.width {
            let is_set = value >> (self.width - 1 - step) & 1 == 1;
            set_bit(bytes, self.place + step as usize, is_set);
        }
    }

    /// A number made to fit; `None` if it must not be.
    fn fit(&self, value: i128, overflow: Overflow) -> Option<i64> {
        let (low, high) = if self.is_signed {
            (
                -(1_i128 << (self.width - 1)),
                (1_i128 << (self.width - 1)) - 1,
            )
        } else {
            (0, (1_i128 << self.width) - 1)
        };
        if (low..=high).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap => {
                let span = 1_i128 << self.width;
                Some(((value - low).rem_euclid(span) + low) as i64)
            }
            Overflow::Saturate => Some(value.clamp(low, high) as i64),
            Overflow::Fail => None,
        }
    }
}

/// BITFIELD and `BITFIELD_RO`.
pub(super) fn fields(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_read_only = call.kind() == CommandKind::BitFieldRo;
    let mut bytes = text(run, call.key())?.unwrap_or_default();
    let (mut overflow, mut has_changed, mut replies) = (Overflow::Wrap, false, Vec::new());
    let mut place = 1;
    while let Ok(word) = call.bytes_at(place) {
        if is_word(word, "OVERFLOW") {
            overflow = match call.bytes_at(place + 1)? {
                word if is_word(word, "WRAP") => Overflow::Wrap,
                word if is_word(word, "SAT") => Overflow::Saturate,
                word if is_word(word, "FAIL") => Overflow::Fail,
                _ => return Err(ErrorKind::Other("ERR Invalid OVERFLOW type specified")),
            };
            place += 2;
            continue;
        }
        let field = Field::parse(call.bytes_at(place + 1)?, call.bytes_at(place + 2)?)?;
        let old = field.read(&bytes);
        if is_word(word, "GET") {
            replies.push(Reply::Integer(old));
            place += 3;
            continue;
        }
        if is_read_only {
            return Err(ErrorKind::Other(
                "ERR BITFIELD_RO only supports the GET subcommand",
            ));
        }
        let operand = call.integer_at(place + 3)?;
        let is_sum = is_word(word, "INCRBY");
        if !is_sum && !is_word(word, "SET") {
            return Err(ErrorKind::Syntax);
        }
        let wanted = i128::from(operand) + if is_sum { i128::from(old) } else { 0 };
        match field.fit(wanted, overflow) {
            Some(new) => {
                check_length((field.place + field.width as usize).div_ceil(8))?;
                field.write(&mut bytes, new);
                has_changed = true;
                replies.push(Reply::Integer(if is_sum { new } else { old }));
            }
            None => replies.push(Reply::Nil),
        }
        place += 4;
    }
    if has_changed {
        run.write(call.key(), Content::from(&*bytes), TtlChange::Keep);
    }
    Ok(Reply::Array(replies))
}
