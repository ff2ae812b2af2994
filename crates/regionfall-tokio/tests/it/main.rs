//! Real client code against the model.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail loudly, as tests do"
)]

mod bad_input;
mod clients;
mod cross_lane;
mod doors;
mod own_test;
mod pub_sub;
mod region_outage;
mod rules;
