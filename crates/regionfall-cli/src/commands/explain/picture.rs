//! From a story to a diagram of space and time.

use regionfall::explore::Explanation;
use regionfall::fault::{FaultKind, PlannedFault};
use regionfall::topology::MemberId;
use regionfall_kernel::SimTime;
use regionfall_report::plot::{Mark, Message, Move, SpaceTime, Strike};

/// The diagram of a run: from shortly before the first thing of interest to shortly after the last.
pub(super) fn of(story: &Explanation) -> SpaceTime {
    let label = story.outcome.label();
    let ends = seconds(story.outcome.account().shape.calm_ends);
    let strikes = story
        .outcome
        .fault_effects()
        .iter()
        .flat_map(|(fault, _)| strikes(fault, story, ends));
    let strikes: Vec<Strike> = strikes.collect();
    let messages: Vec<Message> = story
        .arrows
        .iter()
        .map(|arrow| Message {
            left: (arrow.from.index(), seconds(arrow.left)),
            arrived: (arrow.to.index(), seconds(arrow.arrived)),
        })
        .collect();
    let moves: Vec<Move> = story
        .outcome
        .account()
        .adoptions
        .iter()
        .map(|adoption| Move {
            at: seconds(adoption.at),
            from: adoption.from.index(),
            to: adoption.to.index(),
        })
        .collect();
    let marks = marks(story);
    let moments = strikes
        .iter()
        .flat_map(|strike| [strike.from, strike.to])
        .chain(moves.iter().map(|one| one.at))
        .chain(marks.iter().map(|mark| mark.at));
    let (mut from, mut to) = (f64::INFINITY, 0.0_f64);
    for moment in moments {
        from = from.min(moment);
        to = to.max(moment);
    }
    if !from.is_finite() {
        (from, to) = (0.0, ends);
    }
    let margin = ((to - from) * 0.05).max(0.1);
    SpaceTime {
        title: format!("{}, {}, seed {}", label.strategy, label.case, label.seed),
        places: story.names.members.clone(),
        from: (from - margin).max(0.0),
        to: (to + margin).min(ends),
        strikes,
        messages,
        moves,
        marks,
    }
}

/// On which lines a fault shows.
fn strikes(fault: &PlannedFault, story: &Explanation, ends: f64) -> Vec<Strike> {
    let places: Vec<usize> = match &fault.kind {
        FaultKind::RegionOutage { region, .. } | FaultKind::ZoneOutage { region, .. } => {
            vec![region.index()]
        }
        FaultKind::ProcessCrash { member, .. }
        | FaultKind::HostCrash { member, .. }
        | FaultKind::Hang { member, .. }
        | FaultKind::FsyncStall { member, .. }
        | FaultKind::DiskLost { member, .. }
        | FaultKind::Restore { member }
        | FaultKind::Promote { member, .. } => vec![member.index()],
        FaultKind::Partition { paths, .. }
        | FaultKind::Latency { paths, .. }
        | FaultKind::Loss { paths, .. } => {
            let mut regions: Vec<usize> = paths
                .from
                .iter()
                .chain(&paths.to)
                .map(|region| region.index())
                .collect();
            regions.sort_unstable();
            regions.dedup();
            regions
        }
        FaultKind::Degraded(degradation) => degradation
            .member()
            .map(MemberId::index)
            .into_iter()
            .collect(),
        FaultKind::Membership(change) => vec![change.member.index()],
        FaultKind::Upkeep(upkeep) => vec![upkeep.member.index()],
        FaultKind::Routing(fault) => fault.place().iter().map(|region| region.index()).collect(),
        FaultKind::SyncerStopped { member, .. } | FaultKind::RestartSyncers { member } => {
            vec![member.index()]
        }
        FaultKind::FailOver { member, .. } | FaultKind::Recreate { member } => {
            member.iter().map(|member| member.index()).collect()
        }
    };
    let to = if fault.ends == SimTime::NEVER {
        ends
    } else {
        seconds(fault.ends)
    };
    places
        .into_iter()
        .filter(|place| *place < story.names.members.len())
        .map(|place| Strike {
            place,
            from: seconds(fault.begins),
            to,
            label: fault.kind.word().replace('-', " "),
        })
        .collect()
}

/// Where writes that were lost were executed, and where their copies ended.
fn marks(story: &Explanation) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for chain in &story.lost {
        let place = chain.write.member.index();
        for step in &chain.steps {
            let is_death = step.is_death;
            let is_birth = step.text.ends_with("executes it");
            if !is_death && !is_birth {
                continue;
            }
            let mark = Mark {
                place,
                at: seconds(step.at),
                label: if is_death {
                    "copies end".to_owned()
                } else {
                    chain.write.operation.to_string()
                },
                is_death,
            };
            let is_new = marks
                .iter()
                .all(|known| known.at.to_bits() != mark.at.to_bits() || known.place != mark.place);
            if is_new {
                marks.push(mark);
            }
        }
    }
    marks
}

fn seconds(at: SimTime) -> f64 {
    at.since_start().as_secs_f64()
}
