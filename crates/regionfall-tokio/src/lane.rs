//! A run of a scenario in which the app servers of some fleets run real client code.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use regionfall::scenario::{Scenario, Settings};
use regionfall::simulation::{Outcome, Simulation, SteppedRun};
use regionfall::topology::{FleetId, ServerId};
use regionfall_kernel::{Seed, SimDuration, SimTime, TraceHash};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Duration, timeout_at};

use crate::app_server::AppServer;
use crate::error::LaneError;
use crate::guarded::{Ended, Watched, message_of};
use crate::hub::{GRAIN, Hub, State};
use crate::transcript::Transcript;

/// A run of a scenario, to be picked and started, in which the app servers of one fleet or several run real client code.
///
/// Unless told otherwise it is the first variant, the first case and the first strategy, and the code takes the place of
/// every fleet. The strategy is that of the fleets that stay modelled, and says what names mean.
#[derive(Clone)]
pub struct Lane<'a> {
    scenario: &'a Scenario,
    pub(crate) seed: Seed,
    variant: Option<String>,
    case: Option<String>,
    strategy: Option<String>,
    fleets: Vec<String>,
    is_control: bool,
    response_timeout: Option<Duration>,
}

impl<'a> Lane<'a> {
    /// A run of `scenario`.
    pub fn new(scenario: &'a Scenario, seed: Seed) -> Self {
        Self {
            scenario,
            seed,
            variant: None,
            case: None,
            strategy: None,
            fleets: Vec::new(),
            is_control: false,
            // As redis-rs 1.8 has it (`client.rs`).
            response_timeout: Some(Duration::from_millis(500)),
        }
    }

    /// Picks a variant by name.
    #[must_use]
    pub fn variant(mut self, name: &str) -> Self {
        self.variant = Some(name.to_owned());
        self
    }

    /// Picks a case by name.
    #[must_use]
    pub fn case(mut self, name: &str) -> Self {
        self.case = Some(name.to_owned());
        self
    }

    /// Picks a strategy by name.
    #[must_use]
    pub fn strategy(mut self, name: &str) -> Self {
        self.strategy = Some(name.to_owned());
        self
    }

    /// Lets the code take the place of this fleet; of several, if called again.
    #[must_use]
    pub fn fleet(mut self, name: &str) -> Self {
        self.fleets.push(name.to_owned());
        self
    }

    /// Leaves all faults out.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.is_control = true;
        self
    }

    /// How long redis-rs waits for a response, 500 ms unless set. Connectors take it from here, and the books give a command up
    /// after it where no operation's scope says otherwise.
    #[must_use]
    pub fn response_timeout(mut self, limit: Option<Duration>) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Runs it: `client` makes the code of each app server, which runs until it ends, at the latest when the workload stops.
    ///
    /// # Errors
    /// If the run cannot be picked, or the code panics, never ends, or does not let time pass.
    pub fn run<C, F>(&self, client: C) -> Result<Outcome, LaneError>
    where
        C: Fn(AppServer) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.run_noting(&client, Transcript::default())
            .map(|(outcome, _)| outcome)
    }

    /// Runs it twice and compares every byte.
    ///
    /// # Errors
    /// As [`Lane::run`]; and if the two differ, with the first byte that does.
    pub fn verify<C, F>(&self, client: C) -> Result<Outcome, LaneError>
    where
        C: Fn(AppServer) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let (first, bytes) = self.run_noting(&client, Transcript::kept())?;
        let (second, again) = self.run_noting(&client, Transcript::kept())?;
        let (one, other) = (first.trace_hash(), second.trace_hash());
        self.compare((one, &bytes), (other, &again))?;
        Ok(second)
    }

    /// Judges whether two runs were the same.
    pub(crate) fn compare(
        &self,
        (first, bytes): (TraceHash, &Transcript),
        (second, again): (TraceHash, &Transcript),
    ) -> Result<(), LaneError> {
        let seed = self.seed;
        if let Some(difference) = bytes.difference(again) {
            return Err(LaneError::Differs { seed, difference });
        }
        if first != second {
            return Err(LaneError::TraceDiffers {
                seed,
                first: first.to_string(),
                second: second.to_string(),
            });
        }
        Ok(())
    }

    /// The client side may be late by the grain of tokio's timers, and no more.
    pub(crate) fn judge_clock(&self, state: &State) -> Result<(), LaneError> {
        if state.rounding > GRAIN {
            let late_ms = state.rounding.as_millis_f64();
            let seed = self.seed;
            return Err(LaneError::ClockMoved { late_ms, seed });
        }
        Ok(())
    }

    fn run_noting<C, F>(
        &self,
        client: &C,
        transcript: Transcript,
    ) -> Result<(Outcome, Transcript), LaneError>
    where
        C: Fn(AppServer) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let begun = self.begin()?;
        let runtime = self.runtime()?;
        let seed = self.seed;
        let ended = runtime.block_on(async {
            let (hub, servers) = self.place(begun, transcript);
            let fleet = Fleet {
                client,
                servers: servers.into_iter().map(|server| (server, None)).collect(),
                is_up: Vec::new(),
                tasks: JoinSet::new(),
                seed,
            };
            fleet.drive(&hub).await?;
            let mut state = hub.lock();
            self.judge_clock(&state)?;
            let transcript = std::mem::take(&mut state.transcript);
            Ok::<_, LaneError>((state.run.take(), transcript))
        })?;
        // What client code left running ends here, before the books are closed.
        drop(runtime);
        let (Some(run), transcript) = ended else {
            unreachable!("nobody but this takes the run for good");
        };
        Ok((run.finish(), transcript))
    }

    /// A runtime whose clock stands still, without any input or output.
    pub(crate) fn runtime(&self) -> Result<Runtime, LaneError> {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true);
        choose_by_seed(&mut builder, self.seed);
        builder
            .build()
            .map_err(|error| LaneError::Runtime(error.to_string()))
    }

    /// What client code and the world share, and the app servers that it is given.
    pub(crate) fn place(
        &self,
        (run, settings, servers): Begun<'_>,
        transcript: Transcript,
    ) -> (Arc<Hub>, Vec<AppServer>) {
        let timeout = self.response_timeout;
        let in_world = timeout.map(|limit| SimDuration::from_nanos(limit.as_nanos() as u64));
        let hub = Arc::new(Hub::new(run, (in_world, self.seed), transcript));
        let draws = self.seed.addressed("client code");
        let keyspaces = settings.workload.keyspaces.iter();
        let value_bytes: Arc<[u32]> = keyspaces.map(|keyspace| keyspace.value_size.0).collect();
        let servers = servers.into_iter().map(|(id, fleet)| AppServer {
            hub: hub.clone(),
            id,
            home: settings.workload.fleets[fleet.index()].home.clone().into(),
            response_timeout: timeout,
            draws,
            value_bytes: value_bytes.clone(),
        });
        let servers = servers.collect();
        (hub, servers)
    }

    /// Picks the run, and who is driven.
    pub(crate) fn begin(&self) -> Result<Begun<'a>, LaneError> {
        let mut simulation = Simulation::new(self.scenario, self.seed);
        if let Some(name) = &self.variant {
            simulation = simulation.variant(name)?;
        }
        if let Some(name) = &self.case {
            simulation = simulation.case(name)?;
        }
        if let Some(name) = &self.strategy {
            simulation = simulation.strategy(name)?;
        }
        if self.is_control {
            simulation = simulation.control();
        }
        let variants = &self.scenario.variants;
        let named = self.variant.as_ref();
        let variant = named.and_then(|name| variants.iter().find(|variant| variant.name == *name));
        let settings = &variant.unwrap_or(&variants[0]).settings;
        let fleets = &settings.workload.fleets;
        for name in &self.fleets {
            if !fleets.iter().any(|fleet| fleet.name == *name) {
                return Err(LaneError::UnknownFleet {
                    got: name.clone(),
                    known: fleets.iter().map(|fleet| fleet.name.clone()).collect(),
                });
            }
        }
        let mut run = simulation.stepped()?;
        let mut servers = Vec::new();
        let mut next = 0;
        for (index, fleet) in fleets.iter().enumerate() {
            let id = FleetId::from_index(index);
            let is_driven = self.fleets.is_empty() || self.fleets.contains(&fleet.name);
            if is_driven {
                run.take_over(id);
                let numbers = next..next + fleet.servers;
                servers.extend(numbers.map(|number| (ServerId(number), id)));
            }
            next += fleet.servers;
        }
        Ok((run, settings, servers))
    }
}

/// Lets tokio's own random choices follow the seed, where it can be told.
#[cfg(tokio_unstable)]
fn choose_by_seed(builder: &mut Builder, seed: Seed) {
    let seed = seed.get().to_le_bytes();
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed));
}

#[cfg(not(tokio_unstable))]
fn choose_by_seed(_: &mut Builder, _: Seed) {}

/// A run, its settings, and who is driven.
pub(crate) type Begun<'a> = (SteppedRun, &'a Settings, Vec<(ServerId, FleetId)>);

/// The app servers whose code runs.
struct Fleet<'c, C> {
    client: &'c C,
    /// Each with its task, while its code runs.
    servers: Vec<(AppServer, Option<AbortHandle>)>,
    /// By place among these, whether its host runs.
    is_up: Vec<bool>,
    tasks: JoinSet<Ended>,
    seed: Seed,
}

impl<C, F> Fleet<'_, C>
where
    C: Fn(AppServer) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    /// The bridge: lets the world do what is due, then waits for whatever comes first, the world or the code.
    async fn drive(mut self, hub: &Hub) -> Result<(), LaneError> {
        for place in 0..self.servers.len() {
            self.start(place);
        }
        let bounds = hub.with_run(|run| run.bounds());
        let (ends, patience) = bounds.unwrap_or((SimTime::ZERO, SimTime::ZERO));
        loop {
            let now = self.look(hub)?;
            let is_idle = self.servers.iter().all(|(_, task)| task.is_none());
            if is_idle && now >= ends {
                return Ok(());
            }
            if now >= patience {
                let running = self.servers.iter().filter(|(_, task)| task.is_some());
                return Err(LaneError::NeverEnded {
                    servers: running.map(|(server, _)| server.id).collect(),
                    after_s: (patience.saturating_since(ends)).as_secs_f64(),
                    seed: self.seed,
                });
            }
            let bound = if now < ends { ends } else { patience };
            let until = hub.sleep_until(bound);
            let ended = {
                let mut changed = pin!(hub.changed.notified());
                let tasks = &mut self.tasks;
                let either = poll_fn(|context| {
                    if changed.as_mut().poll(context).is_ready() {
                        return Poll::Ready(None);
                    }
                    match tasks.poll_join_next_with_id(context) {
                        Poll::Ready(Some(ended)) => Poll::Ready(Some(ended)),
                        Poll::Ready(None) | Poll::Pending => Poll::Pending,
                    }
                });
                timeout_at(until, either).await.unwrap_or(None)
            };
            if let Some(ended) = ended {
                self.ended(hub, ended)?;
            }
        }
    }

    /// Lets the world catch up, and sees which app servers it stopped or started.
    fn look(&mut self, hub: &Hub) -> Result<SimTime, LaneError> {
        if let Some(failure) = hub.failure() {
            return Err(failure);
        }
        let Some(now) = hub.look(self.seed)? else {
            return Ok(SimTime::NEVER);
        };
        let servers = self.servers.iter();
        let running = hub.with_run(|run| {
            let is_running = |(server, _): &(AppServer, _)| run.is_running(server.id);
            servers.map(is_running).collect()
        });
        self.follow(running.unwrap_or_default());
        Ok(now)
    }

    /// Code dies with its host, and begins anew with it.
    fn follow(&mut self, is_up: Vec<bool>) {
        let before = std::mem::replace(&mut self.is_up, is_up);
        for (place, was_up) in before.into_iter().enumerate() {
            match (was_up, self.is_up[place]) {
                (true, false) => {
                    if let Some(task) = self.servers[place].1.take() {
                        task.abort();
                    }
                }
                (false, true) => self.start(place),
                _ => {}
            }
        }
    }

    fn start(&mut self, place: usize) {
        let (server, task) = &mut self.servers[place];
        let code = Watched::new((self.client)(server.clone()), server.hub.clone());
        *task = Some(self.tasks.spawn(code));
    }

    fn ended(&mut self, hub: &Hub, ended: Result<(Id, Ended), JoinError>) -> Result<(), LaneError> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some((server, task)) = self
            .servers
            .iter_mut()
            .find(|(_, task)| task.as_ref().is_some_and(|task| task.id() == id))
        else {
            return Ok(());
        };
        *task = None;
        let (server, seed) = (server.id, self.seed);
        let at_s = hub.lock().present().since_start().as_secs_f64();
        match ended {
            Ok((_, Ended::Spins(polls))) => Err(LaneError::Spins {
                server,
                polls,
                at_s,
                seed,
            }),
            Err(error) if error.is_panic() => {
                let message = message_of(&*error.into_panic());
                Err(LaneError::Panicked {
                    server,
                    at_s,
                    seed,
                    message,
                })
            }
            Ok((_, Ended::Returned)) | Err(_) => Ok(()),
        }
    }
}
