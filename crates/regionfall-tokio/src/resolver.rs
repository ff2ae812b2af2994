//! Names as the code of an app server resolves them: with the TTL, the resolver and the caches of the scenario's strategy.
//!
//! Two kinds of names exist: that of the fleet, `db.regionfall.test`, which means what the strategy publishes, and one for each
//! member, which always means that member. Addresses are of the block that is reserved for documentation, 192.0.2.0/24 (RFC
//! 5737): member 0 is 192.0.2.1.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use redis::io::AsyncDNSResolver;
use redis::{RedisError, RedisFuture};
use regionfall::topology::MemberId;

use crate::address::{FLEET_HOST, member_of};
use crate::app_server::AppServer;

/// Resolves names for the code of an app server; redis-rs takes it in `AsyncConnectionConfig::set_dns_resolver`.
#[derive(Clone)]
pub struct Resolver {
    server: AppServer,
}

/// The address of a member.
pub fn address_of(member: MemberId, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(192, 0, 2, member.0 + 1).into(), port)
}

/// The member at an address.
pub fn member_at(address: SocketAddr) -> Option<MemberId> {
    match address.ip() {
        IpAddr::V4(ip) => match ip.octets() {
            [192, 0, 2, number @ 1..=255] => Some(MemberId(number - 1)),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}

impl Resolver {
    pub(crate) fn new(server: AppServer) -> Self {
        Self { server }
    }

    /// Resolves a name to the addresses that it has now, as this app server's resolver knows them.
    ///
    /// # Errors
    /// If there is no such name, or nobody answers.
    pub async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let member = if host == FLEET_HOST {
            self.server.resolve().await?
        } else {
            member_of(host).ok_or_else(|| {
                let text = format!(
                    "no name {host:?}: there are {FLEET_HOST:?} and \"member-0.regionfall.test\" and so on"
                );
                io::Error::new(io::ErrorKind::NotFound, text)
            })?
        };
        Ok(vec![address_of(member, port)])
    }
}

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found = self.lookup(host, port).await.map_err(RedisError::from)?;
            let found: Box<dyn Iterator<Item = SocketAddr> + Send + 'a> =
                Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_back_to_members() {
        for number in 0..10 {
            let member = MemberId(number);
            assert_eq!(member_at(address_of(member, 6_379)), Some(member));
        }
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 6_379));
        assert_eq!(member_at(elsewhere), None);
    }
}
