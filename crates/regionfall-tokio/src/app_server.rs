//! An app server: what the code that runs on it is given.

use std::future::Future;
use std::io;
use std::sync::Arc;

use redis::Cmd;
use regionfall::simulation::Question;
use regionfall::topology::{MemberId, ServerId};
use regionfall::workload::Request as Asked;
use regionfall_crdt::{CommandKind, ErrorKind};
use regionfall_kernel::{Addressed, SimDuration, SimTime};
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use crate::connector::Connector;
use crate::guarded::Guarded;
use crate::hub::Hub;
use crate::resolver::Resolver;
use crate::scope::Scope;
use crate::socket::Socket;

/// When a resolver that nobody answers gives up: two attempts of 5 s (resolv.conf(5), `timeout` and `attempts`).
const NAME_TIMEOUT: Duration = Duration::from_secs(10);

/// An app server of the scenario, whose requests the code that holds this makes.
#[derive(Clone)]
pub struct AppServer {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: ServerId,
    pub(crate) home: Arc<[MemberId]>,
    pub(crate) response_timeout: Option<Duration>,
    pub(crate) draws: Addressed,
    pub(crate) value_bytes: Arc<[u32]>,
}

impl AppServer {
    /// Its identity: app servers of all fleets are counted together, from 0.
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// Its members in order of preference; never empty. The first is its home.
    pub fn home(&self) -> &[MemberId] {
        &self.home
    }

    /// The time since the run began, as its clock says.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.hub.lock().present().as_nanos())
    }

    /// Whether the workload goes on. Code that makes requests of its own ends when it does not.
    pub fn is_workload_on(&self) -> bool {
        self.hub
            .with_run(|run| run.is_workload_on())
            .unwrap_or(false)
    }

    pub(crate) fn response_timeout(&self) -> Option<Duration> {
        self.response_timeout
    }

    /// A number in 0..1 that depends on seed, app server and the numbers given, and on nothing else: for jitter that
    /// repeats.
    pub fn draw(&self, purpose: u32, number: u32) -> f64 {
        self.draws.unit([self.id.0, purpose, number, 0].into())
    }

    /// Opens a connection for bytes.
    ///
    /// # Errors
    /// As for a TCP socket: refused, or given up by the kernel after 127 s. Callers have a shorter patience of their own.
    pub async fn open(&self, member: MemberId) -> io::Result<Socket> {
        self.open_socket(member, true).await
    }

    /// Opens a connection whose commands do not enter the books.
    ///
    /// # Errors
    /// As [`AppServer::open`].
    pub async fn open_off_the_books(&self, member: MemberId) -> io::Result<Socket> {
        self.open_socket(member, false).await
    }

    pub(crate) async fn open_socket(
        &self,
        member: MemberId,
        is_booked: bool,
    ) -> io::Result<Socket> {
        let id = self.hub.open(self.id, member, (is_booked, false)).await?;
        Ok(Socket::new(self.hub.clone(), id))
    }

    /// Opens a connection for bytes to an address that [`AppServer::resolver`] gave.
    ///
    /// # Errors
    /// As [`AppServer::open`]; and if no member has this address.
    pub async fn open_address(&self, address: std::net::SocketAddr) -> io::Result<Socket> {
        let member = crate::resolver::member_at(address)
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        self.open(member).await
    }

    /// Resolves names for this app server's code.
    pub fn resolver(&self) -> Resolver {
        Resolver::new(self.clone())
    }

    /// Spawns a task whose panic fails the run, with its message; that of a task of `tokio::spawn` is known to nobody
    /// who does not join it. Also a task that is polled again and again while no time passes fails the run.
    pub fn spawn<F>(&self, code: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(Guarded::new(code, self.clone()))
    }

    /// Opens connections of redis-rs to a member.
    pub fn connector(&self, member: MemberId) -> Connector {
        Connector::to_member(self.clone(), member)
    }

    /// Opens connections of redis-rs to whatever member the fleet's name means when they are opened.
    pub fn connector_by_name(&self) -> Connector {
        Connector::to_name(self.clone())
    }

    /// Resolves the fleet's name, as a client of the scenario's strategy would: with its TTL, its resolver and its caches.
    /// Where the strategy uses no names, it means home.
    ///
    /// # Errors
    /// If nobody answers, after 10 s, as two attempts of 5 s (resolv.conf(5)).
    pub async fn resolve(&self) -> io::Result<MemberId> {
        let resolved = self.hub.with_run(|run| run.resolve(self.id));
        let Some((member, lookup)) = resolved.unwrap_or(Some((self.home[0], SimDuration::ZERO)))
        else {
            sleep(NAME_TIMEOUT).await;
            return Err(io::ErrorKind::TimedOut.into());
        };
        if lookup > SimDuration::ZERO {
            sleep(Duration::from_nanos(lookup.as_nanos())).await;
        }
        Ok(member)
    }

    /// Runs code as one operation of the application: it asks what `words` say, and its attempts are the commands of this
    /// kind on this key that it sends over [`Connection`](crate::Connection)s, by whatever way. It is acknowledged
    /// if the code succeeds; code that fails, or is dropped, leaves it unknown if an attempt may have had an effect.
    ///
    /// Scopes belong to a task: commands that the code hands to another task count for themselves.
    ///
    /// # Panics
    /// If the words are no command on a key: that is a mistake in the test.
    pub fn operation<'s, T, E, F>(
        &'s self,
        words: &[&str],
        code: F,
    ) -> impl Future<Output = Result<T, E>> + use<'s, T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let question = self.hub.with_run(|run| {
            let command = run.parse(&bytes)?;
            let none = ErrorKind::Other("it names no key");
            run.question(&command).ok_or(none)
        });
        let question = match question {
            None => None,
            Some(Ok(question)) => Some(question),
            Some(Err(error)) => panic!("{words:?} is no operation on data: {error}"),
        };
        async move {
            match question {
                // The run is over.
                None => code.await,
                Some(question) => self.scope(question, None, code).await,
            }
        }
    }

    async fn scope<T, E>(
        &self,
        question: Question,
        address: Option<(u32, u32)>,
        code: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let issued = self.hub.with_run(|run| run.issue(self.id, question));
        match issued {
            None => code.await,
            Some(operation) => {
                Scope::run(self.hub.clone(), (operation, question), address, code).await
            }
        }
    }

    /// The questions that the scenario's workload has for this app server, in order.
    pub fn workload(&self) -> Workload {
        Workload {
            server: self.clone(),
            asked: 0,
            next: SimTime::ZERO,
        }
    }
}

/// The scenario's own workload: what a modelled app server would ask, and when.
///
/// Questions come at their time, whether those before are answered or not: whoever takes them one by one and waits for
/// each answer falls behind, and gets the next at once. Only fleets with a `rate` have such a workload.
pub struct Workload {
    server: AppServer,
    asked: u32,
    next: SimTime,
}

impl Workload {
    /// Waits for the next question; `None` when the workload stops.
    pub async fn next(&mut self) -> Option<Request> {
        let sequence = self.asked;
        let server = &self.server;
        let question = server
            .hub
            .with_run(|run| run.workload_question(server.id, sequence))??;
        let (gap, asked, key) = question;
        self.asked += 1;
        self.next += gap;
        let present = server.hub.lock().present();
        let wait = self.next.saturating_since(present);
        if wait > SimDuration::ZERO {
            sleep(Duration::from_nanos(wait.as_nanos())).await;
        }
        server.is_workload_on().then(|| Request {
            server: server.clone(),
            asked,
            key,
            sequence,
        })
    }
}

/// A question of the scenario's workload.
#[derive(Clone)]
pub struct Request {
    server: AppServer,
    asked: Asked,
    key: String,
    sequence: u32,
}

impl Request {
    /// The name of its key: the keyspace's name, a colon, a number.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it may change something.
    pub fn is_write(&self) -> bool {
        self.asked.command.is_write()
    }

    /// Whether it may be repeated without harm.
    pub fn is_idempotent(&self) -> bool {
        self.asked.command.is_idempotent()
    }

    /// The command.
    pub fn command(&self) -> Cmd {
        let kind = self.asked.command;
        let mut command = redis::cmd(&kind.name().to_ascii_uppercase());
        if !matches!(kind, CommandKind::Ping | CommandKind::Echo) {
            command.arg(&self.key);
        }
        let size = self.server.value_bytes[self.asked.keyspace.index()] as usize;
        match kind {
            CommandKind::Set | CommandKind::Echo => {
                command.arg(vec![b'x'; size]);
            }
            CommandKind::IncrBy | CommandKind::DecrBy => {
                command.arg(1);
            }
            CommandKind::SAdd | CommandKind::SRem | CommandKind::SIsMember => {
                command.arg(self.asked.element);
            }
            _ => {}
        }
        command
    }

    /// Runs code as the operation that answers this question; see [`AppServer::operation`]. Its messages meet the same delays
    /// as those of a modelled client that asks the same over the same paths.
    pub async fn operation<T, E>(&self, code: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let question = Question {
            keyspace: self.asked.keyspace,
            key: self.asked.key,
            command: self.asked.command,
        };
        let address = Some((self.server.id.0, self.sequence));
        self.server.scope(question, address, code).await
    }
}
