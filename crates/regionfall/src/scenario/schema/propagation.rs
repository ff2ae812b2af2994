//! How clients learn of a decision, and the client that carries commands.

use super::conduct::{
    CHECKS_VERSIONS, FOLLOWS_SWITCH, INNER_ATTEMPTS, INNER_WAIT, KEEPS_ON_TIMEOUT,
    OPENS_IN_ADVANCE, RETRY_CLASS, RETRY_JITTER, WAITS_FOR_FAILOVER,
};
use super::relay::UPSTREAM;
use super::root::{PAUSE, TIMEOUT};
use super::{Default, Form, Forms, Key, Kind, Table, Tag};
use crate::failover::Grade;

const JEDIS_PROTOCOL: &str = "redis/jedis Protocol.java";

pub(crate) static PROPAGATION: Forms = Forms {
    title: "propagation",
    doc: "How clients learn of a decision; `kind` says by what.",
    tag: Tag::Value("kind"),
    list: &[
        Form {
            word: "none",
            table: &Table {
                title: "kind = \"none\"",
                doc: "They never do.",
                keys: &[],
                open: None,
            },
        },
        Form {
            word: "pointer",
            table: &Table {
                title: "kind = \"pointer\"",
                doc: "Through a pointer in the client process.",
                keys: &[
                    Key::new(
                        "adopt",
                        Kind::Word(&[
                            ("at-once", "when the decision falls"),
                            ("next-command", "with the next command"),
                        ]),
                        Default::Text("next-command"),
                        "When a decision is acted on.",
                    ),
                    Key::new(
                        "cut_sessions",
                        Kind::Flag,
                        Default::Flag(false),
                        "Whether connections to the member that is left are closed at once, commands under way included.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "dns",
            table: &Table {
                title: "kind = \"dns\"",
                doc: "Through a DNS record. A connection stays until it breaks; a new one resolves the name.",
                keys: &[
                    Key::new(
                        "ttl",
                        PAUSE,
                        Default::Text("60s"),
                        "Time to live of the record.",
                    )
                    .grade(
                        Grade::Documented,
                        "AWS advice for failover records: at most 60 s",
                    ),
                    Key::new(
                        "publish_delay",
                        PAUSE,
                        Default::Text("1s"),
                        "From decision to authoritative answer.",
                    )
                    .grade(Grade::Assumed, "of the order of seconds"),
                    Key::new(
                        "lookup",
                        PAUSE,
                        Default::Text("30ms"),
                        "A query that no cache can answer takes this long.",
                    )
                    .grade(Grade::Assumed, "a recursive query to a nearby authority"),
                    Key::new(
                        "resolvers",
                        Kind::List(&Kind::Forms(&RESOLVER)),
                        Default::Derived("all honour the TTL"),
                        "Kinds of resolvers with the shares of app servers behind them; shares add up to 100 %.",
                    ),
                    Key::new(
                        "looks",
                        Kind::Word(&[
                            ("on-connect", "when they open a connection"),
                            (
                                "each-command",
                                "before each command too; they use only connections to what the name means",
                            ),
                        ]),
                        Default::Text("on-connect"),
                        "When clients look at the name.",
                    ),
                    Key::new(
                        "shared_cache",
                        Kind::Flag,
                        Default::Flag(false),
                        "Whether the clients of a region are behind one recursive resolver, so that they learn together.",
                    ),
                    Key::new(
                        "whole_seconds",
                        Kind::Flag,
                        Default::Flag(false),
                        "Whether recursive resolvers count whole seconds, and keep a record up to a second longer.",
                    ),
                    Key::new(
                        "serve_stale",
                        Kind::Flag,
                        Default::Flag(false),
                        "Whether recursive resolvers answer with an old record when they cannot get a new one (RFC 8767).",
                    ),
                    Key::new(
                        "forgets_after",
                        Kind::Either(&Kind::Word(&[("never", "it does not")]), &TIMEOUT),
                        Default::Text("never"),
                        "A process without any success for so long forgets what it had cached: somebody starts it anew.",
                    ),
                ],
                open: None,
            },
        },
        UPSTREAM,
    ],
};

const SHARE: Key = Key::new(
    "share",
    Kind::Share(0.0, 1.0),
    Default::Required,
    "The share of app servers.",
);

static RESOLVER: Forms = Forms {
    title: "resolvers",
    doc: "How app servers resolve names; `class` says which.",
    tag: Tag::Value("class"),
    list: &[
        Form {
            word: "honouring",
            table: &Table {
                title: "class = \"honouring\"",
                doc: "A recursive resolver that honours the TTL, and no cache of its own.",
                keys: &[SHARE],
                open: None,
            },
        },
        Form {
            word: "local-cache",
            table: &Table {
                title: "class = \"local-cache\"",
                doc: "A recursive resolver that honours the TTL, and a cache of its own behind it.",
                keys: &[
                    SHARE,
                    Key::new(
                        "keeps",
                        PAUSE,
                        Default::Text("30s"),
                        "How much longer it keeps each answer.",
                    )
                    .grade(Grade::Source, "openjdk InetAddressCachePolicy.java"),
                ],
                open: None,
            },
        },
        Form {
            word: "extending",
            table: &Table {
                title: "class = \"extending\"",
                doc: "A recursive resolver that stretches the TTL.",
                keys: &[
                    SHARE,
                    Key::new("to", PAUSE, Default::Text("3600s"), "To this length.").grade(
                        Grade::Assumed,
                        "resolvers that lengthen are documented, the length is not",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "clamping",
            table: &Table {
                title: "class = \"clamping\"",
                doc: "A recursive resolver that keeps records at least and at most so long.",
                keys: &[
                    SHARE,
                    Key::new("least", PAUSE, Default::Text("0s"), "The shortest.")
                        .grade(Grade::Documented, "unbound.conf(5), cache-min-ttl"),
                    Key::new("most", PAUSE, Default::Text("86400s"), "The longest.")
                        .grade(Grade::Documented, "unbound.conf(5), cache-max-ttl"),
                ],
                open: None,
            },
        },
        Form {
            word: "own-cache",
            table: &Table {
                title: "class = \"own-cache\"",
                doc: "No recursive resolver in between: the client asks the authority and keeps the answer for the TTL.",
                keys: &[SHARE],
                open: None,
            },
        },
        Form {
            word: "forever",
            table: &Table {
                title: "class = \"forever\"",
                doc: "The first answer, for as long as the process lives.",
                keys: &[SHARE],
                open: None,
            },
        },
    ],
};

pub(crate) static CLIENT: Table = Table {
    title: "client",
    doc: "The client that carries commands.",
    keys: &[
        Key::new(
            "connect_timeout",
            TIMEOUT,
            Default::Text("2s"),
            "How long opening a connection (TCP, TLS, AUTH) may take.",
        )
        .grade(Grade::Source, JEDIS_PROTOCOL),
        Key::new(
            "timeout",
            Kind::Either(&Kind::Word(&[("none", "for ever")]), &TIMEOUT),
            Default::Text("2s"),
            "How long an attempt waits for its reply; a fleet's own setting wins.",
        )
        .grade(Grade::Source, JEDIS_PROTOCOL),
        Key::new(
            "pool_wait",
            Kind::Either(&Kind::Word(&[("none", "for ever")]), &TIMEOUT),
            Default::Text("none"),
            "How long a command waits for a connection of the pool.",
        )
        .grade(
            Grade::Documented,
            "Apache Commons Pool `maxWait`, which Jedis pools inherit",
        ),
        Key::new(
            "attempts",
            Kind::Integer(1, 100),
            Default::Integer(1),
            "Attempts per command.",
        )
        .grade(
            Grade::Source,
            "redis/jedis executors/DefaultCommandExecutor.java: a plain pooled client does not retry",
        ),
        Key::new(
            "retry_wait",
            PAUSE,
            Default::Text("500ms"),
            "Wait before the second attempt.",
        )
        .grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
        Key::new(
            "retry_multiplier",
            Kind::Number(1.0, 100.0),
            Default::Number(2.0),
            "Each further wait is so many times longer.",
        )
        .grade(Grade::Source, "redis/jedis MultiDbConfig.java"),
        Key::new(
            "retry_wait_max",
            PAUSE,
            Default::Text("1m"),
            "No wait is longer.",
        )
        .grade(Grade::Assumed, "a bound that the presets do not reach"),
        Key::new(
            "retry_unsafe",
            Kind::Flag,
            Default::Flag(false),
            "Whether commands that are not idempotent are tried again after they may have been sent.",
        ),
        Key::new(
            "retry_same_member",
            Kind::Flag,
            Default::Flag(false),
            "Whether a retry stays with the member chosen for the first attempt.",
        ),
        Key::new(
            "fails_at_once_when_down",
            Kind::Flag,
            Default::Flag(false),
            "Whether taking a connection to a member that counts as down fails at once.",
        ),
        Key::new(
            "keepalive",
            Kind::Either(
                &Kind::Word(&[("off", "no probes")]),
                &Kind::Table(&KEEPALIVE),
            ),
            Default::Empty,
            "TCP keepalive on idle connections.",
        )
        .grade(
            Grade::Source,
            "redis/jedis DefaultJedisSocketFactory.java: on, with the kernel's settings",
        ),
        Key::new(
            "user_timeout",
            Kind::Either(
                &Kind::Word(&[("off", "the kernel's own limit, about 15 minutes")]),
                &TIMEOUT,
            ),
            Default::Text("off"),
            "`TCP_USER_TIMEOUT`: a connection whose data stays unacknowledged so long is aborted.",
        ),
        Key::new(
            "keeps_connections",
            Kind::Flag,
            Default::Flag(true),
            "Whether a connection is used again; otherwise each command opens one of its own.",
        ),
        RETRY_JITTER,
        INNER_ATTEMPTS,
        INNER_WAIT,
        FOLLOWS_SWITCH,
        KEEPS_ON_TIMEOUT,
        OPENS_IN_ADVANCE,
        WAITS_FOR_FAILOVER,
        RETRY_CLASS,
        CHECKS_VERSIONS,
    ],
    open: None,
};

static KEEPALIVE: Table = Table {
    title: "keepalive",
    doc: "When an idle connection is probed, and given up.",
    keys: &[
        Key::new(
            "idle",
            TIMEOUT,
            Default::Text("7200s"),
            "Idle time before the first probe.",
        )
        .grade(Grade::Documented, "Linux ip-sysctl.rst"),
        Key::new("interval", TIMEOUT, Default::Text("75s"), "Between probes.")
            .grade(Grade::Documented, "Linux ip-sysctl.rst"),
        Key::new(
            "probes",
            Kind::Integer(1, 100),
            Default::Integer(9),
            "Probes without answer until it is given up.",
        )
        .grade(Grade::Documented, "Linux ip-sysctl.rst"),
    ],
    open: None,
};
