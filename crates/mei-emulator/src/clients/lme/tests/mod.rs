//! Sessions as hosts have them. Messages are spelled out: nothing here uses the parser or the writer under test.

mod services;
mod streaming;
mod windows;

use super::channel::Channels;
use crate::clients::amt::{Datagram, Event, Text};
use crate::clients::fixture::{CONNECTION, Fixture, hex};
use proptest::prelude::*;
use std::time::Duration;

const AMT: &str = "[amt]\nversions = [{ description = 'AMT', version = '11.8.93' }]\n\
                   uuid = '00112233-4455-6677-8899-aabbccddeeff'\n";

fn string(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.bytes());
    bytes
}

fn words(opcode: u8, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![opcode];
    words.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes
}

fn version() -> Vec<u8> {
    let mut version = words(192, &[1, 0, 9]);
    version.resize(93, 0);
    version
}

fn service(opcode: u8, name: &str) -> Vec<u8> {
    [vec![opcode], string(name)].concat()
}

fn forward(port: u32) -> Vec<u8> {
    [vec![80], string("tcpip-forward"), vec![1], string("127.0.0.1"), port.to_be_bytes().to_vec()].concat()
}

fn open_kind(kind: &str, sender: u32, window: u32, port: u32) -> Vec<u8> {
    [
        vec![90],
        string(kind),
        words(0, &[sender, window, u32::MAX])[1..].to_vec(),
        string("127.0.0.1"),
        port.to_be_bytes().to_vec(),
        string("127.0.0.1"),
        4711u32.to_be_bytes().to_vec(),
    ]
    .concat()
}

fn open(sender: u32, window: u32) -> Vec<u8> {
    open_kind("forwarded-tcpip", sender, window, 16992)
}

fn data(recipient: u32, bytes: &[u8]) -> Vec<u8> {
    let mut message = words(94, &[recipient, u32::try_from(bytes.len()).unwrap()]);
    message.extend(bytes);
    message
}

/// A session whose ports are forwarded.
fn session_of(tables: &str, ports: &[u32]) -> Fixture {
    let mut lme = Fixture::new("lme", &format!("{AMT}{tables}"));
    lme.connect(CONNECTION);
    assert_eq!(lme.heard().unwrap()[0], 192);
    assert_eq!(lme.ask(&version()), service(5, "pfwd@amt.intel.com"));
    lme.tell(&service(6, "pfwd@amt.intel.com"));
    for &port in ports {
        assert_eq!(lme.heard(), Some(forward(port)));
        lme.tell(&words(81, &[port]));
    }
    assert_eq!(lme.heard(), None);
    lme
}

fn session() -> Fixture {
    session_of("", &[16992, 623])
}

/// Opens a channel; returns the engine's number for it.
fn opened(lme: &mut Fixture, sender: u32, window: u32) -> u32 {
    let answer = lme.ask(&open(sender, window));
    assert_eq!((answer.len(), answer[0]), (17, 91), "{answer:02x?}");
    assert_eq!(answer[1..5], sender.to_be_bytes());
    assert_eq!(answer[9..], words(0, &[8192, u32::MAX])[1..]);
    u32::from_be_bytes(answer[5..9].try_into().unwrap())
}

/// All that was said.
fn all(lme: &mut Fixture) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| lme.heard()).collect()
}

/// The data in messages for a channel of the host's; each is at most `most` bytes.
fn payload(messages: &[Vec<u8>], channel: u32, most: usize) -> Vec<u8> {
    let mine = |message: &&Vec<u8>| message[..5] == words(94, &[channel]);
    let parts = messages.iter().filter(mine).map(|message| &message[9..]);
    parts
        .inspect(|part| assert!(part.len() <= most, "{} bytes at once", part.len()))
        .flatten()
        .copied()
        .collect()
}

const REQUEST: &[u8] = b"GET /index.htm HTTP/1.1\r\nConnection: close\r\n\r\n";

#[test]
fn the_engine_speaks_first_and_once() {
    let mut lme = Fixture::new("lme", AMT);
    lme.connect(CONNECTION);
    let greeting = lme.heard().unwrap();
    let expected =
        format!("c0 00000001 00000000 000000fe 3322110055447766 8899aabbccddeeff {}", "00".repeat(64));
    assert_eq!(greeting, hex(&expected));
    assert_eq!(lme.heard(), None);
    // Echoes, as some programs send them, start nothing anew.
    assert_eq!(lme.ask(&version()), service(5, "pfwd@amt.intel.com"));
    for _ in 0..10 {
        lme.tell(&version());
    }
    assert_eq!(lme.heard(), None);
}

#[test]
fn ports_are_asked_for_one_at_a_time_in_pairs() {
    session();
    session_of("tls = 'enforced'\n", &[16993, 664]);
    session_of("[lme]\nports = [16992, 623, 16994]\n", &[16992, 623, 16994]);
}

#[test]
fn a_host_that_refuses_a_port_is_asked_for_the_next() {
    let mut lme = Fixture::new("lme", AMT);
    lme.connect(CONNECTION);
    lme.heard();
    lme.ask(&version());
    assert_eq!(lme.ask(&service(6, "pfwd@amt.intel.com")), forward(16992));
    assert_eq!(lme.ask(&[82]), forward(623));
    lme.tell(&words(81, &[623]));
    assert_eq!(lme.heard(), None);
    // The port that was refused is not forwarded; behind the other there is nobody.
    assert_eq!(lme.ask(&open(2, 4096)), words(92, &[2, 1, 0, 0]));
    assert_eq!(lme.ask(&open_kind("forwarded-tcpip", 2, 4096, 623)), words(92, &[2, 2, 0, 0]));
    assert_eq!(lme.ask(&open_kind("forwarded-tcpip", 2, 4096, 80)), words(92, &[2, 1, 0, 0]));
    assert_eq!(lme.ask(&open_kind("session", 2, 4096, 623)), words(92, &[2, 3, 0, 0]));
}

#[test]
fn a_port_can_be_used_while_the_next_is_asked_for() {
    let mut lme = Fixture::new("lme", AMT);
    lme.connect(CONNECTION);
    lme.heard();
    lme.ask(&version());
    lme.ask(&service(6, "pfwd@amt.intel.com"));
    assert_eq!(lme.ask(&words(81, &[16992])), forward(623));
    opened(&mut lme, 5, 4096);
}

#[test]
fn sessions_end_with_a_reason() {
    let cases = [
        (words(192, &[0, 9, 9, 0, 0, 0, 0]), 8),
        (vec![], 2),
        (vec![94, 0, 0], 2),
        (vec![99], 2),
        (service(5, "shell@example"), 7),
    ];
    for (message, reason) in cases {
        let mut lme = Fixture::new("lme", AMT);
        lme.connect(CONNECTION);
        lme.heard();
        let mut expected = words(1, &[reason]);
        expected.extend([0; 2]);
        assert_eq!(lme.ask(&message), expected, "{message:02x?}");
        lme.tell(&version());
        assert_eq!(lme.heard(), None, "nothing is said once the session is over");
    }
    let mut lme = session();
    lme.tell(&[1, 0, 0, 0, 11, 0, 0]);
    lme.tell(&open(2, 4096));
    assert_eq!(lme.heard(), None);
    // The host comes back on a new connection.
    lme.client.disconnected(CONNECTION, lme.now);
    lme.connect(CONNECTION);
    assert_eq!(lme.heard().unwrap()[0], 192);
}

#[test]
fn what_a_host_may_ask_is_answered() {
    let mut lme = session();
    assert_eq!(lme.ask(&service(5, "auth@amt.intel.com")), service(6, "auth@amt.intel.com"));
    let login = [vec![50], string("u"), string("s"), string("none")].concat();
    assert_eq!(lme.ask(&login), [vec![51], string("password"), vec![0]].concat());
    assert_eq!(lme.ask(&forward(80)), [82]);
    assert_eq!(lme.ask(&words(208, &[7])), words(209, &[7]));
    assert_eq!(lme.ask(&words(210, &[30, 90])), words(211, &[30, 90]));
    // Answers to nothing, and news of channels that are not there.
    for message in [
        vec![52],
        words(81, &[1]),
        vec![82],
        words(91, &[0, 1, 1, 1]),
        words(92, &[0, 1, 1, 1]),
        words(93, &[0, 1]),
        data(0, b"x"),
        words(97, &[0]),
        words(97, &[u32::MAX]),
        words(209, &[7]),
    ] {
        lme.tell(&message);
        assert_eq!(lme.heard(), None, "{message:02x?}");
    }
}

#[test]
fn a_request_is_answered_and_the_engine_closes() {
    let mut lme = session();
    let channel = opened(&mut lme, 2, 4096);
    lme.tell(&data(channel, REQUEST));
    let said = all(&mut lme);
    let response = String::from_utf8(payload(&said, 2, 4096)).unwrap();
    assert!(response.starts_with("HTTP/1.1 401 ") && response.ends_with("</html>\n"), "{response}");
    assert_eq!(said.last(), Some(&words(97, &[2])), "the engine closes");
    // The host's answer frees the channel, and is not answered.
    lme.tell(&words(97, &[channel]));
    assert_eq!(lme.heard(), None);
}

#[test]
fn the_window_of_the_host_is_kept_and_the_stall_ends_when_it_grows() {
    let mut lme = session();
    let channel = opened(&mut lme, 2, 100);
    lme.tell(&data(channel, REQUEST));
    let mut response = payload(&all(&mut lme), 2, 100);
    assert_eq!(response.len(), 100);
    lme.tell(&words(93, &[channel, 50]));
    response.extend(payload(&all(&mut lme), 2, 50));
    assert_eq!(response.len(), 150);
    lme.pass(Duration::from_secs(3600));
    assert_eq!(lme.heard(), None, "it waits as long as the host wants");
    lme.tell(&words(93, &[channel, u32::MAX]));
    let said = all(&mut lme);
    response.extend(payload(&said, 2, 4095));
    assert!(response.ends_with(b"</html>\n"));
    assert_eq!(said.last(), Some(&words(97, &[2])));
}

#[test]
fn what_was_taken_is_given_back_to_the_hosts_window() {
    let mut lme = session();
    let channel = opened(&mut lme, 2, 4096);
    assert_eq!(lme.ask(&data(channel, b"GET /logon.htm")), words(93, &[2, 14]));
    // More than the window: one program does not look at it.
    assert_eq!(lme.ask(&data(channel, &[b'a'; 9000][..4000])), words(93, &[2, 4000]));
}

#[test]
fn a_host_that_closes_is_answered_once() {
    let mut lme = session();
    let channel = opened(&mut lme, 2, 10);
    lme.tell(&data(channel, REQUEST));
    assert_eq!(payload(&all(&mut lme), 2, 10).len(), 10, "in the middle of the response");
    assert_eq!(lme.ask(&words(97, &[channel])), words(97, &[2]));
    lme.tell(&words(97, &[channel]));
    lme.tell(&words(93, &[channel, 5000]));
    assert_eq!(lme.heard(), None);
}

#[test]
fn eight_channels_and_no_more() {
    let mut lme = session();
    let mut numbers: Vec<u32> = (0..8).map(|sender| opened(&mut lme, 10 + sender, 4096)).collect();
    assert_eq!(lme.ask(&open(20, 4096)), words(92, &[20, 4, 0, 0]));
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(lme.ask(&words(97, &[3])), words(97, &[13]));
    assert_eq!(opened(&mut lme, 20, 4096), 3);
}

#[test]
fn no_channel_is_lost_whether_the_host_confirms_its_end_or_not() {
    for confirms in [true, false] {
        let mut lme = session();
        for round in 0..100 {
            let channel = opened(&mut lme, 2, 65536);
            lme.tell(&data(channel, REQUEST));
            assert!(all(&mut lme).contains(&words(97, &[2])), "round {round}");
            if confirms {
                lme.tell(&words(97, &[channel]));
            }
        }
    }
}

#[test]
fn a_channel_whose_end_is_not_confirmed_is_free_after_a_while() {
    let mut lme = session();
    for sender in 0..7 {
        opened(&mut lme, sender, 4096);
    }
    let last = opened(&mut lme, 7, 65536);
    lme.tell(&data(last, REQUEST));
    all(&mut lme);
    lme.pass(Duration::from_secs(1));
    assert!(lme.client.deadline().is_some());
    lme.pass(Duration::from_secs(1));
    // A late CLOSE finds nothing to answer.
    lme.tell(&words(97, &[last]));
    assert_eq!(lme.heard(), None);
    assert_eq!(opened(&mut lme, 8, 4096), last);
}

#[test]
fn several_sessions_do_not_mix() {
    use crate::client::{ConnectionId, Message};
    let other = ConnectionId(2);
    let mut lme = session();
    lme.connect(other);
    assert_eq!(lme.outbox.take(other).unwrap().1[0], 192);
    let channel = opened(&mut lme, 2, 4096);
    let message = data(channel, REQUEST);
    lme.client.message(Message { connection: other, vtag: 0, data: &message }, &mut lme.outbox, lme.now);
    assert_eq!((lme.heard(), lme.outbox.take(other)), (None, None));
    lme.client.disconnected(other, lme.now);
    lme.tell(&message);
    assert!(!all(&mut lme).is_empty());
    lme.client.reset(lme.now);
    lme.tell(&message);
    assert_eq!(lme.heard(), None);
}

#[test]
fn events_go_to_a_host_that_listens() {
    let mut lme = session_of("[lme]\ndeliver-events = true\n", &[16992, 623]);
    lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 120 });
    lme.state.lock().raise(Event::Datagram(Datagram {
        destination: Text::new("192.0.2.7").unwrap(),
        port: 162,
        originator_port: 623,
        data: b"hello".to_vec(),
    }));
    lme.pass(Duration::ZERO);
    let channel = lme.heard().unwrap();
    let expected = [
        vec![90],
        string("direct-tcpip"),
        words(0, &[0, 8192, u32::MAX])[1..].to_vec(),
        string("127.0.0.1"),
        words(0, &[0])[1..].to_vec(),
        string("127.0.0.1"),
        words(0, &[16992])[1..].to_vec(),
    ];
    assert_eq!(channel, expected.concat());
    let datagram = [
        vec![80],
        string("udp-send-to@amt.intel.com"),
        vec![0],
        string("192.0.2.7"),
        words(0, &[162])[1..].to_vec(),
        string("127.0.0.1"),
        words(0, &[623])[1..].to_vec(),
        string("hello"),
    ];
    assert_eq!(lme.heard(), Some(datagram.concat()));
    assert_eq!(lme.heard(), None, "nothing is sent before the host confirms");
    lme.tell(&words(91, &[0, 77, 1024, u32::MAX]));
    let message = String::from_utf8(payload(&all(&mut lme), 77, 1024)).unwrap();
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert!(body.contains("<g:MessageArguments>120</g:MessageArguments>"), "{body}");
    lme.tell(&data(0, b"HTTP/1.1 200 OK\r\n\r\n"));
    assert_eq!(lme.heard(), Some(words(97, &[77])));
    lme.tell(&words(97, &[0]));
    assert_eq!(lme.heard(), None);
}

#[test]
fn the_xml_of_an_event_is_the_personas() {
    let tables = "[lme]\ndeliver-events = true\nevent-body = '<e i=\"{id}\" t=\"{text}\">{arguments}</e>'\n";
    let mut lme = session_of(tables, &[16992, 623]);
    lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 7 });
    lme.pass(Duration::ZERO);
    assert_eq!(lme.heard().unwrap()[0], 90);
    lme.tell(&words(91, &[0, 77, 1024, u32::MAX]));
    let message = String::from_utf8(payload(&all(&mut lme), 77, 1024)).unwrap();
    let body = "<e i=\"iAMT0050\" t=\"The operating system's watchdog has expired\">7</e>";
    assert!(message.ends_with(&format!("\r\n\r\n{body}")), "{message}");
}

#[test]
fn nobody_is_behind_the_ports_that_need_more_than_the_plain_web_service() {
    for (tables, ports) in [("", [16992, 623]), ("tls = 'enforced'\n", [16993, 664])] {
        let mut lme = session_of(tables, &ports);
        let behind = |lme: &mut Fixture, port| lme.ask(&open_kind("forwarded-tcpip", 2, 4096, port));
        let web = behind(&mut lme, ports[0]);
        assert_eq!(web[0] == 91, tables.is_empty(), "{web:02x?}");
        assert_eq!(behind(&mut lme, ports[1]), words(92, &[2, 2, 0, 0]), "connect failed");
        // The other pair is not forwarded.
        assert_eq!(behind(&mut lme, ports[0] ^ 1), words(92, &[2, 1, 0, 0]), "prohibited");
    }
}

#[test]
fn a_host_that_takes_no_channel_gets_no_event() {
    let mut lme = session_of("[lme]\ndeliver-events = true\n", &[16992, 623]);
    for refused in [true, false] {
        lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 1 });
        lme.pass(Duration::ZERO);
        let number = lme.heard().unwrap()[5 + 12..][..4].to_vec();
        if refused {
            lme.tell(&[vec![92], number, vec![0; 12]].concat());
        } else {
            lme.pass(Duration::from_secs(30));
        }
        assert_eq!(lme.heard(), None);
        assert!((0..8).all(|sender| lme.ask(&open(sender, 1))[0] == 91), "all channels are free");
        for channel in 0..8 {
            lme.ask(&words(97, &[channel]));
        }
    }
}

#[test]
fn a_host_cannot_keep_the_channel_of_an_event() {
    for window in [65536, 10] {
        let mut lme = session_of("[lme]\ndeliver-events = true\n", &[16992, 623]);
        lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 1 });
        lme.pass(Duration::ZERO);
        assert_eq!(lme.heard().unwrap()[0], 90);
        lme.tell(&words(91, &[0, 77, window, u32::MAX]));
        assert!(!payload(&all(&mut lme), 77, 4095).is_empty());
        lme.pass(Duration::from_secs(29));
        assert_eq!(lme.heard(), None);
        lme.pass(Duration::from_secs(1));
        assert_eq!(lme.heard(), Some(words(97, &[77])), "window {window}");
    }
}

#[test]
fn events_wait_for_a_free_channel() {
    let mut lme = session_of("[lme]\ndeliver-events = true\n", &[16992, 623]);
    for sender in 0..8 {
        opened(&mut lme, sender, 1);
    }
    lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 1 });
    lme.pass(Duration::from_secs(1));
    assert_eq!(lme.heard(), None);
    assert!(lme.client.deadline().is_none_or(|due| due > lme.now), "nothing is due before a channel is free");
    lme.ask(&words(97, &[3]));
    lme.pass(Duration::ZERO);
    assert_eq!(lme.heard().unwrap()[0], 90);
}

#[test]
fn events_wait_when_nobody_listens() {
    let mut lme = session();
    lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 1 });
    assert_eq!((lme.heard(), lme.client.deadline()), (None, None));
    assert!(lme.state.lock().has_event());
}

#[test]
fn some_firmware_loses_the_host_when_a_channel_ends() {
    let mut lme = session_of("[lme]\ndisconnect-after-channel = true\n", &[16992, 623]);
    let channel = opened(&mut lme, 2, 65536);
    lme.tell(&data(channel, REQUEST));
    assert!(!lme.outbox.wants_disconnect(CONNECTION));
    lme.tell(&words(97, &[channel]));
    assert!(lme.outbox.wants_disconnect(CONNECTION));
}

#[test]
fn nobody_is_behind_the_ports_of_amt_that_is_off() {
    let mut lme = Fixture::new("lme", "[amt]\nversions = []\navailability = 'disabled'");
    lme.connect(CONNECTION);
    lme.heard();
    lme.ask(&version());
    lme.ask(&service(6, "pfwd@amt.intel.com"));
    lme.ask(&words(81, &[16992]));
    assert_eq!(lme.ask(&open(2, 4096)), words(92, &[2, 2, 0, 0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_messages_do_no_harm(
        messages in proptest::collection::vec(
            (
                prop::sample::select(vec![1u8, 5, 6, 50, 51, 52, 80, 81, 82, 90, 91, 92, 93, 94, 97, 192, 208, 210]),
                proptest::collection::vec(prop_oneof![Just(0u8), 0u8..9, any::<u8>()], 0..80),
            ),
            0..30,
        ),
    ) {
        let mut lme = session();
        opened(&mut lme, 2, 4096);
        for (opcode, rest) in messages {
            if opcode != 1 {
                lme.tell(&[vec![opcode], rest].concat());
            }
            for message in all(&mut lme) {
                prop_assert!(message.len() <= 16384);
            }
            lme.pass(Duration::from_secs(1));
        }
    }

    #[test]
    fn channels_survive_any_order_of_whole_messages(
        steps in proptest::collection::vec((0usize..6, 0u32..9, 0u32..5000), 0..200),
    ) {
        let mut lme = session_of("[lme]\ndeliver-events = true\n", &[16992, 623]);
        for (kind, channel, number) in steps {
            let bytes = REQUEST.get(..number as usize % REQUEST.len()).unwrap_or_default();
            lme.tell(&match kind {
                0 => open(channel, number),
                1 => data(channel, bytes),
                2 => words(93, &[channel, number]),
                3 => words(97, &[channel]),
                4 => words(91, &[channel, channel, number, u32::MAX]),
                _ => data(channel, REQUEST),
            });
            if number % 7 == 0 {
                lme.state.lock().raise(Event::HeartbeatsStopped { timeout: 1 });
                lme.pass(Duration::from_secs(1));
            }
            all(&mut lme);
        }
        prop_assert!(!lme.outbox.wants_disconnect(CONNECTION));
    }
}

#[test]
fn channels_start_free() {
    assert!(Channels::new(8).has_free());
}
