//! Commands about the connection or the server itself, which no data type answers.
//!
//! Source: Redis commands reference, connection and server management. Names and passwords are taken as they come: a
//! scenario has no users.

use regionfall::simulation::SteppedRun;
use regionfall_crdt::{Connection, Reply, SLOTS};

use super::Session;
use crate::resp::{Protocol, encode_bulk, encode_length};

/// The version that the member says it is: the one whose commands reference the data types follow.
const VERSION: &str = "8.4.0";

impl Session {
    /// Answers a command that is about the connection; returns whether with an error, `None` if it is not one.
    pub(super) fn control(
        &mut self,
        run: &mut SteppedRun,
        number: u64,
        words: &[&[u8]],
    ) -> Option<bool> {
        let name = String::from_utf8_lossy(words[0]).to_ascii_lowercase();
        // (fewest, most) words.
        let (fewest, most) = match name.as_str() {
            "hello" | "info" | "command" | "quit" | "reset" | "readonly" | "readwrite"
            | "unsubscribe" | "punsubscribe" => (1, usize::MAX),
            "client" | "cluster" | "config" | "subscribe" | "psubscribe" => (2, usize::MAX),
            "auth" => (2, 3),
            "select" => (2, 2),
            "wait" => (3, 3),
            "ping" if self.is_limited() => (1, 2),
            _ => return None,
        };
        if words.len() < fewest || words.len() > most {
            self.connection.refuse();
            return Some(self.refuse(format!(
                "ERR wrong number of arguments for '{name}' command"
            )));
        }
        if self.connection.is_queueing() && name != "reset" && name != "quit" {
            self.connection.refuse();
            let text = "ERR Command not allowed inside a transaction";
            return Some(self.refuse(text.to_owned()));
        }
        let ok = |session: &mut Self| {
            session.say(&Reply::Ok);
            false
        };
        let arguments = &words[1..];
        Some(match name.as_str() {
            "hello" => self.hello(arguments),
            "auth" | "readonly" | "readwrite" => ok(self),
            "client" => self.client(arguments),
            "cluster" => self.cluster(run, arguments),
            "select" if words[1] == b"0" => ok(self),
            "select" => self.refuse("ERR DB index is out of range".to_owned()),
            "info" => {
                let text = info(run, run.is_loading(self.id));
                encode_bulk(text.as_bytes(), &mut self.output);
                false
            }
            "command"
                if arguments
                    .first()
                    .is_some_and(|word| word.eq_ignore_ascii_case(b"count")) =>
            {
                let count = regionfall_crdt::CommandKind::ALL.len();
                encode_length(b':', count, &mut self.output);
                false
            }
            "command" => {
                self.say(&Reply::Array(Vec::new()));
                false
            }
            "config" => {
                self.map(0);
                false
            }
            "wait" => self.begin_wait(run, number, words),
            "quit" => {
                self.is_closing = true;
                ok(self)
            }
            "reset" => {
                self.connection = Connection::new();
                self.transaction_key = None;
                self.protocol = Protocol::Resp2;
                self.name.clear();
                self.forget_subscriptions();
                self.say(&Reply::Status("RESET"));
                false
            }
            "ping" => {
                encode_length(b'*', 2, &mut self.output);
                encode_bulk(b"pong", &mut self.output);
                encode_bulk(arguments.first().unwrap_or(&&b""[..]), &mut self.output);
                false
            }
            "subscribe" | "psubscribe" => {
                self.subscribe(run, &name, arguments);
                false
            }
            _ => {
                self.unsubscribe(&name, arguments);
                false
            }
        })
    }

    fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => encode_length(b'*', pairs * 2, &mut self.output),
            Protocol::Resp3 => encode_length(b'%', pairs, &mut self.output),
        }
    }

    fn hello(&mut self, arguments: &[&[u8]]) -> bool {
        let protocol = match arguments.first().copied() {
            None => self.protocol,
            Some(b"2") => Protocol::Resp2,
            Some(b"3") => Protocol::Resp3,
            Some(other) if other.iter().all(u8::is_ascii_digit) => {
                return self.refuse("NOPROTO unsupported protocol version".to_owned());
            }
            Some(_) => {
                let text = "ERR Protocol version is not an integer or out of range";
                return self.refuse(text.to_owned());
            }
        };
        let mut rest = arguments.get(1..).unwrap_or(&[]);
        let mut name = None;
        while let Some((&word, after)) = rest.split_first() {
            if word.eq_ignore_ascii_case(b"auth") && after.len() >= 2 {
                rest = &after[2..];
            } else if word.eq_ignore_ascii_case(b"setname") && !after.is_empty() {
                name = Some(after[0].to_vec());
                rest = &after[1..];
            } else {
                let option = String::from_utf8_lossy(word);
                return self.refuse(format!("ERR Syntax error in HELLO option '{option}'"));
            }
        }
        if let Some(name) = name {
            self.name = name;
        }
        self.protocol = protocol;
        self.map(7);
        for (key, value) in [("server", "redis"), ("version", VERSION)] {
            encode_bulk(key.as_bytes(), &mut self.output);
            encode_bulk(value.as_bytes(), &mut self.output);
        }
        encode_bulk(b"proto", &mut self.output);
        let version = if protocol == Protocol::Resp2 { 2 } else { 3 };
        encode_length(b':', version, &mut self.output);
        encode_bulk(b"id", &mut self.output);
        encode_length(b':', self.id.0 as usize + 1, &mut self.output);
        for (key, value) in [("mode", "standalone"), ("role", "master")] {
            encode_bulk(key.as_bytes(), &mut self.output);
            encode_bulk(value.as_bytes(), &mut self.output);
        }
        encode_bulk(b"modules", &mut self.output);
        encode_length(b'*', 0, &mut self.output);
        false
    }

    fn client(&mut self, arguments: &[&[u8]]) -> bool {
        let word = String::from_utf8_lossy(arguments[0]).to_ascii_lowercase();
        match (word.as_str(), &arguments[1..]) {
            ("setinfo", [_, _]) | ("no-evict" | "no-touch", [_]) => self.say(&Reply::Ok),
            ("setname", [name]) if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) => {
                self.name = name.to_vec();
                self.say(&Reply::Ok);
            }
            ("setname", [_]) => {
                let text =
                    "ERR Client names cannot contain spaces, newlines or special characters.";
                return self.refuse(text.to_owned());
            }
            ("getname", []) if self.name.is_empty() => self.say(&Reply::Nil),
            ("getname", []) => {
                let name = self.name.clone();
                encode_bulk(&name, &mut self.output);
            }
            ("id", []) => self.say(&Reply::Integer(i64::from(self.id.0) + 1)),
            ("info", []) => {
                let name = String::from_utf8_lossy(&self.name).into_owned();
                let version = if self.protocol == Protocol::Resp2 {
                    2
                } else {
                    3
                };
                let text = format!("id={} name={name} db=0 resp={version}\n", self.id.0 + 1);
                encode_bulk(text.as_bytes(), &mut self.output);
            }
            _ => {
                let text = String::from_utf8_lossy(arguments[0]);
                return self.refuse(format!("ERR unknown subcommand '{text}'. Try CLIENT HELP."));
            }
        }
        false
    }

    /// A member of several shards has one address, whose proxy reaches them all: the slots are spread evenly, and all
    /// are found there.
    fn cluster(&mut self, run: &SteppedRun, arguments: &[&[u8]]) -> bool {
        let shards = u32::from(run.shards());
        if shards < 2 {
            let text = "ERR This instance has cluster support disabled";
            return self.refuse(text.to_owned());
        }
        // A slot's shard is slot × shards / slots, rounded down: see `KeyNames::spread_over`.
        let first = |shard: u32| (shard * u32::from(SLOTS)).div_ceil(shards);
        let ranges: Vec<(u32, u32)> = (0..shards)
            .map(|shard| (first(shard), first(shard + 1) - 1))
            .collect();
        let host = crate::address::host_of(run.member(self.id));
        let node = format!("{:040x}", run.member(self.id).0);
        let word = String::from_utf8_lossy(arguments[0]).to_ascii_lowercase();
        match word.as_str() {
            "slots" => {
                encode_length(b'*', ranges.len(), &mut self.output);
                for (first, last) in ranges {
                    encode_length(b'*', 3, &mut self.output);
                    encode_length(b':', first as usize, &mut self.output);
                    encode_length(b':', last as usize, &mut self.output);
                    encode_length(b'*', 3, &mut self.output);
                    encode_bulk(host.as_bytes(), &mut self.output);
                    encode_length(b':', usize::from(crate::address::PORT), &mut self.output);
                    encode_bulk(node.as_bytes(), &mut self.output);
                }
            }
            "shards" => {
                encode_length(b'*', ranges.len(), &mut self.output);
                for (first, last) in ranges {
                    self.map(2);
                    encode_bulk(b"slots", &mut self.output);
                    encode_length(b'*', 2, &mut self.output);
                    encode_length(b':', first as usize, &mut self.output);
                    encode_length(b':', last as usize, &mut self.output);
                    encode_bulk(b"nodes", &mut self.output);
                    encode_length(b'*', 1, &mut self.output);
                    self.map(5);
                    let port = usize::from(crate::address::PORT);
                    for (key, value) in [
                        ("id", node.as_str()),
                        ("endpoint", &host),
                        ("role", "master"),
                        ("health", "online"),
                    ] {
                        encode_bulk(key.as_bytes(), &mut self.output);
                        encode_bulk(value.as_bytes(), &mut self.output);
                    }
                    encode_bulk(b"port", &mut self.output);
                    encode_length(b':', port, &mut self.output);
                }
            }
            _ => {
                let text = String::from_utf8_lossy(arguments[0]);
                return self.refuse(format!(
                    "ERR unknown subcommand '{text}'. Try CLUSTER HELP."
                ));
            }
        }
        false
    }
}

fn info(run: &SteppedRun, is_loading: bool) -> String {
    let seconds = run.now().since_start().as_nanos() / 1_000_000_000;
    let loading = u8::from(is_loading);
    let cluster = u8::from(run.shards() > 1);
    format!(
        "# Server\r\nredis_version:{VERSION}\r\nredis_mode:standalone\r\nuptime_in_seconds:{seconds}\r\n\r\n\
         # Persistence\r\nloading:{loading}\r\n\r\n# Replication\r\nrole:master\r\n\r\n# Cluster\r\ncluster_enabled:{cluster}\r\n"
    )
}
