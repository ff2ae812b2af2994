//! Strategies: vantage, evidence, detector, choice, failback; propagation and client stand beside this
//! file.

use super::conduct::{
    APPLICATION, ASKS, CHECK_EVERY, CRITERIA, GRADUALLY, HELD_FOR, LAG, MANUAL, PEOPLE, PROCESS,
};
use super::parts::{
    BYTES, CHOICE_CHANGES, CHOICE_MARGIN, CHOICE_NEAREST, CHOICE_OVERPROVISIONING, CHOICE_PANIC,
    CHOICE_WEIGHTS, EJECTION, HEARTBEAT, JITTER, KEYS, LEASE, ORDER_WORDS, PHI, PROBE_WORDS,
    RETRIES, ROUND_TIMEOUT, SEES, SETUP_ROUND_TRIPS, SINCE_SUCCESS, TIMEOUTS_WORDS, TOLERANCE,
    WHEN_FAILING, WINDOW_MOVES, WITH_TRAFFIC,
};
use super::propagation::{CLIENT, PROPAGATION};
use super::relay::{BALANCER, SYNCER, TAKEOVER};
use super::root::{PAUSE, PERIOD, TIMEOUT};
use super::{Default, Form, Forms, Key, Kind, Table, Tag};
use crate::failover::Grade;

pub(crate) static STRATEGY: Table = Table {
    title: "[[strategy]]",
    doc: "A failover strategy: a preset with any key overridden, or composed from its parts.",
    keys: &[
        Key::new(
            "name",
            Kind::Text,
            Default::Derived("the preset's name"),
            "Its name in tables.",
        ),
        Key::new(
            "preset",
            Kind::Preset,
            Default::Absent("composed from the keys below"),
            "The preset to start from; `regionfall presets` lists them. Keys written beside it win, one by one; a list replaces the preset's list.",
        ),
        Key::new(
            "stack",
            Kind::List(&Kind::Preset),
            Default::Absent("see `preset`"),
            "Presets that go together, instead of one: such as `[\"route53-fast\", \"aws-nlb\"]`, a traffic manager in front of load balancers. The client is that of the first.",
        ),
        Key::new(
            "gate",
            Kind::Flag,
            Default::Flag(false),
            "Whether its broken promises and missed objectives decide the exit code of `compare`.",
        ),
        Key::new(
            "vantage",
            Kind::Forms(&VANTAGE),
            Default::Empty,
            "Who decides.",
        ),
        Key::new(
            "evidence",
            Kind::List(&Kind::Forms(&EVIDENCE)),
            Default::Empty,
            "What the decider sees.",
        ),
        Key::new(
            "detector",
            Kind::Forms(&DETECTOR),
            Default::Absent("each piece of evidence has its own"),
            "When evidence means failure: for every piece of evidence without a detector of its own, and in place of the preset's.",
        ),
        Key::new(
            "choice",
            Kind::Table(&CHOICE),
            Default::Empty,
            "Where traffic goes.",
        ),
        Key::new(
            "propagation",
            Kind::Forms(&PROPAGATION),
            Default::Empty,
            "How clients learn of it, and when they move.",
        ),
        Key::new(
            "failback",
            Kind::Either(
                &Kind::Word(&[("never", "traffic stays where it is")]),
                &Kind::Forms(&FAILBACK),
            ),
            Default::Text("never"),
            "When and how traffic goes back.",
        ),
        Key::new(
            "client",
            Kind::Table(&CLIENT),
            Default::Empty,
            "The client that carries commands. Its defaults are those of a plain pooled client (Jedis).",
        ),
        Key::new(
            "balancer",
            Kind::Table(&BALANCER),
            Default::Absent("there is none"),
            "A load balancer in front of each member.",
        ),
        Key::new(
            "takeover",
            Kind::Forms(&TAKEOVER),
            Default::Empty,
            "Who takes the place of a dead central proxy.",
        ),
        Key::new(
            "syncer",
            Kind::Table(&SYNCER),
            Default::Absent("balancers always know their nodes"),
            "What tells balancers which nodes there are.",
        ),
    ],
    open: None,
};

static VANTAGE: Forms = Forms {
    title: "vantage",
    doc: "Who decides; `at` says where.",
    tag: Tag::Value("at"),
    list: &[
        Form { word: "none", table: &Table { title: "at = \"none\"", doc: "Nobody: there is no failover.", keys: &[], open: None } },
        Form {
            word: "client-process",
            table: &Table { title: "at = \"client-process\"", doc: "Each app server for itself.", keys: PROCESS, open: None },
        },
        Form {
            word: "proxy",
            table: &Table { title: "at = \"proxy\"", doc: "Each proxy for itself. Goes with `propagation.kind = \"upstream\"`.", keys: &[], open: None },
        },
        Form {
            word: "checkers",
            table: &Table {
                title: "at = \"checkers\"",
                doc: "Health checkers of a traffic manager, each with a phase of its own.",
                keys: &[
                    Key::new("count", Kind::Integer(1, 1_000), Default::Integer(15), "How many.").grade(Grade::Assumed, "Route 53 does not publish the number; its documentation speaks of more than a dozen"),
                    Key::new("healthy_share_above", Kind::Share(0.0, 0.99), Default::Text("18%"), "An endpoint counts as healthy while more than this share of checkers find it so.").grade(Grade::Documented, "Route 53 DeveloperGuide, determining health of endpoints"),
                    Key::new("regions", Kind::List(&Kind::Region), Default::Empty, "Where they stand, in turn; an empty list is in turn over all regions of the topology."),
                    Key::new("report_delay", PAUSE, Default::Text("1s"), "From a checker's verdict to the traffic manager's knowing it.").grade(Grade::Assumed, "no published figure"),
                ],
                open: None,
            },
        },
        APPLICATION,
        PEOPLE,
    ],
};

pub(super) static EVIDENCE: Forms = Forms {
    title: "evidence",
    doc: "Pieces of evidence, each with its detector.",
    tag: Tag::Presence,
    list: &[
        Form {
            word: "probe",
            table: &Table {
                title: "{ probe = ... }",
                doc: "Active probes, by each decider of each member.",
                keys: &[
                    Key::new(
                        "probe",
                        Kind::Word(PROBE_WORDS),
                        Default::Required,
                        "What is asked.",
                    ),
                    Key::new(
                        "every",
                        PERIOD,
                        Default::Text("5s"),
                        "The interval between rounds.",
                    )
                    .grade(Grade::Source, "redis/jedis mcf/HealthCheckStrategy.java"),
                    Key::new(
                        "timeout",
                        TIMEOUT,
                        Default::Text("1s"),
                        "How long one probe may take, connecting included.",
                    )
                    .grade(Grade::Source, "redis/jedis mcf/HealthCheckStrategy.java"),
                    Key::new(
                        "loop",
                        Kind::Word(&[
                            ("fixed-rate", "from the start of the previous round"),
                            ("fixed-delay", "from the end of the previous round"),
                        ]),
                        Default::Text("fixed-rate"),
                        "What the interval counts from.",
                    ),
                    Key::new(
                        "probes",
                        Kind::Integer(1, 100),
                        Default::Integer(1),
                        "Probes of one round.",
                    ),
                    Key::new(
                        "gap",
                        PAUSE,
                        Default::Text("0s"),
                        "Pause between the probes of one round.",
                    ),
                    Key::new(
                        "keeps_connection",
                        Kind::Flag,
                        Default::Derived("true for `ping`, else false"),
                        "Whether the probe keeps its connection between rounds, or opens one each time.",
                    ),
                    Key::new(
                        "scope",
                        Kind::Word(&[
                            (
                                "database",
                                "any endpoint of the database (`/v1/bdbs/{id}/availability`)",
                            ),
                            (
                                "node",
                                "the node that is asked (`/v1/local/bdbs/{id}/endpoint/availability`)",
                            ),
                        ]),
                        Default::Absent("`database`, for availability checks"),
                        "What an availability check is about.",
                    ),
                    Key::new(
                        "lag_tolerance",
                        PAUSE,
                        Default::Absent("as `[database.availability]` has it"),
                        "The lag that `availability-lag` tolerates (`availability_lag_tolerance_ms`). Client libraries send 5 s.",
                    ),
                    ROUND_TIMEOUT,
                    RETRIES,
                    JITTER,
                    WHEN_FAILING,
                    WITH_TRAFFIC,
                    KEYS,
                    TOLERANCE,
                    SETUP_ROUND_TRIPS,
                    BYTES,
                    SEES,
                    Key::new(
                        "detector",
                        Kind::Forms(&DETECTOR),
                        Default::Empty,
                        "When it means failure.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "passive",
            table: &Table {
                title: "{ passive = \"errors\" }",
                doc: "The outcome of the application's own attempts.",
                keys: &[
                    Key::new(
                        "passive",
                        Kind::Word(TIMEOUTS_WORDS),
                        Default::Required,
                        "What is watched.",
                    ),
                    Key::new(
                        "detector",
                        Kind::Forms(&DETECTOR),
                        Default::Empty,
                        "When it means failure.",
                    ),
                ],
                open: None,
            },
        },
        HEARTBEAT,
    ],
};

static DETECTOR: Forms = Forms {
    title: "detector",
    doc: "When evidence means failure; the key that is there says which form it is.",
    tag: Tag::Presence,
    list: &[
        Form {
            word: "consecutive",
            table: &Table {
                title: "{ consecutive = ... }",
                doc: "So many failures in a row.",
                keys: &[
                    Key::new(
                        "consecutive",
                        Kind::Integer(1, 1_000),
                        Default::Integer(3),
                        "Failures in a row that mean down.",
                    )
                    .grade(
                        Grade::Documented,
                        "Route 53 DeveloperGuide, failure threshold",
                    ),
                    Key::new(
                        "recover",
                        Kind::Integer(1, 1_000),
                        Default::Integer(1),
                        "Successes in a row that mean up.",
                    )
                    .grade(Grade::Assumed, "one answer shows that the member answers"),
                ],
                open: None,
            },
        },
        Form {
            word: "policy",
            table: &Table {
                title: "{ policy = ... }",
                doc: "Each round of probes is judged by itself.",
                keys: &[Key::new(
                    "policy",
                    Kind::Word(&[
                        ("all", "every probe must pass"),
                        ("any", "one must pass"),
                        ("majority", "more than half must pass"),
                    ]),
                    Default::Required,
                    "How its probes are judged together.",
                )],
                open: None,
            },
        },
        Form {
            word: "window",
            table: &Table {
                title: "{ window = ... }",
                doc: "Both a number and a share of failures within a sliding window.",
                keys: &[
                    Key::new("window", PERIOD, Default::Required, "Length of the window."),
                    Key::new(
                        "failures",
                        Kind::Integer(1, 1_000_000),
                        Default::Integer(1_000),
                        "Fewest failures in it.",
                    )
                    .grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
                    Key::new(
                        "rate",
                        Kind::Share(0.0, 1.0),
                        Default::Text("10%"),
                        "Smallest share of failures in it.",
                    )
                    .grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
                    WINDOW_MOVES,
                ],
                open: None,
            },
        },
        SINCE_SUCCESS,
        LEASE,
        PHI,
        EJECTION,
    ],
};

static CHOICE: Table = Table {
    title: "choice",
    doc: "Where traffic goes.",
    keys: &[
        Key::new(
            "order",
            Kind::Word(ORDER_WORDS),
            Default::Text("priority"),
            "Which member is chosen.",
        ),
        Key::new(
            "fail_open",
            Kind::Flag,
            Default::Flag(false),
            "With no healthy member: answer as if all were healthy, instead of keeping the last answer.",
        ),
        CHOICE_WEIGHTS,
        CHOICE_CHANGES,
        CHOICE_NEAREST,
        CHOICE_MARGIN,
        CHOICE_OVERPROVISIONING,
        CHOICE_PANIC,
    ],
    open: None,
};

static FAILBACK: Forms = Forms {
    title: "failback",
    doc: "When traffic goes back; the key that is there says which form it is.",
    tag: Tag::Presence,
    list: &[
        Form {
            word: "after",
            table: &Table {
                title: "{ after = ... }",
                doc: "As soon as the preferred member has counted as healthy for long enough.",
                keys: &[
                    Key::new("after", PAUSE, Default::Required, "How long; `\"0s\"` is at once."),
                    CRITERIA,
                    LAG,
                    ASKS,
                    CHECK_EVERY,
                    HELD_FOR,
                    GRADUALLY,
                ],
                open: None,
            },
        },
        Form {
            word: "every",
            table: &Table {
                title: "{ every = ..., grace = ... }",
                doc: "A timer looks for a better member.",
                keys: &[
                    Key::new("every", PERIOD, Default::Text("120s"), "Its period; the phase is uniform.").grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
                    Key::new("grace", PAUSE, Default::Text("60s"), "A member that was left is not used again for this long, even if it is healthy.").grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
                    CRITERIA,
                    LAG,
                    ASKS,
                    CHECK_EVERY,
                    HELD_FOR,
                    GRADUALLY,
                ],
                open: None,
            },
        },
        MANUAL,
    ],
};
