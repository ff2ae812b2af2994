//! A few members with clients: the words in which rules are told.

use regionfall_crdt::{
    Applied, Connection, Effect, KeyNames, OriginId, Replica, Reply, Settings, Timestamp,
    XaddIdMode,
};

/// Members numbered from 1 with clients; clocks agree and tick a millisecond with each command.
pub(crate) struct Members {
    pub(crate) replicas: Vec<Replica>,
    connections: Vec<Connection>,
    pub(crate) effects: Vec<Effect>,
    names: KeyNames,
    pub(crate) millis: u64,
}

impl Members {
    pub(crate) fn new(count: usize) -> Self {
        Self::with_mode(count, XaddIdMode::Strict)
    }

    pub(crate) fn with_mode(count: usize, xadd_id_mode: XaddIdMode) -> Self {
        let settings = Settings {
            instance: None,
            xadd_id_mode,
        };
        Self {
            replicas: vec![Replica::with_settings(settings); count],
            connections: vec![Connection::new(); count],
            effects: vec![],
            names: KeyNames::new(),
            millis: 1_700_000_000_000,
        }
    }

    /// A command at a member, its words separated by blanks; the reply as text.
    pub(crate) fn say(&mut self, member: usize, text: &str) -> String {
        self.millis += 1;
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let executed = self.connections[member - 1].execute(
            &mut self.replicas[member - 1],
            &mut self.names,
            &words,
            Timestamp(self.millis * 1_000_000),
            OriginId(member as u16),
        );
        self.effects.extend(executed.effects);
        shown(&executed.reply)
    }

    /// Everything reaches everyone.
    pub(crate) fn deliver(&mut self) {
        for replica in &mut self.replicas {
            for effect in &self.effects {
                assert!(!matches!(replica.apply(effect), Applied::Gap { .. }));
            }
        }
    }

    /// Everything reaches everyone, and then all are equal.
    pub(crate) fn sync(&mut self) {
        self.deliver();
        for replica in &self.replicas {
            assert!(replica == &self.replicas[0]);
        }
    }

    /// The same answer from all.
    pub(crate) fn all_say(&mut self, text: &str) -> String {
        let answers: Vec<String> = (1..=self.replicas.len())
            .map(|member| self.say(member, text))
            .collect();
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{text}: {answers:?}"
        );
        answers[0].clone()
    }

    /// The names of what was sent since the last time.
    pub(crate) fn sent(&mut self) -> Vec<&'static str> {
        self.effects.drain(..).map(|effect| effect.name()).collect()
    }
}

fn shown(reply: &Reply) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match reply {
        Reply::Ok => "OK".into(),
        Reply::Pong => "PONG".into(),
        Reply::Status(status) => (*status).into(),
        Reply::Integer(number) => number.to_string(),
        Reply::Content(content) => text(&content.to_bytes()),
        Reply::Element(element) => text(&element.to_bytes()),
        Reply::Nil => "nil".into(),
        Reply::Array(all) => format!("[{}]", all.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Reply::Error(error) => error.message().into_owned(),
    }
}
