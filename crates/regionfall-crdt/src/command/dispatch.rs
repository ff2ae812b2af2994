//! Which function executes which command.

use super::CommandKind as Kind;
use super::{Call, expiry, groups, hash, keys, lists, ranges, sets, sorted_sets, streams, strings};
use crate::run::Run;
use crate::{ErrorKind, Reply};

/// Executes a command given as bytes.
pub(crate) fn dispatch(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    match call.kind() {
        Kind::Del | Kind::Unlink => keys::delete(run, call),
        Kind::Exists | Kind::Touch => keys::exists(run, call),
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
        Kind::MGet => strings::get_many(run, call),
        Kind::MSet | Kind::MSetNx => strings::set_many(run, call),
        Kind::IncrByFloat => strings::increment_by_float(run, call),
        Kind::Lcs => strings::longest_common(run, call),
        Kind::Expire | Kind::PExpire | Kind::ExpireAt | Kind::PExpireAt => {
            expiry::expire(run, call)
        }
        Kind::Persist => expiry::persist(run, call),
        Kind::Ttl | Kind::PTtl | Kind::ExpireTime | Kind::PExpireTime => {
            expiry::time_to_live(run, call)
        }
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
        Kind::SPop => sets::pop(run, call),
        Kind::SRandMember => sets::random(run, call),
        Kind::SMove => sets::move_between(run, call),
        Kind::SMIsMember => sets::are_members(run, call),
        Kind::SScan => sets::scan(run, call),
        Kind::SUnion | Kind::SInter | Kind::SDiff => sets::algebra(run, call),
        Kind::SInterCard => sets::intersection_size(run, call),
        Kind::SUnionStore | Kind::SInterStore | Kind::SDiffStore => sets::store_algebra(run, call),
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
        Kind::XPending => groups::pending(run, call),
        Kind::XClaim => groups::claim(run, call),
        Kind::XAutoClaim => groups::claim_oldest(run, call),
        Kind::XInfo => groups::info(run, call),
        _ => Err(ErrorKind::NotSupported(call.kind().name().into())),
    }
}
