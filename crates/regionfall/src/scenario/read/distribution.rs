//! Spans of time that may vary: `"20ms"`, `"uniform(1m, 3m)"`, `"lognormal(median=20ms, p99=200ms)"`,
//! `"file(\"lag.csv\")"`.

use regionfall_kernel::{Distribution, SimDuration};

use super::quantity::{self, QuantityError};

/// How a distribution may be written, for messages.
pub(crate) const SYNTAX: &str = "a span of time such as \"250ms\", or uniform(a, b), exponential(mean), \
     lognormal(median=, p99=), pareto_exp(min=, shape=, cutoff=), quantiles(p50=, p95=, p99=), \
     empirical(a, b, ...), file(\"samples.csv\")";

/// The names of functions, for suggestions.
const FUNCTIONS: [&str; 8] = [
    "constant",
    "uniform",
    "exponential",
    "lognormal",
    "pareto_exp",
    "quantiles",
    "empirical",
    "file",
];

/// Why a text is no distribution.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub(crate) enum DistributionTextError {
    /// A span within it is wrong.
    #[error("{what}{error}")]
    Span {
        /// Which one, with a colon, or nothing.
        what: String,
        /// What is wrong with it.
        error: QuantityError,
    },
    /// There is no such function.
    #[error("there is no `{0}(...)`")]
    UnknownFunction(String),
    /// Arguments are missing, unknown or too many.
    #[error("`{function}` takes ({takes})")]
    Arguments {
        /// The function.
        function: &'static str,
        /// Its arguments.
        takes: &'static str,
    },
    /// No closing parenthesis.
    #[error("`(` is never closed")]
    Unclosed,
    /// The parameters contradict each other.
    #[error("{0}")]
    Parameters(String),
    /// Its file cannot be had or read.
    #[error("{0}")]
    File(String),
}

impl DistributionTextError {
    /// The nearest function, if the name of the function is wrong.
    pub(crate) fn nearest(&self) -> Option<&'static str> {
        match self {
            Self::UnknownFunction(name) => crate::scenario::error::nearest(name, FUNCTIONS),
            _ => None,
        }
    }

    /// Whether a unit is missing.
    pub(crate) const fn is_missing_unit(&self) -> bool {
        matches!(
            self,
            Self::Span {
                error: QuantityError::MissingUnit,
                ..
            }
        )
    }

    /// Whether a span is negative or absurdly long.
    pub(crate) const fn is_out_of_range(&self) -> bool {
        matches!(
            self,
            Self::Span {
                error: QuantityError::Negative | QuantityError::TooLarge,
                ..
            }
        )
    }
}

/// Reads a distribution; `file` gives the text of a file of samples.
pub(crate) fn parse(
    text: &str,
    file: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Distribution, DistributionTextError> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        return Ok(Distribution::Constant(span("", text)?));
    };
    let name = name.trim();
    let Some(inner) = rest.strip_suffix(')') else {
        return Err(DistributionTextError::Unclosed);
    };
    if name == "file" {
        let path = inner.trim().trim_matches(['"', '\'']);
        let samples = file(path).map_err(DistributionTextError::File)?;
        return samples_of(&samples);
    }
    let arguments: Vec<&str> = inner
        .split(',')
        .map(str::trim)
        .filter(|argument| !argument.is_empty())
        .collect();
    let checked = match name {
        "constant" => {
            let [value] = named(&arguments, "constant", "span", ["value"])?;
            Ok(Distribution::Constant(span("", value)?))
        }
        "uniform" => {
            let [low, high] = named(&arguments, "uniform", "low, high", ["low", "high"])?;
            Distribution::uniform(span("low: ", low)?, span("high: ", high)?)
        }
        "exponential" => {
            let [mean] = named(&arguments, "exponential", "mean", ["mean"])?;
            Ok(Distribution::exponential(span("mean: ", mean)?))
        }
        "lognormal" => {
            let [median, p99] = named(&arguments, "lognormal", "median=, p99=", ["median", "p99"])?;
            Distribution::log_normal(span("median: ", median)?, span("p99: ", p99)?)
        }
        "pareto_exp" => {
            let takes = "min=, shape=, cutoff=";
            let [min, shape, cutoff] =
                named(&arguments, "pareto_exp", takes, ["min", "shape", "cutoff"])?;
            let shape: f64 = shape
                .parse()
                .map_err(|_| DistributionTextError::Arguments {
                    function: "pareto_exp",
                    takes,
                })?;
            Distribution::pareto_exp(span("min: ", min)?, shape, span("cutoff: ", cutoff)?)
        }
        "quantiles" => {
            let takes = "p50=, p95=, p99=";
            let [p50, p95, p99] = named(&arguments, "quantiles", takes, ["p50", "p95", "p99"])?;
            Distribution::quantiles(
                span("p50: ", p50)?,
                span("p95: ", p95)?,
                span("p99: ", p99)?,
            )
        }
        "empirical" => {
            let samples: Result<Vec<SimDuration>, _> =
                arguments.iter().map(|sample| span("", sample)).collect();
            Distribution::empirical(samples?)
        }
        other => return Err(DistributionTextError::UnknownFunction(other.to_owned())),
    };
    checked.map_err(|error| DistributionTextError::Parameters(error.to_string()))
}

/// The longest span that a distribution can give; `None` if there is none.
pub(crate) fn longest(distribution: &Distribution) -> Option<SimDuration> {
    match distribution {
        Distribution::Constant(span) => Some(*span),
        Distribution::Uniform { high, .. } => Some(*high),
        Distribution::Empirical(samples) => samples.last().copied(),
        Distribution::LogNormal { median, p99 } if median == p99 => Some(*median),
        Distribution::Exponential { mean } if *mean == SimDuration::ZERO => Some(*mean),
        _ => None,
    }
}

/// The shortest span that a distribution can give.
pub(crate) fn shortest(distribution: &Distribution) -> SimDuration {
    match distribution {
        Distribution::Constant(span) => *span,
        Distribution::Uniform { low, .. } => *low,
        Distribution::Empirical(samples) => samples.first().copied().unwrap_or_default(),
        Distribution::ParetoExp { minimum, .. } => *minimum,
        Distribution::LogNormal { median, p99 } if median == p99 => *median,
        _ => SimDuration::ZERO,
    }
}

fn span(what: &str, text: &str) -> Result<SimDuration, DistributionTextError> {
    quantity::duration(text).map_err(|error| DistributionTextError::Span {
        what: what.to_owned(),
        error,
    })
}

/// Arguments by name (`median=20ms`) or by place.
fn named<'a, const N: usize>(
    arguments: &[&'a str],
    function: &'static str,
    takes: &'static str,
    names: [&str; N],
) -> Result<[&'a str; N], DistributionTextError> {
    let wrong = || DistributionTextError::Arguments { function, takes };
    if arguments.len() != N {
        return Err(wrong());
    }
    let mut found: [Option<&'a str>; N] = [None; N];
    for (place, argument) in arguments.iter().enumerate() {
        let (place, value) = match argument.split_once('=') {
            Some((name, value)) => {
                let place = names.iter().position(|known| *known == name.trim());
                (place.ok_or_else(wrong)?, value.trim())
            }
            None => (place, *argument),
        };
        if found[place].replace(value).is_some() {
            return Err(wrong());
        }
    }
    let mut values = [""; N];
    for (value, found) in values.iter_mut().zip(found) {
        *value = found.ok_or_else(wrong)?;
    }
    Ok(values)
}

/// Samples, one to a line, each with its unit; `#` starts a comment, a first line may be a title.
fn samples_of(text: &str) -> Result<Distribution, DistributionTextError> {
    let mut samples = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let cell = line.split(['#', ',', ';']).next().unwrap_or("").trim();
        if cell.is_empty() {
            continue;
        }
        match quantity::duration(cell) {
            Ok(sample) => samples.push(sample),
            Err(QuantityError::NotANumber) if samples.is_empty() => {}
            Err(error) => {
                return Err(DistributionTextError::File(format!(
                    "line {} of the file: `{cell}`: {error}",
                    index + 1
                )));
            }
        }
    }
    Distribution::empirical(samples)
        .map_err(|_| DistributionTextError::File("the file has no samples".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Distribution, DistributionTextError> {
        parse(text, &mut |path| {
            if path == "lag.csv" {
                Ok("lag\n3ms\n1ms # quick\n\n2ms\n".to_owned())
            } else {
                Err("no".to_owned())
            }
        })
    }

    #[test]
    fn what_a_distribution_prints_is_read_back() {
        for text in [
            "250ms",
            "uniform(60s, 180s)",
            "exponential(20ms)",
            "lognormal(median=20ms, p99=200ms)",
            "pareto_exp(min=1ms, shape=1.5, cutoff=10s)",
            "quantiles(p50=68ms, p95=75ms, p99=140ms)",
            "empirical(1ms, 3ms)",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("constant(5ms)").unwrap().to_string(), "5ms");
        assert_eq!(
            read("file(\"lag.csv\")").unwrap().to_string(),
            "empirical(1ms, 2ms, 3ms)"
        );
        assert_eq!(
            read("lognormal(p99=2s, median=1s)").unwrap().to_string(),
            "lognormal(median=1s, p99=2s)"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            ("20", "missing unit"),
            ("uniform(1, 3m)", "low: missing unit"),
            (
                "uniform(3m, 1m)",
                "high must not be shorter than low (180s), got 60s",
            ),
            ("normal(1s, 2s)", "there is no `normal(...)`"),
            ("uniform(1s", "`(` is never closed"),
            ("uniform(1s)", "`uniform` takes (low, high)"),
            (
                "lognormal(median=1s, median=2s)",
                "`lognormal` takes (median=, p99=)",
            ),
            ("exponential(-1s)", "mean: must not be negative"),
            (
                "empirical()",
                "an empirical distribution needs at least one sample",
            ),
            ("file(\"none.csv\")", "no"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(
            read("unifrom(1s, 2s)").unwrap_err().nearest(),
            Some("uniform")
        );
    }
}
