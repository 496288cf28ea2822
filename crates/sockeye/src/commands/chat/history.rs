//! What the room keeps, and where: flags of `chat serve`, and of what reads it later.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use sockeye_chat::{Durability, History, Storage};

use crate::args;
use crate::data;
use crate::exit::usage;

/// Where the history is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The folder of the history [default: chat in the user's data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    place: Place,
    /// What is kept of what is said
    #[arg(long, value_enum, default_value = "sqlite")]
    history: Kept,
    /// What is older is deleted; off: nothing is
    #[arg(long, value_name = "TIME|off", default_value = "30d", value_parser = retention)]
    retention: Retention,
    /// What has to happen to a line before anyone sees it
    #[arg(long, value_enum, default_value = "normal")]
    durability: DurabilityArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kept {
    /// All of it, in the data folder
    Sqlite,
    /// The last lines, while the server runs
    Memory,
    /// Nothing
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DurabilityArg {
    /// The system has it: it outlives a crash of the server
    Normal,
    /// The disk has it: it outlives a power cut
    Full,
}

/// A type of its own, since clap reads `Option` as "may be missing".
#[derive(Clone, Copy, Debug)]
struct Retention(Option<Duration>);

fn retention(text: &str) -> Result<Retention, String> {
    if text == "off" {
        return Ok(Retention(None));
    }
    let time = args::duration(text).map_err(|error| format!("{error}, or off"))?;
    if time.is_zero() {
        return Err("nothing would be kept; --history off does that".to_owned());
    }
    Ok(Retention(Some(time)))
}

impl Place {
    /// The folder.
    ///
    /// # Errors
    /// Neither a flag nor the environment says where it is.
    pub(crate) fn dir(&self) -> anyhow::Result<PathBuf> {
        let usual = || Some(data::folder()?.join("chat"));
        self.data.clone().or_else(usual).ok_or_else(|| {
            usage(
                "neither XDG_DATA_HOME nor HOME is set; name the folder of the history: --data DIR \
                 (for `up`: SOCKEYE_CHAT_SERVE_DATA), or keep none: --history memory \
                 (SOCKEYE_CHAT_SERVE_HISTORY)",
            )
        })
    }
}

impl HistoryArgs {
    /// Says what is kept.
    ///
    /// # Errors
    /// There is no telling where.
    pub(crate) fn history(&self) -> anyhow::Result<History> {
        Ok(match self.history {
            Kept::Off => History::Off,
            Kept::Memory => History::Memory,
            Kept::Sqlite => History::Stored(Storage {
                durability: match self.durability {
                    DurabilityArg::Normal => Durability::Normal,
                    DurabilityArg::Full => Durability::Full,
                },
                retention: self.retention.0,
                ..Storage::new(self.place.dir()?)
            }),
        })
    }
}
