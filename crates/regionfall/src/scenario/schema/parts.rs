//! Strategies beyond the simplest: refined probes, heartbeats, detectors of silence, rankings.

use super::root::{PAUSE, PERIOD, TIMEOUT};
use super::{Default, Form, Key, Kind, Open, Table};
use crate::failover::Grade;

const ENVOY_OUTLIERS: &str = "Envoy, outlier_detection.proto";
const AKKA: &str = "Akka reference.conf, failure-detector";

/// What a probe may ask beside PING, a connection and availability.
pub(super) const PROBE_WORDS: &[(&str, &str)] = &[
    ("ping", "PING is answered with PONG"),
    ("connect", "a TCP connection is accepted"),
    (
        "availability",
        "the management process of the member's node finds the database available (REST API over HTTPS)",
    ),
    (
        "availability-lag",
        "the same, and its data close to what its peers have (`extend_check=lag`)",
    ),
    ("echo", "ECHO gives a payload back"),
    (
        "http",
        "a health endpoint on the member's machine says that the process there answers",
    ),
    ("set-get", "keys are set and read, for real"),
    (
        "replication",
        "the member says, over the data path, how far behind its peers it is",
    ),
    (
        "not-stale",
        "a write is tried, which a member that has not caught up refuses",
    ),
    (
        "primary",
        "the node says that it is the primary (INFO replication): what role-checking proxies ask",
    ),
    (
        "custom",
        "a check of your own, told by what it costs and sees",
    ),
];

pub(super) const ROUND_TIMEOUT: Key = Key::new(
    "round_timeout",
    TIMEOUT,
    Default::Absent("only single probes are limited"),
    "A whole round may take no longer.",
);
pub(super) const RETRIES: Key = Key::new(
    "retries",
    Kind::Integer(0, 100),
    Default::Integer(0),
    "A probe that timed out is sent again at once, so often; one that was refused is not.",
);
pub(super) const JITTER: Key = Key::new(
    "jitter",
    PAUSE,
    Default::Text("0s"),
    "Each interval is longer by up to this much.",
);
pub(super) const WHEN_FAILING: Key = Key::new(
    "every_when_failing",
    PERIOD,
    Default::Absent("as `every`"),
    "The interval while some results in a row speak against the verdict, and not enough (HAProxy's `fastinter`).",
);
pub(super) const WITH_TRAFFIC: Key = Key::new(
    "with_traffic",
    Kind::Flag,
    Default::Flag(false),
    "Whether attempts of the application's own traffic feed the same detector.",
);
pub(super) const KEYS: Key = Key::new(
    "keys",
    Kind::Either(
        &Kind::Word(&[(
            "one-per-shard",
            "one in each shard, found by the cluster's map; each shard is judged by itself",
        )]),
        &Kind::Integer(1, 255),
    ),
    Default::Absent("`one-per-shard`, for `set-get`"),
    "Which keys `set-get` uses: one in each shard, or so many at random, judged together.",
);
pub(super) const TOLERANCE: Key = Key::new(
    "tolerance",
    PAUSE,
    Default::Absent("100 ms for `replication`, no limit for `custom`"),
    "The lag that passes.",
);
pub(super) const SETUP_ROUND_TRIPS: Key = Key::new(
    "setup_round_trips",
    Kind::Integer(0, 10),
    Default::Absent("1, for `custom`"),
    "Round trips of a custom check before its question, such as TLS and a login.",
);
pub(super) const BYTES: Key = Key::new(
    "bytes",
    Kind::Size(1, 1 << 20),
    Default::Absent("80 B, for `custom`"),
    "Bytes of a custom check's question, and of its answer.",
);
pub(super) const SEES: Key = Key::new(
    "sees",
    Kind::List(&Kind::Word(&[
        ("loading", "it fails while the process loads its data"),
        ("shards", "it fails while any shard is down"),
        ("staleness", "it fails while the member has not caught up"),
    ])),
    Default::Absent("nothing, for `custom`"),
    "What a custom check notices beside silence and refusal.",
);

pub(super) const HEARTBEAT: Form = Form {
    word: "heartbeat",
    table: &Table {
        title: "{ heartbeat = ... }",
        doc: "Messages published on every member, and expected from every other, through the database's own replication.",
        keys: &[
            Key::new(
                "heartbeat",
                PERIOD,
                Default::Text("2s"),
                "The interval between messages.",
            )
            .grade(
                Grade::Source,
                "redis/redis src/sentinel.c, sentinel_publish_period",
            ),
            Key::new(
                "silence",
                TIMEOUT,
                Default::Text("6s"),
                "A channel that brought nothing for this long is broken.",
            )
            .grade(
                Grade::Source,
                "redis/redis src/sentinel.c, three publish periods",
            ),
            Key::new(
                "channels",
                Kind::Either(
                    &Kind::Word(&[
                        ("one", "one channel: it tells of its own shard alone"),
                        (
                            "per-shard",
                            "one for each shard, where members have the same shards",
                        ),
                    ]),
                    &Kind::Integer(1, 4_096),
                ),
                Default::Text("per-shard"),
                "On which channels; a number is that of slot ranges that members with different shards have in common.",
            ),
            Key::new(
                "isolated",
                Kind::Word(&[
                    ("stays", "it stays in use: availability before freshness"),
                    ("leaves", "it counts as down: freshness before availability"),
                ]),
                Default::Text("stays"),
                "What becomes of a member that answers while nothing of it reaches its peers.",
            ),
        ],
        open: None,
    },
};

pub(super) static TIMEOUTS_WORDS: &[(&str, &str)] = &[
    ("errors", "attempts that fail or time out"),
    ("timeouts", "attempts that time out, and no other failures"),
];

pub(super) const WINDOW_MOVES: Key = Key::new(
    "moves",
    Kind::Word(&[
        ("sliding", "with every result"),
        (
            "on-success",
            "a success after its end opens the next; its share is of the successes in it (redis-py)",
        ),
    ]),
    Default::Text("sliding"),
    "How the window moves.",
);

pub(super) const SINCE_SUCCESS: Form = Form {
    word: "since_success",
    table: &Table {
        title: "{ since_success = ... }",
        doc: "No success for so long.",
        keys: &[
            Key::new(
                "since_success",
                TIMEOUT,
                Default::Required,
                "How long, from the last answer that passed.",
            ),
            Key::new(
                "refusal_is_final",
                Kind::Flag,
                Default::Flag(false),
                "Whether a refusal means down at once.",
            ),
        ],
        open: None,
    },
};

pub(super) const LEASE: Form = Form {
    word: "lease",
    table: &Table {
        title: "{ lease = ... }",
        doc: "A lease that each success renews, from the moment it was asked for.",
        keys: &[Key::new(
            "lease",
            TIMEOUT,
            Default::Required,
            "How long it lasts.",
        )],
        open: None,
    },
};

pub(super) const PHI: Form = Form {
    word: "phi",
    table: &Table {
        title: "{ phi = ... }",
        doc: "Phi accrual: silence that the gaps between earlier successes make improbable.",
        keys: &[
            Key::new(
                "phi",
                Kind::Number(0.1, 100.0),
                Default::Number(8.0),
                "Minus the decimal logarithm of that probability.",
            )
            .grade(Grade::Source, AKKA),
            Key::new(
                "model",
                Kind::Word(&[
                    ("normal", "gaps are normally distributed (Akka)"),
                    (
                        "exponential",
                        "gaps are exponentially distributed (Cassandra)",
                    ),
                ]),
                Default::Text("normal"),
                "What gaps are taken for.",
            ),
            Key::new(
                "pause",
                PAUSE,
                Default::Text("3s"),
                "Forgiven in any case, with the normal model.",
            )
            .grade(Grade::Source, AKKA),
            Key::new(
                "min_deviation",
                TIMEOUT,
                Default::Text("100ms"),
                "The deviation is never taken for less, with the normal model.",
            )
            .grade(Grade::Source, AKKA),
            Key::new(
                "samples",
                Kind::Integer(2, 100_000),
                Default::Integer(1_000),
                "How many gaps are remembered.",
            )
            .grade(Grade::Source, AKKA),
        ],
        open: None,
    },
};

pub(super) const EJECTION: Form = Form {
    word: "ejection",
    table: &Table {
        title: "{ ejection = ... }",
        doc: "Outlier ejection: failures in a row put the member out for a time that grows.",
        keys: &[
            Key::new(
                "ejection",
                Kind::Integer(1, 1_000),
                Default::Integer(5),
                "Failures in a row.",
            )
            .grade(Grade::Source, ENVOY_OUTLIERS),
            Key::new(
                "base",
                TIMEOUT,
                Default::Text("30s"),
                "How long, times the number of ejections.",
            )
            .grade(Grade::Source, ENVOY_OUTLIERS),
            Key::new("max", TIMEOUT, Default::Text("300s"), "Never longer.")
                .grade(Grade::Source, ENVOY_OUTLIERS),
            Key::new(
                "sweep",
                TIMEOUT,
                Default::Text("10s"),
                "Members come back in sweeps so far apart.",
            )
            .grade(Grade::Source, ENVOY_OUTLIERS),
            Key::new(
                "max_share",
                Kind::Share(0.0, 1.0),
                Default::Text("10%"),
                "No more of the members is out at a time.",
            )
            .grade(Grade::Source, ENVOY_OUTLIERS),
            Key::new(
                "always_one",
                Kind::Flag,
                Default::Flag(false),
                "One member may be out whatever the share says.",
            )
            .grade(Grade::Source, ENVOY_OUTLIERS),
        ],
        open: None,
    },
};

pub(super) const ORDER_WORDS: &[(&str, &str)] = &[
    (
        "priority",
        "the first healthy member in the fleet's order of homes",
    ),
    ("weight", "the healthy member of the greatest weight"),
    (
        "nearest",
        "the healthy member that its own probes find nearest",
    ),
    (
        "next",
        "the next healthy member after the one in use, around the order of homes",
    ),
    (
        "shares",
        "what the healthy part of a member can carry, and the rest to the next (priority levels)",
    ),
    (
        "per-shard",
        "for each shard the first member in which it is healthy",
    ),
];

static WEIGHTS: Table = Table {
    title: "weights",
    doc: "Weights of members, by region.",
    keys: &[],
    open: Some(Open {
        name: "a region",
        known: None,
        kind: Kind::Number(0.0, 1e9),
        doc: "The weight of the member there; 1 where nothing is said.",
    }),
};

static WEIGHT_CHANGE: Table = Table {
    title: "weight_changes",
    doc: "A weight that is changed while the process runs.",
    keys: &[
        Key::new(
            "at",
            PAUSE,
            Default::Required,
            "When, from the start of the run.",
        ),
        Key::new(
            "region",
            Kind::Region,
            Default::Required,
            "Of the member in this region.",
        ),
        Key::new(
            "weight",
            Kind::Number(0.0, 1e9),
            Default::Required,
            "To this.",
        ),
    ],
    open: None,
};

static WEIGHT_CHANGES: Kind = Kind::Table(&WEIGHT_CHANGE);

pub(super) const CHOICE_WEIGHTS: Key = Key::new(
    "weights",
    Kind::Table(&WEIGHTS),
    Default::Absent("all weigh 1"),
    "Weights of members, for `weight`.",
);
pub(super) const CHOICE_CHANGES: Key = Key::new(
    "weight_changes",
    Kind::List(&WEIGHT_CHANGES),
    Default::Absent("none"),
    "Changes of weights at run time, for `weight`.",
);
pub(super) const CHOICE_NEAREST: Key = Key::new(
    "nearest_of_equals",
    Kind::Flag,
    Default::Absent("false, for `weight`"),
    "Whether members of equal weight are ranked by measured latency.",
);
pub(super) const CHOICE_MARGIN: Key = Key::new(
    "margin",
    PAUSE,
    Default::Absent("0 s, for `nearest`"),
    "By how much a member must be nearer than the one in use.",
);
pub(super) const CHOICE_OVERPROVISIONING: Key = Key::new(
    "overprovisioning",
    Kind::Number(1.0, 100.0),
    Default::Absent("1.4, for `shares`"),
    "A member carries this many times its healthy share, at most everything.",
);
pub(super) const CHOICE_PANIC: Key = Key::new(
    "panic_below",
    Kind::Share(0.0, 1.0),
    Default::Absent("50 %, for `shares`"),
    "With less than this share healthy over all members, health is not looked at.",
);
