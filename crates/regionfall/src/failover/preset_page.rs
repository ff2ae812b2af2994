//! The catalogue of presets as a page for people: `docs/strategies.md`, and the short forms that lists show.

use core::fmt::Write as _;

use super::preset::{Catalogue, Preset};

/// What stands above the presets.
const HEAD: &str = "\
<!-- Written from the data files of the presets; a test says how when they differ. -->
# Strategies

A strategy is a composition of six parts: vantage (who decides), evidence (what it sees), detector (when that is a
failure), choice (where to go), propagation (how clients learn) and failback (when and how back), with the client that
carries commands beside them. A preset is such a composition as data, with the source and the grade of every number.
`docs/scenario-format.md` lists every key; `regionfall presets NAME --toml` prints a preset ready to paste.

Grades: `measured` on real software; read in `source` code; `documented` by its vendor or project; `assumed`.

## How long detection takes

I is the interval of a loop, T the timeout of a probe, n the failures in a row that it takes, d the gap between probes of
a round, r the round trip, J the most that jitter adds, k the retries at once. The phase of a fault within a loop is
uniform. Times are from the fault to the verdict; publication, adoption and reconnection come on top.

| loop | silent: least, mean, most | refusing: least, mean, most |
|---|---|---|
| fixed rate, n in a row | (n-1)I+T, (n-1/2)I+T, nI+T | (n-1)I, (n-1/2)I, nI |
| fixed delay, n in a row | (n-1)(I+T)+T, (n-1)(I+T)+T+I/2, n(I+J+T) | (n-1)I, (n-1/2)I, n(I+J) |
| fixed rate, a round of n of which all must pass | T, (q²+(n-1)(d+r)²)/2I+T, max(q, d)+T with q = I-(n-1)(d+r) | 0, the same without T, max(q, d) |
| fixed delay, rounds together, T for a round | T-(n-1)(d+r), -, I+T | 0, -, I+(n-1)d+nr |
| n in a row with k retries at once | nT(k+1), -, nI+(k+1)T | 0, -, nI |
| no success for so long | the limit less I, less I/2, the limit | I where a refusal is final |
| phi accrual | the threshold's time less I, -, the threshold's time | the same |
| heartbeats through the database | the silence less I, -, the silence and the replication delay | at once, by the lost connection |

A detector of the application's own traffic can trip only if a process produces N/W failing attempts a second, N being
its least number and W its window.

## What is said of them, and what the simulation says

[claims.md](claims.md): every kind of strategy, as it comes and set up with care, under seven kinds of trouble.

## What goes wrong in the field

Ways to fail that people met with such clients, proxies and promotions, and the test that shows each (under
`crates/regionfall/tests/it/` unless another folder is named).

| | with clients | seen in | shown by |
|---|---|---|---|
| 1 | a client hangs for a quarter of an hour on a silent socket | StackExchange.Redis#1848, lettuce#2082, linkerd2#13023 | `clients.rs`, `a_user_timeout_ends_what_is_otherwise_a_quarter_of_an_hour` |
| | a command times out, its connection stays, and the next one meets the same hole | StackExchange.Redis#1848 | `clients.rs`, `a_command_that_times_out_on_a_kept_connection_meets_the_same_hole_again` |
| 2 | an address is resolved once and used for ever | StackExchange.Redis#1015, lettuce#1873, redisson#1009 | `routes/names.rs`, `a_process_that_resolved_once_follows_when_somebody_starts_it_anew` |
| 3 | a reconnect within the lifetime of a name finds the old primary again | aioredis-py#353 | `routes/names.rs`, `inside_the_lifetime_a_reconnect_finds_the_old_address_again` |
| 4 | a client without a time limit is stuck for minutes where the failover took seconds | fred.rs#358 | `clients.rs`, `without_a_timeout_a_client_waits_for_the_kernel` |
| 13 | a breaker that cannot trip at a low rate | jedis#4295 | `clients.rs`, `a_breaker_cannot_trip_at_a_low_rate` |
| 14 | an outage that falls between two rounds | redis-py#4301 | `clients.rs`, `an_outage_between_two_rounds_is_seen_by_nobody_whose_round_it_misses` |
| 15 | a kind of error that the detector does not know | redis-py#4301 | `clients.rs`, `only_timeouts_leaves_refusals_out` |
| 16 | old failures that make a client bounce after its return: not here, a breaker that closed has forgotten | go-redis#3950 | `clients.rs`, `a_breaker_that_closed_has_forgotten` |
| 17 | what was given up is executed later | node-redis#3435 | `clients.rs`, `what_was_given_up_may_be_executed_later` |
| 18 | a check that asks about something else: it finds well what is not | redis-py#4301 | `returns.rs`, `a_shard_that_is_down_moves_its_own_traffic_or_everything_or_nothing` (a mapping that is wrong by hand is not in the model) |
| 19 | a library that knows the endpoint of a cluster and not its shards | lettuce#3765 | `returns.rs`, `a_shard_that_is_down_moves_its_own_traffic_or_everything_or_nothing` |
| 20 | maintenance that looks like a failure | redis/docs#3465 | `clients.rs`, `maintenance_of_seconds_looks_like_a_failure_to_a_client_that_is_not_told` |
| 21 | the health endpoint is down, the data path is up | Redis Software release notes, RS208996 | `clients.rs`, `a_health_endpoint_that_is_down_moves_every_client_that_trusts_it` |
| 22 | failovers that reverse within seconds | redis-py docs | `clients.rs`, `a_client_that_returns_at_once_flaps_with_its_member` |
| | a return into a member that has not caught up | Redis docs, application failover | `returns.rs`, `criteria_keep_traffic_from_a_member_that_is_not_in_step` |
| | a grace that blocks the last member | redis/jedis, grace period | `returns.rs`, `a_grace_that_blocks_the_last_member_is_looked_beyond_only_on_a_timer` |

| | with proxies | seen in | shown by |
|---|---|---|---|
| 5 | a proxy marks a server down, and old sessions stay with it | haproxy#962, autobase#1562 | `routes/proxies.rs`, `a_cut_tells_clients_at_once_that_a_silent_member_is_gone`; `routes/balancers.rs`, `flows_that_stay_are_lost_until_clients_give_up` |
| 6 | two primaries behind a proxy that asks for roles | redisson#2287, helm/charts#21303, bitnami/charts#5418 | `routes/balancers.rs`, `a_proxy_that_asks_for_roles_has_two_primaries_until_the_old_one_is_told` |
| 11 | two masters of one address, and a stale one after the heal | keepalived#2370, #2649, #408 | `routes/takeover.rs`, `lost_adverts_make_two_masters_of_which_the_second_has_the_clients`, `a_master_that_does_not_announce_itself_again_leaves_a_stale_address` |
| 12 | failover that does not engage without checks of one's own | envoy#11815, #25865, #31877 | `routes/passive.rs`, `with_fewer_than_ten_members_the_defaults_eject_nobody`, `a_silent_member_is_not_found_if_clients_give_up_before_the_proxy_does` |

| | inside of a region | seen in | shown by |
|---|---|---|---|
| 7 | a blip after which the old primary goes on taking writes | redis#7816 | `promotion.rs`, `after_a_blip_the_old_primary_takes_writes_that_are_lost` |
| 8 | an election that splits, and the next minutes later | redis#7104, #11642, redis PR#4346 | `cluster.rs`, `votes_split_between_distant_replicas_and_the_next_election_is_long_in_coming`; `src/database/promotion/sentinel/tests/stories.rs`, `a_split_vote_is_tried_again_after_twice_the_failover_timeout` |
| 9 | no good replica, and the next attempt long in coming | redis#5677, #9625 | `promotion.rs`, `without_a_good_replica_the_next_attempt_is_long_in_coming` |
| 10 | a pause that is taken for a death | redis#14422 | `promotion.rs`, `a_pause_longer_than_the_limit_is_taken_for_a_death` |

";

impl Catalogue {
    /// The page of all strategies.
    pub fn markdown(&self) -> String {
        let mut page = HEAD.to_owned();
        page.push_str("## Presets\n\n| preset | family | silent | refusing | weakest grade |\n|---|---|---|---|---|\n");
        for preset in self.list() {
            let worst = |refusing: bool| {
                preset
                    .detection
                    .as_ref()
                    .map_or("-".to_owned(), |detection| {
                        let span = if refusing {
                            detection.refusing
                        } else {
                            detection.silent
                        };
                        span.to_string()
                    })
            };
            let weakest = preset.numbers.iter().map(|number| number.grade).min();
            let _ = writeln!(
                page,
                "| [`{name}`](#{name}) | {} | {} | {} | {} |",
                preset.family,
                worst(false),
                worst(true),
                weakest.map_or("-", |grade| grade.name()),
                name = preset.name,
            );
        }
        for preset in self.list() {
            preset.section(&mut page);
        }
        page
    }
}

impl Preset {
    fn section(&self, page: &mut String) {
        let _ = writeln!(page, "\n### {}\n\n{}\n", self.name, self.summary);
        if let Some(detection) = &self.detection {
            let _ = writeln!(
                page,
                "Worst detection: {} if the member falls silent, {} if it refuses ({}).\n",
                detection.silent, detection.refusing, detection.formula
            );
        }
        page.push_str("| key | value | grade | source |\n|---|---|---|---|\n");
        for number in &self.numbers {
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {} | {} |",
                number.key,
                number.value.replace('|', "\\|"),
                number.grade,
                number.source.replace('|', "\\|"),
            );
        }
    }

    /// Its settings without those of the client, in short.
    pub fn parameters(&self) -> String {
        let own = self.numbers.iter().filter(|number| {
            !number.key.starts_with("client.") && number.key != "propagation.resolvers"
        });
        let pairs: Vec<String> = own
            .map(|number| {
                let key = number.key.replace("evidence.", "").replace("detector.", "");
                format!("{key}={}", number.value.trim_matches('"'))
            })
            .collect();
        pairs.join(" ")
    }

    /// The repositories and documents that its numbers are from, each once, in order.
    pub fn sources(&self) -> Vec<&str> {
        let mut sources: Vec<&str> = Vec::new();
        for number in &self.numbers {
            let is_repository =
                |word: &&str| word.matches('/').count() == 1 && !word.ends_with('/');
            let first = number.source.split(' ').next().filter(is_repository);
            let document = || number.source.split([',', ':']).next().unwrap_or_default();
            let source = first.unwrap_or_else(document).trim();
            if number.grade != super::Grade::Assumed && !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }
}
