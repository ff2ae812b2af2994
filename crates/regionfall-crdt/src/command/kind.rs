//! The commands by name, without their arguments: one line each.

use std::fmt;

/// The type of data that a keyspace holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DataType {
    /// A value written and read as a whole; the last writer wins.
    String,
    /// A number that increments add to; kept as a string, as in Redis.
    Counter,
    /// An unordered collection of distinct elements.
    Set,
}

impl DataType {
    /// Every data type.
    pub const ALL: &[DataType] = &[DataType::String, DataType::Counter, DataType::Set];

    /// Its name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Counter => "counter",
            Self::Set => "set",
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
enum Nature {
    /// Only looks.
    Read,
    /// Changes; a second execution in a row changes nothing more.
    IdempotentWrite,
    /// Changes; a second execution changes again.
    RepeatingWrite,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $data_type:expr, $nature:ident;)*) => {
        /// A command without its arguments.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum CommandKind {
            $($(#[$doc])* $variant,)*
        }

        impl CommandKind {
            /// Every command.
            pub const ALL: &[CommandKind] = &[$(CommandKind::$variant,)*];

            /// Its name, in lower case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The data type that it is for, or `None` if it is for every type or for no key at all.
            pub const fn data_type(self) -> Option<DataType> {
                match self { $(Self::$variant => $data_type,)* }
            }

            const fn nature(self) -> Nature {
                match self { $(Self::$variant => Nature::$nature,)* }
            }
        }
    };
}

commands! {
    /// Reads a string or a counter.
    Get, "get", Some(DataType::String), Read;
    /// Writes a string, whatever the key held.
    Set, "set", Some(DataType::String), IdempotentWrite;
    /// Deletes a key of any type.
    Del, "del", None, IdempotentWrite;
    /// Whether a key exists.
    Exists, "exists", None, Read;
    /// Adds 1.
    Incr, "incr", Some(DataType::Counter), RepeatingWrite;
    /// Adds a number.
    IncrBy, "incrby", Some(DataType::Counter), RepeatingWrite;
    /// Subtracts 1.
    Decr, "decr", Some(DataType::Counter), RepeatingWrite;
    /// Subtracts a number.
    DecrBy, "decrby", Some(DataType::Counter), RepeatingWrite;
    /// Adds elements to a set.
    SAdd, "sadd", Some(DataType::Set), IdempotentWrite;
    /// Removes elements from a set.
    SRem, "srem", Some(DataType::Set), IdempotentWrite;
    /// Whether an element is in a set.
    SIsMember, "sismember", Some(DataType::Set), Read;
    /// The elements of a set.
    SMembers, "smembers", Some(DataType::Set), Read;
    /// How many elements a set has.
    SCard, "scard", Some(DataType::Set), Read;
    /// Answers PONG.
    Ping, "ping", None, Read;
    /// Answers its argument.
    Echo, "echo", None, Read;
}

impl CommandKind {
    /// The command of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Whether it can change anything.
    pub const fn is_write(self) -> bool {
        !matches!(self.nature(), Nature::Read)
    }

    /// Whether a retry whose first attempt took effect changes nothing more, as long as nothing else
    /// happens between them. Clients class commands so; INCR and its like are not safe to repeat
    /// (Redis client documentation, failover). Reads are.
    pub const fn is_idempotent(self) -> bool {
        !matches!(self.nature(), Nature::RepeatingWrite)
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
        assert_eq!(CommandKind::from_name("flushall"), None);
        for &data_type in DataType::ALL {
            assert_eq!(DataType::from_name(data_type.name()), Some(data_type));
        }
    }

    #[test]
    fn only_increments_do_not_repeat() {
        let repeating: Vec<_> = CommandKind::ALL
            .iter()
            .filter(|kind| !kind.is_idempotent())
            .map(|kind| kind.name())
            .collect();
        assert_eq!(repeating, ["incr", "incrby", "decr", "decrby"]);
        let writes: Vec<_> = CommandKind::ALL
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
