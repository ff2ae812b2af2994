//! The crate from outside: pictures and the page, drawn from made-up data.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod made_up;
mod page;
mod pictures;
