//! A connection of redis-rs' trait without bytes: commands travel as their words, with the length that their bytes would
//! have.
//!
//! Whatever is generic over [`ConnectionLike`] runs on it: commands, pipelines, transactions, code of one's own. It meets the same
//! network and is served like [`Connection`](crate::Connection); what is skipped is packing, parsing and redis-rs'
//! own driver. It knows no pushed messages: subscribe with a [`Connection`](crate::Connection).

use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use regionfall::simulation::StreamId;
use regionfall::topology::MemberId;
use tokio::sync::oneshot::Receiver;
use tokio::time::{Duration, timeout};

use crate::hub::Hub;
use crate::scope::{Attempt, words_of};

/// A connection without bytes. Clones share it, and their requests go out in the order in which they were made.
#[derive(Clone)]
pub struct Direct {
    open: Arc<Open>,
    response_timeout: Option<Duration>,
    db: i64,
}

struct Open {
    hub: Arc<Hub>,
    id: StreamId,
    member: MemberId,
}

/// The last clone closes the connection.
impl Drop for Open {
    fn drop(&mut self) {
        self.hub.close(self.id);
    }
}

impl Direct {
    /// Says what redis-rs says first, so that opening takes as long.
    pub(crate) async fn open(
        (hub, id, member): (Arc<Hub>, StreamId, MemberId),
        response_timeout: Option<Duration>,
        db: i64,
    ) -> RedisResult<Self> {
        let direct = Self {
            open: Arc::new(Open { hub, id, member }),
            response_timeout,
            db,
        };
        let mut info = redis::cmd("CLIENT");
        info.arg("SETINFO").arg("LIB-NAME").arg("redis-rs");
        let mut version = redis::cmd("CLIENT");
        version.arg("SETINFO").arg("LIB-VER").arg("1.8.1");
        let asked = (direct.ask(&info)?, direct.ask(&version)?);
        direct.answer(asked.0).await?;
        direct.answer(asked.1).await?;
        Ok(direct)
    }

    /// The member at its other end.
    pub fn member(&self) -> MemberId {
        self.open.member
    }

    fn ask(&self, command: &Cmd) -> RedisResult<Receiver<Value>> {
        let words = words_of(command);
        self.open
            .hub
            .ask(self.open.id, words)
            .map_err(RedisError::from)
    }

    async fn answer(&self, receiver: Receiver<Value>) -> RedisResult<Value> {
        let answer = match self.response_timeout {
            None => receiver.await,
            Some(limit) => timeout(limit, receiver).await.map_err(|_| {
                RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
            })?,
        };
        answer.map_err(|_| self.open.hub.why_broken(self.open.id).into())
    }

    /// Sends the commands at once, and waits for the answers in order.
    async fn ask_all(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let multi = pipeline
            .is_transaction()
            .then(|| (redis::cmd("MULTI"), redis::cmd("EXEC")));
        let (first, last) = match &multi {
            Some((first, last)) => (Some(first), Some(last)),
            None => (None, None),
        };
        let commands = first.into_iter().chain(pipeline.cmd_iter()).chain(last);
        let asked: Vec<Receiver<Value>> = commands
            .map(|command| self.ask(command))
            .collect::<Result<_, _>>()?;
        let mut answers = Vec::with_capacity(asked.len());
        for receiver in asked {
            answers.push(self.answer(receiver).await?);
        }
        Ok(answers)
    }
}

impl ConnectionLike for Direct {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let attempt = Attempt::begin(self.open.id, self.open.member, command);
            let result = match self.ask(command) {
                Ok(receiver) => self.answer(receiver).await,
                Err(error) => Err(error),
            };
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
        Box::pin(async move {
            let answers = self.ask_all(pipeline).await?;
            let wanted = answers.into_iter().skip(offset).take(count);
            Ok(wanted.collect())
        })
    }

    fn get_db(&self) -> i64 {
        self.db
    }
}
