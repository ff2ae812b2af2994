//! The schema as JSON Schema (draft 2020-12), which editors use for completion and checking.

use serde_json::{Map, Value, json};

use super::{Default, Form, Forms, Key, Kind, ROOT, Table, Tag};
use crate::failover::Catalogue;
use crate::scenario::read::leaf;

/// The JSON Schema of scenario files. It checks the shape of a file; ranges of quantities and what
/// depends on other keys is left to [`Scenario::load`](crate::scenario::Scenario::load).
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = hoist(table(&ROOT, None), &mut definitions);
    if let Value::Object(map) = &mut schema {
        map.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        map.insert("title".to_owned(), json!("Regionfall scenario"));
        // A file that extends another one need not repeat what that one says.
        map.remove("required");
        map.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

/// A part that several places share: it will be defined once, under its name.
fn shared(name: &str, schema: &Value) -> Value {
    let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    json!({ SHARED: name, "schema": schema })
}

/// The key that marks a shared part until it is hoisted.
const SHARED: &str = "$shared";

/// Moves shared parts to the definitions and refers to them. What stands beside a part (its description
/// in this place) stays.
fn hoist(value: Value, definitions: &mut Map<String, Value>) -> Value {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| hoist(item, definitions))
            .collect(),
        Value::Object(mut map) => {
            let name = map.remove(SHARED);
            let part = name.as_ref().and_then(|_| map.remove("schema"));
            if let (Some(Value::String(name)), Some(part)) = (name, part) {
                if !definitions.contains_key(&name) {
                    let part = hoist(part, definitions);
                    definitions.insert(name.clone(), part);
                }
                map.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
                return Value::Object(map);
            }
            map.into_iter()
                .map(|(key, inner)| (key, hoist(inner, definitions)))
                .collect()
        }
        plain => plain,
    }
}

fn table(table: &Table, tag: Option<(&str, &str)>) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some((key, word)) = tag {
        properties.insert(key.to_owned(), json!({ "const": word }));
        required.push(key);
    }
    for key in table.keys {
        properties.insert(key.name.to_owned(), described(key));
        // What a strategy's parts must have, its preset may give.
        if matches!(key.default, Default::Required)
            && matches!(key.name, "name" | "region" | "kind" | "at" | "lasts")
        {
            required.push(key.name);
        }
    }
    let mut additional = json!(false);
    if let Some(open) = &table.open {
        let mut inner = kind(&open.kind);
        describe(&mut inner, open.doc);
        match open.known {
            Some(known) => {
                let inner = shared(&format!("{} entry", table.title), &inner);
                for name in known() {
                    properties.entry(name).or_insert_with(|| inner.clone());
                }
            }
            None => additional = inner,
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "additionalProperties": additional,
    });
    if let (false, Value::Object(map)) = (required.is_empty(), &mut schema) {
        map.insert("required".to_owned(), json!(required));
    }
    schema
}

fn described(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    let default = match key.default {
        Default::Text(text) => Some(json!(text)),
        Default::Integer(number) => Some(json!(number)),
        Default::Number(number) => Some(json!(number)),
        Default::Flag(flag) => Some(json!(flag)),
        Default::Required | Default::Absent(_) | Default::Derived(_) | Default::Empty => None,
    };
    describe(&mut schema, key.doc);
    if let (Value::Object(map), Some(default)) = (&mut schema, default) {
        map.insert("default".to_owned(), default);
    }
    schema
}

fn describe(schema: &mut Value, doc: &str) {
    if let Value::Object(map) = schema {
        map.insert("description".to_owned(), json!(doc));
    }
}

fn kind(what: &Kind) -> Value {
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern, "markdownDescription": leaf::allowed(what) });
    match what {
        Kind::Text | Kind::Region | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Share(..) => pattern(r"^\s*[0-9][0-9_.]*\s*%\s*$"),
        Kind::Duration(..) => pattern(r"^\s*(0|[0-9][0-9_.]*\s*(ns|us|µs|ms|s|m|h|d))\s*$"),
        Kind::Delay => pattern(
            r"^\s*(0|[0-9][0-9_.]*\s*(ns|us|µs|ms|s|m|h|d)|(constant|uniform|exponential|lognormal|pareto_exp|quantiles|empirical|file)\(.*\))\s*$",
        ),
        Kind::Size(..) => pattern(r"^\s*(0|[0-9][0-9_.]*\s*(B|[kK]B|MB|GB|KiB|MiB|GiB|TiB))\s*$"),
        Kind::Bandwidth => pattern(r"^\s*[0-9][0-9_.]*\s*([kKMG]i?B|B|[kMG]?bit)/s\s*$"),
        Kind::Rate => pattern(r"^\s*[0-9][0-9_.]*\s*/[smhd]\s*$"),
        Kind::Popularity => pattern(r"^\s*(uniform|zipf\(\s*[0-9.]+\s*\))\s*$"),
        Kind::Word(words) => {
            let words: Vec<Value> = words
                .iter()
                .map(|(word, doc)| json!({ "const": word, "description": doc }))
                .collect();
            json!({ "oneOf": words })
        }
        Kind::Limit => json!({ "type": ["string", "number"] }),
        Kind::Preset => {
            let catalogue = Catalogue::embedded();
            let presets: Vec<Value> = catalogue
                .list()
                .iter()
                .map(|preset| json!({ "const": preset.name, "description": preset.summary }))
                .collect();
            json!({ "oneOf": presets })
        }
        Kind::Table(inner) => shared(inner.title, &table(inner, None)),
        Kind::Forms(inner) => shared(inner.title, &forms(inner)),
        Kind::List(inner) => json!({ "type": "array", "items": kind(inner) }),
        Kind::Either(first, second) => json!({ "anyOf": [kind(first), kind(second)] }),
        Kind::Any => json!({}),
    }
}

fn forms(forms: &Forms) -> Value {
    let one = |form: &Form| match forms.tag {
        Tag::Value(tag) => table(form.table, Some((tag, form.word))),
        Tag::Presence => table(form.table, None),
    };
    let mut inner: Vec<Value> = forms.list.iter().map(one).collect();
    if let Tag::Value(tag) = forms.tag {
        // Beside a preset, the tag may be left out.
        for (form, schema) in forms.list.iter().zip(&mut inner) {
            let is_optional = form.table.keys.iter().all(|key| key.name != "at");
            if let (true, Value::Object(map)) = (is_optional && tag != "class", schema) {
                map.remove("required");
            }
        }
    }
    json!({ "anyOf": inner, "description": forms.doc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_table_and_closes_it() {
        let schema = json_schema();
        // Follows references on the way.
        let find = |pointer: &str| {
            pointer
                .split('/')
                .skip(1)
                .try_fold(schema.clone(), |place, step| {
                    let next = match step.parse::<usize>() {
                        Ok(index) => place.get(index)?.clone(),
                        Err(_) => place.get(step)?.clone(),
                    };
                    let target = next.get("$ref").and_then(Value::as_str);
                    match target.map(|target| schema.pointer(target.trim_start_matches('#'))) {
                        Some(target) => target.cloned(),
                        None => Some(next),
                    }
                })
        };
        for pointer in [
            "/properties/phases/properties/storm",
            "/properties/topology/properties/regions/items",
            "/properties/workload/properties/fleet/items/properties/rate/pattern",
            "/properties/strategy/items/properties/preset/oneOf/2/const",
            "/properties/objectives/properties/rto_target",
        ] {
            assert!(find(pointer).is_some(), "{pointer}");
        }
        assert_eq!(schema.pointer("/additionalProperties"), Some(&json!(false)));
    }
}
