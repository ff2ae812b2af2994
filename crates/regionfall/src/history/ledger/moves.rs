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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> SimTime {
        SimTime::from_nanos(nanos)
    }

    /// Three members; servers 0 and 1 at home at members 0 and 2.
    fn moves() -> Moves {
        Moves::new(3, vec![0, 2], vec![0, 2])
    }

    #[test]
    fn a_move_is_known_by_its_first_signs_of_life_towards_the_new_member() {
        let mut moves = moves();
        assert_eq!((moves.current(0), moves.current(1)), (0, 2));
        moves.adopt(at(10), 2, ServerId(1), MemberId(2), MemberId(1));
        assert_eq!((moves.current(0), moves.current(1)), (0, 1));
        // Towards another member, and of another server.
        moves.attempted(at(11), 1, MemberId(2));
        moves.connected(at(11), 1, MemberId(0));
        moves.sent(at(11), 0, MemberId(1));
        moves.attempted(at(12), 1, MemberId(1));
        moves.attempted(at(13), 1, MemberId(1));
        moves.connected(at(14), 1, MemberId(1));
        moves.connected(at(15), 1, MemberId(1));
        let [adoption] = moves.adoptions[..] else {
            panic!("one")
        };
        assert_eq!(
            (adoption.attempted, adoption.connected),
            (Some(at(12)), Some(at(14)))
        );
    }

    #[test]
    fn once_it_sends_over_an_open_connection_nothing_more_is_waited_for() {
        let mut moves = moves();
        moves.adopt(at(10), 0, ServerId(0), MemberId(0), MemberId(1));
        moves.sent(at(11), 0, MemberId(0));
        moves.connected(at(12), 0, MemberId(1));
        moves.sent(at(13), 0, MemberId(1));
        assert_eq!(moves.adoptions[0].attempted, Some(at(13)));
        assert_eq!(moves.adoptions[0].connected, Some(at(12)));
        let mut open = self::moves();
        open.adopt(at(10), 0, ServerId(0), MemberId(0), MemberId(1));
        open.sent(at(13), 0, MemberId(1));
        open.connected(at(14), 0, MemberId(1));
        assert_eq!(open.adoptions[0].connected, None, "it had one before");
    }

    #[test]
    fn the_last_move_of_a_population_is_that_to_the_member() {
        let mut moves = moves();
        moves.adopt(at(10), 2, ServerId(1), MemberId(2), MemberId(1));
        moves.adopt(at(20), 0, ServerId(0), MemberId(0), MemberId(1));
        assert_eq!(moves.last_adoption(2, 1), Some(10));
        assert_eq!(moves.last_adoption(0, 1), Some(20));
        assert_eq!(
            (moves.last_adoption(1, 1), moves.last_adoption(2, 2)),
            (None, None)
        );
        assert_eq!(
            (moves.newest_adoption(1), moves.newest_adoption(2)),
            (Some(20), None)
        );
    }

    #[test]
    fn an_answer_that_stays_the_same_is_no_publication() {
        let mut moves = moves();
        for (nanos, member) in [(1, 2), (2, 1), (3, 1), (4, 2)] {
            moves.publish(at(nanos), FleetId(1), MemberId(member));
        }
        let told: Vec<(u8, u8, SimTime)> = moves
            .publications
            .iter()
            .map(|one| (one.from.0, one.to.0, one.at))
            .collect();
        assert_eq!(told, [(2, 1, at(2)), (1, 2, at(4))]);
    }
}
