//! Who comes in where: the flags of the room's listeners, and what they are called.

use sockeye_chat::{Config, Entrance, Listeners, Purpose, Rate};
use sockeye_edge::Network;
use sockeye_edge::activation::Inherited;
use sockeye_edge::listen::ListenAddr;
use sockeye_socket::Address;

use crate::banner;
use crate::certificate::CertificateArgs;
use crate::output::ReadyLine;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Listeners")]
pub(crate) struct DoorArgs {
    /// Where to listen: 9000 is this machine only, :9000 every interface (repeatable)
    #[arg(short, long, value_name = "ADDR", default_value = ":9000", value_delimiter = ',')]
    bind: Vec<ListenAddr>,
    /// Where to listen for IRC alone, such as :6667 (repeatable)
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    irc: Vec<ListenAddr>,
    /// Where to listen for IRC alone inside of TLS, such as :6697 (repeatable)
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    ircs: Vec<ListenAddr>,
    #[command(flatten)]
    pub(super) certificate: CertificateArgs,
    /// Believe the PROXY headers of these peers: a network, an address, or unix (repeatable)
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    proxy_from: Vec<Network>,
    /// Answer browsers with 404: no page, no WebSocket
    #[arg(long)]
    no_web: bool,
    /// Let pages of this origin talk here too, such as `https://example.org` (repeatable)
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    allow_origin: Vec<String>,
    /// How fast one address may connect: so many at once, then so many a second
    #[arg(long, value_name = "N:M/s", value_parser = rate)]
    connect_rate: Option<Rate>,
    /// Where Prometheus may ask for /metrics, and anybody for /health
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    metrics: Vec<ListenAddr>,
}

fn rate(text: &str) -> Result<Rate, String> {
    text.parse().map_err(|error: sockeye_chat::RateError| error.to_string())
}

/// What browsers send as `Origin`: a scheme and an authority, nothing after it.
fn origin(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_authority = |rest: &str| !rest.is_empty() && !rest.contains(['/', '?', '#', ' ']);
    match authority.filter(|rest| is_authority(rest)) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("`{text}` is no origin; write it like https://example.org")),
    }
}

impl DoorArgs {
    /// The part of the configuration that these flags make, but for the certificate.
    pub(super) fn config(&self) -> Config {
        Config {
            listen: self.bind.clone(),
            irc: self.irc.clone(),
            ircs: self.ircs.clone(),
            metrics: self.metrics.clone(),
            proxy_from: self.proxy_from.clone(),
            web: !self.no_web,
            origins: self.allow_origin.clone(),
            names: banner::own_hosts(&banner::machine()).to_vec(),
            connect_rate: self.connect_rate,
            ..Config::default()
        }
    }

    /// Whether a flag asks for what the classic room does not know, or a certificate is missing.
    pub(super) fn fault(&self, classic: bool) -> Option<&'static str> {
        let encrypted = self.certificate.is_on();
        let others = !self.irc.is_empty() || !self.ircs.is_empty() || !self.proxy_from.is_empty();
        if classic && (others || encrypted) {
            return Some(
                "--classic passes every byte on: without --irc, --ircs, --proxy-from and TLS",
            );
        }
        let lacks = !self.ircs.is_empty() && !encrypted;
        lacks.then_some("--ircs needs --tls-cert and --tls-key, or --tls-self-signed")
    }
}

/// The sockets of the service manager: `irc`, `ircs` and `metrics` are what they are called, any
/// other is for everyone.
pub(super) fn listeners(inherited: Vec<Inherited>) -> Listeners {
    let mut listeners = Listeners::default();
    for Inherited { name, socket } in inherited {
        // Who is given sockets opens no port for everyone beside them.
        let everyone = listeners.everyone.get_or_insert_default();
        match name.as_str() {
            "irc" => listeners.irc.get_or_insert_default(),
            "ircs" => listeners.ircs.get_or_insert_default(),
            "metrics" => listeners.metrics.get_or_insert_default(),
            _ => everyone,
        }
        .push(socket);
    }
    listeners
}

/// What a listener says when it is there.
pub(crate) fn ready_line((purpose, address): &(Purpose, Address)) -> ReadyLine {
    let place = address.to_string();
    match purpose {
        Purpose::Guests(Entrance::Everyone) => ReadyLine { what: "chat", place },
        Purpose::Guests(Entrance::Irc) => ReadyLine { what: "irc", place },
        Purpose::Guests(Entrance::Ircs) => ReadyLine { what: "ircs", place },
        Purpose::Monitor => ReadyLine {
            what: "metrics",
            place: match address.socket_addr() {
                Some(address) => format!("http://{address}/metrics"),
                None => place,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["https://example.org", "http://127.0.0.1:8080", "http://[::1]"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for bad in ["example.org", "https://", "https://example.org/", "ftp://x", "https://a b"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
