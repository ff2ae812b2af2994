//! The replicas of a case, and the links between them.

use std::collections::BTreeSet;

use regionfall_crdt::{
    Applied, Command, CommandKind, Connection, Content, Effect, Element, Executed, KeyNames,
    OriginId, Replica, Reply, Settings, Timestamp,
};

use super::{Answer, Case, EffectExpectation};

/// Slots of a clustered database (Redis documentation, cluster specification).
const SLOTS: u16 = 16_384;

/// The replicas of a case. Each is an instance of its own, numbered from 1.
pub(super) struct Group {
    members: Vec<Member>,
    names: KeyNames,
    /// Whether replicas relay what they received (Redis Active-Active documentation, causal consistency).
    is_causal: bool,
    is_clustered: bool,
}

/// One replica, with its client and what it has to tell the others.
struct Member {
    replica: Replica,
    connection: Connection,
    origin: OriginId,
    /// Its own effects and those that it received, in the order in which it took them in.
    log: Vec<Effect>,
    /// How many entries of each other member's log have been looked at for it.
    taken: Vec<usize>,
}

/// The kinds of effects that a case may ask for: the commands that write.
pub(super) fn effect_kinds() -> Vec<String> {
    let writes = CommandKind::ALL.iter().filter(|kind| kind.is_write());
    writes.map(|kind| kind.name().to_uppercase()).collect()
}

/// The command by which operators know the effect of another: many commands have one kind of effect.
fn sent_as(command: &str) -> &str {
    match command {
        "UNLINK" | "GETDEL" => "DEL",
        "SETNX" | "SETEX" | "PSETEX" | "MSET" | "MSETNX" | "GETSET" | "APPEND" | "SETRANGE"
        | "SETBIT" | "BITOP" | "BITFIELD" => "SET",
        "INCR" | "DECR" | "DECRBY" => "INCRBY",
        "EXPIRE" | "PEXPIRE" | "EXPIREAT" => "PEXPIREAT",
        "HMSET" | "HSETNX" => "HSET",
        "HINCRBY" => "HINCRBYFLOAT",
        "HGETDEL" => "HDEL",
        "HEXPIRE" | "HPEXPIRE" | "HEXPIREAT" => "HPEXPIREAT",
        "SPOP" => "SREM",
        "GEOADD" => "ZADD",
        "ZPOPMIN" | "ZPOPMAX" | "ZMPOP" | "ZREMRANGEBYRANK" | "ZREMRANGEBYSCORE"
        | "ZREMRANGEBYLEX" => "ZREM",
        "LPUSH" | "RPUSH" | "LPUSHX" | "RPUSHX" => "LINSERT",
        "LPOP" | "RPOP" | "LTRIM" | "LMPOP" => "LREM",
        "XTRIM" => "XDEL",
        "PFMERGE" => "PFADD",
        "SPUBLISH" => "PUBLISH",
        "JSON.ARRAPPEND" => "JSON.ARRINSERT",
        "JSON.FORGET" | "JSON.ARRPOP" | "JSON.ARRTRIM" => "JSON.DEL",
        "JSON.MSET" | "JSON.NUMINCRBY" | "JSON.NUMMULTBY" | "JSON.STRAPPEND" | "JSON.TOGGLE" => {
            "JSON.SET"
        }
        other => other,
    }
}

impl Group {
    /// Empty replicas.
    pub(super) fn new(case: &Case) -> Self {
        let member = |number: usize| {
            let origin = OriginId(number as u16);
            Member {
                replica: Replica::with_settings(Settings {
                    instance: Some(origin.0),
                    xadd_id_mode: case.config.xadd_id_mode,
                }),
                connection: Connection::new(),
                origin,
                log: Vec::new(),
                taken: vec![0; case.replicas],
            }
        };
        Self {
            members: (1..=case.replicas).map(member).collect(),
            names: KeyNames::new(),
            is_causal: case.config.causal_consistency,
            is_clustered: case.config.is_clustered,
        }
    }

    /// Executes a client's command on a replica, counted from 1.
    pub(super) fn execute(&mut self, replica: usize, words: &[String], now_ms: u64) -> Answer {
        let arguments: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        if self.is_clustered
            && let Ok(command) = Command::parse(&arguments, &mut self.names)
            && self.crosses_slots(&command)
        {
            let text = "CROSSSLOT Keys in request don't hash to the same slot";
            return Answer::Error(text.to_owned());
        }
        let member = &mut self.members[replica - 1];
        let Executed { reply, effects } = member.connection.execute(
            &mut member.replica,
            &mut self.names,
            &arguments,
            at(now_ms),
            member.origin,
        );
        member.log.extend(effects);
        answer(&reply)
    }

    /// Whether a command needs its keys in one slot and has them in several. Some reads may cross (Redis
    /// Software documentation, database clustering).
    fn crosses_slots(&self, command: &Command) -> bool {
        let Command::Call(call) = command else {
            return false;
        };
        let may_cross = matches!(
            call.kind(),
            CommandKind::MGet | CommandKind::Exists | CommandKind::Touch
        );
        let names = call.keys().iter().filter_map(|&key| self.names.name(key));
        !may_cross && names.map(slot).collect::<BTreeSet<u16>>().len() > 1
    }

    /// Replicas exchange everything, until nothing is left.
    pub(super) fn exchange(&mut self, between: &[usize], now_ms: u64) {
        loop {
            let mut is_news = false;
            for &from in between {
                for &to in between {
                    is_news |= from != to && self.deliver(from, to, now_ms);
                }
            }
            if !is_news {
                return;
            }
        }
    }

    /// Drains one direction of one link; whether there was anything.
    pub(super) fn deliver(&mut self, from: usize, to: usize, now_ms: u64) -> bool {
        // What is due is expired by whoever owns the expiry before it tells the others anything.
        self.expire_at(from, now_ms);
        let (source, seen) = (
            &self.members[from - 1],
            self.members[to - 1].taken[from - 1],
        );
        let is_told = |effect: &&Effect| self.is_causal || effect.dot.origin == source.origin;
        let news: Vec<Effect> = source.log[seen..].iter().filter(is_told).cloned().collect();
        let length = source.log.len();
        let target = &mut self.members[to - 1];
        target.taken[from - 1] = length;
        let mut is_news = false;
        for effect in news {
            match target.replica.apply(&effect) {
                Applied::New => {
                    target.log.push(effect);
                    is_news = true;
                }
                Applied::AlreadySeen => {}
                Applied::Gap { .. } => {
                    unreachable!("a log holds the effects of each origin in order, from the first")
                }
            }
        }
        is_news
    }

    /// Every replica expires what is due there and what it owns the expiry of.
    pub(super) fn expire(&mut self, now_ms: u64) {
        for number in 1..=self.members.len() {
            self.expire_at(number, now_ms);
        }
    }

    fn expire_at(&mut self, number: usize, now_ms: u64) {
        let member = &mut self.members[number - 1];
        let expired = member.replica.expire(at(now_ms), member.origin);
        member.log.extend(expired);
    }

    /// Whether a replica has sent such an effect of its own.
    pub(super) fn has_sent(&self, wanted: &EffectExpectation) -> bool {
        let member = &self.members[wanted.replica - 1];
        let id = |effect: &Effect| effect.stream_id().map(|id| id.to_string());
        member.log.iter().any(|effect| {
            let key = self.names.name(effect.key);
            effect.dot.origin == member.origin
                // XGROUP CREATE is an XGROUP.
                && effect.name().split(' ').next() == Some(sent_as(&wanted.kind))
                && wanted
                    .key
                    .as_ref()
                    .is_none_or(|wanted| key == Some(wanted.as_bytes()))
                && wanted
                    .id
                    .as_ref()
                    .is_none_or(|wanted| id(effect).as_ref() == Some(wanted))
        })
    }
}

fn at(milliseconds: u64) -> Timestamp {
    Timestamp(milliseconds.saturating_mul(1_000_000))
}

fn answer(reply: &Reply) -> Answer {
    let content = |content: &Content| Answer::Text(content.to_bytes().into_owned());
    match reply {
        Reply::Nil => Answer::Nil,
        Reply::Ok => Answer::Text(b"OK".to_vec()),
        Reply::Pong => Answer::Text(b"PONG".to_vec()),
        Reply::Status(text) => Answer::Text(text.as_bytes().to_vec()),
        Reply::Integer(number) => Answer::Integer(*number),
        Reply::Content(bytes) => content(bytes),
        Reply::Element(Element::Bytes(bytes)) => Answer::Text(bytes.to_vec()),
        Reply::Element(Element::Number(number)) => Answer::Text(number.to_string().into_bytes()),
        Reply::Array(items) => Answer::List(items.iter().map(answer).collect()),
        Reply::Error(error) => Answer::Error(error.to_string()),
    }
}

/// The slot of a key: that of the part between the first `{` and the next `}`, if there is any (Redis
/// documentation, cluster specification: hash tags).
fn slot(key: &[u8]) -> u16 {
    let tag = || {
        let open = key.iter().position(|&byte| byte == b'{')? + 1;
        let length = key[open..].iter().position(|&byte| byte == b'}')?;
        (length > 0).then(|| &key[open..open + length])
    };
    crc16(tag().unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_effects_are_commands_that_write() {
        let known = effect_kinds();
        for command in &known {
            let kind = sent_as(command).to_owned();
            assert!(known.contains(&kind), "{command} is sent as {kind}");
        }
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
    }
}
