//! Tests of the kernel from outside: the queue against a naive model, and values that must never change.

mod golden;
mod queue_model;
mod queue_stress;
