//! From bytes to requests, cut anywhere, with the limits and the errors of Redis.

/// Longest word of a request (Redis `proto-max-bulk-len`, 512 MiB).
const BULK_MAX: i64 = 512 * 1024 * 1024;
/// Most words of a request (Redis `networking.c`: 2^31 - 1).
const WORDS_MAX: i64 = i32::MAX as i64;
/// Longest line: an inline request, or the head of another (Redis `PROTO_INLINE_MAX_SIZE`, 64 KiB).
const LINE_MAX: usize = 64 * 1024;
/// Most bytes that one request may take until it is whole (Redis `client-query-buffer-limit`, 1 GiB).
const REQUEST_MAX: usize = 1024 * 1024 * 1024;

/// What Redis answers before it closes the connection; empty where it answers nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProtocolError(pub(crate) String);

impl ProtocolError {
    fn new(text: &str) -> Self {
        Self(format!("ERR Protocol error: {text}"))
    }
}

/// Requests, as far as their bytes have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    /// Bytes that are not read yet begin at `read`.
    buffer: Vec<u8>,
    read: usize,
    /// Words of the request under way.
    words: Vec<Vec<u8>>,
    /// How many more words it has.
    missing: usize,
    /// Length of the word under way.
    bulk: Option<usize>,
    /// Bytes of the words so far.
    size: usize,
    /// A protocol error ends the stream.
    failed: bool,
}

impl Requests {
    /// More bytes came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.failed {
            return;
        }
        if self.read > 0 && self.read * 2 >= self.buffer.len() {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole request, never empty.
    ///
    /// # Errors
    /// Once, when the bytes break the protocol. Nothing follows.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        if self.failed {
            return Ok(None);
        }
        let next = self.read_request();
        if next.is_err() {
            *self = Self {
                failed: true,
                ..Self::default()
            };
        }
        next
    }

    fn read_request(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        loop {
            if self.missing > 0 {
                if !self.read_words()? {
                    return Ok(None);
                }
                self.size = 0;
                return Ok(Some(std::mem::take(&mut self.words)));
            }
            match self.buffer.get(self.read) {
                None => return Ok(None),
                Some(b'*') => {
                    let Some(line) = self.line("too big mbulk count string")? else {
                        return Ok(None);
                    };
                    let count = number(&line[1..])
                        .filter(|&count| count <= WORDS_MAX)
                        .ok_or_else(|| ProtocolError::new("invalid multibulk length"))?;
                    // None or less is no request.
                    self.missing = usize::try_from(count).unwrap_or(0);
                }
                Some(_) => {
                    let Some(line) = self.line("too big inline request")? else {
                        return Ok(None);
                    };
                    let words = inline_words(&line)
                        .ok_or_else(|| ProtocolError::new("unbalanced quotes in request"))?;
                    if !words.is_empty() {
                        return Ok(Some(words));
                    }
                }
            }
        }
    }

    /// Reads words until the request is whole; returns whether it is.
    fn read_words(&mut self) -> Result<bool, ProtocolError> {
        while self.missing > 0 {
            let length = if let Some(length) = self.bulk {
                length
            } else {
                match self.buffer.get(self.read) {
                    None => return Ok(false),
                    Some(b'$') => {}
                    Some(&other) => {
                        let found = char::from(other);
                        let text = format!("expected '$', got '{found}'");
                        return Err(ProtocolError::new(&text));
                    }
                }
                let Some(line) = self.line("too big bulk count string")? else {
                    return Ok(false);
                };
                let length = number(&line[1..])
                    .filter(|length| (0..=BULK_MAX).contains(length))
                    .ok_or_else(|| ProtocolError::new("invalid bulk length"))?;
                let length = length as usize;
                self.size += length;
                if self.size > REQUEST_MAX {
                    return Err(ProtocolError(String::new()));
                }
                self.bulk = Some(length);
                length
            };
            let rest = &self.buffer[self.read..];
            if rest.len() < length + 2 {
                return Ok(false);
            }
            // Redis takes the two bytes behind a word for its end, whatever they are.
            self.words.push(rest[..length].to_vec());
            self.read += length + 2;
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(true)
    }

    /// Takes a line without its end, if it is whole.
    fn line(&mut self, too_long: &str) -> Result<Option<Vec<u8>>, ProtocolError> {
        let rest = &self.buffer[self.read..];
        let Some(end) = rest
            .iter()
            .take(LINE_MAX + 1)
            .position(|&byte| byte == b'\n')
        else {
            if rest.len() > LINE_MAX {
                return Err(ProtocolError::new(too_long));
            }
            return Ok(None);
        };
        let line = rest[..end]
            .strip_suffix(b"\r")
            .unwrap_or(&rest[..end])
            .to_vec();
        self.read += end + 1;
        Ok(Some(line))
    }
}

/// A number as Redis spells it.
fn number(digits: &[u8]) -> Option<i64> {
    let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
    let is_number = !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit);
    is_number
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

/// The words of an inline request; `None` if its quotes do not match (Redis `sdssplitargs`).
fn inline_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else {
            return Some(words);
        };
        let (word, after) = if first == b'"' || first == b'\'' {
            quoted(rest, first)?
        } else {
            let end = rest
                .iter()
                .position(u8::is_ascii_whitespace)
                .unwrap_or(rest.len());
            (rest[..end].to_vec(), &rest[end..])
        };
        words.push(word);
        rest = after;
    }
}

/// A word in quotes, and what follows it.
fn quoted(text: &[u8], quote: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut place = 1;
    loop {
        let byte = *text.get(place)?;
        if byte == quote {
            let after = &text[place + 1..];
            let is_apart = after.first().is_none_or(u8::is_ascii_whitespace);
            return is_apart.then_some((word, after));
        }
        if byte == b'\\' {
            place += 1;
            let escaped = *text.get(place)?;
            let plain = match (quote, escaped) {
                (b'"', b'n') => b'\n',
                (b'"', b'r') => b'\r',
                (b'"', b't') => b'\t',
                (b'"', b'b') => 8,
                (b'"', b'a') => 7,
                (b'"', other) | (_, other @ b'\'') => other,
                (_, other) => {
                    word.push(b'\\');
                    other
                }
            };
            word.push(plain);
        } else {
            word.push(byte);
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8], cut: usize) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
        let mut requests = Requests::default();
        let mut found = Vec::new();
        for part in bytes.chunks(cut.max(1)) {
            requests.feed(part);
            loop {
                match requests.next() {
                    Ok(Some(words)) => found.push(words),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error.0)),
                }
            }
        }
        (found, None)
    }

    proptest! {
        #[test]
        fn what_redis_rs_packs_is_read_back_however_it_is_cut(
            commands in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5), 0..5),
            cut in 1_usize..50,
        ) {
            let mut bytes = Vec::new();
            for words in &commands {
                let mut cmd = redis::Cmd::new();
                for word in words {
                    cmd.arg(word.as_slice());
                }
                bytes.extend(cmd.get_packed_command());
            }
            prop_assert_eq!(all(&bytes, cut), (commands, None));
        }

        #[test]
        fn how_bytes_are_cut_changes_nothing(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"'), any::<u8>()], 0..200),
            cut in 1_usize..20,
        ) {
            prop_assert_eq!(all(&bytes, cut), all(&bytes, bytes.len()));
        }
    }

    #[test]
    fn broken_requests_meet_the_errors_of_redis() {
        let error = |bytes: &[u8]| all(bytes, 7).1;
        let text = |text: &str| Some(format!("ERR Protocol error: {text}"));
        assert_eq!(error(b"*x\r\n"), text("invalid multibulk length"));
        assert_eq!(error(b"*9999999999\r\n"), text("invalid multibulk length"));
        assert_eq!(error(b"*1\r\n+PING\r\n"), text("expected '$', got '+'"));
        assert_eq!(error(b"*1\r\n$-1\r\n"), text("invalid bulk length"));
        assert_eq!(error(b"*1\r\n$536870913\r\n"), text("invalid bulk length"));
        assert_eq!(
            error(b"SET a \"b\r\n"),
            text("unbalanced quotes in request")
        );
        assert_eq!(error(&vec![b'a'; 70_000]), text("too big inline request"));
        let mut long = b"*".to_vec();
        long.extend(vec![b'1'; 70_000]);
        assert_eq!(error(&long), text("too big mbulk count string"));
        assert_eq!(error(b"*0\r\n*-1\r\n\r\nPING\r\n"), None);
    }

    #[test]
    fn inline_requests_are_split_as_a_terminal_would() {
        let (found, _) = all(b"  set  'a b'  \"c\\n\"\r\n", 100);
        assert_eq!(found, [[b"set".to_vec(), b"a b".to_vec(), b"c\n".to_vec()]]);
    }
}
