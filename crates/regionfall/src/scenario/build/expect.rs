//! What tests expect: `[expect]` and `[replay]`.

use super::{Builder, integer, list, table, text};
use crate::check::SOMETIMES;
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::expect::{Expect, Promised, Replay};
use crate::scenario::read::path;
use crate::scenario::read::tree::{Fields, Node};

impl Builder<'_, '_> {
    pub(crate) fn expect(&mut self, root: &Fields) -> Expect {
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
            replay: self.replay(root),
        }
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
