//! The flags of getaddrinfo (`AI_…`) and getnameinfo (`NI_…`), as two types.

use crate::flag_set::flag_set;

flag_set! {
    /// What [`getaddrinfo`](super::getaddrinfo) is to do beside looking up; joined by `|`.
    ///
    /// ```
    /// use sockeye_socket::resolve::{AI_NUMERICHOST, AI_PASSIVE, AiFlags};
    ///
    /// let flags = AI_PASSIVE | AI_NUMERICHOST;
    /// assert!(flags.contains(AI_PASSIVE));
    /// assert_eq!(format!("{flags:?}"), "{AI_PASSIVE, AI_NUMERICHOST}");
    /// assert_eq!(AiFlags::default(), AiFlags::NONE);
    /// ```
    ///
    /// # Source
    /// RFC 3493 section 6.1
    AiFlags:
    /// The addresses are to be bound: without a host they are every interface.
    AI_PASSIVE
    /// The host's full name is wanted too.
    AI_CANONNAME
    /// The host is an address: no name is looked up.
    AI_NUMERICHOST
    /// The service is a number: no name is looked up.
    AI_NUMERICSERV
    /// Only families that an interface other than loopback has an address of.
    AI_ADDRCONFIG
    /// IPv6 was asked for and there is none: IPv4 as `::ffff:1.2.3.4`.
    AI_V4MAPPED
    /// With [`AI_V4MAPPED`]: IPv4 as well as IPv6.
    AI_ALL
}

flag_set! {
    /// How [`getnameinfo`](super::getnameinfo) is to name; joined by `|`.
    ///
    /// # Source
    /// RFC 3493 section 6.2
    NiFlags:
    /// The host as an address: no name is looked up.
    NI_NUMERICHOST
    /// The service as a number.
    NI_NUMERICSERV
    /// A host without a name is an error.
    NI_NAMEREQD
    /// The service of datagrams: a few ports have another one there.
    NI_DGRAM
    /// Without the domain, where that is this machine's.
    NI_NOFQDN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_show_their_names_and_what_has_none() {
        assert_eq!(format!("{:?}", AiFlags::NONE), "{}");
        assert_eq!(format!("{:?}", AI_ALL | AI_V4MAPPED), "{AI_V4MAPPED, AI_ALL}");
        let odd = AiFlags::from_bits(AI_PASSIVE.bits() | 1 << 20);
        assert_eq!(format!("{odd:?}"), "{AI_PASSIVE, 0x100000}");
        assert_eq!(format!("{:?}", NiFlags::from_bits(1 << 20)), "{0x100000}");
        let mut flags = NI_DGRAM;
        flags |= NI_NAMEREQD;
        assert_eq!(format!("{flags:?}"), "{NI_NAMEREQD, NI_DGRAM}");
    }

    #[test]
    fn a_set_contains_what_is_whole_in_it() {
        assert!((NI_DGRAM | NI_NOFQDN).contains(NI_DGRAM));
        assert!(!NI_DGRAM.contains(NI_DGRAM | NI_NOFQDN));
        assert!(NI_DGRAM.contains(NiFlags::NONE));
    }
}
