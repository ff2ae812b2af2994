//! From replies to bytes, in either version of the protocol.

use regionfall_crdt::{CommandKind, Reply};

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Protocol {
    /// Without maps, sets, doubles and pushes.
    #[default]
    Resp2,
    /// With them.
    Resp3,
}

/// What the third version makes of an array or a text of the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// What it is.
    Plain,
    /// Keys and values in turn.
    Map,
    /// Distinct elements.
    Set,
    /// A number with a fraction.
    Double,
}

/// The shape of a command's reply in the third version (Redis commands reference, "RESP3 reply").
pub(crate) fn shape_of(kind: CommandKind) -> Shape {
    match kind {
        CommandKind::HGetAll => Shape::Map,
        CommandKind::SMembers | CommandKind::SUnion | CommandKind::SInter | CommandKind::SDiff => {
            Shape::Set
        }
        CommandKind::ZScore | CommandKind::ZIncrBy => Shape::Double,
        _ => Shape::Plain,
    }
}

/// Writes a reply.
pub(crate) fn encode(reply: &Reply, (protocol, shape): (Protocol, Shape), out: &mut Vec<u8>) {
    let is_new = protocol == Protocol::Resp3;
    match reply {
        Reply::Ok => out.extend(b"+OK\r\n"),
        Reply::Pong => out.extend(b"+PONG\r\n"),
        Reply::Status(text) => line(b'+', text.as_bytes(), out),
        Reply::Integer(number) => line(b':', number.to_string().as_bytes(), out),
        Reply::Content(content) if is_new && shape == Shape::Double => {
            line(b',', &content.to_bytes(), out);
        }
        Reply::Content(content) => encode_bulk(&content.to_bytes(), out),
        Reply::Element(element) => encode_bulk(&element.to_bytes(), out),
        Reply::Nil if is_new => out.extend(b"_\r\n"),
        Reply::Nil => out.extend(b"$-1\r\n"),
        Reply::Array(replies) => {
            match shape {
                Shape::Map if is_new && replies.len().is_multiple_of(2) => {
                    encode_length(b'%', replies.len() / 2, out);
                }
                Shape::Set if is_new => encode_length(b'~', replies.len(), out),
                _ => encode_length(b'*', replies.len(), out),
            }
            for reply in replies {
                encode(reply, (protocol, Shape::Plain), out);
            }
        }
        Reply::Error(kind) => line(b'-', kind.message().as_bytes(), out),
    }
}

/// Writes a bulk string.
pub(crate) fn encode_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    encode_length(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend(b"\r\n");
}

/// Writes the head of something that has a length.
pub(crate) fn encode_length(kind: u8, length: usize, out: &mut Vec<u8>) {
    line(kind, length.to_string().as_bytes(), out);
}

/// A line of text; what would end it early becomes a blank, as in Redis.
fn line(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(text.iter().map(|&byte| match byte {
        b'\r' | b'\n' => b' ',
        other => other,
    }));
    out.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::Value;

    fn read(reply: &Reply, protocol: Protocol, shape: Shape) -> Value {
        let mut bytes = Vec::new();
        encode(reply, (protocol, shape), &mut bytes);
        redis::parse_redis_value(&bytes).expect("redis-rs reads it")
    }

    #[test]
    fn redis_rs_reads_what_was_written() {
        let pair = Reply::Array(vec![Reply::bulk("a"), Reply::Integer(-3)]);
        let a = || Value::BulkString(b"a".to_vec());
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let read = |reply| read(reply, protocol, Shape::Plain);
            assert_eq!(read(&Reply::Ok), Value::Okay);
            assert_eq!(read(&Reply::Nil), Value::Nil);
            assert_eq!(read(&pair), Value::Array(vec![a(), Value::Int(-3)]));
        }
        assert_eq!(
            read(&pair, Protocol::Resp3, Shape::Map),
            Value::Map(vec![(a(), Value::Int(-3))])
        );
        assert_eq!(
            read(&Reply::bulk("1.5"), Protocol::Resp3, Shape::Double),
            Value::Double(1.5)
        );
        assert_eq!(
            read(&Reply::bulk("1.5"), Protocol::Resp2, Shape::Double),
            Value::BulkString(b"1.5".to_vec())
        );
    }
}
