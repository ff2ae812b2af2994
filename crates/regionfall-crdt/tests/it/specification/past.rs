//! What the specification is a function of: operations, and which of them are seen.

/// An operation: the replica that executed it, counted from 0, and its number there, from 0.
pub(crate) type Name = (usize, usize);

/// How many operations of each replica are seen. They arrive in the order of their replica, so a number
/// for each is enough: a version vector.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Seen(pub(crate) Vec<usize>);

/// An operation on one key.
#[derive(Clone, Debug)]
pub(crate) struct Operation<W> {
    pub(crate) name: Name,
    pub(crate) key: String,
    /// What the wall clock of its replica said, in milliseconds.
    pub(crate) at: u64,
    /// What it comes after.
    pub(crate) after: Seen,
    pub(crate) what: W,
}

/// Every operation there ever was.
#[derive(Clone, Debug)]
pub(crate) struct Past<W>(pub(crate) Vec<Operation<W>>);

impl Seen {
    pub(crate) fn nothing(replicas: usize) -> Self {
        Self(vec![0; replicas])
    }

    pub(crate) fn has(&self, name: Name) -> bool {
        name.1 < self.0[name.0]
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }
}

impl<W> Operation<W> {
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        self.after.has(other.name)
    }

    /// Who prevails where the last writer wins: the later wall clock, then the smaller replica.
    pub(crate) fn rank(&self) -> (u64, std::cmp::Reverse<usize>) {
        (self.at, std::cmp::Reverse(self.name.0))
    }
}

impl<W> Past<W> {
    /// The operations on a key that are seen.
    pub(crate) fn on<'p>(&'p self, key: &str, seen: &Seen) -> Vec<&'p Operation<W>> {
        let is_seen = |operation: &&Operation<W>| operation.key == key && seen.has(operation.name);
        self.0.iter().filter(is_seen).collect()
    }
}

impl<W> Past<W> {
    /// What an operation that replaces a whole key comes after: all that is seen, and whatever those that
    /// replaced the key before came after, even where they have overtaken what they replaced. What is
    /// replaced stays replaced.
    pub(crate) fn before_whole(
        &self,
        key: &str,
        seen: &Seen,
        is_whole: impl Fn(&W) -> bool,
    ) -> Seen {
        let mut after = seen.clone();
        for before in self.on(key, seen) {
            if is_whole(&before.what) {
                after.join(&before.after);
            }
        }
        after
    }
}

/// When and where an operation is executed.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) name: Name,
    pub(crate) key: &'a str,
    pub(crate) seen: &'a Seen,
    pub(crate) at: u64,
}

impl<W> Past<W> {
    /// Adds an operation; `is_whole` tells those that replace a whole key.
    pub(crate) fn record(&mut self, here: Here<'_>, what: W, is_whole: impl Fn(&W) -> bool) {
        let after = if is_whole(&what) {
            self.before_whole(here.key, here.seen, is_whole)
        } else {
            here.seen.clone()
        };
        self.0.push(Operation {
            name: here.name,
            key: here.key.to_owned(),
            at: here.at,
            after,
            what,
        });
    }
}

/// Those operations that none of the others comes after, as far as the others are of a kind to replace
/// them.
pub(crate) fn unreplaced<'p, W>(
    operations: &[&'p Operation<W>],
    replaces: impl Fn(&Operation<W>, &Operation<W>) -> bool,
) -> Vec<&'p Operation<W>> {
    let is_replaced = |one: &Operation<W>| {
        operations
            .iter()
            .any(|other| other.is_after(one) && replaces(other, one))
    };
    operations
        .iter()
        .copied()
        .filter(|one| !is_replaced(one))
        .collect()
}
