//! A message as it travels: two words.
//!
//! A message waits in the queue, in a lane behind others, in the slot of an event: it is copied four times from its
//! sending to its delivery. Written field by field and copied as a whole it would stall the processor each
//! time, which cannot forward several small writes to one large read; whole words it can.

use regionfall_crdt::OriginId;

use super::event::{CallId, ChunkId, DispatchId, LinkId, Message, ParcelId, ProbeId};
use super::heartbeats::{Beat, BeatLeg};
use super::slots::Redirect;
use crate::client::Slot;
use crate::topology::{DeciderId, MemberId, NodeId};

/// A message in two words: in the first the kind (8 bits), small fields (24) and an identity (32).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter([u64; 2]);

const REQUEST: u64 = 0;
const REPLY: u64 = 1;
const EFFECTS: u64 = 2;
const PROBE: u64 = 3;
const PROBE_REPLY: u64 = 4;
const GREETING: u64 = 5;
const HEARTBEAT: u64 = 6;
const FULL_STATE: u64 = 7;
const CALL: u64 = 8;
const CALL_REPLY: u64 = 9;
const BYTES: u64 = 10;
const DISPATCH: u64 = 40;
const PROGRESS: u64 = 41;
const ASK_PROGRESS: u64 = 42;
const BEAT: u64 = 50;
const STATE_PART: u64 = 43;
const BUS: u64 = 60;
const REDIRECT: u64 = 61;
/// In the place of a node: none, the cluster is down.
const DOWN: u64 = 0x100;
/// Beside a node: it is named by ASK.
const ASK: u64 = 0x200;

impl From<Message> for Letter {
    #[expect(
        clippy::inline_always,
        reason = "the kind is known wherever a message is made: one arm is left"
    )]
    #[inline(always)]
    fn from(message: Message) -> Self {
        let word =
            |kind: u64, small: u64, identity: u32| kind | small << 8 | u64::from(identity) << 32;
        let (first, second) = match message {
            Message::Request {
                slot,
                attempt,
                member,
            } => {
                let small = u64::from(attempt) | u64::from(member.0) << 8;
                (word(REQUEST, small, slot.0), 0)
            }
            Message::Reply {
                slot,
                attempt,
                is_error,
            } => {
                let small = u64::from(attempt) | u64::from(is_error) << 8;
                (word(REPLY, small, slot.0), 0)
            }
            Message::Effects {
                link,
                origin,
                count,
                first,
            } => {
                let identity = u32::from(link.0) | u32::from(origin.0) << 16;
                (word(EFFECTS, u64::from(count), identity), u64::from(first))
            }
            Message::Probe(ProbeId(id)) => (word(PROBE, 0, id), 0),
            Message::ProbeReply {
                probe: ProbeId(id),
                is_error,
            } => (word(PROBE_REPLY, u64::from(is_error), id), 0),
            Message::Greeting(LinkId(id)) => (word(GREETING, 0, u32::from(id)), 0),
            Message::Heartbeat => (word(HEARTBEAT, 0, 0), 0),
            Message::FullState(LinkId(id)) => (word(FULL_STATE, 0, u32::from(id)), 0),
            Message::StatePart => (word(STATE_PART, 0, 0), 0),
            Message::Call(CallId(id)) => (word(CALL, 0, id), 0),
            Message::CallReply(CallId(id)) => (word(CALL_REPLY, 0, id), 0),
            Message::Dispatch(DispatchId(id)) => (word(DISPATCH, 0, id), 0),
            Message::Progress {
                link,
                origin,
                sequence,
                durable,
            } => {
                let identity = u32::from(link.0) | u32::from(origin.0) << 16;
                let both = u64::from(sequence) | u64::from(durable) << 32;
                (word(PROGRESS, 0, identity), both)
            }
            Message::AskProgress(LinkId(id)) => (word(ASK_PROGRESS, 0, u32::from(id)), 0),
            Message::Bytes(ChunkId(id)) => (word(BYTES, 0, id), 0),
            Message::Beat(beat) => {
                let leg = match beat.leg {
                    BeatLeg::Published => 0,
                    BeatLeg::Relayed => 1,
                    BeatLeg::Delivered => 2,
                };
                let small = u64::from(beat.from.0) | u64::from(beat.to.0) << 8 | leg << 16;
                let second = u64::from(beat.channel);
                (word(BEAT, small, beat.decider.0), second)
            }
            Message::Bus(ParcelId(id)) => (word(BUS, 0, id), 0),
            Message::Redirect { slot, attempt, to } => {
                let to = match to {
                    Redirect::Moved(node) => u64::from(node.0),
                    Redirect::Ask(node) => u64::from(node.0) | ASK,
                    Redirect::ClusterDown => DOWN,
                };
                (word(REDIRECT, u64::from(attempt) | to << 8, slot.0), 0)
            }
        };
        Self([first, second])
    }
}

impl From<Letter> for Message {
    #[expect(
        clippy::inline_always,
        reason = "what is made here is matched at once where most letters arrive"
    )]
    #[inline(always)]
    fn from(Letter([first, second]): Letter) -> Self {
        let identity = (first >> 32) as u32;
        let slot = Slot(identity);
        let attempt = (first >> 8) as u8;
        match first & 0xFF {
            REQUEST => Self::Request {
                slot,
                attempt,
                member: MemberId((first >> 16) as u8),
            },
            REPLY => Self::Reply {
                slot,
                attempt,
                is_error: first >> 16 & 1 == 1,
            },
            EFFECTS => Self::Effects {
                link: LinkId(identity as u16),
                origin: OriginId((identity >> 16) as u16),
                count: (first >> 8) as u16,
                first: second as u32,
            },
            PROBE => Self::Probe(ProbeId(identity)),
            PROBE_REPLY => Self::ProbeReply {
                probe: ProbeId(identity),
                is_error: first >> 8 & 1 == 1,
            },
            GREETING => Self::Greeting(LinkId(identity as u16)),
            HEARTBEAT => Self::Heartbeat,
            FULL_STATE => Self::FullState(LinkId(identity as u16)),
            STATE_PART => Self::StatePart,
            CALL => Self::Call(CallId(identity)),
            DISPATCH => Self::Dispatch(DispatchId(identity)),
            PROGRESS => Self::Progress {
                link: LinkId(identity as u16),
                origin: OriginId((identity >> 16) as u16),
                sequence: second as u32,
                durable: (second >> 32) as u32,
            },
            ASK_PROGRESS => Self::AskProgress(LinkId(identity as u16)),
            CALL_REPLY => Self::CallReply(CallId(identity)),
            BEAT => Self::Beat(Beat {
                decider: DeciderId(identity),
                from: MemberId((first >> 8) as u8),
                to: MemberId((first >> 16) as u8),
                channel: second as u16,
                leg: match first >> 24 & 0xFF {
                    0 => BeatLeg::Published,
                    1 => BeatLeg::Relayed,
                    _ => BeatLeg::Delivered,
                },
            }),
            BUS => Self::Bus(ParcelId(identity)),
            REDIRECT => Self::Redirect {
                slot,
                attempt,
                to: match first >> 16 & 0xFFFF {
                    DOWN => Redirect::ClusterDown,
                    node if node & ASK != 0 => Redirect::Ask(NodeId(node as u8)),
                    node => Redirect::Moved(NodeId(node as u8)),
                },
            },
            kind => {
                debug_assert_eq!(kind, BYTES, "letters are made from messages only");
                Self::Bytes(ChunkId(identity))
            }
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Message::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_arrives_as_it_was_sent() {
        let slot = Slot(0xFEDC_BA98);
        let (link, origin) = (LinkId(0xFFFE), OriginId(0xABCD));
        let messages = [
            Message::Request {
                slot,
                attempt: 255,
                member: MemberId(9),
            },
            Message::Reply {
                slot,
                attempt: 254,
                is_error: true,
            },
            Message::Reply {
                slot,
                attempt: 1,
                is_error: false,
            },
            Message::Effects {
                link,
                origin,
                count: 0x1234,
                first: u32::MAX - 1,
            },
            Message::Probe(ProbeId(u32::MAX)),
            Message::ProbeReply {
                probe: ProbeId(7),
                is_error: false,
            },
            Message::ProbeReply {
                probe: ProbeId(u32::MAX),
                is_error: true,
            },
            Message::Greeting(link),
            Message::Heartbeat,
            Message::FullState(link),
            Message::StatePart,
            Message::Call(CallId(0x8000_0001)),
            Message::CallReply(CallId(3)),
            Message::Dispatch(DispatchId(0x8000_0002)),
            Message::Progress {
                link,
                origin,
                sequence: u32::MAX - 2,
                durable: u32::MAX - 3,
            },
            Message::AskProgress(link),
            Message::Bytes(ChunkId(0x8000_0002)),
            Message::Beat(Beat {
                decider: DeciderId(0x8765_4321),
                from: MemberId(9),
                to: MemberId(8),
                channel: 0xFEDC,
                leg: BeatLeg::Delivered,
            }),
            Message::Bus(ParcelId(0x8000_0003)),
            Message::Redirect {
                slot,
                attempt: 253,
                to: Redirect::Moved(NodeId(255)),
            },
            Message::Redirect {
                slot,
                attempt: 1,
                to: Redirect::ClusterDown,
            },
            Message::Redirect {
                slot,
                attempt: 2,
                to: Redirect::Ask(NodeId(254)),
            },
        ];
        for message in messages {
            assert_eq!(Message::from(Letter::from(message)), message);
        }
    }

    #[test]
    fn an_event_stays_four_words() {
        assert_eq!(size_of::<super::super::event::Event>(), 32);
    }
}
