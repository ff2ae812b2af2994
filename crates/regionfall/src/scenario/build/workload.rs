//! Fleets and keyspaces.

use regionfall_crdt::{CommandKind, DataType};

use super::{
    Builder, duration, flag, inner, integer, list, number, optional_duration, share, table, text,
};
use regionfall_kernel::SimDuration;

use crate::history::Promise;
use crate::scenario::error::{Problem, ProblemKind};
use crate::scenario::read::tree::{Fields, Node};
use crate::scenario::read::{leaf, path, quantity};
use crate::topology::{RegionId, TopologyConfig};
use crate::workload::{
    Arrivals, ByteSize, FleetConfig, KeyspaceConfig, Popularity, Scope, Session, TooFew,
    WaitCommand, WaitConfig, WorkloadConfig,
};

/// Shares must add up to the whole within this: what thirds written with two decimals leave over.
const ROUNDING: f64 = 0.002;

impl Builder<'_, '_> {
    /// Each fleet must be able to ask all that it would: a request is several events.
    pub(super) fn affordable(
        &mut self,
        root: &Fields,
        workload: &WorkloadConfig,
        length: SimDuration,
    ) {
        let budget: i64 = integer(root, "event_budget");
        let written = list(table(root, "workload"), "fleet");
        for (index, (node, fleet)) in written.iter().zip(&workload.fleets).enumerate() {
            let requests = fleet.arrivals.per_second() * length.as_secs_f64();
            if requests <= budget as f64 {
                continue;
            }
            let rate = inner(node).get("rate");
            let key = path::join(&path::item("workload.fleet", node, index), "rate");
            let message =
                format!("{requests:.0} requests in {length} are more than a run may have events");
            let problem = Problem::new(ProblemKind::OutOfRange, key, message)
                .got(rate.map(Node::excerpt).unwrap_or_default())
                .allowed(format!(
                    "what `event_budget = {budget}` suffices for, at about six events a request"
                ));
            self.report(problem, rate.and_then(Node::mark));
        }
    }

    pub(super) fn workload(
        &mut self,
        fields: &Fields,
        topology: &TopologyConfig,
    ) -> WorkloadConfig {
        let fleets = list(fields, "fleet");
        let keyspaces = list(fields, "keyspace");
        for (items, key) in [(fleets, "workload.fleet"), (keyspaces, "workload.keyspace")] {
            if items.is_empty() {
                let problem = Problem::new(ProblemKind::MissingKey, key, "is an empty list")
                    .allowed("at least one");
                self.report(
                    problem,
                    fields
                        .get(key.rsplit('.').next().unwrap_or(""))
                        .and_then(Node::key_mark),
                );
            }
        }
        self.names(fleets, "workload.fleet", "fleet");
        self.names(keyspaces, "workload.keyspace", "keyspace");
        self.shares(keyspaces, "workload.keyspace", "keyspaces");
        let fleets = fleets
            .iter()
            .enumerate()
            .map(|(index, fleet)| {
                self.fleet(
                    inner(fleet),
                    &path::item("workload.fleet", fleet, index),
                    topology,
                )
            })
            .collect();
        let mut keyspaces: Vec<KeyspaceConfig> = keyspaces
            .iter()
            .enumerate()
            .map(|(index, keyspace)| {
                self.keyspace(
                    inner(keyspace),
                    &path::item("workload.keyspace", keyspace, index),
                )
            })
            .collect();
        let total: f64 = keyspaces.iter().map(|keyspace| keyspace.share).sum();
        if total > 0.0 {
            for keyspace in &mut keyspaces {
                keyspace.share /= total;
            }
        }
        WorkloadConfig {
            fleets,
            keyspaces,
            slo_deadline: duration(fields, "slo_deadline"),
        }
    }

    /// Reports shares of a list that do not make up the whole.
    pub(super) fn shares(&mut self, items: &[Node], key: &str, what: &str) {
        let total: f64 = items.iter().map(|item| share(inner(item), "share")).sum();
        if items.is_empty() || (total - 1.0).abs() <= ROUNDING {
            return;
        }
        let last = items
            .iter()
            .rev()
            .filter_map(|item| inner(item).get("share"))
            .find(|node| node.mark().is_some());
        let problem = Problem::new(
            ProblemKind::SharesDoNotSum,
            format!("{key}.share"),
            format!(
                "the shares of all {what} add up to {}",
                quantity::share_text(total)
            ),
        );
        let problem = problem.allowed("shares that add up to 100%");
        self.report(
            problem,
            last.and_then(Node::mark)
                .or_else(|| items.last().and_then(Node::mark)),
        );
    }

    fn fleet(&mut self, fields: &Fields, here: &str, topology: &TopologyConfig) -> FleetConfig {
        let region = fields
            .get("region")
            .and_then(|node| self.region(node, &path::join(here, "region"), topology))
            .unwrap_or(RegionId(0));
        let home_key = path::join(here, "home");
        let written = list(fields, "home");
        let mut home = Vec::new();
        for node in written {
            if let Some(member) = self.member(node, &home_key, topology) {
                if home.contains(&member) {
                    let problem = Problem::new(
                        ProblemKind::NamedTwice,
                        &home_key,
                        "a member is named twice",
                    )
                    .got(node.excerpt())
                    .allowed("each member once");
                    self.report(problem, node.mark());
                } else {
                    home.push(member);
                }
            }
        }
        if written.is_empty() {
            let problem = Problem::new(ProblemKind::MissingKey, home_key, "is an empty list")
                .allowed("at least one member, in order of preference");
            self.report(problem, fields.get("home").and_then(Node::mark));
        }
        FleetConfig {
            name: text(fields, "name").to_owned(),
            region,
            servers: integer(fields, "servers"),
            connections_per_server: integer(fields, "connections_per_server"),
            arrivals: self.arrivals(fields, here),
            home,
            timeout: optional_duration(fields, "timeout"),
            tls_round_trips: integer(fields, "tls_round_trips"),
            auth_round_trips: integer(fields, "auth_round_trips"),
        }
    }

    fn arrivals(&mut self, fields: &Fields, here: &str) -> Arrivals {
        let (rate, clients) = (fields.get("rate"), fields.get("clients"));
        let loop_keys = [
            clients,
            fields.get("think"),
            fields.get("pause_after_error"),
        ];
        if let (Some(_), Some(other)) = (rate, loop_keys.into_iter().flatten().next()) {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "rate"),
                "`rate` (open loop) and `clients`, `think` (closed loop) do not go together",
            );
            let problem = problem.allowed("either `rate`, or `clients` with `think`");
            self.report(
                problem,
                other.key_mark().or_else(|| rate.and_then(Node::key_mark)),
            );
        }
        if clients.is_some() {
            return Arrivals::Closed {
                clients: integer(fields, "clients"),
                think: self.delay(fields, "think"),
                pause_after_error: match fields.get("pause_after_error") {
                    Some(_) => self.delay(fields, "pause_after_error"),
                    None => self.delay(fields, "think"),
                },
            };
        }
        Arrivals::Poisson {
            per_second: quantity::rate(text(fields, "rate")).unwrap_or(1.0),
        }
    }

    fn keyspace(&mut self, fields: &Fields, here: &str) -> KeyspaceConfig {
        let scope = fields.get("scope");
        let mix = self.mix(fields, here);
        KeyspaceConfig {
            name: text(fields, "name").to_owned(),
            share: share(fields, "share"),
            keys: integer(fields, "keys"),
            popularity: match leaf::zipf(text(fields, "popularity")) {
                Some(exponent) if exponent > 0.0 => Popularity::Zipf { exponent },
                _ => Popularity::Uniform,
            },
            value_size: ByteSize(
                quantity::size(text(fields, "value_size"))
                    .ok()
                    .and_then(|size| u32::try_from(size).ok())
                    .unwrap_or(1),
            ),
            elements: integer(fields, "elements"),
            ttl: duration(fields, "ttl"),
            promise: self.promise(fields, here, &mix),
            mix,
            scope: match scope.and_then(Node::text) {
                Some("home") => Scope::Home,
                Some(_) => Scope::Global,
                None => Scope::Shared(share(table(fields, "scope"), "shared")),
            },
            session: match text(fields, "session") {
                "read-your-writes" => Session::ReadYourWrites,
                _ => Session::None,
            },
            wait: fields
                .get("wait")
                .and_then(Node::table)
                .map(|wait| WaitConfig {
                    command: self.wait_command(wait, here),
                    replicas: integer(wait, "replicas"),
                    timeout: optional_duration(wait, "timeout"),
                    too_few: match text(wait, "too_few") {
                        "fail" => TooFew::Fail,
                        _ => TooFew::Accept,
                    },
                }),
        }
    }

    /// WAIT or WAITAOF; what the server would answer with an error is refused.
    fn wait_command(&mut self, wait: &Fields, here: &str) -> WaitCommand {
        let replicas: u8 = integer(wait, "replicas");
        let local: u8 = integer(wait, "local");
        let is_of_files = text(wait, "command") == "waitaof";
        let (key, problem, allowed) = if !is_of_files && local > 0 {
            (
                "local",
                "WAIT counts replicas only",
                "0, or command = \"waitaof\"",
            )
        } else if replicas == 0 && local == 0 {
            (
                "replicas",
                "a wait for nobody",
                "at least 1, or command = \"waitaof\" and local = 1",
            )
        } else if !is_of_files && self.kept.lacks_wait {
            (
                "replicas",
                "Redis Cloud has no WAIT for Active-Active databases (Redis docs, WAIT)",
                "no `wait`, or another `product`",
            )
        } else if local > 0 && !self.kept.primaries_append {
            (
                "local",
                "WAITAOF with a local count is an error at a primary without an append-only file (Redis docs, WAITAOF)",
                "0, or an append-only file in database.persistence, with persistence_on = \"primary\" or \"both\" where there are replicas",
            )
        } else {
            return if is_of_files {
                WaitCommand::WaitAof { local: local > 0 }
            } else {
                WaitCommand::Wait
            };
        };
        let got = if key == "local" { local } else { replicas };
        let place = path::join(&path::join(here, "wait"), key);
        let mark = wait.get(key).and_then(Node::mark);
        let problem = Problem::new(ProblemKind::Conflict, &place, problem)
            .got(got.to_string())
            .allowed(allowed);
        self.report(problem, mark);
        WaitCommand::Wait
    }

    fn mix(&mut self, fields: &Fields, here: &str) -> Vec<(CommandKind, f64)> {
        let mix = table(fields, "mix");
        let key = path::join(here, "mix");
        let mut commands: Vec<(CommandKind, f64)> = mix
            .0
            .iter()
            .filter_map(|(name, _)| Some((CommandKind::from_name(name)?, number(mix, name))))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        commands.sort_by_key(|(kind, _)| *kind);
        let mark = fields.get("mix").and_then(Node::mark);
        if commands.is_empty() {
            let problem = Problem::new(
                ProblemKind::OutOfRange,
                key,
                "has no command of a weight above 0",
            )
            .allowed("at least one command, such as { get = 7, set = 3 }");
            self.report(problem, mark);
            return commands;
        }
        // A counter is read with the command that reads strings.
        let is_mixed = commands.iter().any(|(kind, _)| {
            kind.data_type().is_some_and(|mine| {
                commands.iter().any(|(other, _)| {
                    *other != CommandKind::Get
                        && *kind != CommandKind::Get
                        && other.data_type().is_some_and(|theirs| theirs != mine)
                })
            })
        });
        let is_get = |kind: CommandKind| kind == CommandKind::Get;
        let reads_other = commands.iter().any(|(kind, _)| is_get(*kind))
            && commands.iter().any(|(kind, _)| {
                let of = kind.data_type();
                of.is_some_and(|of| !matches!(of, DataType::String | DataType::Counter))
            });
        if is_mixed || reads_other {
            let names: Vec<String> = commands
                .iter()
                .map(|(kind, _)| {
                    let of = kind.data_type().map_or("every type", DataType::name);
                    format!("{} ({of})", kind.name())
                })
                .collect();
            let problem = Problem::new(
                ProblemKind::Conflict,
                key,
                "commands of different data types in one keyspace",
            )
            .got(names.join(", "))
            .allowed("commands of one data type; use a keyspace for each");
            self.report(problem, mark);
        }
        let writes = |(kind, _): &(CommandKind, f64)| kind.is_write() && *kind != CommandKind::Exec;
        if commands.iter().any(|(kind, _)| *kind == CommandKind::Exec)
            && !commands.iter().any(writes)
        {
            let problem = Problem::new(
                ProblemKind::Conflict,
                path::join(here, "mix"),
                "exec is a transaction of the keyspace's writes, and there are none",
            );
            let problem = problem.allowed(
                "commands that write beside exec, such as { hset = 3, hdel = 1, exec = 1 }",
            );
            self.report(problem, mark);
        }
        commands
    }

    /// What the application takes for granted.
    fn promise(&mut self, fields: &Fields, here: &str, mix: &[(CommandKind, f64)]) -> Promise {
        let has = |kinds: &[CommandKind]| mix.iter().any(|(kind, _)| kinds.contains(kind));
        let (floor, initial) = (fields.get("floor"), fields.get("initial"));
        let is_unique = flag(fields, "unique");
        let counts = has(&[CommandKind::Decr, CommandKind::DecrBy]);
        let deletes = has(&[
            CommandKind::Del,
            CommandKind::Unlink,
            CommandKind::Expire,
            CommandKind::PExpire,
            CommandKind::IncrByFloat,
            CommandKind::Exec,
        ]);
        let mut refuse = |key: &str, message: &str, allowed: &str| {
            let mark = fields.get(key).and_then(Node::mark);
            let problem = Problem::new(ProblemKind::Conflict, path::join(here, key), message);
            self.report(problem.allowed(allowed), mark);
        };
        if initial.is_some() && floor.is_none() {
            refuse(
                "initial",
                "is what a counter with a `floor` stands at first",
                "`initial` together with `floor`",
            );
        }
        if floor.is_some() && (!counts || deletes) {
            refuse(
                "floor",
                "bounds counters that are decremented; they are not deleted, counted in fractions or changed in transactions",
                "a mix of incr, incrby, decr, decrby and get, with decr or decrby",
            );
        }
        if is_unique && (!has(&[CommandKind::SetNx]) || has(&[CommandKind::Exec])) {
            refuse(
                "unique",
                "is about keys that are claimed with setnx, not within a transaction",
                "a mix with setnx, such as { setnx = 3, del = 3, get = 4 }",
            );
        }
        if floor.is_some() {
            return Promise::Floor {
                initial: integer(fields, "initial"),
                floor: integer(fields, "floor"),
            };
        }
        if is_unique {
            Promise::Unique
        } else if has(&[CommandKind::LPop, CommandKind::RPop]) {
            Promise::Queue
        } else {
            Promise::None
        }
    }
}
