//! Real client code against the model.

mod bad_input;
mod clients;
mod cross_lane;
mod pub_sub;
mod region_outage;
