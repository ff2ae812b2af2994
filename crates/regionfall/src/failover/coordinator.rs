//! A coordinator: a service that keeps one value for each fleet, the member to use, and gives leases on it.
//!
//! A change waits until nobody holds the old value: every process has given it back, or its lease has run
//! out. It stands for a cluster (etcd, Consul) that is up as a whole or not at all; elections inside it are
//! not modelled.

use std::collections::BTreeMap;

use regionfall_kernel::{SimDuration, TraceHash};

use super::conduct::LeaseConfig;
use super::decider::{Action, Decider, LocalTime, Sight};
use super::note::{Note, Party};
use crate::topology::MemberId;

/// The coordinator of all fleets.
#[derive(Clone, Debug)]
pub struct Coordinator {
    config: LeaseConfig,
    /// By decider: its fleet.
    fleets: Vec<u16>,
    values: Vec<Keyed>,
}

/// The value of a fleet.
#[derive(Clone, Debug)]
struct Keyed {
    member: MemberId,
    version: u32,
    next: Option<MemberId>,
    leases: BTreeMap<u32, LocalTime>,
    /// Nobody gets the value before this moment.
    locked_until: LocalTime,
}

impl Coordinator {
    /// A coordinator of fleets with their first values; `fleets` has the fleet of each decider.
    pub fn new(config: LeaseConfig, values: &[MemberId], fleets: Vec<u16>) -> Self {
        let keyed = |&member: &MemberId| Keyed {
            member,
            version: 1,
            next: None,
            leases: BTreeMap::new(),
            locked_until: LocalTime(0),
        };
        Self {
            config,
            fleets,
            values: values.iter().map(keyed).collect(),
        }
    }

    fn received(&mut self, now: LocalTime, from: u32, note: Note, out: &mut Vec<Action>) {
        let Some(&fleet) = self.fleets.get(from as usize) else {
            return;
        };
        let lease = self.lease();
        let value = &mut self.values[usize::from(fleet)];
        match note {
            Note::Renew { asked, version } => {
                let (member, current) = (value.member, value.version);
                let answer = if value.next.is_some() {
                    // Nobody who has not got the old value gets it now.
                    (version == current).then_some(Note::Revoke { version })
                } else {
                    value.leases.insert(from, now.plus(lease));
                    Some(Note::Grant {
                        member,
                        version: current,
                        asked,
                    })
                };
                if let Some(note) = answer {
                    let to = Party::Decider(from);
                    out.push(Action::Send { to, note });
                }
            }
            Note::Release { version } if version == value.version => {
                value.leases.remove(&from);
                self.settle(now, usize::from(fleet), out);
            }
            Note::Propose { version, member }
                if version == value.version && value.next.is_none() && member != value.member =>
            {
                value.next = Some(member);
                let holders: Vec<u32> = value.leases.keys().copied().collect();
                for holder in holders {
                    let to = Party::Decider(holder);
                    let note = Note::Revoke { version };
                    out.push(Action::Send { to, note });
                }
                self.settle(now, usize::from(fleet), out);
            }
            _ => {}
        }
    }

    /// How long it takes a lease for running.
    fn lease(&self) -> SimDuration {
        let nanos = self.config.ttl.as_nanos() as f64 * self.config.patience;
        SimDuration::from_nanos_f64(nanos)
    }

    /// Lets a change take effect once nobody holds the old value, or asks to be woken when that may be.
    fn settle(&mut self, now: LocalTime, fleet: usize, out: &mut Vec<Action>) {
        let value = &mut self.values[fleet];
        let Some(next) = value.next else { return };
        let before = value.leases.len();
        value.leases.retain(|_, until| now < *until);
        if value.leases.len() < before {
            value.locked_until = now.plus(self.config.lock_delay);
        }
        let last = value.leases.values().max().copied();
        let wait = last.unwrap_or(value.locked_until);
        if last.is_some() || now < wait {
            out.push(Action::Wake {
                at: wait,
                token: fleet as u32,
            });
            return;
        }
        (value.member, value.next) = (next, None);
        value.version += 1;
        for (decider, _) in (0..)
            .zip(&self.fleets)
            .filter(|&(_, of)| usize::from(*of) == fleet)
        {
            out.push(Action::Send {
                to: Party::Decider(decider),
                note: Note::Changed,
            });
        }
    }
}

#[cfg(test)]
impl Coordinator {
    /// Everything that tells one state of a fleet's value from another.
    pub(super) fn state_of(&self, fleet: usize) -> Vec<u64> {
        let value = &self.values[fleet];
        let next = value.next.map_or(0, |next| u64::from(next.0) + 1);
        let mut state = vec![
            u64::from(value.member.0) | u64::from(value.version) << 8 | next << 40,
            value.locked_until.0,
        ];
        for (&holder, until) in &value.leases {
            state.extend([u64::from(holder), until.0]);
        }
        state
    }
}

impl Decider for Coordinator {
    fn start(&mut self, _now: LocalTime, _actions: &mut Vec<Action>) {}

    fn observe(&mut self, now: LocalTime, sight: Sight, actions: &mut Vec<Action>) {
        match sight {
            Sight::Received { from, note } => self.received(now, from, note, actions),
            Sight::Woken { token } => self.settle(now, token as usize, actions),
            _ => {}
        }
    }

    fn is_usable(&self, _now: LocalTime, member: MemberId) -> bool {
        self.values.iter().any(|value| value.member == member)
    }

    fn hash_into(&self, hash: &mut TraceHash) {
        for value in &self.values {
            hash.absorb(u64::from(value.version) << 8 | u64::from(value.member.0));
            hash.absorb(value.leases.len() as u64);
        }
    }

    fn boxed_clone(&self) -> Box<dyn Decider> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::RegionId;

    fn seconds(count: u64) -> LocalTime {
        LocalTime(count * 1_000_000_000)
    }

    fn etcd(patience: f64, lock: u64) -> Coordinator {
        let config = LeaseConfig {
            region: RegionId(0),
            ttl: SimDuration::from_secs(10),
            renew_every: SimDuration::from_secs(3),
            patience,
            lock_delay: SimDuration::from_secs(lock),
            drain: SimDuration::from_secs(1),
            fencing: true,
        };
        Coordinator::new(config, &[MemberId(0)], vec![0, 0])
    }

    fn tell(coordinator: &mut Coordinator, at: u64, from: u32, note: Note) -> Vec<Action> {
        let mut actions = Vec::new();
        let sight = Sight::Received { from, note };
        coordinator.observe(seconds(at), sight, &mut actions);
        actions
    }

    fn renew(asked: u64) -> Note {
        Note::Renew {
            version: 1,
            asked: seconds(asked),
        }
    }

    const FLIP: Note = Note::Propose {
        version: 1,
        member: MemberId(1),
    };

    fn changed(actions: &[Action]) -> bool {
        actions.iter().any(|action| {
            matches!(
                action,
                Action::Send {
                    note: Note::Changed,
                    ..
                }
            )
        })
    }

    #[test]
    fn a_change_takes_effect_when_the_last_holder_has_let_go() {
        let mut etcd = etcd(1.0, 0);
        tell(&mut etcd, 1, 0, renew(1));
        tell(&mut etcd, 2, 1, renew(2));
        assert!(!changed(&tell(&mut etcd, 3, 0, FLIP)));
        let release = Note::Release { version: 1 };
        assert!(!changed(&tell(&mut etcd, 4, 0, release)));
        assert!(changed(&tell(&mut etcd, 5, 1, release)));
        assert_eq!(etcd.values[0].member, MemberId(1));
    }

    #[test]
    fn a_holder_that_is_cut_off_is_waited_for_and_then_the_lock_delay() {
        for (patience, lock, at) in [(1.0, 0, 11), (2.0, 15, 36)] {
            let mut service = etcd(patience, lock);
            tell(&mut service, 1, 0, renew(1));
            let mut actions = tell(&mut service, 3, 1, FLIP);
            let mut when = 3;
            while !changed(&actions) {
                let wake = actions.iter().find_map(|action| match action {
                    Action::Wake { at, token } => Some((*at, *token)),
                    _ => None,
                });
                let (at, token) = wake.expect("it waits for something");
                when = at.0 / 1_000_000_000;
                actions.clear();
                service.observe(at, Sight::Woken { token }, &mut actions);
            }
            assert_eq!(when, at);
        }
    }

    #[test]
    fn nobody_gets_the_old_value_while_it_changes() {
        let mut etcd = etcd(1.0, 0);
        tell(&mut etcd, 1, 0, renew(1));
        tell(&mut etcd, 2, 1, FLIP);
        let answer = tell(&mut etcd, 3, 1, renew(3));
        assert_eq!(
            answer,
            [Action::Send {
                to: Party::Decider(1),
                note: Note::Revoke { version: 1 }
            }]
        );
    }
}
