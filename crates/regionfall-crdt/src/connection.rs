//! A client's connection: what MULTI and WATCH remember between commands.
//!
//! A transaction's commands are executed without anything between them, and their effects are numbered one after the other.
//! Whether a peer shows them at once is not documented, and not promised: they travel as any other effects.

use crate::{
    Command, CommandKind, Effects, ErrorKind, Executed, KeyId, KeyNames, OriginId, Replica, Reply,
    Timestamp,
};

/// A connection of a client to one replica.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Connection {
    /// The commands since MULTI.
    queued: Option<Vec<Command>>,
    /// Whether one of them was refused, so that EXEC will be.
    is_spoilt: bool,
    /// The watched keys, each with a digest of what it held.
    watched: Vec<(KeyId, u64)>,
}

impl Connection {
    /// A connection outside of any transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Executes a command as a client sends it, MULTI, EXEC, DISCARD, WATCH and UNWATCH included. See
    /// [`Command::parse`] and [`Replica::execute`].
    pub fn execute(
        &mut self,
        replica: &mut Replica,
        names: &mut KeyNames,
        arguments: &[&[u8]],
        at: Timestamp,
        origin: OriginId,
    ) -> Executed {
        match Command::parse(arguments, names) {
            Ok(command) => self.execute_parsed(replica, command, at, origin),
            Err(error) => {
                self.refuse();
                answer(Reply::Error(error))
            }
        }
    }

    /// The same for a command that was parsed.
    pub fn execute_parsed(
        &mut self,
        replica: &mut Replica,
        command: Command,
        at: Timestamp,
        origin: OriginId,
    ) -> Executed {
        let refuse = |text| answer(Reply::Error(ErrorKind::Other(text)));
        let is_queueing = self.queued.is_some();
        match command.kind() {
            CommandKind::Multi if is_queueing => refuse("ERR MULTI calls can not be nested"),
            CommandKind::Multi => {
                self.queued = Some(Vec::new());
                self.is_spoilt = false;
                answer(Reply::Ok)
            }
            CommandKind::Exec => self.execute_queued(replica, at, origin),
            CommandKind::Discard if !is_queueing => refuse("ERR DISCARD without MULTI"),
            CommandKind::Discard => {
                *self = Self::new();
                answer(Reply::Ok)
            }
            CommandKind::Watch if is_queueing => refuse("ERR WATCH inside MULTI is not allowed"),
            CommandKind::Watch => {
                if let Command::Call(call) = &command {
                    for &key in call.keys() {
                        let state = replica.key_digest(key, at);
                        self.watched.push((key, state));
                    }
                }
                answer(Reply::Ok)
            }
            CommandKind::Unwatch => {
                self.watched.clear();
                answer(Reply::Ok)
            }
            _ => match &mut self.queued {
                Some(queued) => {
                    queued.push(command);
                    answer(Reply::Status("QUEUED"))
                }
                None => replica.execute(&command, at, origin),
            },
        }
    }

    /// A command that never got here was refused: a transaction under way will be, too.
    pub fn refuse(&mut self) {
        self.is_spoilt |= self.queued.is_some();
    }

    /// The commands that wait for EXEC; `None` outside of a transaction.
    pub fn queued(&self) -> Option<&[Command]> {
        self.queued.as_deref()
    }

    /// Whether commands are being queued for EXEC.
    pub fn is_queueing(&self) -> bool {
        self.queued.is_some()
    }

    fn execute_queued(
        &mut self,
        replica: &mut Replica,
        at: Timestamp,
        origin: OriginId,
    ) -> Executed {
        let state = std::mem::take(self);
        let Some(commands) = state.queued else {
            return answer(Reply::Error(ErrorKind::Other("ERR EXEC without MULTI")));
        };
        if state.is_spoilt {
            return answer(Reply::Error(ErrorKind::Other(
                "EXECABORT Transaction discarded because of previous errors.",
            )));
        }
        let is_untouched = state
            .watched
            .iter()
            .all(|&(key, digest)| replica.key_digest(key, at) == digest);
        if !is_untouched {
            return answer(Reply::Nil);
        }
        replica.execute(&Command::Transaction(commands.into()), at, origin)
    }
}

fn answer(reply: Reply) -> Executed {
    Executed {
        reply,
        effects: Effects::none(),
    }
}
