//! TLS and HTTP/2 of `sockeye serve` and `sockeye up`: their flags.

use std::path::PathBuf;

use clap::ValueEnum;
use sockeye_edge::listen::ListenAddr;
use sockeye_http::{Config, Engine};

use crate::certificate::CertificateArgs;
use crate::exit::usage;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS and HTTP/2")]
pub(crate) struct TlsArgs {
    #[command(flatten)]
    certificate: CertificateArgs,
    /// Where plain http is answered with a redirect to https (repeatable)
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    redirect_https: Vec<ListenAddr>,
    /// Speak HTTP/1 only
    #[arg(long)]
    no_http2: bool,
    /// Who speaks HTTP/1 (hyper: HTTP/2 with TLS only)
    #[arg(long, value_enum, default_value = "own")]
    engine: EngineArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineArg {
    /// Our own driver
    Own,
    /// The library hyper
    Hyper,
}

impl TlsArgs {
    /// Tells whether there is TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.certificate.is_on()
    }

    /// Says what these flags say. `makes`: a certificate may be made, not only read.
    ///
    /// # Errors
    /// The certificate cannot be used, or the flags contradict each other.
    pub(crate) fn apply(&self, config: &mut Config, makes: bool) -> anyhow::Result<()> {
        config.http2 = !self.no_http2;
        config.engine = match self.engine {
            EngineArg::Own => Engine::Own,
            EngineArg::Hyper => Engine::Hyper,
        };
        if !self.redirect_https.is_empty() && !self.is_on() {
            return Err(usage(
                "--redirect-https needs --tls-cert and --tls-key, or --tls-self-signed",
            ));
        }
        config.redirect.clone_from(&self.redirect_https);
        config.tls = self.certificate.load(makes)?;
        Ok(())
    }

    /// What is read again while the server runs: the files, and where they may come to be.
    pub(super) fn read_later(&self) -> Vec<PathBuf> {
        self.certificate.read_later()
    }
}
