//! What IRC clients can agree on with the server (IRCv3 capabilities): a table.

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps(u64);

/// Something to agree on.
#[derive(Debug)]
pub(crate) struct Cap {
    pub(crate) name: &'static str,
    pub(crate) bit: Caps,
    /// What `CAP LS 302` says of it.
    pub(crate) value: Value,
}

/// Where the value of a capability comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    /// The mechanisms of SASL.
    Sasl,
    /// How accounts are made.
    Registration,
    /// The limits of a multiline batch.
    Multiline,
}

macro_rules! caps {
    ($($place:literal $constant:ident $name:literal $value:expr;)*) => {
        impl Caps {
            $(pub(crate) const $constant: Caps = Caps(1 << $place);)*
        }

        pub(crate) static CAPS: &[Cap] = &[
            $(Cap { name: $name, bit: Caps::$constant, value: $value },)*
        ];
    };
}

caps! {
    0 ACCOUNT_NOTIFY "account-notify" Value::None;
    1 ACCOUNT_TAG "account-tag" Value::None;
    2 AWAY_NOTIFY "away-notify" Value::None;
    3 BATCH "batch" Value::None;
    4 CAP_NOTIFY "cap-notify" Value::None;
    5 CHGHOST "chghost" Value::None;
    6 ECHO_MESSAGE "echo-message" Value::None;
    7 EXTENDED_JOIN "extended-join" Value::None;
    8 EXTENDED_MONITOR "extended-monitor" Value::None;
    9 INVITE_NOTIFY "invite-notify" Value::None;
    10 LABELED_RESPONSE "labeled-response" Value::None;
    11 MESSAGE_TAGS "message-tags" Value::None;
    12 MULTI_PREFIX "multi-prefix" Value::None;
    13 SASL "sasl" Value::Sasl;
    14 SERVER_TIME "server-time" Value::None;
    15 SETNAME "setname" Value::None;
    16 STANDARD_REPLIES "standard-replies" Value::None;
    17 USERHOST_IN_NAMES "userhost-in-names" Value::None;
    18 NO_IMPLICIT_NAMES "draft/no-implicit-names" Value::None;
    19 PRE_AWAY "draft/pre-away" Value::None;
    20 EXTENDED_ISUPPORT "draft/extended-isupport" Value::None;
    21 CHATHISTORY "draft/chathistory" Value::None;
    22 EVENT_PLAYBACK "draft/event-playback" Value::None;
    23 READ_MARKER "draft/read-marker" Value::None;
    24 MESSAGE_REDACTION "draft/message-redaction" Value::None;
    25 MULTILINE "draft/multiline" Value::Multiline;
    26 ACCOUNT_REGISTRATION "draft/account-registration" Value::Registration;
}

impl Caps {
    /// No capability.
    pub const NONE: Caps = Caps(0);

    /// What changes how a line is written. Clients that agree here share their frames.
    pub(crate) const WRITTEN: Caps = Caps(
        Caps::ACCOUNT_NOTIFY.0
            | Caps::ACCOUNT_TAG.0
            | Caps::AWAY_NOTIFY.0
            | Caps::BATCH.0
            | Caps::EXTENDED_JOIN.0
            | Caps::MESSAGE_TAGS.0
            | Caps::SERVER_TIME.0
            | Caps::SETNAME.0
            | Caps::INVITE_NOTIFY.0
            | Caps::MESSAGE_REDACTION.0
            | Caps::READ_MARKER.0
            | Caps::MULTILINE.0,
    );

    /// Finds a capability by its name.
    pub(crate) fn named(name: &str) -> Option<&'static Cap> {
        CAPS.iter().find(|cap| cap.name == name)
    }

    /// Whether all of these are in the set.
    pub(crate) fn has(self, caps: Caps) -> bool {
        self.0 & caps.0 == caps.0
    }

    /// The set with these.
    pub(crate) fn with(self, caps: Caps) -> Caps {
        Caps(self.0 | caps.0)
    }

    /// The set without these.
    pub(crate) fn without(self, caps: Caps) -> Caps {
        Caps(self.0 & !caps.0)
    }

    /// What both sets have.
    pub(crate) fn and(self, caps: Caps) -> Caps {
        Caps(self.0 & caps.0)
    }
}
