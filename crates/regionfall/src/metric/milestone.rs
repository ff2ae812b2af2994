//! The parts of a recovery by switch: verdict, published, first attempt, connected, success.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{Account, Adoption};

/// Parts of an RTO; they sum to it exactly, since each milestone lies between its predecessor and the
/// recovery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milestones {
    /// To the verdict that the member which was left is down.
    pub detect: SimDuration,
    /// To the answer that names the new member.
    pub publish: SimDuration,
    /// To the first attempt at the new member.
    pub adopt: SimDuration,
    /// To the first connection with it.
    pub reconnect: SimDuration,
    /// To the success that ended the episode.
    pub first_success: SimDuration,
}

/// The parts of the recovery that `adoption` led to.
///
/// The verdict that counts is the last one before the answer was published (or before the adoption,
/// if nothing was published): of several checkers, the one that tipped the scales. A milestone that
/// this way of failing over lacks takes no time.
pub(super) fn milestones(
    account: &Account,
    begins: SimTime,
    recovered: SimTime,
    adoption: &Adoption,
) -> Milestones {
    let fleet = account.shape.servers[adoption.server.index()].fleet;
    let published = account
        .publications
        .iter()
        .filter(|publication| publication.fleet == fleet && publication.to == adoption.to)
        .rfind(|publication| begins <= publication.at && publication.at <= adoption.at)
        .map(|publication| publication.at);
    let decided = published.unwrap_or(adoption.at);
    let verdict = account
        .judgements
        .iter()
        .filter(|judgement| !judgement.healthy && judgement.member == adoption.from)
        .filter(|judgement| {
            judgement
                .server
                .is_none_or(|server| server == adoption.server)
        })
        .rfind(|judgement| begins <= judgement.at && judgement.at <= decided)
        .map_or(decided, |judgement| judgement.at);
    let attempted = adoption.attempted.unwrap_or(adoption.at);
    let mut last = begins;
    let mut part = |at: SimTime| {
        let at = at.clamp(last, recovered);
        let length = at - last;
        last = at;
        length
    };
    Milestones {
        detect: part(verdict),
        publish: part(published.unwrap_or(verdict)),
        adopt: part(attempted),
        reconnect: part(adoption.connected.unwrap_or(attempted)),
        first_success: part(recovered),
    }
}

impl Milestones {
    /// The parts in order.
    pub fn parts(&self) -> [SimDuration; 5] {
        [
            self.detect,
            self.publish,
            self.adopt,
            self.reconnect,
            self.first_success,
        ]
    }
}
