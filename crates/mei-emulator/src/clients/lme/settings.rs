//! `[lme]`: what differs between machines, and what tests put behind a port.

use super::event::EventBody;
use super::ports::{MAX_CHOSEN, MAX_SERVICES};
use crate::clients::amt::Text;
use crate::clients::service::Bulk;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// `[lme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// Ports to forward, in this order; 16992 and 623 without, 16993 and 664 where TLS is enforced.
    #[serde(deserialize_with = "ports")]
    pub(super) ports: Option<Vec<u16>>,
    /// The address that the host is told to listen on. Anything but a name of this machine makes programs think
    /// of remote connections.
    pub(super) address: Text<64>,
    /// Channels of a session.
    #[serde(deserialize_with = "channels")]
    pub(super) channels: u8,
    /// Bytes that the host may send on a fresh channel.
    pub(super) window: u32,
    /// What comes of a host that sends more than its window.
    pub(super) over_window: OverWindow,
    /// Most bytes in one message of data. One program drops what is longer than 4095.
    pub(super) chunk: u16,
    /// Events go to the host through a channel of their own.
    pub(super) deliver_events: bool,
    /// What such a channel says.
    pub(super) event_body: EventBody,
    /// The connection to the client is lost when a channel ends, as on some real machines.
    pub(super) disconnect_after_channel: bool,
    /// Further ports, each with a service of tests behind it.
    #[serde(deserialize_with = "services")]
    pub(super) services: Vec<Service>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: None,
            address: Text::new("127.0.0.1").unwrap_or_default(),
            channels: 8,
            window: 8192,
            over_window: OverWindow::Take,
            chunk: 4095,
            deliver_events: false,
            event_body: EventBody::default(),
            disconnect_after_channel: false,
            services: Vec::new(),
        }
    }
}

/// What comes of a host that sends more than its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OverWindow {
    /// It is taken: one program does not look at windows (`apf.md` §3, flow control).
    Take,
    /// The session ends with "protocol error".
    EndSession,
}

/// A service of tests behind a port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Service {
    /// The port.
    pub(super) port: u16,
    kind: Kind,
    /// Bytes after which a source closes; it never does without.
    length: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Echo,
    Discard,
    Source,
}

impl Service {
    /// What is behind the port.
    pub(super) fn bulk(self) -> Bulk {
        match self.kind {
            Kind::Echo => Bulk::Echo,
            Kind::Discard => Bulk::Discard,
            Kind::Source => Bulk::Source { length: self.length.unwrap_or(u64::MAX) },
        }
    }
}

/// Most channels that a session may have; each has 64 KiB for what it has to say.
const MAX_CHANNELS: u8 = 64;

fn channels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let channels = u8::deserialize(deserializer)?;
    if (1..=MAX_CHANNELS).contains(&channels) {
        return Ok(channels);
    }
    Err(D::Error::custom(format!("{channels} channels; a session has 1 to {MAX_CHANNELS}")))
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u16>>, D::Error> {
    let ports = Vec::<u16>::deserialize(deserializer)?;
    if ports.len() > MAX_CHOSEN {
        return Err(D::Error::custom(format!("{} ports; at most {MAX_CHOSEN} are forwarded", ports.len())));
    }
    Ok(Some(ports))
}

fn services<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Service>, D::Error> {
    let services = Vec::<Service>::deserialize(deserializer)?;
    if services.len() > MAX_SERVICES {
        return Err(D::Error::custom(format!("{} services; there may be {MAX_SERVICES}", services.len())));
    }
    if let Some(wrong) =
        services.iter().find(|service| service.length.is_some() && service.kind != Kind::Source)
    {
        return Err(D::Error::custom(format!("a length at port {}; only a source has one", wrong.port)));
    }
    Ok(services)
}
