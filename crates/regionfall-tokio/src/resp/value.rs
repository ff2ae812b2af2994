//! From replies to the values of redis-rs, without bytes between them.

use redis::Value;
use regionfall_crdt::Reply;

/// What redis-rs makes of a reply in the second version of the protocol.
pub(crate) fn to_value(reply: Reply) -> Value {
    match reply {
        Reply::Ok => Value::Okay,
        Reply::Pong => Value::SimpleString("PONG".to_owned()),
        Reply::Status(text) => Value::SimpleString(text.to_owned()),
        Reply::Integer(number) => Value::Int(number),
        Reply::Content(content) => Value::BulkString(content.to_bytes().to_vec()),
        Reply::Element(element) => Value::BulkString(element.to_bytes().to_vec()),
        Reply::Nil => Value::Nil,
        Reply::Array(replies) => Value::Array(replies.into_iter().map(to_value).collect()),
        Reply::Error(_) => {
            let mut bytes = Vec::new();
            let plain = (super::Protocol::Resp2, super::Shape::Plain);
            super::encode(&reply, plain, &mut bytes);
            // redis-rs alone knows how it reads the text of an error.
            redis::parse_redis_value(&bytes).unwrap_or(Value::Nil)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Protocol, Shape, encode};
    use regionfall_crdt::ErrorKind;

    #[test]
    fn values_are_what_redis_rs_reads_from_bytes_of_the_length_that_is_counted() {
        let error = |text| Reply::Error(ErrorKind::Other(text));
        for reply in [
            Reply::Ok,
            Reply::Pong,
            Reply::Status("QUEUED"),
            Reply::Integer(-12),
            Reply::bulk("a\r\nb"),
            Reply::Nil,
            Reply::Array(vec![
                Reply::Integer(1),
                Reply::Nil,
                Reply::Array(Vec::new()),
            ]),
            error("ERR no"),
            error("OOM command not allowed when used memory > 'maxmemory'."),
            Reply::Error(ErrorKind::WrongType),
        ] {
            let mut bytes = Vec::new();
            encode(&reply, (Protocol::Resp2, Shape::Plain), &mut bytes);
            assert_eq!(bytes.len(), reply.bytes(), "{reply:?}");
            let read = redis::parse_redis_value(&bytes).expect("redis-rs reads it");
            assert_eq!(to_value(reply), read);
        }
    }
}
