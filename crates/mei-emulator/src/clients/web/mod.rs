//! AMT's web service, as far as one gets without logging in (`wsman.md` §1).
//!
//! [`server`] speaks HTTP: it puts requests together and sends responses, and knows nothing of AMT. [`logon`]
//! answers as AMT does before anybody has logged in; what serves logged-in users takes its place as another
//! [`server::Handler`].

mod body;
mod logon;
mod nonce;
mod request;
mod response;
mod server;

use super::amt::Amt;
use super::service::{Connection, Peer, Service};
use logon::{Logon, Site};
use nonce::Nonces;
use server::Server;
use std::sync::Arc;
use std::time::Instant;

/// The web service of a persona.
pub(super) fn service(amt: &Amt) -> Box<dyn Service> {
    Box::new(Web { site: Arc::new(Site::new(amt)), nonces: Nonces::from_process() })
}

#[derive(Debug)]
struct Web {
    site: Arc<Site>,
    nonces: Nonces,
}

impl Service for Web {
    fn accept(&mut self, _peer: &Peer<'_>, now: Instant) -> Option<Box<dyn Connection>> {
        let logon = Logon::new(Arc::clone(&self.site), self.nonces.fork());
        Some(Box::new(Server::new(logon, now)))
    }
}
