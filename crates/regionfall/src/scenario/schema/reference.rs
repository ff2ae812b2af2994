//! `[[reference]]`: measured figures to compare predictions with.

use super::{Default, Key, Kind, Table};

/// A measured figure of one variant, strategy and case.
pub(crate) static REFERENCE: Table = Table {
    title: "[[reference]]",
    doc: "What the real thing did, for `regionfall fidelity` to compare with: one figure of one variant, strategy and case. Nothing here changes a run.",
    keys: &[
        Key::new(
            "metric",
            Kind::Text,
            Default::Required,
            "The figure: a column of `runs.csv`, with or without `_ms`; or the moment of a fact, as `first(verdict-down)`, in milliseconds.",
        ),
        Key::new(
            "variant",
            Kind::Text,
            Default::Derived("the only variant"),
            "The variant that was measured.",
        ),
        Key::new(
            "strategy",
            Kind::Text,
            Default::Derived("the only strategy"),
            "The strategy that was measured.",
        ),
        Key::new(
            "case",
            Kind::Text,
            Default::Derived("the only case"),
            "The case that was measured.",
        ),
        Key::new(
            "keyspace",
            Kind::Text,
            Default::Absent("all keyspaces"),
            "Only writes of this keyspace; goes with columns that count writes.",
        ),
        Key::new(
            "since",
            Kind::Word(&[
                (
                    "fault",
                    "the beginning of the first fault that touched anything",
                ),
                ("heal", "the end of the last fault that touched anything"),
            ]),
            Default::Absent("`\"fault\"` for moments"),
            "When the clock of a moment starts; goes with moments only.",
        ),
        Key::new(
            "samples",
            Kind::Either(&Kind::Text, &Kind::List(&Kind::Limit)),
            Default::Absent("`value` is given"),
            "What each repetition measured: a list, or `file(\"measured.toml\", \"table.key\")`, a TOML file whose key holds a list of numbers in the figure's unit.",
        ),
        Key::new(
            "value",
            Kind::Either(
                &Kind::Word(&[("never", "it did not happen as long as it was watched")]),
                &Kind::Limit,
            ),
            Default::Absent("`samples` are given"),
            "The measured quantile, where samples are not known.",
        ),
        Key::new(
            "quantile",
            Kind::Word(&[
                ("p10", "nine in ten are above"),
                ("p25", "three in four are above"),
                ("p50", "the median"),
                ("p75", "one in four is above"),
                ("p90", "one in ten is above"),
                ("p95", "one in twenty is above"),
                ("p99", "one in a hundred is above"),
            ]),
            Default::Absent("the median, `\"p50\"`"),
            "Which quantile `value` is; goes with `value` only, samples are compared as a whole.",
        ),
        Key::new(
            "n",
            Kind::Integer(1, 1_000_000),
            Default::Absent("as many as there are samples"),
            "How many repetitions were measured.",
        ),
        Key::new(
            "n_incomplete",
            Kind::Integer(0, 1_000_000),
            Default::Absent("none"),
            "In how many of them it did not happen as long as it was watched: no sample is written for those. Goes with `samples`.",
        ),
        Key::new(
            "tolerance",
            Kind::Either(&Kind::Limit, &Kind::List(&Kind::Limit)),
            Default::Absent("10 % or 150 ms for times, 10 % or 2 for counts, 10 % for the rest"),
            "How far a prediction may be off: a share of the measured value, an amount in the figure's unit, or a list of which one is enough.",
        ),
        Key::new(
            "source",
            Kind::Text,
            Default::Required,
            "Where the measurement is from.",
        ),
    ],
    open: None,
};
