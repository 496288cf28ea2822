//! What IRC clients may drive, and how far.

/// The limits of IRC; ISUPPORT tells them to clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Characters of a nick.
    pub nick_chars_max: usize,
    /// Characters of a room's name.
    pub channel_chars_max: usize,
    /// Bytes of a topic.
    pub topic_bytes_max: usize,
    /// Bytes of a reason to put somebody out.
    pub kick_bytes_max: usize,
    /// Bytes of what somebody who is away says.
    pub away_bytes_max: usize,
    /// Rooms that one person is in.
    pub channels_max: usize,
    /// Names that one client watches.
    pub monitor_max: usize,
    /// Masks of one list of a room.
    pub masks_max: usize,
    /// Changes of modes with a value in one command.
    pub modes_max: usize,
    /// Targets of one message.
    pub targets_max: usize,
    /// Bytes of a message in several lines.
    pub multiline_bytes_max: usize,
    /// Lines of a message in several lines.
    pub multiline_lines_max: usize,
    /// Entries of one page of history.
    pub history_max: usize,
    /// Bytes of a room's key.
    pub key_bytes_max: usize,
    /// Bytes of a line, with its end, without tags.
    pub line_bytes_max: usize,
    /// Bytes of a line's tags.
    pub tags_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            nick_chars_max: 32,
            channel_chars_max: 64,
            topic_bytes_max: 390,
            kick_bytes_max: 390,
            away_bytes_max: 200,
            channels_max: 100,
            monitor_max: 100,
            masks_max: 60,
            modes_max: 4,
            targets_max: 4,
            multiline_bytes_max: 4096,
            multiline_lines_max: 32,
            history_max: 100,
            key_bytes_max: 32,
            line_bytes_max: 512,
            tags_bytes_max: 8191,
        }
    }
}
