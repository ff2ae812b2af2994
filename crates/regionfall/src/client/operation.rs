//! Operations under way: what an application asked for, attempt by attempt.

use regionfall_crdt::{Dot, KeyId};
use regionfall_kernel::SimTime;

use crate::topology::{KeyspaceId, MemberId, NodeId, OperationId, ServerId};
use crate::workload::Request;

/// An operation, from its question until nothing of it travels any more.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what is known of an operation, each for itself"
)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// Who asked.
    pub server: ServerId,
    /// The closed-loop client that asked, if it was one: its number within the server.
    pub client: Option<u32>,
    /// What was asked.
    pub request: Request,
    /// Addresses the draws of its messages: the asking client and the client's count.
    pub who: u32,
    /// See `who`.
    pub sequence: u32,
    /// The attempt under way, 0 for the first.
    pub attempt: u8,
    /// How many of the earlier ones were sent on to another process: they are no retries.
    pub redirects: u8,
    /// The node that it is for by ASK, with ASKING: this attempt only.
    pub asks: Option<NodeId>,
    /// The member that the attempt is for.
    pub member: MemberId,
    /// Whether an earlier attempt was sent and its fate is not known.
    pub in_doubt: bool,
    /// Whether the reply on its way says that too few replicas have the write.
    pub unconfirmed: bool,
    /// Whether the reply on its way does not have what the asking app server wrote itself.
    pub is_outdated: bool,
    /// Whether the next attempt is for `member`, whatever the route says.
    pub is_bound: bool,
    /// When its next attempt is due; [`SimTime::NEVER`] while none is.
    pub due: SimTime,
    /// Until when it waits for another member to be chosen, once it does.
    pub waits_until: Option<SimTime>,
    /// The version that its request carries; 0 is none.
    pub version: u32,
    /// What it wrote.
    pub wrote: Option<Dot>,
    /// Whether the application has its answer.
    pub ended: bool,
    /// Messages of it that travel.
    pub travelling: u16,
}

impl Operation {
    /// The key.
    pub fn key(&self) -> KeyId {
        self.request.key
    }

    /// The keyspace.
    pub fn keyspace(&self) -> KeyspaceId {
        self.request.keyspace
    }
}

/// Names a place in [`Operations`]. A place is used again once its operation has ended and nothing of
/// it travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot(pub u32);

/// The operations under way.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    slots: Vec<Operation>,
    free: Vec<u32>,
    issued: u32,
}

impl Operations {
    /// The number of the next operation.
    pub fn next_id(&mut self) -> OperationId {
        let id = OperationId(self.issued);
        self.issued += 1;
        id
    }

    /// Keeps an operation.
    pub fn insert(&mut self, operation: Operation) -> Slot {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = operation;
            return Slot(index);
        }
        self.slots.push(operation);
        Slot((self.slots.len() - 1) as u32)
    }

    /// The operation in a slot.
    #[inline]
    pub fn get(&self, slot: Slot) -> &Operation {
        &self.slots[slot.0 as usize]
    }

    /// The operation in a slot.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> &mut Operation {
        &mut self.slots[slot.0 as usize]
    }

    /// A message of the operation arrived, or never will.
    #[inline]
    pub fn message_gone(&mut self, slot: Slot) {
        self.slots[slot.0 as usize].travelling -= 1;
        self.release_if_over(slot);
    }

    /// The application has its answer.
    #[inline]
    pub fn end(&mut self, slot: Slot) {
        self.slots[slot.0 as usize].ended = true;
        self.release_if_over(slot);
    }

    /// Operations whose application still waits.
    pub fn waiting(&self) -> usize {
        let free: usize = self.free.len();
        let ended = self
            .slots
            .iter()
            .filter(|operation| operation.ended)
            .count();
        // Every free place holds an ended operation.
        self.slots.len() - ended.max(free)
    }

    #[inline]
    fn release_if_over(&mut self, slot: Slot) {
        let operation = &self.slots[slot.0 as usize];
        if operation.ended && operation.travelling == 0 {
            self.free.push(slot.0);
        }
    }
}

/// A moment by which a reply must be there; [`SimTime::NEVER`] without a timeout.
pub(super) type Deadline = SimTime;
