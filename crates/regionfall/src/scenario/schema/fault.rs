//! Faults: what goes wrong, when, and for how long.

use super::degradation::{CLOCK_SKEW, HEALTH_ENDPOINT_DOWN, LOAD_SURGE, SLOW_HOST};
use super::root::PERIOD;
use super::{Default, Form, Forms, Key, Kind, Table, Tag};

pub(super) const AT: Key = Key::new(
    "at",
    Kind::Delay,
    Default::Required,
    "When it begins, counted from the start of the run; always within the storm.",
);
pub(super) const LASTS: Key = Key::new(
    "lasts",
    Kind::Either(
        &Kind::Word(&[("forever", "it is never healed")]),
        &Kind::Delay,
    ),
    Default::Required,
    "How long it lasts, at most until the calm begins.",
);
pub(super) const FLAPPING: Key = Key::new(
    "flapping",
    Kind::Table(&FLAP),
    Default::Absent("it acts all the time"),
    "On and off again while it lasts.",
);
pub(super) const MEMBER: Key = Key::new(
    "region",
    Kind::Region,
    Default::Required,
    "The region of the member.",
);
const DISKS: Key = Key::new(
    "disks",
    Kind::Word(&[
        ("kept", "everything acknowledged is on them and stays"),
        ("lost", "they are gone; the member restarts empty"),
    ]),
    Default::Text("kept"),
    "What becomes of the member's disks.",
);
pub(super) const MODE: Key = Key::new(
    "mode",
    Kind::Word(&[
        ("silent", "nothing comes back"),
        (
            "refusing",
            "a reset within one round trip, as from a firewall",
        ),
    ]),
    Default::Text("silent"),
    "What a sender sees.",
);
const FLIGHT: Kind = Kind::Word(&[("lost", "they never arrive"), ("delivered", "they arrive")]);
const IN_FLIGHT: Key = Key::new(
    "in_flight",
    FLIGHT,
    Default::Text("lost"),
    "What becomes of bytes under way.",
);
const BETWEEN: Key = Key::new(
    "between",
    Kind::List(&Kind::Region),
    Default::Absent("see `from` and `to`"),
    "The two regions at the ends of the path, instead of `from` and `to`.",
);
const FROM: Key = Key::new(
    "from",
    Kind::Either(&Kind::Region, &Kind::List(&Kind::Region)),
    Default::Absent("every region"),
    "Sending region or regions.",
);
const TO: Key = Key::new(
    "to",
    Kind::Either(&Kind::Region, &Kind::List(&Kind::Region)),
    Default::Absent("every region"),
    "Receiving region or regions.",
);
const DIRECTION: Key = Key::new(
    "direction",
    Kind::Word(&[
        ("both", "the way back is hit too"),
        ("one-way", "only messages from `from` to `to`"),
    ]),
    Default::Text("both"),
    "Which way it acts.",
);
const SCOPE: Key = Key::new(
    "scope",
    Kind::Word(&[
        ("all", "everything"),
        ("replication", "between members"),
        ("clients", "between app servers and members"),
        (
            "checks",
            "health checks, of checkers and of clients' own probes",
        ),
    ]),
    Default::Text("all"),
    "What kind of traffic is hit.",
);

pub(crate) static FAULT: Forms = Forms {
    title: "[[fault]]",
    doc: "Something that goes wrong; `kind` says what.",
    tag: Tag::Value("kind"),
    list: &[
        Form {
            word: "process-crash",
            table: &Table {
                title: "kind = \"process-crash\"",
                doc: "The database process of a member dies; the kernel under it lives and answers with resets. It restarts when the fault is healed.",
                keys: &[
                    MEMBER,
                    AT,
                    LASTS,
                    FLAPPING,
                    DISKS,
                    Key::new(
                        "in_flight",
                        FLIGHT,
                        Default::Text("delivered"),
                        "What becomes of bytes under way.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "host-crash",
            table: &Table {
                title: "kind = \"host-crash\"",
                doc: "The machine of a member dies: silence.",
                keys: &[MEMBER, AT, LASTS, FLAPPING, DISKS, IN_FLIGHT],
                open: None,
            },
        },
        Form {
            word: "hang",
            table: &Table {
                title: "kind = \"hang\"",
                doc: "The database process of a member accepts connections and requests and never answers; what waits is executed when it goes on.",
                keys: &[MEMBER, AT, LASTS, FLAPPING],
                open: None,
            },
        },
        Form {
            word: "region-outage",
            table: &Table {
                title: "kind = \"region-outage\"",
                doc: "A region falls.",
                keys: &[
                    Key::new("region", Kind::Region, Default::Required, "Which region."),
                    AT,
                    LASTS,
                    FLAPPING,
                    MODE,
                    DISKS,
                    Key::new(
                        "takes",
                        Kind::List(&Kind::Word(&[
                            ("database", "the member"),
                            (
                                "app-servers",
                                "app servers in the region; they are counted apart and have no RTO",
                            ),
                            ("checkers", "health checkers in the region"),
                        ])),
                        Default::Derived("`[\"database\"]`"),
                        "What falls with it.",
                    ),
                    IN_FLIGHT,
                ],
                open: None,
            },
        },
        Form {
            word: "partition",
            table: &Table {
                title: "kind = \"partition\"",
                doc: "A path is cut.",
                keys: &[
                    BETWEEN, FROM, TO, DIRECTION, SCOPE, AT, LASTS, FLAPPING, MODE, IN_FLIGHT,
                ],
                open: None,
            },
        },
        Form {
            word: "latency",
            table: &Table {
                title: "kind = \"latency\"",
                doc: "Messages take longer.",
                keys: &[
                    BETWEEN,
                    FROM,
                    TO,
                    DIRECTION,
                    SCOPE,
                    AT,
                    LASTS,
                    FLAPPING,
                    Key::new(
                        "add",
                        Kind::Delay,
                        Default::Required,
                        "Added to each one-way delay, drawn for each message.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "loss",
            table: &Table {
                title: "kind = \"loss\"",
                doc: "Messages are lost, and sent again by TCP.",
                keys: &[
                    BETWEEN,
                    FROM,
                    TO,
                    DIRECTION,
                    SCOPE,
                    AT,
                    LASTS,
                    FLAPPING,
                    Key::new(
                        "share",
                        Kind::Share(0.0, 1.0),
                        Default::Required,
                        "The share of messages lost.",
                    ),
                ],
                open: None,
            },
        },
        CLOCK_SKEW,
        LOAD_SURGE,
        SLOW_HOST,
        HEALTH_ENDPOINT_DOWN,
    ],
};

static FLAP: Table = Table {
    title: "flapping",
    doc: "A fault that comes and goes with a period.",
    keys: &[
        Key::new(
            "period",
            PERIOD,
            Default::Required,
            "From one beginning to the next.",
        ),
        Key::new(
            "down",
            PERIOD,
            Default::Required,
            "The part of each period in which the fault acts; shorter than the period.",
        ),
    ],
    open: None,
};
