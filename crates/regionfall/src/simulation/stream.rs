//! Byte streams: sockets of real client code, on the connections of the world's network.
//!
//! A stream is opened from an app server's host to a member. What is written at one end is cut into segments that
//! travel like any other message: they are late, lost and sent again, and they meet resets and silence. Neither end
//! buffers without bound: what one end has sent and the other has not taken fills a window, and a full window
//! takes no more.
//!
//! Not here: what the bytes mean, and who reads them. A stream has no protocol.
//!
//! Simplifications: the window opens at the moment in which its receiver takes bytes, without the way back of the
//! acknowledgement; segments that wait in a kernel arrive together when one gets through, as in [`crate::network`].

use super::event::{ChunkId, Message};
use super::requesting::InHand;
use super::world::{Owner, World};
use crate::history::{Fact, Listener};
use crate::network::{
    BreakCause, ConnectionId, ConnectionOptions, Draw, End, Opening, TrafficClass,
};
use crate::topology::{MemberId, NodeId, ServerId};
use regionfall_kernel::SimTime;

/// Most bytes of a segment: an Ethernet frame of 1500 bytes without 40 of IP and TCP headers and 12 of TCP timestamps
/// (RFC 9293 section 3.7.1, RFC 7323 section 3.2).
pub const SEGMENT_BYTES: usize = 1_448;

/// Bytes of a segment beside its payload: Ethernet, IP and TCP headers.
const HEADER_BYTES: u32 = 66;

/// Bytes that one direction takes and its receiver has not: the default receive buffer of Linux (Linux kernel
/// documentation, `ip-sysctl.rst`, `tcp_rmem`: 131072).
pub const WINDOW_BYTES: usize = 131_072;

/// Addresses the draws of streams' segments, apart from those of app servers (below) and endpoints.
const WHO: u32 = 0x2000_0000;

/// Names a byte stream. Numbers are not used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u32);

/// What happened to a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamEvent {
    /// The client can use it.
    Opened(StreamId),
    /// There are bytes to take at an end, or the other end has finished writing.
    Readable(StreamId, End),
    /// It is of no more use to an end.
    Broken(StreamId, End, BreakCause),
    /// The request that its member had in hand is answered.
    Answered(StreamId),
    /// A message to subscribers became visible at a node.
    Message(NodeId),
}

/// The server's side of a read: bytes, and whether there will be more.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Taken {
    /// What was taken, in order.
    pub bytes: Vec<u8>,
    /// Whether the other end has finished writing, and all it wrote was taken.
    pub is_over: bool,
}

/// A message to subscribers that became visible: where, its channel and its content.
pub type Heard = (NodeId, Box<[u8]>, Box<[u8]>);

/// A segment under way.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    stream: StreamId,
    from: End,
    bytes: Vec<u8>,
    /// The sender writes no more.
    is_last: bool,
}

/// One direction of a stream, by the end that writes.
#[derive(Clone, Debug, Default)]
struct Direction {
    /// Sent and not yet taken.
    outstanding: usize,
    segments: u32,
    /// Arrived and not yet taken.
    arrived: Vec<u8>,
    is_finished: bool,
    has_ended: bool,
}

#[derive(Clone, Debug)]
struct Stream {
    server: ServerId,
    member: MemberId,
    connection: Option<ConnectionId>,
    /// By writing end.
    directions: [Direction; 2],
    /// Ends that have closed, or know that it broke.
    is_closed: [bool; 2],
    /// The request that the member works on.
    in_hand: Option<Box<InHand>>,
    requests: u32,
}

/// The streams of a world.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    all: Vec<Stream>,
    chunks: Vec<Option<Chunk>>,
    free: Vec<u32>,
    /// What happened and was not asked for yet.
    pub(super) events: std::collections::VecDeque<StreamEvent>,
    /// Whether messages to subscribers are listened for.
    pub(super) hears_messages: bool,
    /// Messages that became visible: where, their channel and their content.
    pub(super) messages: Vec<Heard>,
}

const fn place(end: End) -> usize {
    match end {
        End::Client => 0,
        End::Server => 1,
    }
}

impl Streams {
    fn keep(&mut self, chunk: Chunk) -> ChunkId {
        if let Some(index) = self.free.pop() {
            self.chunks[index as usize] = Some(chunk);
            return ChunkId(index);
        }
        self.chunks.push(Some(chunk));
        ChunkId((self.chunks.len() - 1) as u32)
    }

    pub(super) fn put_in_hand(&mut self, id: StreamId, request: InHand) {
        self.all[id.0 as usize].in_hand = Some(Box::new(request));
    }

    pub(super) fn in_hand(&self, id: StreamId) -> Option<&InHand> {
        self.all[id.0 as usize].in_hand.as_deref()
    }

    pub(super) fn take_in_hand(&mut self, id: StreamId) -> Option<InHand> {
        self.all[id.0 as usize].in_hand.take().map(|kept| *kept)
    }

    /// Notes that the request in hand is answered; whether there is one.
    pub(super) fn note_answered(&mut self, id: StreamId) -> bool {
        let in_hand = &mut self.all[id.0 as usize].in_hand;
        in_hand.as_deref_mut().map(InHand::note_answered).is_some()
    }

    /// Takes back what was said last.
    pub(super) fn withdraw(&mut self, event: StreamEvent) {
        if self.events.back() == Some(&event) {
            self.events.pop_back();
        }
    }

    /// Addresses the draws of a stream's next request inside its member.
    pub(super) fn next_request(&mut self, id: StreamId) -> Draw {
        let stream = &mut self.all[id.0 as usize];
        stream.requests += 1;
        Draw {
            who: WHO | id.0,
            sequence: stream.requests,
            // Segments have 0.
            attempt: 1,
            leg: 0,
        }
    }

    /// Takes a segment that arrived, or never will.
    pub(super) fn take_chunk(&mut self, id: ChunkId) -> Option<Chunk> {
        let chunk = self.chunks[id.0 as usize].take();
        if chunk.is_some() {
            self.free.push(id.0);
        }
        chunk
    }
}

impl World {
    /// Opens a stream from an app server to a member. [`StreamEvent::Opened`] or [`StreamEvent::Broken`] will follow, if
    /// anything does.
    pub(super) fn open_stream<L: Listener>(
        &mut self,
        server: ServerId,
        member: MemberId,
        listener: &mut L,
    ) -> StreamId {
        let now = self.now();
        let id = StreamId(self.streams.all.len() as u32);
        let state = &mut self.servers[server.index()];
        let (host, fleet, sequence) = (state.host, state.fleet, state.opened);
        state.opened += 1;
        listener.observe(now, &Fact::ConnectBegan { server, member });
        let options = self.pool_options(fleet);
        let tls = self.blueprint.settings().workload.fleets[fleet.index()].tls_round_trips;
        let opening = Opening {
            client: host,
            server: self.entrance_host(member),
            class: TrafficClass::Client,
            // Real clients authenticate with real bytes.
            options: ConnectionOptions {
                setup_round_trips: tls,
                ..options
            },
            draw: Draw {
                who: server.0,
                sequence,
                attempt: 0,
                leg: 0,
            },
        };
        let connection = self.network.open(now, &mut self.queue, opening);
        self.own(connection, Owner::Stream(id.0));
        self.streams.all.push(Stream {
            server,
            member,
            connection: Some(connection),
            directions: Default::default(),
            is_closed: [false; 2],
            in_hand: None,
            requests: 0,
        });
        id
    }

    /// How many bytes an end may write now.
    pub(super) fn stream_room(&self, id: StreamId, from: End) -> usize {
        let direction = &self.streams.all[id.0 as usize].directions[place(from)];
        WINDOW_BYTES.saturating_sub(direction.outstanding)
    }

    /// The member at the other end.
    pub(super) fn stream_member(&self, id: StreamId) -> MemberId {
        self.streams.all[id.0 as usize].member
    }

    /// The app server that opened it.
    pub(super) fn stream_server(&self, id: StreamId) -> ServerId {
        self.streams.all[id.0 as usize].server
    }

    pub(super) fn stream_connection(&self, id: StreamId) -> Option<ConnectionId> {
        self.streams.all[id.0 as usize].connection
    }

    /// The node where the stream ends, while it is connected.
    pub(super) fn stream_node(&self, id: StreamId) -> Option<NodeId> {
        self.node_at(self.streams.all[id.0 as usize].connection?)
    }

    /// Writes at an end: as much as the window takes. `draw` addresses the draw of the first segment; without it the
    /// stream's own count does.
    pub(super) fn write_stream(
        &mut self,
        id: StreamId,
        from: End,
        bytes: &[u8],
        draw: Option<Draw>,
    ) -> usize {
        let taken = bytes.len().min(self.stream_room(id, from));
        for (number, segment) in bytes[..taken].chunks(SEGMENT_BYTES).enumerate() {
            let draw = draw.filter(|_| number == 0);
            self.send_chunk(id, from, segment.to_vec(), false, draw);
        }
        taken
    }

    /// An end writes no more. What it wrote arrives first.
    pub(super) fn finish_stream(&mut self, id: StreamId, from: End) {
        let direction = &mut self.streams.all[id.0 as usize].directions[place(from)];
        if !std::mem::replace(&mut direction.is_finished, true) {
            self.send_chunk(id, from, Vec::new(), true, None);
        }
    }

    fn send_chunk(
        &mut self,
        id: StreamId,
        from: End,
        bytes: Vec<u8>,
        is_last: bool,
        draw: Option<Draw>,
    ) {
        let now = self.now();
        let stream = &mut self.streams.all[id.0 as usize];
        let Some(connection) = stream.connection.filter(|&connection| {
            !stream.is_closed[place(from)] && self.network.knows(connection, from)
        }) else {
            return;
        };
        let direction = &mut stream.directions[place(from)];
        let own = Draw {
            who: WHO | id.0,
            sequence: direction.segments,
            attempt: 0,
            leg: place(from) as u8,
        };
        direction.segments += 1;
        direction.outstanding += bytes.len();
        let size = HEADER_BYTES + bytes.len() as u32;
        let chunk = self.streams.keep(Chunk {
            stream: id,
            from,
            bytes,
            is_last,
        });
        let message = (Message::Bytes(chunk).into(), size);
        let draw = draw.unwrap_or(own);
        self.network
            .send(now, &mut self.queue, (connection, from), message, draw);
        if !self.network.abandoned.is_empty() {
            self.account_for_abandoned();
        }
    }

    /// Takes all that has arrived at an end.
    pub(super) fn take_from_stream(&mut self, id: StreamId, at: End, most: usize) -> Taken {
        let direction = &mut self.streams.all[id.0 as usize].directions[place(at.other())];
        let count = most.min(direction.arrived.len());
        let rest = direction.arrived.split_off(count);
        let bytes = std::mem::replace(&mut direction.arrived, rest);
        direction.outstanding -= bytes.len();
        Taken {
            is_over: direction.has_ended && direction.arrived.is_empty(),
            bytes,
        }
    }

    /// An end closes its socket: nothing reaches it any more.
    pub(super) fn close_stream(&mut self, id: StreamId, by: End) {
        let now = self.now();
        let stream = &mut self.streams.all[id.0 as usize];
        if std::mem::replace(&mut stream.is_closed[place(by)], true) {
            return;
        }
        stream.directions[place(by.other())].arrived = Vec::new();
        if let Some(connection) = stream.connection {
            self.network.close(now, &mut self.queue, connection, by);
            self.account_for_abandoned();
        }
        self.disconnect_if_gone(id);
    }

    /// The app server's host died with all its sockets: they hear nothing any more.
    pub(super) fn forget_streams_of(&mut self, server: ServerId) {
        for stream in &mut self.streams.all {
            if stream.server == server && !stream.is_closed[place(End::Client)] {
                stream.is_closed[place(End::Client)] = true;
                if let Some(connection) = stream.connection.take() {
                    self.owners[connection.index()] = None;
                }
            }
        }
    }

    pub(super) fn stream_opened<L: Listener>(&mut self, now: SimTime, id: u32, listener: &mut L) {
        let stream = &self.streams.all[id as usize];
        let (server, member) = (stream.server, stream.member);
        listener.observe(now, &Fact::Connected { server, member });
        let event = StreamEvent::Opened(StreamId(id));
        self.streams.events.push_back(event);
    }

    /// A segment reached the process at its end.
    pub(super) fn bytes_arrive(&mut self, chunk: ChunkId) {
        let Some(chunk) = self.streams.take_chunk(chunk) else {
            return;
        };
        let Chunk {
            stream: id,
            from,
            bytes,
            is_last,
        } = chunk;
        let to = from.other();
        let stream = &mut self.streams.all[id.0 as usize];
        if stream.is_closed[place(to)] {
            return;
        }
        let direction = &mut stream.directions[place(from)];
        direction.arrived.extend_from_slice(&bytes);
        direction.has_ended |= is_last;
        let event = StreamEvent::Readable(id, to);
        if self.streams.events.back() != Some(&event) {
            self.streams.events.push_back(event);
        }
    }

    pub(super) fn stream_broken(&mut self, id: u32, end: End, cause: BreakCause) {
        let stream = &mut self.streams.all[id as usize];
        if !std::mem::replace(&mut stream.is_closed[place(end)], true) {
            let event = StreamEvent::Broken(StreamId(id), end, cause);
            self.streams.events.push_back(event);
        }
        self.disconnect_if_gone(StreamId(id));
    }

    /// Lets go of a connection that the network has forgotten.
    fn disconnect_if_gone(&mut self, id: StreamId) {
        let stream = &mut self.streams.all[id.0 as usize];
        if let Some(connection) = stream.connection
            && !self.network.exists(connection)
        {
            stream.connection = None;
        }
    }

    /// Whether the process at the server's end still knows of a stream.
    pub(super) fn is_served(&self, id: StreamId) -> bool {
        let stream = &self.streams.all[id.0 as usize];
        let connection = stream
            .connection
            .filter(|_| !stream.is_closed[place(End::Server)]);
        connection.is_some_and(|connection| self.network.knows(connection, End::Server))
    }
}
