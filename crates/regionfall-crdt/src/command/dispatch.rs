//! Which function executes which command.

use super::{
    Call, CommandKind as Kind, DataType, bits, copies, expiry, geo, groups, hash, hyperloglogs,
    json, json_values, keys, lists, pending, ranges, sets, sorted_sets, stream_info, streams,
    strings,
};
use crate::run::Run;
use crate::{ErrorKind, Reply};

/// Executes a command given as bytes.
pub(crate) fn dispatch(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind().data_type() {
        None => on_keys(run, call),
        Some(DataType::String | DataType::Counter | DataType::HyperLogLog) => on_strings(run, call),
        Some(DataType::Set) => on_sets(run, call),
        Some(DataType::Hash) => on_hashes(run, call),
        Some(DataType::SortedSet) => on_sorted_sets(run, call),
        Some(DataType::List) => on_lists(run, call),
        Some(DataType::Stream) => on_streams(run, call),
        Some(DataType::Json) => on_json(run, call),
    }
}

/// For a command of the table that means nothing here: MULTI and its like are the business of a connection.
fn unsupported(call: &Call) -> ErrorKind {
    ErrorKind::NotSupported(call.kind().name().into())
}

/// Commands on keys of any type, and on none.
fn on_keys(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::Del | Kind::Unlink => Ok(keys::delete(run, call)),
        Kind::Exists | Kind::Touch => Ok(keys::exists(run, call)),
        Kind::Type => Ok(keys::type_of(run, call)),
        Kind::Rename | Kind::RenameNx => copies::rename(run, call),
        Kind::Copy => copies::copy(run, call),
        Kind::DbSize => Ok(keys::database_size(run)),
        Kind::Time => Ok(keys::time(run)),
        Kind::Publish | Kind::SPublish => keys::publish(run, call),
        Kind::Expire | Kind::PExpire | Kind::ExpireAt | Kind::PExpireAt => {
            expiry::expire(run, call)
        }
        Kind::Persist => Ok(expiry::persist(run, call)),
        Kind::Ttl | Kind::PTtl | Kind::ExpireTime | Kind::PExpireTime => {
            Ok(expiry::time_to_live(run, call))
        }
        _ => Err(unsupported(call)),
    }
}

/// Commands on strings, counters and `HyperLogLog`s.
fn on_strings(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::Set => strings::set(run, call),
        Kind::SetEx | Kind::PSetEx => strings::set_with_ttl(run, call),
        Kind::SetNx => strings::set_if_absent(run, call),
        Kind::GetSet => strings::get_and_set(run, call),
        Kind::GetDel => strings::get_and_delete(run, call),
        Kind::GetEx => strings::get_and_expire(run, call),
        Kind::Append => strings::append(run, call),
        Kind::SetRange => strings::set_range(run, call),
        Kind::GetRange | Kind::SubStr => strings::get_range(run, call),
        Kind::StrLen => strings::length(run, call),
        Kind::MGet => Ok(strings::get_many(run, call)),
        Kind::MSet | Kind::MSetNx => strings::set_many(run, call),
        Kind::IncrByFloat => strings::increment_by_float(run, call),
        Kind::Lcs => strings::longest_common(run, call),
        Kind::PfAdd => hyperloglogs::add(run, call),
        Kind::PfCount => hyperloglogs::count(run, call),
        Kind::PfMerge => hyperloglogs::merge(run, call),
        Kind::SetBit => bits::set(run, call),
        Kind::GetBit => bits::get(run, call),
        Kind::BitCount => bits::count(run, call),
        Kind::BitPos => bits::find(run, call),
        Kind::BitOp => bits::combine(run, call),
        Kind::BitField | Kind::BitFieldRo => bits::fields(run, call),
        _ => Err(unsupported(call)),
    }
}

/// Commands on sets.
fn on_sets(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::SPop => sets::pop(run, call),
        Kind::SRandMember => sets::random(run, call),
        Kind::SMove => sets::move_between(run, call),
        Kind::SMIsMember => sets::are_members(run, call),
        Kind::SScan => sets::scan(run, call),
        Kind::SUnion | Kind::SInter | Kind::SDiff => sets::algebra(run, call),
        Kind::SInterCard => sets::intersection_size(run, call),
        Kind::SUnionStore | Kind::SInterStore | Kind::SDiffStore => sets::store_algebra(run, call),
        _ => Err(unsupported(call)),
    }
}

/// Commands on hashes.
fn on_hashes(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::HSet | Kind::HMSet => hash::set(run, call),
        Kind::HSetNx => hash::set_if_absent(run, call),
        Kind::HSetEx => hash::set_and_expire(run, call),
        Kind::HGet => hash::get(run, call),
        Kind::HMGet => hash::get_many(run, call),
        Kind::HGetEx => hash::get_and_expire(run, call),
        Kind::HGetDel => hash::get_and_delete(run, call),
        Kind::HGetAll | Kind::HKeys | Kind::HVals => hash::get_all(run, call),
        Kind::HScan => hash::scan(run, call),
        Kind::HLen => hash::length(run, call),
        Kind::HExists => hash::exists(run, call),
        Kind::HStrLen => hash::value_length(run, call),
        Kind::HDel => hash::delete(run, call),
        Kind::HIncrBy => hash::increment(run, call),
        Kind::HIncrByFloat => hash::increment_by_float(run, call),
        Kind::HRandField => hash::random(run, call),
        Kind::HExpire | Kind::HPExpire | Kind::HExpireAt | Kind::HPExpireAt => {
            hash::expire(run, call)
        }
        Kind::HPersist => hash::persist(run, call),
        Kind::HTtl | Kind::HPTtl | Kind::HExpireTime | Kind::HPExpireTime => {
            hash::time_to_live(run, call)
        }
        _ => Err(unsupported(call)),
    }
}

/// Commands on sorted sets.
fn on_sorted_sets(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::ZAdd => sorted_sets::add(run, call),
        Kind::ZIncrBy => sorted_sets::increment(run, call),
        Kind::ZRem => sorted_sets::remove(run, call),
        Kind::ZScore | Kind::ZMScore => sorted_sets::score(run, call),
        Kind::ZCard => sorted_sets::length(run, call),
        Kind::ZRank | Kind::ZRevRank => sorted_sets::rank(run, call),
        Kind::ZPopMin | Kind::ZPopMax => sorted_sets::pop(run, call),
        Kind::ZMPop => sorted_sets::pop_first(run, call),
        Kind::ZRandMember => sorted_sets::random(run, call),
        Kind::ZScan => sorted_sets::scan(run, call),
        Kind::ZUnion | Kind::ZInter | Kind::ZDiff => sorted_sets::algebra(run, call),
        Kind::ZUnionStore | Kind::ZInterStore | Kind::ZDiffStore => {
            sorted_sets::store_algebra(run, call)
        }
        Kind::ZInterCard => sorted_sets::intersection_size(run, call),
        Kind::ZRange
        | Kind::ZRevRange
        | Kind::ZRangeByScore
        | Kind::ZRevRangeByScore
        | Kind::ZRangeByLex
        | Kind::ZRevRangeByLex => ranges::range(run, call),
        Kind::ZCount | Kind::ZLexCount => ranges::count(run, call),
        Kind::ZRemRangeByRank | Kind::ZRemRangeByScore | Kind::ZRemRangeByLex => {
            ranges::remove(run, call)
        }
        Kind::ZRangeStore => ranges::store_range(run, call),
        Kind::GeoAdd => geo::add(run, call),
        Kind::GeoPos | Kind::GeoHash => geo::positions(run, call),
        Kind::GeoDist => geo::distance(run, call),
        Kind::GeoSearch | Kind::GeoRadius | Kind::GeoRadiusByMember => geo::search(run, call),
        Kind::GeoSearchStore => geo::store_search(run, call),
        _ => Err(unsupported(call)),
    }
}

/// Commands on lists.
fn on_lists(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::LPush | Kind::RPush | Kind::LPushX | Kind::RPushX => lists::push(run, call),
        Kind::LPop | Kind::RPop => lists::pop(run, call),
        Kind::LMPop => lists::pop_first(run, call),
        Kind::RPopLPush | Kind::LMove => lists::move_between(run, call),
        Kind::LLen => lists::length(run, call),
        Kind::LIndex => lists::at_index(run, call),
        Kind::LRange => lists::range(run, call),
        Kind::LPos => lists::find(run, call),
        Kind::LSet => lists::set(run, call),
        Kind::LInsert => lists::insert(run, call),
        Kind::LRem => lists::remove_occurrences(run, call),
        Kind::LTrim => lists::trim(run, call),
        _ => Err(unsupported(call)),
    }
}

/// Commands on streams.
fn on_streams(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::XAdd => streams::add(run, call),
        Kind::XLen => streams::length(run, call),
        Kind::XRange | Kind::XRevRange => streams::range(run, call),
        Kind::XRead => streams::read_after(run, call),
        Kind::XDel => streams::delete(run, call),
        Kind::XTrim => streams::trim_command(run, call),
        Kind::XSetId => streams::set_id(run, call),
        Kind::XGroup => groups::group(run, call),
        Kind::XReadGroup => groups::read_group(run, call),
        Kind::XAck => groups::acknowledge(run, call),
        Kind::XPending => pending::pending(run, call),
        Kind::XClaim => pending::claim(run, call),
        Kind::XAutoClaim => pending::claim_oldest(run, call),
        Kind::XInfo => stream_info::info(run, call),
        _ => Err(unsupported(call)),
    }
}

/// Commands on JSON documents.
fn on_json(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::JsonSet => json::set(run, call),
        Kind::JsonMSet => json::set_many(run, call),
        Kind::JsonGet => json::get(run, call),
        Kind::JsonMGet => json::get_many(run, call),
        Kind::JsonDel | Kind::JsonForget => json::delete(run, call),
        Kind::JsonClear => json::clear(run, call),
        Kind::JsonMerge => json::merge(run, call),
        Kind::JsonType => json::type_of(run, call),
        Kind::JsonObjKeys | Kind::JsonObjLen | Kind::JsonStrLen | Kind::JsonArrLen => {
            json::lengths(run, call)
        }
        Kind::JsonResp => json::as_replies(run, call),
        Kind::JsonNumIncrBy | Kind::JsonNumMultBy => json_values::calculate(run, call),
        Kind::JsonStrAppend => json_values::append_text(run, call),
        Kind::JsonToggle => json_values::toggle(run, call),
        Kind::JsonArrAppend | Kind::JsonArrInsert => json_values::insert(run, call),
        Kind::JsonArrPop => json_values::pop(run, call),
        Kind::JsonArrTrim => json_values::trim(run, call),
        Kind::JsonArrIndex => json_values::find(run, call),
        _ => Err(unsupported(call)),
    }
}
