//! Counters: the sum of all increments that no write or deletion came after, on top of the number that was
//! written (Redis Active-Active documentation, data types: strings; that a deletion takes what it had
//! observed is derived from sorted sets). The rules are those of strings.

use proptest::prelude::*;

use super::string::Strings;
use super::{properties, words};

fn commands() -> impl Strategy<Value = Vec<String>> {
    let key = || prop_oneof![3 => Just("k"), 1 => Just("l")];
    let half = (-9..9_i32).prop_map(|halves| format!("{}", f64::from(halves) / 2.0));
    prop_oneof![
        10 => (key(), -9..9_i32).prop_map(|(key, amount)| words!["INCRBY", key, amount]),
        4 => (key(), half).prop_map(|(key, amount)| words!["INCRBYFLOAT", key, amount]),
        4 => key().prop_map(|key| words!["DEL", key]),
        3 => (key(), -5..5_i32).prop_map(|(key, value)| words!["SET", key, value]),
        1 => key().prop_map(|key| words!["SET", key, "text"]),
        1 => key().prop_map(|key| words!["GETDEL", key]),
    ]
}

properties!(Strings, commands(), 30);
