//! The `HyperLogLog`: additions merge, and a deletion wins over additions that had not observed it.
//!
//! "Adds merge. DEL wins over a concurrent PFADD, PFMERGE or EXPIRE: all replicas converge to no key" (Redis Active-Active
//! documentation, data types: `HyperLogLog`). So what counts is what was added in knowledge of all deletions: each addition
//! tells which it knew of. Registers, hash and estimate are those of redis/redis, `hyperloglog.c`.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::{Change, Effect, EffectKind, OriginId, Value, Wins};

/// Registers of a counter.
const REGISTERS: usize = 1 << 14;
/// Bits of a hash beyond those that choose the register.
const RANK_BITS: u32 = 50;
/// Where the registers begin in the string form.
const HEADER: usize = 16;

/// A register and the value that it is raised to.
pub(crate) type Raise = (u16, u8);

/// What an effect changes in a `HyperLogLog`.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HyperLogLogChange {
    /// Registers, each raised to at least this.
    pub raises: Vec<(u16, u8)>,
    /// The deletions of the key that its author knew of.
    pub known: Clock,
}

impl HyperLogLogChange {
    pub(crate) fn bytes(&self) -> usize {
        3 * self.raises.len() + 10 * self.known.len()
    }
}

/// The register that an element belongs to, and the value that it raises it to.
pub(crate) fn raise_of(element: &[u8]) -> Raise {
    let hash = murmur(element);
    let rank = (hash >> 14 | 1 << RANK_BITS).trailing_zeros() + 1;
    ((hash & (REGISTERS as u64 - 1)) as u16, rank as u8)
}

/// `MurmurHash64A` (Appleby) with the seed that the server uses.
fn murmur(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xadc8_3b19;
    let scramble = |word: u64| {
        let word = word.wrapping_mul(MULTIPLIER);
        (word ^ word >> 47).wrapping_mul(MULTIPLIER)
    };
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash ^ scramble(u64::from_le_bytes(word))).wrapping_mul(MULTIPLIER);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 47
}

/// Registers that are not 0, in order.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Registers(Vec<Raise>);

impl Registers {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn get(&self, register: u16) -> u8 {
        let place = self.0.binary_search_by_key(&register, |own| own.0);
        place.map_or(0, |place| self.0[place].1)
    }

    pub(crate) fn raise(&mut self, (register, value): Raise) {
        match self.0.binary_search_by_key(&register, |own| own.0) {
            Ok(place) => self.0[place].1 = self.0[place].1.max(value),
            Err(place) => self.0.insert(place, (register, value)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Raise> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if other.0.len() < self.0.len() / 8 {
            for raise in other.iter() {
                self.raise(raise);
            }
            return;
        }
        let (mut own, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        let mut all = Vec::with_capacity(self.0.len().max(other.0.len()));
        while let (Some(&a), Some(&b)) = (own.peek(), theirs.peek()) {
            all.push(match a.0.cmp(&b.0) {
                Ordering::Less => a,
                Ordering::Greater => b,
                Ordering::Equal => a.max(b),
            });
            own.next_if(|_| a.0 <= b.0);
            theirs.next_if(|_| b.0 <= a.0);
        }
        all.extend(own);
        all.extend(theirs);
        self.0 = all;
    }

    /// How many distinct elements there are, about (Ertl, New cardinality estimation algorithms for `HyperLogLog` sketches, 2017).
    pub(crate) fn estimate(&self) -> u64 {
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let mut histogram = [0_u32; RANK_BITS as usize + 2];
        histogram[0] = (REGISTERS - self.0.len()) as u32;
        for (_, value) in self.iter() {
            histogram[usize::from(value).min(RANK_BITS as usize + 1)] += 1;
        }
        let registers = REGISTERS as f64;
        let full = f64::from(histogram[RANK_BITS as usize + 1]);
        let mut z = registers * tau((registers - full) / registers);
        for &number in histogram[1..=RANK_BITS as usize].iter().rev() {
            z = 0.5 * (z + f64::from(number));
        }
        z += registers * sigma(f64::from(histogram[0]) / registers);
        libm::round(ALPHA * registers * registers / z) as u64
    }

    /// The string that GET answers: the dense form, without a cached estimate.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + REGISTERS * 6 / 8];
        bytes[..4].copy_from_slice(b"HYLL");
        bytes[HEADER - 1] = 0x80;
        for (register, value) in self.iter() {
            let bit = usize::from(register) * 6;
            let word = u16::from(value) << (bit % 8);
            bytes[HEADER + bit / 8] |= word as u8;
            if let Some(next) = bytes.get_mut(HEADER + bit / 8 + 1) {
                *next |= (word >> 8) as u8;
            }
        }
        bytes
    }

    /// The registers that a string of the dense form holds.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let packed = bytes.get(HEADER..)?;
        if !bytes.starts_with(b"HYLL\0") || packed.len() != REGISTERS * 6 / 8 {
            return None;
        }
        let value = |register: usize| {
            let bit = register * 6;
            let next = packed.get(bit / 8 + 1).copied().unwrap_or(0);
            let word = u16::from(packed[bit / 8]) | u16::from(next) << 8;
            (word >> (bit % 8) & 63) as u8
        };
        let all = (0..REGISTERS).map(|register| (register as u16, value(register)));
        Some(Self(all.filter(|raise| raise.1 > 0).collect()))
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let mut y = 1.0;
    let mut z = 1.0 - x;
    loop {
        x = libm::sqrt(x);
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before.total_cmp(&z).is_eq() {
            return z / 3.0;
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let mut y = 1.0;
    let mut z = x;
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before.total_cmp(&z).is_eq() {
            return z;
        }
    }
}

/// Additions that knew of the same deletions which have not arrived here.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Additions {
    known: Clock,
    registers: Registers,
    /// The newest of each origin.
    newest: Clock,
}

/// A `HyperLogLog` with the deletions that it survived.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct HyperLogLog {
    /// In order of what they knew; those that knew of nothing new come first, and there is seldom more.
    additions: Vec<Additions>,
    /// The deletions that arrived, until everyone knows of them. All additions here had observed them.
    deleted: Clock,
}

impl HyperLogLog {
    /// The deletions that additions to come must tell of.
    pub(crate) fn deleted(&self) -> &Clock {
        &self.deleted
    }

    fn registers(&self) -> Cow<'_, Registers> {
        if let [only] = self.additions.as_slice() {
            return Cow::Borrowed(&only.registers);
        }
        let mut all = Registers::new();
        for additions in &self.additions {
            all.join(&additions.registers);
        }
        Cow::Owned(all)
    }

    /// Forgets which additions knew of deletions that make no difference any more.
    fn forget(&mut self, settled: &Clock) {
        let mut united: Vec<Additions> = Vec::new();
        for mut additions in std::mem::take(&mut self.additions) {
            additions.known.retain(|dot| !settled.covers(dot));
            match united.iter_mut().find(|own| own.known == additions.known) {
                Some(own) => {
                    own.registers.join(&additions.registers);
                    own.newest.join(&additions.newest);
                }
                None => united.push(additions),
            }
        }
        united.sort_by(|a, b| a.known.iter().cmp(b.known.iter()));
        self.additions = united;
    }
}

impl Merge for HyperLogLog {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::HyperLogLog(_)))
    }

    fn apply(&mut self, effect: &Effect, _covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        let Change::HyperLogLog(change) = &**change else {
            return;
        };
        if !effect.context.dominates(&self.deleted) {
            return;
        }
        let mut registers = Registers::new();
        for &raise in &change.raises {
            registers.raise(raise);
        }
        self.additions.push(Additions {
            known: change.known.clone(),
            registers,
            newest: [effect.dot].into_iter().collect(),
        });
        self.forget(&self.deleted.clone());
    }

    /// Deletions by replicas that knew of no `HyperLogLog` do not concern it.
    fn reset(&mut self, _covered: &Clock) {}

    fn note_wins(&self, wins: &mut Wins) {
        wins.over_hyperloglog = true;
    }

    fn lose(&mut self, deletion: &Effect) {
        self.additions
            .retain(|additions| additions.known.covers(deletion.dot));
        self.deleted.extend_to(deletion.dot);
        self.forget(&self.deleted.clone());
    }

    fn is_special(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, _covered: &Clock) {
        // What is held where a deletion arrived had observed it.
        let survives = |additions: &Additions, clock: &Clock, deleted: &Clock| {
            let mut deleted = deleted.iter();
            deleted.all(|dot| additions.known.covers(dot) || clock.covers(dot))
        };
        self.additions
            .retain(|own| survives(own, counterpart.own_clock, &other.deleted));
        for theirs in &other.additions {
            if survives(theirs, counterpart.other_clock, &self.deleted) {
                self.additions.push(theirs.clone());
            }
        }
        self.deleted.join(&other.deleted);
        self.forget(&self.deleted.clone());
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        let newest = self.additions.iter().flat_map(|own| own.newest.iter());
        newest.map(|dot| dot.origin).min()
    }

    fn value(&self) -> Value<'_> {
        if self.additions.is_empty() {
            Value::Absent
        } else {
            Value::HyperLogLog(HyperLogLogView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        !self.deleted.is_empty() || self.additions.iter().any(|own| !own.known.is_empty())
    }

    fn collect(&mut self, stable: &Clock) {
        if stable.dominates(&self.deleted) {
            self.deleted = Clock::new();
        }
        self.forget(stable);
    }

    fn bytes(&self) -> usize {
        // Beyond a few thousand registers the server packs all of them.
        let additions = self.additions.iter().map(|own| {
            let registers = (3 * own.registers.0.len()).min(REGISTERS * 6 / 8);
            HEADER + registers + 10 * (own.known.len() + own.newest.len())
        });
        additions.sum::<usize>() + 10 * self.deleted.len()
    }

    fn recount(&mut self) {}
}

/// A `HyperLogLog`.
#[derive(Clone, Copy, Debug)]
pub struct HyperLogLogView<'a>(&'a HyperLogLog);

impl<'a> HyperLogLogView<'a> {
    /// How many distinct elements were added, about.
    pub fn estimate(self) -> u64 {
        self.registers().estimate()
    }

    /// The string that GET answers.
    pub fn to_bytes(self) -> Vec<u8> {
        self.registers().encode()
    }

    pub(crate) fn registers(self) -> Cow<'a, Registers> {
        self.0.registers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: std::ops::Range<u32>) -> Registers {
        let mut registers = Registers::new();
        for number in numbers {
            registers.raise(raise_of(number.to_string().as_bytes()));
        }
        registers
    }

    #[test]
    fn few_are_counted_exactly_and_many_within_the_known_error() {
        for number in [0, 1, 2, 10, 100] {
            assert_eq!(counted(0..number).estimate(), u64::from(number));
        }
        let many = counted(0..50_000).estimate();
        // Four standard errors of 0.81 %.
        assert!((48_380..51_620).contains(&many), "{many}");
    }

    #[test]
    fn the_string_form_reads_back() {
        let registers = counted(0..1000);
        assert_eq!(Registers::decode(&registers.encode()), Some(registers));
        assert_eq!(Registers::decode(b"HYLL"), None);
    }
}
