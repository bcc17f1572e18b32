//! Sweeps over malformed input: every bus message at every length in every step of the protocol, every header,
//! odd enumerations.

use crate::bench::*;
use crate::stub::{Stub, StubClient};
use mei_core::{DeviceState, Errno};

/// Every command that firmware sends, and some that nobody does.
const COMMANDS: [u8; 24] = [
    0x00, 0x01, 0x03, 0x07, 0x08, 0x09, 0x0B, 0x0F, 0x11, 0x16, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8A,
    0x90, 0x92, 0x93, 0x94, 0x95, 0x9F, 0xFF,
];

/// The device works, or can be made to.
fn recovers(bench: &mut Bench, what: &str) {
    bench.stub().silent_on = None;
    if bench.host.state() == DeviceState::PowerDown {
        bench.host.suspend(bench.now);
        bench.host.resume(bench.now);
    }
    bench.run();
    for _ in 0..3 {
        if bench.host.state() == DeviceState::Enabled {
            break;
        }
        // A step that was not answered is reset when its time is over.
        bench.seconds(31);
    }
    if bench.host.state() == DeviceState::Disabled {
        bench.host.resume(bench.now);
        bench.run();
    }
    // It may have been told of clients that do not exist: enumerate once more.
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.host.state(), DeviceState::Enabled, "{what}");
    let file = bench.open();
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)), "{what}");
    assert_eq!(bench.write(file, b"x"), Got::Written(1), "{what}");
}

#[test]
fn every_bus_message_at_every_length_in_every_step() {
    for silent_on in [Some(0x01), Some(0x13), Some(0x04), Some(0x05), None] {
        for command in COMMANDS {
            for length in [0, 1, 3, 4, 8, 28, 36, 64, 400] {
                for fill in [0, 0xFF] {
                    let mut stub = Stub::new(clients());
                    stub.silent_on = silent_on;
                    let mut bench = Bench::new(stub);
                    bench.host.start(bench.now);
                    bench.run();
                    let mut message = vec![fill; length];
                    if let Some(first) = message.first_mut() {
                        *first = command;
                    }
                    bench.stub().bus(&message);
                    // Hostile firmware need not come to rest: three resets end it.
                    bench.some(60);
                    recovers(
                        &mut bench,
                        &format!("{silent_on:x?}, {command:#x}, {length} bytes of {fill:#x}"),
                    );
                }
            }
        }
    }
}

#[test]
fn every_bit_of_a_header_alone() {
    for bit in 0..32 {
        for base in [0, 0x8004_0103, 0x8004_0000, 0x9008_0103, 0xA004_0103] {
            let mut bench = Bench::started();
            let file = bench.connected(3);
            bench.read_nb(file, 10);
            bench.stub().push_slots(&[base ^ (1 << bit)]);
            bench.some(20);
            bench.stub().push_slots(&[0; 100]);
            bench.some(40);
            bench.release(file);
            recovers(&mut bench, &format!("{base:#x} with bit {bit}"));
        }
    }
}

#[test]
fn a_client_with_the_bus_address_is_not_taken() {
    let bus = StubClient { id: 0, guid: guid(9), fixed: 1, ..clients()[0] };
    let mut stub = Stub::new(vec![bus, clients()[0]]);
    stub.version = (2, 0);
    let mut bench = Bench::started_with(stub);
    let file = bench.open();
    assert_eq!(bench.connect(file, 9), error(Errno::NOTTY));
    let mut add = vec![0x0F, 0, 0, 0];
    add.extend(bus.properties());
    bench.bus(&add);
    assert_eq!(bench.took(0x8F), [[0x8F, 0, 1, 0]]);
    assert_eq!(bench.connect(file, 9), error(Errno::NOTTY));
}

#[test]
fn two_clients_that_claim_one_id_do_not_mix_files_up() {
    let mut bench = Bench::started();
    let first = bench.connected(3);
    let mut add = vec![0x0F, 3, 0, 0];
    add.extend(StubClient { guid: guid(99), ..clients()[0] }.properties());
    bench.bus(&add);
    let second = bench.connected(99);
    let (one, two) = (bench.read_waits(first), bench.read_waits(second));
    bench.message(3, 2, b"second");
    bench.message(3, 1, b"first");
    assert_eq!(bench.got(one), Some(Got::Data(b"first".to_vec())));
    assert_eq!(bench.got(two), Some(Got::Data(b"second".to_vec())));
}

#[test]
fn an_mtu_that_nobody_could_allocate_is_an_error_of_the_read() {
    let huge = StubClient { id: 9, guid: guid(9), mtu: u32::MAX, ..clients()[0] };
    let fixed = StubClient { id: 10, guid: guid(10), fixed: 10, max_connections: 0, ..huge };
    let mut bench = Bench::started_with(Stub::new(vec![huge, fixed]));
    let file = bench.open();
    assert_eq!(bench.connect(file, 9), Got::Ioctl(vec![255, 255, 255, 255, 3]));
    assert_eq!(bench.read(file, 10), error(Errno::NOMEM));
    assert_eq!(bench.write(file, b"x"), Got::Written(1));
    assert_eq!(bench.write(file, &vec![0; (4 << 20) + 1]), error(Errno::NOMEM));
    let file = bench.open();
    bench.connect(file, 10);
    bench.message(10, 0, b"x");
    assert_eq!(bench.read_nb(file, 10), error(Errno::AGAIN), "no buffer, no message");
}

#[test]
fn unsent_messages_are_bounded_in_bytes_too() {
    let big = StubClient { id: 9, guid: guid(9), mtu: 1 << 20, ..clients()[0] };
    let mut stub = Stub::new(vec![big]);
    stub.credits = 0;
    let mut bench = Bench::started_with(stub);
    let file = bench.connected(9);
    let data = vec![7; 1 << 20];
    for _ in 0..4 {
        assert_eq!(bench.write(file, &data), Got::Written(1 << 20));
    }
    assert_eq!(bench.write(file, b"x"), error(Errno::AGAIN));
    assert_eq!(bench.poll(file, POLLOUT), 0);
}
