//! Faults of what carries traffic, and of what decides where to, as tables.

use super::print::Printer;
use crate::fault::{ProxyEnd, RoutingFault};
use crate::scenario::read::tree::Value;
use crate::topology::RegionId;

impl Printer<'_> {
    /// Whom one strikes.
    pub(super) fn whom_on_the_way(&mut self, fault: RoutingFault) {
        match fault {
            RoutingFault::ProxyCrash { region, number, .. } => {
                self.region_if_one(region);
                self.number_if_one("number", number);
            }
            RoutingFault::AddressDaemon { region, number, .. } => {
                self.region_if_one(region);
                self.number_if_one("number", Some(number));
            }
            RoutingFault::AdvertsLost { region, from } => {
                self.region_if_one(region);
                self.number_if_one("from", from);
            }
            RoutingFault::CheckersCutOff { region, .. } => self.region_if_one(region),
            RoutingFault::BalancerDown { member, .. } | RoutingFault::RecordChange { member } => {
                self.member(member);
            }
            RoutingFault::NodeAdded { member, node } => {
                self.member(member);
                self.number_if_one("node", Some(node));
            }
            RoutingFault::DnsDown | RoutingFault::SyncerStuck => {}
        }
    }

    /// What it does.
    pub(super) fn how_on_the_way(&mut self, fault: RoutingFault) {
        match fault {
            RoutingFault::ProxyCrash { how, .. } => match how {
                ProxyEnd::Crash => {}
                ProxyEnd::Host => self.text("how", "host"),
                ProxyEnd::Hang => self.text("how", "hang"),
            },
            RoutingFault::BalancerDown { mode, .. } => self.mode(mode),
            RoutingFault::AddressDaemon { orderly, .. } => {
                if orderly {
                    self.put("orderly", Value::Flag(true));
                }
            }
            RoutingFault::CheckersCutOff { reports_lost, .. } => {
                if reports_lost {
                    self.text("reports", "lost");
                }
            }
            RoutingFault::AdvertsLost { .. }
            | RoutingFault::DnsDown
            | RoutingFault::SyncerStuck
            | RoutingFault::NodeAdded { .. }
            | RoutingFault::RecordChange { .. } => {}
        }
    }

    fn region_if_one(&mut self, region: Option<RegionId>) {
        if let Some(region) = region {
            self.region(region);
        }
    }

    fn number_if_one(&mut self, key: &str, number: Option<u8>) {
        if let Some(number) = number {
            self.put(key, Value::Integer(i64::from(number)));
        }
    }
}
