//! A host's entry on top of getaddrinfo and getnameinfo, for systems whose gethostbyname is not
//! safe among threads: the same without aliases. Tested where it is not used, too.

use std::net::{IpAddr, SocketAddr};

use super::super::{AI_CANONNAME, NI_NAMEREQD, addresses, names};
use super::{EAI_NONAME, Family, Fault, Hints, HostEntry, Service};

pub(super) fn by_name(host: &str) -> Result<HostEntry, Fault> {
    let hints = Hints { family: Family::Inet, flags: AI_CANONNAME, ..Hints::default() };
    let found = addresses::ask(Some(host), Service::None, hints)?;
    let name = found.iter().find_map(|info| info.canonname.clone());
    let mut unique = Vec::new();
    for ip in found.iter().filter_map(|info| info.address.ip()) {
        if !unique.contains(&ip) {
            unique.push(ip);
        }
    }
    if unique.is_empty() {
        return Err(Fault::Gai(EAI_NONAME));
    }
    let name = name.unwrap_or_else(|| host.to_owned());
    Ok(HostEntry { name, aliases: Vec::new(), addresses: unique })
}

pub(super) fn by_addr(ip: IpAddr) -> Result<HostEntry, Fault> {
    let (name, _) = names::ask(&SocketAddr::new(ip, 0).into(), NI_NAMEREQD)?;
    Ok(HostEntry { name, aliases: Vec::new(), addresses: vec![ip] })
}
