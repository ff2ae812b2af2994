//! Faults from rates, what tests expect, and how a saved failure is repeated.

use super::fault::FAULT;
use super::{Basis, Default, Key, Kind, Open, Table};
use crate::failover::Grade;
use crate::fault::ChaosKind;

pub(super) const CHAOS: Key = Key::new(
    "chaos",
    Kind::Table(&CHAOS_TABLE),
    Default::Absent("no faults are drawn"),
    "Faults that are drawn for each seed: a further case, named `chaos`.",
);

pub(super) const EXPECT: Key = Key::new(
    "expect",
    Kind::Table(&EXPECT_TABLE),
    Default::Absent("nothing beyond the laws of the model and the objectives"),
    "What `regionfall test` expects beyond that.",
);

pub(super) const REPLAY: Key = Key::new(
    "replay",
    Kind::Table(&REPLAY_TABLE),
    Default::Absent("the file is about every seed"),
    "The one run that the file is about: `regionfall shrink` writes it, `regionfall test` repeats it.",
);

/// A fault plan by itself.
pub(crate) static PLAN: Table = Table {
    title: "plan",
    doc: "A fault plan by itself.",
    keys: &[Key::new(
        "fault",
        Kind::List(&Kind::Forms(&FAULT)),
        Default::Empty,
        "What goes wrong.",
    )],
    open: None,
};

static CHAOS_TABLE: Table = Table {
    title: "[chaos]",
    doc: "Faults as they come: at random moments of the storm, of random kinds, in random places. Each seed draws its own plan, the same for every strategy.",
    keys: &[
        Key::new(
            "rate",
            Kind::Rate,
            Default::Text("12/h"),
            "How many faults, in the mean: they come as a Poisson process.",
        )
        .grade(Grade::Assumed, "two faults in a storm of ten minutes"),
        Key::new(
            "at_least",
            Kind::Integer(0, 1_000),
            Default::Integer(1),
            "Fewest faults of a plan.",
        ),
        Key::new(
            "at_most",
            Kind::Integer(1, 1_000),
            Default::Integer(8),
            "Most faults of a plan.",
        ),
        Key::new(
            "swarm",
            Kind::Flag,
            Default::Flag(true),
            "Each seed uses a random subset of the kinds, so that some plans go deep in a few.",
        ),
        Key::new(
            "correlated",
            Kind::Share(0.0, 1.0),
            Default::Text("10%"),
            "The share of faults with a common cause: everything in a zone, everything in a region, or a region's health checks and management while its data path goes on.",
        )
        .grade(Grade::Assumed, "a knob to vary"),
        Key::new(
            "flapping",
            Kind::Share(0.0, 1.0),
            Default::Text("10%"),
            "The share of the others that come and go with a period.",
        )
        .grade(Grade::Assumed, "a knob to vary"),
        Key::new(
            "mix",
            Kind::Table(&MIX),
            Default::Absent("every kind that can strike here, all alike"),
            "Weights of the kinds; a kind that is not named never happens.",
        ),
        Key::new(
            "lasts",
            Kind::Table(&LASTS),
            Default::Empty,
            "How long each kind lasts; no fault outlasts the storm.",
        ),
    ],
    open: None,
};

static MIX: Table = Table {
    title: "[chaos.mix]",
    doc: "Weights of the kinds of faults.",
    keys: &[],
    open: Some(Open {
        name: "a kind of fault",
        known: Some(kinds),
        kind: Kind::Number(0.0, 1e9),
        doc: "Its weight against the others.",
    }),
};

fn kinds() -> Vec<&'static str> {
    ChaosKind::ALL.map(ChaosKind::word).to_vec()
}

const fn lasts(kind: ChaosKind, default: &'static str, grade: Grade, source: &'static str) -> Key {
    Key {
        name: kind.word(),
        kind: Kind::Delay,
        default: Default::Text(default),
        basis: Some(Basis { grade, source }),
        doc: "How long it lasts.",
    }
}

const RESTART: &str = "a supervisor restarts a process within seconds, seldom later";
const OUTAGES: &str = "525 outages of 15 cloud providers in 2016: 17 % below 1 h, 51 % from 1 h to 5 h, 32 % up to 72 h (Black Swan Technologies, Cloud Computing: Power & Frailty)";
const REPAIR: &str = "network repairs have a median of about 5 min (Gill, Jain and Nagappan, Understanding Network Failures in Data Centers, SIGCOMM 2011, as cited in Bailis and Kingsbury, The Network is Reliable, ACM Queue 2014); the tail is assumed";
const SLOW: &str = "no duration is published: a slow drive stays slow until somebody finds it and takes it out (Lu et al., From Missteps to Milestones, ACM TOS 2023: 304 of 248,000 drives in ten months), a volume until its neighbours are quiet";
const KNOB: &str = "a knob to vary";

static LASTS: Table = Table {
    title: "[chaos.lasts]",
    doc: "How long each kind of fault lasts.",
    keys: &[
        lasts(
            ChaosKind::ProcessCrash,
            "lognormal(median=10s, p99=5m)",
            Grade::Assumed,
            RESTART,
        ),
        lasts(
            ChaosKind::HostCrash,
            "lognormal(median=4m, p99=1h)",
            Grade::Assumed,
            "a machine boots in minutes, or is replaced",
        ),
        lasts(
            ChaosKind::Hang,
            "lognormal(median=20s, p99=10m)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::ZoneOutage,
            "lognormal(median=150m, p99=72h)",
            Grade::Documented,
            OUTAGES,
        ),
        lasts(
            ChaosKind::RegionOutage,
            "lognormal(median=150m, p99=72h)",
            Grade::Documented,
            OUTAGES,
        ),
        lasts(
            ChaosKind::Partition,
            "lognormal(median=5m, p99=6h)",
            Grade::Assumed,
            REPAIR,
        ),
        lasts(
            ChaosKind::Latency,
            "lognormal(median=5m, p99=6h)",
            Grade::Assumed,
            REPAIR,
        ),
        lasts(
            ChaosKind::Loss,
            "lognormal(median=5m, p99=6h)",
            Grade::Assumed,
            REPAIR,
        ),
        lasts(
            ChaosKind::ClockSkew,
            "lognormal(median=10m, p99=6h)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::LoadSurge,
            "lognormal(median=5m, p99=1h)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::SlowHost,
            "lognormal(median=5m, p99=1h)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::HealthEndpointDown,
            "lognormal(median=2m, p99=20m)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::FsyncStall,
            "lognormal(median=2s, p99=1m)",
            Grade::Assumed,
            KNOB,
        ),
        lasts(
            ChaosKind::SlowDisk,
            "lognormal(median=10m, p99=24h)",
            Grade::Assumed,
            SLOW,
        ),
    ],
    open: None,
};

static EXPECT_TABLE: Table = Table {
    title: "[expect]",
    doc: "What tests expect of the runs of this file. It changes no run.",
    keys: &[
        Key::new(
            "sometimes",
            Kind::List(&Kind::Text),
            Default::Empty,
            "What must be seen in some run of the sweep, so that what always held did not hold for want of trouble: `\"a failover\"`, `\"a conflict\"`, `\"a lost write\"` and so on. If it never is, the exit code is 13.",
        ),
        Key::new(
            "promises",
            Kind::List(&PROMISE),
            Default::Empty,
            "What strategies and configuration are held to, beyond the laws of the model.",
        ),
        Key::new(
            "fails",
            Kind::List(&Kind::Table(&KNOWN_FAILURE)),
            Default::Empty,
            "What the story is about failing. Such a test passes; if nothing of the kind fails, the exit code is 13.",
        ),
    ],
    open: None,
};

static KNOWN_FAILURE: Table = Table {
    title: "[[expect.fails]]",
    doc: "A failure that is known: the objective that a bad strategy misses, the fault that finds nothing to touch in a variant.",
    keys: &[
        Key::new(
            "what",
            Kind::Text,
            Default::Required,
            "What `regionfall test` says of it, or a part of that: `\"rto_p99\"`, `\"touched nothing\"`.",
        ),
        Key::new(
            "variant",
            Kind::Text,
            Default::Absent("any"),
            "In which variant.",
        ),
        Key::new("case", Kind::Text, Default::Absent("any"), "In which case."),
        Key::new(
            "strategy",
            Kind::Text,
            Default::Absent("any"),
            "With which strategy.",
        ),
    ],
    open: None,
};

const PROMISE: Kind = Kind::Word(&[
    (
        "read-your-writes",
        "a session reads its own acknowledged writes",
    ),
    (
        "monotonic-reads",
        "a session never reads an older state of a key than it read before",
    ),
    (
        "monotonic-writes",
        "no node has a write of a session without the acknowledged ones that the session made before it",
    ),
    (
        "writes-follow-reads",
        "no node has a write of a session without the writes that the session had read before it",
    ),
    (
        "linearizable",
        "each key behaves as one register: for SET, GET and DEL",
    ),
    (
        "single-writer",
        "no home population writes to two members at a time",
    ),
    ("no-loss", "no acknowledged write is lost"),
    (
        "no-duplicates",
        "no write that is not idempotent takes effect twice",
    ),
    (
        "everyone-home",
        "in the end every app server uses its first home again",
    ),
]);

static REPLAY_TABLE: Table = Table {
    title: "[replay]",
    doc: "A failure that was saved: the run that repeats it. It changes no run.",
    keys: &[
        Key::new(
            "seed",
            Kind::Integer(0, i64::MAX),
            Default::Required,
            "The seed.",
        ),
        Key::new(
            "model",
            Kind::Integer(1, 1_000_000),
            Default::Required,
            "The version of the model that it ran under.",
        ),
        Key::new(
            "expect",
            Kind::Text,
            Default::Absent("the hash is not looked at"),
            "The trace hash that the run had.",
        ),
        Key::new(
            "broken",
            Kind::Text,
            Default::Absent("everything must hold now"),
            "The property that must still break, where the failure is kept as it is.",
        ),
    ],
    open: None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Promised;

    #[test]
    fn every_promise_has_its_word_here() {
        let Kind::Word(words) = PROMISE else {
            panic!("promises are words")
        };
        let known: Vec<_> = Promised::ALL.map(|(_, word, doc)| (word, doc)).to_vec();
        assert_eq!(words.to_vec(), known);
    }
}
