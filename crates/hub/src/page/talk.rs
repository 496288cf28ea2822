//! The room's side of the page: the WebSocket, and the form for who has no scripts.

use sockeye_chat::proto::websocket::{Accepted, HandshakeError, Upgrade, accept};
use sockeye_chat::{Handle, PostError};
use sockeye_http::proto::form;
use sockeye_http::{Answer, Handler, Method, Plan, Request, Status};
use sockeye_socket::Socket;

use super::Limits;

/// The sub-protocol that the page speaks.
const PROTOCOL: &str = "sockeye.1";

/// Answers for `/~chat`.
pub(super) struct Talk {
    pub(super) room: Handle,
}

impl Handler for Talk {
    fn handle(&self, request: &Request<'_>) -> Answer {
        match accepted(request) {
            Ok(accepted) => takeover(self.room.clone(), &accepted),
            Err(error) => Answer::Plan(refused(error)),
        }
    }
}

fn accepted(request: &Request<'_>) -> Result<Accepted, HandshakeError> {
    const NAMES: [&str; 5] = [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
    ];
    let field = |name| request.field(name).map(|value| (name, value));
    let fields: Vec<(&str, &[u8])> = NAMES.into_iter().filter_map(field).collect();
    accept(&Upgrade {
        method: request.method_name(),
        http_1_1: true,
        fields: &fields,
        protocols: &[PROTOCOL],
    })
}

fn takeover(room: Handle, accepted: &Accepted) -> Answer {
    let greeting = accepted.response();
    Answer::Takeover(Box::new(move |fd, leftover, _peer| {
        // A descriptor that is no socket cannot be answered either.
        let Ok(socket) = Socket::try_from(fd) else { return };
        if let Err(socket) = room.attach_websocket(socket, greeting, leftover) {
            // It is closed in any case; the buffer of a fresh connection has room for the reason.
            let _ = socket.send(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
                  Connection: close\r\n\r\n",
            );
        }
    }))
}

fn refused(error: HandshakeError) -> Plan {
    let why = error.to_string();
    if error.status() == 426 {
        return Plan::text(Status::UPGRADE_REQUIRED, &why)
            .with_header("Upgrade", "websocket")
            .with_header("Sec-WebSocket-Version", "13");
    }
    Plan::text(Status::BAD_REQUEST, &why)
}

/// Answers for `/~say`: a form with `nick` and `text`.
pub(super) struct Say {
    pub(super) room: Handle,
    pub(super) limits: Limits,
}

impl Handler for Say {
    fn handle(&self, request: &Request<'_>) -> Answer {
        if request.method() != Method::Post {
            return super::only("POST");
        }
        let room = self.room.clone();
        Answer::Receive(
            self.limits.say_bytes_max,
            Box::new(move |body| {
                let mut form = String::new();
                match body.read_to_string(&mut form) {
                    Ok(_) => say(&room, &form),
                    Err(_) => Plan::text(Status::BAD_REQUEST, "the form cannot be read"),
                }
            }),
        )
    }
}

fn say(room: &Handle, form: &str) -> Plan {
    let value = |name| form::value(form, name).unwrap_or_default();
    match room.post(value("nick").trim(), &value("text")) {
        Ok(()) => Plan::new(Status::SEE_OTHER).with_header("Location", "/#room"),
        Err(PostError::Refused(why)) => Plan::text(Status::CONFLICT, &why),
        Err(error) => Plan::text(Status::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
