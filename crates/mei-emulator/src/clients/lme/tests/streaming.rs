//! What a service sends without end goes through, in order, in bounded pieces, as fast as the host reads.

use super::*;
use crate::client::{ConnectionId, Outbox};
use crate::clients::lme::Settings;
use crate::clients::lme::ports::Ports;
use crate::clients::lme::session::Session;
use crate::clients::lme::turn::{Facts, Turn};
use crate::clients::service::{Connection, Peer, Service, Stream};
use std::time::Instant;

#[derive(Debug)]
struct Flood(u64);

impl Service for Flood {
    fn accept(&mut self, _: &Peer<'_>, _: Instant) -> Option<Box<dyn Connection>> {
        Some(Box::new(Flood(self.0)))
    }
}

impl Flood {
    fn pour(&mut self, stream: &mut Stream) {
        while self.0 > 0 {
            if stream.send(&[u8::try_from(self.0 % 251).unwrap()]) == 0 {
                return;
            }
            self.0 -= 1;
        }
        stream.close();
    }
}

impl Connection for Flood {
    fn opened(&mut self, stream: &mut Stream, _: Instant) {
        self.pour(stream);
    }
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, _: Instant) {
        stream.consume(bytes.len());
    }
    fn advance(&mut self, stream: &mut Stream, _: Instant) {
        self.pour(stream);
    }
}

const MANY: u64 = 3_000_000;

fn facts() -> Facts {
    Facts { uuid: [0; 16], longest: 16384, chunk: 4095, settings: Settings::default() }
}

#[test]
fn a_flood_fills_half_of_the_room_and_no_more() {
    let (facts, mut ports, mut outbox) =
        (facts(), Ports::of(16992, Box::new(Flood(MANY))), Outbox::default());
    let now = Instant::now();
    let mut session = Session::new(CONNECTION, 8, now);
    let mut tell = |session: &mut Session, outbox: &mut Outbox, message: &[u8]| {
        session.message(message, &mut ports, &mut Turn::new(&facts, outbox, CONNECTION, now));
    };
    tell(&mut session, &mut outbox, &version());
    tell(&mut session, &mut outbox, &service(6, "pfwd@amt.intel.com"));
    tell(&mut session, &mut outbox, &words(81, &[16992]));
    while outbox.take(CONNECTION).is_some() {}
    tell(&mut session, &mut outbox, &open(2, u32::MAX));
    let half = Outbox::LIMIT / 2;
    let waiting = outbox.waiting(CONNECTION);
    assert!((half..half + 8192).contains(&waiting), "{waiting}");
    assert_eq!(outbox.take(CONNECTION).unwrap().1[0], 91);
    let (mut heard, mut expected) = (0, MANY);
    loop {
        match outbox.take(CONNECTION) {
            Some((_, message)) if message[0] == 94 => {
                assert!(message.len() <= 9 + 4095);
                for &byte in &message[9..] {
                    assert_eq!(u64::from(byte), expected % 251);
                    expected -= 1;
                    heard += 1;
                }
            }
            Some((_, message)) => {
                assert_eq!(message, words(97, &[2]));
                break;
            }
            None => panic!("the stream stalls after {heard} bytes"),
        }
        // What the engine does when room comes back.
        if outbox.take_refusal(CONNECTION) {
            session.advance(&mut Turn::new(&facts, &mut outbox, CONNECTION, now));
        }
    }
    assert_eq!(heard, MANY);
}

#[test]
fn a_large_response_passes_a_small_window() {
    let (facts, mut ports, mut outbox) =
        (facts(), Ports::of(16992, Box::new(Flood(65536))), Outbox::default());
    let now = Instant::now();
    let connection = ConnectionId(3);
    let mut session = Session::new(connection, 8, now);
    for message in [version(), service(6, "pfwd@amt.intel.com"), words(81, &[16992]), open(2, 1024)] {
        session.message(&message, &mut ports, &mut Turn::new(&facts, &mut outbox, connection, now));
    }
    let mut heard = 0;
    while let Some((_, message)) = outbox.take(connection) {
        if message[0] == 94 {
            assert!(message.len() <= 9 + 1024);
            heard += message.len() - 9;
            let adjust = words(93, &[0, u32::try_from(message.len() - 9).unwrap()]);
            session.message(&adjust, &mut ports, &mut Turn::new(&facts, &mut outbox, connection, now));
        }
    }
    assert_eq!(heard, 65536);
}

#[test]
fn two_floods_share_the_way() {
    let (facts, mut ports, mut outbox) =
        (facts(), Ports::of(16992, Box::new(Flood(MANY))), Outbox::default());
    let now = Instant::now();
    let mut session = Session::new(CONNECTION, 8, now);
    let greetings = [version(), service(6, "pfwd@amt.intel.com"), words(81, &[16992])];
    for message in greetings.into_iter().chain([open(2, u32::MAX), open(3, u32::MAX)]) {
        session.message(&message, &mut ports, &mut Turn::new(&facts, &mut outbox, CONNECTION, now));
    }
    let mut heard = [0, 0];
    // By the time that one of them is half through, the other has come far, too.
    while heard.iter().all(|&heard| heard < MANY / 2) {
        let (_, message) = outbox.take(CONNECTION).expect("there is more to come");
        if message[0] == 94 {
            heard[usize::from(message[4]) - 2] += u64::try_from(message.len() - 9).unwrap();
        }
        if outbox.take_refusal(CONNECTION) {
            session.advance(&mut Turn::new(&facts, &mut outbox, CONNECTION, now));
        }
    }
    assert!(heard.iter().all(|&heard| heard > MANY / 8), "{heard:?}");
}
