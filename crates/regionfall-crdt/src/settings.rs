//! What operators of a database can choose, as far as data types are concerned.

/// Settings of a replica. All replicas of a database should have the same, but for `instance`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Settings {
    /// The number of this instance (region), the part of generated stream IDs that keeps regions apart, and the name
    /// under which it owns expiries. `None` takes the number of the origin that executes.
    pub instance: Option<u16>,
    /// Which stream IDs clients may choose.
    pub xadd_id_mode: XaddIdMode,
}

/// Which IDs XADD accepts, and how it completes them (Redis Active-Active documentation, data types: streams).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum XaddIdMode {
    /// `*`, and milliseconds alone, which get the instance as their sequence; a full ID is refused. IDs are unique.
    /// The default.
    #[default]
    Strict,
    /// A full ID too, so that two regions may choose the same.
    SemiStrict,
    /// Any ascending ID; milliseconds alone get the sequence 0.
    Liberal,
}

impl XaddIdMode {
    /// Every mode.
    pub const ALL: &[XaddIdMode] = &[Self::Strict, Self::SemiStrict, Self::Liberal];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::SemiStrict => "semi-strict",
            Self::Liberal => "liberal",
        }
    }

    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == name)
    }
}
