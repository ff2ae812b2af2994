//! Requests that travel as their words and their length, without being written as bytes.

use std::io;

use redis::Value;
use regionfall::network::{Draw, End};
use regionfall::simulation::{SteppedRun, StreamId};
use tokio::sync::oneshot;

use super::{Hub, Stage, State, error_of};

/// What is sent in the place of a request's bytes.
const BLANK: [u8; 4_096] = [0; 4_096];

impl Hub {
    /// Sends a request; its answer comes over the channel, unless the connection breaks.
    pub(crate) fn ask(
        &self,
        id: StreamId,
        words: Vec<Vec<u8>>,
    ) -> io::Result<oneshot::Receiver<Value>> {
        let (sender, receiver) = oneshot::channel();
        let asked = self.act(|state, run| {
            let now = run.now();
            let timeout = state.timeout;
            let socket = state.socket(id);
            match socket.stage {
                Stage::Open => {}
                Stage::Broken(cause) => return Err(error_of(cause, false)),
                Stage::Opening | Stage::Closed => return Err(io::ErrorKind::NotConnected.into()),
            }
            let (number, draw) = socket.line.asked(run, &words, sender);
            let bytes = packed_length(&words);
            socket.unsent += bytes;
            if let Some(timeout) = timeout {
                state.due.push_back((now + timeout, id, number));
            }
            state
                .transcript
                .note(now, id, End::Client, &words.join(&b' '));
            if let Some(session) = &mut state.sessions[id.0 as usize] {
                session.announce(words, bytes);
            }
            state.send_unsent(run, id, draw);
            Ok(())
        });
        asked.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(receiver)
    }

    /// Why a connection gives no answers any more.
    pub(crate) fn why_broken(&self, id: StreamId) -> io::Error {
        match self.lock().socket(id).stage {
            Stage::Broken(cause) => error_of(cause, false),
            _ => io::ErrorKind::BrokenPipe.into(),
        }
    }
}

impl State {
    /// Sends of what was asked as much as there is room for.
    pub(super) fn send_unsent(&mut self, run: &mut SteppedRun, id: StreamId, draw: Option<Draw>) {
        let socket = self.socket(id);
        let mut draw = draw;
        while socket.unsent > 0 {
            let part = socket.unsent.min(BLANK.len());
            let sent = run.write(id, End::Client, &BLANK[..part], draw.take());
            if sent == 0 {
                return;
            }
            socket.unsent -= sent;
        }
    }

    /// The client's side of such a stream takes what arrives as soon as it does.
    pub(super) fn take_answers(&mut self, run: &mut SteppedRun, id: StreamId) {
        let taken = run.take(id, End::Client, usize::MAX);
        if !taken.bytes.is_empty() {
            self.socket(id).line.took(run, taken.bytes.len());
            self.serve(run, id);
        }
    }
}

/// Bytes of a request in RESP (Redis documentation, serialization protocol specification).
fn packed_length(words: &[Vec<u8>]) -> usize {
    let digits = |number: usize| number.checked_ilog10().unwrap_or(0) as usize + 1;
    let bulk = |word: &Vec<u8>| 5 + digits(word.len()) + word.len();
    3 + digits(words.len()) + words.iter().map(bulk).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_length_is_that_of_what_redis_rs_packs(
            words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..12),
        ) {
            let mut command = redis::Cmd::new();
            for word in &words {
                command.arg(word.as_slice());
            }
            prop_assert_eq!(packed_length(&words), command.get_packed_command().len());
        }
    }
}
