//! What every listener and every stranger's input needs: listen addresses, sockets by
//! activation, connection caps, the PROXY protocol, dropping privileges, a sandbox, contained file
//! access, passwords and tries at them, and text that is safe to show.
//!
//! Features: `password` for hashes of passwords, `tls` for certificates and TLS of servers.
//!
//! Rule: no word of any engine in here.

pub mod activation;
pub mod bucket;
pub mod caps;
pub mod listen;
pub mod metrics;
pub mod network;
pub mod origin;
#[cfg(feature = "password")]
pub mod password;
pub mod printable;
pub mod privileges;
pub mod proxy;
pub mod sandbox;
mod subscriber;
#[cfg(feature = "tls")]
pub mod tls;
pub mod tree;
pub mod tries;

pub use network::Network;
pub use printable::Printable;
pub use subscriber::subscriber;

#[cfg(test)]
mod tests {
    #[test]
    fn every_limit_is_documented_as_it_is() {
        let mut limits = super::tree::limits();
        limits.push(("activation::SOCKETS_MAX", super::activation::SOCKETS_MAX.into()));
        limits.push(("bucket::ADDRESSES_MAX", super::bucket::ADDRESSES_MAX.into()));
        let header = u32::try_from(super::proxy::HEADER_BYTES_MAX).unwrap();
        limits.push(("proxy::HEADER_BYTES_MAX", header.into()));
        limits.push(("tries::ADDRESSES_MAX", super::tries::ADDRESSES_MAX.into()));
        #[cfg(feature = "tls")]
        limits.push(("tls::PEM_BYTES_MAX", super::tls::PEM_BYTES_MAX));
        let actual: Vec<(String, String)> =
            limits.iter().map(|(name, limit)| (name.to_string(), limit.to_string())).collect();
        let markdown = include_str!("../../../docs/limits.md");
        let mut documented = sockeye_testkit::documented_limits(markdown, "edge");
        documented.retain(|(name, _)| cfg!(feature = "tls") || !name.starts_with("tls::"));
        assert_eq!(documented, actual);
    }
}
