//! A process that follows one value for all: it uses a member only while its lease on that value runs.
//!
//! The lease counts from when the process asked, by its own clock; the coordinator counts from when it
//! answered. So the holder always stops first. Source: etcd docs, leases; Consul docs, sessions.

use regionfall_kernel::TraceHash;

use super::super::conduct::LeaseConfig;
use super::super::decider::{Action, LocalTime};
use super::super::note::{Note, Party};
use super::{DRAINED, RENEW};
use crate::topology::MemberId;

/// What a process knows of the value, and its lease on it.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    config: LeaseConfig,
    member: MemberId,
    version: u32,
    until: LocalTime,
    /// The version that it is letting go of.
    letting_go: Option<u32>,
    /// The value that it wants, until it has it.
    wants: Option<MemberId>,
}

impl Holder {
    pub(super) fn new(config: &LeaseConfig, member: MemberId) -> Self {
        Self {
            config: config.clone(),
            member,
            version: 0,
            until: LocalTime(0),
            letting_go: None,
            wants: None,
        }
    }

    /// Whether it may use a member now.
    pub(super) fn may_use(&self, now: LocalTime, member: MemberId) -> bool {
        member == self.member && now < self.until && self.letting_go.is_none()
    }

    /// Asks for another value, now and with every renewal until there is another.
    pub(super) fn propose(&mut self, member: MemberId, out: &mut Vec<Action>) {
        self.wants = Some(member);
        self.repeat_proposal(out);
    }

    fn repeat_proposal(&self, out: &mut Vec<Action>) {
        if let Some(member) = self.wants.filter(|_| self.version > 0) {
            send(
                Note::Propose {
                    version: self.version,
                    member,
                },
                out,
            );
        }
    }

    /// It is time to renew, or what was under way has had its time.
    pub(super) fn timer(&mut self, now: LocalTime, renews: bool, out: &mut Vec<Action>) {
        if renews {
            self.renew(now, out);
            self.repeat_proposal(out);
            out.push(Action::Wake {
                at: now.plus(self.config.renew_every),
                token: RENEW,
            });
        } else if let Some(version) = self.letting_go {
            send(Note::Release { version }, out);
        }
    }

    fn renew(&self, now: LocalTime, out: &mut Vec<Action>) {
        send(
            Note::Renew {
                version: self.version,
                asked: now,
            },
            out,
        );
    }

    /// Takes a note of the coordinator. Gives the member that all traffic goes to from now on.
    pub(super) fn received(
        &mut self,
        now: LocalTime,
        note: Note,
        out: &mut Vec<Action>,
    ) -> Option<MemberId> {
        match note {
            Note::Grant {
                member,
                version,
                asked,
            } if version >= self.version && self.letting_go != Some(version) => {
                let until = asked.plus(self.config.ttl);
                if version == self.version {
                    self.until = LocalTime(self.until.0.max(until.0));
                    return None;
                }
                let is_first = self.version == 0;
                let moves = member != self.member;
                (self.member, self.version, self.until) = (member, version, until);
                self.letting_go = None;
                self.wants = self.wants.filter(|&wanted| is_first && wanted != member);
                if self.config.fencing {
                    out.push(Action::Carry { version });
                }
                moves.then_some(member)
            }
            Note::Revoke { version } if version == self.version => {
                if self.letting_go.is_none() {
                    self.letting_go = Some(version);
                    out.push(Action::Wake {
                        at: now.plus(self.config.drain),
                        token: DRAINED,
                    });
                } else {
                    // The release may have been lost: what was under way then is long over.
                    let is_drained = now >= self.until.plus(self.config.drain);
                    if is_drained {
                        send(Note::Release { version }, out);
                    }
                }
                None
            }
            Note::Changed => {
                self.renew(now, out);
                None
            }
            _ => None,
        }
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        hash.absorb(u64::from(self.version) << 8 | u64::from(self.member.0));
        hash.absorb(self.until.0);
    }
}

fn send(note: Note, out: &mut Vec<Action>) {
    let to = Party::Coordinator;
    out.push(Action::Send { to, note });
}

#[cfg(test)]
mod walk;
