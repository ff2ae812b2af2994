//! The world as a test sees it that is written in one piece: its app servers, and its end.

use std::sync::{Arc, Mutex, PoisonError};

use regionfall::simulation::Outcome;
use regionfall::topology::MemberId;
use regionfall_kernel::{SimDuration, TraceHash};
use tokio::time::{Duration, sleep};

use crate::app_server::AppServer;
use crate::connector::Connector;

/// How often the end is looked for once the workload has stopped.
const QUIESCENCE_STEP: Duration = Duration::from_millis(250);

/// The world of a run, for a test that is one piece of code: it starts the clients, waits, and judges.
///
/// ```
/// use regionfall_tokio::{Lane, Scenario, Seed, World};
///
/// let scenario = Scenario::from_toml(r#"
///     title = "Two regions"
///     [phases]
///     warm_up = "1s"
///     storm = "5s"
///     calm = "1s"
///     [topology]
///     rtt = "aws"
///     regions = ["us-east-1", "eu-west-1"]
///     [[strategy]]
///     preset = "pinned"
/// "#)?;
/// Lane::new(&scenario, Seed::new(7)).test(|world: World| async move {
///     world.storm().await;
///     let mut connection = world.connector("us-east-1").connect().await.unwrap();
///     redis::cmd("SET").arg("k").arg("v").query_async::<()>(&mut connection).await.unwrap();
///     world.quiescence().await;
///     let outcome = world.outcome();
///     outcome.expect_all_held();
///     assert_eq!(outcome.account().all_writes().acked, 1);
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct World {
    pub(crate) servers: Arc<[AppServer]>,
    /// Of those that have a member, in order.
    pub(crate) regions: Arc<[String]>,
    pub(crate) trace: Arc<Mutex<Option<TraceHash>>>,
}

impl World {
    /// The app servers whose requests the test makes.
    pub fn servers(&self) -> &[AppServer] {
        &self.servers
    }

    /// The member of a region.
    ///
    /// # Panics
    /// If the region has none: that is a mistake in the test.
    pub fn member(&self, region: &str) -> MemberId {
        let place = self.regions.iter().position(|name| name == region);
        let Some(place) = place else {
            panic!(
                "no member in {region:?}; there are members in {:?}",
                self.regions
            );
        };
        MemberId::from_index(place)
    }

    /// Opens connections from the first app server to the member of a region.
    ///
    /// # Panics
    /// If the region has no member: that is a mistake in the test.
    pub fn connector(&self, region: &str) -> Connector {
        self.servers[0].connector(self.member(region))
    }

    /// Waits until the warm-up is over: what is asked before it is not measured.
    pub async fn storm(&self) {
        let hub = &self.servers[0].hub;
        let begins = hub.with_run(|run| run.storm_begins());
        let wait = begins.map(|begins| begins.saturating_since(hub.present()));
        if let Some(wait) = wait {
            sleep(Duration::from_nanos(wait.as_nanos())).await;
        }
    }

    /// Waits until the workload has stopped, and all that is under way has come to rest, or the scenario's time for that is
    /// over.
    pub async fn quiescence(&self) {
        let hub = &self.servers[0].hub;
        let Some((ends, patience)) = hub.with_run(|run| run.bounds()) else {
            return;
        };
        loop {
            let now = hub.present();
            if now < ends {
                sleep(Duration::from_nanos(ends.saturating_since(now).as_nanos())).await;
                continue;
            }
            let is_at_rest = hub.with_run(|run| run.world().is_quiescent());
            if is_at_rest.unwrap_or(true) || now + SimDuration::from_millis(250) >= patience {
                return;
            }
            sleep(QUIESCENCE_STEP).await;
        }
    }

    /// Lets come to rest what is under way, closes the books and says what the run came to. Nothing can be asked of the world
    /// after it.
    ///
    /// # Panics
    /// If it was called before: a run has one outcome.
    pub fn outcome(&self) -> Outcome {
        let run = self.servers[0].hub.take_run();
        let Some(run) = run else {
            panic!("the run is over: it had its outcome before");
        };
        let outcome = run.finish();
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        *trace = Some(outcome.trace_hash());
        outcome
    }
}

/// Makes a test of a scenario in which one's own client code runs.
///
/// `scenario` is a file, found from the file in which the test stands. `case`, `strategy` and `fleet` may be left out, in
/// this order. The run is repeated and every byte compared, so a test whose code depends on more than its seed fails.
///
/// ```text
/// regionfall_tokio::test! {
///     scenario = "falls.toml", case = "disks lost", seed = 7;
///     async fn own_client(world: World) {
///         …
///         world.quiescence().await;
///         world.outcome().expect_all_held();
///     }
/// }
/// ```
///
/// It is a macro of this crate and no attribute: an attribute needs a crate of its own that runs while the test is compiled, and
/// would save one pair of braces.
#[macro_export]
macro_rules! test {
    (
        scenario = $scenario:expr,
        $(case = $case:expr,)?
        $(strategy = $strategy:expr,)?
        $(fleet = $fleet:expr,)?
        seed = $seed:expr;
        $(#[$attribute:meta])*
        async fn $name:ident($world:ident: $type:ty) $body:block
    ) => {
        #[::core::prelude::v1::test]
        $(#[$attribute])*
        fn $name() {
            let scenario = match $crate::Scenario::from_toml(::core::include_str!($scenario)) {
                ::core::result::Result::Ok(scenario) => scenario,
                ::core::result::Result::Err(error) => ::core::panic!("{}: {error}", $scenario),
            };
            let lane = $crate::Lane::new(&scenario, $crate::Seed::new($seed));
            $(let lane = lane.case($case);)?
            $(let lane = lane.strategy($strategy);)?
            $(let lane = lane.fleet($fleet);)?
            if let ::core::result::Result::Err(error) = lane.verify_test(|$world: $type| async move $body) {
                ::core::panic!("{error}");
            }
        }
    };
}
