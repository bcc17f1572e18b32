//! The AMT watchdog: heartbeats, and whether AMT is on (`watchdog-and-others.md` §1, `linux-watchdog.md`).
//!
//! It alarms and does nothing else: when the heartbeats stop, an event is raised.

use super::amt::{Event, SharedState, Tls};
use super::{ClientKind, Context};
use crate::client::{Client, ConnectionId, Message, Outbox, Properties};
use mei_wire::watchdog::{
    Header, MeInfo, OperationalState, SetOperationalStateResponse, StartResponse, status,
};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, IntoBytes};

/// `[watchdog]`: what differs between generations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// The host may switch AMT on and off (firmware 16.1 and later).
    new_interface: bool,
    /// Switching is allowed now.
    change_allowed: bool,
    /// Bit 5 of the operational state, which programs read in two ways.
    state_bit_5: bool,
    /// Heartbeats are wanted.
    heartbeats: bool,
    /// Feature bits that GetMeInfo tells; none: the command is not known.
    me_info_sku: Option<u32>,
    /// How much faster than the host's the clock of the alarm goes: tests need not wait for two minutes.
    clock_factor: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            new_interface: false,
            change_allowed: true,
            state_bit_5: false,
            heartbeats: true,
            me_info_sku: None,
            clock_factor: NonZeroU32::MIN,
        }
    }
}

impl ClientKind for Settings {
    const NAME: &'static str = "watchdog";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::WATCHDOG,
        protocol_version: 2,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 64,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Watchdog {
            properties: context.properties,
            settings: self.clone(),
            state: context.state.clone(),
            armed: None,
        })
    }
}

#[derive(Debug)]
struct Watchdog {
    properties: Properties,
    settings: Settings,
    state: SharedState,
    armed: Option<Armed>,
}

/// A heartbeat came; the next is due.
#[derive(Debug, Clone, Copy)]
struct Armed {
    /// Seconds that the host announced.
    timeout: u16,
    due: Instant,
}

impl Watchdog {
    /// Protocol version 1 has no answers to heartbeats.
    fn answers_heartbeats(&self) -> bool {
        self.properties.protocol_version > 1
    }

    fn start(&mut self, data: &[u8], now: Instant) -> StartResponse {
        let wanted = self.settings.heartbeats && !self.state.lock().switched_off;
        let timeout = u16::from_le_bytes(data.first_chunk().copied().unwrap_or_default());
        let silence = Duration::from_secs(timeout.into()) / self.settings.clock_factor.get();
        self.armed = wanted.then(|| Armed { timeout, due: now + silence });
        log::debug!("watchdog: a heartbeat, the next within {timeout} s");
        let state = if wanted { 0 } else { StartResponse::NOT_REQUIRED };
        StartResponse { header: Header::START_RESPONSE, status: 0, state }
    }

    fn operational_state(&self) -> OperationalState {
        let state = self.state.lock();
        OperationalState::new()
            .with_change_allowed(self.settings.change_allowed)
            .with_enabled(!state.switched_off)
            .with_bit5(self.settings.state_bit_5)
            .with_tls_enforced(state.tls == Tls::Enforced)
            .with_new_interface(self.settings.new_interface)
    }

    fn set_operational_state(&mut self, data: &[u8]) -> u32 {
        if !self.settings.new_interface {
            return status::NOT_SUPPORTED;
        }
        if !self.settings.change_allowed {
            return status::UPDATE_NOT_ALLOWED;
        }
        match data.first() {
            Some(0) => self.state.lock().switched_off = true,
            Some(1) => self.state.lock().switched_off = false,
            _ => return status::FAILURE,
        }
        status::SUCCESS
    }
}

impl Client for Watchdog {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, now: Instant) {
        // The protocol has no answer that says "what?": whatever is not understood is met with silence.
        let Ok((&header, data)) = Header::ref_from_prefix(message.data) else { return };
        let mut send = |answer: &[u8]| {
            // One answer per credit, and no credit before the answer was taken: there is room.
            let _ = outbox.send(message.connection, message.vtag, answer);
        };
        if header.is(Header::START) {
            let response = self.start(data, now);
            if self.answers_heartbeats() {
                send(response.as_bytes());
            }
        } else if header.is(Header::STOP) {
            log::debug!("watchdog: the alarm is off");
            self.armed = None;
        } else if header.is(Header::IS_CHANGE_TO_AMT_ENABLED) {
            send(&[self.operational_state().into_bits()]);
        } else if header.is(Header::SET_AMT_OPERATIONAL_STATE) {
            let header = Header::SET_AMT_OPERATIONAL_STATE_RESPONSE;
            let status = U32::new(self.set_operational_state(data));
            send(SetOperationalStateResponse { header, status }.as_bytes());
        } else if header.is(Header::GET_ME_INFO) {
            if let Some(sku) = self.settings.me_info_sku {
                let mode = U32::new(u32::from(!self.state.lock().switched_off));
                send(MeInfo { version: U32::new(0x0001_0000), sku: U32::new(sku), mode }.as_bytes());
            }
        } else {
            log::debug!("watchdog: unknown message {header:?}");
        }
    }

    /// The counter outlives the connection: a host that crashed is what it is for.
    fn disconnected(&mut self, _connection: ConnectionId, _now: Instant) {}

    fn advance(&mut self, _outbox: &mut Outbox, now: Instant) {
        if let Some(armed) = self.armed.filter(|armed| armed.due <= now) {
            self.armed = None;
            log::warn!("watchdog: no heartbeat of the host for {} s", armed.timeout);
            self.state.lock().raise(Event::HeartbeatsStopped { timeout: armed.timeout });
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.armed.map(|armed| armed.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::fixture::{CONNECTION, Fixture, hex};
    use proptest::prelude::*;

    fn watchdog(tables: &str) -> Fixture {
        Fixture::new("watchdog", &format!("[amt]\nversions = []\n{tables}"))
    }

    fn ping(seconds: u16) -> Vec<u8> {
        let mut ping = hex("02151310");
        ping.extend(seconds.to_le_bytes());
        ping.resize(23, 0);
        ping
    }

    #[test]
    fn heartbeats_are_answered_and_their_end_is_an_event() {
        let mut watchdog = watchdog("");
        assert_eq!(watchdog.ask(&ping(120)), hex("02048310 00 00"));
        watchdog.pass(Duration::from_secs(119));
        assert_eq!(watchdog.ask(&ping(120)), hex("02048310 00 00"));
        watchdog.pass(Duration::from_secs(119));
        assert!(!watchdog.state.lock().has_event());
        watchdog.pass(Duration::from_secs(1));
        assert_eq!(watchdog.state.lock().next_event(), Some(Event::HeartbeatsStopped { timeout: 120 }));
        assert_eq!(watchdog.client.deadline(), None, "told once");
    }

    #[test]
    fn a_stop_disarms_and_a_lost_connection_does_not() {
        let mut watchdog = watchdog("");
        watchdog.ask(&ping(60));
        watchdog.tell(&hex("02021410"));
        assert_eq!(watchdog.heard(), None);
        assert_eq!(watchdog.client.deadline(), None);
        watchdog.ask(&ping(60));
        watchdog.client.disconnected(CONNECTION, watchdog.now);
        watchdog.pass(Duration::from_secs(60));
        assert!(watchdog.state.lock().has_event());
    }

    #[test]
    fn the_clock_of_the_alarm_can_be_fast() {
        let mut watchdog = watchdog("[watchdog]\nclock-factor = 8");
        watchdog.ask(&ping(120));
        watchdog.pass(Duration::from_secs(14));
        assert!(!watchdog.state.lock().has_event());
        watchdog.pass(Duration::from_secs(1));
        assert_eq!(watchdog.state.lock().next_event(), Some(Event::HeartbeatsStopped { timeout: 120 }));
    }

    #[test]
    fn heartbeats_can_be_unwanted() {
        let mut watchdog = watchdog("[watchdog]\nheartbeats = false");
        assert_eq!(watchdog.ask(&ping(120)), hex("02048310 00 01"));
        assert_eq!(watchdog.client.deadline(), None);
    }

    #[test]
    fn the_old_protocol_does_not_answer_and_old_heartbeats_are_shorter() {
        let text = "name = 'x'\ndevice = 0x1E3A\nhbm = '1.1'\n[amt]\nversions = []\n\
                    [[client]]\nkind = 'watchdog'\naddress = 1\nprotocol-version = 1\n";
        let persona = crate::Persona::parse(text, "x").unwrap();
        let (_, mut client) = persona.build_clients().next().unwrap();
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let data = &[&hex("02121310 7800")[..], &[0; 14]].concat();
        client.message(Message { connection: CONNECTION, vtag: 0, data }, &mut outbox, now);
        assert_eq!(outbox.take(CONNECTION), None);
        assert_eq!(client.deadline(), Some(now + Duration::from_secs(120)));
    }

    #[test]
    fn the_operational_state_is_one_byte() {
        for (tables, state) in [
            ("", 0x03),
            ("[watchdog]\nnew-interface = true", 0x83),
            ("tls = 'enforced'\n[watchdog]\nnew-interface = true\nchange-allowed = false", 0xC2),
            ("[watchdog]\nstate-bit-5 = true", 0x23),
        ] {
            assert_eq!(watchdog(tables).ask(&hex("05025110")), [state], "{tables}");
        }
    }

    #[test]
    fn the_operational_state_can_be_changed_where_the_firmware_lets() {
        let mut new = watchdog("[watchdog]\nnew-interface = true");
        assert_eq!(new.ask(&hex("05035310 00")), hex("0506d310 00000000"));
        assert_eq!(new.ask(&hex("05025110")), [0x81]);
        assert_eq!(new.ask(&ping(120)), hex("02048310 00 01"), "AMT is off");
        assert_eq!(new.ask(&hex("05035310 01")), hex("0506d310 00000000"));
        assert_eq!(new.ask(&hex("05025110")), [0x83]);
        assert_eq!(new.ask(&hex("05035310 02")), hex("0506d310 9e000000"));
        assert_eq!(new.ask(&hex("05035310")), hex("0506d310 9e000000"));
        let mut held = watchdog("[watchdog]\nnew-interface = true\nchange-allowed = false");
        assert_eq!(held.ask(&hex("05035310 00")), hex("0506d310 a8000000"));
        assert_eq!(watchdog("").ask(&hex("05035310 00")), hex("0506d310 89000000"));
    }

    #[test]
    fn me_info_is_for_old_programs() {
        let mut old = watchdog("[watchdog]\nme-info-sku = 0x05");
        assert_eq!(old.ask(&hex("07020110")), hex("00000100 05000000 01000000"));
        let mut new = watchdog("");
        new.tell(&hex("07020110"));
        assert_eq!(new.heard(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_get_at_most_one_answer(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut watchdog = watchdog("");
            watchdog.tell(&data);
            let _ = watchdog.heard();
            prop_assert_eq!(watchdog.heard(), None);
            watchdog.pass(Duration::from_secs(70_000));
        }
    }
}
