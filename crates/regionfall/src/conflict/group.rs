//! The replicas of a case, and the links between them.

use regionfall_crdt::{
    Command, Content, Effect, Element, KeyId, KeyNames, OriginId, Replica, Reply, Timestamp,
};

use super::{Answer, Case, EffectExpectation};

/// The replicas.
pub(super) struct Group {
    members: Vec<Replica>,
    logs: Vec<Vec<Effect>>,
    names: KeyNames,
    causal: bool,
}

pub(super) fn effect_kinds() -> Vec<String> {
    vec!["DEL".into(), "XACK".into()]
}

impl Group {
    pub(super) fn new(case: &Case) -> Self {
        Self {
            members: vec![Replica::new(); case.replicas],
            logs: vec![vec![]; case.replicas],
            names: KeyNames::new(),
            causal: case.config.causal_consistency,
        }
    }

    pub(super) fn execute(&mut self, replica: usize, command: &[String], now_ms: u64) -> Answer {
        let Some(command) = self.parse(command) else {
            return Answer::Error("ERR unknown command".to_owned());
        };
        let origin = OriginId(replica as u16);
        let at = Timestamp(now_ms * 1_000_000);
        let executed = self.members[replica - 1].execute(&command, at, origin);
        self.logs[replica - 1].extend(executed.effect);
        answer(&executed.reply)
    }

    fn parse(&mut self, words: &[String]) -> Option<Command> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut key = |name: &str| -> KeyId { self.names.intern(name.as_bytes()) };
        Some(match words.as_slice() {
            ["GET", k] => Command::Get { key: key(k) },
            ["DEL", k] => Command::Del { key: key(k) },
            ["SET", k, v] => Command::Set {
                key: key(k),
                content: Content::from(*v),
            },
            ["INCRBY", k, v] => Command::IncrBy {
                key: key(k),
                amount: v.parse().ok()?,
            },
            ["SADD", k, v] => Command::SAdd {
                key: key(k),
                elements: [Element::from(*v)].into_iter().collect(),
            },
            ["SMEMBERS", k] => Command::SMembers { key: key(k) },
            _ => return None,
        })
    }

    pub(super) fn exchange(&mut self, between: &[usize], now_ms: u64) {
        for &from in between {
            for &to in between {
                if from != to {
                    self.deliver(from, to, now_ms);
                }
            }
        }
    }

    pub(super) fn deliver(&mut self, from: usize, to: usize, _now_ms: u64) {
        for effect in self.logs[from - 1].clone() {
            if self.causal || effect.dot.origin == OriginId(from as u16) {
                let _ = self.members[to - 1].apply(&effect);
            }
        }
    }

    pub(super) fn expire(&mut self, _now_ms: u64) {}

    pub(super) fn has_sent(&self, _sent: &EffectExpectation) -> bool {
        false
    }
}

fn answer(reply: &Reply) -> Answer {
    match reply {
        Reply::Nil => Answer::Nil,
        Reply::Ok => Answer::Text(b"OK".to_vec()),
        Reply::Integer(number) => Answer::Integer(*number),
        Reply::Content(Content::Bytes(bytes)) => Answer::Text(bytes.to_vec()),
        Reply::Element(Element::Bytes(bytes)) => Answer::Text(bytes.to_vec()),
        Reply::Array(items) => Answer::List(items.iter().map(answer).collect()),
        other => Answer::Error(format!("{other:?}")),
    }
}
/// Which IDs XADD accepts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum XaddIdMode {
    /// Generated ones.
    #[default]
    Strict,
    /// Full ones too.
    SemiStrict,
    /// Any that ascend.
    Liberal,
}
