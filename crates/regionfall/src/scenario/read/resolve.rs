//! A tree against the schema: unknown keys, wrong values and missing keys are found, and every default
//! is filled in.

use super::files::Files;
use super::tree::{Fields, Mark, Node, Origin, Value};
use super::{layer, leaf, path};
use crate::scenario::error::{Problem, ProblemKind, ScenarioError};
use crate::scenario::schema::{Default, Forms, Key, Kind, Table, Tag, Told};

/// Goes through a tree and collects what is wrong with it.
pub(crate) struct Resolver<'a, 'b> {
    /// The files, for data files that values name and for places in messages.
    pub(crate) files: &'a mut Files<'b>,
    /// What was found wrong.
    pub(crate) problems: Vec<Problem>,
}

/// A table being resolved: its path, and where to point if something in it is missing.
#[derive(Clone, Copy)]
struct Here<'p> {
    path: &'p str,
    mark: Option<Mark>,
}

impl Resolver<'_, '_> {
    /// Checks the whole tree and fills in its defaults.
    pub(crate) fn root(&mut self, fields: Fields, table: &'static Table) -> Fields {
        self.table(
            fields,
            table,
            None,
            Here {
                path: "",
                mark: None,
            },
        )
    }

    fn table(
        &mut self,
        mut fields: Fields,
        table: &'static Table,
        tag: Option<&'static str>,
        here: Here<'_>,
    ) -> Fields {
        let mut out = Fields::default();
        if let Some(node) = tag.and_then(|tag| fields.take(tag).map(|node| (tag, node))) {
            out.0.push((node.0.to_owned(), node.1));
        }
        for key in table.keys {
            let place = path::join(here.path, key.name);
            let node = match fields.take(key.name) {
                Some(node) => Some(self.value(node, &key.kind, &place)),
                None => self.default(key, &place, here),
            };
            if let Some(node) = node {
                out.0.push((key.name.to_owned(), node));
            }
        }
        for (name, node) in fields.0 {
            let place = path::join(here.path, &name);
            let open = table.open.as_ref();
            let is_known = open.is_some_and(|open| {
                open.known
                    .is_none_or(|known| known().contains(&name.as_str()))
            });
            if let (Some(open), true) = (open, is_known) {
                let node = self.value(node, &open.kind, &place);
                out.0.push((name, node));
            } else {
                self.unknown_key(table, tag, &name, &node, &place);
            }
        }
        out
    }

    fn unknown_key(
        &mut self,
        table: &Table,
        tag: Option<&'static str>,
        name: &str,
        node: &Node,
        place: &str,
    ) {
        let message = match &table.open {
            Some(open) => format!("`{name}` is not {}", open.name),
            None => format!("unknown key `{name}`"),
        };
        let names: Vec<&str> = tag.into_iter().chain(table.names()).collect();
        let mut problem = Problem::new(ProblemKind::UnknownKey, place, message);
        if let (Some(open), true) = (&table.open, names.len() > 30) {
            problem = problem.allowed(open.doc);
        }
        let problem = problem.words(name, names);
        self.report(problem, node.key_mark());
    }

    fn value(&mut self, node: Node, kind: &'static Kind, path: &str) -> Node {
        self.value_of(node, kind, kind, path)
    }

    fn value_of(
        &mut self,
        node: Node,
        kind: &'static Kind,
        whole: &'static Kind,
        path: &str,
    ) -> Node {
        let Node { value, origin, key } = node;
        match (kind, value) {
            (Kind::Either(first, second), value) => {
                let node = Node { value, origin, key };
                let chosen =
                    if fits(first, &node) || !(fits(second, &node) || prefers(second, &node)) {
                        first
                    } else {
                        second
                    };
                self.value_of(node, chosen, whole, path)
            }
            (Kind::Table(table), Value::Table(fields)) => {
                let here = Here {
                    path,
                    mark: key.or_else(|| origin.mark()),
                };
                let fields = self.table(fields, table, None, here);
                Node {
                    value: Value::Table(fields),
                    origin,
                    key,
                }
            }
            (Kind::Forms(forms), Value::Table(fields)) => {
                let here = Here {
                    path,
                    mark: key.or_else(|| origin.mark()),
                };
                let fields = self.forms(fields, forms, here);
                Node {
                    value: Value::Table(fields),
                    origin,
                    key,
                }
            }
            (Kind::List(inner), Value::List(items)) => {
                let items = items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let place = path::item(path, &item, index);
                        self.value(item, inner, &place)
                    })
                    .collect();
                Node {
                    value: Value::List(items),
                    origin,
                    key,
                }
            }
            (kind, value) => {
                let node = Node { value, origin, key };
                if let Err(problem) = leaf::check(&node, kind, whole, path, self.files) {
                    self.report(problem, node.mark());
                }
                node
            }
        }
    }

    fn forms(&mut self, fields: Fields, forms: &'static Forms, here: Here<'_>) -> Fields {
        let tag = match forms.tag {
            Tag::Value(tag) => Some(tag),
            Tag::Presence => None,
        };
        let words = || forms.list.iter().map(|form| form.word);
        match (layer::told(forms, &fields), tag) {
            (Told::Form(index), _) => {
                let form = &forms.list[index];
                let fields = self.without_other_forms(fields, forms, index, here.path);
                self.table(fields, form.table, tag, here)
            }
            (Told::UnknownWord, Some(tag)) => {
                if let Some(node) = fields.get(tag) {
                    let place = path::join(here.path, tag);
                    let problem = Problem::new(
                        ProblemKind::UnknownName,
                        place,
                        format!("there is no such {tag}"),
                    )
                    .got(node.excerpt())
                    .words(node.text().unwrap_or_default(), words());
                    self.report(problem, node.mark());
                }
                fields
            }
            (_, Some(tag)) if fields.0.is_empty() || forms.list[0].table.keys.is_empty() => {
                let word = Node::new(
                    Value::Text(forms.list[0].word.to_owned()),
                    Origin::Default(None),
                );
                let mut with_tag = Fields(vec![(tag.to_owned(), word)]);
                with_tag.0.extend(fields.0);
                self.table(with_tag, forms.list[0].table, Some(tag), here)
            }
            (_, Some(tag)) => {
                let problem = Problem::new(
                    ProblemKind::MissingKey,
                    path::join(here.path, tag),
                    format!("`{tag}` is missing"),
                )
                .words("", words());
                self.report(problem, here.mark);
                fields
            }
            (_, None) => self.table(fields, forms.list[0].table, None, here),
        }
    }

    /// Says so if keys of two forms stand together, and drops those of the other.
    fn without_other_forms(
        &mut self,
        mut fields: Fields,
        forms: &Forms,
        chosen: usize,
        path: &str,
    ) -> Fields {
        if !matches!(forms.tag, Tag::Presence) {
            return fields;
        }
        let mine = &forms.list[chosen];
        for (index, form) in forms.list.iter().enumerate() {
            if index == chosen {
                continue;
            }
            if let Some(node) = fields.take(form.word) {
                let message = format!("`{}` and `{}` do not go together", mine.word, form.word);
                let problem =
                    Problem::new(ProblemKind::Conflict, path::join(path, form.word), message);
                self.report(problem, node.key_mark());
            }
        }
        fields
    }

    fn default(&mut self, key: &'static Key, path: &str, here: Here<'_>) -> Option<Node> {
        let origin = Origin::Default(key.basis.as_ref().map(|basis| basis.grade));
        let value = match key.default {
            Default::Required => {
                let problem = Problem::new(
                    ProblemKind::MissingKey,
                    path,
                    format!("`{}` is missing", key.name),
                )
                .allowed(leaf::allowed(&key.kind));
                self.report(problem, here.mark);
                return None;
            }
            Default::Absent(_) | Default::Derived(_) => return None,
            Default::Text(text) => Value::Text(text.to_owned()),
            Default::Integer(number) => Value::Integer(number),
            Default::Number(number) => Value::Number(number),
            Default::Flag(flag) => Value::Flag(flag),
            Default::Empty => return Some(self.empty(&key.kind, origin, path)),
        };
        Some(Node::new(value, origin))
    }

    fn empty(&mut self, kind: &'static Kind, origin: Origin, path: &str) -> Node {
        let nothing = Here { path, mark: None };
        let value = match kind {
            Kind::Table(table) => Value::Table(self.table(Fields::default(), table, None, nothing)),
            Kind::Forms(forms) => Value::Table(self.forms(Fields::default(), forms, nothing)),
            Kind::Either(first, second) => {
                let inner = if matches!(second, Kind::Table(_) | Kind::Forms(_)) {
                    second
                } else {
                    first
                };
                return self.empty(inner, origin, path);
            }
            _ => Value::List(Vec::new()),
        };
        Node::new(value, origin)
    }

    fn report(&mut self, mut problem: Problem, mark: Option<Mark>) {
        if self.problems.len() < ScenarioError::SOUGHT {
            problem.place = self.files.place(mark).or_else(|| self.files.whole());
            self.problems.push(problem);
        }
    }
}

/// Whether a value has the shape of a kind.
fn fits(kind: &Kind, node: &Node) -> bool {
    match (kind, &node.value) {
        (Kind::Word(words), Value::Text(text)) => words.iter().any(|(word, _)| word == text),
        (Kind::Table(_) | Kind::Forms(_), Value::Table(_))
        | (Kind::List(_), Value::List(_))
        | (Kind::Integer(..), Value::Integer(_))
        | (Kind::Limit, Value::Integer(_) | Value::Number(_) | Value::Text(_))
        | (
            Kind::Region
            | Kind::Path
            | Kind::Text
            | Kind::Delay
            | Kind::Duration(..)
            | Kind::Size(..),
            Value::Text(_),
        ) => true,
        _ => false,
    }
}

/// Whether a message about the kind helps more than one about the other: numbers lack a unit.
fn prefers(kind: &Kind, node: &Node) -> bool {
    matches!(kind, Kind::Delay | Kind::Duration(..))
        && matches!(node.value, Value::Integer(_) | Value::Number(_))
}
