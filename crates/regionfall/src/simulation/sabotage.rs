//! Breaking the model on purpose, to see that the checks notice: only tests can.
//!
//! A world holds a [`Sabotage`]; at each place that could be wrong it is asked. Outside of tests the value is empty and cannot be
//! anything else, so the questions are answered at compile time and cost nothing.

/// What is broken, if anything is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Sabotage(#[cfg(test)] Option<Mutation>);

/// A way to break the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mutation {
    /// Links of a removed member are accepted, and nothing that comes over them is fenced.
    ForgetsFencing,
    /// A primary that restarts goes on with its old origin.
    ReusesDots,
    /// A fault in one direction acts in both.
    IgnoresDirection,
    /// The reply leaves before the fsync that it should wait for.
    AcknowledgesBeforeFsync,
    /// The reply leaves before the replicas have what WAIT asks for.
    AcknowledgesBeforeReplicas,
    /// Effects are applied that nobody is told of.
    AppliesInSecret,
    /// Effects are told of that nobody applied.
    TellsWithoutApplying,
    /// A node that crashes does not say what it lost.
    HidesWhatACrashEnded,
    /// A disk that is gone is still there at the restart.
    RestoresLostDisks,
    /// Effects arrive with another time than they were written with.
    ChangesTimestamps,
    /// A target that greets gets nothing of what it lacks.
    SkipsCatchUp,
    /// The first effect of every range is left out.
    SkipsFirstOfRange,
    /// A full state is thrown away where it arrives.
    DropsFullStates,
    /// Every 16th effect of an origin does not leave.
    DropsEffects,
    /// A promotion does not begin a new epoch.
    KeepsEpoch,
    /// A process that is made primary goes on without an origin of its own.
    PromotesWithoutOrigin,
    /// A former primary that is to follow goes on as a primary.
    NeverDemotes,
    /// Reads are served by a replica.
    ReadsAtReplicas,
    /// An app server that left its home never goes back.
    NeverFailsBack,
    /// Every second request goes to the other home.
    WritesEverywhere,
    /// A request whose connection broke is sent again, whatever the settings say.
    RetriesEverything,
    /// A write that was answered is sent a second time.
    SendsTwice,
    /// A broken connection keeps its place in the pool.
    LeaksConnections,
    /// Faults of paths never end.
    NeverHeals,
    /// A hang never ends.
    NeverThaws,
    /// The run says that it is at rest before replication has drained.
    RestsTooEarly,
    /// Tombstones are never collected.
    NeverCollects,
    /// A write is answered and not executed.
    AnswersWithoutExecuting,
    /// A restarted node's links wait for ever.
    ForgetsLinksAtRestart,
}

impl Sabotage {
    /// A world that is broken in one way.
    #[cfg(test)]
    pub(crate) const fn of(mutation: Mutation) -> Self {
        Self(Some(mutation))
    }

    /// Whether the model is broken in this way.
    #[inline]
    pub(crate) fn is(self, mutation: Mutation) -> bool {
        #[cfg(test)]
        let is_broken = self.0 == Some(mutation);
        #[cfg(not(test))]
        let is_broken = {
            let _ = (self, mutation);
            false
        };
        is_broken
    }
}
