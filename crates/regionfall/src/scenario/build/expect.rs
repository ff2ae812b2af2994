//! What tests expect: `[expect]` and `[replay]`.

use super::{Builder, inner, integer, list, table, text};
use crate::check::SOMETIMES;
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::expect::{Expect, KnownFailure, Promised, Replay};
use crate::scenario::model::Variant;
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node};

impl Builder<'_, '_> {
    pub(crate) fn expect(&mut self, root: &Fields, variants: &[Variant]) -> Expect {
        let fields = table(root, "expect");
        let mut sometimes = Vec::new();
        for (index, node) in list(fields, "sometimes").iter().enumerate() {
            let Some(name) = node.text() else { continue };
            if SOMETIMES.contains(&name) {
                sometimes.push(name.to_owned());
                continue;
            }
            let problem = Problem::new(
                ProblemKind::UnknownName,
                format!("expect.sometimes.{index}"),
                format!("nothing named `{name}` is looked for"),
            )
            .got(node.excerpt())
            .words(name, SOMETIMES.iter().copied());
            self.report(problem, node.mark());
        }
        Expect {
            sometimes,
            promises: list(fields, "promises")
                .iter()
                .filter_map(|node| Promised::from_word(node.text()?))
                .collect(),
            fails: list(fields, "fails")
                .iter()
                .enumerate()
                .map(|(index, node)| self.known_failure(node, index, variants))
                .collect(),
            replay: self.replay(root),
        }
    }

    fn known_failure(&mut self, node: &Node, index: usize, variants: &[Variant]) -> KnownFailure {
        let here = path::item("expect.fails", node, index);
        let settings = || variants.iter().map(|variant| &variant.settings);
        let cases = settings().flat_map(|settings| settings.cases.iter().map(|case| &case.name));
        let strategies = settings().flat_map(|settings| {
            let strategies = settings.strategies.iter();
            strategies.map(|strategy| &strategy.name)
        });
        let variants = variants.iter().map(|variant| &variant.name);
        KnownFailure {
            variant: self.name_if_given(node, &here, "variant", variants),
            case: self.name_if_given(node, &here, "case", cases),
            strategy: self.name_if_given(node, &here, "strategy", strategies),
            what: text(inner(node), "what").to_owned(),
        }
    }

    /// A name that may be left out, and must be known otherwise.
    fn name_if_given<'n>(
        &mut self,
        node: &Node,
        here: &str,
        key: &str,
        known: impl Iterator<Item = &'n String>,
    ) -> Option<String> {
        let written = inner(node).get(key)?;
        let name = written.text()?;
        let mut known: Vec<&str> = known.map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        if !known.contains(&name) {
            let message = format!("there is no {key} `{name}`");
            let problem = Problem::new(ProblemKind::UnknownName, path::join(here, key), message);
            self.report(
                problem.got(written.excerpt()).words(name, known),
                written.mark(),
            );
        }
        Some(name.to_owned())
    }

    fn replay(&mut self, root: &Fields) -> Option<Replay> {
        root.get("replay")?;
        let fields = table(root, "replay");
        let hash = fields.get("expect").and_then(Node::text);
        let expect = hash.and_then(|hash| u64::from_str_radix(hash, 16).ok());
        if let (Some(_), None) = (hash, expect) {
            let node = fields.get("expect");
            let problem = Problem::new(
                ProblemKind::Unreadable,
                path::join("replay", "expect"),
                "is no trace hash",
            )
            .got(node.map(Node::excerpt).unwrap_or_default())
            .allowed("16 hexadecimal digits, as `regionfall run` prints them");
            self.report(problem, node.and_then(Node::mark));
        }
        let broken = text(fields, "broken");
        Some(Replay {
            seed: integer::<i64>(fields, "seed") as u64,
            model: integer(fields, "model"),
            expect,
            broken: (!broken.is_empty()).then(|| broken.to_owned()),
        })
    }
}
