//! The tables of the Redis Active-Active documentation on JSON conflict resolution.

#![expect(
    clippy::expect_used,
    reason = "a command that is none is a broken test"
)]

use regionfall_crdt::{Applied, Command, Effect, KeyNames, OriginId, Replica, Reply, Timestamp};

/// Two instances, 1 and 2, with one document.
struct Instances {
    replicas: [Replica; 2],
    effects: Vec<Effect>,
    names: KeyNames,
}

impl Instances {
    fn with(document: &str) -> Self {
        let mut instances = Self {
            replicas: [Replica::new(), Replica::new()],
            effects: vec![],
            names: KeyNames::new(),
        };
        if !document.is_empty() {
            instances.say(1, &["JSON.SET", "doc", "$", document]);
            instances.sync();
        }
        instances
    }

    fn say(&mut self, instance: u16, words: &[&str]) -> Reply {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let command = Command::parse(&words, &mut self.names).expect("a command");
        let replica = &mut self.replicas[usize::from(instance) - 1];
        let executed = replica.execute(&command, Timestamp(0), OriginId(instance));
        self.effects.extend(executed.effects);
        executed.reply
    }

    fn sync(&mut self) {
        for replica in &mut self.replicas {
            for effect in &self.effects {
                assert!(!matches!(replica.apply(effect), Applied::Gap { .. }));
            }
        }
        assert!(self.replicas[0] == self.replicas[1]);
    }

    /// What both show, after they synchronized.
    fn document(&mut self) -> String {
        self.sync();
        let [first, second] = [1, 2].map(|instance| self.say(instance, &["JSON.GET", "doc"]));
        assert_eq!(first, second);
        match first {
            Reply::Nil => "nil".into(),
            Reply::Content(content) => String::from_utf8_lossy(&content.to_bytes()).into_owned(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn create_against_create() {
    let mut instances = Instances::with("");
    instances.say(2, &["JSON.SET", "doc", "$", r#"{"field":"b"}"#]);
    instances.say(1, &["JSON.SET", "doc", "$", r#"{"field":"a"}"#]);
    assert_eq!(instances.document(), r#"{"field":"a"}"#);
}

#[test]
fn delete_against_create() {
    let mut instances = Instances::with(r#"{"field1":"value1"}"#);
    instances.say(1, &["JSON.DEL", "doc"]);
    instances.say(2, &["JSON.SET", "doc", "$", r#"{"field1":"value2"}"#]);
    assert_eq!(instances.document(), r#"{"field1":"value2"}"#);
}

#[test]
fn delete_against_update() {
    let mut instances = Instances::with(r#"{"field1":"value1"}"#);
    instances.say(1, &["JSON.DEL", "doc"]);
    instances.say(2, &["JSON.SET", "doc", "$.field1", "[1,2,3]"]);
    assert_eq!(instances.document(), "nil");
}

#[test]
fn update_against_update() {
    let mut instances = Instances::with(r#"{"field":"a"}"#);
    instances.say(1, &["JSON.SET", "doc", "$.field", r#""b""#]);
    instances.say(2, &["JSON.SET", "doc", "$.field", r#""c""#]);
    assert_eq!(instances.document(), r#"{"field":"b"}"#);
}

#[test]
fn update_against_an_empty_object() {
    let mut instances = Instances::with(r##"{"colors":{"blue":"#0000ff"}}"##);
    instances.say(1, &["JSON.SET", "doc", "$.colors.red", r##""#ff0000""##]);
    instances.say(2, &["JSON.SET", "doc", "$.colors", "{}"]);
    instances.say(2, &["JSON.SET", "doc", "$.colors.green", r##""#00ff00""##]);
    assert_eq!(instances.document(), r##"{"colors":{"green":"#00ff00"}}"##);
}

#[test]
fn arrays_keep_every_edit() {
    let mut instances = Instances::with(r#"["a","b","c"]"#);
    instances.say(1, &["JSON.ARRPOP", "doc", "$", "1"]);
    instances.say(2, &["JSON.ARRINSERT", "doc", "$", "0", r#""y""#]);
    instances.say(1, &["JSON.ARRINSERT", "doc", "$", "1", r#""x""#]);
    instances.say(2, &["JSON.ARRINSERT", "doc", "$", "2", r#""z""#]);
    assert_eq!(instances.document(), r#"["y","a","x","z","c"]"#);
}

#[test]
fn commands_answer_as_the_module_does() {
    let mut instances = Instances::with(r#"{"n":1,"s":"a","l":[1,2,3],"o":{"x":true}}"#);
    let mut says = |words: &[&str], expected: &Reply| {
        assert_eq!(instances.say(1, words), *expected, "{words:?}");
    };
    says(&["JSON.NUMINCRBY", "doc", "$.n", "2"], &Reply::bulk("[3]"));
    says(&["JSON.NUMMULTBY", "doc", ".n", "1.5"], &Reply::bulk("4.5"));
    says(
        &["JSON.STRAPPEND", "doc", "$.s", r#""bc""#],
        &Reply::Array(vec![Reply::Integer(3)]),
    );
    says(&["JSON.ARRLEN", "doc", ".l"], &Reply::Integer(3));
    says(
        &["JSON.ARRPOP", "doc", "$.l"],
        &Reply::Array(vec![Reply::bulk("3")]),
    );
    says(&["JSON.ARRINDEX", "doc", ".l", "2"], &Reply::Integer(1));
    says(&["JSON.TOGGLE", "doc", ".o.x"], &Reply::bulk("false"));
    says(
        &["JSON.TYPE", "doc", "$..x"],
        &Reply::Array(vec![Reply::bulk("boolean")]),
    );
    says(
        &["JSON.OBJKEYS", "doc", ".o"],
        &Reply::Array(vec![Reply::bulk("x")]),
    );
    says(
        &["JSON.MERGE", "doc", "$", r#"{"n":null,"o":{"y":1}}"#],
        &Reply::Ok,
    );
    says(&["JSON.DEL", "doc", "$.s"], &Reply::Integer(1));
    says(
        &["JSON.GET", "doc", "$"],
        &Reply::bulk(r#"[{"l":[1,2],"o":{"x":false,"y":1}}]"#),
    );
    says(&["JSON.SET", "doc", "$.nothing.here", "1"], &Reply::Nil);
    says(&["JSON.CLEAR", "doc", "$.l"], &Reply::Integer(1));
    says(&["JSON.GET", "doc", "$.l"], &Reply::bulk("[[]]"));
}
