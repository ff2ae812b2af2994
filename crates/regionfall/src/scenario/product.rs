//! Products: the defaults that a database has as somebody sells it, and what it does not offer.
//!
//! Data files with the source and the grade of evidence beside each number, as those of strategies; keys are those of
//! `[database]`. Adding a product is a file in `presets/products/`, a line in `FILES` and a word of the schema.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::failover::{Grade, Number, PresetError};

/// The data files.
const FILES: [(&str, &str); 4] = [
    (
        "redis-software",
        include_str!("../../presets/products/redis-software.toml"),
    ),
    (
        "redis-cloud",
        include_str!("../../presets/products/redis-cloud.toml"),
    ),
    (
        "azure-managed-redis",
        include_str!("../../presets/products/azure-managed-redis.toml"),
    ),
    (
        "redis-oss",
        include_str!("../../presets/products/redis-oss.toml"),
    ),
];

/// A database as somebody sells it, or gives it away.
#[derive(Clone, PartialEq, Debug)]
pub struct Product {
    /// Its name, as `product = "…"` takes it.
    pub name: String,
    /// The kinds of database that it offers.
    pub kinds: Vec<String>,
    /// Most members of a database.
    pub members: u16,
    /// How well that is founded, and where it is from.
    pub members_basis: (Grade, String),
    /// Its defaults with their sources.
    pub numbers: Vec<Number>,
}

impl Product {
    /// All products.
    pub fn all() -> impl Iterator<Item = Self> {
        FILES.iter().filter_map(|(_, text)| Self::parse(text).ok())
    }

    /// The product with this name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    fn parse(text: &str) -> Result<Self, PresetError> {
        let table = DeTable::parse(text).map_err(|error| PresetError::Syntax(error.to_string()))?;
        let table = table.get_ref();
        let list = |key: &'static str| match table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) => Ok(items),
            _ => Err(PresetError::Key(key)),
        };
        let kinds = list("kinds")?.iter().map(|kind| match kind.get_ref() {
            DeValue::String(word) => Ok(word.to_string()),
            _ => Err(PresetError::Key("kinds")),
        });
        let numbers = list("numbers")?.iter().map(|row| match row.get_ref() {
            DeValue::Table(row) => Number::parse(row, text),
            _ => Err(PresetError::Key("numbers")),
        });
        let Some(DeValue::Table(members)) = table.get("members").map(Spanned::get_ref) else {
            return Err(PresetError::Key("members"));
        };
        let most = match members.get("most").map(Spanned::get_ref) {
            Some(DeValue::Integer(most)) => most.as_str().parse().ok(),
            _ => None,
        };
        let grade = Grade::from_name(&text_of(members, "grade")?);
        Ok(Self {
            name: text_of(table, "name")?,
            kinds: kinds.collect::<Result<_, _>>()?,
            members: most.ok_or(PresetError::Key("most"))?,
            members_basis: (
                grade.ok_or(PresetError::Key("grade"))?,
                text_of(members, "source")?,
            ),
            numbers: numbers.collect::<Result<_, _>>()?,
        })
    }
}

fn text_of(table: &DeTable<'_>, key: &'static str) -> Result<String, PresetError> {
    match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::String(text)) => Ok(text.to_string()),
        _ => Err(PresetError::Key(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_file_is_well_formed_and_named_as_its_file() {
        for (name, text) in FILES {
            let product = Product::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(product.name, name);
            assert!(!product.numbers.is_empty() && !product.kinds.is_empty());
        }
        assert_eq!(Product::all().count(), FILES.len());
        let most = |name: &str| Product::named(name).map(|product| product.members);
        assert_eq!(most("azure-managed-redis"), Some(5));
        assert_eq!(most("redis-software"), Some(10));
        assert_eq!(most("nobody"), None);
    }
}
