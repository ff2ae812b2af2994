//! What cells can be made of, as far as serde is concerned: whatever it can write and read, or anything where it is left out.

#[cfg(feature = "serde")]
mod bound {
    /// Can be written and read.
    pub(crate) trait Stored: serde::Serialize + serde::de::DeserializeOwned {}

    impl<T: serde::Serialize + serde::de::DeserializeOwned> Stored for T {}
}

#[cfg(not(feature = "serde"))]
mod bound {
    /// No demands.
    pub(crate) trait Stored {}

    impl<T> Stored for T {}
}

pub(crate) use bound::Stored;
