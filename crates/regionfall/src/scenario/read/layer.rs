//! Layers: extended files under the file, presets under strategies, variants and `--set` over all.

use super::files::Files;
use super::tree::{Fields, Node, Origin, Source, Value};
use super::{document, path};
use crate::failover::{Catalogue, Number, Preset};
use crate::scenario::error::{Place, Problem, ProblemKind};
use crate::scenario::product::Product;
use crate::scenario::schema::{Forms, Kind, ROOT, Table, Tag, Told};

/// A file that stands at the end of a longer chain of `extends` is refused.
const DEEPEST: usize = 16;

/// A value to set over the file: by a variant, or on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Overlay {
    /// The parts of its key path.
    pub(crate) path: Vec<String>,
    /// The value, with the origin to show.
    pub(crate) node: Node,
}

/// Reads a scenario file and those that it extends, the furthest first.
pub(crate) fn read_file(files: &mut Files<'_>, path: &str) -> Result<Fields, Vec<Problem>> {
    let source = files.scenario(path).map_err(|problem| vec![problem])?;
    read_source(files, source, &[path.to_owned()])
}

/// Reads a source that is there already, and the files that it extends.
pub(crate) fn read_source(
    files: &mut Files<'_>,
    source: usize,
    chain: &[String],
) -> Result<Fields, Vec<Problem>> {
    let mut fields = document::read(&files.sources[source], source)?;
    if fields.0.is_empty() {
        let name = files.sources[source].name.clone();
        let mut problem = Problem::new(ProblemKind::Empty, "", "the scenario is empty")
            .help("`regionfall init` writes a commented scenario to start from");
        problem.place = Some(Box::new(Place::file(&name)));
        return Err(vec![problem]);
    }
    let Some(extends) = fields.get("extends").cloned() else {
        return Ok(fields);
    };
    let names: Vec<Node> = match &extends.value {
        Value::List(items) => items.clone(),
        _ => vec![extends.clone()],
    };
    let mut base = Fields::default();
    for name in &names {
        // A value that is no text is reported with the schema's words later.
        let Some(text) = name.text() else { continue };
        let at = name.mark();
        let file = files.resolve(at, text);
        let in_place = |files: &Files<'_>, mut problem: Problem| {
            "extends".clone_into(&mut problem.key);
            problem.place = files.place(at);
            vec![problem]
        };
        if let Some(problem) = endless(chain, &file) {
            return Err(in_place(files, problem));
        }
        let source = files
            .scenario(&file)
            .map_err(|problem| match problem.kind {
                ProblemKind::MissingFile => in_place(files, problem),
                _ => vec![problem],
            })?;
        let mut longer = chain.to_vec();
        longer.push(file);
        let extended = read_source(files, source, &longer)?;
        base = merge_fields(base, extended, |key| {
            ROOT.key(key).map_or(&Kind::Any, |key| &key.kind)
        });
    }
    base.take("extends");
    fields = merge_fields(base, fields, |key| {
        ROOT.key(key).map_or(&Kind::Any, |key| &key.kind)
    });
    Ok(fields)
}

/// What is wrong with a further file at the end of a chain of `extends`, if anything is.
fn endless(chain: &[String], file: &str) -> Option<Problem> {
    if chain.iter().any(|known| known == file) {
        let round: Vec<&str> = chain.iter().map(String::as_str).chain([file]).collect();
        let message = format!("the file comes back to itself: {}", round.join(" -> "));
        return Some(Problem::new(ProblemKind::ExtendsCycle, "", message));
    }
    (chain.len() >= DEEPEST).then(|| {
        let message = format!(
            "`{file}` is the {}th file of a chain: files extend each other at most {DEEPEST} deep",
            chain.len() + 1
        );
        let help = "put some of them together, or name several side by side: `extends = [\"a.toml\", \"b.toml\"]`";
        Problem::new(ProblemKind::ExtendsTooDeep, "", message).help(help)
    })
}

/// Files and variants are put together before anything is set over them: set later, these keys would do nothing.
fn refuse_too_late(key: &str, parts: &[String]) -> Result<(), Problem> {
    let help = match parts.first().map(String::as_str) {
        Some("extends") => {
            "write a file with `extends = [\"a.toml\", \"b.toml\"]`: the later ones win"
        }
        Some("variant") => "change the variants in the file, or pick one with --variant",
        _ => return Ok(()),
    };
    let message = "cannot be set over a scenario: it says which texts a scenario is made of, and is read before";
    Err(Problem::new(ProblemKind::Conflict, key, message).help(help))
}

/// The overlays that `--set` asks for.
pub(crate) fn overrides(
    files: &mut Files<'_>,
    pairs: &[(String, String)],
) -> Result<Vec<Overlay>, Vec<Problem>> {
    let mut overlays = Vec::new();
    let mut problems = Vec::new();
    for (key, value) in pairs {
        match override_of(files, key, value) {
            Ok(overlay) => overlays.push(overlay),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(overlays)
    } else {
        Err(problems)
    }
}

fn override_of(files: &mut Files<'_>, key: &str, value: &str) -> Result<Overlay, Problem> {
    let parts = path::split(key)?;
    refuse_too_late(key, &parts)?;
    // `--set seeds=20` and `--set title="x"` are TOML; `--set calm=5m` is a text without its quotes.
    let literal = Source {
        name: "--set".to_owned(),
        text: value.trim().to_owned(),
    };
    let written = format!("{key} = {}", value.trim());
    let source = files.add("--set", &written);
    let offset = key.len() + 3;
    let mut node = match document::read_value(&literal, source) {
        Ok(node) => node,
        Err(_) => Node::new(Value::Text(value.trim().to_owned()), Origin::Default(None)),
    };
    let end = written.len();
    visit(&mut node, &mut |node| {
        let (start, end) = match &node.origin {
            Origin::File(mark) => (mark.start + offset, mark.end + offset),
            _ => (offset, end),
        };
        node.origin = Origin::Set(super::tree::Mark { source, start, end });
        if let Some(key) = &mut node.key {
            key.start += offset;
            key.end += offset;
        }
    });
    node.key = Some(super::tree::Mark {
        source,
        start: 0,
        end: key.len(),
    });
    Ok(Overlay { path: parts, node })
}

/// The overlays of a variant, as its `set` has them.
pub(crate) fn variant_overlays(name: &str, set: &Fields) -> (Vec<Overlay>, Vec<Problem>) {
    let mut overlays = Vec::new();
    let mut problems = Vec::new();
    for (key, node) in &set.0 {
        let mut node = node.clone();
        let mark = node.key_mark();
        visit(&mut node, &mut |node| {
            if let Origin::File(mark) = node.origin {
                node.origin = Origin::Variant {
                    name: name.to_owned(),
                    mark,
                };
            }
        });
        let path = path::split(key).and_then(|path| refuse_too_late(key, &path).map(|()| path));
        match path {
            Ok(path) => overlays.push(Overlay { path, node }),
            Err(problem) => problems.push((problem, mark)),
        }
    }
    (
        overlays,
        problems.into_iter().map(|(problem, _)| problem).collect(),
    )
}

/// Lays overlays over a tree and presets under its strategies.
pub(crate) fn compose(
    root: &mut Fields,
    overlays: &[Overlay],
    catalogue: &Catalogue,
    files: &Files<'_>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    // What decides on a preset comes before the presets, the rest after them, so that it can reach
    // into what a preset says.
    let is_early = |overlay: &Overlay| {
        overlay
            .path
            .first()
            .is_some_and(|first| first == "strategy")
            && (overlay.path.len() <= 2 || overlay.path.last().is_some_and(|last| last == "preset"))
            || overlay.path == ["database", "product"]
    };
    let mut lay = |root: &mut Fields, overlay: &Overlay| {
        if let Err(mut problem) = path::set(
            root,
            &overlay.path,
            overlay.node.clone(),
            &overlay.node.origin,
        ) {
            problem.place = files.place(overlay.node.key_mark());
            problems.push(problem);
        }
    };
    overlays
        .iter()
        .filter(|overlay| is_early(overlay))
        .for_each(|overlay| lay(root, overlay));
    let mut unknown = expand_presets(root, catalogue, files);
    expand_promotion(root);
    expand_product(root);
    overlays
        .iter()
        .filter(|overlay| !is_early(overlay))
        .for_each(|overlay| lay(root, overlay));
    problems.append(&mut unknown);
    problems
}

fn expand_presets(root: &mut Fields, catalogue: &Catalogue, files: &Files<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(Node {
        value: Value::List(strategies),
        ..
    }) = root.get_mut("strategy")
    else {
        return problems;
    };
    for (index, strategy) in strategies.iter_mut().enumerate() {
        let Value::Table(fields) = &mut strategy.value else {
            continue;
        };
        if fields.get("stack").is_some() {
            let mut found = stacked(fields, index, catalogue, files);
            problems.append(&mut found);
            continue;
        }
        let Some(preset) = fields.get("preset") else {
            continue;
        };
        let Some(name) = preset.text() else { continue };
        let Some(found) = catalogue.get(name) else {
            let key = format!("strategy.{index}.preset");
            let mut problem = Problem::new(
                ProblemKind::UnknownName,
                key,
                format!("there is no preset `{name}`"),
            )
            .got(preset.excerpt())
            .words(name, catalogue.names());
            problem.place = files.place(preset.mark());
            problems.push(problem);
            continue;
        };
        let written = core::mem::take(fields);
        *fields = merge_fields(preset_fields(found), written, |key| {
            strategy_kind().key(key).map_or(&Kind::Any, |key| &key.kind)
        });
    }
    problems
}

/// Lays several presets under a strategy, each of which says something else: who chooses the member, what stands in
/// front of each, who takes a dead proxy's place.
fn stacked(
    fields: &mut Fields,
    index: usize,
    catalogue: &Catalogue,
    files: &Files<'_>,
) -> Vec<Problem> {
    let key = format!("strategy.{index}.stack");
    let Some(stack) = fields.get("stack").cloned() else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let mut report = |problem: Problem, mark| {
        let mut problem = problem;
        problem.place = files.place(mark);
        problems.push(problem);
    };
    if let Some(preset) = fields.get("preset") {
        let message = "`stack` and `preset` do not go together";
        let problem = Problem::new(ProblemKind::Conflict, &key, message)
            .help("put the preset into the stack");
        report(problem, preset.key_mark());
    }
    let mut base = Fields::default();
    let mut said: Vec<(&'static str, &str)> = Vec::new();
    for item in stack.list().unwrap_or_default() {
        let Some(name) = item.text() else { continue };
        let Some(preset) = catalogue.get(name) else {
            let message = format!("there is no preset `{name}`");
            let problem = Problem::new(ProblemKind::UnknownName, &key, message)
                .got(item.excerpt())
                .words(name, catalogue.names());
            report(problem, item.mark());
            continue;
        };
        let mut over = preset_fields(preset);
        let parts: Vec<&'static str> = PARTS
            .iter()
            .filter(|(keys, _)| keys.iter().any(|key| over.get(key).is_some()))
            .map(|&(_, what)| what)
            .collect();
        let clash = said.iter().find(|(what, _)| parts.contains(what));
        if let Some((what, other)) = clash {
            let message = format!("both `{other}` and `{name}` say {what}");
            let problem = Problem::new(ProblemKind::Conflict, &key, message)
                .got(item.excerpt())
                .allowed("presets of which each says something else");
            report(problem, item.mark());
            continue;
        }
        said.extend(parts.into_iter().map(|part| (part, name)));
        if base.get("client").is_some() {
            over.take("client");
        }
        base = merge_fields(base, over, |_| &Kind::Any);
    }
    let written = core::mem::take(fields);
    *fields = merge_fields(base, written, |key| {
        strategy_kind().key(key).map_or(&Kind::Any, |key| &key.kind)
    });
    problems
}

/// What a preset may say, by the keys of a strategy that say it.
const PARTS: [(&[&str], &str); 4] = [
    (
        &["vantage", "propagation"],
        "who chooses the member, and how traffic gets there",
    ),
    (&["balancer"], "what stands in front of each member"),
    (&["takeover"], "who takes a dead proxy's place"),
    (&["syncer"], "what configures balancers"),
];

/// Lays the preset of `[database.promotion]` under it. A name that there is not is reported where words are checked.
fn expand_promotion(root: &mut Fields) {
    let Some(Value::Table(database)) = root.get_mut("database").map(|node| &mut node.value) else {
        return;
    };
    let Some(Value::Table(fields)) = database.get_mut("promotion").map(|node| &mut node.value)
    else {
        return;
    };
    let catalogue = Catalogue::promotion();
    let name = fields.get("preset").and_then(Node::text);
    if let Some(preset) = name.and_then(|name| catalogue.get(name)) {
        let written = core::mem::take(fields);
        *fields = merge_fields(preset_fields(preset), written, |_| &Kind::Any);
    }
}

/// Lays the defaults of the product under the database. One that does not exist is reported with the schema's words.
fn expand_product(root: &mut Fields) {
    let Some(Node {
        value: Value::Table(fields),
        ..
    }) = root.get_mut("database")
    else {
        return;
    };
    let product = fields.get("product").and_then(Node::text);
    let Some(product) = product.and_then(Product::named) else {
        return;
    };
    let written = core::mem::take(fields);
    let defaults = numbered_fields(&product.name, &product.numbers);
    *fields = merge_fields(defaults, written, |key| {
        database_kind().key(key).map_or(&Kind::Any, |key| &key.kind)
    });
}

fn database_kind() -> &'static Table {
    match ROOT.key("database").map(|key| &key.kind) {
        Some(Kind::Table(table)) => table,
        _ => &ROOT,
    }
}

fn strategy_kind() -> &'static Table {
    match ROOT.key("strategy").map(|key| &key.kind) {
        Some(Kind::List(Kind::Table(table))) => table,
        _ => &ROOT,
    }
}

/// What a preset says, as a tree.
fn preset_fields(preset: &Preset) -> Fields {
    numbered_fields(&preset.name, &preset.numbers)
}

fn numbered_fields(name: &str, numbers: &[Number]) -> Fields {
    let mut root = Fields::default();
    for number in numbers {
        let origin = Origin::Preset {
            name: name.to_owned(),
            grade: number.grade,
        };
        let source = Source {
            name: name.to_owned(),
            text: number.value.clone(),
        };
        // A string's own text has lost its quotes: its span is that of the whole value.
        let Ok(mut node) = document::read_value(&source, 0) else {
            continue;
        };
        visit(&mut node, &mut |node| {
            node.origin = origin.clone();
            node.key = None;
        });
        let parts: Vec<&str> = number.key.split('.').collect();
        plant(&mut root, &parts, node, &origin);
    }
    root
}

fn plant(fields: &mut Fields, path: &[&str], node: Node, origin: &Origin) {
    let [key, rest @ ..] = path else { return };
    let Some(next) = rest.first() else {
        fields.set(key, node);
        return;
    };
    let index: Option<usize> = next.parse().ok();
    if fields.get(key).is_none() {
        let value = if index.is_some() {
            Value::List(Vec::new())
        } else {
            Value::Table(Fields::default())
        };
        fields.set(key, Node::new(value, origin.clone()));
    }
    match (fields.get_mut(key).map(|child| &mut child.value), index) {
        (Some(Value::Table(inner)), None) => plant(inner, rest, node, origin),
        (Some(Value::List(items)), Some(index)) => {
            while items.len() <= index {
                items.push(Node::new(Value::Table(Fields::default()), origin.clone()));
            }
            if let Value::Table(inner) = &mut items[index].value {
                plant(inner, &rest[1..], node, origin);
            }
        }
        _ => {}
    }
}

/// Lays one table over another: key by key where both hold tables of one form, whole otherwise.
fn merge_fields(mut base: Fields, over: Fields, kind_of: impl Fn(&str) -> &'static Kind) -> Fields {
    for (key, node) in over.0 {
        let merged = match base.take(&key) {
            Some(old) => merge(&old, node, kind_of(&key)),
            None => node,
        };
        base.0.push((key, merged));
    }
    base
}

/// Lays one value over another.
pub(crate) fn merge(base: &Node, over: Node, kind: &'static Kind) -> Node {
    let (Value::Table(old), Value::Table(new)) = (&base.value, &over.value) else {
        return over;
    };
    let child_kind = match table_kind(kind) {
        None => return over,
        Some(TableKind::Plain(table)) => table,
        Some(TableKind::Forms(forms)) => match (told(forms, old), told(forms, new)) {
            (Told::Form(was), Told::Form(is)) if was != is => return over,
            (_, Told::UnknownWord) => return over,
            (Told::Form(form), _) | (_, Told::Form(form)) => forms.list[form].table,
            _ => forms.list[0].table,
        },
    };
    let fields = merge_fields(old.clone(), new.clone(), |key| {
        child_kind.key(key).map_or(&Kind::Any, |key| &key.kind)
    });
    Node {
        value: Value::Table(fields),
        origin: over.origin,
        key: over.key.or(base.key),
    }
}

enum TableKind {
    Plain(&'static Table),
    Forms(&'static Forms),
}

fn table_kind(kind: &'static Kind) -> Option<TableKind> {
    match kind {
        Kind::Table(table) => Some(TableKind::Plain(table)),
        Kind::Forms(forms) => Some(TableKind::Forms(forms)),
        Kind::Either(first, second) => table_kind(first).or_else(|| table_kind(second)),
        _ => None,
    }
}

/// The form that a table has.
pub(crate) fn told(forms: &Forms, fields: &Fields) -> Told {
    let seen = forms.told(
        |key| fields.get(key).and_then(Node::text),
        |key| fields.get(key).is_some(),
    );
    if seen != Told::Nothing || !matches!(forms.tag, Tag::Presence) {
        return seen;
    }
    // No marking key: the form that alone knows one of the keys.
    forms
        .list
        .iter()
        .position(|form| {
            fields
                .0
                .iter()
                .any(|(key, _)| form.table.key(key).is_some())
        })
        .map_or(Told::Nothing, Told::Form)
}

/// Visits a value and all within it.
pub(crate) fn visit(node: &mut Node, act: &mut impl FnMut(&mut Node)) {
    act(node);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| visit(item, act)),
        Value::Table(fields) => fields.0.iter_mut().for_each(|(_, child)| visit(child, act)),
        _ => {}
    }
}
