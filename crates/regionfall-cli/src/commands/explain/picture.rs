//! From a story to a diagram of space and time.

use regionfall::explore::Explanation;
use regionfall::fault::{FaultKind, PlannedFault};
use regionfall::topology::MemberId;
use regionfall_kernel::SimTime;
use regionfall_report::plot::{Closer, Mark, Message, Move, SpaceTime, Strike};

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
    let (from, to) = ((from - margin).max(0.0), (to + margin).min(ends));
    SpaceTime {
        title: format!("{}, {}, seed {}", label.strategy, label.case, label.seed),
        places: story.names.members.clone(),
        closer: closer(to - from, &strikes, &marks),
        from,
        to,
        strikes,
        messages,
        moves,
        marks,
    }
}

/// The stretch from the first lost write to the end of the last copy, if it is too short to be read in a
/// whole of so many seconds: with the fault that began near it.
fn closer(whole: f64, strikes: &[Strike], marks: &[Mark]) -> Option<Closer> {
    /// What takes a larger share of the whole can be read there.
    const SHORT: f64 = 1.0 / 8.0;
    /// Less than that cannot be told apart, seconds.
    const SHORTEST: f64 = 0.004;
    let first = marks.iter().map(|mark| mark.at).reduce(f64::min)?;
    let last = marks.iter().map(|mark| mark.at).reduce(f64::max)?;
    let near = (last - first).max(SHORTEST);
    let began = strikes
        .iter()
        .map(|strike| strike.from)
        .filter(|began| (first - near..=last + near).contains(began));
    let (from, to) = began.fold((first, last), |(from, to), began| {
        (from.min(began), to.max(began))
    });
    let margin = ((to - from) * 0.15).max(SHORTEST / 2.0);
    let (from, to) = ((from - margin).max(0.0), to + margin);
    (to - from < whole * SHORT).then(|| Closer {
        from,
        to,
        label: "what became of the lost writes".to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: f64, is_death: bool) -> Mark {
        Mark {
            place: 0,
            at,
            label: String::new(),
            is_death,
        }
    }

    #[test]
    fn what_takes_milliseconds_is_drawn_closer_with_the_fault_beside_it() {
        let outage = Strike {
            place: 0,
            from: 33.04,
            to: 633.0,
            label: String::new(),
        };
        let later = Strike {
            from: 80.0,
            ..outage.clone()
        };
        let marks = [mark(33.0, false), mark(33.05, true)];
        let strikes = [outage, later];
        let found = closer(800.0, &strikes, &marks).unwrap();
        assert!(found.from > 32.9 && found.from < 33.0, "{found:?}");
        assert!(found.to > 33.05 && found.to < 33.2, "{found:?}");
        // Where the whole is as short, or nothing was lost, there is nothing to be drawn closer.
        assert_eq!(closer(0.1, &strikes, &marks), None);
        assert_eq!(closer(800.0, &strikes, &[]), None);
    }
}
