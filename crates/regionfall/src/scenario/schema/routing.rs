//! Faults of what carries traffic and of what decides where to.

use super::fault::{AT, FLAPPING, LASTS, MEMBER, MODE};
use super::{Default, Form, Key, Kind, Table};

const FLEETS: Key = Key::new(
    "region",
    Kind::Region,
    Default::Absent("those of every fleet"),
    "Only those that serve the fleets of this region.",
);
const NUMBER: Key = Key::new(
    "number",
    Kind::Integer(0, 100),
    Default::Absent("all of them"),
    "One of each fleet's, counted from 0.",
);
const ONE: Key = Key::new(
    "number",
    Kind::Integer(0, 1),
    Default::Integer(0),
    "Which of the two, counted from 0.",
);

pub(super) const PROXY_CRASH: Form = Form {
    word: "proxy-crash",
    table: &Table {
        title: "kind = \"proxy-crash\"",
        doc: "Proxies end: each with all its sessions.",
        keys: &[
            FLEETS,
            NUMBER,
            AT,
            LASTS,
            FLAPPING,
            Key::new(
                "how",
                Kind::Word(&[
                    ("crash", "the process dies, and connections are reset"),
                    ("host", "the machine dies, and nothing comes back"),
                    ("hang", "the process accepts and does nothing"),
                ]),
                Default::Text("crash"),
                "How they end.",
            ),
        ],
        open: None,
    },
};

pub(super) const BALANCER_DOWN: Form = Form {
    word: "balancer-down",
    table: &Table {
        title: "kind = \"balancer-down\"",
        doc: "The load balancer in front of a member does not answer, while the member does.",
        keys: &[MEMBER, AT, LASTS, FLAPPING, MODE],
        open: None,
    },
};

pub(super) const ADDRESS_DAEMON: Form = Form {
    word: "address-daemon",
    table: &Table {
        title: "kind = \"address-daemon\"",
        doc: "The daemon that holds the address of a pair of proxies (keepalived) ends on one of them; the proxy runs on, and the address stays until the other announces it.",
        keys: &[
            FLEETS,
            ONE,
            AT,
            LASTS,
            FLAPPING,
            Key::new(
                "orderly",
                Kind::Flag,
                Default::Flag(false),
                "Whether it says so before (SIGTERM, not SIGKILL).",
            ),
        ],
        open: None,
    },
};

pub(super) const ADVERTS_LOST: Form = Form {
    word: "adverts-lost",
    table: &Table {
        title: "kind = \"adverts-lost\"",
        doc: "Adverts between the two proxies of a pair get lost, and nothing else does: both become masters.",
        keys: &[
            FLEETS,
            Key::new(
                "from",
                Kind::Integer(0, 1),
                Default::Absent("both ways"),
                "Only those that this one sends, counted from 0.",
            ),
            AT,
            LASTS,
            FLAPPING,
        ],
        open: None,
    },
};

pub(super) const DNS_DOWN: Form = Form {
    word: "dns-down",
    table: &Table {
        title: "kind = \"dns-down\"",
        doc: "The authoritative servers of the names do not answer. What caches hold lasts its time.",
        keys: &[AT, LASTS, FLAPPING],
        open: None,
    },
};

pub(super) const CHECKERS_CUT_OFF: Form = Form {
    word: "checkers-cut-off",
    table: &Table {
        title: "kind = \"checkers-cut-off\"",
        doc: "Health checkers reach no member: what they send meets silence.",
        keys: &[
            Key::new(
                "region",
                Kind::Region,
                Default::Absent("all of them"),
                "Only those that stand in this region.",
            ),
            AT,
            LASTS,
            FLAPPING,
            Key::new(
                "reports",
                Kind::Word(&[
                    ("arrive", "over their provider's own network"),
                    ("lost", "they do not"),
                ]),
                Default::Text("arrive"),
                "What becomes of their reports.",
            ),
        ],
        open: None,
    },
};

pub(super) const SYNCER_STUCK: Form = Form {
    word: "config-syncer-stuck",
    table: &Table {
        title: "kind = \"config-syncer-stuck\"",
        doc: "What tells balancers which nodes there are does nothing.",
        keys: &[AT, LASTS, FLAPPING],
        open: None,
    },
};

pub(super) const NODE_ADDED: Form = Form {
    word: "node-added",
    table: &Table {
        title: "kind = \"node-added\"",
        doc: "An operator adds a node to a member: before that, no balancer knows of it. (It is part of the database all the time.)",
        keys: &[
            MEMBER,
            Key::new(
                "node",
                Kind::Integer(0, 31),
                Default::Required,
                "Which, counted from 0.",
            ),
            AT,
        ],
        open: None,
    },
};

pub(super) const RECORD_CHANGE: Form = Form {
    word: "record-change",
    table: &Table {
        title: "kind = \"record-change\"",
        doc: "An operator changes the names of all fleets to mean the member of a region. Goes with `propagation.kind = \"dns\"`.",
        keys: &[MEMBER, AT],
        open: None,
    },
};
