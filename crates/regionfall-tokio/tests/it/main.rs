//! Real client code against the model.

mod clients;
mod region_outage;
