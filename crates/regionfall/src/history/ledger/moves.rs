//! Who moved where, and who said so: adoptions, published answers, verdicts.

use regionfall_kernel::SimTime;

use crate::topology::{DeciderId, FleetId, MemberId, ServerId};

/// An app server sends new operations to another member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adoption {
    /// Who.
    pub server: ServerId,
    /// The member that it left.
    pub from: MemberId,
    /// The member that it uses now.
    pub to: MemberId,
    /// Since when.
    pub at: SimTime,
    /// Its first sign of life towards the new member: a connection begun, or an attempt sent.
    pub attempted: Option<SimTime>,
    /// Its first connection to the new member since then.
    pub connected: Option<SimTime>,
}

/// A fleet's answer changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publication {
    /// Whose answer.
    pub fleet: FleetId,
    /// What it named before.
    pub from: MemberId,
    /// What it names now.
    pub to: MemberId,
    /// Since when.
    pub at: SimTime,
}

/// A judge changed its mind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Who.
    pub decider: DeciderId,
    /// The app server whose client it is, if it serves only one.
    pub server: Option<ServerId>,
    /// About whom.
    pub member: MemberId,
    /// Up or down.
    pub healthy: bool,
    /// When.
    pub at: SimTime,
}

/// All moves of a run.
#[derive(Clone, Debug)]
pub(super) struct Moves {
    members: usize,
    pub adoptions: Vec<Adoption>,
    pub publications: Vec<Publication>,
    pub judgements: Vec<Judgement>,
    /// By server: the member it uses.
    current: Vec<u8>,
    /// By server: its newest adoption, plus one, until its first connection and attempt are known.
    awaiting: Vec<u32>,
    /// By fleet: what its answer names.
    answers: Vec<u8>,
    /// `[home * members + member]`: when a server of that home population moved there last.
    adopted: Vec<Option<u64>>,
    /// By member: when anybody moved there last.
    adopted_by_any: Vec<Option<u64>>,
}

impl Moves {
    pub(super) fn new(members: usize, current: Vec<u8>, answers: Vec<u8>) -> Self {
        Self {
            members,
            adoptions: Vec::new(),
            publications: Vec::new(),
            judgements: Vec::new(),
            awaiting: vec![0; current.len()],
            current,
            answers,
            adopted: vec![None; members * members],
            adopted_by_any: vec![None; members],
        }
    }

    #[inline]
    pub(super) fn current(&self, server: u32) -> u8 {
        self.current[server as usize]
    }

    #[inline]
    pub(super) fn newest_adoption(&self, member: usize) -> Option<u64> {
        self.adopted_by_any[member]
    }

    #[inline]
    pub(super) fn last_adoption(&self, home: usize, member: usize) -> Option<u64> {
        self.adopted[home * self.members + member]
    }

    pub(super) fn adopt(
        &mut self,
        at: SimTime,
        home: usize,
        server: ServerId,
        from: MemberId,
        to: MemberId,
    ) {
        self.adoptions.push(Adoption {
            server,
            from,
            to,
            at,
            attempted: None,
            connected: None,
        });
        self.current[server.index()] = to.0;
        self.awaiting[server.index()] = self.adoptions.len() as u32;
        self.adopted[home * self.members + to.index()] = Some(at.as_nanos());
        self.adopted_by_any[to.index()] = Some(at.as_nanos());
    }

    /// An attempt was sent, or a connection begun.
    #[inline]
    pub(super) fn attempted(&mut self, at: SimTime, server: u32, member: MemberId) {
        let place = self.awaiting[server as usize];
        if place == 0 {
            return;
        }
        let adoption = &mut self.adoptions[place as usize - 1];
        if adoption.to == member {
            adoption.attempted.get_or_insert(at);
        }
    }

    /// An attempt over an open connection: nothing more to wait for.
    #[inline]
    pub(super) fn sent(&mut self, at: SimTime, server: u32, member: MemberId) {
        self.attempted(at, server, member);
        let place = self.awaiting[server as usize];
        if place != 0 && self.adoptions[place as usize - 1].to == member {
            self.awaiting[server as usize] = 0;
        }
    }

    pub(super) fn connected(&mut self, at: SimTime, server: u32, member: MemberId) {
        let place = self.awaiting[server as usize];
        if place != 0 && self.adoptions[place as usize - 1].to == member {
            self.adoptions[place as usize - 1]
                .connected
                .get_or_insert(at);
        }
    }

    pub(super) fn publish(&mut self, at: SimTime, fleet: FleetId, to: MemberId) {
        let answer = &mut self.answers[fleet.index()];
        let from = MemberId(*answer);
        if from != to {
            *answer = to.0;
            self.publications.push(Publication {
                fleet,
                from,
                to,
                at,
            });
        }
    }
}
