//! The schema as tables for `docs/scenario-format.md`.

use core::fmt::Write as _;

use super::{Default, Forms, Key, Kind, ROOT, Table};
use crate::history::MOMENTS;
use crate::scenario::read::leaf;

/// The tables of all keys in Markdown, as `docs/scenario-format.md` holds them.
pub fn markdown() -> String {
    let mut out = String::new();
    let mut seen = Vec::new();
    write_table(&mut out, &ROOT, 3, &mut seen);
    write_moments(&mut out);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn write_table(
    out: &mut String,
    table: &'static Table,
    level: usize,
    seen: &mut Vec<&'static str>,
) {
    let _ = writeln!(
        out,
        "{} `{}`\n\n{}\n",
        "#".repeat(level),
        table.title,
        table.doc
    );
    if !table.keys.is_empty() || table.open.is_some() {
        out.push_str("| Key | Holds | Default | Meaning |\n|---|---|---|---|\n");
    }
    for key in table.keys {
        row(out, key);
    }
    if let Some(open) = &table.open {
        let _ = writeln!(
            out,
            "| {} | {} | – | {} |",
            cell(open.name),
            cell(&holds(&open.kind)),
            cell(open.doc)
        );
    }
    if !table.keys.is_empty() || table.open.is_some() {
        out.push('\n');
    }
    for key in table.keys {
        nested(out, &key.kind, level, seen);
    }
    if let Some(open) = &table.open {
        nested(out, &open.kind, level, seen);
    }
}

/// The facts that the `metric` of a reference may name.
fn write_moments(out: &mut String) {
    out.push_str("### Facts with a moment\n\n");
    out.push_str("For the `metric` of a `[[reference]]`: `first(…)`, `second(…)`, `third(…)` and `last(…)` take the first time at which each of them met the fact.\n\n");
    out.push_str("| Fact | Says that | Each |\n|---|---|---|\n");
    for kind in MOMENTS {
        let _ = writeln!(out, "| `{}` | {} | {} |", kind.name, kind.doc, kind.subject);
    }
}

fn nested(out: &mut String, kind: &'static Kind, level: usize, seen: &mut Vec<&'static str>) {
    let deeper = (level + 1).min(5);
    match kind {
        Kind::Table(table) if !seen.contains(&table.title) => {
            seen.push(table.title);
            write_table(out, table, deeper, seen);
        }
        Kind::Forms(forms) if !seen.contains(&forms.title) => {
            seen.push(forms.title);
            write_forms(out, forms, deeper, seen);
        }
        Kind::List(inner) => nested(out, inner, level, seen),
        Kind::Either(first, second) => {
            nested(out, first, level, seen);
            nested(out, second, level, seen);
        }
        _ => {}
    }
}

fn write_forms(
    out: &mut String,
    forms: &'static Forms,
    level: usize,
    seen: &mut Vec<&'static str>,
) {
    let _ = writeln!(
        out,
        "{} `{}`\n\n{}\n",
        "#".repeat(level),
        forms.title,
        forms.doc
    );
    for form in forms.list {
        write_table(out, form.table, (level + 1).min(6), seen);
    }
}

fn row(out: &mut String, key: &Key) {
    let default = match key.default {
        Default::Required => "must be given".to_owned(),
        Default::Absent(meaning) | Default::Derived(meaning) => meaning.to_owned(),
        Default::Text(text) => format!("`\"{text}\"`"),
        Default::Integer(number) => format!("`{number}`"),
        Default::Number(number) => format!("`{number}`"),
        Default::Flag(flag) => format!("`{flag}`"),
        Default::Empty => match key.kind {
            Kind::List(_) => "none".to_owned(),
            _ => "see there".to_owned(),
        },
    };
    let basis = match &key.basis {
        Some(basis) => format!(" *{}: {}*", basis.grade, basis.source),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "| `{}` | {} | {}{} | {} |",
        key.name,
        cell(&holds(&key.kind)),
        cell(&default),
        cell(&basis),
        cell(&meaning(key))
    );
}

/// What a key means, with the meaning of each of its words.
fn meaning(key: &Key) -> String {
    let mut text = key.doc.to_owned();
    for (word, doc) in words(&key.kind) {
        let _ = write!(text, " `\"{word}\"`: {doc}.");
    }
    text
}

fn words(kind: &Kind) -> Vec<(&'static str, &'static str)> {
    match kind {
        Kind::Word(words) => words.to_vec(),
        Kind::List(inner) => words(inner),
        Kind::Either(first, second) => {
            let mut all = words(first);
            all.extend(words(second));
            all
        }
        _ => Vec::new(),
    }
}

fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Word(words) => {
            let words: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("`\"{word}\"`"))
                .collect();
            words.join(", ")
        }
        Kind::Duration(..) => {
            let text = leaf::allowed(kind);
            text.split(", such as")
                .next()
                .unwrap_or(&text)
                .replace("a span of time", "span of time")
        }
        Kind::Delay => "span of time or distribution".to_owned(),
        Kind::Size(..) => "size".to_owned(),
        Kind::Bandwidth => "bandwidth".to_owned(),
        Kind::Rate => "rate".to_owned(),
        Kind::Table(table) => format!("table `{}`", table.title),
        Kind::Forms(forms) => format!("table `{}`", forms.title),
        Kind::List(inner) => format!("list of: {}", holds(inner)),
        Kind::Either(first, second) => format!("{}, or {}", holds(first), holds(second)),
        _ => {
            let text = leaf::allowed(kind);
            text.strip_prefix("a ").unwrap_or(&text).to_owned()
        }
    }
}

/// Text for a cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
