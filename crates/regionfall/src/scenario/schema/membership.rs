//! What operators do to the membership of an Active-Active database.

use super::fault::MEMBER;
use super::{Default, Form, Key, Kind, Table};

const AT: Key = Key::new(
    "at",
    Kind::Delay,
    Default::Derived("the beginning of the storm"),
    "When, counted from the start of the run; with `when`, from then on the operator watches. Within the storm.",
);
const WHEN: Key = Key::new(
    "when",
    Kind::Text,
    Default::Absent("at `at`"),
    "A condition: `\"memory > 90%\"` holds when a process uses more than that share of its limit. It is looked at every second.",
);
const REACTION: Key = Key::new(
    "reaction",
    Kind::Delay,
    Default::Absent("at once"),
    "From the moment at which `when` holds to the act: noticing, deciding, typing.",
);

pub(super) const FORCE_REMOVE: Form = Form {
    word: "force-remove",
    table: &Table {
        title: "kind = \"force-remove\"",
        doc: "The other members drop one, which may be out of reach: they wait for it no more and take nothing from it. What it alone has is forfeited. It goes on serving whoever reaches it.",
        keys: &[MEMBER, AT, WHEN, REACTION],
        open: None,
    },
};

pub(super) const PURGE: Form = Form {
    word: "purge",
    table: &Table {
        title: "kind = \"purge\"",
        doc: "A removed member's data are deleted and its processes stopped. Of a member that is not removed nothing happens.",
        keys: &[MEMBER, AT, WHEN, REACTION],
        open: None,
    },
};

pub(super) const REJOIN: Form = Form {
    word: "rejoin",
    table: &Table {
        title: "kind = \"rejoin\"",
        doc: "A removed member joins as a new one: purged if it is not yet, empty, with a full synchronization. Of a member that is not removed nothing happens.",
        keys: &[MEMBER, AT, WHEN, REACTION],
        open: None,
    },
};
