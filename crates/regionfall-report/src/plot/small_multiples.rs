//! The same picture for each case and variant, side by side on equal axes.

use super::chart::{self, Panel};
use super::{Cdf, Curve};

/// Pictures of one kind that a reader is to compare.
#[derive(Clone, PartialEq, Debug)]
pub struct SmallMultiples<P> {
    title: String,
    panels: Vec<(String, P)>,
}

/// Panels cannot share axes or a legend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("panel {heading:?} has other axes or series than the first")]
pub struct UnlikePanels {
    /// The heading of the first that differs.
    pub heading: String,
}

impl SmallMultiples<Cdf> {
    /// Distributions under their headings, such as `disks lost`. All have the same series, in order.
    pub fn cdfs(
        title: impl Into<String>,
        panels: Vec<(String, Cdf)>,
    ) -> Result<Self, UnlikePanels> {
        like(&panels)?;
        Ok(Self {
            title: title.into(),
            panels,
        })
    }

    /// The picture.
    pub fn svg(&self) -> String {
        draw(&self.title, &self.panels)
    }
}

impl SmallMultiples<Curve> {
    /// Curves under their headings. All have the same series, in order.
    pub fn curves(
        title: impl Into<String>,
        panels: Vec<(String, Curve)>,
    ) -> Result<Self, UnlikePanels> {
        like(&panels)?;
        Ok(Self {
            title: title.into(),
            panels,
        })
    }

    /// The picture.
    pub fn svg(&self) -> String {
        draw(&self.title, &self.panels)
    }
}

fn draw<P: Panel>(title: &str, panels: &[(String, P)]) -> String {
    let panels: Vec<_> = panels
        .iter()
        .map(|(heading, panel)| (heading.clone(), panel))
        .collect();
    chart::svg(title, &panels)
}

fn like<P: Panel>(panels: &[(String, P)]) -> Result<(), UnlikePanels> {
    let Some((_, first)) = panels.first() else {
        return Ok(());
    };
    let differs = |panel: &P| panel.series() != first.series() || panel.axes() != first.axes();
    match panels.iter().find(|(_, panel)| differs(panel)) {
        Some((heading, _)) => Err(UnlikePanels {
            heading: heading.clone(),
        }),
        None => Ok(()),
    }
}
