//! The world of a scenario: topology, database, workload.

use super::limits::{AVAILABILITY, CAPACITY, MEMORY};
use super::persistence::{DISK, EXPORT, PERSISTENCE, PERSISTENCE_ON};
use super::root::{PERIOD, TIMEOUT};
use super::{DAY, Default, Key, Kind, MS, Open, Table};
use crate::failover::Grade;
use crate::scenario::columns;

pub(crate) static TOPOLOGY: Table = Table {
    title: "[topology]",
    doc: "Regions with a member of the database, and the round trips between them.",
    keys: &[
        Key::new(
            "rtt",
            Kind::Either(
                &Kind::Word(&[
                    (
                        "aws",
                        "18 AWS regions: medians and half interquartile ranges of TCP handshakes, April 2024",
                    ),
                    (
                        "azure",
                        "23 Azure regions: 95th percentiles over 30 days, July 2026",
                    ),
                ]),
                &Kind::Path,
            ),
            Default::Text("aws"),
            "The table of round trips: an embedded one, or a CSV file with the columns of either.",
        ),
        Key::new(
            "regions",
            Kind::List(&Kind::Region),
            Default::Required,
            "Regions with a member, each once: 2 to 10. Of `standalone` and `primary-replica` the first has the database; in others an operator can create it again. Regions that only fleets or checkers name are added by themselves.",
        ),
        Key::new(
            "region",
            Kind::List(&Kind::Table(&REGION)),
            Default::Empty,
            "Settings of single regions.",
        ),
        Key::new(
            "link",
            Kind::List(&Kind::Table(&LINK)),
            Default::Empty,
            "Settings of single paths, layered over the table of round trips; later ones win. A region that the table lacks needs links to all others.",
        ),
    ],
    open: None,
};

static REGION: Table = Table {
    title: "[[topology.region]]",
    doc: "Settings of one region.",
    keys: &[
        Key::new("name", Kind::Region, Default::Required, "Which region."),
        Key::new("zones", Kind::Integer(1, 16), Default::Integer(3), "Number of zones. The member's host stands in the first; app servers spread over all in turn.").grade(Grade::Documented, "large cloud regions have three"),
        Key::new("same_zone_rtt", Kind::Delay, Default::Text("100us"), "Round trip between hosts of one zone; each way takes half.").grade(Grade::Documented, "IBM Cloud VPC network latency, 30-day averages 2024-2025: about 0.1 ms"),
        Key::new("cross_zone_rtt", Kind::Delay, Default::Text("2ms"), "Round trip between zones; each way takes half.").grade(Grade::Documented, "IBM Cloud VPC network latency, 30-day averages 2024-2025: 1.6 to 2.9 ms"),
    ],
    open: None,
};

static LINK: Table = Table {
    title: "[[topology.link]]",
    doc: "Settings of the path between two regions.",
    keys: &[
        Key::new(
            "from",
            Kind::Region,
            Default::Required,
            "The region at one end.",
        ),
        Key::new(
            "to",
            Kind::Region,
            Default::Required,
            "The region at the other end.",
        ),
        Key::new(
            "direction",
            Kind::Word(&[
                ("both", "both ways"),
                ("one-way", "only messages from `from` to `to`"),
            ]),
            Default::Text("both"),
            "Which way the settings hold.",
        ),
        Key::new(
            "rtt",
            Kind::Delay,
            Default::Absent("from the table"),
            "Round trip; each way takes half, drawn independently, so round trips vary somewhat less than written.",
        ),
        Key::new(
            "one_way",
            Kind::Delay,
            Default::Absent("from the table"),
            "One-way delay, instead of `rtt`.",
        ),
        Key::new(
            "loss",
            Kind::Share(0.0, 0.99),
            Default::Absent("none"),
            "Share of messages lost independently of each other.",
        ),
        Key::new(
            "bursts",
            Kind::Table(&BURSTS),
            Default::Absent("none"),
            "Bursts of loss (Gilbert-Elliott).",
        ),
        Key::new(
            "bandwidth",
            Kind::Bandwidth,
            Default::Absent("no limit"),
            "What the path carries; messages queue for it.",
        ),
        Key::new(
            "drift",
            Kind::Table(&DRIFT),
            Default::Absent("none"),
            "Slow wandering of the delay.",
        ),
    ],
    open: None,
};

static BURSTS: Table = Table {
    title: "bursts",
    doc: "The path is good or bad, for exponentially distributed times.",
    keys: &[
        Key::new(
            "every",
            PERIOD,
            Default::Required,
            "Mean time between bursts.",
        ),
        Key::new(
            "lasts",
            PERIOD,
            Default::Required,
            "Mean length of a burst.",
        ),
        Key::new(
            "loss",
            Kind::Share(0.0, 1.0),
            Default::Required,
            "Share of messages lost in a burst.",
        ),
    ],
    open: None,
};

static DRIFT: Table = Table {
    title: "drift",
    doc: "A factor on the delay that wanders between 1 - amplitude and 1 + amplitude.",
    keys: &[
        Key::new(
            "amplitude",
            Kind::Share(0.0, 0.99),
            Default::Required,
            "Largest change.",
        ),
        Key::new(
            "period",
            PERIOD,
            Default::Required,
            "How fast it wanders: the distance of its support points.",
        ),
    ],
    open: None,
};

pub(crate) static DATABASE: Table = Table {
    title: "[database]",
    doc: "One database with a member in each region of `topology.regions`.",
    keys: &[
        Key::new(
            "kind",
            Kind::Word(&[
                ("standalone", "one copy of the data in one region"),
                (
                    "independent",
                    "a database in each region; none knows of the others",
                ),
                (
                    "primary-replica",
                    "a primary and its replicas in one region",
                ),
                (
                    "geo-passive",
                    "the first region takes writes; the others follow it and refuse them until one is promoted",
                ),
                (
                    "active-active",
                    "every member takes writes; conflicts are resolved by data type (CRDT)",
                ),
            ]),
            Default::Text("active-active"),
            "What the database is.",
        ),
        Key::new(
            "product",
            Kind::Word(PRODUCTS),
            Default::Absent("no product's defaults or limits"),
            "Whose defaults hold for what is not written here, and whose limits: `docs/model.md` lists them with their sources.",
        ),
        Key::new(
            "size",
            Kind::Size(1, 1 << 50),
            Default::Absent("what the workload's keys take"),
            "Bytes of a member's data. A workload is often a sample of it: automatic backlogs and whole states have this size.",
        ),
        Key::new(
            "shards",
            Kind::Integer(1, 512),
            Default::Integer(1),
            "Shards of each member. Every shard streams its effects on links of its own.",
        ),
        Key::new(
            "replicas_per_shard",
            Kind::Integer(0, 5),
            Default::Integer(0),
            "Copies of each shard beside the primary, in the same region: each on a node of its own.",
        ),
        Key::new(
            "spare_nodes",
            Kind::Integer(0, 5),
            Default::Integer(0),
            "Nodes of each member that hold no copy at first: a copy that was lost is made anew there (`database.promotion.replica_grace`), or an operator adds them (`add-node`).",
        ),
        Key::new(
            "placement",
            Kind::Word(&[
                ("single-zone", "all nodes stand in the first zone"),
                ("multi-zone", "each node stands in the next zone in turn"),
            ]),
            Default::Text("multi-zone"),
            "In which zones of its region the nodes of a member stand.",
        ),
        Key::new(
            "entrance",
            Kind::Word(&[
                (
                    "direct",
                    "clients connect to the node that was the first primary",
                ),
                (
                    "proxy",
                    "clients connect to an endpoint on a node, which hands each request to the primary of its shard",
                ),
                (
                    "discovery",
                    "the same, and clients find the endpoint's node by asking the discovery service of any node before they connect (Redis Software: a Sentinel API at port 8001)",
                ),
                (
                    "sentinel",
                    "clients ask a Sentinel for the primary before they connect",
                ),
                (
                    "cluster",
                    "clients send each request to the node that their slot map names, and are sent on by MOVED (Redis Cluster, OSS Cluster API)",
                ),
            ]),
            Default::Text("proxy"),
            "How clients reach the shards of a member that has several nodes.",
        ),
        Key::new(
            "sync",
            Kind::Table(&SYNC),
            Default::Empty,
            "Replication between members.",
        ),
        Key::new(
            "promotion",
            Kind::Table(&super::promotion::PROMOTION),
            Default::Empty,
            "Who becomes primary of a shard when its primary fails.",
        ),
        Key::new(
            "min_replicas_to_write",
            Kind::Integer(0, 5),
            Default::Integer(0),
            "A primary refuses writes while fewer replicas than this are there; 0: never.",
        )
        .grade(Grade::Source, "redis/redis src/config.c"),
        Key::new(
            "min_replicas_max_lag",
            Kind::Integer(0, 3_600),
            Default::Integer(10),
            "A replica is there if its last report is no older than this many whole seconds; counted once a second.",
        )
        .grade(Grade::Source, "redis/redis src/config.c"),
        Key::new(
            "capacity",
            Kind::Table(&CAPACITY),
            Default::Absent("nodes do everything at once"),
            "What nodes can do, and what they admit.",
        ),
        Key::new(
            "memory",
            Kind::Table(&MEMORY),
            Default::Absent("as much as is needed"),
            "How much memory members have.",
        ),
        Key::new(
            "availability",
            Kind::Table(&AVAILABILITY),
            Default::Absent("with the defaults below"),
            "How nodes answer availability checks.",
        ),
        PERSISTENCE,
        PERSISTENCE_ON,
        DISK,
        EXPORT,
    ],
    open: None,
};

static SYNC: Table = Table {
    title: "[database.sync]",
    doc: "One directed link per pair of members and shard.",
    keys: &[
        Key::new("processing", Kind::Delay, Default::Text("lognormal(median=20ms, p99=200ms)"), "From a write's acknowledgement to its effect leaving for the peers, beside the network; effects of one link keep their order.").grade(Grade::Assumed, "no published figure; 500 ms is a customary alert threshold for syncer lag"),
        Key::new("reconnect_every", PERIOD, Default::Text("1s"), "A syncer without connection tries to open one after this long, again and again.").grade(Grade::Assumed, "no published figure"),
        Key::new("silence_limit", PERIOD, Default::Text("10s"), "A syncer that has heard nothing for this long gives its connection up.").grade(Grade::Assumed, "no published figure"),
        Key::new("restart", Kind::Delay, Default::Text("uniform(5s, 30s)"), "From the start of a database process, or of its host, to its first answer.").grade(Grade::Assumed, "depends on the amount of data to load"),
        Key::new(
            "backlog",
            Kind::Either(
                &Kind::Word(&[
                    ("unlimited", "everything that somebody may still need"),
                    ("auto", "1 % of `database.size` divided by the shards, from 1 MB to 250 MB"),
                ]),
                &Kind::Size(1, 1 << 40),
            ),
            Default::Text("unlimited"),
            "How much of its newest effects a shard keeps, in memory, to send them again one by one. Who lacks more gets a whole state.",
        ),
        Key::new("full_sync", Kind::Table(&FULL_SYNC), Default::Empty, "How whole states are copied."),
        Key::new("stale", Kind::Table(&STALE), Default::Empty, "Stale mode: whether a restarted shard refuses writes until it has caught up."),
        Key::new(
            "mode",
            Kind::Word(&[
                ("direct", "each link ends at the node whose process feeds it"),
                ("centralized", "all links of a member go through the node of its endpoint"),
                ("distributed", "links of a member go through its nodes in turn"),
            ]),
            Default::Text("direct"),
            "At which node of a member that has several the others' syncers find it.",
        ),
        Key::new("causal", Kind::Flag, Default::Flag(false), "Causal consistency: every member passes on what it gets, in order, to all others; nobody sees a reaction before its cause.").grade(Grade::Documented, "Redis Software docs, crdb-cli crdb create: off by default"),
        Key::new("needs_all_sources", Kind::Flag, Default::Flag(false), "The defect that a syncer which starts must reach all its sources before any of them sends.").grade(Grade::Documented, "Redis Software release notes 6.2.18 and 6.4.2, known issues RS51144 and RS102128"),
        Key::new(
            "replicas",
            Kind::Word(&[
                ("partial", "what it lacks, if the backlog has it"),
                ("full", "always the whole state"),
            ]),
            Default::Text("partial"),
            "What a replica within a member gets when it connects anew.",
        ),
    ],
    open: None,
};

static FULL_SYNC: Table = Table {
    title: "full_sync",
    doc: "A whole state is written as a snapshot, sent, and taken in: between members a merge. Without any of these keys it is one message.",
    keys: &[
        Key::new(
            "snapshot",
            Kind::Bandwidth,
            Default::Absent("it takes no time"),
            "How fast the source writes the snapshot.",
        ),
        Key::new(
            "transfer",
            Kind::Bandwidth,
            Default::Absent("what the path carries"),
            "How fast one link transfers, if the path lets it.",
        ),
        Key::new(
            "load",
            Kind::Bandwidth,
            Default::Absent("it takes no time"),
            "How fast the target takes it in.",
        ),
        Key::new(
            "sources",
            Kind::Integer(1, 10),
            Default::Absent("all that there are"),
            "From how many members a member copies at a time (gradual synchronization).",
        ),
        Key::new(
            "shards_per_source",
            Kind::Integer(1, 512),
            Default::Absent("all that there are"),
            "How many shards of one of them at a time.",
        ),
    ],
    open: None,
};

static STALE: Table = Table {
    title: "stale",
    doc: "A stale shard serves reads and refuses writes. One that holds nothing is never stale.",
    keys: &[
        Key::new(
            "enter",
            Kind::Word(&[
                ("never", "a restarted shard takes writes at once"),
                ("after-restart", "it has to catch up first with every member that it reaches"),
            ]),
            Default::Text("never"),
            "When a shard becomes stale.",
        ),
        Key::new(
            "alone_after",
            Kind::Either(&Kind::Word(&[("never", "it waits for one however long that takes")]), &PERIOD),
            Default::Text("60s"),
            "A stale shard that reaches no other member for this long takes writes.",
        )
        .grade(Grade::Assumed, "the sources leave it open; 60 s is the time after which a replica gives its primary up (redis.conf, repl-timeout)"),
    ],
    open: None,
};

/// Products with their meanings.
const PRODUCTS: &[(&str, &str)] = &[
    (
        "redis-software",
        "Redis Software (Redis Enterprise), run by oneself",
    ),
    ("redis-cloud", "Redis Cloud"),
    ("azure-managed-redis", "Azure Managed Redis"),
    ("redis-oss", "Redis Open Source"),
];

pub(crate) static WORKLOAD: Table = Table {
    title: "[workload]",
    doc: "What the applications do.",
    keys: &[
        Key::new("slo_deadline", TIMEOUT, Default::Text("1s"), "A request unanswered for this long is overdue: it opens an outage episode and does not count as available.").grade(Grade::Assumed, "a customary service level"),
        Key::new("fleet", Kind::List(&Kind::Table(&FLEET)), Default::Derived("one fleet in each region of the topology"), "Fleets of like app servers."),
        Key::new("keyspace", Kind::List(&Kind::Table(&KEYSPACE)), Default::Derived("one keyspace named `keys`"), "Keys of one kind of use; shares add up to 100 %."),
    ],
    open: None,
};

static FLEET: Table = Table {
    title: "[[workload.fleet]]",
    doc: "Like app servers in one region.",
    keys: &[
        Key::new("name", Kind::Text, Default::Derived("the region"), "Its name in tables."),
        Key::new("region", Kind::Region, Default::Required, "Where its servers run. The region need not have a member."),
        Key::new("servers", Kind::Integer(1, 10_000), Default::Integer(4), "Number of app servers; they spread over the zones of the region in turn."),
        Key::new("connections_per_server", Kind::Integer(1, 10_000), Default::Integer(8), "Largest number of connections that one server opens to one member.").grade(Grade::Documented, "Apache Commons Pool `maxTotal`, which Jedis pools inherit"),
        Key::new("rate", Kind::Rate, Default::Derived("100/s, unless `clients` is given"), "Requests of the whole fleet, as a Poisson process split evenly over its servers (open loop)."),
        Key::new("clients", Kind::Integer(1, 1_000_000), Default::Absent("open loop"), "Clients of the whole fleet: each asks, waits for the answer, thinks and asks again (closed loop). Instead of `rate`."),
        Key::new("think", Kind::Delay, Default::Absent("0s for a closed loop"), "Time between an answer and the next question; goes with `clients`."),
        Key::new("pause_after_error", Kind::Delay, Default::Absent("as `think`"), "The same after a question that failed or was never answered; goes with `clients`."),
        Key::new("home", Kind::List(&Kind::Region), Default::Derived("the fleet's own region if it has a member, then the others in the order of `topology.regions`"), "Members in order of preference. Equal lists in every fleet make active-passive."),
        Key::new("timeout", Kind::Either(&Kind::Word(&[("client", "as the strategy's client has it")]), &TIMEOUT), Default::Text("client"), "How long an attempt waits for its reply."),
        Key::new("tls_round_trips", Kind::Integer(0, 2), Default::Integer(0), "Round trips that TLS adds to a new connection: 0 without TLS, 1 for TLS 1.3, 2 for TLS 1.2.").grade(Grade::Documented, "RFC 8446 section 2, RFC 5246 section 7.3"),
        Key::new("auth_round_trips", Kind::Integer(0, 2), Default::Integer(1), "Round trips that authentication adds to a new connection.").grade(Grade::Documented, "HELLO with AUTH is one command"),
    ],
    open: None,
};

static KEYSPACE: Table = Table {
    title: "[[workload.keyspace]]",
    doc: "Keys of one data type and one kind of use.",
    keys: &[
        Key::new("name", Kind::Text, Default::Text("keys"), "Its name in tables."),
        Key::new("share", Kind::Share(0.0, 1.0), Default::Text("100%"), "The share of operations that go to it."),
        Key::new("mix", Kind::Table(&MIX), Default::Derived("`{ get = 7, set = 3 }`"), "Commands with their weights; all of one data type, beside those for keys of every type."),
        Key::new("keys", Kind::Integer(1, 4_000_000_000), Default::Integer(10_000), "Number of keys; of each home population where `scope` says so."),
        Key::new("popularity", Kind::Popularity, Default::Text("zipf(0.99)"), "How keys are chosen: `\"uniform\"`, or `\"zipf(s)\"`, where the key of rank r has weight r^-s.").grade(Grade::Documented, "YCSB's default skew"),
        Key::new("value_size", Kind::Size(1, 512 << 20), Default::Text("512B"), "Bytes of a written value."),
        Key::new("elements", Kind::Integer(1, 1_000_000), Default::Integer(100), "Number of distinct elements of a key: of a set, fields of a hash, members of a sorted set, bits; the length that `ltrim` and `xtrim` leave."),
        Key::new("ttl", Kind::Duration(MS, 365 * DAY), Default::Text("60s"), "How long keys live whose commands set an expiry: `expire`, `pexpire`, `setex`, `psetex`.").grade(Grade::Assumed, "an example"),
        Key::new("floor", Kind::Integer(-1_000_000_000_000, 1_000_000_000_000), Default::Absent("no bound"), "Counters are not to fall below this: a client decrements only if that leaves as much, by what it reads at its member. Regions that have not seen each other may sell the same unit twice; `oversold_units` counts them."),
        Key::new("initial", Kind::Integer(-1_000_000_000_000, 1_000_000_000_000), Default::Absent("0 with a `floor`"), "What each counter stands at before the first request; goes with `floor`."),
        Key::new("unique", Kind::Flag, Default::Flag(false), "Whoever sets an absent key with `setnx` takes it for its own until it is deleted or expires. `double_claims` counts those that two regions granted."),
        Key::new(
            "scope",
            Kind::Either(
                &Kind::Word(&[("home", "each home population has keys of its own"), ("global", "all populations use the same keys")]),
                &Kind::Table(&SHARED),
            ),
            Default::Text("global"),
            "Who shares its keys.",
        ),
        Key::new(
            "session",
            Kind::Word(&[
                ("none", "no guarantee is expected"),
                ("read-your-writes", "an app server expects to read its own acknowledged writes and never an older value than before; violations are counted"),
            ]),
            Default::Text("none"),
            "The session guarantee that readers expect.",
        ),
        Key::new("wait", Kind::Table(&WAIT), Default::Absent("no write waits for replicas"), "Each write is followed by WAIT or WAITAOF: its answer comes when enough have it, or when time is over."),
    ],
    open: None,
};

static WAIT: Table = Table {
    title: "wait",
    doc: "`WAIT` or `WAITAOF`. Replicas that have a write are no promise that it survives: another may be promoted (Redis docs, WAIT).",
    keys: &[
        Key::new(
            "command",
            Kind::Word(&[
                ("wait", "replicas have it in memory"),
                (
                    "waitaof",
                    "it is forced to disk: in the replicas' append-only files, and in the primary's own if `local` is 1",
                ),
            ]),
            Default::Text("wait"),
            "Which command follows each write.",
        ),
        Key::new(
            "replicas",
            Kind::Integer(0, 5),
            Default::Integer(1),
            "How many replicas must have reported to have the write; 0 only with `waitaof` and `local`.",
        ),
        Key::new(
            "local",
            Kind::Integer(0, 1),
            Default::Integer(0),
            "With `waitaof`: whether the primary's own append-only file must have it.",
        ),
        Key::new(
            "timeout",
            Kind::Either(&Kind::Word(&[("never", "it waits for ever")]), &TIMEOUT),
            Default::Text("100ms"),
            "How long the primary waits.",
        )
        .grade(Grade::Assumed, "WAIT has no default"),
        Key::new(
            "too_few",
            Kind::Word(&[
                ("accept", "it takes the write for done"),
                (
                    "fail",
                    "it takes the write for unanswered; the client may try again",
                ),
            ]),
            Default::Text("accept"),
            "What the application does when time is over and too few replicas have the write.",
        ),
    ],
    open: None,
};

static MIX: Table = Table {
    title: "mix",
    doc: "Commands with their weights.",
    keys: &[],
    open: Some(Open {
        name: "a command",
        known: Some(columns::command_names),
        kind: Kind::Number(0.0, 1e9),
        doc: "A command's weight against the others; `docs/scenario-format.md` lists the commands.",
    }),
};

static SHARED: Table = Table {
    title: "scope",
    doc: "Part of the accesses go to keys that all populations use.",
    keys: &[Key::new(
        "shared",
        Kind::Share(0.0, 1.0),
        Default::Required,
        "That part; the rest goes to the population's own keys.",
    )],
    open: None,
};
