//! A logical operation of an application: whatever its code does until it has an answer, as one line in the books.
//!
//! Without a scope each command that leaves a client is an operation of one attempt. Code that tries again, elsewhere or later,
//! wraps what it does in a scope: its commands are attempts of one operation then, which is acknowledged or not as the
//! code itself sees it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redis::{Cmd, RedisResult};
use regionfall::history::{AttemptEnding, Ending};
use regionfall::simulation::{Question, StreamId};
use regionfall::topology::{MemberId, OperationId};

use crate::books::Tag;
use crate::hub::Hub;

tokio::task_local! {
    static CURRENT: Arc<Scope>;
}

/// An operation under way.
pub(crate) struct Scope {
    hub: Arc<Hub>,
    operation: OperationId,
    question: Question,
    address: Option<(u32, u32)>,
    attempts: AtomicU8,
    /// Whether an attempt left whose fate is not known.
    in_doubt: AtomicBool,
    /// The member of the last attempt.
    member: Mutex<Option<MemberId>>,
    ended: AtomicBool,
}

impl Scope {
    /// Runs code as an operation.
    pub(crate) async fn run<T, E>(
        hub: Arc<Hub>,
        (operation, question): (OperationId, Question),
        address: Option<(u32, u32)>,
        code: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let scope = Arc::new(Self {
            hub,
            operation,
            question,
            address,
            attempts: AtomicU8::new(0),
            in_doubt: AtomicBool::new(false),
            member: Mutex::new(None),
            ended: AtomicBool::new(false),
        });
        // Code that is given up is an operation that ended without an answer.
        let abandoned = Abandoned(scope.clone());
        let result = CURRENT.scope(scope.clone(), code).await;
        if result.is_ok() {
            let member = *scope.member.lock().unwrap_or_else(PoisonError::into_inner);
            scope.end(Ending::Acknowledged, member);
        }
        drop(abandoned);
        result
    }

    fn end(&self, ending: Ending, member: Option<MemberId>) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            let operation = self.operation;
            self.hub
                .with_run(|run| run.operation_over(operation, ending, member));
        }
    }
}

struct Abandoned(Arc<Scope>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        let ending = if self.0.in_doubt.load(Ordering::Relaxed) {
            Ending::Unknown
        } else {
            Ending::Failed
        };
        self.0.end(ending, None);
    }
}

/// The words of a command.
pub(crate) fn words_of(command: &Cmd) -> Vec<Vec<u8>> {
    let words = command.args_iter().map(|argument| match argument {
        redis::Arg::Simple(word) => word.to_vec(),
        // A cursor, which begins at 0.
        _ => b"0".to_vec(),
    });
    words.collect()
}

/// An attempt of the operation in whose scope it was made.
pub(crate) struct Attempt {
    scope: Arc<Scope>,
    stream: StreamId,
    member: MemberId,
    number: u8,
    is_over: bool,
}

impl Attempt {
    /// Announces a command that is about to be sent. `None` if no operation is under way, or the command is not the
    /// one that the operation is about.
    pub(crate) fn begin(stream: StreamId, member: MemberId, command: &Cmd) -> Option<Self> {
        let scope = CURRENT.try_with(Arc::clone).ok()?;
        let words = words_of(command);
        let borrowed: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let question = scope.hub.with_run(|run| {
            let command = run.parse(&borrowed).ok()?;
            run.question(&command)
        })??;
        let (key, kind) = (question.key, question.command);
        if (key, kind) != (scope.question.key, scope.question.command) {
            return None;
        }
        let number = scope.attempts.fetch_add(1, Ordering::Relaxed);
        scope.hub.announce(
            stream,
            Tag {
                words,
                operation: scope.operation,
                attempt: number,
                address: scope.address,
            },
        );
        *scope.member.lock().unwrap_or_else(PoisonError::into_inner) = Some(member);
        Some(Self {
            scope,
            stream,
            member,
            number,
            is_over: false,
        })
    }

    /// The client knows how it ended.
    pub(crate) fn end<T>(mut self, result: &RedisResult<T>) {
        let ending = match result {
            Ok(_) => AttemptEnding::Reply,
            Err(error) if error.is_timeout() => AttemptEnding::Timeout,
            Err(error)
                if matches!(
                    error.kind(),
                    redis::ErrorKind::Server(_) | redis::ErrorKind::Extension
                ) =>
            {
                AttemptEnding::ErrorReply
            }
            Err(_) => AttemptEnding::ConnectionLost,
        };
        self.over(ending);
    }

    fn over(&mut self, ending: AttemptEnding) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let Self {
            scope,
            stream,
            member,
            number,
            ..
        } = self;
        let never_left = scope.hub.take_back(*stream, scope.operation, *number);
        let ending = if never_left {
            AttemptEnding::Refused
        } else {
            ending
        };
        if matches!(
            ending,
            AttemptEnding::Timeout | AttemptEnding::ConnectionLost
        ) {
            scope.in_doubt.store(true, Ordering::Relaxed);
        }
        let attempt = (scope.operation, *number);
        scope
            .hub
            .with_run(|run| run.attempt_over(attempt, *member, ending));
    }
}

/// Code that gives an attempt up does not know how it ended.
impl Drop for Attempt {
    fn drop(&mut self) {
        self.over(AttemptEnding::Timeout);
    }
}
