//! Reading steps, and what is expected after them.

use std::ops::RangeInclusive;

use super::field::{Reader, Table};
use crate::conflict::group;
use crate::conflict::{
    Action, Compare, EffectExpectation, Expectation, Label, Literal, Step, Wanted, Who,
};
use crate::scenario::read::tree::{Node, Value};
use crate::scenario::{Problem, ProblemKind};

/// What a wall clock may say: up to the year 2286.
const CLOCK_MS: RangeInclusive<i64> = 0..=9_999_999_999_999;
/// How far all clocks may move in a step: up to about 30 years.
const ADVANCE_MS: RangeInclusive<i64> = 0..=1_000_000_000_000;

/// What a step may do, by the key that says so, with the keys that go with it.
const ACTIONS: [(&str, &[&str]); 4] = [
    (
        "cmd",
        &["at", "replica", "cmd", "reply", "compare", "clock_ms"],
    ),
    ("sync", &["at", "sync"]),
    ("deliver", &["at", "deliver"]),
    ("advance_ms", &["at", "advance_ms"]),
];
/// How an expectation says what it wants.
const WANTED: [&str; 4] = ["result", "nil", "error", "any_of"];

impl Reader<'_> {
    pub(super) fn step(&mut self, table: &Table<'_>, replicas: usize) -> Option<Step> {
        let at = self.label(table);
        let (name, known) = self.one_of(table, &ACTIONS.map(|(name, _)| name), "a step")?;
        let known = ACTIONS[known].1;
        if !self.goes_with(table, name, known) {
            return None;
        }
        let action = match name {
            "cmd" => self.command_step(table, replicas),
            "sync" => self.sync(table, replicas),
            "deliver" => self.deliver(table, replicas),
            _ => {
                let milliseconds = self.whole(table, "advance_ms", ADVANCE_MS);
                milliseconds.map(|milliseconds| Action::Advance {
                    milliseconds: milliseconds as u64,
                })
            }
        };
        Some(Step {
            at: at?,
            action: action?,
        })
    }

    pub(super) fn expectation(
        &mut self,
        table: &Table<'_>,
        replicas: usize,
    ) -> Option<Expectation> {
        let keys = [
            "at", "replica", "cmd", "result", "nil", "error", "any_of", "compare",
        ];
        let is_right = self.only(table, &keys);
        let at = self.label(table);
        let who = self.who(table, replicas);
        let command = self.command(table);
        if !is_right {
            return None;
        }
        let compare = self.compare(table);
        let (name, _) = self.one_of(table, &WANTED, "an expectation")?;
        let node = table.fields.get(name)?;
        let wanted = match name {
            "result" => self
                .literal(node, table.at(name), compare?)
                .map(Wanted::Value),
            "any_of" => self.any_of(node, table.at(name), compare?),
            _ => self.only_true(table, name),
        };
        if matches!(name, "nil" | "error") && table.has("compare") {
            let message = format!("`compare` does not go with `{name}`");
            self.conflict(table, "compare", message);
        }
        Some(Expectation {
            at: at?,
            who: who?,
            command: command?,
            wanted: wanted?,
            compare: compare?,
        })
    }

    pub(super) fn effect(
        &mut self,
        table: &Table<'_>,
        replicas: usize,
    ) -> Option<EffectExpectation> {
        let keys = ["at", "replica", "kind", "key", "id", "replicated"];
        self.only(table, &keys);
        let at = self.label(table);
        let replica = self.replica(table, replicas);
        let kind = self.kind(table);
        let (key, id) = (self.text(table, "key"), self.text(table, "id"));
        self.require(table, "replicated", "true or false");
        let replicated = self.flag(table, "replicated");
        Some(EffectExpectation {
            at: at?,
            replica: replica?,
            kind: kind?,
            key,
            id,
            replicated: replicated?,
        })
    }

    fn kind(&mut self, table: &Table<'_>) -> Option<String> {
        self.require(table, "kind", "the command that names the effect");
        let text = self.text(table, "kind")?;
        let known = group::effect_kinds();
        let upper = text.to_uppercase();
        if known.contains(&upper) {
            return Some(upper);
        }
        let problem = Problem::new(
            ProblemKind::UnknownName,
            table.at("kind"),
            "there is no such kind of effect",
        )
        .got(format!("{text:?}"))
        .allowed("a command that writes, such as `DEL` or `XACK`")
        .words(&text, known.iter().map(String::as_str));
        self.report(problem, table.fields.get("kind").and_then(Node::mark));
        None
    }

    fn command_step(&mut self, table: &Table<'_>, replicas: usize) -> Option<Action> {
        let replica = self.replica(table, replicas);
        let command = self.command(table);
        let compare = self.compare(table);
        let reply = match table.fields.get("reply") {
            Some(node) => Some(Wanted::Value(self.literal(
                node,
                table.at("reply"),
                compare?,
            )?)),
            None => None,
        };
        if reply.is_none() && table.has("compare") {
            let message = "`compare` says how a `reply` is compared, but there is none".to_owned();
            self.conflict(table, "compare", message);
        }
        let clock_ms = self.whole(table, "clock_ms", CLOCK_MS);
        if clock_ms.is_none() && table.has("clock_ms") {
            return None;
        }
        Some(Action::Command {
            replica: replica?,
            command: command?,
            reply,
            compare: compare?,
            clock_ms: clock_ms.map(|clock_ms| clock_ms as u64),
        })
    }

    fn sync(&mut self, table: &Table<'_>, replicas: usize) -> Option<Action> {
        let node = table.fields.get("sync")?;
        let allowed = "\"all\" or a list of two or more replicas";
        match &node.value {
            Value::Text(text) if text == "all" => Some(Action::Sync { between: None }),
            Value::Text(text) => {
                let message = "there is no such exchange";
                let problem = Problem::new(ProblemKind::UnknownName, table.at("sync"), message)
                    .got(node.excerpt())
                    .words(text, ["all"])
                    .allowed(allowed);
                self.report(problem, node.mark());
                None
            }
            Value::List(items) => {
                let mut between = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let key = format!("{}.{index}", table.at("sync"));
                    let number = self.replica_of(item, key.clone(), replicas)?;
                    if between.contains(&number) {
                        let message = format!("replica {number} stands here twice");
                        let problem = Problem::new(ProblemKind::NamedTwice, key, message);
                        self.report(problem, item.mark());
                        return None;
                    }
                    between.push(number);
                }
                if between.len() < 2 {
                    let message = "an exchange needs two replicas";
                    let problem = Problem::new(ProblemKind::OutOfRange, table.at("sync"), message)
                        .allowed(allowed);
                    self.report(problem, node.mark());
                    return None;
                }
                Some(Action::Sync {
                    between: Some(between),
                })
            }
            _ => {
                self.wrong_type(node, table.at("sync"), allowed);
                None
            }
        }
    }

    fn deliver(&mut self, table: &Table<'_>, replicas: usize) -> Option<Action> {
        let inner = self.table(table, "deliver")?;
        if !self.only(&inner, &["from", "to"]) {
            return None;
        }
        let mut ends = [None, None];
        for (end, key) in ends.iter_mut().zip(["from", "to"]) {
            if self.require(&inner, key, "a replica")
                && let Some(node) = inner.fields.get(key)
            {
                *end = self.replica_of(node, inner.at(key), replicas);
            }
        }
        let (from, to) = (ends[0]?, ends[1]?);
        if from == to {
            let problem = Problem::new(
                ProblemKind::Conflict,
                inner.path.clone(),
                "a replica has no link to itself",
            )
            .allowed("two replicas that differ");
            self.report(problem, inner.mark);
            return None;
        }
        Some(Action::Deliver { from, to })
    }

    fn label(&mut self, table: &Table<'_>) -> Option<Label> {
        if !self.require(table, "at", "a label such as \"t1\"") {
            return None;
        }
        let text = self.text(table, "at")?;
        let number = text
            .strip_prefix('t')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        if number.is_none() {
            let message = "a label of time is a `t` and a number";
            let problem = Problem::new(ProblemKind::Unreadable, table.at("at"), message)
                .got(format!("{text:?}"))
                .allowed("\"t0\", \"t1\", … up to \"t4294967295\"");
            self.report(problem, table.fields.get("at").and_then(Node::mark));
        }
        number.map(Label)
    }

    fn who(&mut self, table: &Table<'_>, replicas: usize) -> Option<Who> {
        let is_all = table.fields.get("replica").and_then(Node::text) == Some("all");
        if is_all {
            return Some(Who::All);
        }
        if let Some(node) = table.fields.get("replica")
            && let Some(text) = node.text()
        {
            let problem = Problem::new(
                ProblemKind::UnknownName,
                table.at("replica"),
                "there is no such replica",
            )
            .got(node.excerpt())
            .words(text, ["all"])
            .allowed(format!("1 to {replicas}, or \"all\""));
            self.report(problem, node.mark());
            return None;
        }
        self.replica(table, replicas).map(Who::One)
    }

    fn replica(&mut self, table: &Table<'_>, replicas: usize) -> Option<usize> {
        if !self.require(table, "replica", "the number of a replica") {
            return None;
        }
        let node = table.fields.get("replica")?;
        self.replica_of(node, table.at("replica"), replicas)
    }

    fn replica_of(&mut self, node: &Node, key: String, replicas: usize) -> Option<usize> {
        let number = self.whole_of(node, key, 1..=replicas.cast_signed() as i64);
        number.map(|number| number as usize)
    }

    fn command(&mut self, table: &Table<'_>) -> Option<Vec<String>> {
        if !self.require(
            table,
            "cmd",
            "a list of texts: the command and its arguments",
        ) {
            return None;
        }
        let (node, key) = (table.fields.get("cmd")?, table.at("cmd"));
        let Some(items) = node.list() else {
            self.wrong_type(node, key, "a list of texts");
            return None;
        };
        if items.is_empty() {
            let problem = Problem::new(ProblemKind::OutOfRange, key, "the command is empty")
                .allowed("the command and its arguments");
            self.report(problem, node.mark());
            return None;
        }
        let mut words = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(text) = item.text() else {
                self.wrong_type(item, format!("{key}.{index}"), "a text");
                return None;
            };
            words.push(text.to_owned());
        }
        Some(words)
    }

    fn compare(&mut self, table: &Table<'_>) -> Option<Compare> {
        if table.has("compare") {
            self.word(table, "compare", &Compare::WORDS)
        } else {
            Some(Compare::Exact)
        }
    }

    fn any_of(&mut self, node: &Node, key: String, compare: Compare) -> Option<Wanted> {
        let Some(items) = node.list() else {
            self.wrong_type(node, key, "a list of acceptable results");
            return None;
        };
        if items.is_empty() {
            let problem = Problem::new(ProblemKind::OutOfRange, key, "no result is acceptable")
                .allowed("one or more results");
            self.report(problem, node.mark());
            return None;
        }
        let mut literals = Vec::new();
        for (index, item) in items.iter().enumerate() {
            literals.push(self.literal(item, format!("{key}.{index}"), compare)?);
        }
        Some(Wanted::AnyOf(literals))
    }

    /// A value that can be compared so.
    fn literal(&mut self, node: &Node, key: String, compare: Compare) -> Option<Literal> {
        let Some(literal) = literal(node) else {
            self.wrong_type(node, key, "a text, a number, a list or a table");
            return None;
        };
        let is_nil = matches!(&literal, Literal::Text(text) if text == Literal::NIL);
        if let (Some(allowed), false) = (compare.misfit(&literal), is_nil) {
            let how = Compare::WORDS
                .iter()
                .find(|(_, known)| *known == compare)
                .map_or(String::new(), |(word, _)| format!(" with `{word}`"));
            let problem = Problem::new(
                ProblemKind::WrongType,
                key,
                format!("no answer can be compared{how} to this"),
            )
            .got(match &node.value {
                Value::List(_) | Value::Table(_) => node.shape().to_owned(),
                _ => node.excerpt(),
            })
            .allowed(allowed);
            let problem = match (&literal, compare) {
                (Literal::Map(_), Compare::Exact) => problem.help("add `compare = \"map\"`"),
                (Literal::Number(_), Compare::Exact) => problem.help("add `compare = \"float\"`"),
                _ => problem,
            };
            self.report(problem, node.mark());
            return None;
        }
        Some(literal)
    }

    fn only_true(&mut self, table: &Table<'_>, name: &str) -> Option<Wanted> {
        match self.flag(table, name)? {
            true if name == "nil" => Some(Wanted::Nil),
            true => Some(Wanted::Error),
            false => {
                let message = format!("`{name} = false` says nothing about the answer");
                let problem = Problem::new(ProblemKind::OutOfRange, table.at(name), message)
                    .allowed(format!("`{name} = true`, or a `result`"));
                self.report(problem, table.fields.get(name).and_then(Node::mark));
                None
            }
        }
    }

    /// Which one of several keys a table has, with its place among them.
    fn one_of(
        &mut self,
        table: &Table<'_>,
        names: &[&'static str],
        what: &str,
    ) -> Option<(&'static str, usize)> {
        let mut found = (0..names.len()).filter(|&index| table.has(names[index]));
        let Some(index) = found.next() else {
            let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let listed = listed.join(", ");
            // A slip of the pen in the very key that matters.
            let unknown = table.fields.0.iter().find(|(name, _)| {
                !["at", "replica", "cmd", "reply", "compare", "clock_ms"].contains(&name.as_str())
            });
            let problem = match unknown {
                Some((name, _)) => Problem::new(
                    ProblemKind::UnknownKey,
                    table.at(name),
                    format!("unknown key `{name}`"),
                )
                .words(name, names.iter().copied()),
                None => Problem::new(
                    ProblemKind::MissingKey,
                    table.path.clone(),
                    format!("{what} needs one of {listed}"),
                ),
            };
            let mark = unknown.and_then(|(_, node)| node.key_mark()).or(table.mark);
            self.report(problem, mark);
            return None;
        };
        if let Some(second) = found.next() {
            let message = format!(
                "`{}` and `{}` do not go together",
                names[index], names[second]
            );
            self.conflict(table, names[second], message);
            return None;
        }
        Some((names[index], index))
    }

    /// Whether a table has only keys that go with its main one.
    fn goes_with(&mut self, table: &Table<'_>, name: &str, known: &[&str]) -> bool {
        let elsewhere = |key: &str| ACTIONS.iter().any(|(_, keys)| keys.contains(&key));
        let stray = table
            .fields
            .0
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()) && elsewhere(key));
        match stray {
            Some((key, _)) => {
                self.conflict(table, key, format!("`{key}` does not go with `{name}`"));
                false
            }
            None => self.only(table, known),
        }
    }

    fn conflict(&mut self, table: &Table<'_>, key: &str, message: String) {
        let problem = Problem::new(ProblemKind::Conflict, table.at(key), message);
        self.report(problem, table.fields.get(key).and_then(Node::key_mark));
    }
}

/// A value as it is written; `None` for what no answer can be.
fn literal(node: &Node) -> Option<Literal> {
    Some(match &node.value {
        Value::Text(text) => Literal::Text(text.clone()),
        Value::Integer(number) => Literal::Integer(*number),
        Value::Number(number) => Literal::Number(*number),
        Value::List(items) => Literal::List(items.iter().map(literal).collect::<Option<_>>()?),
        Value::Table(fields) => {
            let pairs = fields.0.iter();
            let pairs = pairs.map(|(name, value)| Some((name.clone(), literal(value)?)));
            Literal::Map(pairs.collect::<Option<_>>()?)
        }
        Value::Flag(_) | Value::Date => return None,
    })
}
