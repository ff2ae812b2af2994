//! A history on real replicas, judged by the specification after each step.

use regionfall_crdt::{
    Applied, Clock, Command, Effect, KeyNames, OriginId, Replica, Reply, Settings, Timestamp,
};

use super::answer::Answer;
use super::past::Seen;
use super::story::{Step, Story, Told};
use super::{Moment, Rules, START_MS};

/// Real replicas beside what the specification says of them.
pub(crate) struct Run<R: Rules> {
    pub(crate) told: Told<R>,
    pub(crate) replicas: Vec<Replica>,
    /// For each replica what each of its operations sent.
    pub(crate) logs: Vec<Vec<Vec<Effect>>>,
    names: KeyNames,
    collects: bool,
    /// The first state seen of each version vector.
    states: Vec<(Seen, Replica)>,
    watch: R::Watch,
}

impl<R: Rules> Run<R> {
    /// The names that keys go by.
    pub(crate) const fn key_names(&self) -> &KeyNames {
        &self.names
    }

    /// Tells a story to its end.
    pub(crate) fn of(story: &Story<R>) -> Self {
        let replica = |number: usize| {
            let mut settings = R::settings();
            settings.instance = Some(number as u16 + 1);
            Replica::with_settings(settings)
        };
        let mut run = Self {
            told: Told::new(story.replicas),
            replicas: (0..story.replicas).map(replica).collect(),
            logs: vec![Vec::new(); story.replicas],
            names: KeyNames::new(),
            collects: story
                .steps
                .iter()
                .any(|step| matches!(step, Step::Collect { .. })),
            states: Vec::new(),
            watch: R::Watch::default(),
        };
        for step in &story.steps {
            run.step(step);
        }
        run
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Command { replica, words, at } => self.command(*replica, words, *at),
            Step::Deliver { from, to } => self.deliver(*from, *to, usize::MAX),
            Step::DeliverSome { from, to, count } => self.deliver(*from, *to, *count),
            Step::Redeliver { from, to } => self.redeliver(*from, *to),
            Step::Merge { from, to } => {
                let source = self.replicas[*from].clone();
                self.replicas[*to].merge(&source);
                self.told.merge(*from, *to);
                self.check(*to);
            }
            Step::Collect { replica } => {
                let stable = self.stable(*replica);
                self.replicas[*replica].collect(&stable);
                self.check(*replica);
            }
        }
    }

    fn command(&mut self, replica: usize, words: &[String], at: u64) {
        let name = (replica, self.told.executed[replica]);
        let answer = self.told.command(replica, words, at);
        let before = self.replicas[replica].clone();
        let at = START_MS + at;
        let parsed = parse(words, &mut self.names);
        let executed = parsed.map(|command| {
            let at = Timestamp(at * 1_000_000);
            self.replicas[replica].execute(&command, at, OriginId(replica as u16 + 1))
        });
        let (reply, effects) = match executed {
            Ok(executed) => (
                Answer::from(&executed.reply),
                executed.effects.iter().cloned().collect(),
            ),
            Err(_) => (Answer::Error, Vec::new()),
        };
        if let Some(answer) = answer {
            let number = replica + 1;
            assert_eq!(reply, answer, "what {words:?} answers on replica {number}");
        }
        self.logs[replica].push(effects);
        let mut moment = Moment {
            name,
            words,
            at,
            reply,
            before: &before,
            after: &self.replicas[replica],
            names: &mut self.names,
        };
        R::executed(&mut self.watch, &mut self.told, &mut moment);
        self.check(replica);
    }

    /// Delivers the next operations of one replica to another.
    pub(crate) fn deliver(&mut self, from: usize, to: usize, count: usize) {
        for number in self.told.deliver(from, to, count) {
            for effect in &self.logs[from][number] {
                // A merge may have brought it before.
                assert_eq!(self.replicas[to].apply(effect), Applied::New);
            }
        }
        self.check(to);
    }

    fn redeliver(&mut self, from: usize, to: usize) {
        let before = self.replicas[to].clone();
        let seen = self.told.seen[to].0[from];
        for (number, effects) in self.logs[from].iter().enumerate() {
            for effect in effects {
                let applied = self.replicas[to].apply(effect);
                if number < seen {
                    assert_eq!(applied, Applied::AlreadySeen);
                } else {
                    // Nothing of what follows is next, unless it is.
                    assert_ne!(applied, Applied::AlreadySeen);
                    self.replicas[to] = before.clone();
                }
            }
        }
        assert_eq!(self.replicas[to], before, "redelivery changes nothing");
    }

    /// Everything reaches everyone, replicas by turns.
    pub(crate) fn deliver_all(&mut self) {
        let replicas = self.replicas.len();
        for to in 0..replicas {
            for turn in 1..replicas {
                self.deliver((to + turn) % replicas, to, usize::MAX);
            }
        }
        R::finished(&self.watch);
    }

    /// A clock that everything still to come to a replica had observed.
    fn stable(&self, replica: usize) -> Clock {
        let mut stable = self.replicas[replica].clock().clone();
        for other in &self.replicas {
            stable.meet(other.clock());
        }
        let sent = self.logs.iter().flatten().flatten();
        let missing = sent.filter(|effect| !self.replicas[replica].clock().covers(effect.dot));
        missing.for_each(|effect| stable.meet(&effect.context));
        stable
    }

    /// A replica shows what the specification says, and is equal to any that saw the same.
    fn check(&mut self, replica: usize) {
        let (own, seen) = (&self.replicas[replica], &self.told.seen[replica]);
        assert_shows::<R>(own, &self.told, seen, &mut self.names, replica);
        R::watched(&mut self.watch, own, &mut self.names);
        match self.states.iter().find(|(known, _)| known == seen) {
            Some((_, state)) => {
                assert_eq!(own.digest(), state.digest(), "equal histories hash equal");
                assert!(
                    self.collects || own == state,
                    "equal histories, equal states"
                );
            }
            None => self.states.push((seen.clone(), own.clone())),
        }
    }
}

/// Every read of every key answers what the specification says.
pub(crate) fn assert_shows<R: Rules>(
    replica: &Replica,
    told: &Told<R>,
    seen: &Seen,
    names: &mut KeyNames,
    number: usize,
) {
    for key in R::KEYS {
        for expected in R::reads(&told.past, seen, key) {
            let got = ask(replica, &expected.words, names);
            assert!(
                expected.holds(&got),
                "{:?} on replica {} answers {}, not {}",
                expected.words,
                number + 1,
                Answer::from(&got),
                expected.wanted
            );
        }
    }
}

/// What a read answers, at a moment when nothing has expired; nothing is changed.
pub(crate) fn ask(replica: &Replica, words: &[String], names: &mut KeyNames) -> Reply {
    let command = parse(words, names).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let at = Timestamp(START_MS * 1_000_000);
    replica.clone().execute(&command, at, OriginId(99)).reply
}

fn parse(words: &[String], names: &mut KeyNames) -> Result<Command, regionfall_crdt::ErrorKind> {
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    Command::parse(&words, names)
}

/// Settings as they are by default.
pub(crate) fn default_settings() -> Settings {
    Settings::default()
}
