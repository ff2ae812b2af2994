//! Persistence and exports: what a member keeps on disk and elsewhere.

use super::fault::{AT, FLAPPING, LASTS, MEMBER, NODE, SHARD, ZONE};
use super::{DAY, Default, Form, Key, Kind, SECOND, Table};
use crate::failover::Grade;

/// `database.persistence`.
pub(super) const PERSISTENCE: Key = Key::new(
    "persistence",
    Kind::Word(&[
        (
            "none",
            "nothing is on disk: a process that restarts is empty",
        ),
        (
            "aof-always",
            "an append-only file; an acknowledgement waits for its fsync",
        ),
        (
            "aof-everysec",
            "an append-only file; an fsync begins whenever the whole second changes",
        ),
        (
            "aof-no-fsync",
            "an append-only file that the kernel writes back when it has been dirty for 30 s",
        ),
        (
            "snapshot",
            "a copy of everything, by the rules in `database.disk.save`",
        ),
    ]),
    Default::Absent("an idealized disk: everything executed is on it at once and at no cost"),
    "What the database keeps on disk.",
);

/// `database.persistence_on`.
pub(super) const PERSISTENCE_ON: Key = Key::new(
    "persistence_on",
    Kind::Word(&[
        (
            "replica",
            "the replicas; the primary only where a shard has no replica",
        ),
        ("primary", "the primary"),
        ("both", "both"),
    ]),
    Default::Absent(
        "`replica`, as Redis Software does unless `master_persistence` is on; with `entrance = \"direct\"`, `both`",
    ),
    "Which copies of a shard write to disk; goes with `persistence`.",
);

/// `database.disk`.
pub(super) const DISK: Key = Key::new(
    "disk",
    Kind::Table(&DISK_TABLE),
    Default::Derived("its defaults, where `persistence` is given"),
    "What disks can do; goes with `persistence`.",
);

/// `database.export`.
pub(super) const EXPORT: Key = Key::new(
    "export",
    Kind::Table(&EXPORT_TABLE),
    Default::Absent("no exports"),
    "Copies of each member that are kept elsewhere, for `kind = \"restore\"`.",
);

static DISK_TABLE: Table = Table {
    title: "[database.disk]",
    doc: "What the disks of nodes can do.",
    keys: &[
        Key::new("fsync", Kind::Delay, Default::Text("lognormal(median=1ms, p99=20ms)"), "How long one fsync takes.").grade(Grade::Assumed, "the order of a cloud's network disk"),
        Key::new("load_rate", Kind::Bandwidth, Default::Text("100MB/s"), "What a starting process reads and rebuilds; until it is done it answers `LOADING`. It comes after `database.sync.restart`.").grade(Grade::Assumed, "depends on data types and processors"),
        Key::new("save", Kind::List(&Kind::Table(&SAVE_TABLE)), Default::Derived("Redis' defaults: 1 change in 1 h, 100 in 5 min, 10,000 in 1 min; goes with `persistence = \"snapshot\"`"), "When snapshots are taken: as soon as one of the rules holds."),
        Key::new("snapshot_rate", Kind::Bandwidth, Default::Text("100MB/s"), "What a snapshot writes.").grade(Grade::Assumed, "bound by the processor that compresses"),
        Key::new("fork_per_gib", Kind::Duration(0, SECOND), Default::Text("10ms"), "How long a process stands still while it forks for a snapshot, for each GiB of its data.").grade(Grade::Documented, "Redis docs, latency: 10 to 13 ms per GB on current machines"),
        Key::new("rewrite", Kind::Table(&REWRITE_TABLE), Default::Absent("files grow and are never rewritten"), "When append-only files are rewritten; goes with them."),
    ],
    open: None,
};

static REWRITE_TABLE: Table = Table {
    title: "[database.disk.rewrite]",
    doc: "An append-only file that has grown is rewritten by a child process: a fork, during which the process stands still (`fork_per_gib`), then writing beside everything else.",
    keys: &[
        Key::new("growth", Kind::Share(0.01, 1_000.0), Default::Text("100%"), "By how much of its size after the last rewrite, or at the start of the process, a file must have grown.").grade(Grade::Source, "redis.conf, auto-aof-rewrite-percentage 100"),
        Key::new("min_size", Kind::Size(0, 1 << 50), Default::Text("64MiB"), "What it must exceed.").grade(Grade::Source, "redis.conf, auto-aof-rewrite-min-size 64mb"),
        Key::new("rate", Kind::Bandwidth, Default::Text("100MB/s"), "What the child writes.").grade(Grade::Assumed, "as a snapshot"),
        Key::new("slows", Kind::Number(1.0, 10_000.0), Default::Number(10.0), "So many times as long as usual an fsync takes while the child writes.").grade(Grade::Assumed, "Redis docs, latency: an fsync waits for what the child has given to the disk; how long depends on disk and file system"),
        Key::new("no_fsync", Kind::Flag, Default::Flag(false), "Whether processes leave fsyncs to the kernel while a child writes (`no-appendfsync-on-rewrite yes`).").grade(Grade::Source, "redis.conf, no-appendfsync-on-rewrite no"),
    ],
    open: None,
};

static SAVE_TABLE: Table = Table {
    title: "[[database.disk.save]]",
    doc: "A rule for snapshots, counted as Redis counts: more than so many whole seconds since the last snapshot ended, and at least so many changes since it began.",
    keys: &[
        Key::new(
            "after",
            Kind::Duration(SECOND, 366 * DAY),
            Default::Required,
            "Whole seconds since the last one.",
        ),
        Key::new(
            "changes",
            Kind::Integer(1, 1_000_000_000_000),
            Default::Integer(1),
            "Fewest changes.",
        ),
    ],
    open: None,
};

static EXPORT_TABLE: Table = Table {
    title: "[database.export]",
    doc: "Copies of a member as it was when the export began. The last complete one is what `kind = \"restore\"` finds.",
    keys: &[
        Key::new(
            "every",
            Kind::Duration(SECOND, 30 * DAY),
            Default::Text("24h"),
            "From the beginning of one export to that of the next.",
        )
        .grade(
            Grade::Documented,
            "Redis Software docs, schedule periodic backups: 24, 12, 4 or 1 h",
        ),
        Key::new(
            "first",
            Kind::Duration(0, 30 * DAY),
            Default::Text("0s"),
            "When the first one begins, counted from the start of the run.",
        ),
        Key::new(
            "to",
            Kind::Word(&[
                (
                    "local",
                    "storage in the member's region, which is lost with its disks",
                ),
                ("geo-redundant", "storage that is copied to another region"),
            ]),
            Default::Text("geo-redundant"),
            "Where exports go.",
        ),
        Key::new(
            "copy_rate",
            Kind::Bandwidth,
            Default::Text("50MB/s"),
            "What an export writes; until it is complete it is none.",
        )
        .grade(Grade::Assumed, "object storage"),
        Key::new(
            "import_rate",
            Kind::Bandwidth,
            Default::Text("50MB/s"),
            "What a restore reads and rebuilds.",
        )
        .grade(Grade::Assumed, "object storage"),
    ],
    open: None,
};

/// `kind = "fsync-stall"`.
pub(super) const FSYNC_STALL: Form = Form {
    word: "fsync-stall",
    table: &Table {
        title: "kind = \"fsync-stall\"",
        doc: "The disks of a member finish nothing: no fsync, no writing back by the kernel, no snapshot. With `aof-always` no write is acknowledged; with `aof-everysec` processes go on for two whole seconds and then stand still. Goes with `database.persistence`.",
        keys: &[MEMBER, NODE, SHARD, ZONE, AT, LASTS, FLAPPING],
        open: None,
    },
};

/// `kind = "disk-lost"`.
pub(super) const DISK_LOST: Form = Form {
    word: "disk-lost",
    table: &Table {
        title: "kind = \"disk-lost\"",
        doc: "The disks of a member go while its processes run, and nobody notices: what was on them is missing at the next restart. Goes with `database.persistence`.",
        keys: &[MEMBER, NODE, SHARD, ZONE, AT, NOT_UNDONE],
        open: None,
    },
};

/// `kind = "restore"`.
pub(super) const RESTORE: Form = Form {
    word: "restore",
    table: &Table {
        title: "kind = \"restore\"",
        doc: "An operator restores a member from its last complete export. An Active-Active member takes it in beside what it has; any other database is erased first. Goes with `database.export`.",
        keys: &[MEMBER, AT, NOT_UNDONE],
        open: None,
    },
};

const NOT_UNDONE: Key = Key::new(
    "lasts",
    Kind::Either(
        &Kind::Word(&[("forever", "it is not undone")]),
        &Kind::Delay,
    ),
    Default::Text("forever"),
    "Of no meaning: it is not undone.",
);
