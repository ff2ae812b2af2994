//! Faults in a few words, for stories that know ids and no names.

use super::{Degradation, Disks, FaultKind};

impl FaultKind {
    /// What happens and where, by ids: `process-crash of member-0, disks lost`.
    pub fn told(&self) -> String {
        let word = self.word();
        match self {
            Self::ProcessCrash { member, disks, .. } | Self::HostCrash { member, disks, .. } => {
                format!("{word} of {member}, {}", disks.told())
            }
            Self::RegionOutage { region, disks, .. } | Self::ZoneOutage { region, disks, .. } => {
                format!("{word} in {region}, {}", disks.told())
            }
            Self::Hang { member, .. }
            | Self::FsyncStall { member, .. }
            | Self::DiskLost { member, .. }
            | Self::Restore { member }
            | Self::Promote { member, .. }
            | Self::SyncerStopped { member, .. }
            | Self::RestartSyncers { member }
            | Self::FailOver {
                member: Some(member),
                ..
            }
            | Self::Recreate {
                member: Some(member),
            } => format!("{word} of {member}"),
            Self::Degraded(degradation) => of(word, Degradation::member(degradation)),
            Self::Membership(change) => of(word, Some(change.member)),
            Self::Upkeep(upkeep) => of(word, Some(upkeep.member)),
            Self::Routing(fault) => match fault.place() {
                Some(region) => format!("{word} in {region}"),
                None => word.to_owned(),
            },
            Self::FailOver { member: None, .. }
            | Self::Recreate { member: None }
            | Self::Partition { .. }
            | Self::Latency { .. }
            | Self::Loss { .. } => word.to_owned(),
        }
    }
}

fn of(word: &str, member: Option<crate::topology::MemberId>) -> String {
    member.map_or_else(|| word.to_owned(), |member| format!("{word} of {member}"))
}

impl Disks {
    const fn told(self) -> &'static str {
        match self {
            Self::Kept => "disks kept",
            Self::Lost => "disks lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{InFlight, Part};
    use crate::topology::MemberId;

    #[test]
    fn a_fault_is_told_without_the_names_of_rust() {
        let crash = FaultKind::ProcessCrash {
            member: MemberId::from_index(1),
            part: Part::Whole,
            disks: Disks::Lost,
            in_flight: InFlight::Delivered,
        };
        assert_eq!(crash.told(), "process-crash of member-1, disks lost");
    }
}
