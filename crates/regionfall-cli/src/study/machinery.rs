//! Which numbers can make a difference: those of machinery that a scenario has. What nothing uses is no foundation of a
//! figure, and to vary it shows nothing.

use regionfall::database::promotion::PromotionRule;
use regionfall::database::{DatabaseKind, Stale};
use regionfall::failover::StrategyConfig;
use regionfall::scenario::Settings;

use super::resolved::Founded;

/// Whether a number of a strategy can make a difference: waits between attempts do not where there is one
/// attempt, nor does a limit that no wait reaches.
pub(super) fn matters(value: &Founded, config: &StrategyConfig) -> bool {
    let client = &config.client;
    match value.key.strip_prefix("client.") {
        Some("retry_wait" | "retry_multiplier") => client.attempts > 1,
        Some("retry_wait_max") => {
            let waits = client.attempts.saturating_sub(2).min(64);
            let grown = (0..waits).fold(client.retry_wait.as_secs_f64(), |wait, _| {
                wait * client.retry_multiplier
            });
            client.attempts > 1 && grown > client.retry_wait_max.as_secs_f64()
        }
        _ => true,
    }
}

/// Whether the machinery that a number of the world belongs to is there at all.
pub(super) fn is_in_use(key: &str, settings: &Settings) -> bool {
    let database = &settings.database;
    if let Some(key) = key.strip_prefix("database.promotion.") {
        let promotes = database.replicas_per_shard > 0;
        return match (&database.promotion.rule, key) {
            (PromotionRule::Watchdogs(_), "replica_grace") => database.spare_nodes > 0,
            (PromotionRule::Watchdogs(_), "takes" | "heartbeat")
            | (PromotionRule::Cluster(_), "replica_validity_factor") => promotes,
            (PromotionRule::Sentinels(_), key) => {
                promotes && !["takes", "heartbeat", "replica_grace"].contains(&key)
            }
            (PromotionRule::Cluster(_), "node_timeout" | "require_full_coverage") => true,
            _ => false,
        };
    }
    if key == "database.sync.stale.alone_after" {
        return database.sync.stale != Stale::Off;
    }
    if key.starts_with("database.sync.") && key != "database.sync.restart" {
        return database.replicas_per_shard > 0 || has_syncers(settings);
    }
    if let Some(keyspace) = key
        .strip_prefix("workload.keyspace.")
        .and_then(|rest| rest.strip_suffix(".ttl"))
    {
        let keyspaces = &settings.workload.keyspaces;
        let keyspace = keyspace.parse::<usize>().ok();
        let keyspace = keyspace.and_then(|index| keyspaces.get(index));
        // What cannot be looked up is not left out.
        return keyspace.is_none_or(|it| {
            let mut commands = it.mix.iter();
            commands.any(|(command, _)| sets_expiry(command.name()))
        });
    }
    true
}

/// Whether effects of one member go to another.
fn has_syncers(settings: &Settings) -> bool {
    let kind = settings.database.kind;
    let is_copied = matches!(kind, DatabaseKind::ActiveActive | DatabaseKind::GeoPassive);
    is_copied && settings.topology.members > 1
}

/// Whether a command takes the `ttl` of its keyspace, as the format says there.
fn sets_expiry(command: &str) -> bool {
    ["expire", "pexpire", "setex", "psetex"].contains(&command)
}

#[cfg(test)]
mod tests {
    use regionfall_report::html::Grade;

    use super::super::resolved::Origin;
    use super::*;

    #[test]
    fn numbers_that_cannot_matter_are_left_out() {
        let mut config = StrategyConfig {
            client: regionfall::failover::ClientConfig::plain(),
            ..pinned()
        };
        let of = |key: &str| Founded {
            strategy: Some(0),
            key: key.to_owned(),
            value: "1".to_owned(),
            origin: Origin::Graded(Grade::Assumed),
            is_default: false,
        };
        assert!(!matters(&of("client.retry_wait"), &config));
        assert!(matters(&of("client.timeout"), &config));
        config.client.attempts = 3;
        config.client.retry_wait = regionfall_kernel::SimDuration::from_millis(500);
        config.client.retry_multiplier = 2.0;
        config.client.retry_wait_max = regionfall_kernel::SimDuration::from_secs(60);
        assert!(matters(&of("client.retry_wait"), &config));
        assert!(!matters(&of("client.retry_wait_max"), &config));
        config.client.attempts = 20;
        assert!(matters(&of("client.retry_wait_max"), &config));
    }

    #[test]
    fn numbers_of_machinery_that_is_not_there_are_left_out() {
        let is_in_use = |key: &str, text: &str| is_in_use(key, &settings(text));
        let (heartbeat, takes) = ("database.promotion.heartbeat", "database.promotion.takes");
        let watchdogs =
            "[database]\nreplicas_per_shard = 1\n[database.promotion]\nby = \"watchdogs\"\n";
        assert!(!is_in_use(heartbeat, ""));
        assert!(!is_in_use(takes, "[database]\nreplicas_per_shard = 1\n"));
        assert!(is_in_use(heartbeat, watchdogs) && is_in_use(takes, watchdogs));
        let stale = "[database.sync.stale]\nenter = \"after-restart\"\n";
        assert!(!is_in_use("database.sync.stale.alone_after", ""));
        assert!(is_in_use("database.sync.stale.alone_after", stale));
        let alone = "[database]\nkind = \"independent\"\n";
        assert!(is_in_use("database.sync.silence_limit", ""));
        assert!(!is_in_use("database.sync.silence_limit", alone));
        let keyspaces = "[[workload.keyspace]]\nname = \"a\"\nshare = \"50%\"\nmix = { set = 1 }\n\
                         [[workload.keyspace]]\nname = \"b\"\nshare = \"50%\"\nmix = { setex = 1 }\n";
        assert!(!is_in_use("workload.keyspace.0.ttl", keyspaces));
        assert!(is_in_use("workload.keyspace.1.ttl", keyspaces));
        assert!(is_in_use("workload.slo_deadline", ""));
    }

    fn settings(more: &str) -> Settings {
        let text = format!(
            "{more}[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n[[strategy]]\npreset = \"pinned\"\n"
        );
        let scenario = regionfall::scenario::Scenario::from_toml(&text).unwrap();
        scenario.variants[0].settings.clone()
    }

    fn pinned() -> StrategyConfig {
        let text = "[topology]\nregions = [\"us-east-1\", \"eu-west-1\"]\n[[strategy]]\npreset = \"pinned\"\n";
        let scenario = regionfall::scenario::Scenario::from_toml(text).unwrap();
        scenario.variants[0].settings.strategies[0].clone()
    }
}
