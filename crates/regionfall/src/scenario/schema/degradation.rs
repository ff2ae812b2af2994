//! Faults that break nothing and make everything worse: wrong clocks, surges of load, slow machines, health
//! endpoints that do not answer.

use super::fault::{AT, FLAPPING, LASTS, MEMBER, MODE};
use super::root::PAUSE;
use super::{Default, Form, Key, Kind, Table};

const FACTOR: Kind = Kind::Number(0.001, 10_000.0);

pub(super) const CLOCK_SKEW: Form = Form {
    word: "clock-skew",
    table: &Table {
        title: "kind = \"clock-skew\"",
        doc: "The clock of a member's machine is wrong, and with it the time on what is written there: which of two concurrent writes to a string stays is decided by it. With the end of the fault the clock is right again, in a step.",
        keys: &[
            MEMBER,
            AT,
            LASTS,
            FLAPPING,
            Key::new(
                "offset",
                PAUSE,
                Default::Text("0s"),
                "How wrong it is from the beginning.",
            ),
            Key::new(
                "drift",
                Kind::Share(0.0, 1.0),
                Default::Text("0%"),
                "How much more with the time that passes: \"0.02%\" is 200 ppm, 0.7 s in an hour.",
            ),
            Key::new(
                "direction",
                Kind::Word(&[("ahead", "it is fast"), ("behind", "it is slow")]),
                Default::Text("ahead"),
                "Which way.",
            ),
        ],
        open: None,
    },
};

pub(super) const LOAD_SURGE: Form = Form {
    word: "load-surge",
    table: &Table {
        title: "kind = \"load-surge\"",
        doc: "Applications ask more than usual: rates are multiplied, thinking times divided.",
        keys: &[
            Key::new(
                "region",
                Kind::Region,
                Default::Absent("app servers everywhere"),
                "The region of the app servers.",
            ),
            AT,
            LASTS,
            FLAPPING,
            Key::new(
                "factor",
                FACTOR,
                Default::Required,
                "So many times more; less than 1 is a lull.",
            ),
        ],
        open: None,
    },
};

const SLOWER: Key = Key::new("factor", FACTOR, Default::Required, "So many times longer.");

pub(super) const SLOW_HOST: Form = Form {
    word: "slow-host",
    table: &Table {
        title: "kind = \"slow-host\"",
        doc: "The machine of a member is slow: its processes work so many times longer on everything; its disks keep their pace (`slow-disk`). Goes with service times in `[database.capacity]`.",
        keys: &[MEMBER, AT, LASTS, FLAPPING, SLOWER],
        open: None,
    },
};

pub(super) const SLOW_DISK: Form = Form {
    word: "slow-disk",
    table: &Table {
        title: "kind = \"slow-disk\"",
        doc: "The disks of a member's machines are slow: each fsync and snapshot that begins takes so many times longer. With `aof-always` every write waits for that; with `aof-everysec` processes go on for two whole seconds of one fsync, and then stand still in a write until it is done. Goes with `database.persistence`.",
        keys: &[MEMBER, AT, LASTS, FLAPPING, SLOWER],
        open: None,
    },
};

pub(super) const HEALTH_ENDPOINT_DOWN: Form = Form {
    word: "health-endpoint-down",
    table: &Table {
        title: "kind = \"health-endpoint-down\"",
        doc: "The management process of a member's node does not answer availability checks, while the database goes on.",
        keys: &[MEMBER, AT, LASTS, FLAPPING, MODE],
        open: None,
    },
};

pub(super) const COORDINATOR_DOWN: Form = Form {
    word: "coordinator-down",
    table: &Table {
        title: "kind = \"coordinator-down\"",
        doc: "The coordinator that client processes follow does not answer.",
        keys: &[AT, LASTS, FLAPPING, MODE],
        open: None,
    },
};
