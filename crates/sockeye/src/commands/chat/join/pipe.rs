//! IRC without a screen: lines of stdin go to the room, what happens there to stdout, in the words
//! of plain rooms (docs/chat.md).
//!
//! The end of stdin is the end of what we say: then we leave. A connection that is lost is not made
//! again: a script decides that.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use sockeye_socket::Shutdown;

use super::client::{Client, now};
use super::event::{self, Happened};
use crate::output;

/// Talks until stdin or the server ends, or a signal comes.
///
/// # Errors
/// The server refuses us, the connection is lost, or stdout cannot be written.
pub(super) fn talk(mut client: Client, stop: &Shutdown) -> anyhow::Result<()> {
    client.state.tap();
    let go_on = listen_to_stdin(client.sender())?;
    event::listen_to_signals(stop, client.sender())?;
    let mut waiting: VecDeque<Option<String>> = VecDeque::new();
    loop {
        while client.state.can_talk() || waiting.front().is_some_and(Option::is_none) {
            match waiting.pop_front() {
                Some(Some(line)) => {
                    client.state.say(&line);
                    // It may have ended.
                    let _ = go_on.send(());
                }
                Some(None) => client.state.leave("bye"),
                None => break,
            }
        }
        let (goes_on, _) = client.obey()?;
        print(&mut client)?;
        if !goes_on {
            return Ok(());
        }
        if client.state.is_lost() {
            let why = client.state.refused().unwrap_or("the connection to the room is lost");
            anyhow::bail!("{}", why.to_owned());
        }
        match client.next(None) {
            Ok(Happened::Said(line)) => waiting.push_back(line),
            Ok(Happened::Stopped) => client.state.leave("bye"),
            Ok(happened) => drop(client.take(happened)?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        client.state.handle_timeout(now());
    }
}

/// Reads stdin line by line; the next one once it is told to go on.
fn listen_to_stdin(sender: SyncSender<Happened>) -> io::Result<SyncSender<()>> {
    let (go_on, told) = sync_channel(1);
    let thread = std::thread::Builder::new().name("stdin".into());
    // It may wait for a stdin that never ends: nobody waits for the thread.
    thread.spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = stdin.read_until(b'\n', &mut line).unwrap_or(0);
            let text = String::from_utf8_lossy(&line);
            let said = (count > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned());
            let ends = said.is_none();
            if said.as_ref().is_some_and(String::is_empty) {
                continue;
            }
            if sender.send(Happened::Said(said)).is_err() || ends || told.recv().is_err() {
                break;
            }
        }
    })?;
    Ok(go_on)
}

fn print(client: &mut Client) -> anyhow::Result<()> {
    while let Some(told) = client.state.poll_line() {
        let room = told.room.map(|room| format!("{room} ")).unwrap_or_default();
        match told.wrong {
            true => output::note(format_args!("{room}{}", told.words)),
            false => output::line(format_args!("{room}{}", told.words))?,
        }
    }
    Ok(())
}
