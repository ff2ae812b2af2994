//! Names, as clients find them: the fleet's, and those of the members, `member-0.regionfall.test` and so on.
//!
//! `test` is reserved: no such name exists anywhere (RFC 2606 section 2).

use regionfall::topology::MemberId;

/// The fleet's name: it means what the scenario's strategy publishes.
pub const FLEET_HOST: &str = "db.regionfall.test";

/// The port of every member: that of Redis.
pub const PORT: u16 = 6_379;

const PREFIX: &str = "member-";
const SUFFIX: &str = ".regionfall.test";

/// The name of a member.
pub fn host_of(member: MemberId) -> String {
    format!("{PREFIX}{}{SUFFIX}", member.0)
}

/// The member of a name; with or without a port.
pub fn member_of(address: &str) -> Option<MemberId> {
    let host = address.split(':').next()?;
    let number = host.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    number.parse().ok().map(MemberId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_members() {
        assert_eq!(member_of(&host_of(MemberId(3))), Some(MemberId(3)));
        assert_eq!(
            member_of("member-3.regionfall.test:6379"),
            Some(MemberId(3))
        );
        assert_eq!(member_of("localhost"), None);
    }
}
