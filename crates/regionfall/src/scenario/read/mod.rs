//! From texts to one resolved tree per variant.
//!
//! ```text
//! files ──document──▶ trees ──layer──▶ one tree per variant ──resolve──▶ checked, complete tree
//!                      defaults < presets < extended files < file < variant < --set
//! ```

pub(crate) mod derive;
pub(crate) mod distribution;
pub(crate) mod document;
pub(crate) mod files;
pub(crate) mod layer;
pub(crate) mod leaf;
pub(crate) mod path;
pub(crate) mod quantity;
pub(crate) mod resolve;
pub(crate) mod samples;
pub(crate) mod tree;
