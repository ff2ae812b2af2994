//! Heartbeats through the database: messages published on every member, and expected from every other.
//!
//! ```text
//! nothing of m comes out of m, on any channel, or its connection is lost → m is down
//! m is there, and nothing of it comes out of any live peer               → m is isolated
//! ```
//!
//! Source: Redis docs, application failover with Active-Active databases: publish and subscribe on each
//! member, one channel for each shard.

use regionfall_kernel::{SimDuration, TraceHash};

use super::super::decider::{Action, LocalTime};
use super::super::evidence::{Channels, HeartbeatConfig, Isolated};
use super::{BEAT, ClientJudge, SILENT, scaled};
use crate::topology::MemberId;

/// What a process hears.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    config: HeartbeatConfig,
    channels: u16,
    members: usize,
    /// When a message last came, by where it was published, where it was heard, and channel.
    last: Vec<LocalTime>,
    lost: Vec<bool>,
    up: Vec<bool>,
    alarm: Option<LocalTime>,
}

impl Hearing {
    pub(super) fn new(config: HeartbeatConfig, members: usize) -> Self {
        let channels = match config.channels {
            Channels::One => 1,
            Channels::PerShard => config.shards.max(1),
            Channels::PerRange(ranges) => ranges.max(config.shards),
        };
        Self {
            config,
            channels,
            members,
            last: vec![LocalTime(0); members * members * usize::from(channels)],
            lost: vec![false; members],
            up: vec![true; members],
            alarm: None,
        }
    }

    pub(super) fn interval(&self) -> SimDuration {
        self.config.every
    }

    pub(super) fn start(
        &mut self,
        now: LocalTime,
        phase: f64,
        order: &[MemberId],
        out: &mut Vec<Action>,
    ) {
        self.last.fill(now.plus(self.config.every));
        for &member in order {
            out.push(Action::Subscribe { member });
        }
        out.push(Action::Wake {
            at: now.plus(scaled(self.config.every, phase)),
            token: BEAT,
        });
    }

    pub(super) fn is_up(&self, index: usize) -> bool {
        self.up[index]
    }

    fn place(&self, from: usize, to: usize, channel: u16) -> usize {
        (from * self.members + to) * usize::from(self.channels) + usize::from(channel)
    }

    pub(super) fn heard(&mut self, now: LocalTime, (from, to): (usize, usize), channel: u16) {
        let place = self.place(from, to, channel);
        self.last[place] = now;
        self.lost[to] = false;
    }

    pub(super) fn lost(&mut self, index: usize) {
        self.lost[index] = true;
    }

    /// The next messages; connections that were lost are opened again.
    fn beat(&mut self, now: LocalTime, order: &[MemberId], out: &mut Vec<Action>) {
        for (index, &member) in order.iter().enumerate() {
            if self.lost[index] {
                out.push(Action::Subscribe { member });
            }
            for channel in 0..self.channels {
                out.push(Action::Beat { member, channel });
            }
        }
        out.push(Action::Wake {
            at: now.plus(self.config.every),
            token: BEAT,
        });
    }

    /// Whether everything on the way from one member to another comes through.
    fn is_open(&self, now: LocalTime, from: usize, to: usize) -> bool {
        (0..self.channels).all(|channel| {
            let last = self.last[self.place(from, to, channel)];
            now.since(last) <= self.config.silence || last > now
        })
    }

    /// Finds out anew who is up.
    fn review(&mut self, now: LocalTime) {
        let is_there: Vec<bool> = (0..self.members)
            .map(|index| !self.lost[index] && self.is_open(now, index, index))
            .collect();
        for index in 0..self.members {
            let mut peers = (0..self.members).filter(|&peer| peer != index && is_there[peer]);
            let is_isolated = self.config.isolated == Isolated::Leaves
                && peers.clone().next().is_some()
                && peers.all(|peer| !self.is_open(now, index, peer));
            self.up[index] = is_there[index] && !is_isolated;
        }
    }

    /// Asks to be woken when the next channel will have been silent for too long.
    fn plan(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        if self.alarm.is_some() {
            return;
        }
        let moment = SimDuration::from_nanos(1);
        let limits = self.last.iter().map(|last| last.plus(self.config.silence));
        if let Some(next) = limits.filter(|&at| at >= now).min() {
            let at = next.plus(moment);
            self.alarm = Some(at);
            out.push(Action::Wake { at, token: SILENT });
        }
    }

    pub(super) fn hash_into(&self, hash: &mut TraceHash) {
        self.last.iter().for_each(|last| hash.absorb(last.0));
    }
}

impl ClientJudge {
    /// The next heartbeat is due, or a channel may have been silent for too long.
    pub(super) fn listen(&mut self, now: LocalTime, token: u32, out: &mut Vec<Action>) {
        if let Some(hearing) = &mut self.hearing {
            if token == BEAT {
                hearing.beat(now, &self.order, out);
            } else {
                hearing.alarm = None;
            }
        }
        self.review_hearing(now, out);
    }

    /// Acts on what is heard now.
    pub(super) fn review_hearing(&mut self, now: LocalTime, out: &mut Vec<Action>) {
        let Some(hearing) = &mut self.hearing else {
            return;
        };
        hearing.review(now);
        hearing.plan(now, out);
        for index in 0..self.order.len() {
            self.reassess(now, index, out);
        }
    }
}
