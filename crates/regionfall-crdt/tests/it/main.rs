//! Tests of the replicated data types from outside: documented tables, laws, and histories judged by
//! a specification that shares no code with the implementation.

mod cases;
mod collect;
mod history;
mod laws;
mod oracle;
mod specification;
