//! Work on the nodes of a member: what managed services and operators do while it serves.

use super::fault::{AT, MEMBER};
use super::{DAY, Default, Form, Key, Kind, SECOND, Table};
use crate::failover::Grade;

const TO_NODE: Key = Key::new(
    "node",
    Kind::Integer(0, 31),
    Default::Required,
    "To which node of the member, counted from 0.",
);

pub(super) const PLANNED_MAINTENANCE: Form = Form {
    word: "planned-maintenance",
    table: &Table {
        title: "kind = \"planned-maintenance\"",
        doc: "Planned maintenance, node by node: the node's primaries are handed over to replicas that have everything, it restarts, its copies synchronize; then the next node. A database without another copy is away while its node restarts. It ends when every node is done.",
        keys: &[
            MEMBER,
            Key::new(
                "node",
                Kind::Integer(0, 31),
                Default::Absent("all of them, one after the other"),
                "Only this node of the member, counted from 0.",
            ),
            AT,
            Key::new(
                "reboot",
                Kind::Delay,
                Default::Text("uniform(30s, 90s)"),
                "For how long each machine is away, before its processes start.",
            )
            .grade(Grade::Assumed, "not published"),
            Key::new(
                "window",
                Kind::Table(&WINDOW),
                Default::Absent("at any time"),
                "Work on a node begins only within a maintenance window; it goes on beyond the end of one.",
            ),
        ],
        open: None,
    },
};

pub(super) const ADD_NODE: Form = Form {
    word: "add-node",
    table: &Table {
        title: "kind = \"add-node\"",
        doc: "An operator adds one of `database.spare_nodes` to the member: it gets a copy of every shard. It ends when the copies have caught up.",
        keys: &[MEMBER, AT],
        open: None,
    },
};

pub(super) const MIGRATE_SHARD: Form = Form {
    word: "migrate-shard",
    table: &Table {
        title: "kind = \"migrate-shard\"",
        doc: "An operator moves the primary of a shard to another node, which gets everything before it takes over.",
        keys: &[
            MEMBER,
            Key::new(
                "shard",
                Kind::Integer(0, 511),
                Default::Integer(0),
                "The shard, counted from 0.",
            ),
            TO_NODE,
            AT,
        ],
        open: None,
    },
};

pub(super) const MIGRATE_SLOTS: Form = Form {
    word: "migrate-slots",
    table: &Table {
        title: "kind = \"migrate-slots\"",
        doc: "An operator moves slots of a Redis Cluster (`by = \"cluster\"`) from one shard to another, as `redis-cli --cluster reshard` does: key after key, while both shards serve. Neither process serves anything while a MIGRATE takes place. Who asks the former shard for a key that is not there any more is told ASK, and asks the other one, this time only; in the end MOVED is answered. The slots of a shard move once in a run.",
        keys: &[
            MEMBER,
            Key::new("from", Kind::Integer(0, 511), Default::Integer(0), "The shard that gives slots away, counted from 0."),
            Key::new("to", Kind::Integer(0, 511), Default::Required, "The shard that gets them."),
            Key::new(
                "share",
                Kind::Share(0.001, 1.0),
                Default::Text("100%"),
                "How many of the former shard's slots move.",
            ),
            AT,
            Key::new(
                "pipeline",
                Kind::Integer(1, 10_000),
                Default::Integer(10),
                "How many keys one MIGRATE moves.",
            )
            .grade(Grade::Source, "redis/redis, redis-cli.c: CLUSTER_MANAGER_MIGRATE_PIPELINE 10"),
            Key::new(
                "per_key",
                Kind::Duration(0, SECOND),
                Default::Text("20us"),
                "What each key costs both processes (DUMP, RESTORE, DEL), beside its way over the network.",
            )
            .grade(Grade::Assumed, "some commands of a few microseconds each; large values take longer"),
            Key::new(
                "timeout",
                Kind::Duration(1_000_000, DAY),
                Default::Text("60s"),
                "How long a MIGRATE waits for the other process before it gives up; meanwhile its own process serves nobody.",
            )
            .grade(Grade::Source, "redis/redis, redis-cli.c: CLUSTER_MANAGER_MIGRATE_TIMEOUT 60000"),
        ],
        open: None,
    },
};

pub(super) const MIGRATE_ENDPOINT: Form = Form {
    word: "migrate-endpoint",
    table: &Table {
        title: "kind = \"migrate-endpoint\"",
        doc: "The address at which clients find the member moves to another node. Connections to the former one end; clients open new ones.",
        keys: &[MEMBER, TO_NODE, AT],
        open: None,
    },
};

static WINDOW: Table = Table {
    title: "window",
    doc: "A maintenance window that comes again and again.",
    keys: &[
        Key::new(
            "opens",
            Kind::Duration(0, 366 * DAY),
            Default::Required,
            "When the first one opens, counted from the start of the run.",
        ),
        Key::new(
            "lasts",
            Kind::Duration(SECOND, 366 * DAY),
            Default::Text("5h"),
            "How long each is.",
        )
        .grade(
            Grade::Documented,
            "Azure docs, Update channel and schedule updates: five hours at least",
        ),
        Key::new(
            "every",
            Kind::Duration(SECOND, 366 * DAY),
            Default::Text("7d"),
            "From the opening of one to that of the next; longer than one lasts.",
        )
        .grade(
            Grade::Documented,
            "Azure docs, Update channel and schedule updates: days of the week",
        ),
    ],
    open: None,
};
