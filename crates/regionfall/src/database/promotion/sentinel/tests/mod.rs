//! Sentinels in a little town: what they must never do, what they do, and how long it takes.

mod laws;
mod stories;
mod town;
mod walk;
