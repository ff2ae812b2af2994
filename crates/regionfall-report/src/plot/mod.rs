//! Pictures, as SVG: pure functions of plain values.
//!
//! | Picture | Answers |
//! |---|---|
//! | [`Cdf`] | how large a share of seeds (or clients) was back by when, per strategy |
//! | [`Curve`] | how a metric moves with a scenario key, per strategy |
//! | [`SmallMultiples`] | the same, side by side for each case and variant, on equal axes |
//! | [`SpaceTime`] | how copies and clients moved between regions in one run |
//! | [`Timeline`] | what happened in one seed: faults, success, routes, lost writes |
//!
//! All of them: one fixed palette that colour-blind readers can tell apart, and beside it dash
//! patterns and markers for print in grey; units on every axis; a `<title>` and a `<desc>` for
//! readers who do not see the picture; nothing that could differ between two runs. Text is laid out
//! by estimated widths that err on the wide side, since fonts differ between readers.
//!
//! A new kind of picture is one file here and one line in the list below.

mod axis;
mod canvas;
mod cdf;
mod chart;
mod curve;
mod legend;
mod palette;
mod small_multiples;
mod space_time;
mod timeline;
mod writing;

pub use cdf::{Cdf, CdfSeries, CdfStep};
pub use curve::{Curve, CurvePoint, CurveSeries};
pub use small_multiples::{SmallMultiples, UnlikePanels};
pub use space_time::{Closer, Mark, Message, Move, SpaceTime, Strike};
pub use timeline::{Fault, Lane, LostWrites, Phase, Span, SuccessSeries, Timeline};

/// What an axis measures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Axis {
    /// In words: `Recovery time of writes`.
    pub title: String,
    /// The unit of its values: `s`, `writes`. Empty for a bare number.
    pub unit: String,
    /// How values are spread along it.
    pub spread: Spread,
}

/// How values are spread along an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spread {
    /// Logarithmic if positive values span a factor of 50 or more, otherwise linear.
    #[default]
    Fitting,
    /// Equal distances are equal differences. Starts at 0 unless values are negative.
    Linear,
    /// Equal distances are equal ratios. Zeros keep a place of their own at the left, past a break.
    Logarithmic,
}

impl Axis {
    /// An axis whose spread fits its values.
    pub fn new(title: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            spread: Spread::Fitting,
        }
    }

    /// The text beside the axis, with the unit.
    fn label(&self) -> String {
        if self.unit.is_empty() {
            self.title.clone()
        } else {
            format!("{} ({})", self.title, self.unit)
        }
    }
}
