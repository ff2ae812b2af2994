//! A connection that opens itself again, with the policy of redis-rs's `ConnectionManager`.
//!
//! redis-rs's own opens TCP sockets and draws its jitter from the process; this one opens the lane's and draws from the
//! seed. The policy is the same (redis-rs 1.8, `aio/connection_manager.rs`): a command that fails with an error that breaks
//! the connection fails for its caller and begins to open a new one in the background; commands wait for it; if it
//! cannot be opened, they fail, and an error of input or output begins anew. With RESP3 a broken connection is
//! noticed at once, without it with the next command.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use redis::aio::ConnectionLike;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, ProtocolVersion, PushInfo, PushKind,
    RedisError, RedisFuture, RedisResult, Value,
};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

use crate::connector::{Connection, Connector};

/// How often, and how patiently, a manager opens a connection again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ManagerConfig {
    /// Wait before the second attempt.
    pub min_delay: Duration,
    /// No wait is longer, jitter aside.
    pub max_delay: Option<Duration>,
    /// Each further wait is so many times longer.
    pub exponent_base: f64,
    /// Attempts beside the first.
    pub retries: u32,
}

impl Default for ManagerConfig {
    /// As in redis-rs 1.8 (`aio/connection_manager.rs`): 100 ms, doubling without bound, 6 times.
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(100),
            max_delay: None,
            exponent_base: 2.0,
            retries: 6,
        }
    }
}

/// A connection being opened, or what came of it.
type Opening = watch::Receiver<Option<RedisResult<Connection>>>;

/// A connection that opens itself again. Clones share it.
#[derive(Clone)]
pub struct Manager(Arc<Shared>);

struct Shared {
    connector: Connector,
    config: ManagerConfig,
    current: Mutex<Current>,
}

struct Current {
    opening: Opening,
    /// How many connections were opened before this one.
    number: u32,
}

/// The purpose of a manager's draws.
const JITTER: u32 = 1;

impl Manager {
    /// Opens a connection that opens itself again.
    ///
    /// # Errors
    /// If the first connection cannot be opened.
    pub async fn new(connector: Connector, config: ManagerConfig) -> RedisResult<Self> {
        let manager = Self::lazy(connector, config);
        manager.connection().await?;
        Ok(manager)
    }

    /// The same without waiting for the first connection.
    pub fn lazy(connector: Connector, config: ManagerConfig) -> Self {
        let (_, opening) = watch::channel(None);
        let shared = Arc::new(Shared {
            connector,
            config,
            current: Mutex::new(Current { opening, number: 0 }),
        });
        shared.open(0);
        Self(shared)
    }

    async fn connection(&self) -> RedisResult<(Connection, u32)> {
        let (mut opening, number) = self.0.current();
        let gone = || RedisError::from((ErrorKind::Io, "the run is over"));
        let opened = opening
            .wait_for(Option::is_some)
            .await
            .map_err(|_| gone())?;
        let result = opened.clone().unwrap_or_else(|| Err(gone()));
        drop(opened);
        if let Err(error) = &result
            && error.is_io_error()
        {
            self.0.open_after(number);
        }
        result.map(|connection| (connection, number))
    }

    /// Opens a new connection if an error says that this one is of no more use.
    fn heed<T>(&self, number: u32, result: &RedisResult<T>) {
        if let Err(error) = result
            && error.is_unrecoverable_error()
        {
            self.0.open_after(number);
        }
    }
}

impl Shared {
    fn current(&self) -> (Opening, u32) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.opening.clone(), current.number)
    }

    /// Opens another connection, unless somebody did since `number` was current.
    fn open_after(self: &Arc<Self>, number: u32) {
        if self.current().1 == number {
            self.open(number + 1);
        }
    }

    fn open(self: &Arc<Self>, number: u32) {
        let (sender, opening) = watch::channel(None);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Current { opening, number };
        let shared = Arc::downgrade(self);
        let (connector, config) = (self.connector.clone(), self.config);
        tokio::spawn(async move {
            let result = open_patiently(&connector, config, number, &shared).await;
            // Nobody may be waiting any more.
            let _ = sender.send(Some(result));
        });
    }
}

async fn open_patiently(
    connector: &Connector,
    config: ManagerConfig,
    number: u32,
    shared: &Weak<Shared>,
) -> RedisResult<Connection> {
    let mut delay = config.min_delay;
    let mut attempt = 0;
    loop {
        let mut settings = AsyncConnectionConfig::new();
        if connector.protocol() == ProtocolVersion::RESP3 {
            let shared = shared.clone();
            settings = settings.set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection
                    && let Some(shared) = shared.upgrade()
                {
                    shared.open_after(number);
                }
                Ok::<(), RedisError>(())
            });
        }
        let result = connector.connect_with(settings).await;
        if result.is_ok() || attempt == config.retries {
            return result;
        }
        let draw = connector.server().draw(JITTER, number << 8 | attempt);
        sleep(delay + delay.mul_f64(draw)).await;
        attempt += 1;
        delay = delay.mul_f64(config.exponent_base);
        delay = config.max_delay.map_or(delay, |most| delay.min(most));
    }
}

impl ConnectionLike for Manager {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (mut connection, number) = self.connection().await?;
            let result = connection.req_packed_command(command).await;
            self.heed(number, &result);
            result
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (mut connection, number) = self.connection().await?;
            let result = connection
                .req_packed_commands(pipeline, offset, count)
                .await;
            self.heed(number, &result);
            result
        })
    }

    fn get_db(&self) -> i64 {
        self.0.connector.db()
    }
}
