//! The top of a scenario: title, seeds, phases, cases, objectives, variants.

use super::chaos::{CHAOS, EXPECT, REPLAY};
use super::fault::FAULT;
use super::reference::REFERENCE;
use super::strategy::STRATEGY;
use super::world::{DATABASE, TOPOLOGY, WORKLOAD};
use super::{DAY, Default, HOUR, Key, Kind, MS, Open, Table};
use crate::failover::Grade;
use crate::scenario::columns;

/// A whole file.
pub(crate) static ROOT: Table = Table {
    title: "top level",
    doc: "What the file is about, and how much of it to run.",
    keys: &[
        Key::new(
            "title",
            Kind::Text,
            Default::Derived("the file's name"),
            "What the scenario is about, in a line.",
        ),
        Key::new(
            "extends",
            Kind::Either(&Kind::Path, &Kind::List(&Kind::Path)),
            Default::Absent("the file stands alone"),
            "A scenario file to start from, or several of which later ones win; paths count from this file. Its keys are taken over and this file's own keys win; a list in this file replaces the list of that name. A file that is extended may extend others, to a chain of 16 files.",
        ),
        Key::new(
            "seeds",
            Kind::Integer(1, 1_000_000),
            Default::Integer(100),
            "How many seeds a comparison runs: each seed is one throw of faults, weather and traffic.",
        ),
        Key::new(
            "ties",
            Kind::Word(&[
                (
                    "permuted",
                    "in an order drawn from the seed, so that ties are explored",
                ),
                ("insertion", "in the order in which they were scheduled"),
            ]),
            Default::Text("permuted"),
            "How events at the same instant are ordered.",
        ),
        Key::new(
            "event_budget",
            Kind::Integer(1_000, 1_000_000_000_000),
            Default::Integer(200_000_000),
            "Most events of one run; a run that needs more ends there and says so.",
        ),
        Key::new(
            "phases",
            Kind::Table(&PHASES),
            Default::Empty,
            "How long each part of a run is.",
        ),
        Key::new(
            "topology",
            Kind::Table(&TOPOLOGY),
            Default::Empty,
            "Regions, and how far apart they are.",
        ),
        Key::new(
            "database",
            Kind::Table(&DATABASE),
            Default::Empty,
            "The Active-Active database: a member in each region of the topology.",
        ),
        Key::new(
            "workload",
            Kind::Table(&WORKLOAD),
            Default::Empty,
            "What the applications do.",
        ),
        Key::new(
            "strategy",
            Kind::List(&Kind::Table(&STRATEGY)),
            Default::Required,
            "The failover strategies to compare.",
        ),
        Key::new(
            "fault",
            Kind::List(&Kind::Forms(&FAULT)),
            Default::Empty,
            "What goes wrong, where there is one case only; with `[[case]]`, faults stand in the cases.",
        ),
        Key::new(
            "case",
            Kind::List(&Kind::Table(&CASE)),
            Default::Empty,
            "Fault plans to compare the strategies under; each is a separate run of the same seeds.",
        ),
        Key::new(
            "objectives",
            Kind::Table(&OBJECTIVES),
            Default::Empty,
            "What must hold, in every case.",
        ),
        Key::new(
            "variant",
            Kind::List(&Kind::Table(&VARIANT)),
            Default::Empty,
            "Overlays of settings to compare; without any there is one variant, named `base`.",
        ),
        Key::new(
            "reference",
            Kind::List(&Kind::Table(&REFERENCE)),
            Default::Absent("nothing was measured"),
            "What the real thing did under these settings, for `regionfall fidelity`.",
        ),
        CHAOS,
        EXPECT,
        REPLAY,
    ],
    open: None,
};

static PHASES: Table = Table {
    title: "[phases]",
    doc: "A run warms up, suffers the storm, recovers in the calm, and is judged for convergence at the end of quiescence.",
    keys: &[
        Key::new("warm_up", Kind::Duration(0, DAY), Default::Text("30s"), "Traffic without faults; not measured.").grade(Grade::Assumed, "long enough for pools and probes to settle"),
        Key::new("storm", Kind::Duration(MS, 30 * DAY), Default::Text("10m"), "Faults begin within it.").grade(Grade::Assumed, "covers an outage of some minutes"),
        Key::new("calm", Kind::Duration(0, 30 * DAY), Default::Text("5m"), "Every fault that does not last for ever is healed when it begins; long enough for failback.").grade(Grade::Assumed, "covers the failback of the presets"),
        Key::new("quiescence", Kind::Duration(0, DAY), Default::Text("1m"), "The workload has stopped; most time that replication gets to drain.").grade(Grade::Assumed, "many round trips"),
    ],
    open: None,
};

static CASE: Table = Table {
    title: "[[case]]",
    doc: "A fault plan under a name.",
    keys: &[
        Key::new("name", Kind::Text, Default::Required, "Its name in tables."),
        Key::new(
            "fault",
            Kind::List(&Kind::Forms(&FAULT)),
            Default::Empty,
            "What goes wrong; an empty list is a quiet run.",
        ),
        Key::new(
            "objectives",
            Kind::Table(&CASE_OBJECTIVES),
            Default::Empty,
            "What must hold in this case, beside the objectives of the file; the same column wins over the file's.",
        ),
    ],
    open: None,
};

static OBJECTIVES: Table = Table {
    title: "[objectives]",
    doc: "Bounds on columns of the results. A bare value bounds the 99th percentile over seeds at 95 % confidence; for columns of which more is better, such as `availability`, the value that 99 % of seeds reach.",
    keys: &[Key::new(
        "recovered",
        Kind::Table(&RECOVERED),
        Default::Empty,
        "What \"served again\" means for a population: `service_rto_ms` ends with the first such window.",
    )],
    open: Some(Open {
        name: "an objective",
        known: Some(columns::objective_names),
        kind: OBJECTIVE_KIND,
        doc: "a column of `runs.csv` by its name, with or without `_ms`; `rto_target` is `rto_p99_ms`, `rpo_target` is `rpo_observed_ms`",
    }),
};

static CASE_OBJECTIVES: Table = Table {
    title: "[case.objectives]",
    doc: "As in `[objectives]`, for this case only.",
    keys: &[],
    open: Some(Open {
        name: "an objective",
        known: Some(columns::objective_names),
        kind: OBJECTIVE_KIND,
        doc: "a column of `runs.csv`, as in `[objectives]`",
    }),
};

const OBJECTIVE_KIND: Kind = Kind::Either(&Kind::Limit, &Kind::Table(&BOUND));

static BOUND: Table = Table {
    title: "objectives with a statistic",
    doc: "One bound, on one statistic of the column over seeds.",
    keys: &[
        Key::new(
            "p50",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on the median.",
        ),
        Key::new(
            "p90",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on what 90 % of seeds keep.",
        ),
        Key::new(
            "p95",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on what 95 % of seeds keep.",
        ),
        Key::new(
            "p99",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on what 99 % of seeds keep.",
        ),
        Key::new(
            "p999",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on what 99.9 % of seeds keep.",
        ),
        Key::new(
            "mean",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on the mean.",
        ),
        Key::new(
            "max",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on every run, for columns of which less is better.",
        ),
        Key::new(
            "min",
            Kind::Limit,
            Default::Absent("not bounded"),
            "Bound on every run, for columns of which more is better.",
        ),
        Key::new(
            "confidence",
            Kind::Number(0.5, 0.9999),
            Default::Number(0.95),
            "One-sided confidence with which the bound must be met.",
        ),
    ],
    open: None,
};

static RECOVERED: Table = Table {
    title: "[objectives.recovered]",
    doc: "A population is served again at the first window in which all of this holds.",
    keys: &[
        Key::new(
            "success",
            Kind::Share(0.0, 1.0),
            Default::Text("99.9%"),
            "Smallest share of requests that succeed in time.",
        )
        .grade(Grade::Assumed, "a customary service level"),
        Key::new(
            "latency_p99",
            Kind::Duration(MS, HOUR),
            Default::Text("500ms"),
            "Bound on the 99th percentile of their latency.",
        )
        .grade(
            Grade::Assumed,
            "leaves room for one trip across an ocean and back",
        ),
        Key::new(
            "window",
            Kind::Duration(MS, DAY),
            Default::Text("10s"),
            "Length of the window.",
        )
        .grade(Grade::Assumed, "a customary alerting window"),
        Key::new(
            "min_requests",
            Kind::Integer(1, 1_000_000_000),
            Default::Integer(20),
            "Fewest requests in it.",
        )
        .grade(Grade::Assumed, "fewer say little about a percentile"),
    ],
    open: None,
};

static VARIANT: Table = Table {
    title: "[[variant]]",
    doc: "An overlay of settings under a name. Results are variant × strategy × case × seed.",
    keys: &[
        Key::new("name", Kind::Text, Default::Required, "Its name in tables."),
        Key::new(
            "set",
            Kind::Table(&OVERLAY),
            Default::Empty,
            "Keys of the file with their other values.",
        ),
    ],
    open: None,
};

static OVERLAY: Table = Table {
    title: "set",
    doc: "Key paths as `--set` takes them: `\"database.sync.processing\" = \"50ms\"`. Items of lists are named by their name or by their place, counted from 0: `workload.fleet.us.rate`, `case.disks-kept.fault.0.lasts`.",
    keys: &[],
    open: Some(Open {
        name: "a key path",
        known: None,
        kind: Kind::Any,
        doc: "Its value in this variant.",
    }),
};

/// The shortest bound that makes sense for timeouts.
pub(crate) const TIMEOUT: Kind = Kind::Duration(MS, DAY);
/// A pause: nothing at all is allowed.
pub(crate) const PAUSE: Kind = Kind::Duration(0, DAY);
/// A period: at least a millisecond, so that a run ends.
pub(crate) const PERIOD: Kind = Kind::Duration(MS, DAY);
