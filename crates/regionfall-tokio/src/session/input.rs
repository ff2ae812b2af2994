//! What a session reads requests from: bytes, or words that are there already while their bytes travel.

use std::collections::VecDeque;

use crate::resp::{ProtocolError, Requests};

/// What a session reads requests from.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// RESP.
    Bytes(Requests),
    /// Words: each request is here when so many bytes have come in all.
    Words {
        waiting: VecDeque<(u64, Vec<Vec<u8>>)>,
        announced: u64,
        came: u64,
    },
}

impl Input {
    pub(crate) fn bytes() -> Self {
        Self::Bytes(Requests::default())
    }

    pub(crate) fn words() -> Self {
        Self::Words {
            waiting: VecDeque::new(),
            announced: 0,
            came: 0,
        }
    }

    /// Whether requests come as words.
    pub(super) fn is_words(&self) -> bool {
        matches!(self, Self::Words { .. })
    }

    /// A client sends a request of so many bytes.
    pub(crate) fn announce(&mut self, words: Vec<Vec<u8>>, bytes: usize) {
        if let Self::Words {
            waiting, announced, ..
        } = self
        {
            *announced += bytes as u64;
            waiting.push_back((*announced, words));
        }
    }

    /// More bytes came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Bytes(requests) => requests.feed(bytes),
            Self::Words { came, .. } => *came += bytes.len() as u64,
        }
    }

    /// The next whole request.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        match self {
            Self::Bytes(requests) => requests.next(),
            Self::Words { waiting, came, .. } => {
                let is_here = waiting.front().is_some_and(|(ends, _)| ends <= came);
                let next = is_here.then(|| waiting.pop_front()).flatten();
                Ok(next.map(|(_, words)| words))
            }
        }
    }
}
