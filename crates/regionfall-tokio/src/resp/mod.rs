//! RESP as a server speaks it: requests come in, replies go out.
//!
//! Source: Redis documentation, "Redis serialization protocol specification"; limits and texts of errors from Redis'
//! `networking.c`. Replies are read by the client under test itself, so there is no parser of replies here.

mod reply;
mod request;
mod value;

pub(crate) use reply::{Protocol, Shape, encode, encode_bulk, encode_length, shape_of};
pub(crate) use request::{ProtocolError, Requests};
pub(crate) use value::to_value;
