//! AMT while the engine runs.

use super::values::Text;
use super::{Amt, ControlMode, ProvisioningState, Tls};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The state that an engine's clients share.
///
/// Everything of an engine runs on one thread, so the lock is never contended; it is there because an engine as
/// a whole may move to another thread. It is never held across a call of somebody else's code.
#[derive(Debug, Clone)]
pub struct SharedState(Arc<Mutex<State>>);

impl SharedState {
    /// The state that a persona starts in; without AMT one that nothing looks at.
    #[must_use]
    pub fn new(amt: Option<&Amt>) -> Self {
        Self(Arc::new(Mutex::new(amt.map_or_else(State::default, State::new))))
    }

    /// The state, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done: a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What changes while AMT runs.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct State {
    /// How far provisioning has come.
    pub provisioning: ProvisioningState,
    /// Who is in control.
    pub control_mode: ControlMode,
    /// The operating system switched AMT off.
    pub switched_off: bool,
    /// What the local ports speak.
    pub tls: Tls,
    /// PKI DNS suffix.
    pub pki_dns_suffix: Text<255>,
    /// The host's name, once it has said it.
    pub host_fqdn: Text<255>,
    /// The host is inside the enterprise.
    pub enterprise_access: bool,
    /// The tunnel to the management server.
    pub tunnel: Tunnel,
    events: VecDeque<Event>,
}

impl State {
    fn new(amt: &Amt) -> Self {
        Self {
            provisioning: amt.provisioning.state,
            control_mode: amt.provisioning.control_mode,
            tls: amt.tls,
            pki_dns_suffix: amt.names.pki_dns_suffix.clone(),
            ..Self::default()
        }
    }

    /// Most events that wait for the host; older ones make room.
    pub const MAX_EVENTS: usize = 16;

    /// Something happened that the host is told when it listens.
    pub fn raise(&mut self, event: Event) {
        if self.events.len() == Self::MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// The oldest event that nobody has told the host.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether an event waits.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Back to the factory state.
    pub fn unprovision(&mut self) {
        self.provisioning = ProvisioningState::Pre;
        self.control_mode = ControlMode::None;
        self.tunnel = Tunnel::Closed;
    }
}

/// The tunnel to the management server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tunnel {
    /// There is none.
    #[default]
    Closed,
    /// A user asked for it. No network is behind the engine: it gets no further.
    Connecting,
}

/// Something that AMT tells the host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The host is to send a datagram: the engine has no other way out.
    Datagram(Datagram),
    /// The host's heartbeats stopped for longer than it had announced.
    HeartbeatsStopped {
        /// Seconds it had announced.
        timeout: u16,
    },
}

/// A datagram that the host is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// To whom: an address as text.
    pub destination: Text<255>,
    /// To which port.
    pub port: u16,
    /// From which port.
    pub originator_port: u16,
    /// What.
    pub data: Vec<u8>,
}

impl Datagram {
    /// As it goes to the host, from `originator`.
    pub(crate) fn to_wire<'a>(&'a self, originator: &'a str) -> mei_wire::apf::Datagram<'a> {
        mei_wire::apf::Datagram {
            destination: self.destination.as_bytes(),
            port: self.port.into(),
            originator: originator.as_bytes(),
            originator_port: self.originator_port.into(),
            data: &self.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_in_order_and_are_bounded() {
        let state = SharedState::new(None);
        for timeout in 0..20 {
            state.lock().raise(Event::HeartbeatsStopped { timeout });
        }
        let mut seen = Vec::new();
        while let Some(event) = { state.lock().next_event() } {
            let Event::HeartbeatsStopped { timeout } = event else { panic!("{event:?}") };
            seen.push(timeout);
        }
        assert_eq!(seen, (4..20).collect::<Vec<_>>());
        assert!(!state.lock().has_event());
    }
}
