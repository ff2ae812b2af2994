//! The page itself: markup checked by the compiler, every text escaped.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Case, Definition, Figure, GradedHeadline, Outcome, Report, StrategyStory, Verdict};
use crate::number;
use crate::table::{Cell, Table};

const STYLE: &str = include_str!("style.css");

/// The whole page. Equal reports give equal bytes.
pub fn render(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.title) " – Regionfall report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kind { "Regionfall report" }
                    h1 { (report.title) }
                    p.estimated { "All figures are estimated by simulation. They are not measurements and nothing is guaranteed by them." }
                }
                main {
                    @if !report.story.is_empty() {
                        section.story { @for paragraph in &report.story { p { (paragraph) } } }
                    }
                    (warnings(&report.warnings))
                    (contents(report))
                    @if !report.overview.is_empty() {
                        section id="overview" {
                            h2 { "All cases side by side" }
                            @for figure in &report.overview { (picture(figure)) }
                        }
                    }
                    @for (index, case) in report.cases.iter().enumerate() { (section(index, case)) }
                    (grades(&report.grades, &report.examine))
                    (never(&report.never))
                    (what_was_run(report))
                    (definitions(&report.definitions))
                    (reproduce(&report.reproduce))
                }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn warnings(warnings: &[String]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            aside.warnings role="note" {
                h2 { "Read this first" }
                ul { @for warning in warnings { li { (prose(warning)) } } }
            }
        }
    }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Contents" {
            ol {
                @if !report.overview.is_empty() { li { a href="#overview" { "All cases side by side" } } }
                @for (index, case) in report.cases.iter().enumerate() {
                    li { a href={ "#case-" (index + 1) } { (case.name) } }
                }
                @if !report.grades.is_empty() { li { a href="#grades" { "How well founded the figures are" } } }
                @if !report.never.is_empty() { li { a href="#never" { "What never happened" } } }
                li { a href="#run" { "What was run" } }
                @if !report.definitions.is_empty() { li { a href="#definitions" { "What the columns mean" } } }
                @if !report.reproduce.is_empty() { li { a href="#reproduce" { "How to repeat it" } } }
            }
        }
    }
}

fn section(index: usize, case: &Case) -> Markup {
    html! {
        section.case id={ "case-" (index + 1) } {
            h2 { (case.name) }
            @if !case.summary.is_empty() { p { (prose(&case.summary)) } }
            @for figures in &case.tables { (table(figures)) }
            @if !case.footing.is_empty() {
                p.footing { (prose(&case.footing)) " " a href="#grades" { "How well founded the figures are" } }
            }
            (verdicts(&case.verdicts))
            @for figure in &case.figures { (picture(figure)) }
            @if !case.strategies.is_empty() {
                h3 { "What happened" }
                @for strategy in &case.strategies { (story(strategy)) }
            }
        }
    }
}

fn verdicts(verdicts: &[Verdict]) -> Markup {
    html! {
        @if !verdicts.is_empty() {
            h3 { "Objectives" }
            div.scroll { table {
                thead { tr { th { "strategy" } th { "objective" } th { "verdict" } th { "because" } } }
                tbody {
                    @for verdict in verdicts {
                        tr {
                            td.name[verdict.strategy.chars().count() <= 20] { (verdict.strategy) }
                            td { (verdict.objective) }
                            td class={ "verdict " (class(verdict.outcome)) } { (sign(verdict.outcome)) " " (verdict.outcome) }
                            td { (verdict.because) }
                        }
                    }
                }
            } }
        }
    }
}

/// A sign beside the word, so that the answer does not depend on colour.
const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "✓",
        Outcome::Missed => "✗",
        Outcome::TooFewSeeds { .. } => "?",
        Outcome::DoesNotApply => "–",
    }
}

const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "met",
        Outcome::Missed => "missed",
        Outcome::TooFewSeeds { .. } | Outcome::DoesNotApply => "open",
    }
}

fn picture(figure: &Figure) -> Markup {
    html! {
        figure {
            // The SVG is this crate's own, so its markup is obeyed.
            (PreEscaped(&figure.svg))
            figcaption { (figure.caption) }
        }
    }
}

fn story(strategy: &StrategyStory) -> Markup {
    html! {
        article {
            h4 { (strategy.name) }
            @if !strategy.summary.is_empty() { p { (strategy.summary) } }
            @if !strategy.recovered_by.is_empty() {
                p { "Recovered by: " (shares(&strategy.recovered_by)) "." }
            }
            @if let Some(milestones) = &strategy.milestones { (table(milestones)) }
            @if !strategy.findings.is_empty() {
                ul.findings { @for finding in &strategy.findings { li { (prose(finding)) } } }
            }
        }
    }
}

fn shares(shares: &[(String, f64)]) -> String {
    let shown = shares
        .iter()
        .map(|(name, share)| format!("{name} {}", number::percent(*share)));
    shown.collect::<Vec<_>>().join(", ")
}

fn grades(grades: &[GradedHeadline], examine: &[String]) -> Markup {
    html! {
        @if !grades.is_empty() {
            section id="grades" {
                h2 { "How well founded the figures are" }
                p {
                    "A figure is no better than the weakest number behind it. From best to worst: measured, "
                    "read in source code, documented, assumed."
                }
                div.scroll { table {
                    thead { tr {
                        th { "headline" } th { "weakest grade" } th { "because of" }
                        th { "distance from measurements" } th { "moves over the plausible range" }
                    } }
                    tbody {
                        @for grade in grades {
                            tr {
                                td.name[grade.headline.chars().count() <= 24] { (grade.headline) }
                                td { (grade.weakest.name()) }
                                td { (grade.because) }
                                td { (grade.measured.as_deref().unwrap_or("never measured")) }
                                td { (grade.moves.as_deref().unwrap_or("not examined")) }
                            }
                        }
                    }
                } }
                @if !examine.is_empty() {
                    p { "Each of these commands shows how far a figure moves when an assumption is halved and doubled:" }
                    pre { code { (examine.join("\n")) } }
                }
            }
        }
    }
}

/// Text in which words between backticks are code, as in Markdown. A backtick without another stays.
fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 0 { (part) }
            @else if index + 1 < parts.len() { code { (part) } }
            @else { "`" (part) }
        }
    }
}

/// What was not tried cannot be judged: it is said apart from what came out well.
fn never(never: &[String]) -> Markup {
    html! {
        @if !never.is_empty() {
            section id="never" {
                h2 { "What never happened" }
                p { "Not in one run of any strategy and case. These figures say nothing about it." }
                ul { @for name in never { li { (name) } } }
            }
        }
    }
}

fn what_was_run(report: &Report) -> Markup {
    html! {
        section id="run" {
            h2 { "What was run" }
            dl.facts { @for fact in &report.facts { div { dt { (fact.name) } dd { (fact.value) } } } }
        }
    }
}

fn definitions(definitions: &[Definition]) -> Markup {
    html! {
        @if !definitions.is_empty() {
            section id="definitions" {
                h2 { "What the columns mean" }
                div.scroll { table {
                    thead { tr { th { "column" } th { "meaning" } th { "unit" } } }
                    tbody {
                        @for definition in definitions {
                            tr { td.code { (definition.column) } td { (definition.meaning) } td { (definition.unit) } }
                        }
                    }
                } }
            }
        }
    }
}

fn reproduce(commands: &[String]) -> Markup {
    html! {
        @if !commands.is_empty() {
            section id="reproduce" {
                h2 { "How to repeat it" }
                p { "The same version with the same scenario and seeds writes the same bytes." }
                pre { code { (commands.join("\n")) } }
            }
        }
    }
}

/// A table of results; intervals do not break across lines.
fn table(table: &Table) -> Markup {
    html! {
        @if !table.columns().is_empty() {
            div.scroll { table {
                @if !table.title.is_empty() { caption { (table.title) } }
                thead { tr {
                    @for column in table.columns() {
                        th.number[column.is_numeric()] scope="col" {
                            (column.name())
                            @if let Some(unit) = column.unit() { " " span.unit { "(" (unit) ")" } }
                        }
                    }
                } }
                tbody {
                    @for row in table.rows() {
                        tr {
                            @for (column, cell) in table.columns().iter().zip(row) {
                                td.number[column.is_numeric()].name[is_short_name(cell)] { (value(&column.shown(cell), cell)) }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// Names that need no second line do not break at their hyphens.
fn is_short_name(cell: &Cell) -> bool {
    matches!(cell, Cell::Text(text) if text.chars().count() <= 20)
}

fn value(shown: &str, cell: &Cell) -> Markup {
    if let (Cell::Estimate { .. }, Some((estimate, interval))) = (cell, shown.split_once(" [")) {
        return html! { (estimate) " " span.interval { "[" (interval) } };
    }
    html! { (shown) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::Fact;

    #[test]
    fn texts_are_escaped_and_nothing_is_fetched() {
        let report = Report {
            title: "<script>alert(1)</script>".to_owned(),
            facts: vec![Fact {
                name: "seeds".to_owned(),
                value: "1–200 & more".to_owned(),
            }],
            ..Report::default()
        };
        let page = render(&report);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
        assert!(page.contains("1–200 &amp; more"));
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("url("));
        assert_eq!(page, render(&report));
    }

    #[test]
    fn words_between_backticks_are_code() {
        let shown = |text: &str| prose(text).into_string();
        assert_eq!(
            shown("clients of `a<b` and `c` follow"),
            "clients of <code>a&lt;b</code> and <code>c</code> follow"
        );
        assert_eq!(shown("it's 5` long"), "it's 5` long");
        let report = Report {
            warnings: vec!["vary `ttl`".to_owned()],
            ..Report::default()
        };
        assert!(render(&report).contains("<li>vary <code>ttl</code></li>"));
    }

    #[test]
    fn what_never_happened_is_said_apart() {
        let report = Report {
            never: vec!["a lost write".to_owned()],
            ..Report::default()
        };
        let page = render(&report);
        assert!(page.contains("What never happened") && page.contains("<li>a lost write</li>"));
        assert!(!render(&Report::default()).contains("What never happened"));
    }

    #[test]
    fn never_measured_is_said() {
        let report = Report {
            grades: vec![GradedHeadline {
                headline: "rto_p99".to_owned(),
                weakest: crate::html::Grade::Assumed,
                because: "sync lag".to_owned(),
                measured: None,
                moves: None,
            }],
            ..Report::default()
        };
        assert!(render(&report).contains("never measured"));
    }
}
