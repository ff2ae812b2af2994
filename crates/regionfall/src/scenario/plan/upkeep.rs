//! Work on the nodes of a member, as a table.

use super::print::{Printer, delay, node, percent, span};
use crate::fault::UpkeepTask;
use crate::scenario::read::tree::{Fields, Value};

impl Printer<'_> {
    /// What is done.
    pub(super) fn upkeep(&mut self, task: &UpkeepTask) {
        match task {
            UpkeepTask::PlannedMaintenance {
                node: only,
                reboot,
                window,
            } => {
                if let Some(only) = only {
                    self.put("node", Value::Integer(i64::from(*only)));
                }
                self.text("reboot", &delay(reboot));
                if let Some(window) = window {
                    let spans = [
                        ("opens", window.opens),
                        ("lasts", window.lasts),
                        ("every", window.every),
                    ];
                    let spans =
                        spans.map(|(key, value)| (key.to_owned(), node(Value::Text(span(value)))));
                    self.put("window", Value::Table(Fields(spans.to_vec())));
                }
            }
            UpkeepTask::AddNode => {}
            UpkeepTask::MigrateShard { shard, node } => {
                if *shard != 0 {
                    self.put("shard", Value::Integer(i64::from(*shard)));
                }
                self.put("node", Value::Integer(i64::from(*node)));
            }
            UpkeepTask::MigrateSlots {
                from,
                to,
                share,
                pipeline,
                per_key,
                timeout,
            } => {
                self.put("from", Value::Integer(i64::from(*from)));
                self.put("to", Value::Integer(i64::from(*to)));
                self.text("share", &percent(*share));
                self.put("pipeline", Value::Integer(i64::from(*pipeline)));
                self.text("per_key", &span(*per_key));
                self.text("timeout", &span(*timeout));
            }
            UpkeepTask::MigrateEndpoint { node } => {
                self.put("node", Value::Integer(i64::from(*node)));
            }
        }
    }
}
