//! How the host is told of events: an HTTP message to its event sink, on a channel that the engine opens.

use crate::clients::amt::Event;
use crate::clients::service::{Connection, Stream};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::{Duration, Instant};

/// How long the host may keep the channel of an event.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that tells one event and ends.
pub(super) fn delivery(event: &Event, body: &EventBody) -> Box<dyn Connection> {
    Box::new(Delivery { message: message(event, body), sent: 0, until: None })
}

/// The XML of an event, with places for what differs. What real firmware sends was not seen; hosts look for the
/// id, the arguments and the text of the alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventBody(String);

impl EventBody {
    /// Longest, bytes.
    const LIMIT: usize = 4096;

    const ID: &'static str = "{id}";
    const ARGUMENTS: &'static str = "{arguments}";
    const TEXT: &'static str = "{text}";

    fn fill(&self, id: &str, arguments: &str, text: &str) -> String {
        self.0.replace(Self::ID, id).replace(Self::ARGUMENTS, arguments).replace(Self::TEXT, text)
    }
}

impl Default for EventBody {
    fn default() -> Self {
        Self(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <a:Envelope xmlns:a=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:g=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_AlertIndication\">\
             <a:Header></a:Header><a:Body><g:CIM_AlertIndication>\
             <g:AlertType>8</g:AlertType><g:MessageArguments>{arguments}</g:MessageArguments>\
             <g:MessageID>{id}</g:MessageID><g:Message>{text}</g:Message>\
             <g:OwningEntity>Intel(r) AMT</g:OwningEntity><g:PerceivedSeverity>4</g:PerceivedSeverity>\
             </g:CIM_AlertIndication></a:Body></a:Envelope>"
                .to_owned(),
        )
    }
}

impl<'de> Deserialize<'de> for EventBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = String::deserialize(deserializer)?;
        if body.len() > Self::LIMIT {
            return Err(D::Error::custom(format!("{} bytes; at most {}", body.len(), Self::LIMIT)));
        }
        match [Self::ID, Self::ARGUMENTS, Self::TEXT].into_iter().find(|place| !body.contains(place)) {
            Some(place) => {
                Err(D::Error::custom(format!("no `{place}`; hosts look for id, arguments and text")))
            }
            None => Ok(Self(body)),
        }
    }
}

#[derive(Debug)]
struct Delivery {
    message: Vec<u8>,
    sent: usize,
    /// When the host has had the channel long enough.
    until: Option<Instant>,
}

impl Delivery {
    fn speak(&mut self, stream: &mut Stream) {
        self.sent += stream.send(&self.message[self.sent..]);
    }
}

impl Connection for Delivery {
    fn opened(&mut self, stream: &mut Stream, now: Instant) {
        self.until = Some(now + PATIENCE);
        self.speak(stream);
    }

    /// Whatever the host answers, it has the event.
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, _now: Instant) {
        stream.consume(bytes.len());
        self.until = None;
        stream.close();
    }

    fn advance(&mut self, stream: &mut Stream, now: Instant) {
        self.speak(stream);
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            stream.abort();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.until
    }
}

/// The HTTP message.
fn message(event: &Event, body: &EventBody) -> Vec<u8> {
    let (id, arguments, text) = match event {
        Event::HeartbeatsStopped { timeout } => {
            ("iAMT0050", timeout.to_string(), "The operating system's watchdog has expired")
        }
        Event::Datagram(_) => return Vec::new(),
    };
    let body = body.fill(id, &arguments, text);
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: application/soap+xml; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}
