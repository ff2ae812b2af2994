//! Tests of the replicated data types from outside: documented tables, laws, and histories judged by
//! a specification that shares no code with the implementation.

mod cases;
mod collect;
mod convergence;
mod history;
mod json_rules;
mod laws;
mod oracle;
mod rules;
mod serialization;
mod specification;
