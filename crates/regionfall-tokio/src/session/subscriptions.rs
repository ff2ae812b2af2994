//! SUBSCRIBE and its like: what a connection listens to.
//!
//! Source: Redis documentation, "Redis Pub/Sub"; the shape of messages from "Pushed messages" there.

use std::collections::BTreeSet;

use regionfall::simulation::SteppedRun;

use super::{SUBSCRIBER_OUTPUT_MAX, Session};
use crate::books::Line;
use crate::resp::{Protocol, encode_bulk, encode_length};

/// What a connection listens to.
#[derive(Clone, Default, Debug)]
pub(super) struct Subscriptions {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }
}

impl Session {
    /// Whether the connection is a subscriber of the older protocol, which may do little else.
    pub(super) fn is_kept_from(&self, name: &[u8]) -> bool {
        const ALLOWED: [&str; 7] = [
            "subscribe",
            "unsubscribe",
            "psubscribe",
            "punsubscribe",
            "ping",
            "quit",
            "reset",
        ];
        self.is_limited()
            && !ALLOWED
                .iter()
                .any(|allowed| name.eq_ignore_ascii_case(allowed.as_bytes()))
    }

    pub(super) fn is_limited(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions.count() > 0
    }

    pub(super) fn forget_subscriptions(&mut self) {
        self.subscriptions = Subscriptions::default();
    }

    /// How often it hears a message on a channel.
    fn hears(&self, channel: &[u8]) -> usize {
        let by_pattern = self.subscriptions.patterns.iter();
        usize::from(self.subscriptions.channels.contains(channel))
            + by_pattern
                .filter(|pattern| matches(pattern, channel))
                .count()
    }

    /// How many times a message on a channel is heard at the member's node where this connection ends.
    pub(super) fn listeners(
        &self,
        run: &SteppedRun,
        channel: &[u8],
        others: &[Option<Self>],
    ) -> usize {
        let node = run.node(self.id);
        let elsewhere = others.iter().flatten().filter(|other| {
            other.id != self.id && run.is_served(other.id) && run.node(other.id) == node
        });
        self.hears(channel) + elsewhere.map(|other| other.hears(channel)).sum::<usize>()
    }

    pub(super) fn subscribe(&mut self, run: &mut SteppedRun, kind: &str, names: &[&[u8]]) {
        run.hear_messages();
        for &name in names {
            self.listened(kind).insert(name.to_vec());
            self.confirm(kind, Some(name));
        }
    }

    /// Without names all of the kind are meant.
    pub(super) fn unsubscribe(&mut self, kind: &str, names: &[&[u8]]) {
        let all: Vec<Vec<u8>> = if names.is_empty() {
            self.listened(kind).iter().cloned().collect()
        } else {
            names.iter().map(|name| name.to_vec()).collect()
        };
        for name in &all {
            self.listened(kind).remove(name);
            self.confirm(kind, Some(name));
        }
        if all.is_empty() {
            self.confirm(kind, None);
        }
    }

    fn listened(&mut self, kind: &str) -> &mut BTreeSet<Vec<u8>> {
        if kind.starts_with('p') {
            &mut self.subscriptions.patterns
        } else {
            &mut self.subscriptions.channels
        }
    }

    fn confirm(&mut self, kind: &str, name: Option<&[u8]>) {
        self.begin_push(3);
        encode_bulk(kind.as_bytes(), &mut self.output);
        match (name, self.protocol) {
            (Some(name), _) => encode_bulk(name, &mut self.output),
            (None, Protocol::Resp2) => self.output.extend(b"$-1\r\n"),
            (None, Protocol::Resp3) => self.output.extend(b"_\r\n"),
        }
        let count = self.subscriptions.count();
        encode_length(b':', count, &mut self.output);
    }

    fn begin_push(&mut self, length: usize) {
        let kind = match self.protocol {
            Protocol::Resp2 => b'*',
            Protocol::Resp3 => b'>',
        };
        encode_length(kind, length, &mut self.output);
    }

    /// A message became visible at the member: it goes out, once for the channel and once for each pattern.
    pub(crate) fn hear(
        &mut self,
        run: &mut SteppedRun,
        line: &mut Line,
        channel: &[u8],
        payload: &[u8],
    ) {
        let before = self.output.len();
        if self.subscriptions.channels.contains(channel) {
            self.begin_push(3);
            encode_bulk(b"message", &mut self.output);
            encode_bulk(channel, &mut self.output);
            encode_bulk(payload, &mut self.output);
        }
        for pattern in self.subscriptions.patterns.clone() {
            if matches(&pattern, channel) {
                self.begin_push(4);
                encode_bulk(b"pmessage", &mut self.output);
                encode_bulk(&pattern, &mut self.output);
                encode_bulk(channel, &mut self.output);
                encode_bulk(payload, &mut self.output);
            }
        }
        line.pushed(self.output.len() - before);
        if self.output.len() > SUBSCRIBER_OUTPUT_MAX {
            self.output.clear();
            self.is_closing = true;
        }
        self.flush(run, None);
    }
}

/// Whether a pattern of PSUBSCRIBE covers a channel: `*`, `?`, `[…]` and `\` (Redis commands reference, PSUBSCRIBE).
/// It takes time in proportion to the product of both lengths at most.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, place));
            at += 1;
        } else if let Some(next) = one(pattern, at, text[place]) {
            at = next;
            place += 1;
        } else if let Some((from, taken)) = star {
            star = Some((from, taken + 1));
            at = from + 1;
            place = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at.min(pattern.len())..]
        .iter()
        .all(|&byte| byte == b'*')
}

/// Where the pattern goes on if its next item covers a byte.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'\\' if at + 1 < pattern.len() => (pattern[at + 1] == byte).then_some(at + 2),
        b'[' => {
            let end = at + 1 + pattern[at + 1..].iter().position(|&item| item == b']')?;
            let items = &pattern[at + 1..end];
            let (is_negated, items) = match items.split_first() {
                Some((b'^', rest)) => (true, rest),
                _ => (false, items),
            };
            let mut covers = false;
            let mut place = 0;
            while place < items.len() {
                if place + 2 < items.len() && items[place + 1] == b'-' {
                    let (low, high) = (items[place], items[place + 2]);
                    covers |= (low.min(high)..=low.max(high)).contains(&byte);
                    place += 3;
                } else {
                    covers |= items[place] == byte;
                    place += 1;
                }
            }
            (covers != is_negated).then_some(end + 1)
        }
        other => (other == byte).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_redis_says() {
        for (pattern, text, covers) in [
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*llo", "hllo", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("*", "", true),
            ("", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a[", "a[", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                covers,
                "{pattern} {text}"
            );
        }
    }
}
