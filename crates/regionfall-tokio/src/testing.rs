//! Runs of a test that is written as one piece of code.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use regionfall_kernel::{SimTime, TraceHash};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Duration, Instant, timeout_at};

use crate::error::LaneError;
use crate::guarded::{Ended, Watched, message_of};
use crate::hub::Hub;
use crate::lane::Lane;
use crate::transcript::Transcript;
use crate::world::World;

/// How long, as tokio counts, a test may go on after the run is over.
const AFTER: Duration = Duration::from_mins(1);

impl Lane<'_> {
    /// Runs a test: code that is given the world, starts clients on its app servers, and judges the outcome.
    ///
    /// # Errors
    /// If the run cannot be picked, or the test panics, never ends, or does not let time pass.
    pub fn test<C, F>(&self, test: C) -> Result<(), LaneError>
    where
        C: Fn(World) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.test_noting(&test, Transcript::default()).map(|_| ())
    }

    /// Runs a test twice and compares every byte.
    ///
    /// # Errors
    /// As [`Lane::test`]; and if the two differ, with the first byte that does.
    pub fn verify_test<C, F>(&self, test: C) -> Result<(), LaneError>
    where
        C: Fn(World) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let (first, bytes) = self.test_noting(&test, Transcript::kept())?;
        let (second, again) = self.test_noting(&test, Transcript::kept())?;
        self.compare((first, &bytes), (second, &again))
    }

    fn test_noting<C, F>(
        &self,
        test: &C,
        transcript: Transcript,
    ) -> Result<(TraceHash, Transcript), LaneError>
    where
        C: Fn(World) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let begun = self.begin()?;
        let topology = &begun.1.topology;
        let members = topology.regions.iter().take(topology.members);
        let regions = members.map(|region| region.name.clone()).collect();
        let runtime = self.runtime()?;
        let trace = Arc::new(Mutex::new(None));
        let (run, transcript) = runtime.block_on(async {
            let (hub, servers) = self.place(begun, transcript);
            let world = World {
                servers: servers.into(),
                regions,
                trace: trace.clone(),
            };
            let task = tokio::spawn(Watched::new(test(world), hub.clone()));
            self.drive_test(&hub, task).await?;
            let mut state = hub.lock();
            self.judge_clock(&state)?;
            let transcript = std::mem::take(&mut state.transcript);
            Ok::<_, LaneError>((state.run.take(), transcript))
        })?;
        drop(runtime);
        let told = trace.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A test that did not ask for the outcome has one all the same.
        let hash = told.or_else(|| run.map(|run| run.finish().trace_hash()));
        Ok((hash.unwrap_or_default(), transcript))
    }

    /// The bridge, as it is for clients: whatever comes first, the world or the code.
    async fn drive_test(&self, hub: &Hub, mut task: JoinHandle<Ended>) -> Result<(), LaneError> {
        let bounds = hub.with_run(|run| run.bounds());
        let (ends, patience) = bounds.unwrap_or((SimTime::ZERO, SimTime::ZERO));
        let mut gives_up = None;
        loop {
            if let Some(failure) = hub.failure() {
                return Err(failure);
            }
            let state = hub.look(self.seed)?;
            let never_ended = || LaneError::TestNeverEnded { seed: self.seed };
            let until = match state {
                Some(now) if now >= patience => return Err(never_ended()),
                Some(now) => hub.sleep_until(if now < ends { ends } else { patience }),
                // The run is over, and the test still judges it.
                None => *gives_up.get_or_insert_with(|| Instant::now() + AFTER),
            };
            if gives_up.is_some_and(|at| Instant::now() >= at) {
                return Err(never_ended());
            }
            let ended = {
                let mut changed = pin!(hub.changed.notified());
                let either = poll_fn(|context| {
                    if changed.as_mut().poll(context).is_ready() {
                        return Poll::Ready(None);
                    }
                    Pin::new(&mut task).poll(context).map(Some)
                });
                timeout_at(until, either).await.unwrap_or(None)
            };
            if let Some(ended) = ended {
                return self.test_ended(hub, ended);
            }
        }
    }

    fn test_ended(&self, hub: &Hub, ended: Result<Ended, JoinError>) -> Result<(), LaneError> {
        let (seed, at_s) = (self.seed, hub.present().since_start().as_secs_f64());
        match ended {
            Ok(Ended::Returned) => hub.failure().map_or(Ok(()), Err),
            Ok(Ended::Spins(polls)) => Err(LaneError::TestSpins { polls, at_s, seed }),
            Err(error) => {
                let message = error
                    .try_into_panic()
                    .map_or_else(|error| error.to_string(), |payload| message_of(&*payload));
                Err(LaneError::TestPanicked {
                    at_s,
                    seed,
                    message,
                })
            }
        }
    }
}
