//! What it costs to apply an effect and to execute a command.
//!
//! Without arguments it prints nanoseconds for each kind of work; with `KIND COUNT` it does so many
//! operations of one kind, to count instructions under callgrind. See the README beside it.

#![expect(
    clippy::disallowed_types,
    reason = "a benchmark looks at the wall clock"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::expect_used,
    reason = "a benchmark may stop at a wrong argument"
)]

use std::hint::black_box;
use std::time::Instant;

use regionfall_crdt::{
    Applied, Call, Command, CommandKind, Content, Effect, KeyId, OriginId, Replica, Timestamp,
};

const KEYS: u32 = 1_000;
const ORIGINS: u16 = 3;
/// Operations before the first that is measured, and as many to measure.
const OPERATIONS: usize = 30_000;
/// What an origin does before it hears of the others, so that a fifth of the SETs meets a concurrent
/// one.
const CROSSING: usize = 100;

/// What is measured: work on a replica that has a history.
struct Kind {
    name: &'static str,
    prepare: fn() -> (Replica, Work),
}

enum Work {
    Apply(Vec<Effect>),
    Execute(Vec<Command>),
}

const KINDS: [Kind; 11] = [
    Kind {
        name: "apply-set-observed",
        prepare: || applying(1, scattered, set),
    },
    Kind {
        name: "apply-set-crossing",
        prepare: || applying(CROSSING, scattered, set),
    },
    Kind {
        name: "apply-set-concurrent",
        prepare: || applying(CROSSING, in_step, set),
    },
    Kind {
        name: "apply-incr",
        prepare: || applying(CROSSING, scattered, incr),
    },
    Kind {
        name: "execute-set",
        prepare: || executing(set, set),
    },
    Kind {
        name: "execute-get",
        prepare: || executing(set, |key, _| Command::Get { key }),
    },
    Kind {
        name: "execute-incr",
        prepare: || executing(incr, incr),
    },
    Kind {
        name: "execute-get-counter",
        prepare: || executing(incr, |key, _| Command::Get { key }),
    },
    Kind {
        name: "apply-rpush",
        prepare: || applying(CROSSING, scattered, rpush),
    },
    Kind {
        name: "execute-lindex",
        prepare: || executing(rpush, lindex),
    },
    Kind {
        name: "execute-lpop",
        prepare: || executing(rpush, lpop),
    },
];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [name, count] = &arguments[..] {
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let (replica, work) = (kind.expect("a kind of work").prepare)();
        work.run(&replica, count.parse().expect("a number of operations"));
        return;
    }
    for kind in &KINDS {
        let (replica, work) = (kind.prepare)();
        let mut times = [0.0; 7];
        for time in &mut times {
            let start = Instant::now();
            work.run(&replica, 20 * OPERATIONS);
            *time = start.elapsed().as_secs_f64() * 1e9 / (20 * OPERATIONS) as f64;
        }
        times.sort_by(f64::total_cmp);
        println!("{:<22} {:6.1} ns", kind.name, times[times.len() / 2]);
    }
}

impl Work {
    /// Does `count` operations, from the same state again once all are done.
    fn run(&self, replica: &Replica, mut count: usize) {
        while count > 0 {
            let mut replica = replica.clone();
            let share = count.min(OPERATIONS);
            match self {
                Self::Apply(effects) => {
                    for effect in &effects[..share] {
                        assert_eq!(black_box(&mut replica).apply(effect), Applied::New);
                    }
                }
                Self::Execute(commands) => {
                    for (command, at) in commands[..share].iter().zip(0..) {
                        let replica = black_box(&mut replica);
                        black_box(&replica.execute(command, Timestamp(at), OriginId(0)));
                    }
                }
            }
            count -= share;
        }
    }
}

/// Effects of all origins, for a replica that writes nothing itself. Each origin does `crossing`
/// operations before it hears of the others.
fn applying(
    crossing: usize,
    key: fn(usize, u16) -> KeyId,
    command: fn(KeyId, u64) -> Command,
) -> (Replica, Work) {
    let mut writers = vec![Replica::new(); usize::from(ORIGINS)];
    let mut reader = Replica::new();
    let (mut sent, mut effects) = (Vec::new(), Vec::new());
    for step in 0..2 * OPERATIONS {
        let (origin, turn) = turn_of(step, crossing);
        let at = step as u64;
        let executed = writers[usize::from(origin)].execute(
            &command(key(turn, origin), at),
            Timestamp(at),
            OriginId(origin),
        );
        sent.extend(executed.effects);
        if (step + 1) % (crossing * usize::from(ORIGINS)) == 0 {
            for effect in sent.drain(..) {
                for writer in &mut writers {
                    let _ = writer.apply(&effect);
                }
                if step < OPERATIONS {
                    let _ = reader.apply(&effect);
                } else {
                    effects.push(effect);
                }
            }
        }
    }
    (reader, Work::Apply(effects))
}

/// Commands for a replica on which all origins have done `before`.
fn executing(
    before: fn(KeyId, u64) -> Command,
    command: fn(KeyId, u64) -> Command,
) -> (Replica, Work) {
    let mut replica = Replica::new();
    for step in 0..OPERATIONS {
        let (origin, turn) = turn_of(step, 1);
        let at = step as u64;
        let before = before(scattered(turn, origin), at);
        replica.execute(&before, Timestamp(at), OriginId(origin));
    }
    let commands = (0..OPERATIONS)
        .map(|step| command(scattered(step, 0), step as u64))
        .collect();
    (replica, Work::Execute(commands))
}

/// Whose step it is if each origin does `crossing` in a row, and which of its own.
fn turn_of(step: usize, crossing: usize) -> (u16, usize) {
    let block = crossing * usize::from(ORIGINS);
    let (round, within) = (step / block, step % block);
    (
        (within / crossing) as u16,
        round * crossing + within % crossing,
    )
}

/// Keys as good as random.
fn scattered(turn: usize, origin: u16) -> KeyId {
    let number = turn as u64 * u64::from(ORIGINS) + u64::from(origin);
    let mixed = (number ^ 0x5555).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    KeyId((((mixed >> 32) * u64::from(KEYS)) >> 32) as u32)
}

/// The same keys at every origin, so that every write meets two concurrent ones.
fn in_step(turn: usize, _: u16) -> KeyId {
    KeyId(turn as u32 % KEYS)
}

fn set(key: KeyId, token: u64) -> Command {
    let content = Content::Synthetic { token, length: 512 };
    Command::Set { key, content }
}

fn incr(key: KeyId, _: u64) -> Command {
    Command::Incr { key }
}

/// Of one list, whatever the key.
fn rpush(_: KeyId, _: u64) -> Command {
    on_list(CommandKind::RPush, &["12345678"])
}

fn lindex(key: KeyId, _: u64) -> Command {
    on_list(CommandKind::LIndex, &[&key.0.to_string()])
}

fn lpop(_: KeyId, _: u64) -> Command {
    on_list(CommandKind::LPop, &[])
}

fn on_list(kind: CommandKind, rest: &[&str]) -> Command {
    let arguments = std::iter::once(&"k").chain(rest);
    let arguments = arguments.map(|word| word.as_bytes().into()).collect();
    Command::Call(Box::new(Call::on_keys(kind, vec![KeyId(0)], arguments)))
}
