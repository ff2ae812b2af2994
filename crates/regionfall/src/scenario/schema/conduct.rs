//! Strategies beyond the simplest: conditions and steps of a return, coordination, people, habits of client
//! libraries.

use super::root::{PAUSE, PERIOD, TIMEOUT};
use super::{Default, Form, Key, Kind, Table};
use crate::failover::Grade;

const CONSUL: &str = "Consul docs, sessions";

static GRADUAL: Table = Table {
    title: "gradual",
    doc: "Steps of a return.",
    keys: &[
        Key::new(
            "reads_first",
            TIMEOUT,
            Default::Absent("reads and writes together"),
            "Reads go back so long before writes.",
        ),
        Key::new(
            "canary",
            Kind::Share(0.001, 1.0),
            Default::Absent("no canary"),
            "A share of operations that goes back before the others.",
        ),
        Key::new(
            "canary_for",
            TIMEOUT,
            Default::Absent("60 s, with `canary`"),
            "For so long.",
        ),
    ],
    open: None,
};

pub(super) const CRITERIA: Key = Key::new(
    "criteria",
    Kind::List(&Kind::Word(&[
        (
            "available",
            "the member counts as healthy, which a return always needs",
        ),
        (
            "synchronized",
            "it lags behind its peers by no more than `lag`",
        ),
        (
            "not-stale",
            "it takes a write: it has caught up since it was cut off",
        ),
    ])),
    Default::Absent("the member counts as healthy"),
    "What must hold before traffic goes back.",
);
pub(super) const LAG: Key = Key::new(
    "lag",
    PAUSE,
    Default::Absent("100 ms, for `synchronized`"),
    "The lag that `synchronized` allows.",
);
pub(super) const ASKS: Key = Key::new(
    "asks",
    Kind::Word(&[
        (
            "management",
            "the lag-aware availability check of the REST API",
        ),
        ("data-path", "replication offsets, over the data path"),
    ]),
    Default::Absent("`management`, for `synchronized`"),
    "How `synchronized` is asked for.",
);
pub(super) const CHECK_EVERY: Key = Key::new(
    "check_every",
    PERIOD,
    Default::Absent("5 s, where there are criteria to ask for"),
    "How often the criteria are asked for while traffic is away.",
);
pub(super) const HELD_FOR: Key = Key::new(
    "held_for",
    PAUSE,
    Default::Absent("0 s"),
    "How long the criteria must have held.",
);
pub(super) const GRADUALLY: Key = Key::new(
    "gradual",
    Kind::Table(&GRADUAL),
    Default::Absent("all traffic at once"),
    "The steps of a return.",
);

pub(super) const MANUAL: Form = Form {
    word: "manual",
    table: &Table {
        title: "{ manual = ... }",
        doc: "A person brings traffic back.",
        keys: &[
            Key::new(
                "manual",
                Kind::Delay,
                Default::Required,
                "From the member's counting as healthy to the person's act; drawn once for each run.",
            ),
            CRITERIA,
            LAG,
            ASKS,
            CHECK_EVERY,
            HELD_FOR,
            GRADUALLY,
        ],
        open: None,
    },
};

static COORDINATION: Table = Table {
    title: "coordination",
    doc: "One value for each fleet, the member to use, kept by a coordinator that gives leases on it. A process uses a member only while its lease runs; a change waits until nobody holds the old value.",
    keys: &[
        Key::new(
            "region",
            Kind::Region,
            Default::Absent("the first region of the topology"),
            "Where the coordinator stands.",
        ),
        Key::new(
            "ttl",
            TIMEOUT,
            Default::Text("10s"),
            "How long a lease lasts, by its holder's clock, from when it asked.",
        )
        .grade(
            Grade::Assumed,
            "etcd's client takes 60 s; Consul's least is 10 s",
        ),
        Key::new(
            "renew_every",
            PERIOD,
            Default::Text("3s"),
            "Leases are renewed so often.",
        )
        .grade(Grade::Source, "etcd client/v3/lease.go: a third of the TTL"),
        Key::new(
            "patience",
            Kind::Number(1.0, 100.0),
            Default::Number(1.0),
            "The coordinator waits so many times the TTL for a holder that is silent; Consul 2.",
        )
        .grade(
            Grade::Source,
            "hashicorp/consul agent/structs, SessionTTLMultiplier",
        ),
        Key::new(
            "lock_delay",
            PAUSE,
            Default::Text("0s"),
            "After a lease ran out nobody gets the value for this long; Consul 15 s.",
        )
        .grade(Grade::Documented, CONSUL),
        Key::new(
            "drain",
            PAUSE,
            Default::Text("1s"),
            "A process that lets go waits this long for what it has under way.",
        )
        .grade(Grade::Assumed, "the timeout of a command, or so"),
        Key::new(
            "fencing",
            Kind::Flag,
            Default::Flag(true),
            "Whether requests carry the version of the value, and members refuse one older than they have seen.",
        ),
    ],
    open: None,
};

/// The keys of a client process's vantage.
pub(super) static PROCESS: &[Key] = &[
    Key::new(
        "rounds",
        Kind::Word(&[
            ("apart", "each member has a loop of its own"),
            (
                "together",
                "all begin together, and verdicts fall when the last has ended",
            ),
            (
                "in-turn",
                "one member after another; the interval counts from the first",
            ),
        ]),
        Default::Text("apart"),
        "How the probe rounds of different members follow each other.",
    ),
    Key::new(
        "look_again",
        PERIOD,
        Default::Absent("only when some member's health changes"),
        "With no usable member: look for one so often.",
    ),
    Key::new(
        "grace_restarts",
        Kind::Flag,
        Default::Flag(false),
        "Whether the grace of a member that was left begins anew with each failed probe.",
    ),
    Key::new(
        "votes",
        Kind::Word(&[
            ("own", "each process decides for itself"),
            (
                "any",
                "verdicts are shared: what one process of the fleet holds for down is down for all",
            ),
            (
                "majority",
                "more than half of the fleet's processes must agree",
            ),
        ]),
        Default::Text("own"),
        "Whose verdicts count.",
    ),
    Key::new(
        "coordination",
        Kind::Table(&COORDINATION),
        Default::Absent("no coordinator"),
        "One value for all that says where traffic may go.",
    ),
];

pub(super) const APPLICATION: Form = Form {
    word: "application",
    table: &Table {
        title: "at = \"application\"",
        doc: "The application itself, in each app server: the same as a client process, under its own name.",
        keys: PROCESS,
        open: None,
    },
};

pub(super) const PEOPLE: Form = Form {
    word: "people",
    table: &Table {
        title: "at = \"people\"",
        doc: "People who are alerted by monitoring and follow a runbook.",
        keys: &[
            Key::new(
                "region",
                Kind::Region,
                Default::Absent("the first region of the topology"),
                "Where their monitoring stands.",
            ),
            Key::new(
                "alert",
                Kind::Delay,
                Default::Text("lognormal(median=1m, p99=5m)"),
                "From the monitoring's verdict to somebody's pager.",
            )
            .grade(
                Grade::Assumed,
                "no general figure is published: measure your own",
            ),
            Key::new(
                "acknowledge",
                Kind::Delay,
                Default::Text("lognormal(median=4m, p99=20m)"),
                "From the pager to a person who looks.",
            )
            .grade(
                Grade::Assumed,
                "no general figure is published: measure your own",
            ),
            Key::new(
                "declare",
                Kind::Delay,
                Default::Text("lognormal(median=10m, p99=45m)"),
                "From looking to the decision.",
            )
            .grade(
                Grade::Assumed,
                "no general figure is published: measure your own",
            ),
            Key::new(
                "act",
                Kind::Delay,
                Default::Text("lognormal(median=5m, p99=30m)"),
                "From the decision to its being carried out.",
            )
            .grade(
                Grade::Assumed,
                "no general figure is published: measure your own",
            ),
            Key::new(
                "failure",
                Kind::Share(0.0, 0.99),
                Default::Text("10%"),
                "How likely carrying it out fails and must be done again.",
            )
            .grade(
                Grade::Assumed,
                "no general figure is published: measure your own",
            ),
        ],
        open: None,
    },
};

/// What only some client libraries do.
pub(super) const RETRY_JITTER: Key = Key::new(
    "retry_jitter",
    Kind::Either(
        &Kind::Word(&[
            ("none", "waits do not vary"),
            (
                "full",
                "uniform between nothing and the wait, before its bound is applied",
            ),
        ]),
        &TIMEOUT,
    ),
    Default::Text("none"),
    "How waits before retries vary; a time is added up to that much.",
);
pub(super) const INNER_ATTEMPTS: Key = Key::new(
    "inner_attempts",
    Kind::Integer(1, 100),
    Default::Integer(1),
    "Attempts inside one attempt: the member's own client tries so often before anybody hears of a failure.",
);
pub(super) const INNER_WAIT: Key = Key::new(
    "inner_wait",
    PAUSE,
    Default::Text("0s"),
    "Wait before the second of them; it doubles.",
);
pub(super) const FOLLOWS_SWITCH: Key = Key::new(
    "retry_follows_switch",
    Kind::Flag,
    Default::Flag(false),
    "Whether an attempt that fails after a switch is repeated at the new member, though retries stay otherwise.",
);
pub(super) const KEEPS_ON_TIMEOUT: Key = Key::new(
    "keeps_connection_on_timeout",
    Kind::Flag,
    Default::Flag(false),
    "Whether a command that timed out leaves its connection in use.",
);
pub(super) const OPENS_IN_ADVANCE: Key = Key::new(
    "opens_in_advance",
    Kind::Flag,
    Default::Flag(false),
    "Whether connections to every member of the order are opened in advance.",
);
pub(super) const WAITS_FOR_FAILOVER: Key = Key::new(
    "waits_for_failover",
    TIMEOUT,
    Default::Absent("it fails at once"),
    "With the member in use down, and `fails_at_once_when_down`: a command waits so long for another to be chosen.",
);
pub(super) const RETRY_CLASS: Key = Key::new(
    "retries",
    Kind::Word(&[
        ("unsent", "none: only what was certainly not sent"),
        ("reads", "reads only"),
        (
            "idempotent",
            "reads, and writes that leave the same behind if they take effect twice",
        ),
    ]),
    Default::Text("idempotent"),
    "Which commands may be tried again after they may have taken effect; `retry_unsafe` lets all.",
);
pub(super) const CHECKS_VERSIONS: Key = Key::new(
    "checks_versions",
    Kind::Flag,
    Default::Flag(false),
    "Whether a read that lacks the app server's own last write to its key is repeated at the member that was left.",
);
