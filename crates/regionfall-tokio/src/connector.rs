//! From an app server to redis-rs: how its connections are opened.

use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, ProtocolVersion, RedisConnectionInfo, RedisError,
    RedisFuture, RedisResult, Value,
};
use regionfall::simulation::StreamId;
use regionfall::topology::MemberId;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use crate::app_server::AppServer;
use crate::direct::Direct;
use crate::scope::Attempt;

/// Where a connector leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Member(MemberId),
    /// Whatever the fleet's name means when a connection is opened.
    Name,
}

/// Opens connections of redis-rs from an app server to a member: in place of a `redis::Client`.
///
/// Timeouts are those of redis-rs unless set otherwise: 1 s to connect, 500 ms for a response (redis-rs 1.8,
/// `client.rs`). A response timeout that is set here should be told to the lane as well, see
/// [`Lane::response_timeout`](crate::Lane::response_timeout).
#[derive(Clone)]
pub struct Connector {
    server: AppServer,
    target: Target,
    info: RedisConnectionInfo,
    connection_timeout: Option<Duration>,
    response_timeout: Option<Duration>,
    is_booked: bool,
}

impl Connector {
    pub(crate) fn to_member(server: AppServer, member: MemberId) -> Self {
        Self::new(server, Target::Member(member))
    }

    pub(crate) fn to_name(server: AppServer) -> Self {
        Self::new(server, Target::Name)
    }

    fn new(server: AppServer, target: Target) -> Self {
        let response_timeout = server.response_timeout();
        Self {
            server,
            target,
            info: RedisConnectionInfo::default(),
            connection_timeout: Some(Duration::from_secs(1)),
            response_timeout,
            is_booked: true,
        }
    }

    /// Sets what redis-rs says when a connection opens: protocol, names, passwords.
    #[must_use]
    pub fn info(mut self, info: RedisConnectionInfo) -> Self {
        self.info = info;
        self
    }

    /// Sets how long opening a connection may take: name, TCP, and what redis-rs says first.
    #[must_use]
    pub fn connection_timeout(mut self, limit: Option<Duration>) -> Self {
        self.connection_timeout = limit;
        self
    }

    /// Sets how long a response may take.
    #[must_use]
    pub fn response_timeout(mut self, limit: Option<Duration>) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Keeps the connections' commands out of the books: for health checks, which no application waits for.
    #[must_use]
    pub fn off_the_books(mut self) -> Self {
        self.is_booked = false;
        self
    }

    /// The app server whose connections it opens.
    pub fn server(&self) -> &AppServer {
        &self.server
    }

    pub(crate) fn protocol(&self) -> ProtocolVersion {
        self.info.protocol()
    }

    pub(crate) fn db(&self) -> i64 {
        self.info.db()
    }

    /// Opens a connection of redis-rs itself.
    ///
    /// Its driver runs until all clones are dropped and all that they had sent is answered. That is what redis-rs says of
    /// connections made by [`MultiplexedConnection::new`]; a [`Connection`] ends with its last clone.
    ///
    /// # Errors
    /// As `redis::Client::get_multiplexed_async_connection`.
    pub async fn multiplexed(&self) -> RedisResult<MultiplexedConnection> {
        let (connection, _, _) = self.open(AsyncConnectionConfig::new()).await?;
        Ok(connection)
    }

    /// Opens a connection whose commands count as attempts of the operation in whose scope they are sent.
    ///
    /// # Errors
    /// As `redis::Client::get_multiplexed_async_connection`.
    pub async fn connect(&self) -> RedisResult<Connection> {
        self.connect_with(AsyncConnectionConfig::new()).await
    }

    /// The same with more settings of redis-rs: a receiver of pushed messages, limits. Timeouts remain the connector's.
    ///
    /// # Errors
    /// As `redis::Client::get_multiplexed_async_connection_with_config`.
    pub async fn connect_with(&self, config: AsyncConnectionConfig) -> RedisResult<Connection> {
        let (connection, driver, stream) = self.open(config).await?;
        Ok(Connection {
            inner: connection,
            stream: stream.0,
            member: stream.1,
            _driver: Arc::new(Driver(driver)),
        })
    }

    async fn open(
        &self,
        config: AsyncConnectionConfig,
    ) -> RedisResult<(MultiplexedConnection, JoinHandle<()>, (StreamId, MemberId))> {
        let config = config
            .set_connection_timeout(self.connection_timeout)
            .set_response_timeout(self.response_timeout);
        let opening = async {
            let member = self.member().await?;
            let socket = self.server.open_socket(member, self.is_booked).await;
            let socket = socket.map_err(RedisError::from)?;
            let stream = (socket.id(), member);
            let opened = MultiplexedConnection::new_with_config(&self.info, socket, config).await;
            let (connection, driver) = opened?;
            Ok((connection, tokio::spawn(driver), stream))
        };
        self.in_time(opening).await
    }

    /// Opens a connection without bytes, for code that is generic over [`ConnectionLike`].
    ///
    /// # Errors
    /// As `redis::Client::get_multiplexed_async_connection`.
    pub async fn direct(&self) -> RedisResult<Direct> {
        let opening = async {
            let member = self.member().await?;
            let (hub, id) = (self.server.hub.clone(), self.server.id());
            let opened = hub.open(id, member, (self.is_booked, true)).await;
            let stream = opened.map_err(RedisError::from)?;
            let db = self.info.db();
            Direct::open((hub, stream, member), self.response_timeout, db).await
        };
        self.in_time(opening).await
    }

    async fn member(&self) -> RedisResult<MemberId> {
        match self.target {
            Target::Member(member) => Ok(member),
            Target::Name => Ok(self.server.resolve().await?),
        }
    }

    async fn in_time<T>(&self, opening: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        match self.connection_timeout {
            None => opening.await,
            Some(limit) => timeout(limit, opening)
                .await
                .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
        }
    }
}

/// Ends the driver of a connection that nobody has any more, as redis-rs does for connections that it opened itself.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A [`MultiplexedConnection`] whose commands count as attempts of the operation in whose scope they are sent.
///
/// It is a [`ConnectionLike`], so commands and pipelines of redis-rs run on it. A pipeline's commands are
/// operations of their own each.
#[derive(Clone)]
pub struct Connection {
    inner: MultiplexedConnection,
    stream: StreamId,
    member: MemberId,
    _driver: Arc<Driver>,
}

impl Connection {
    /// The member at its other end.
    pub fn member(&self) -> MemberId {
        self.member
    }

    /// The connection of redis-rs, to subscribe with, say.
    pub fn inner(&mut self) -> &mut MultiplexedConnection {
        &mut self.inner
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let attempt = Attempt::begin(self.stream, self.member, command);
            let result = self.inner.req_packed_command(command).await;
            // An error that the server answered comes as a value here.
            let result = result.and_then(Value::extract_error);
            if let Some(attempt) = attempt {
                attempt.end(&result);
            }
            result
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.inner.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
