//! Which key: uniform, or Zipf by Walker's alias method (Walker 1977, in Vose's form of 1991).

use std::sync::Arc;

use super::Popularity;

/// Picks ranks `0..keys` in constant time.
#[derive(Clone, Debug)]
pub(super) struct KeyTable {
    keys: u32,
    /// Per column: the threshold of 32 bits up to which the column itself is meant, and its alias.
    aliases: Option<Arc<[(u32, u32)]>>,
}

impl KeyTable {
    pub(super) fn new(popularity: Popularity, keys: u32) -> Self {
        let aliases = match popularity {
            Popularity::Uniform => None,
            Popularity::Zipf { exponent } => Some(alias_table(exponent, keys)),
        };
        Self { keys, aliases }
    }

    /// The rank that 64 uniform bits stand for.
    #[inline]
    pub(super) fn pick(&self, bits: u64) -> u32 {
        let column = (((bits >> 32) * u64::from(self.keys)) >> 32) as u32;
        match &self.aliases {
            None => column,
            Some(aliases) => {
                let (threshold, alias) = aliases[column as usize];
                if (bits as u32) <= threshold {
                    column
                } else {
                    alias
                }
            }
        }
    }
}

fn alias_table(exponent: f64, keys: u32) -> Arc<[(u32, u32)]> {
    let weights: Vec<f64> = (1..=keys)
        .map(|rank| libm::pow(f64::from(rank), -exponent))
        .collect();
    let total: f64 = weights.iter().sum();
    let mut scaled: Vec<f64> = weights
        .iter()
        .map(|weight| weight * f64::from(keys) / total)
        .collect();
    let (mut small, mut large): (Vec<u32>, Vec<u32>) =
        (0..keys).partition(|&column| scaled[column as usize] < 1.0);
    let mut table = vec![(u32::MAX, 0); keys as usize];
    while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
        let share = scaled[poor as usize];
        table[poor as usize] = ((share * f64::from(u32::MAX)) as u32, rich);
        scaled[rich as usize] -= 1.0 - share;
        if scaled[rich as usize] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
    table.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability of each rank that the table itself implies, exactly.
    fn implied(table: &KeyTable) -> Vec<f64> {
        let aliases = table.aliases.as_ref().expect("a Zipf table has aliases");
        let mut shares = vec![0.0; aliases.len()];
        for (column, &(threshold, alias)) in aliases.iter().enumerate() {
            let own = (f64::from(threshold) + 1.0) / 4_294_967_296.0;
            shares[column] += own / aliases.len() as f64;
            shares[alias as usize] += (1.0 - own) / aliases.len() as f64;
        }
        shares
    }

    #[test]
    fn the_alias_table_has_the_weights_of_zipf() {
        let keys = 1_000;
        let table = KeyTable::new(Popularity::Zipf { exponent: 0.99 }, keys);
        let total: f64 = (1..=keys)
            .map(|rank| libm::pow(f64::from(rank), -0.99))
            .sum();
        for (index, share) in implied(&table).into_iter().enumerate() {
            let expected = libm::pow((index + 1) as f64, -0.99) / total;
            assert!(
                (share - expected).abs() < 1e-8,
                "rank {index}: {share} against {expected}"
            );
        }
    }

    #[test]
    fn uniform_picks_cover_the_range() {
        let table = KeyTable::new(Popularity::Uniform, 10);
        assert_eq!(table.pick(0), 0);
        assert_eq!(table.pick(u64::MAX), 9);
    }
}
