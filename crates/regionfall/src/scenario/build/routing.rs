//! Faults of what carries traffic and of what decides where to.

use super::fault::silence;
use super::{Builder, flag, integer, text};
use crate::fault::{ProxyEnd, RoutingFault};
use crate::scenario::read::path;
use crate::scenario::read::tree::Fields;
use crate::topology::TopologyConfig;

impl Builder<'_, '_> {
    pub(super) fn routing(
        &mut self,
        fields: &Fields,
        here: &str,
        topology: &TopologyConfig,
    ) -> RoutingFault {
        let member = |builder: &mut Self| builder.struck_member(fields, here, topology);
        let region = |builder: &mut Self| {
            let node = fields.get("region")?;
            builder.region(node, &path::join(here, "region"), topology)
        };
        match text(fields, "kind") {
            "balancer-down" => RoutingFault::BalancerDown {
                member: member(self),
                mode: silence(fields),
            },
            "address-daemon" => RoutingFault::AddressDaemon {
                region: region(self),
                number: integer(fields, "number"),
                orderly: flag(fields, "orderly"),
            },
            "adverts-lost" => RoutingFault::AdvertsLost {
                region: region(self),
                from: fields.get("from").map(|_| integer(fields, "from")),
            },
            "dns-down" => RoutingFault::DnsDown,
            "checkers-cut-off" => RoutingFault::CheckersCutOff {
                region: region(self),
                reports_lost: text(fields, "reports") == "lost",
            },
            "config-syncer-stuck" => RoutingFault::SyncerStuck,
            "node-added" => RoutingFault::NodeAdded {
                member: member(self),
                node: integer(fields, "node"),
            },
            "record-change" => RoutingFault::RecordChange {
                member: member(self),
            },
            _ => RoutingFault::ProxyCrash {
                region: region(self),
                number: fields.get("number").map(|_| integer(fields, "number")),
                how: match text(fields, "how") {
                    "host" => ProxyEnd::Host,
                    "hang" => ProxyEnd::Hang,
                    _ => ProxyEnd::Crash,
                },
            },
        }
    }
}
