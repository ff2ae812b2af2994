//! What goes over one stream, request by request, and what of it enters the books.
//!
//! A client's bytes are read once more where they are written, so that each command on data is an operation from the
//! moment in which it leaves. Its answer counts when the client reads it. Commands that [`Operation`] scopes announced
//! are attempts of those operations instead, and end there.
//!
//! [`Operation`]: crate::operation

use std::collections::VecDeque;

use redis::Value;
use regionfall::history::{AttemptEnding, Ending};
use regionfall::network::Draw;
use regionfall::simulation::{Question, SteppedRun};
use regionfall::topology::{MemberId, OperationId, ServerId};
use regionfall_crdt::{Command, CommandKind};
use tokio::sync::oneshot;

use crate::resp::Requests;

/// A command that an operation's scope announced: an attempt of it, once it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) operation: OperationId,
    pub(crate) attempt: u8,
    /// Addresses the draws of its messages, if a modelled client asks the same.
    pub(crate) address: Option<(u32, u32)>,
}

/// What a request on the wire is to the books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) operation: OperationId,
    pub(crate) attempt: u8,
    pub(crate) question: Question,
    pub(crate) draw: Option<Draw>,
    /// It ends with the scope that announced it.
    is_scoped: bool,
    is_over: bool,
}

/// A request that was written and whose answer was not read.
#[derive(Debug)]
struct Expected {
    number: u64,
    asked: Option<Asked>,
    /// How many bytes the server will have written with the end of its answer, and whether that is an error.
    reply: Option<(u64, bool)>,
    /// Who waits for the answer itself, and the answer; where they travel as bytes there is neither.
    waits: Option<oneshot::Sender<Value>>,
    value: Option<Value>,
}

/// The requests of one stream.
#[derive(Debug)]
pub(crate) struct Line {
    server: ServerId,
    member: MemberId,
    /// `None` where nothing is booked.
    requests: Option<Requests>,
    transaction: Transaction,
    tags: VecDeque<Tag>,
    expected: VecDeque<Expected>,
    written: u64,
    served: u64,
    replied: u64,
    read: u64,
}

impl Line {
    pub(crate) fn new(server: ServerId, member: MemberId, is_booked: bool) -> Self {
        Self {
            server,
            member,
            requests: is_booked.then(Requests::default),
            transaction: Transaction::None,
            tags: VecDeque::new(),
            expected: VecDeque::new(),
            written: 0,
            served: 0,
            replied: 0,
            read: 0,
        }
    }

    pub(crate) fn announce(&mut self, tag: Tag) {
        self.tags.push_back(tag);
    }

    /// Takes back an announcement; whether it had not left.
    pub(crate) fn take_back(&mut self, operation: OperationId, attempt: u8) -> bool {
        let place = self
            .tags
            .iter()
            .position(|tag| (tag.operation, tag.attempt) == (operation, attempt));
        place.is_some_and(|place| self.tags.remove(place).is_some())
    }

    /// The client writes bytes. Returns the numbers of new operations of their own, and the draw of the first that has
    /// an address.
    pub(crate) fn wrote(
        &mut self,
        run: &mut SteppedRun,
        bytes: &[u8],
    ) -> (std::ops::Range<u64>, Option<Draw>) {
        let first = self.written;
        let mut draw = None;
        if let Some(requests) = &mut self.requests {
            requests.feed(bytes);
        }
        // A protocol error is the server's to answer.
        while let Some(Ok(Some(words))) = self.requests.as_mut().map(Requests::next) {
            let asked = self.book(run, &words);
            draw = draw.or(asked.and_then(|asked| asked.draw));
            self.expected.push_back(Expected {
                number: self.written,
                asked,
                reply: None,
                waits: None,
                value: None,
            });
            self.written += 1;
        }
        (first..self.written, draw)
    }

    /// The client sends a request as its words. Returns its number, and the draw that it has an address for.
    pub(crate) fn asked(
        &mut self,
        run: &mut SteppedRun,
        words: &[Vec<u8>],
        waits: oneshot::Sender<Value>,
    ) -> (u64, Option<Draw>) {
        let is_booked = self.requests.is_some();
        let asked = is_booked.then(|| self.book(run, words)).flatten();
        let number = self.written;
        self.written += 1;
        self.expected.push_back(Expected {
            number,
            asked,
            reply: None,
            waits: Some(waits),
            value: None,
        });
        (number, asked.and_then(|asked| asked.draw))
    }

    fn book(&mut self, run: &mut SteppedRun, words: &[Vec<u8>]) -> Option<Asked> {
        let tag = self.tags.iter().position(|tag| tag.words == words);
        // What was announced before it and did not come was given up before it left.
        let tag = tag.and_then(|place| self.tags.drain(..=place).next_back());
        let borrowed: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let command = run.parse(&borrowed).ok()?;
        let question = self.transaction.question(run, &command)?;
        let (operation, attempt, address) = match &tag {
            Some(tag) => (tag.operation, tag.attempt, tag.address),
            None => (run.issue(self.server, question), 0, None),
        };
        let target = (self.member, question.command.is_write());
        run.attempt(self.server, (operation, attempt), target);
        let draw = address.map(|(who, sequence)| Draw {
            who,
            sequence,
            attempt,
            leg: 0,
        });
        Some(Asked {
            operation,
            attempt,
            question,
            draw,
            is_scoped: tag.is_some(),
            is_over: false,
        })
    }

    /// What the next request that the server reads is to the books, and its number.
    pub(crate) fn serve_next(&mut self) -> (u64, Option<Asked>) {
        let number = self.served;
        self.served += 1;
        (
            number,
            self.find(number).and_then(|expected| expected.asked),
        )
    }

    /// The server wrote so many bytes, with which the answer to a request ends.
    pub(crate) fn replied(
        &mut self,
        number: u64,
        (bytes, is_error): (usize, bool),
        value: Option<Value>,
    ) {
        self.replied += bytes as u64;
        let ends = self.replied;
        if let Some(expected) = self.find(number) {
            expected.reply = Some((ends, is_error));
            expected.value = value;
        }
    }

    /// The server wrote bytes that answer nothing.
    pub(crate) fn pushed(&mut self, bytes: usize) {
        self.replied += bytes as u64;
    }

    fn find(&mut self, number: u64) -> Option<&mut Expected> {
        let first = self.expected.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.expected.get_mut(place)
    }

    /// The client read bytes: answers that are whole have arrived.
    pub(crate) fn took(&mut self, run: &mut SteppedRun, bytes: usize) {
        self.read += bytes as u64;
        while let Some(front) = self.expected.front()
            && let Some((ends, is_error)) = front.reply
            && ends <= self.read
        {
            let Some(Expected {
                asked,
                waits,
                value,
                ..
            }) = self.expected.pop_front()
            else {
                return;
            };
            let (attempt, ending) = if is_error {
                (AttemptEnding::ErrorReply, Ending::Failed)
            } else {
                (AttemptEnding::Reply, Ending::Acknowledged)
            };
            self.end(run, asked, attempt, ending);
            if let (Some(waits), Some(value)) = (waits, value) {
                // Who gave up waiting hears nothing.
                let _ = waits.send(value);
            }
        }
    }

    /// The client has waited long enough for the answer to a request.
    pub(crate) fn time_out(&mut self, run: &mut SteppedRun, number: u64) {
        let Some(expected) = self.find(number) else {
            return;
        };
        let asked = expected.asked;
        if let Some(asked) = &mut expected.asked {
            asked.is_over = true;
        }
        self.end(run, asked, AttemptEnding::Timeout, Ending::Unknown);
    }

    /// The stream is of no more use to the client.
    pub(crate) fn broke(&mut self, run: &mut SteppedRun) {
        self.tags.clear();
        // Nothing more is written: what was begun need not be kept.
        if let Some(requests) = &mut self.requests {
            *requests = Requests::default();
        }
        for expected in std::mem::take(&mut self.expected) {
            let ending = AttemptEnding::ConnectionLost;
            self.end(run, expected.asked, ending, Ending::Unknown);
        }
    }

    fn end(
        &self,
        run: &mut SteppedRun,
        asked: Option<Asked>,
        attempt: AttemptEnding,
        ending: Ending,
    ) {
        let Some(asked) = asked.filter(|asked| !asked.is_scoped && !asked.is_over) else {
            return;
        };
        run.attempt_over((asked.operation, asked.attempt), self.member, attempt);
        let decided = (ending != Ending::Unknown).then_some(self.member);
        run.operation_over(asked.operation, ending, decided);
    }
}

/// What the transaction under way counts as, if there is one.
#[derive(Clone, Copy, Debug)]
enum Transaction {
    None,
    /// It asked for nothing so far.
    Begun,
    Asks(Question),
}

impl Transaction {
    /// What a command asks for: within a transaction nothing, until EXEC asks for all of it.
    fn question(&mut self, run: &SteppedRun, command: &Command) -> Option<Question> {
        match (command.kind(), *self) {
            (CommandKind::Multi, _) => *self = Self::Begun,
            (CommandKind::Discard, _) => *self = Self::None,
            (CommandKind::Exec, state) => {
                *self = Self::None;
                if let Self::Asks(question) = state {
                    return Some(question);
                }
            }
            (_, Self::None) => return run.question(command),
            (_, Self::Begun) => {
                if let Some(question) = run.question(command) {
                    *self = Self::Asks(question);
                }
            }
            (_, Self::Asks(one)) => {
                if let Some(other) = run.question(command) {
                    *self = Self::Asks(weightier(one, other));
                }
            }
        }
        None
    }
}

/// Of two questions of a transaction, the one that decides how it counts: what repeats badly, else what writes.
fn weightier(one: Question, other: Question) -> Question {
    let weight = |question: &Question| {
        let command = question.command;
        u8::from(command.is_write()) + u8::from(!command.is_idempotent())
    };
    if weight(&other) > weight(&one) {
        other
    } else {
        one
    }
}
