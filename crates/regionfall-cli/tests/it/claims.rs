//! `docs/claims.md`: its tables are those of the committed results, and each finding still follows from them.
//!
//! The page is written by hand but for its tables. Comments in it, which no reader sees, say what is checked:
//!
//! - `<!-- results: NAME -->`: from here on figures are those of `results/NAME`.
//! - `<!-- figures: STRATEGY | STRATEGY in CASE | CASE: column, column -->`: the table that follows. Times are medians over
//!   seeds, everything else is a mean.
//! - `<!-- across: column of STRATEGY | STRATEGY -->`: the same for one column in all cases.
//! - `<!-- summary -->`: a table of all claims with their verdicts.
//! - `<!-- holds: column of STRATEGY in CASE < 2 * column of STRATEGY in CASE -->`: what a finding rests on. Terms are joined
//!   by `<`, `>`, `=` or `~` (within a tenth), each with a factor if need be; `missing` is a figure that no run has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::command::ROOT;

const PAGE: &str = "docs/claims.md";

/// A figure of a cell: one value for each seed that has it.
type Cells = BTreeMap<(String, String), Vec<BTreeMap<String, String>>>;

/// The runs of a folder of results, by strategy and case.
fn runs(name: &str) -> Cells {
    let path = Path::new(ROOT).join("results").join(name).join("runs.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut lines = text.lines().map(fields);
    let head = lines.next().unwrap();
    let mut cells = Cells::new();
    for line in lines {
        let run: BTreeMap<String, String> = head.iter().cloned().zip(line).collect();
        let cell = (run["strategy"].clone(), run["case"].clone());
        cells.entry(cell).or_default().push(run);
    }
    cells
}

/// The fields of a line of which some are quoted, since they hold commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// A figure: of times the median over seeds, of all else the mean; `None` where no run has it.
fn figure(cells: &Cells, column: &str, strategy: &str, case: &str) -> Option<f64> {
    let cell = cells
        .get(&(strategy.to_owned(), case.to_owned()))
        .unwrap_or_else(|| panic!("no runs of `{strategy}` in `{case}`"));
    let text = |run: &BTreeMap<String, String>| {
        let value = run.get(column);
        value
            .unwrap_or_else(|| panic!("no column `{column}`"))
            .clone()
    };
    let mut values: Vec<f64> = cell
        .iter()
        .filter_map(|run| text(run).parse().ok())
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    if count == 0 {
        return None;
    }
    Some(if column.ends_with("_ms") {
        f64::midpoint(values[(count - 1) / 2], values[count / 2])
    } else {
        values.iter().sum::<f64>() / count as f64
    })
}

/// A figure as it stands in a table.
fn shown(column: &str, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let short = |value: f64| match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    match column {
        "availability" | "relays_idle_share" => format!("{:.2} %", value * 100.0),
        time if time.ends_with("_ms") && value >= 1000.0 => format!("{} s", short(value / 1000.0)),
        time if time.ends_with("_ms") && value != 0.0 => format!("{} ms", short(value)),
        _ if value.fract() == 0.0 && value.abs() < 100.0 => format!("{value:.0}"),
        _ => short(value),
    }
}

/// The table that a comment asks for.
fn table(cells: &Cells, asked: &str) -> String {
    let (who, columns) = asked.split_once(": ").unwrap();
    let (strategies, cases) = who.rsplit_once(" in ").unwrap();
    let (strategies, cases) = (strategies.split(" | "), cases.split(" | "));
    let columns: Vec<&str> = columns.split(", ").collect();
    let several = cases.clone().count() > 1;
    let mut table = "| strategy |".to_owned();
    table.push_str(if several { " case |" } else { "" });
    for column in &columns {
        let _ = write!(table, " `{}` |", column.trim_end_matches("_ms"));
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(columns.len() + usize::from(several)));
    table.push('\n');
    for strategy in strategies {
        for case in cases.clone() {
            let _ = write!(table, "| {strategy} |");
            if several {
                let _ = write!(table, " {case} |");
            }
            for column in &columns {
                let value = figure(cells, column, strategy, case);
                let _ = write!(table, " {} |", shown(column, value));
            }
            table.push('\n');
        }
    }
    table
}

/// The table of one column over all cases that a comment asks for.
fn across(cells: &Cells, asked: &str) -> String {
    let (column, strategies) = asked.split_once(" of ").unwrap();
    let mut cases: Vec<&String> = cells.keys().map(|(_, case)| case).collect();
    cases.sort_unstable();
    cases.dedup();
    let mut table = "| strategy |".to_owned();
    for case in &cases {
        let _ = write!(table, " {case} |");
    }
    let _ = writeln!(table, "\n|---|{}", "---|".repeat(cases.len()));
    for strategy in strategies.split(" | ") {
        let _ = write!(table, "| {strategy} |");
        for case in &cases {
            let value = figure(cells, column, strategy, case);
            let _ = write!(table, " {} |", shown(column, value));
        }
        table.push('\n');
    }
    table
}

/// The table of all claims: their families, what they say, and the first bold words under them.
fn summary(page: &str) -> String {
    let mut table = "| of | claim | verdict |\n|---|---|---|\n".to_owned();
    let (mut family, mut claim) = ("", "");
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            family = name;
        } else if let Some(name) = line.strip_prefix("### ") {
            assert!(claim.is_empty(), "`{claim}` has no verdict");
            claim = name;
        } else if let Some((verdict, _)) = line
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**"))
            && !claim.is_empty()
        {
            let _ = writeln!(
                table,
                "| {family} | {claim} | {} |",
                verdict.trim_end_matches('.')
            );
            claim = "";
        }
    }
    assert!(claim.is_empty(), "`{claim}` has no verdict");
    table
}

/// A term: a number, a figure, or a figure with a factor.
fn term(cells: &Cells, text: &str) -> Option<f64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (factor, text) = match text.split_once(" * ") {
        Some((factor, text)) => (factor.parse().unwrap(), text),
        None => (1.0, text),
    };
    let (column, rest) = text.split_once(" of ").unwrap();
    let (strategy, case) = rest.rsplit_once(" in ").unwrap();
    Some(figure(cells, column, strategy, case)? * factor)
}

/// Whether a condition holds.
fn holds(cells: &Cells, condition: &str) -> bool {
    if let Some(text) = condition.strip_suffix(" = missing") {
        return term(cells, text).is_none();
    }
    let sign = [" < ", " > ", " = ", " ~ "]
        .into_iter()
        .find(|sign| condition.contains(sign))
        .unwrap();
    let (one, other) = condition.split_once(sign).unwrap();
    let (Some(one), Some(other)) = (term(cells, one), term(cells, other)) else {
        return false;
    };
    match sign.trim() {
        "<" => one < other,
        ">" => one > other,
        "=" => (one - other).abs() < 1e-9,
        _ => (one - other).abs() <= 0.1 * one.abs().max(other.abs()),
    }
}

/// What a comment of the page asks for.
fn asks<'l>(line: &'l str, what: &str) -> Option<&'l str> {
    let inner = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    inner.strip_prefix(what)?.strip_prefix(": ")
}

/// The page with its tables made anew, and the conditions that do not hold.
fn made_anew(page: &str) -> (String, Vec<String>) {
    let (mut written, mut broken) = (String::new(), Vec::new());
    let mut cells = Cells::new();
    // Whether what follows is a table that was made anew, and whether a row of it was met.
    let mut table_of = None;
    for line in page.lines() {
        match table_of {
            Some(_) if line.starts_with('|') => {
                table_of = Some(true);
                continue;
            }
            Some(false) if line.is_empty() => continue,
            Some(_) => {
                if !line.is_empty() {
                    written.push('\n');
                }
                table_of = None;
            }
            None => {}
        }
        if let Some(name) = asks(line, "results") {
            cells = runs(name);
        }
        if let Some(condition) = asks(line, "holds")
            && !holds(&cells, condition)
        {
            broken.push(condition.to_owned());
        }
        written.push_str(line);
        written.push('\n');
        let made = match (asks(line, "figures"), asks(line, "across")) {
            (Some(asked), _) => Some(table(&cells, asked)),
            (_, Some(asked)) => Some(across(&cells, asked)),
            _ => (line == "<!-- summary -->").then(|| summary(page)),
        };
        if let Some(made) = made {
            let _ = write!(written, "\n{made}");
            table_of = Some(false);
        }
    }
    (written, broken)
}

#[test]
fn what_the_page_of_claims_says_follows_from_the_results() {
    let path = Path::new(ROOT).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (written, broken) = made_anew(&page);
    let many = page.matches("<!-- holds: ").count();
    assert!(many > 80, "findings rest on conditions: {many}");
    assert!(broken.is_empty(), "findings without ground: {broken:#?}");
    if std::env::var_os("REGIONFALL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, written).unwrap();
        return;
    }
    assert!(
        page == written,
        "{PAGE} differs from the results; REGIONFALL_UPDATE_SNAPSHOTS=1 writes it"
    );
}

#[test]
fn a_changed_figure_and_a_finding_without_ground_are_found() {
    let page = "<!-- results: region-loss -->\n<!-- figures: pinned in disks kept: exposed -->\n\n\
                | strategy | `exposed` |\n|---|---|\n| pinned | 9 |\n\nText.\n\
                <!-- holds: exposed of pinned in disks kept < 8 -->\n\
                <!-- holds: exposed of pinned in disks kept < 2 * exposed of pinned in disks lost -->\n\
                <!-- holds: detect_ms of pinned in disks kept = missing -->\n";
    let (written, broken) = made_anew(page);
    assert_eq!(written, page.replace("pinned | 9", "pinned | 8"));
    assert_eq!(broken, ["exposed of pinned in disks kept < 8"]);
    assert_eq!(made_anew(&written).0, written);
}
