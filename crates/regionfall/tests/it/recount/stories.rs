//! Generated histories: requests, retries, syncs, crashes and moves in any order.

use super::*;

/// One step of a random history: what, and which.
pub(super) type Step = (u8, u8, u8, u8);

#[derive(Default)]
struct Pending {
    /// Operation, attempt, member, whether executed.
    open: Vec<(u32, u8, u8, bool)>,
    /// Attempts that the client gave up and a member may still execute.
    zombies: Vec<(u32, u8, u8)>,
}

/// A history that keeps the rules of a replicated store, from random steps.
pub(super) fn history(steps: &[Step]) -> Story {
    let faults = vec![
        crash(0, 0, Disks::Lost),
        crash(1, 1, Disks::Kept),
        crash(2, 2, Disks::Lost),
    ];
    let mut story = Story::new(shape(4, faults));
    let mut using = [0_u8, 1, 2, 0];
    let mut cut = [[false; 3]; 3];
    let mut pending = Pending::default();
    for &(what, a, b, c) in steps {
        // Odd nanoseconds, so that no two things happen at one moment.
        story.now += 1_000_001 + u64::from(c) * u64::from(c) * 50_003;
        let (member, other) = (a % 3, b % 3);
        match what % 16 {
            0..=4 => {
                let server = u32::from(a % 4);
                let key = u32::from(b % 6);
                let choices: &[CommandKind] = match key % 3 {
                    0 => &[CommandKind::Set, CommandKind::Set, CommandKind::Del],
                    1 => &[CommandKind::Incr, CommandKind::Incr, CommandKind::Del],
                    _ => &[CommandKind::SAdd, CommandKind::SRem, CommandKind::SAdd],
                };
                let command = if what % 16 == 4 {
                    CommandKind::Get
                } else {
                    choices[usize::from(c) % 3]
                };
                let operation = story.issue(server, key, command);
                let target = using[server as usize];
                story.send(operation, 0, target);
                let is_executed = story.up[usize::from(target)] && c % 5 != 0;
                if is_executed {
                    story.execute(operation, 0, target, i64::from(c % 7) * 1_000);
                }
                if is_executed && c % 4 != 0 {
                    story.now += 7;
                    story.ack(operation, target);
                } else {
                    pending.open.push((operation, 0, target, is_executed));
                }
            }
            5 | 6 => advance(&mut story, &mut pending, &using, a, b, c),
            7..=10 => {
                let (source, target) = (usize::from(member), usize::from(other));
                if source != target && !cut[source][target] && story.up[source] && story.up[target]
                {
                    for origin in 0..story.applied[source].len() {
                        let known = story.applied[target][origin];
                        story.apply(target, source, origin, known + 1 + u64::from(c % 4));
                    }
                }
            }
            11 if member != other => {
                cut[usize::from(member)][usize::from(other)] = true;
                story.cut(member, other);
            }
            12 if story.up[usize::from(member)] && story.up[usize::from(other)] => {
                if std::mem::take(&mut cut[usize::from(member)][usize::from(other)]) {
                    story.mend(member, other);
                }
            }
            13 if story.up.iter().all(|up| *up) && c % 2 == 0 => {
                let disks = if member == 1 {
                    Disks::Kept
                } else {
                    Disks::Lost
                };
                story.stop(member, u16::from(member), disks);
            }
            13 | 14 => {
                if let Some(down) = story.up.iter().position(|up| !up) {
                    story.restart(down as u8, down as u16);
                }
            }
            _ => {
                let server = a % 4;
                let from = using[usize::from(server)];
                if from != other {
                    using[usize::from(server)] = other;
                    story.adopt(u32::from(server), from, other);
                }
            }
        }
    }
    drain(&mut story);
    story
}

/// An operation under way takes its next step: executed, acknowledged, given up, or tried again.
fn advance(story: &mut Story, pending: &mut Pending, using: &[u8], a: u8, b: u8, c: u8) {
    if a.is_multiple_of(4) && !pending.zombies.is_empty() {
        let (operation, attempt, member) = pending
            .zombies
            .remove(usize::from(b) % pending.zombies.len());
        if story.up[usize::from(member)] {
            story.execute(operation, attempt, member, 0);
        }
        return;
    }
    if pending.open.is_empty() {
        return;
    }
    let index = usize::from(b) % pending.open.len();
    let (operation, attempt, member, is_executed) = pending.open[index];
    let is_up = story.up[usize::from(member)];
    match (is_executed, c % 4) {
        (true, 0 | 1) => {
            pending.open.remove(index);
            story.end(operation, attempt, member, Ending::Acknowledged);
        }
        (false, 0 | 1) if is_up => {
            pending.open[index].3 = true;
            story.execute(operation, attempt, member, -1_000);
        }
        (_, 2) => {
            pending.open.remove(index);
            story.end(operation, attempt, member, Ending::Unknown);
            if !is_executed {
                pending.zombies.push((operation, attempt, member));
            }
        }
        (_, 3) if attempt < 3 => {
            let server = story.operations[operation as usize].0;
            let target = using[server as usize];
            if !is_executed {
                pending.zombies.push((operation, attempt, member));
            }
            story.send(operation, attempt + 1, target);
            pending.open[index] = (operation, attempt + 1, target, false);
        }
        _ => {}
    }
}

/// All that can still spread spreads.
fn drain(story: &mut Story) {
    story.now = story.now.max(story.shape.calm_ends.as_nanos() + 1);
    for _ in 0..2 {
        for (source, target) in [(0, 1), (1, 2), (2, 0), (0, 2), (2, 1), (1, 0)] {
            if story.up[source] && story.up[target] {
                story.sync(source, target);
            }
        }
    }
}
