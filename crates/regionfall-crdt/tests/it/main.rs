//! Tests of the replicated data types from outside: documented tables, laws, and histories judged by
//! a specification that shares no code with the implementation.

mod cases;
mod collect;
mod convergence;
mod expiry_rules;
mod history;
mod json_rules;
mod laws;
mod members;
mod oracle;
mod rules;
mod serialization;
mod specification;
