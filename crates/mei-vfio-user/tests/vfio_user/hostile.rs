//! Monitors that say nonsense, stop in the middle, or do not listen. Each must leave a server that serves the
//! next one.

use crate::Served;
use crate::engine::SCRATCH;
use crate::raw::{NO_REPLY, REGION_READ, REGION_WRITE, Raw, VERSION, access, message};
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::AsFd;
use vfio_user::Client;

const EINVAL: u32 = 22;
const EOPNOTSUPP: u32 = 95;

/// The proof that the server is well.
fn serves(served: &Served) {
    let mut client = Client::new(served.path()).unwrap();
    let mut bytes = [0; 4];
    client.region_read(7, 0, &mut bytes).unwrap();
    assert_eq!(bytes, [0x86, 0x80, 0xE0, 0x51]);
}

#[test]
fn every_truncation_of_a_version_ends_the_connection() {
    let served = Served::new();
    let whole = message(VERSION, 0, b"\0\0\x01\0{\"capabilities\":{\"max_msg_fds\":1}}\0");
    for length in 0..whole.len() {
        let mut raw = Raw::connect(served.path());
        raw.send(&whole[..length]);
        raw.shut_down();
        assert!(raw.is_hung_up(), "after {length} bytes");
    }
    serves(&served);
    served.stop();
}

#[test]
fn a_message_may_come_in_pieces() {
    let served = Served::new();
    let mut raw = Raw::connect(served.path());
    for byte in message(VERSION, 0, b"\0\0\x01\0{\"capabilities\":{}}\0") {
        raw.send(&[byte]);
    }
    let (_, _, answer) = raw.reply().unwrap();
    assert_eq!(answer.unwrap()[..5], [0, 0, 1, 0, b'{']);
    served.stop();
}

#[test]
fn sizes_that_cannot_be_end_the_connection() {
    let served = Served::new();
    for size in [0u32, 1, 15, 16 * 1024 + 1, 0x7FFF_FFFF, u32::MAX] {
        let mut raw = Raw::greet(served.path());
        let mut bytes = message(REGION_READ, 0, &access(7, 0, 4, &[]));
        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        raw.send(&bytes);
        assert!(raw.is_hung_up(), "{size}");
    }
    serves(&served);
    served.stop();
}

#[test]
fn nothing_is_done_before_a_version() {
    let served = Served::new();
    for command in [0, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14, 0xFFFF] {
        let mut raw = Raw::connect(served.path());
        raw.send(&message(command, 0, &[0; 32]));
        assert!(raw.is_hung_up(), "command {command}");
    }
    for body in [&[0, 0][..], &[1, 0, 0, 0], b"\0\0\x01\0{", b"\0\0\x01\0[1]\0"] {
        let mut raw = Raw::connect(served.path());
        assert_eq!(raw.ask(VERSION, body), Err(EINVAL));
        assert!(raw.is_hung_up());
    }
    serves(&served);
    served.stop();
}

#[test]
fn a_reply_to_nothing_ends_the_connection() {
    let served = Served::new();
    for flags in [1, 2, 0xF, 0x21] {
        let mut raw = Raw::greet(served.path());
        raw.send(&message(REGION_READ, flags, &access(7, 0, 4, &[])));
        assert!(raw.is_hung_up(), "flags {flags:#x}");
    }
    served.stop();
}

#[test]
fn every_short_body_is_refused_and_the_connection_goes_on() {
    let served = Served::new();
    let mut raw = Raw::greet(served.path());
    // Command, bytes of its structure, whether zeros in it are accepted.
    let commands = [
        (2, 32, false),
        (3, 24, false),
        (4, 16, true),
        (5, 32, true),
        (7, 16, true),
        (8, 20, false),
        (9, 16, false),
        (10, 16, false),
    ];
    for (command, size, zeros) in commands {
        for length in 0..size {
            assert_eq!(raw.ask(command, &vec![0; length]), Err(EINVAL), "command {command}, {length} bytes");
        }
        assert_eq!(raw.ask(command, &vec![0; size]).is_ok(), zeros, "command {command}");
        assert_eq!(raw.ask(command, &vec![0xFF; size]).is_ok(), command == 4, "command {command} of ones");
    }
    assert_eq!(raw.ask(VERSION, &[0, 0, 1, 0]), Err(EINVAL), "only once");
    for command in [0, 6, 11, 12, 14, 15, 16, 99, 0xFFFF] {
        assert_eq!(raw.ask(command, &[0; 64]), Err(EOPNOTSUPP), "command {command}");
    }
    raw.ask(REGION_READ, &access(7, 0, 4, &[])).unwrap();
    served.stop();
}

#[test]
fn accesses_outside_are_refused_and_inside_answered() {
    let served = Served::new();
    let mut raw = Raw::greet(served.path());
    for (region, offset, count) in
        [(0, 4096, 4), (0, u64::MAX, 4), (7, 255, 2), (3, 0, 4), (9, 0, 4), (0, 0, u32::MAX), (7, 0, 0)]
    {
        assert_eq!(
            raw.ask(REGION_READ, &access(region, offset, count, &[])),
            Err(EINVAL),
            "{region} {offset} {count}"
        );
        assert_eq!(raw.ask(REGION_WRITE, &access(region, offset, count, &[0; 4])), Err(EINVAL));
    }
    assert_eq!(
        raw.ask(REGION_WRITE, &access(0, SCRATCH.into(), 4, &[0; 3])),
        Err(EINVAL),
        "less than it says"
    );
    assert_eq!(
        raw.ask(REGION_WRITE, &access(0, SCRATCH.into(), 4, &[0; 5])),
        Err(EINVAL),
        "more than it says"
    );
    let answer = raw.ask(REGION_READ, &access(7, 0, 256, &[])).unwrap();
    assert_eq!(answer.len(), 16 + 256);
    served.stop();
}

#[test]
fn posted_writes_are_done_and_not_answered() {
    let served = Served::new();
    let mut raw = Raw::greet(served.path());
    // All at once: writes without reply, then a read.
    let mut bytes = Vec::new();
    for value in 0..1000u32 {
        bytes.extend(message(REGION_WRITE, NO_REPLY, &access(0, SCRATCH.into(), 4, &value.to_le_bytes())));
    }
    bytes.extend(message(REGION_READ, 0, &access(0, SCRATCH.into(), 4, &[])));
    raw.send(&bytes);
    let (_, command, answer) = raw.reply().unwrap();
    assert_eq!((command, &answer.unwrap()[16..]), (REGION_READ, &[0xE7, 0x03, 0, 0][..]));
    served.stop();
}

#[test]
fn descriptors_belong_to_their_message_and_surplus_ones_are_closed() {
    let served = Served::new();
    let mut raw = Raw::greet(served.path());
    let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    // Without the descriptor limit of the process this would show as exhaustion.
    for _ in 0..2000 {
        raw.send_with(&message(REGION_READ, 0, &access(7, 0, 4, &[])), &[event.as_fd(); 8]);
        raw.reply().unwrap().2.unwrap();
    }
    raw.send_with(&message(REGION_READ, 0, &access(7, 0, 4, &[])), &[event.as_fd(); 60]);
    assert!(raw.is_hung_up(), "more descriptors than were agreed on");
    serves(&served);
    served.stop();
}

#[test]
fn a_monitor_that_does_not_listen_stops_only_itself() {
    let served = Served::new();
    let mut raw = Raw::greet(served.path());
    let ask = message(REGION_READ, 0, &access(0, 0, 4096, &[]));
    // Far more than the socket holds in replies; the server neither blocks nor hoards.
    let sender = std::thread::spawn(move || {
        for _ in 0..2000 {
            raw.send(&ask);
        }
    });
    // An order still gets through.
    served.control.remove(mei_vfio_user::Removal::Surprise);
    served.control.reinsert();
    served.observed.wait_for_resets(1);
    served.stop();
    sender.join().unwrap();
}

#[test]
fn a_second_monitor_is_turned_away_and_comes_in_when_the_first_has_left() {
    let served = Served::new();
    let mut first = Raw::greet(served.path());
    let mut second = Raw::connect(served.path());
    second.send(&message(VERSION, 0, &[0, 0, 1, 0]));
    assert!(second.is_hung_up());
    first.ask(REGION_READ, &access(7, 0, 4, &[])).unwrap();
    drop(first);
    serves(&served);
    served.stop();
}

/// Bytes from a seed, for nonsense that can be repeated.
fn noise(seed: u64) -> impl FnMut() -> u8 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    }
}

#[test]
fn noise_in_well_formed_messages_never_hurts() {
    let served = Served::new();
    for seed in 1..40 {
        let mut raw = Raw::greet(served.path());
        let mut byte = noise(seed << 32 | 0x9E37_79B9);
        for _ in 0..100 {
            let command = u16::from(byte() % 16);
            let length = usize::from(byte()) % 80;
            // Small numbers reach further than large ones.
            let body: Vec<u8> = (0..length).map(|_| if byte() < 80 { byte() } else { byte() % 8 }).collect();
            let _ = raw.ask(command, &body);
        }
    }
    serves(&served);
    served.stop();
}
