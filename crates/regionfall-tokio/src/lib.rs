//! Real async client code against the model of Regionfall, in simulated time.
//!
//! Code that is written for redis-rs and tokio runs unmodified in the place of modelled app servers: same scenario, same
//! network, same faults, same books. What it loses and how long it is down comes out of the same metrics as for the
//! presets. `docs/clients.md` leads from an existing application to a first failing-over test.
//!
//! ```
//! use regionfall::scenario::Scenario;
//! use regionfall_kernel::Seed;
//! use regionfall_tokio::Lane;
//!
//! let scenario = Scenario::from_toml(r#"
//!     title = "A client of one's own"
//!     [phases]
//!     warm_up = "5s"
//!     storm = "20s"
//!     calm = "60s"
//!     [topology]
//!     rtt = "aws"
//!     regions = ["us-east-1", "eu-west-1"]
//!     [[strategy]]
//!     preset = "pinned"
//!     [[fault]]
//!     kind = "region-outage"
//!     region = "us-east-1"
//!     at = "5s"
//!     lasts = "10s"
//! "#)?;
//! let outcome = Lane::new(&scenario, Seed::new(7)).fleet("us-east-1").run(|server| async move {
//!     let mut workload = server.workload();
//!     let mut open = None;
//!     while let Some(request) = workload.next().await {
//!         let answer = request.operation(async {
//!             let mut connection = match open.take() {
//!                 Some(connection) => connection,
//!                 None => server.connector(server.home()[0]).connect().await?,
//!             };
//!             let answer: redis::Value = request.command().query_async(&mut connection).await?;
//!             open = Some(connection);
//!             Ok::<_, redis::RedisError>(answer)
//!         });
//!         let _ = answer.await;
//!     }
//! })?;
//! outcome.expect_all_held();
//! assert!(outcome.metrics().rto().max().as_secs_f64() > 9.0, "it waits for its region");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How time passes
//!
//! Tokio's clock stands still while any task has something to do, and then jumps to the next timer. One more task, the
//! bridge, always waits for the world's next event; so the clock jumps to whatever comes first, the code's timer or the
//! world's event. The world keeps its nanoseconds; tokio's timers have a grain of 1 ms, so the code sees what
//! happens up to 1 ms late. A run in which it was later fails ([`LaneError::ClockMoved`]).
//!
//! # What is reproducible
//!
//! See [`Guarantee`]. Whatever the code does, [`Lane::verify`] runs it twice and names the first byte that differed.
//!
//! # What enters the books
//!
//! Each command on data that leaves over a [`Socket`] is an operation of its app server with one attempt: acknowledged when its
//! answer is read, failed if that is an error, unknown if the connection breaks, or the lane's response timeout passes,
//! before. Code that tries again says so: within [`AppServer::operation`], or [`Request::operation`] for the
//! scenario's own workload, all that is sent over [`Connection`]s is one operation, which ends as the code does. A transaction is one
//! operation, which counts as its weightiest command. Commands about the connection, PING, PUBLISH and the like, and
//! those of connectors [off the books](Connector::off_the_books), are not counted.
//!
//! # What is not here
//!
//! The members' side of a connection speaks both versions of RESP. It has no users (any password will do), no scripts, no
//! blocking commands, no client-side caching, no keyspace notifications, and one database. Requests of one connection are
//! executed one after the other, each when the one before it is answered. WAIT sees what replicas have without the way of
//! their acknowledgements. A closed socket's kernel forgets what it had not yet sent. Clients of Sentinel are modelled ones.

pub mod address;
mod app_server;
mod books;
mod connector;
mod direct;
mod error;
mod guarantee;
mod guarded;
mod hub;
mod lane;
mod manager;
mod resolver;
mod resp;
mod scope;
mod session;
mod socket;
mod testing;
mod transcript;
mod world;

pub use app_server::{AppServer, Request, Workload};
pub use connector::{Connection, Connector};
pub use direct::Direct;
pub use error::LaneError;
pub use guarantee::Guarantee;
pub use lane::Lane;
pub use manager::{Manager, ManagerConfig};
pub use regionfall::scenario::Scenario;
pub use regionfall::simulation::Outcome;
pub use regionfall_kernel::Seed;
pub use resolver::{Resolver, address_of, member_at};
pub use socket::Socket;
pub use transcript::Difference;
pub use world::World;
