//! The far end of a stream: a member's side of a client's connection.
//!
//! It reads requests, answers what is about the connection itself, and gives all else to the one dispatcher of the data
//! types. One request follows the other; none is executed while too much output waits for a client that does not read.

mod control;
mod input;
mod subscriptions;
mod wait;

use redis::Value;
use regionfall::network::{Draw, End};
use regionfall::simulation::Asked::{Answered, Later};
use regionfall::simulation::{SteppedRun, StreamId, StreamRequest};
use regionfall_crdt::{Command, CommandKind, Connection, ErrorKind, KeyId, Reply};

use crate::books::{Asked, Line};
use crate::resp::{Protocol, encode, shape_of, to_value};
pub(crate) use input::Input;
use subscriptions::Subscriptions;
pub(crate) use wait::Wait;

/// Most output that may wait for a client before its next request is executed. Redis has no such limit for normal clients
/// (`client-output-buffer-limit normal 0 0 0`) and grows; here nothing does. The size is assumed.
const OUTPUT_MAX: usize = 1024 * 1024;
/// Most output that may wait for a subscriber before it is disconnected (Redis `client-output-buffer-limit pubsub 32mb`).
const SUBSCRIBER_OUTPUT_MAX: usize = 32 * 1024 * 1024;

/// A member's side of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    id: StreamId,
    input: Input,
    connection: Connection,
    /// The first key of the transaction under way, or of what it watches: it decides the shard.
    transaction_key: Option<KeyId>,
    protocol: Protocol,
    name: Vec<u8>,
    subscriptions: Subscriptions,
    output: Vec<u8>,
    /// Nothing more is read; when the output is gone, the connection closes.
    is_closing: bool,
    /// The request that the member has in hand. Some are never answered, though the connection stands.
    pending: Option<Pending>,
    /// The answer, where answers travel as values.
    made: Option<Value>,
    /// The request that waits for replicas.
    waiting: Option<(u64, Wait)>,
}

/// A request that the member has in hand.
#[derive(Clone, Debug)]
struct Pending {
    number: u64,
    kind: CommandKind,
    /// Where it publishes.
    channel: Option<Vec<u8>>,
    draw: Option<Draw>,
}

impl Session {
    pub(crate) fn new(id: StreamId, input: Input) -> Self {
        Self {
            id,
            input,
            connection: Connection::new(),
            transaction_key: None,
            protocol: Protocol::default(),
            name: Vec::new(),
            subscriptions: Subscriptions::default(),
            output: Vec::new(),
            is_closing: false,
            pending: None,
            made: None,
            waiting: None,
        }
    }

    /// A client sends a request of so many bytes as its words.
    pub(crate) fn announce(&mut self, words: Vec<Vec<u8>>, bytes: usize) {
        self.input.announce(words, bytes);
    }

    /// When it wants to be served again, though nothing may arrive.
    pub(crate) fn wakes_at(&self) -> Option<regionfall_kernel::SimTime> {
        self.waiting.as_ref().map(|(_, wait)| wait.until)
    }

    /// Reads what has arrived and answers it, as far as it may.
    pub(crate) fn serve(&mut self, run: &mut SteppedRun, line: &mut Line, others: &[Option<Self>]) {
        self.look_at_replicas(run, line);
        self.look_for_answer(run, line, others);
        let mut is_over = false;
        while !self.is_closing && self.is_free() {
            self.flush(run, None);
            if self.output.len() > OUTPUT_MAX {
                break;
            }
            match self.input.next() {
                Ok(Some(words)) => self.answer(run, line, &words, others),
                Ok(None) => {
                    let taken = run.take(self.id, End::Server, usize::MAX);
                    is_over = taken.is_over;
                    if taken.bytes.is_empty() {
                        break;
                    }
                    self.input.feed(&taken.bytes);
                }
                Err(error) => {
                    let before = self.output.len();
                    if !error.0.is_empty() {
                        let error = Reply::Error(ErrorKind::Quoting(error.0.into()));
                        self.say(&error);
                    }
                    line.pushed(self.output.len() - before);
                    self.is_closing = true;
                }
            }
        }
        // Redis lets go of a client that writes no more, once it has answered what came before.
        self.is_closing |= is_over && self.is_free();
        self.flush(run, None);
    }

    /// Writes as much of the output as there is room for.
    fn flush(&mut self, run: &mut SteppedRun, draw: Option<Draw>) {
        if !self.output.is_empty() {
            let written = run.write(self.id, End::Server, &self.output, draw);
            self.output.drain(..written);
        }
        if self.is_closing && self.output.is_empty() {
            run.close(self.id, End::Server);
        }
    }

    fn answer(
        &mut self,
        run: &mut SteppedRun,
        line: &mut Line,
        words: &[Vec<u8>],
        others: &[Option<Self>],
    ) {
        let (number, asked) = line.serve_next();
        let before = self.output.len();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let is_error = self.respond(run, (number, asked), &words, others);
        if self.is_free() {
            let draw = asked.and_then(|asked| asked.draw);
            self.replied(run, line, (number, draw), (before, is_error));
        }
    }

    /// Whether it can go on to the next request.
    fn is_free(&self) -> bool {
        self.pending.is_none() && self.waiting.is_none()
    }

    /// The answer to a request stands in the output, from `before`.
    fn replied(
        &mut self,
        run: &mut SteppedRun,
        line: &mut Line,
        (number, draw): (u64, Option<Draw>),
        (before, is_error): (usize, bool),
    ) {
        let value = self.input.is_words().then(|| {
            self.made
                .take()
                .unwrap_or_else(|| value_of(&self.output[before..]))
        });
        let bytes = self.output.len() - before;
        line.replied(number, (bytes, is_error), value);
        if before == 0 {
            self.flush(run, draw.map(|draw| draw.leg(1)));
        }
    }

    /// The member may have answered the request that it has in hand.
    fn look_for_answer(&mut self, run: &mut SteppedRun, line: &mut Line, others: &[Option<Self>]) {
        if self.pending.is_none() {
            return;
        }
        let Some((connection, reply)) = run.answer(self.id) else {
            return;
        };
        if let Some(pending) = self.pending.take() {
            self.connection = connection;
            let before = self.output.len();
            let about = (pending.number, pending.draw);
            let is_error = self.tell(run, reply, &pending, others);
            self.replied(run, line, about, (before, is_error));
        }
    }

    /// Writes what a member answered; returns whether it is an error.
    fn tell(
        &mut self,
        run: &SteppedRun,
        mut reply: Reply,
        pending: &Pending,
        others: &[Option<Self>],
    ) -> bool {
        if matches!(pending.kind, CommandKind::Exec | CommandKind::Discard) {
            self.transaction_key = None;
        }
        if let (Some(channel), Reply::Integer(heard)) = (&pending.channel, &mut reply) {
            let listeners = self.listeners(run, channel, others);
            *heard = i64::try_from(listeners).unwrap_or(i64::MAX);
        }
        if self.input.is_words() {
            self.output.resize(self.output.len() + reply.bytes(), 0);
            let is_error = reply.is_error();
            self.made = Some(to_value(reply));
            return is_error;
        }
        let shape = (self.protocol, shape_of(pending.kind));
        encode(&reply, shape, &mut self.output);
        reply.is_error()
    }

    /// Answers a request; returns whether with an error.
    fn respond(
        &mut self,
        run: &mut SteppedRun,
        (number, asked): (u64, Option<Asked>),
        words: &[&[u8]],
        others: &[Option<Self>],
    ) -> bool {
        if self.is_kept_from(words[0]) {
            let name = String::from_utf8_lossy(words[0]).to_ascii_lowercase();
            return self.refuse(format!(
                "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
            ));
        }
        if let Some(is_error) = self.control(run, number, words) {
            return is_error;
        }
        let command = match run.parse(words) {
            Ok(command) => command,
            Err(error) => {
                self.connection.refuse();
                return self.refuse(explain(&error, words));
            }
        };
        let kind = command.kind();
        match self.shard_key(run, &command) {
            Ok(key) => {
                let pending = Pending {
                    number,
                    kind,
                    channel: (kind == CommandKind::Publish).then(|| words[1].to_vec()),
                    draw: asked.and_then(|asked| asked.draw),
                };
                let request = StreamRequest {
                    connection: std::mem::take(&mut self.connection),
                    command,
                    key,
                    for_operation: asked
                        .map(|asked| (asked.operation, asked.attempt, asked.question)),
                    draw: pending.draw,
                };
                match run.ask(self.id, request) {
                    Answered(connection, reply) => {
                        self.connection = connection;
                        self.tell(run, reply, &pending, others)
                    }
                    Later => {
                        self.pending = Some(pending);
                        false
                    }
                }
            }
            Err(text) => {
                self.connection.refuse();
                self.refuse(text.to_owned())
            }
        }
    }

    /// The key that decides which shard executes a command. All keys of a command, and of a transaction, must
    /// belong to one.
    fn shard_key(
        &mut self,
        run: &SteppedRun,
        command: &Command,
    ) -> Result<Option<KeyId>, &'static str> {
        let is_about_transaction = self.connection.is_queueing()
            || matches!(command.kind(), CommandKind::Watch | CommandKind::Exec);
        let keys: &[KeyId] = match command {
            Command::Call(call) => call.keys(),
            _ => &[],
        };
        let first = command.key();
        let decides = if is_about_transaction {
            self.transaction_key.or(first)
        } else {
            first
        };
        let fits = |&key: &KeyId| decides.is_none_or(|other| run.share_a_slot(key, other));
        if !keys.iter().all(fits) || !first.iter().all(fits) {
            return Err("CROSSSLOT Keys in request don't hash to the same slot");
        }
        if is_about_transaction {
            self.transaction_key = decides;
        }
        Ok(decides)
    }

    fn say(&mut self, reply: &Reply) {
        let shape = crate::resp::Shape::Plain;
        encode(reply, (self.protocol, shape), &mut self.output);
    }

    fn refuse(&mut self, text: String) -> bool {
        self.say(&Reply::Error(ErrorKind::Quoting(text.into())));
        true
    }
}

/// What redis-rs makes of an answer about the connection.
fn value_of(bytes: &[u8]) -> Value {
    redis::parse_redis_value(bytes).unwrap_or(Value::Nil)
}

/// The text of an error; Redis shows what came with a command that it does not know.
fn explain(error: &ErrorKind, words: &[&[u8]]) -> String {
    let ErrorKind::UnknownCommand(name) = error else {
        return error.message().into_owned();
    };
    // Redis shows 128 bytes of the name, and of the arguments together.
    let name: String = name.chars().take(128).collect();
    let mut shown = String::new();
    for word in &words[1..] {
        if shown.len() >= 128 {
            break;
        }
        let left = 128 - shown.len();
        let word = String::from_utf8_lossy(&word[..word.len().min(left)]);
        shown.extend(["'", &word, "' "]);
    }
    format!("ERR unknown command '{name}', with args beginning with: {shown}")
}
