//! Round trips between cloud regions, from published tables, and the one-way delays that follow.
//!
//! Neither table measures one-way delays: each way takes half a round trip, drawn independently. That
//! is an assumption; paths whose two ways differ need a `[[topology.link]]` of their own. Provenance,
//! licences and limits of the data are in `data/README.md` of this crate.

use std::collections::BTreeMap;

use regionfall_kernel::{Distribution, SimDuration};

const AWS: &str = include_str!("../../data/region-rtt-aws.csv");
const AZURE: &str = include_str!("../../data/region-rtt.csv");

/// The 95th percentile of Azure's round trips over the median of AWS', for pairs of regions in the same
/// metropolitan areas: median of 136 pairs. Grade: documented (both tables), applied across providers.
const P95_OVER_MEDIAN: f64 = 1.05;

/// The standard normal deviates of the quantiles in use.
const DEVIATE_P75: f64 = 0.674_489_750_196_081_7;
const DEVIATE_P95: f64 = 1.644_853_626_951_472_2;
const DEVIATE_P99: f64 = 2.326_347_874_040_840_7;

/// A table of round trips.
#[derive(Clone, PartialEq, Debug)]
pub struct RttTable {
    rows: BTreeMap<(String, String), Rtt>,
}

/// What a table knows about the round trip of a pair.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rtt {
    /// The median and half of the interquartile range, in milliseconds.
    MedianAndSpread {
        /// The 50th percentile.
        p50_ms: f64,
        /// Half the distance between the 25th and the 75th percentile.
        half_iqr_ms: f64,
    },
    /// The 95th percentile, in milliseconds.
    P95 {
        /// The 95th percentile.
        p95_ms: f64,
    },
}

/// Why a text is no table of round trips.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RttError {
    /// The first line names none of the known sets of columns.
    #[error(
        "the first line must name the columns `region_a,region_b,rtt_p50_ms,half_iqr_ms` or \
         `src,dst,rtt_p95_ms`, got `{got}`"
    )]
    Header {
        /// The first line.
        got: String,
    },
    /// A line that has no usable number.
    #[error("line {line}: `{column}` must be a number of milliseconds above 0, got `{got}`")]
    Cell {
        /// The line, counted from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// The cell.
        got: String,
    },
    /// No line but the first.
    #[error("the table has no rows")]
    Empty,
}

impl RttTable {
    /// 18 AWS regions: medians and half interquartile ranges, April 2024. The two directions of a pair
    /// are the same.
    pub fn aws() -> Self {
        Self::embedded(AWS)
    }

    /// 23 Azure regions: 95th percentiles over 30 days, July 2026. The two directions of a pair were
    /// measured separately.
    pub fn azure() -> Self {
        Self::embedded(AZURE)
    }

    /// An embedded table that is malformed is empty; the tests of this module rule that out.
    fn embedded(text: &str) -> Self {
        Self::from_csv(text).unwrap_or(Self {
            rows: BTreeMap::new(),
        })
    }

    /// Reads a table in the form of either embedded one; further columns are ignored. Pairs of the
    /// first form hold in both directions, rows of the second in theirs.
    pub fn from_csv(text: &str) -> Result<Self, RttError> {
        let mut lines = text.lines().map(str::trim).enumerate();
        let header = lines.next().map_or("", |(_, line)| line);
        let columns: Vec<&str> = header.split(',').map(str::trim).collect();
        let place = |name: &str| columns.iter().position(|column| *column == name);
        let form = match (place("region_a"), place("region_b"), place("rtt_p50_ms")) {
            (Some(from), Some(to), Some(p50)) => Form {
                from,
                to,
                value: p50,
                spread: place("half_iqr_ms"),
                is_median: true,
            },
            _ => match (place("src"), place("dst"), place("rtt_p95_ms")) {
                (Some(from), Some(to), Some(p95)) => Form {
                    from,
                    to,
                    value: p95,
                    spread: None,
                    is_median: false,
                },
                _ => {
                    return Err(RttError::Header {
                        got: header.chars().take(80).collect(),
                    });
                }
            },
        };
        let mut rows = BTreeMap::new();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let (from, to, rtt) = form.row(&cells, index + 1)?;
            if form.is_median {
                rows.insert((to.clone(), from.clone()), rtt);
            }
            rows.insert((from, to), rtt);
        }
        if rows.is_empty() {
            Err(RttError::Empty)
        } else {
            Ok(Self { rows })
        }
    }

    /// What the table knows about the round trip seen from one region to another.
    pub fn rtt(&self, from: &str, to: &str) -> Option<Rtt> {
        self.rows.get(&(from.to_owned(), to.to_owned())).copied()
    }

    /// The one-way delay that follows for messages from one region to another.
    pub fn one_way(&self, from: &str, to: &str) -> Option<Distribution> {
        self.rtt(from, to).map(Rtt::one_way)
    }

    /// Whether the table has any row with the region.
    pub fn has_region(&self, name: &str) -> bool {
        self.rows
            .keys()
            .any(|(from, to)| from == name || to == name)
    }

    /// The regions of the table, in alphabetical order.
    pub fn regions(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.keys().map(|(from, _)| from.as_str()).collect();
        names.dedup();
        names
    }
}

/// Where the cells of a table stand.
struct Form {
    from: usize,
    to: usize,
    value: usize,
    spread: Option<usize>,
    is_median: bool,
}

impl Form {
    fn row(&self, cells: &[&str], line: usize) -> Result<(String, String, Rtt), RttError> {
        let cell = |place: usize| cells.get(place).copied().unwrap_or("");
        let number = |place: usize, column: &'static str, least: f64| {
            let got = cell(place);
            match got.parse::<f64>() {
                // An hour is beyond any path on Earth.
                Ok(number) if number >= least && number <= 3_600_000.0 => Ok(number),
                _ => Err(RttError::Cell {
                    line,
                    column,
                    got: got.chars().take(40).collect(),
                }),
            }
        };
        let rtt = if self.is_median {
            Rtt::MedianAndSpread {
                p50_ms: number(self.value, "rtt_p50_ms", 1e-6)?,
                half_iqr_ms: match self.spread {
                    Some(place) => number(place, "half_iqr_ms", 0.0)?,
                    None => 0.0,
                },
            }
        } else {
            Rtt::P95 {
                p95_ms: number(self.value, "rtt_p95_ms", 1e-6)?,
            }
        };
        Ok((cell(self.from).to_owned(), cell(self.to).to_owned(), rtt))
    }
}

impl Rtt {
    /// The one-way delay, log-normal with half the round trip's median.
    ///
    /// From a median and half interquartile range h: both ways vary independently, so each has a half
    /// range of h / √2; of a log-normal it is `median × sinh(0.6745 σ)`, which gives σ. The half ranges
    /// of the AWS table are upper bounds on the jitter of the path in the body of the distribution;
    /// they say nothing about tails. Grade: measured for the body, assumed for the tail.
    ///
    /// From a 95th percentile: the median is it / 1.05 (see [`RttTable::azure`]'s agreement with the
    /// AWS table); the round trip's spread is then ln 1.05 / 1.645, and each way's √2 times that.
    /// Grade: documented for the 95th percentile, assumed for the rest.
    pub fn one_way(self) -> Distribution {
        let root = core::f64::consts::SQRT_2;
        let (median_ms, sigma) = match self {
            Self::MedianAndSpread {
                p50_ms,
                half_iqr_ms,
            } => {
                let median = p50_ms / 2.0;
                (
                    median,
                    libm::asinh(half_iqr_ms / root / median) / DEVIATE_P75,
                )
            }
            Self::P95 { p95_ms } => {
                let sigma = root * libm::log(P95_OVER_MEDIAN) / DEVIATE_P95;
                (p95_ms / P95_OVER_MEDIAN / 2.0, sigma)
            }
        };
        let median = SimDuration::from_nanos_f64(median_ms * 1e6);
        let p99 = SimDuration::from_nanos_f64(median_ms * 1e6 * libm::exp(sigma * DEVIATE_P99));
        Distribution::log_normal(median, p99.max(median)).unwrap_or(Distribution::Constant(median))
    }

    /// The median of the round trip, in milliseconds.
    pub fn median_ms(self) -> f64 {
        match self {
            Self::MedianAndSpread { p50_ms, .. } => p50_ms,
            Self::P95 { p95_ms } => p95_ms / P95_OVER_MEDIAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_tables_are_whole() {
        let aws = RttTable::aws();
        assert_eq!(aws.regions().len(), 18);
        assert_eq!(aws.rows.len(), 2 * 153);
        let azure = RttTable::azure();
        assert_eq!(azure.regions().len(), 23);
        assert_eq!(azure.rows.len(), 506);
    }

    #[test]
    fn directions_of_azure_differ_and_those_of_aws_do_not() {
        let azure = RttTable::azure();
        let there = azure.one_way("southeast-asia", "sweden-central");
        let back = azure.one_way("sweden-central", "southeast-asia");
        assert!(there.is_some() && back.is_some());
        assert_ne!(there, back);
        let aws = RttTable::aws();
        assert_eq!(
            aws.one_way("us-east-1", "eu-west-1"),
            aws.one_way("eu-west-1", "us-east-1")
        );
        assert_eq!(aws.one_way("us-east-1", "atlantis"), None);
    }

    #[test]
    fn two_independent_ways_give_the_round_trip_back() {
        let rtt = Rtt::MedianAndSpread {
            p50_ms: 70.0,
            half_iqr_ms: 2.0,
        };
        let one_way = rtt.one_way();
        let at = |share: f64| one_way.quantile(share).as_millis_f64();
        assert!((at(0.5) - 35.0).abs() < 0.001);
        let half_range = (at(0.75) - at(0.25)) / 2.0;
        assert!(
            (half_range - 2.0 / core::f64::consts::SQRT_2).abs() < 0.001,
            "{half_range}"
        );
    }

    #[test]
    fn a_table_without_known_columns_or_numbers_is_refused() {
        assert!(matches!(
            RttTable::from_csv("a,b\n"),
            Err(RttError::Header { .. })
        ));
        assert_eq!(
            RttTable::from_csv("src,dst,rtt_p95_ms\n"),
            Err(RttError::Empty)
        );
        let error = RttTable::from_csv("region_a,region_b,rtt_p50_ms\nx,y,-3\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: `rtt_p50_ms` must be a number of milliseconds above 0, got `-3`"
        );
    }
}
