//! The benchmark's workload on the kernel and the network alone: no members, ledger or facts; registers in a
//! vector and thinking folded into the send, as in the floor.

use regionfall::network::{
    CarriesNetwork, ConnectionId, ConnectionOptions, Draw, End, Network, NetworkEvent, Opening,
    TrafficClass,
};
use regionfall::scenario::Settings;
use regionfall::topology::RegionId;
use regionfall_kernel::{EventQueue, Seed, SimDuration, SimTime, TieBreak};

use crate::floor::{CLIENTS_PER_REGION, KEYS, Register, THINK};

#[derive(Clone, Copy)]
struct Event(NetworkEvent<Message>);

/// A message in two whole words: the stamp of an effect, and kind, client, key and value.
#[derive(Clone, Copy)]
struct Message(u64, u64);

const WRITE: u8 = 0;
const REPLY: u8 = 1;
const EFFECT: u8 = 2;

impl Message {
    fn new(kind: u8, stamp: u64, client: u8, (key, value): (u16, u32)) -> Self {
        let fields = u64::from(kind) | u64::from(client) << 8 | u64::from(key) << 16;
        Self(stamp, fields | u64::from(value) << 32)
    }

    fn fields(self) -> (u8, u8, u16, u32) {
        let fields = self.1;
        (
            fields as u8,
            (fields >> 8) as u8,
            (fields >> 16) as u16,
            (fields >> 32) as u32,
        )
    }
}

impl From<NetworkEvent<Message>> for Event {
    fn from(event: NetworkEvent<Message>) -> Self {
        Self(event)
    }
}

impl CarriesNetwork<Message> for Event {
    fn network(self) -> Option<NetworkEvent<Message>> {
        Some(self.0)
    }
}

const REQUEST_BYTES: u32 = 100;
const REPLY_BYTES: u32 = 50;
/// By then all connections are open.
const OPENED: SimDuration = SimDuration::from_millis(250);

/// Runs the workload for `length` from the moment at which all connections are open, and counts delivered
/// messages.
pub(crate) fn run(settings: &Settings, length: SimDuration) -> u64 {
    let regions = settings.topology.regions.len();
    let seed = Seed::new(1);
    let mut network: Network<Message> = Network::new(&settings.topology, seed);
    let mut queue: EventQueue<Event> = EventQueue::new(TieBreak::InsertionOrder);
    let draws = seed.addressed("workload");
    let (links, clients) = open_all(&mut network, &mut queue, regions);
    let region_of = regions_of(&links, &clients, regions);
    // A client's write of this number.
    let write = |who: usize, value: u32| {
        let bits = draws.bits([1, who as u32, value, 0].into());
        let key = (((bits >> 32) * KEYS) >> 32) as u16;
        let draw = numbered(who as u32, value, 0);
        let client = (who % CLIENTS_PER_REGION) as u8;
        (Message::new(WRITE, 0, client, (key, value)), draw)
    };
    let think = SimDuration::from_nanos(THINK);
    let mut counts = vec![1_u32; clients.len()];
    let mut written = vec![0_u32; regions];
    let mut replicas = vec![Register::default(); regions * KEYS as usize];
    let mut messages = 0;
    let opened = SimTime::ZERO + OPENED;
    for until in [opened, opened + length] {
        if until > opened {
            for (who, &client) in clients.iter().enumerate() {
                let (message, draw) = write(who, 0);
                let at = opened + think * who as u64 / clients.len() as u64;
                network.send(
                    at,
                    &mut queue,
                    (client, End::Client),
                    (message, REQUEST_BYTES),
                    draw,
                );
            }
        }
        while let Some((now, Event(event))) = queue.pop_until(until) {
            let NetworkEvent::Data(port, message) = event else {
                // The connections are still being opened.
                network.handle(now, &mut queue, event);
                continue;
            };
            let connection = port.connection();
            assert!(
                network.receives(now, connection, port.end()),
                "all are well"
            );
            messages += 1;
            let region = usize::from(region_of[connection.index()]);
            let (kind, client, key, value) = message.fields();
            match kind {
                WRITE => {
                    let stamp = now.as_nanos() << 8 | region as u64;
                    let slot = region * KEYS as usize + usize::from(key);
                    replicas[slot].merge(stamp, value, client);
                    let who = (region * CLIENTS_PER_REGION + usize::from(client)) as u32;
                    let draw = numbered(who, value, 1);
                    let reply = (Message::new(REPLY, 0, client, (key, value)), REPLY_BYTES);
                    network.send(now, &mut queue, (connection, End::Server), reply, draw);
                    written[region] += 1;
                    let sequence = written[region];
                    let first = region * regions;
                    for (target, link) in links[first..first + regions].iter().enumerate() {
                        let &Some(link) = link else { continue };
                        let who = (first + target) as u32;
                        let draw = numbered(who, sequence, 0);
                        let effect = Message::new(EFFECT, stamp, client, (key, value));
                        let effect = (effect, REQUEST_BYTES);
                        network.send(now, &mut queue, (link, End::Client), effect, draw);
                    }
                }
                REPLY => {
                    let who = region * CLIENTS_PER_REGION + usize::from(client);
                    let (message, draw) = write(who, counts[who]);
                    counts[who] += 1;
                    let sender = (connection, End::Client);
                    network.send(
                        now + think,
                        &mut queue,
                        sender,
                        (message, REQUEST_BYTES),
                        draw,
                    );
                }
                _ => {
                    let slot = region * KEYS as usize + usize::from(key);
                    replicas[slot].merge(message.0, value, client);
                }
            }
        }
    }
    std::hint::black_box(&replicas);
    messages
}

/// The draw of a message of a first attempt.
fn numbered(who: u32, sequence: u32, leg: u8) -> Draw {
    Draw {
        who,
        sequence,
        attempt: 0,
        leg,
    }
}

/// Begins to open a link between any two regions, by source and target, and the connections of the clients.
fn open_all(
    network: &mut Network<Message>,
    queue: &mut EventQueue<Event>,
    regions: usize,
) -> (Vec<Option<ConnectionId>>, Vec<ConnectionId>) {
    let members: Vec<_> = (0..regions)
        .map(|region| network.add_host(RegionId::from_index(region), 0))
        .collect();
    let (mut links, mut clients) = (Vec::new(), Vec::new());
    let mut open = |network: &mut Network<Message>, client, server, class, who| {
        let options = ConnectionOptions::default();
        let draw = Draw {
            who,
            sequence: 0,
            attempt: 9,
            leg: 0,
        };
        network.open(
            SimTime::ZERO,
            queue,
            Opening {
                client,
                server,
                class,
                options,
                draw,
            },
        )
    };
    for (region, &member) in members.iter().enumerate() {
        for (target, &other) in members.iter().enumerate() {
            let who = (region * regions + target) as u32;
            links.push(
                (region != target)
                    .then(|| open(network, member, other, TrafficClass::Replication, who)),
            );
        }
        for client in 0..CLIENTS_PER_REGION {
            let host = network.add_host(RegionId::from_index(region), 0);
            let who = (region * CLIENTS_PER_REGION + client) as u32;
            clients.push(open(network, host, member, TrafficClass::Client, who));
        }
    }
    (links, clients)
}

/// The region whose member or clients hear from each connection, by its number.
fn regions_of(
    links: &[Option<ConnectionId>],
    clients: &[ConnectionId],
    regions: usize,
) -> Vec<u16> {
    let mut region_of = vec![0_u16; clients.len() + links.len()];
    for (index, link) in links.iter().enumerate() {
        if let Some(link) = link {
            region_of[link.index()] = (index % regions) as u16;
        }
    }
    for (index, client) in clients.iter().enumerate() {
        region_of[client.index()] = (index / CLIENTS_PER_REGION) as u16;
    }
    region_of
}
