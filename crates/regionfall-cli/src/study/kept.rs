//! Finished runs of an interrupted comparison or curve, written so that the same command goes on from them.
//!
//! One line of JSON with what they belong to, and one for each group; a curve has as much for each of its
//! points, one after the other. Numbers are text, since they have to come back as the same bits.

use std::borrow::Cow;

use regionfall::check::VerdictKind;
use regionfall::explore::{Broken, Control, Effect, Group, Run};
use regionfall::metric::{EpisodeRow, RecoveredBy, Value};
use regionfall::network::FaultEffects;
use regionfall::topology::{FleetId, ServerId};
use regionfall_kernel::{Seed, SimDuration};
use serde_json::{Value as Json, json};

/// The file.
pub(crate) const FILE_NAME: &str = "finished.jsonl";

/// Groups as the content of the file. `belongs_to` is whatever must be the same to go on.
pub(crate) fn to_lines(belongs_to: &str, groups: &[Group]) -> Vec<u8> {
    let mut lines = format!("{}\n", json!({ "belongs_to": belongs_to }));
    for group in groups {
        lines.push_str(&from_group(group).to_string());
        lines.push('\n');
    }
    lines.into_bytes()
}

/// The groups in a file that belong to this, if there are such and the file is whole.
pub(crate) fn from_lines(belongs_to: &str, bytes: &[u8]) -> Option<Vec<Group>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut groups: Option<Vec<Group>> = None;
    let mut is_ours = false;
    for line in text.lines() {
        let json: Json = serde_json::from_str(line).ok()?;
        if let Some(of) = json["belongs_to"].as_str() {
            is_ours = of == belongs_to;
            if is_ours {
                groups.get_or_insert_default();
            }
        } else if is_ours {
            groups.as_mut()?.push(to_group(&json)?);
        }
    }
    groups
}

fn from_group(group: &Group) -> Json {
    json!({
        "variant": group.variant,
        "strategy": group.strategy,
        "seed": group.seed.get(),
        "control": group.control.as_ref().map(|control| json!({
            "broken": control.broken.iter().map(from_broken).collect::<Vec<_>>(),
            "trace": control.trace,
            "within_budget": control.is_within_budget,
        })),
        "runs": group.runs.iter().map(from_run).collect::<Vec<_>>(),
    })
}

fn to_group(json: &Json) -> Option<Group> {
    let control = match &json["control"] {
        Json::Null => None,
        control => Some(Control {
            broken: list(&control["broken"], to_broken)?,
            trace: control["trace"].as_u64()?,
            is_within_budget: control["within_budget"].as_bool()?,
        }),
    };
    Some(Group {
        variant: index(&json["variant"])?,
        strategy: index(&json["strategy"])?,
        seed: Seed::new(json["seed"].as_u64()?),
        control,
        runs: list(&json["runs"], to_run)?,
    })
}

fn from_run(run: &Run) -> Json {
    let row = |values: &Vec<Value>| values.iter().map(from_value).collect::<Vec<_>>();
    let episode = |episode: &EpisodeRow| {
        json!([
            episode.fleet.0,
            episode.server.0,
            episode.incident,
            episode.rto.map(SimDuration::as_nanos),
            episode.censored_after.as_nanos(),
            episode.recovered_by.map(RecoveredBy::name),
        ])
    };
    let effect = |effect: &Effect| {
        let did = &effect.did;
        json!([
            effect.begins,
            did.hosts,
            did.dropped,
            did.refused,
            did.delayed,
            did.altered
        ])
    };
    json!({
        "seed": run.seed.get(),
        "values": row(&run.values),
        "incidents": run.incidents.iter().map(row).collect::<Vec<_>>(),
        "episodes": run.episodes.iter().map(episode).collect::<Vec<_>>(),
        "broken": run.broken.iter().map(from_broken).collect::<Vec<_>>(),
        "seen": run.seen,
        "effects": run.effects.iter().map(effect).collect::<Vec<_>>(),
        "trace": run.trace,
        "events": run.events,
        "within_budget": run.is_within_budget,
    })
}

fn to_run(json: &Json) -> Option<Run> {
    let row = |json: &Json| list(json, to_value);
    Some(Run {
        seed: Seed::new(json["seed"].as_u64()?),
        values: row(&json["values"])?,
        incidents: list(&json["incidents"], row)?,
        episodes: list(&json["episodes"], to_episode)?,
        broken: list(&json["broken"], to_broken)?,
        seen: list(&json["seen"], Json::as_bool)?,
        effects: list(&json["effects"], to_effect)?,
        trace: json["trace"].as_u64()?,
        events: json["events"].as_u64()?,
        is_within_budget: json["within_budget"].as_bool()?,
    })
}

fn to_episode(json: &Json) -> Option<EpisodeRow> {
    let rto = match &json[3] {
        Json::Null => None,
        nanos => Some(SimDuration::from_nanos(nanos.as_u64()?)),
    };
    let recovered_by = match &json[5] {
        Json::Null => None,
        name => {
            let name = name.as_str()?;
            Some(*RecoveredBy::ALL.iter().find(|way| way.name() == name)?)
        }
    };
    Some(EpisodeRow {
        fleet: FleetId(u16::try_from(json[0].as_u64()?).ok()?),
        server: ServerId(u32::try_from(json[1].as_u64()?).ok()?),
        incident: index(&json[2])?,
        rto,
        censored_after: SimDuration::from_nanos(json[4].as_u64()?),
        recovered_by,
    })
}

fn to_effect(json: &Json) -> Option<Effect> {
    Some(Effect {
        begins: json[0].as_u64()?,
        did: FaultEffects {
            hosts: json[1].as_u64()?,
            dropped: json[2].as_u64()?,
            refused: json[3].as_u64()?,
            delayed: json[4].as_u64()?,
            altered: json[5].as_u64()?,
        },
    })
}

fn from_broken(broken: &Broken) -> Json {
    json!([broken.check, kind_name(broken.kind), broken.evidence])
}

fn to_broken(json: &Json) -> Option<Broken> {
    let kind = json[1].as_str()?;
    let kinds = [
        VerdictKind::ModelLaw,
        VerdictKind::Promise,
        VerdictKind::Eventually,
        VerdictKind::Sometimes,
    ];
    Some(Broken {
        check: json[0].as_str()?.to_owned(),
        kind: kinds.into_iter().find(|known| kind_name(*known) == kind)?,
        evidence: list(&json[2], |text| text.as_str().map(str::to_owned))?,
    })
}

const fn kind_name(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::ModelLaw => "law",
        VerdictKind::Promise => "promise",
        VerdictKind::Eventually => "eventually",
        VerdictKind::Sometimes => "sometimes",
    }
}

fn from_value(value: &Value) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Count(count) => json!(count),
        Value::Number(number) => json!(format!("={number}")),
        Value::Text(text) => json!(format!("'{text}")),
    }
}

fn to_value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Missing,
        Json::String(text) => match text.split_at_checked(1)? {
            ("=", number) => Value::Number(number.parse().ok()?),
            ("'", word) => Value::Text(Cow::Owned(word.to_owned())),
            _ => return None,
        },
        count => Value::Count(count.as_u64()?),
    })
}

fn index(json: &Json) -> Option<usize> {
    usize::try_from(json.as_u64()?).ok()
}

fn list<T>(json: &Json, one: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    json.as_array()?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        let run = Run {
            seed: Seed::new(u64::MAX),
            values: vec![
                Value::Missing,
                Value::Count(u64::MAX),
                Value::Number(0.1 + 0.2),
                Value::Text("heal".into()),
            ],
            incidents: vec![vec![Value::Number(1.0)]],
            episodes: vec![EpisodeRow {
                fleet: FleetId(1),
                server: ServerId(2),
                incident: 0,
                rto: None,
                censored_after: SimDuration::from_secs(900),
                recovered_by: Some(RecoveredBy::None),
            }],
            broken: vec![Broken {
                check: "members converge".to_owned(),
                kind: VerdictKind::Eventually,
                evidence: vec!["at 1s: \"so\"\n".to_owned()],
            }],
            seen: vec![true, false],
            effects: vec![Effect {
                begins: 7,
                did: FaultEffects {
                    hosts: 1,
                    ..FaultEffects::default()
                },
            }],
            trace: 0xffff_ffff_ffff_fffe,
            events: 3,
            is_within_budget: true,
        };
        Group {
            variant: 0,
            strategy: 1,
            seed: Seed::new(u64::MAX),
            control: Some(Control {
                broken: Vec::new(),
                trace: 1,
                is_within_budget: true,
            }),
            runs: vec![run],
        }
    }

    #[test]
    fn what_is_kept_comes_back_equal() {
        let lines = to_lines("this", &[group(), group()]);
        assert_eq!(from_lines("this", &lines), Some(vec![group(), group()]));
    }

    #[test]
    fn each_point_of_a_curve_finds_its_own() {
        let other = Group {
            strategy: 7,
            ..group()
        };
        let parts = [
            to_lines("one", &[group(), group()]),
            to_lines("two", std::slice::from_ref(&other)),
            to_lines("three", &[]),
        ];
        let lines = parts.concat();
        assert_eq!(from_lines("one", &lines), Some(vec![group(), group()]));
        assert_eq!(from_lines("two", &lines), Some(vec![other]));
        assert_eq!(from_lines("three", &lines), Some(Vec::new()));
        assert_eq!(from_lines("four", &lines), None);
    }

    #[test]
    fn what_belongs_elsewhere_or_is_cut_is_not_taken() {
        let lines = to_lines("this", &[group()]);
        assert_eq!(from_lines("that", &lines), None);
        assert_eq!(from_lines("this", &lines[..lines.len() - 20]), None);
    }
}
