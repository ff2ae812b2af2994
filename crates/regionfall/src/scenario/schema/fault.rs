//! Faults: what goes wrong, when, and for how long.

use super::degradation::{
    CLOCK_SKEW, COORDINATOR_DOWN, HEALTH_ENDPOINT_DOWN, LOAD_SURGE, SLOW_DISK, SLOW_HOST,
};
use super::membership::{FORCE_REMOVE, PURGE, REJOIN};
use super::persistence::{DISK_LOST, FSYNC_STALL, RESTORE};
use super::root::PERIOD;
use super::routing::{
    ADDRESS_DAEMON, ADVERTS_LOST, BALANCER_DOWN, CHECKERS_CUT_OFF, DNS_DOWN, NODE_ADDED,
    PROXY_CRASH, RECORD_CHANGE, SYNCER_STUCK,
};
use super::upkeep::{
    ADD_NODE, MIGRATE_ENDPOINT, MIGRATE_SHARD, MIGRATE_SLOTS, PLANNED_MAINTENANCE,
};
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
pub(super) const NODE: Key = Key::new(
    "node",
    Kind::Either(
        &Kind::Word(&[
            (
                "primary",
                "the one that is the primary of `shard` when the fault begins",
            ),
            ("replicas", "all but that one"),
        ]),
        &Kind::Integer(0, 31),
    ),
    Default::Absent("all of them"),
    "Which nodes of the member: by role, or one by its number, counted from 0.",
);
pub(super) const SHARD: Key = Key::new(
    "shard",
    Kind::Integer(0, 511),
    Default::Integer(0),
    "The shard whose primary `node` speaks of, counted from 0.",
);
const PLACE: Key = Key::new(
    "region",
    Kind::Region,
    Default::Required,
    "In which region. In a variant that has no member for it there, nothing happens.",
);
const NOT_UNDONE: Key = Key::new(
    "lasts",
    Kind::Either(
        &Kind::Word(&[("forever", "it is not undone")]),
        &Kind::Delay,
    ),
    Default::Text("forever"),
    "Of no meaning: an act is not undone.",
);
pub(super) const ZONE: Key = Key::new(
    "zone",
    Kind::Integer(0, 15),
    Default::Absent("every zone"),
    "Only nodes in this zone of the region, counted from 0.",
);
const WITHIN: Key = Key::new(
    "within",
    Kind::Region,
    Default::Absent("see `between`, `from` and `to`"),
    "One region: the paths inside of it. With `zone`, those between that zone and the others.",
);
const ZONE_OF_PATHS: Key = Key::new(
    "zone",
    Kind::Integer(0, 15),
    Default::Absent("every zone"),
    "With `within`: only the paths between this zone of it, counted from 0, and its others.",
);
const TAKES: Key = Key::new(
    "takes",
    Kind::List(&Kind::Word(&[
        ("database", "the member"),
        (
            "app-servers",
            "app servers there; they are counted apart and have no RTO",
        ),
        ("checkers", "health checkers there"),
        (
            "proxies",
            "proxies and load balancers there; edges of a global load balancer are no part of a region",
        ),
        (
            "coordinator",
            "the coordinator that processes follow, if it stands there",
        ),
    ])),
    Default::Derived("`[\"database\"]`"),
    "What falls with it.",
);
const DISKS: Key = Key::new(
    "disks",
    Kind::Word(&[
        (
            "kept",
            "what is on them stays: everything executed, or what `database.persistence` put there",
        ),
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
                    NODE,
                    SHARD,
                    ZONE,
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
                keys: &[
                    MEMBER, NODE, SHARD, ZONE, AT, LASTS, FLAPPING, DISKS, IN_FLIGHT,
                ],
                open: None,
            },
        },
        Form {
            word: "hang",
            table: &Table {
                title: "kind = \"hang\"",
                doc: "The database process of a member accepts connections and requests and never answers; what waits is executed when it goes on.",
                keys: &[MEMBER, NODE, SHARD, ZONE, AT, LASTS, FLAPPING],
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
                    TAKES,
                    IN_FLIGHT,
                ],
                open: None,
            },
        },
        Form {
            word: "promote",
            table: &Table {
                title: "kind = \"promote\"",
                doc: "An operator makes a node the primary of every shard of its member; the others that run follow it.",
                keys: &[
                    MEMBER,
                    Key::new(
                        "node",
                        Kind::Integer(0, 31),
                        Default::Required,
                        "Which node of the member, counted from 0.",
                    ),
                    AT,
                    Key::new(
                        "lasts",
                        Kind::Either(
                            &Kind::Word(&[("forever", "it is not undone")]),
                            &Kind::Delay,
                        ),
                        Default::Text("forever"),
                        "Of no meaning: an act is not undone.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "syncer-stopped",
            table: &Table {
                title: "kind = \"syncer-stopped\"",
                doc: "The syncers by which a member gets the others' effects exit with an error that they cannot recover from. They do not try again: it lasts until an operator starts them.",
                keys: &[
                    MEMBER,
                    Key::new(
                        "source",
                        Kind::Region,
                        Default::Absent("all others"),
                        "Only the one that reads from the member in this region.",
                    ),
                    AT,
                    Key::new(
                        "lasts",
                        LASTS.kind,
                        Default::Text("forever"),
                        "How long until an operator starts them, unless `restart-syncers` does.",
                    ),
                ],
                open: None,
            },
        },
        Form {
            word: "restart-syncers",
            table: &Table {
                title: "kind = \"restart-syncers\"",
                doc: "An operator starts the stopped syncers of a member.",
                keys: &[MEMBER, AT, NOT_UNDONE],
                open: None,
            },
        },
        Form {
            word: "fail-over",
            table: &Table {
                title: "kind = \"fail-over\"",
                doc: "An operator makes a passive member take writes (`geo-passive`); the others follow it. What it never got is lost.",
                keys: &[
                    PLACE,
                    Key::new(
                        "old",
                        Kind::Word(&[
                            (
                                "follows",
                                "it follows too, once it runs, and what it alone has is lost",
                            ),
                            ("unlinked", "it is left to itself for good"),
                        ]),
                        Default::Text("follows"),
                        "What becomes of the member that took writes.",
                    ),
                    AT,
                    NOT_UNDONE,
                ],
                open: None,
            },
        },
        Form {
            word: "recreate",
            table: &Table {
                title: "kind = \"recreate\"",
                doc: "An operator deletes the database (`standalone`, `primary-replica`) and creates it again, empty, in another region of `topology.regions`.",
                keys: &[PLACE, AT, NOT_UNDONE],
                open: None,
            },
        },
        Form {
            word: "zone-outage",
            table: &Table {
                title: "kind = \"zone-outage\"",
                doc: "A zone of a region falls, and with it the nodes that stand in it.",
                keys: &[
                    Key::new("region", Kind::Region, Default::Required, "The region."),
                    Key::new(
                        "zone",
                        Kind::Integer(0, 15),
                        Default::Required,
                        "Which of its zones, counted from 0.",
                    ),
                    AT,
                    LASTS,
                    FLAPPING,
                    MODE,
                    DISKS,
                    TAKES,
                    IN_FLIGHT,
                ],
                open: None,
            },
        },
        FSYNC_STALL,
        DISK_LOST,
        RESTORE,
        Form {
            word: "partition",
            table: &Table {
                title: "kind = \"partition\"",
                doc: "A path is cut.",
                keys: &[
                    BETWEEN,
                    FROM,
                    TO,
                    WITHIN,
                    ZONE_OF_PATHS,
                    DIRECTION,
                    SCOPE,
                    AT,
                    LASTS,
                    FLAPPING,
                    MODE,
                    IN_FLIGHT,
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
                    WITHIN,
                    ZONE_OF_PATHS,
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
                    WITHIN,
                    ZONE_OF_PATHS,
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
        SLOW_DISK,
        HEALTH_ENDPOINT_DOWN,
        COORDINATOR_DOWN,
        FORCE_REMOVE,
        PURGE,
        REJOIN,
        PROXY_CRASH,
        BALANCER_DOWN,
        ADDRESS_DAEMON,
        ADVERTS_LOST,
        DNS_DOWN,
        CHECKERS_CUT_OFF,
        SYNCER_STUCK,
        NODE_ADDED,
        RECORD_CHANGE,
        PLANNED_MAINTENANCE,
        ADD_NODE,
        MIGRATE_SHARD,
        MIGRATE_SLOTS,
        MIGRATE_ENDPOINT,
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
