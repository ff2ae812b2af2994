//! A story as text, as JSON and as a table.

use std::io::{self, Write};

use regionfall::explore::{Explanation, LostChain, SlowClient};
use regionfall_kernel::{SimDuration, SimTime};
use regionfall_report::table::{Cell, Column, Table};
use serde_json::{Value, json};

use crate::shell::quoted;

/// Most clients that are told one by one.
const CLIENTS_MAX: usize = 6;

/// The story as text.
pub(super) fn text(story: &Explanation, file: &str, out: &mut impl Write) -> io::Result<()> {
    let label = story.outcome.label();
    writeln!(
        out,
        "{}, {}, seed {}\n",
        label.strategy, label.case, label.seed
    )?;
    for told in &story.timeline {
        writeln!(out, "{:>10.3} s  {}", seconds(told.at), told.text)?;
    }
    let account = story.outcome.account();
    let writes = account.all_writes();
    writeln!(
        out,
        "{:>10.3} s  the end: {} of {} acknowledged writes are lost",
        seconds(story.outcome.ended_at()),
        writes.lost,
        writes.acked
    )?;
    for broken in story.outcome.broken() {
        writeln!(out, "\n{broken}")?;
    }
    clients(&story.slow, out)?;
    chains(story, out)?;
    if let Some(found) = story.inevitable {
        let write = story.names.server(found.write.server);
        writeln!(out, "\nWhen the loss was inevitable")?;
        if found.kept == 0 {
            writeln!(
                out,
                "  from the acknowledgement on: each of {} other continuations from {:.3} s loses the write of {write} too",
                found.noises,
                seconds(found.from)
            )?;
        } else {
            writeln!(
                out,
                "  from {:.3} s on: each of {} other continuations loses the write of {write} too; from {:.3} s {} of them still kept it",
                seconds(found.from),
                found.noises,
                seconds(found.not_before),
                found.kept
            )?;
        }
    }
    writeln!(
        out,
        "\nregionfall run {file} --strategy {} --case {} --seed {} --expect {}",
        quoted(&label.strategy),
        quoted(&label.case),
        label.seed,
        story.outcome.trace_hash()
    )
}

fn clients(slow: &[SlowClient], out: &mut impl Write) -> io::Result<()> {
    if slow.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWhy clients were slow")?;
    for client in slow.iter().take(CLIENTS_MAX) {
        match client.rto {
            Some(rto) => write!(out, "  {}: {:.3} s", client.name, rto.as_secs_f64())?,
            None => write!(out, "  {}: not served again", client.name)?,
        }
        write!(
            out,
            " since {:.3} s, by {}",
            seconds(client.since),
            client.recovered_by.name()
        )?;
        let parts = client
            .parts
            .iter()
            .filter(|part| part.took > SimDuration::ZERO);
        let parts: Vec<String> = parts
            .map(|part| {
                let because = part.because.as_ref();
                let because = because.map_or(String::new(), |why| format!(" ({why})"));
                format!("{:.3} s {}{because}", part.took.as_secs_f64(), part.what)
            })
            .collect();
        if parts.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "\n    = {}", parts.join("\n    + "))?;
        }
    }
    if slow.len() > CLIENTS_MAX {
        writeln!(out, "  and {} more", slow.len() - CLIENTS_MAX)?;
    }
    Ok(())
}

fn chains(story: &Explanation, out: &mut impl Write) -> io::Result<()> {
    if story.lost.is_empty() {
        return Ok(());
    }
    let all = story.outcome.account().lost.len();
    writeln!(out, "\nWhy writes were lost")?;
    for chain in &story.lost {
        writeln!(out, "  {} of {}", chain.write.operation, chain.server)?;
        for step in &chain.steps {
            writeln!(out, "{:>12.3} s  {}", seconds(step.at), step.text)?;
        }
        if let Some(judgement) = chain.judgement {
            writeln!(out, "                {judgement}")?;
        }
    }
    if all > story.lost.len() {
        writeln!(out, "  and {} more", all - story.lost.len())?;
    }
    Ok(())
}

/// The stories as JSON: a list.
pub(super) fn json(stories: &[Explanation], out: &mut Vec<u8>) -> io::Result<()> {
    let list: Vec<Value> = stories.iter().map(of).collect();
    serde_json::to_writer_pretty(&mut *out, &list)?;
    writeln!(out)
}

fn of(story: &Explanation) -> Value {
    let label = story.outcome.label();
    let timeline = story.timeline.iter().map(|told| {
        json!({
            "at_s": seconds(told.at),
            "until_s": seconds(told.until),
            "kind": told.kind.word(),
            "text": told.text,
        })
    });
    let broken = story.outcome.broken().map(|verdict| {
        let evidence = verdict.evidence.iter();
        let evidence = evidence.map(|seen| json!({ "at_s": seconds(seen.at), "text": seen.text }));
        json!({ "check": verdict.check, "evidence": evidence.collect::<Vec<_>>() })
    });
    let inevitable = story.inevitable.map(|found| {
        json!({
            "operation": found.write.operation.0,
            "from_s": seconds(found.from),
            "not_before_s": seconds(found.not_before),
            "continuations": found.noises,
            "kept_before": found.kept,
        })
    });
    json!({
        "variant": label.variant,
        "strategy": label.strategy,
        "case": label.case,
        "seed": label.seed.get(),
        "scenario_digest": label.digest,
        "trace_hash": story.outcome.trace_hash().to_string(),
        "writes_acked": story.outcome.account().all_writes().acked,
        "writes_lost": story.outcome.account().lost.len(),
        "timeline": timeline.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
        "lost": story.lost.iter().map(lost).collect::<Vec<_>>(),
        "slow": story.slow.iter().map(slow).collect::<Vec<_>>(),
        "inevitable": inevitable,
    })
}

fn lost(chain: &LostChain) -> Value {
    let steps = chain.steps.iter();
    let steps = steps.map(|step| json!({ "at_s": seconds(step.at), "text": step.text }));
    json!({
        "operation": chain.write.operation.0,
        "server": chain.server,
        "acked_s": seconds(chain.write.acked),
        "steps": steps.collect::<Vec<_>>(),
        "judgement": chain.judgement.map(|judgement| judgement.to_string()),
        "by_physics": chain.judgement.map(regionfall::check::Recoverability::is_physics),
    })
}

fn slow(client: &SlowClient) -> Value {
    let parts = client.parts.iter().map(|part| {
        json!({
            "what": part.what,
            "took_s": part.took.as_secs_f64(),
            "because": part.because,
        })
    });
    json!({
        "server": client.name,
        "since_s": seconds(client.since),
        "rto_s": client.rto.map(SimDuration::as_secs_f64),
        "recovered_by": client.recovered_by.name(),
        "parts": parts.collect::<Vec<_>>(),
    })
}

/// The timelines as a table.
pub(super) fn table(stories: &[Explanation]) -> Table {
    let mut table = Table::new("timeline");
    for name in ["variant", "strategy", "case"] {
        table = table.column(Column::text(name));
    }
    table = table
        .column(Column::count("seed", "seed"))
        .column(Column::number("at", "s", 6))
        .column(Column::text("kind"))
        .column(Column::text("text"));
    for story in stories {
        let label = story.outcome.label();
        for told in &story.timeline {
            table.push(vec![
                Cell::text(&label.variant),
                Cell::text(&label.strategy),
                Cell::text(&label.case),
                Cell::Count(label.seed.get()),
                Cell::Number(seconds(told.at)),
                Cell::text(told.kind.word()),
                Cell::text(&told.text),
            ]);
        }
    }
    table
}

fn seconds(at: SimTime) -> f64 {
    at.since_start().as_secs_f64()
}
