//! What happened in a run: facts, who listens to them, and the ledger that keeps the books.

mod bus;
mod fact;
mod histogram;
mod ledger;
mod moment;
mod names;
mod promotions;
mod shape;
mod touch;
mod trace;

pub use bus::BusFact;
pub use fact::{AttemptEnding, CopyEnd, Ending, Fact, Listener, MovedKey, Phase};
pub use histogram::Histogram;
pub(crate) use ledger::LateWrite;
pub use ledger::{
    Account, Adoption, BrokenKind, BrokenPromise, BrokenPromises, Episode, FaultSpan, Judgement,
    Ledger, LostWrite, Publication, ReadCounts, RequestCounts, Requests, Traffic, WriteCounts,
};
pub use moment::{MOMENTS, MomentKind, Moments, Rank};
pub use names::Names;
pub use promotions::Promotions;
pub use shape::{
    KeyspaceShape, NodeView, Promise, Quiescence, RecoveryCriterion, RunShape, ServerShape,
};
pub(crate) use touch::{may_justify_leaving, touches_server};
pub use trace::Trace;
