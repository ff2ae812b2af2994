//! What is known of a command by its name alone.

use std::fmt;

use super::CommandKind;

/// The type of data that a keyspace holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DataType {
    /// A value written and read as a whole; the last writer wins.
    String,
    /// A number that increments add to; kept as a string, as in Redis.
    Counter,
    /// An unordered collection of distinct elements.
    Set,
    /// Fields with values, each a string or a counter.
    Hash,
    /// Distinct members, each with a score; places on a map too.
    SortedSet,
    /// A sequence of elements.
    List,
    /// Entries by ID, with consumer groups.
    Stream,
    /// How many distinct elements were added, about.
    HyperLogLog,
    /// A JSON document.
    Json,
}

impl DataType {
    /// Every data type.
    pub const ALL: &[DataType] = &[
        DataType::String,
        DataType::Counter,
        DataType::Set,
        DataType::Hash,
        DataType::SortedSet,
        DataType::List,
        DataType::Stream,
        DataType::HyperLogLog,
        DataType::Json,
    ];

    /// Its name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Counter => "counter",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::SortedSet => "sorted-set",
            Self::List => "list",
            Self::Stream => "stream",
            Self::HyperLogLog => "hyperloglog",
            Self::Json => "json",
        }
    }

    /// The data type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|data_type| data_type.name() == name)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a command does to what it names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Only looks.
    Read,
    /// Changes; a second execution in a row changes nothing more.
    Idempotent,
    /// Changes; a second execution changes again.
    Repeating,
    /// Not supported by an Active-Active database.
    Refused,
}

/// Which arguments are keys, counted from the command's name, which is argument 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyArguments {
    None,
    /// The first.
    First,
    /// The second: after a subcommand.
    Second,
    /// The first two.
    Two,
    /// All.
    All,
    /// All but the last.
    AllButLast,
    /// Every second, from the first.
    Pairs,
    /// Every third, from the first.
    Triples,
    /// All from the second.
    BitOp,
    /// As many as the first argument says, after it.
    Counted1,
    /// The first, and as many as the second says, after it.
    Counted2,
    /// The first half of what follows the word STREAMS.
    Streams,
}

impl CommandKind {
    /// Those that have a variant of [`Command`](crate::Command) of their own, so that they can name numbered elements
    /// and contents that only stand for bytes.
    pub const SIMULATED: &[CommandKind] = &[
        Self::Get,
        Self::Set,
        Self::Del,
        Self::Exists,
        Self::Incr,
        Self::IncrBy,
        Self::Decr,
        Self::DecrBy,
        Self::SAdd,
        Self::SRem,
        Self::SIsMember,
        Self::SMembers,
        Self::SCard,
        Self::Ping,
        Self::Echo,
    ];

    /// Whether an Active-Active database refuses it.
    pub const fn is_refused(self) -> bool {
        matches!(self.nature(), Nature::Refused)
    }

    /// The command of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Whether it can change anything.
    #[inline]
    pub const fn is_write(self) -> bool {
        matches!(self.nature(), Nature::Idempotent | Nature::Repeating)
    }

    /// Whether a retry whose first attempt took effect changes nothing more, as long as nothing else
    /// happens between them. Clients class commands so; INCR and its like are not safe to repeat
    /// (Redis client documentation, failover). Reads are.
    pub const fn is_idempotent(self) -> bool {
        !matches!(self.nature(), Nature::Repeating)
    }

    /// Whether it makes sense on keys of `data_type`: not refused for the type of what they hold.
    pub fn suits(self, data_type: DataType) -> bool {
        match self.data_type() {
            None => true,
            Some(own) => own == data_type || (self == Self::Get && data_type == DataType::Counter),
        }
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for &kind in CommandKind::ALL {
            assert_eq!(CommandKind::from_name(kind.name()), Some(kind));
            assert_eq!(
                CommandKind::from_name(&kind.name().to_uppercase()),
                Some(kind)
            );
        }
        assert_eq!(CommandKind::from_name("nonsense"), None);
        for &data_type in DataType::ALL {
            assert_eq!(DataType::from_name(data_type.name()), Some(data_type));
        }
    }

    #[test]
    fn only_increments_do_not_repeat() {
        let repeating: Vec<_> = CommandKind::SIMULATED
            .iter()
            .filter(|kind| !kind.is_idempotent())
            .map(|kind| kind.name())
            .collect();
        assert_eq!(repeating, ["incr", "incrby", "decr", "decrby"]);
        let writes: Vec<_> = CommandKind::SIMULATED
            .iter()
            .filter(|kind| kind.is_write())
            .map(|kind| kind.name())
            .collect();
        assert_eq!(
            writes,
            [
                "set", "del", "incr", "incrby", "decr", "decrby", "sadd", "srem"
            ]
        );
    }

    #[test]
    fn get_reads_counters_and_del_suits_all() {
        assert!(CommandKind::Get.suits(DataType::Counter));
        assert!(!CommandKind::Get.suits(DataType::Set));
        assert!(!CommandKind::Set.suits(DataType::Counter));
        assert!(
            DataType::ALL
                .iter()
                .all(|&data_type| CommandKind::Del.suits(data_type))
        );
    }
}
