//! The report page: what came out, how sure that is, what exactly was run, how to repeat it.

use std::collections::BTreeMap;

use regionfall::explore::{
    Answer, Cell, CellRuns, Completeness, Results, difference, recovered_shares,
};
use regionfall::metric::{RUN_COLUMNS, RecoveredBy, Unit};
use regionfall::simulation::MODEL_VERSION;
use regionfall_report::html::{
    Case, Definition, Fact, Figure, Outcome, Report, StrategyStory, Verdict, render,
};
use regionfall_report::table::{Cell as Shown, Column, Table};

use super::findings::Findings;
use super::grades::Grades;
use super::{Picture, Study, headline, words};
use crate::shell::quoted;

/// The parts of the recovery time, in order.
const MILESTONES: [(&str, &str); 5] = [
    ("detect", "detect_mean_ms"),
    ("publish", "publish_mean_ms"),
    ("adopt", "adopt_mean_ms"),
    ("reconnect", "reconnect_mean_ms"),
    ("served for good", "first_success_mean_ms"),
];
/// The columns that the tables of the page use.
const DEFINED: [&str; 14] = [
    "rto_p50_ms",
    "rto_max_ms",
    "service_rto_ms",
    "recovered_by",
    "rpo_observed_ms",
    "rpo_at_resumption_ms",
    "writes_acked",
    "writes_lost",
    "writes_late",
    "dual_active_ms",
    "availability",
    "exposed",
    "affected",
    "censored",
];

/// The page.
pub(super) fn page(
    study: &Study<'_>,
    overview: &[Picture],
    timelines: &BTreeMap<Cell, Picture>,
) -> String {
    let results = study.results;
    let grades = Grades::of(study);
    let mut blocks = headline::for_people(results, study.findings).into_iter();
    let cases = results.blocks().into_iter().filter_map(|cells| {
        let block = blocks.next()?;
        let footing = grades.footing();
        Some(case(study, &cells, block, footing, timelines))
    });
    render(&Report {
        title: results.scenario().title.clone(),
        story: story(results),
        facts: facts(study),
        overview: overview.iter().map(figure).collect(),
        cases: cases.collect(),
        grades: grades.headlines(),
        examine: grades.examine(),
        definitions: definitions(),
        reproduce: vec![
            format!("regionfall {}", shell(study.arguments)),
            "regionfall reproduce FOLDER  # the folder that this page is in".to_owned(),
        ],
        never: study
            .findings
            .never
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        warnings: warnings(study),
    })
}

fn figure(picture: &Picture) -> Figure {
    Figure {
        caption: picture.caption.clone(),
        svg: picture.svg.clone(),
    }
}

fn case(
    study: &Study<'_>,
    cells: &[CellRuns<'_>],
    block: headline::Block,
    footing: String,
    timelines: &BTreeMap<Cell, Picture>,
) -> Case {
    let faults = cells.first().map(|cell| {
        let faults = cell.case.faults.iter().map(|fault| {
            let what = words::fault(&fault.kind, &cell.variant.settings);
            let lasts = fault
                .lasts
                .as_ref()
                .map_or("lasting for ever".to_owned(), |lasts| {
                    format!("lasting {lasts}")
                });
            format!("{what}, {lasts}, beginning at {}", fault.at)
        });
        faults.collect::<Vec<_>>().join("; ")
    });
    let findings = study.findings;
    let intervals = headline::intervals(study.results);
    let verdicts = cells
        .iter()
        .flat_map(|cell| findings.objectives_of(cell.cell));
    let mut tables = vec![
        block.downtime.titled(format!(
            "How long clients are down: medians over seeds with {intervals}"
        )),
        block.data.titled(format!(
            "How much data is lost: medians over seeds, or means where it says \"per run\", with {intervals}"
        )),
    ];
    tables.extend(paired(study.results, cells));
    Case {
        name: block.name,
        summary: format!(
            "Faults: {}.",
            faults
                .filter(|it| !it.is_empty())
                .unwrap_or_else(|| "none".to_owned())
        ),
        tables,
        footing,
        verdicts: verdicts
            .map(|judged| Verdict {
                strategy: judged.strategy.clone(),
                objective: format!(
                    "{} at {} confidence",
                    words::objective(&judged.objective),
                    words::percent(judged.objective.confidence)
                ),
                outcome: match judged.judged.answer {
                    Answer::Met => Outcome::Met,
                    Answer::Missed => Outcome::Missed,
                    Answer::TooFewSeeds { needs } => Outcome::TooFewSeeds {
                        needs: needs as u64,
                    },
                    Answer::DoesNotApply => Outcome::DoesNotApply,
                },
                because: judged.because(),
            })
            .collect(),
        figures: cells
            .iter()
            .filter_map(|cell| timelines.get(&cell.cell))
            .map(figure)
            .collect(),
        strategies: cells.iter().map(|cell| strategy(cell, findings)).collect(),
    }
}

/// Each strategy against the first, seed by seed.
fn paired(results: &Results<'_>, cells: &[CellRuns<'_>]) -> Option<Table> {
    let (first, others) = cells.split_first()?;
    if others.is_empty() || results.seeds().len() < 2 {
        return None;
    }
    let columns = [
        ("RTO of the slowest", "rto_max_ms"),
        ("RPO at resumption", "rpo_at_resumption_ms"),
        ("writes lost", "writes_lost"),
    ];
    let mut found = Vec::new();
    for other in others {
        for (name, column) in columns {
            if let Some(difference) = difference(first, other, column, results.level()) {
                found.push((other.strategy.name.clone(), name, column, difference));
            }
        }
    }
    // One looks in many places at once.
    let p_values: Vec<f64> = found
        .iter()
        .map(|(.., difference)| difference.p_sign)
        .collect();
    let p_values = regionfall::explore::statistics::holm::adjusted(&p_values);
    let mut table = Table::new(format!(
        "Seed by seed against {}: mean difference with its 95 % interval; p by the sign test, corrected for the \
         number of rows",
        first.strategy.name
    ))
    .column(Column::text("strategy"))
    .column(Column::text("what"))
    .column(Column::figure("difference", "in the unit of the row"))
    .column(Column::count("smaller in", "seeds"))
    .column(Column::count("larger in", "seeds"))
    .column(Column::text("p"));
    for ((strategy, name, column, difference), p) in found.into_iter().zip(p_values) {
        let (unit, factor) = headline::unit_of(cells, column, results.level());
        let mean = match difference.interval {
            Some(limits) => Shown::estimate(
                difference.mean * factor,
                limits.low * factor,
                limits.high * factor,
            ),
            None => Shown::Number(difference.mean * factor),
        };
        table.push(vec![
            Shown::text(strategy),
            // What counts things says of what: only times lack their unit.
            Shown::text(if unit == "writes" {
                name.to_owned()
            } else {
                format!("{name} ({unit})")
            }),
            mean,
            Shown::Count(difference.smaller as u64),
            Shown::Count(difference.larger as u64),
            Shown::text(if p < 0.001 {
                "< 0.001".to_owned()
            } else {
                format!("{p:.3}")
            }),
        ]);
    }
    Some(table)
}

fn strategy(cell: &CellRuns<'_>, findings: &Findings) -> StrategyStory {
    let count = |column: &str| cell.sum(column);
    let exposed = count("exposed");
    let summary = if exposed > 0.0 {
        let affected = count("affected");
        let censored = count("censored");
        let rest = if censored > 0.0 {
            format!(
                "; {} were not served again before the run ended",
                words::percent(censored / exposed)
            )
        } else {
            String::new()
        };
        format!(
            "Of exposed app servers over all seeds, {} had an outage{rest}.",
            words::percent(affected / exposed)
        )
    } else {
        "No app server was exposed.".to_owned()
    };
    let shares = recovered_shares(cell).map(|shares| {
        let named = RecoveredBy::ALL.iter().zip(shares);
        named
            .filter(|(_, share)| *share > 0.0)
            .map(|(way, share)| (way.name().to_owned(), share))
            .collect()
    });
    let broken = findings
        .broken
        .iter()
        .filter(|broken| broken.cell == Some(cell.cell));
    StrategyStory {
        name: cell.strategy.name.clone(),
        summary,
        recovered_by: shares.unwrap_or_default(),
        milestones: milestones(cell),
        findings: broken
            .map(|broken| {
                let evidence = broken
                    .evidence
                    .first()
                    .map_or(String::new(), |first| format!(" ({first})"));
                format!("{}{evidence}. Repeat: {}", broken.line(), broken.repeat)
            })
            .collect(),
    }
}

/// The mean parts of the recovery time of app servers that recovered by a switch, over incidents.
fn milestones(cell: &CellRuns<'_>) -> Option<Table> {
    let index = |name: &str| {
        let columns = regionfall::metric::INCIDENT_COLUMNS;
        columns.iter().position(|column| *column == name)
    };
    let mut table = Table::new("Parts of the recovery time of app servers that switched, means");
    let mut row = Vec::new();
    for (name, column) in MILESTONES {
        let index = index(column)?;
        let incidents = cell.runs.iter().flat_map(|run| &run.incidents);
        let values: Vec<f64> = incidents
            .filter_map(|incident| incident.get(index)?.as_f64())
            .collect();
        if values.is_empty() {
            return None;
        }
        table = table.column(Column::figure(name, "s"));
        row.push(Shown::Number(
            values.iter().sum::<f64>() / values.len() as f64 * 1e-3,
        ));
    }
    table.push(row);
    Some(table)
}

fn story(results: &Results<'_>) -> Vec<String> {
    let names = |names: Vec<&str>| names.join(", ");
    let scenario = results.scenario();
    let mut strategies: Vec<&str> = Vec::new();
    for cell in results.cells() {
        if !strategies.contains(&cell.strategy.name.as_str()) {
            strategies.push(&cell.strategy.name);
        }
    }
    let mut story = vec![format!(
        "Compared are {} under the same faults, weather and workload: seed by seed, over {} seeds. The seed is \
         the unit of every interval, since clients of one run share its weather.",
        names(strategies),
        results.seeds().len()
    )];
    if let Some(settings) = scenario.variants.first().map(|variant| &variant.settings) {
        let regions = &settings.topology.regions[..settings.topology.members];
        story.push(format!(
            "The database has a member in each of {}; {} app servers use it.",
            names(regions.iter().map(|region| region.name.as_str()).collect()),
            settings
                .workload
                .fleets
                .iter()
                .map(|fleet| u64::from(fleet.servers))
                .sum::<u64>()
        ));
    }
    story
}

fn facts(study: &Study<'_>) -> Vec<Fact> {
    let results = study.results;
    let scenario = results.scenario();
    let seeds: Vec<u64> = results.seeds().iter().map(|seed| seed.get()).collect();
    let seeds = match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if last - first + 1 == seeds.len() as u64 => {
            format!("{} ({first} to {last})", seeds.len())
        }
        _ => format!("{}", seeds.len()),
    };
    let mut facts = vec![
        (
            "Scenario",
            format!("{} (digest {})", scenario.title, scenario.digest),
        ),
        ("Seeds", seeds),
        ("Model version", MODEL_VERSION.to_string()),
        ("Program version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    if let Some(variant) = scenario.variants.first() {
        let phases = variant.settings.phases;
        facts.push((
            "Phases",
            format!(
                "warm-up {}, storm {}, calm {}",
                phases.warm_up, phases.storm, phases.calm
            ),
        ));
    }
    let events: u64 = results
        .cells()
        .flat_map(|cell| cell.runs)
        .map(|run| run.events)
        .sum();
    facts.push(("Events simulated", format!("{events}, control runs aside")));
    let named = facts.into_iter().map(|(name, value)| Fact {
        name: name.to_owned(),
        value,
    });
    named.collect()
}

fn definitions() -> Vec<Definition> {
    let columns = RUN_COLUMNS
        .iter()
        .filter(|column| DEFINED.contains(&column.name));
    let defined = columns.map(|column| Definition {
        column: column.name.to_owned(),
        meaning: column.doc.to_owned(),
        unit: match column.unit {
            Unit::Milliseconds => "ms",
            Unit::Writes => "writes",
            Unit::Reads => "reads",
            Unit::Servers => "app servers",
            Unit::Share => "share",
            Unit::Bytes => "bytes",
            Unit::Count => "count",
            Unit::Word => "–",
        }
        .to_owned(),
    });
    defined.collect()
}

fn warnings(study: &Study<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Completeness::Partial { seeds, of } = study.results.completeness() {
        warnings.push(format!(
            "Partial: the comparison was stopped after {seeds} of {of} seeds. The same command goes on from there."
        ));
    }
    let laws = study
        .findings
        .broken
        .iter()
        .filter(|broken| broken.kind == regionfall::check::VerdictKind::ModelLaw);
    warnings.extend(laws.map(|broken| {
        format!(
            "{} under {}, {}. No figure of this page can be trusted. Repeat: {}",
            broken.line(),
            broken.strategy,
            broken.block,
            broken.repeat
        )
    }));
    if study.findings.over_budget > 0 {
        warnings.push(format!(
            "{} runs spent their budget of events and were ended: raise event_budget.",
            study.findings.over_budget
        ));
    }
    warnings.extend(study.findings.idle.iter().map(|idle| format!("{idle}.")));
    warnings.extend(study.warnings.iter().cloned());
    warnings
}

fn shell(arguments: &[String]) -> String {
    let words: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    words.join(" ")
}
