//! Small histories in which the right answer is obvious, and the words to tell them.

#![expect(
    clippy::expect_used,
    reason = "a column that is missing is a broken test"
)]

mod conflicts;
mod incidents;
mod promises;
mod reads;
mod requests;
mod tables;
mod verdicts;
mod writes;

use std::sync::Arc;

use regionfall::check::{everyone_served, single_writer};
use regionfall::fault::{
    Disks, FaultKind, InFlight, PathSelector, PlannedFault, Silence, TrafficScope,
};
use regionfall::history::{CopyEnd, Ending, Fact, Ledger, Traffic};
use regionfall::metric::{Metrics, RecoveredBy, Value};
use regionfall::topology::{DeciderId, FaultId, FleetId, MemberId, RegionId, ServerId};
use regionfall_crdt::CommandKind;
use regionfall_crdt::CommandKind::{Del, Get, Incr, SAdd, SRem, Set};
use regionfall_kernel::SimTime;

use crate::vocabulary::{Story, crash, ms, shape};

const STRING: u32 = 0;
const COUNTER: u32 = 1;
const MEMBERS: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];

fn story(faults: Vec<PlannedFault>) -> Story {
    Story::new(shape(3, faults))
}

fn sync_all(story: &mut Story) {
    for (source, target) in MEMBERS {
        if story.up[source] && story.up[target] {
            story.sync(source, target);
        }
    }
}

/// Server 0 writes every 100 ms from `from` to `to`, at `member`, answered after 2 ms.
fn serve(story: &mut Story, server: u32, member: u8, from: u64, to: u64) {
    for at in (from..to).step_by(100) {
        let operation = story.at(at).issue(server, STRING + 3 * server, Set);
        story
            .send(operation, 0, member)
            .execute(operation, 0, member, 0);
        story.at(at + 2).ack(operation, member);
    }
}

/// Server 0 asks at `at` and gets nothing but a timeout a second later.
fn time_out(story: &mut Story, server: u32, member: u8, at: u64) {
    let operation = story.at(at).issue(server, STRING, Set);
    story
        .send(operation, 0, member)
        .at(at + 900)
        .end(operation, 0, member, Ending::Unknown);
}

fn number(metrics: &Metrics, column: &str) -> Option<f64> {
    metrics.get(column).expect("a column").as_f64()
}

fn cut_of(id: u16, scope: TrafficScope, from: u16, to: u16) -> PlannedFault {
    let paths = PathSelector {
        from: vec![RegionId(from)],
        to: vec![RegionId(to)],
        zone: None,
        both_ways: true,
        scope,
    };
    let kind = FaultKind::Partition {
        paths,
        mode: Silence::Silent,
        in_flight: InFlight::Lost,
    };
    PlannedFault {
        kind,
        ..crash(id, 0, Disks::Kept)
    }
}
