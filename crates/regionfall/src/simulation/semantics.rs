//! What changed in the meaning of a run from one version of the model to the next.

use super::run::MODEL_VERSION;

/// The changes, by the version that brought them.
const CHANGES: &[(u32, &str)] = &[(
    2,
    "promotion, nodes of members, persistence and capacity came in, and facts speak of nodes instead of members",
)];

/// The changes of semantics since a version of the model: none if it is this one.
pub fn semantics_since(version: u32) -> Vec<String> {
    let newer = CHANGES.iter().filter(|(changed, _)| *changed > version);
    let mut told: Vec<String> = newer
        .map(|(changed, what)| format!("version {changed}: {what}"))
        .collect();
    if version > MODEL_VERSION {
        told.push(format!(
            "the file is from version {version}, which is newer than this one, {MODEL_VERSION}"
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_says_what_it_changed() {
        for version in 2..=MODEL_VERSION {
            assert!(
                CHANGES.iter().any(|(changed, _)| *changed == version),
                "{version}"
            );
        }
        assert!(semantics_since(MODEL_VERSION).is_empty());
        assert!(!semantics_since(1).is_empty());
    }
}
