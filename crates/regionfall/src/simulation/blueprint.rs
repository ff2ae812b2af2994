//! What all runs of one variant share: settings, and the tables built from them once.

use std::sync::Arc;

use regionfall_kernel::{Distribution, Sampler, SimDuration};

use crate::database::DatabaseKind;
use crate::scenario::Settings;
use crate::topology::{FleetId, KeyspaceId, MemberId, RegionId};
use crate::workload::Workload;

/// Settings with the tables built from them. Cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Blueprint {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    workload: Workload,
    processing: Option<Sampler>,
    restart: Sampler,
    /// Bytes of a value, by keyspace.
    value_bytes: Vec<u32>,
    /// Gaps between two requests of an app server, by fleet.
    gaps: Vec<Sampler>,
    /// Fleet and zone of every app server.
    servers: Vec<(FleetId, u16)>,
    /// By node: a number that those share who replicate to each other.
    groups: Vec<u8>,
}

impl Blueprint {
    /// Builds the tables.
    pub fn new(settings: Settings) -> Self {
        let workload = Workload::new(&settings.workload, settings.topology.members);
        let processing = &settings.database.sync.processing;
        let takes_time = processing.maximum() != Some(SimDuration::ZERO);
        let processing = takes_time.then(|| Sampler::new(processing));
        let restart = Sampler::new(&settings.database.sync.restart);
        let gaps = settings.workload.fleets.iter().map(|fleet| {
            let mean = fleet.arrivals.mean_gap(fleet.servers);
            Sampler::new(&Distribution::Exponential { mean })
        });
        let gaps = gaps.collect();
        let keyspaces = settings.workload.keyspaces.iter();
        let value_bytes = keyspaces.map(|keyspace| keyspace.value_size.0).collect();
        let mut servers = Vec::new();
        for (index, fleet) in settings.workload.fleets.iter().enumerate() {
            let zones = u32::from(settings.topology.regions[fleet.region.index()].zones.max(1));
            servers.extend(
                (0..fleet.servers)
                    .map(|number| (FleetId::from_index(index), (number % zones) as u16)),
            );
        }
        let database = &settings.database;
        let group = |member: usize| match database.kind {
            DatabaseKind::Independent | DatabaseKind::Standalone | DatabaseKind::PrimaryReplica => {
                member as u8
            }
            DatabaseKind::GeoPassive | DatabaseKind::ActiveActive => 0,
        };
        let copies = database.nodes_per_member();
        let groups = (0..settings.topology.members).flat_map(|member| vec![group(member); copies]);
        let groups = groups.collect();
        Self {
            inner: Arc::new(Inner {
                settings,
                workload,
                processing,
                restart,
                value_bytes,
                gaps,
                servers,
                groups,
            }),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The tables of the workload.
    pub fn workload(&self) -> &Workload {
        &self.inner.workload
    }

    /// How long the syncer works on an effect before it leaves; `None` if that takes no time.
    pub fn processing(&self) -> Option<&Sampler> {
        self.inner.processing.as_ref()
    }

    /// Bytes of a value of a keyspace.
    #[inline]
    pub fn value_bytes(&self, keyspace: KeyspaceId) -> u32 {
        self.inner.value_bytes[keyspace.index()]
    }

    /// Gaps between two open-loop requests of one app server of a fleet.
    pub fn gap(&self, fleet: FleetId) -> &Sampler {
        &self.inner.gaps[fleet.index()]
    }

    /// How long a database process takes to start.
    pub fn restart(&self) -> &Sampler {
        &self.inner.restart
    }

    /// Fleet and zone of every app server, in order of identity.
    pub fn servers(&self) -> &[(FleetId, u16)] {
        &self.inner.servers
    }

    /// By node: a number that those share who replicate to each other, and so have the same in the end.
    pub fn groups(&self) -> &[u8] {
        &self.inner.groups
    }

    /// How many groups of such nodes there are.
    pub fn group_count(&self) -> usize {
        let last = self.inner.groups.iter().max();
        last.map_or(0, |&last| usize::from(last) + 1)
    }

    /// The region of a member.
    pub fn region_of(&self, member: MemberId) -> RegionId {
        RegionId::from_index(member.index())
    }

    /// The member of a region, if it has one.
    pub fn member_in(&self, region: RegionId) -> Option<MemberId> {
        (region.index() < self.inner.settings.topology.members)
            .then(|| MemberId::from_index(region.index()))
    }
}
