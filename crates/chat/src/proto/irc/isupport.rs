//! ISUPPORT: what clients may count on.

use super::super::FLAGS;
use super::{Ctx, numerics::RPL_ISUPPORT};

/// So many in one line.
const TOKENS_MAX: usize = 12;

/// Tells what the server can do.
pub(super) fn show(ctx: &mut Ctx<'_>) {
    let limits = ctx.limits();
    let targets = limits.targets_max;
    let tokens = [
        format!("AWAYLEN={}", limits.away_bytes_max),
        "ACCOUNTEXTBAN=a".to_owned(),
        "BOT=B".to_owned(),
        "CASEMAPPING=rfc1459".to_owned(),
        format!("CHANLIMIT=#:{}", limits.channels_max),
        format!("CHANMODES=beI,k,l,{FLAGS}"),
        format!("CHANNELLEN={}", limits.channel_chars_max),
        "CHANTYPES=#".to_owned(),
        format!("CHATHISTORY={}", limits.history_max),
        "ELIST=CMNTU".to_owned(),
        "EXCEPTS".to_owned(),
        "EXTBAN=,am".to_owned(),
        "INVEX".to_owned(),
        format!("KICKLEN={}", limits.kick_bytes_max),
        format!("MAXLIST=beI:{}", limits.masks_max),
        format!("MAXTARGETS={targets}"),
        format!("MODES={}", limits.modes_max),
        format!("MONITOR={}", limits.monitor_max),
        "MSGREFTYPES=msgid,timestamp".to_owned(),
        format!("NETWORK={}", ctx.irc.network),
        format!("NICKLEN={}", limits.nick_chars_max),
        "PREFIX=(qaohv)~&@%+".to_owned(),
        "SAFELIST".to_owned(),
        "STATUSMSG=~&@%+".to_owned(),
        format!(
            "TARGMAX=JOIN:,KICK:{targets},LIST:1,NAMES:{targets},NOTICE:{targets},PART:,\
             PRIVMSG:{targets},TAGMSG:{targets},WHOIS:1"
        ),
        format!("TOPICLEN={}", limits.topic_bytes_max),
        "UTF8ONLY".to_owned(),
        "WHOX".to_owned(),
    ];
    for line in tokens.chunks(TOKENS_MAX) {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        ctx.say(RPL_ISUPPORT, &line);
    }
}
