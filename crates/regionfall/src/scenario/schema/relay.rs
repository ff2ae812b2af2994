//! What carries traffic: proxies, load balancers, what stands in for them and what configures them.

use super::root::{PAUSE, PERIOD, TIMEOUT};
use super::strategy::EVIDENCE;
use super::{Default, Form, Forms, Key, Kind, Table, Tag};
use crate::failover::Grade;

const CONNECTIONS: Key = Key::new(
    "connections",
    Kind::Word(&[
        (
            "relayed",
            "accepted, and their bytes handed to a connection of its own",
        ),
        (
            "passed",
            "open when the target has accepted them, as packets are handed on",
        ),
        (
            "terminated",
            "accepted and understood: each request goes where is chosen when it comes, and failures are answered with errors",
        ),
    ]),
    Default::Text("relayed"),
    "What it does with connections.",
);
const LATENCY: Key = Key::new(
    "latency",
    PAUSE,
    Default::Text("50us"),
    "How long a message stays in it, beside queueing.",
)
.grade(Grade::Assumed, "tens of microseconds on an idle machine");
const CAPACITY: Key = Key::new(
    "capacity",
    Kind::Rate,
    Default::Absent("no limit"),
    "Messages (requests and replies) that it can carry; more wait, in order.",
);
const MAX_SESSIONS: Key = Key::new(
    "max_sessions",
    Kind::Integer(1, 10_000_000),
    Default::Absent("no limit"),
    "Most connections of clients at a time; more are refused.",
);
const SESSION_RATE: Key = Key::new(
    "session_rate",
    Kind::Rate,
    Default::Absent("no limit"),
    "New connections of clients; more are refused. A second's worth may come at once.",
);
const CONNECT_TIMEOUT: Key = Key::new(
    "connect_timeout",
    Kind::Either(
        &Kind::Word(&[("none", "as long as the kernel tries")]),
        &TIMEOUT,
    ),
    Default::Text("5s"),
    "How long it waits for a connection onwards.",
)
.grade(
    Grade::Documented,
    "HAProxy configuration manual, `timeout connect` of its examples",
);
const RETRIES: Key = Key::new(
    "retries",
    Kind::Integer(0, 100),
    Default::Integer(0),
    "How often it tries again to connect onwards.",
);
const RETRY_WAIT: Key = Key::new(
    "retry_wait",
    PAUSE,
    Default::Text("0s"),
    "The wait before it tries again after a refusal.",
);
const REDISPATCH: Key = Key::new(
    "redispatch",
    Kind::Flag,
    Default::Flag(false),
    "Whether the last try goes to whatever is chosen then.",
);
const REPLY_TIMEOUT: Key = Key::new(
    "reply_timeout",
    Kind::Either(&Kind::Word(&[("none", "for ever")]), &TIMEOUT),
    Default::Text("none"),
    "How long it waits for a reply before it answers with an error, where it understands requests.",
);
const IDLE_TIMEOUT: Key = Key::new(
    "idle_timeout",
    Kind::Either(&Kind::Word(&[("none", "never")]), &TIMEOUT),
    Default::Text("none"),
    "A session on which nothing moves for so long is closed.",
);
const ON_DOWN: Key = Key::new(
    "on_down",
    Kind::Word(&[
        ("keep", "they stay"),
        ("cut", "they are closed at once"),
        ("reset", "the client's next packet is answered with a reset"),
    ]),
    Default::Text("keep"),
    "What becomes of sessions whose target is marked down.",
);
const CUT_ON_RETURN: Key = Key::new(
    "cut_on_return",
    Kind::Flag,
    Default::Flag(false),
    "Whether sessions elsewhere are closed when traffic goes back to a preferred member.",
);
const OBSERVE: Key = Key::new(
    "observe",
    Kind::Table(&OBSERVATION),
    Default::Absent("nothing"),
    "What its own traffic tells it.",
);

static OBSERVATION: Table = Table {
    title: "observe",
    doc: "What a relay makes of failures in a row of its own traffic to a target: failed and late connections, and, where it understands requests, missing replies.",
    keys: &[
        Key::new(
            "failures",
            Kind::Integer(1, 100_000),
            Default::Integer(10),
            "How many in a row.",
        )
        .grade(
            Grade::Source,
            "haproxy include/haproxy/defaults.h, `error-limit`",
        ),
        Key::new(
            "action",
            Kind::Word(&[
                ("mark-down", "hold it for down until its checks find it up"),
                (
                    "eject",
                    "do not use it for a time that grows with each time",
                ),
            ]),
            Default::Text("mark-down"),
            "What it does then.",
        ),
        Key::new(
            "base",
            PERIOD,
            Default::Text("30s"),
            "With `eject`: how long, times the number of times.",
        )
        .grade(
            Grade::Source,
            "envoy outlier_detection.proto, base_ejection_time",
        ),
        Key::new(
            "most",
            PERIOD,
            Default::Text("300s"),
            "With `eject`: the longest.",
        )
        .grade(
            Grade::Source,
            "envoy outlier_detection.proto, max_ejection_time",
        ),
        Key::new(
            "share",
            Kind::Share(0.0, 1.0),
            Default::Text("10%"),
            "With `eject`: the largest share of targets that may be out.",
        )
        .grade(
            Grade::Source,
            "envoy outlier_detection.proto, max_ejection_percent",
        ),
        Key::new(
            "always_one",
            Kind::Flag,
            Default::Flag(false),
            "With `eject`: whether one may always be out.",
        )
        .grade(
            Grade::Source,
            "envoy outlier_detection.proto, always_eject_one_host",
        ),
        Key::new(
            "sweep",
            PAUSE,
            Default::Text("10s"),
            "With `eject`: how often it looks whose time is over; `\"0s\"` is at once.",
        )
        .grade(Grade::Source, "envoy outlier_detection.proto, interval"),
    ],
    open: None,
};

pub(super) const UPSTREAM: Form = Form {
    word: "upstream",
    table: &Table {
        title: "kind = \"upstream\"",
        doc: "Through what carries the traffic: proxies, or the edges of a global load balancer.",
        keys: &[
            Key::new(
                "place",
                Kind::Word(&[
                    (
                        "central",
                        "one for each fleet; with `takeover`, a pair of which one serves",
                    ),
                    ("app-host", "one beside each app server, on its machine"),
                    (
                        "pool",
                        "several active ones for each fleet, found by a name with an address for each",
                    ),
                    (
                        "edge",
                        "the nearest edge of a global network: one for each fleet, which no fault of a region takes",
                    ),
                ]),
                Default::Text("central"),
                "Where they stand.",
            ),
            Key::new(
                "region",
                Kind::Region,
                Default::Absent("the fleet's"),
                "The region of central ones.",
            ),
            Key::new(
                "count",
                Kind::Integer(1, 100),
                Default::Integer(2),
                "How many are in a pool.",
            )
            .grade(Grade::Assumed, "the fewest that are a pool"),
            Key::new(
                "ttl",
                PAUSE,
                Default::Text("60s"),
                "Time to live of a pool's addresses, which clients honour.",
            )
            .grade(Grade::Assumed, "as advised for failover records"),
            Key::new(
                "withdraw_after",
                Kind::Either(&Kind::Word(&[("never", "it stays")]), &PAUSE),
                Default::Text("never"),
                "From the end of a pool's proxy to the withdrawal of its address.",
            ),
            Key::new(
                "tries_all_addresses",
                Kind::Flag,
                Default::Flag(false),
                "Whether a client tries a pool's next address when one fails.",
            ),
            Key::new(
                "publish_delay",
                PAUSE,
                Default::Text("1s"),
                "From a decision of checkers to its being in force.",
            )
            .grade(Grade::Assumed, "of the order of seconds"),
            CONNECTIONS,
            LATENCY,
            CAPACITY,
            MAX_SESSIONS,
            SESSION_RATE,
            CONNECT_TIMEOUT,
            RETRIES,
            RETRY_WAIT,
            REDISPATCH,
            REPLY_TIMEOUT,
            IDLE_TIMEOUT,
            ON_DOWN,
            CUT_ON_RETURN,
            OBSERVE,
        ],
        open: None,
    },
};

pub(super) static BALANCER: Table = Table {
    title: "balancer",
    doc: "A load balancer in front of each member: it watches the nodes and spreads connections over those that are up. Goes behind any way of choosing the member, or alone.",
    keys: &[
        Key::new(
            "evidence",
            Kind::List(&Kind::Forms(&EVIDENCE)),
            Default::Empty,
            "What it sees of each node: probes.",
        ),
        Key::new(
            "fail_open",
            Kind::Flag,
            Default::Flag(true),
            "With no healthy node: use all of them.",
        ),
        CONNECTIONS,
        LATENCY,
        CAPACITY,
        MAX_SESSIONS,
        SESSION_RATE,
        CONNECT_TIMEOUT,
        RETRIES,
        RETRY_WAIT,
        REDISPATCH,
        REPLY_TIMEOUT,
        IDLE_TIMEOUT,
        ON_DOWN,
        OBSERVE,
    ],
    open: None,
};

pub(super) static TAKEOVER: Forms = Forms {
    title: "takeover",
    doc: "Who takes the place of a dead central proxy; `by` says how.",
    tag: Tag::Value("by"),
    list: &[
        Form {
            word: "none",
            table: &Table { title: "by = \"none\"", doc: "Nobody.", keys: &[], open: None },
        },
        Form {
            word: "vrrp",
            table: &Table {
                title: "by = \"vrrp\"",
                doc: "A second proxy, by the Virtual Router Redundancy Protocol (version 2): who holds the address that clients use sends adverts, and who hears none takes the address.",
                keys: &[
                    Key::new("advert", PERIOD, Default::Text("1s"), "Time between adverts.")
                        .grade(Grade::Source, "keepalived vrrp.h, advert_int"),
                    Key::new("missed", Kind::Integer(1, 255), Default::Integer(3), "Adverts that a backup misses before it takes over.")
                        .grade(Grade::Source, "keepalived vrrp.h, vrrp_down_timer_adverts"),
                    Key::new("priority", Kind::Integer(1, 254), Default::Integer(150), "Priority of the first.")
                        .grade(Grade::Assumed, "above the second's, as in keepalived's examples"),
                    Key::new("backup_priority", Kind::Integer(1, 254), Default::Integer(100), "Priority of the second.")
                        .grade(Grade::Source, "keepalived vrrp.h, the default priority"),
                    Key::new("preempt", Kind::Flag, Default::Flag(true), "Whether who comes back with the higher priority takes the address back.")
                        .grade(Grade::Source, "keepalived vrrp.h"),
                    Key::new("preempt_delay", PAUSE, Default::Text("0s"), "How long it waits with that.")
                        .grade(Grade::Source, "keepalived vrrp.h"),
                    Key::new("announces_again", Kind::Flag, Default::Flag(true), "Whether a master that hears a lower priority announces itself to the network again.")
                        .grade(Grade::Documented, "keepalived.conf(5), garp_lower_prio_repeat"),
                    Key::new("check_every", PERIOD, Default::Text("1s"), "How often each looks whether its proxy runs.")
                        .grade(Grade::Source, "keepalived, interval of a track script"),
                    Key::new("check_fall", Kind::Integer(1, 100), Default::Integer(1), "So many failed looks in a row mean that it does not.")
                        .grade(Grade::Source, "keepalived, fall of a track script"),
                    Key::new("check_rise", Kind::Integer(1, 100), Default::Integer(1), "So many good ones that it does.")
                        .grade(Grade::Source, "keepalived, rise of a track script"),
                ],
                open: None,
            },
        },
        Form {
            word: "watchdog",
            table: &Table {
                title: "by = \"watchdog\"",
                doc: "A supervisor on its machine starts it again.",
                keys: &[
                    Key::new("poll", PERIOD, Default::Text("1s"), "How often it looks.")
                        .grade(Grade::Assumed, "a common interval of supervisors"),
                    Key::new("restart", PAUSE, Default::Text("2s"), "How long a start takes.")
                        .grade(Grade::Assumed, "a proxy with a small configuration"),
                ],
                open: None,
            },
        },
    ],
};

pub(super) static SYNCER: Table = Table {
    title: "syncer",
    doc: "What tells balancers which nodes there are. Without it they know at once.",
    keys: &[
        Key::new("every", PERIOD, Default::Text("10s"), "How often it looks.")
            .grade(Grade::Assumed, "no common default"),
        Key::new(
            "apply",
            PAUSE,
            Default::Text("1s"),
            "How long it takes to apply a change.",
        )
        .grade(Grade::Assumed, "a reload of a small configuration"),
        Key::new(
            "cuts_sessions",
            Kind::Flag,
            Default::Flag(false),
            "Whether applying a change closes all sessions.",
        ),
    ],
    open: None,
};
