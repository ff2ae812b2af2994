//! A small vocabulary to write histories in: a toy replicated store that says what happens as facts.
//! It keeps the rules (dots in order, ranges without gaps), and nothing else.

use std::sync::Arc;

use regionfall::fault::{Disks, FaultKind, InFlight, Part, PlannedFault};
use regionfall::history::{
    Account, AttemptEnding, CopyEnd, Ending, Fact, KeyspaceShape, Ledger, Listener, Promise,
    Quiescence, RecoveryCriterion, RunShape, ServerShape,
};
use regionfall::topology::{
    FaultId, FleetId, KeyspaceId, MemberId, NodeId, OperationId, RegionId, ServerId,
};
use regionfall_crdt::{
    Clock, CommandKind, Content, DataType, Dot, Effect, EffectKind, Element, Elements, KeyId,
    OriginId, Timestamp,
};
use regionfall_kernel::{SimDuration, SimTime};

/// A fact with the effect that it carries.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) at: SimTime,
    pub(crate) fact: Fact<'static>,
    pub(crate) effect: Option<Effect>,
}

/// A history that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) shape: Arc<RunShape>,
    pub(crate) facts: Vec<Recorded>,
    pub(crate) now: u64,
    /// By member: what it has applied of each origin.
    pub(crate) applied: Vec<Vec<u64>>,
    /// By member: the origin it writes as.
    pub(crate) origin: Vec<u16>,
    pub(crate) up: Vec<bool>,
    origins: u16,
    pub(crate) operations: Vec<(u32, u32, CommandKind)>,
}

pub(crate) const fn ms(millis: u64) -> SimTime {
    SimTime::from_nanos(millis * 1_000_000)
}

/// Three members in regions 0, 1, 2; `servers` app servers, the n-th at home at member n modulo 3; keyspaces
/// 0 strings, 1 counters, 2 sets. Storm from 0 to 100 s, calm to 200 s.
pub(crate) fn shape(servers: u32, faults: Vec<PlannedFault>) -> RunShape {
    let server = |index: u32| {
        let home = (0..3)
            .map(|step| MemberId(((index + step) % 3) as u8))
            .collect();
        ServerShape {
            fleet: FleetId((index % 3) as u16),
            region: RegionId((index % 3) as u16),
            home,
            mean_interarrival: SimDuration::from_millis(100),
        }
    };
    let keyspace = |name: &str, data_type| KeyspaceShape {
        name: name.to_owned(),
        data_type,
        reads_own_writes: true,
        is_plain: true,
        promise: Promise::None,
    };
    RunShape {
        servers: (0..servers).map(server).collect(),
        fleets: ["a", "b", "c"].map(str::to_owned).to_vec(),
        keyspaces: vec![
            keyspace("strings", DataType::String),
            keyspace("counters", DataType::Counter),
            keyspace("sets", DataType::Set),
        ],
        members: (0..3).map(RegionId).collect(),
        nodes: (0..3).map(MemberId).collect(),
        groups: vec![0; 3],
        crashes_lose: false,
        shards: 1,
        faults,
        storm_begins: SimTime::ZERO,
        calm_begins: ms(100_000),
        calm_ends: ms(200_000),
        slo_deadline: SimDuration::from_secs(1),
        recovered: RecoveryCriterion {
            success: 0.99,
            latency_p99: SimDuration::from_millis(500),
            window: SimDuration::from_secs(10),
            min_requests: 1,
        },
        evidence_window: SimDuration::from_secs(60),
    }
}

/// A crash of the host of member `member`, numbered `id`.
pub(crate) fn crash(id: u16, member: u8, disks: Disks) -> PlannedFault {
    PlannedFault {
        id: FaultId(id),
        kind: FaultKind::HostCrash {
            member: MemberId(member),
            part: Part::Whole,
            disks,
            in_flight: InFlight::Lost,
        },
        begins: SimTime::ZERO,
        ends: SimTime::NEVER,
        flapping: None,
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Recorded { at, fact, effect } in &self.facts {
            write!(f, "{:>14} {fact:?}", at.as_nanos())?;
            if let Some(effect) = effect {
                write!(f, " {:?} at {}", effect.dot, effect.at.0)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Story {
    pub(crate) fn new(shape: RunShape) -> Self {
        let mut story = Self {
            shape: Arc::new(shape),
            facts: Vec::new(),
            now: 0,
            applied: vec![Vec::new(); 3],
            origin: vec![0; 3],
            up: vec![true; 3],
            origins: 0,
            operations: Vec::new(),
        };
        for member in 0..3 {
            story.begin_origin(member);
        }
        story
    }

    pub(crate) fn at(&mut self, millis: u64) -> &mut Self {
        assert!(ms(millis).as_nanos() >= self.now, "time goes on");
        self.now = ms(millis).as_nanos();
        self
    }

    pub(crate) fn say(&mut self, fact: Fact<'static>) -> &mut Self {
        self.facts.push(Recorded {
            at: SimTime::from_nanos(self.now),
            fact,
            effect: None,
        });
        self
    }

    fn begin_origin(&mut self, member: usize) {
        let origin = self.origins;
        self.origins += 1;
        for applied in &mut self.applied {
            applied.push(0);
        }
        self.origin[member] = origin;
        self.say(Fact::OriginBegan {
            node: NodeId::from_index(member),
            shard: 0,
            origin: OriginId(origin),
        });
    }

    pub(crate) fn issue(&mut self, server: u32, key: u32, command: CommandKind) -> u32 {
        let operation = self.operations.len() as u32;
        self.operations.push((server, key, command));
        self.say(Fact::OperationIssued {
            operation: OperationId(operation),
            server: ServerId(server),
            keyspace: KeyspaceId((key % 3) as u16),
            key: KeyId(key),
            command,
        });
        operation
    }

    pub(crate) fn send(&mut self, operation: u32, attempt: u8, member: u8) -> &mut Self {
        let operation = OperationId(operation);
        self.say(Fact::AttemptSent {
            operation,
            attempt,
            member: MemberId(member),
        })
    }

    /// The member executes the attempt; writes get an effect stamped `skew` nanoseconds from now.
    pub(crate) fn execute(
        &mut self,
        operation: u32,
        attempt: u8,
        member: u8,
        skew: i64,
    ) -> &mut Self {
        let (_, key, command) = self.operations[operation as usize];
        let node = NodeId(member);
        if !command.is_write() {
            return self.say(Fact::ReadExecuted {
                operation: OperationId(operation),
                attempt,
                node,
                key: KeyId(key),
            });
        }
        let member = usize::from(member);
        let context: Clock = self.applied[member]
            .iter()
            .enumerate()
            .map(|(origin, &sequence)| Dot::new(OriginId(origin as u16), sequence))
            .collect();
        let origin = self.origin[member];
        let sequence = &mut self.applied[member][usize::from(origin)];
        *sequence += 1;
        let elements = || Elements::one(Element::Number(u64::from(operation) % 2));
        let kind = match command {
            CommandKind::Set => EffectKind::Write {
                content: Content::from_integer(1),
                totals: None,
            },
            CommandKind::Del => EffectKind::Remove { totals: None },
            CommandKind::SAdd => EffectKind::Add {
                elements: elements(),
            },
            CommandKind::SRem => EffectKind::Discard {
                elements: elements(),
            },
            _ => EffectKind::Delta { amount: 1 },
        };
        let effect = Effect {
            dot: Dot::new(OriginId(origin), *sequence),
            key: KeyId(key),
            at: Timestamp(self.now.saturating_add_signed(skew)),
            context,
            kind,
        };
        let fact = Fact::WriteExecuted {
            operation: OperationId(operation),
            attempt,
            node,
            effect: None,
        };
        self.facts.push(Recorded {
            at: SimTime::from_nanos(self.now),
            fact,
            effect: Some(effect),
        });
        self
    }

    pub(crate) fn end(
        &mut self,
        operation: u32,
        attempt: u8,
        member: u8,
        ending: Ending,
    ) -> &mut Self {
        let member = MemberId(member);
        let attempt_ending = match ending {
            Ending::Acknowledged => AttemptEnding::Reply,
            Ending::Failed => AttemptEnding::ErrorReply,
            Ending::Unknown => AttemptEnding::Timeout,
        };
        let operation = OperationId(operation);
        self.say(Fact::AttemptEnded {
            operation,
            attempt,
            member,
            ending: attempt_ending,
        });
        let member = (ending == Ending::Acknowledged).then_some(member);
        self.say(Fact::OperationEnded {
            operation,
            ending,
            member,
        })
    }

    pub(crate) fn ack(&mut self, operation: u32, member: u8) -> &mut Self {
        self.end(operation, 0, member, Ending::Acknowledged)
    }

    /// Issue, execute and acknowledge at once.
    pub(crate) fn write(&mut self, server: u32, key: u32, command: CommandKind, member: u8) -> u32 {
        let operation = self.issue(server, key, command);
        self.send(operation, 0, member)
            .execute(operation, 0, member, 0)
            .ack(operation, member);
        operation
    }

    /// `target` applies what `source` has of `origin`, up to `last`.
    pub(crate) fn apply(
        &mut self,
        target: usize,
        source: usize,
        origin: usize,
        last: u64,
    ) -> &mut Self {
        let last = last.min(self.applied[source][origin]);
        let first = self.applied[target][origin] + 1;
        if last >= first {
            self.applied[target][origin] = last;
            self.say(Fact::EffectsApplied {
                node: NodeId::from_index(target),
                origin: OriginId(origin as u16),
                first,
                last,
            });
        }
        self
    }

    /// `target` gets all that `source` has.
    pub(crate) fn sync(&mut self, source: usize, target: usize) -> &mut Self {
        for origin in 0..self.applied[source].len() {
            self.apply(target, source, origin, u64::MAX);
        }
        self
    }

    pub(crate) fn cut(&mut self, source: u8, target: u8) -> &mut Self {
        self.say(Fact::LinkDisrupted {
            source: NodeId(source),
            target: NodeId(target),
        })
    }

    pub(crate) fn mend(&mut self, source: u8, target: u8) -> &mut Self {
        self.sync(usize::from(source), usize::from(target));
        self.say(Fact::LinkCaughtUp {
            source: NodeId(source),
            target: NodeId(target),
        })
    }

    pub(crate) fn fault(&mut self, fault: u16) -> &mut Self {
        self.say(Fact::FaultBegan {
            fault: FaultId(fault),
        });
        self.say(Fact::FaultTouched {
            fault: FaultId(fault),
        })
    }

    pub(crate) fn heal(&mut self, fault: u16) -> &mut Self {
        self.say(Fact::FaultEnded {
            fault: FaultId(fault),
        })
    }

    pub(crate) fn stop(&mut self, member: u8, fault: u16, disks: Disks) -> &mut Self {
        self.fault(fault);
        let (node, fault) = (NodeId(member), FaultId(fault));
        self.up[usize::from(member)] = false;
        self.say(Fact::NodeStopped { node, fault });
        if disks == Disks::Lost {
            for origin in 0..self.applied[usize::from(member)].len() {
                self.applied[usize::from(member)][origin] = 0;
                let origin = OriginId(origin as u16);
                self.say(Fact::CopiesEnded {
                    node,
                    origin,
                    kept: 0,
                    cause: CopyEnd::Fault(fault),
                });
            }
        }
        self
    }

    pub(crate) fn restart(&mut self, member: u8, fault: u16) -> &mut Self {
        self.up[usize::from(member)] = true;
        self.say(Fact::NodeRestarted {
            node: NodeId(member),
        });
        self.begin_origin(usize::from(member));
        self.heal(fault)
    }

    pub(crate) fn adopt(&mut self, server: u32, from: u8, to: u8) -> &mut Self {
        self.say(Fact::Adopted {
            server: ServerId(server),
            from: MemberId(from),
            to: MemberId(to),
        })
    }

    /// Plays the history to a listener.
    pub(crate) fn tell(&self, listener: &mut impl Listener) {
        for recorded in &self.facts {
            match recorded.fact {
                Fact::WriteExecuted {
                    operation,
                    attempt,
                    node: member,
                    ..
                } => {
                    let effect = recorded.effect.as_ref();
                    listener.observe(
                        recorded.at,
                        &Fact::WriteExecuted {
                            operation,
                            attempt,
                            node: member,
                            effect,
                        },
                    );
                }
                fact => listener.observe(recorded.at, &fact),
            }
        }
    }

    /// The account of the history, at the end of the calm.
    pub(crate) fn account(&self, reached: bool) -> Account {
        let mut ledger = Ledger::new(Arc::clone(&self.shape));
        self.tell(&mut ledger);
        let at = SimTime::from_nanos(self.now).max(self.shape.calm_ends);
        ledger.finish(
            at,
            &Quiescence {
                reached,
                nodes: Vec::new(),
            },
        )
    }
}
