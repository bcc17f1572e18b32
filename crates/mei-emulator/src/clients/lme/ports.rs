//! Which ports there are, and who answers there.

use super::settings::Settings;
use crate::clients::Context;
use crate::clients::amt::{Availability, Tls};
use crate::clients::service::Service;
use crate::clients::web;

/// Web service and its TLS twin.
pub(super) const HTTP: u16 = 16992;
const HTTPS: u16 = 16993;
/// Remote management control, and its TLS twin.
const RMCP: u16 = 623;
const RMCPS: u16 = 664;

/// Most ports that a persona chooses, and most services of tests that stand behind further ones.
pub(super) const MAX_CHOSEN: usize = 16;
pub(super) const MAX_SERVICES: usize = 8;

/// Most ports that a session forwards.
pub(super) const MAX_PORTS: usize = MAX_CHOSEN + MAX_SERVICES;

/// The ports that the engine forwards, in the order in which it asks for them.
#[derive(Debug)]
pub(super) struct Ports(Vec<Port>);

#[derive(Debug)]
struct Port {
    number: u16,
    /// None: the port is there and nobody answers.
    service: Option<Box<dyn Service>>,
}

impl Ports {
    /// Those of a persona. Programs finish their handshake when they have seen both of a pair
    /// (`apf.md` §3 rule 6).
    pub(super) fn new(settings: &Settings, context: &Context<'_>) -> Self {
        let amt = context.persona.amt.as_ref().filter(|amt| amt.availability == Availability::Enabled);
        let pair = match amt.map_or(Tls::Off, |amt| amt.tls) {
            Tls::Off => [HTTP, RMCP],
            Tls::Enforced => [HTTPS, RMCPS],
        };
        let amts = settings.ports.as_deref().unwrap_or(&pair).iter().map(|&number| Port {
            number,
            // Only the plain web service is there; what would need TLS is refused when it is opened.
            service: amt.filter(|_| number == HTTP).map(|amt| web::service(amt)),
        });
        let tests = settings
            .services
            .iter()
            .map(|service| Port { number: service.port, service: Some(Box::new(service.bulk())) });
        Self(amts.chain(tests).take(MAX_PORTS).collect())
    }

    /// The port to ask for at `index`, until there are no more.
    pub(super) fn number(&self, index: usize) -> Option<u16> {
        self.0.get(index).map(|port| port.number)
    }

    /// Where a port stands among them.
    pub(super) fn index(&self, number: u32) -> Option<usize> {
        self.0.iter().position(|port| u32::from(port.number) == number)
    }

    /// Who answers at the port at `index`.
    pub(super) fn service(&mut self, index: usize) -> Option<&mut dyn Service> {
        match &mut self.0.get_mut(index)?.service {
            Some(service) => Some(&mut **service),
            None => None,
        }
    }

    #[cfg(test)]
    pub(super) fn of(number: u16, service: Box<dyn Service>) -> Self {
        Self(vec![Port { number, service: Some(service) }])
    }
}
