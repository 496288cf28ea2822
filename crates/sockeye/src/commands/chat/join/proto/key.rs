//! Keys as the client knows them, whatever the terminal calls them.

/// One that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character.
    Char(char),
    /// With Control; the letter is small.
    Control(char),
    /// With Alt.
    Alt(char),
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// With Control or Alt: a word, or a room.
    AltLeft,
    /// With Alt.
    AltRight,
    /// With Control.
    ControlLeft,
    /// With Control.
    ControlRight,
    /// With Control.
    ControlHome,
    /// With Control.
    ControlEnd,
    /// The beginning of the line.
    Home,
    /// The end of the line.
    End,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// One of the function keys.
    Function(u8),
}
