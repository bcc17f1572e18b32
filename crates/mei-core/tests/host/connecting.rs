//! Open, connect, release (`device-abi.md` §3–§5, §16).

use crate::bench::*;
use crate::stub::{Answer, Stub};
use mei_core::{Call, DeviceState, Errno};
use std::time::Duration;

#[test]
fn a_fresh_handle_refuses_in_the_drivers_words() {
    let mut bench = Bench::started();
    let file = bench.open();
    assert_eq!(bench.read(file, 0), Got::Data(vec![]));
    assert_eq!(bench.read(file, 10), error(Errno::NODEV));
    assert_eq!(bench.write(file, &[]), error(Errno::NODEV));
    assert_eq!(bench.write(file, &[0; 10]), error(Errno::NODEV));
    assert_eq!(bench.poll(file, POLLIN | POLLOUT | POLLPRI), POLLERR);
    assert_eq!(bench.fsync(file), error(Errno::NODEV));
    assert_eq!(bench.now(Call::Fasync { handle: file }), error(Errno::NODEV));
    for unknown in [0x541B, 0xC005_4800] {
        assert_eq!(bench.ioctl(file, unknown, &[]), error(Errno::NOTTY));
        assert_eq!(bench.host.ioctl_check(file, unknown), Err(Errno::NOTTY));
    }
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &1u32.to_ne_bytes()), error(Errno::NODEV));
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &2u32.to_ne_bytes()), error(Errno::INVAL));
    assert_eq!(bench.ioctl(file, NOTIFY_GET, &[]), error(Errno::NODEV));
    assert_eq!(bench.connect_vtag(file, 3, 1), error(Errno::OPNOTSUPP));
    assert_eq!(bench.ioctl(file, CONNECT, &[3; 15]), error(Errno::FAULT));
}

#[test]
fn a_connect_tells_the_properties_and_happens_once() {
    let mut bench = Bench::started();
    let file = bench.open();
    assert_eq!(bench.connect(file, 99), error(Errno::NOTTY));
    assert_eq!(bench.connect(file, 3), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    assert_eq!(bench.took(0x06), [[0x06, 3, 1, 0]]);
    assert_eq!(bench.connect(file, 3), error(Errno::BUSY));
    assert_eq!(bench.connect(file, 99), error(Errno::BUSY));
}

#[test]
fn with_tags_negotiated_an_unknown_guid_is_refused_first() {
    let mut stub = Stub::new(clients());
    stub.capabilities = 1;
    let mut bench = Bench::started_with(stub);
    let file = bench.connected(3);
    assert_eq!(bench.connect(file, 3), error(Errno::BUSY));
    assert_eq!(bench.connect(file, 99), error(Errno::NOTTY));
}

#[test]
fn the_firmwares_refusals_have_their_errno_and_the_handle_lives() {
    let table = [(3, Errno::BUSY), (4, Errno::INVAL), (9, Errno::INVAL), (5, Errno::BUSY), (2, Errno::BUSY)];
    for (status, errno) in table {
        let mut bench = Bench::started();
        let file = bench.open();
        bench.stub().connect = Answer::Status(status);
        assert_eq!(bench.connect(file, 3), error(errno), "status {status}");
        bench.stub().connect = Answer::Status(0);
        assert!(matches!(bench.connect(file, 4), Got::Ioctl(_)), "after status {status}");
    }
}

#[test]
fn a_client_that_the_firmware_does_not_find_is_forgotten() {
    let mut bench = Bench::started();
    let file = bench.open();
    bench.stub().connect = Answer::Status(1);
    assert_eq!(bench.connect(file, 3), error(Errno::NOTTY));
    assert_eq!(bench.took(0x06).len(), 1);
    assert_eq!(bench.connect(file, 3), error(Errno::NOTTY));
    assert_eq!(bench.took(0x06).len(), 0, "no second request");
}

#[test]
fn a_connect_without_answer_is_taken_back() {
    let mut bench = Bench::started();
    let file = bench.open();
    bench.stub().connect = Answer::Silence;
    let call = bench.ask_connect(file, 3);
    let took = bench.until_answered(call);
    assert!(took >= Duration::from_secs(4) && took <= Duration::from_secs(7), "{took:?}");
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
    assert_eq!(bench.took(0x07), [[0x07, 3, 1, 0]]);
    assert_eq!(bench.host.state(), DeviceState::Enabled);
    bench.stub().connect = Answer::Status(0);
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
}

#[test]
fn a_firmware_that_answers_neither_connect_nor_disconnect_is_reset() {
    let mut bench = Bench::started();
    let file = bench.open();
    bench.stub().connect = Answer::Silence;
    bench.stub().disconnect = Answer::Silence;
    let call = bench.ask_connect(file, 3);
    let took = bench.until_answered(call);
    assert!(took >= Duration::from_secs(8) && took <= Duration::from_secs(13), "{took:?}");
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
    assert_eq!(bench.stub().resets, 2);
    assert_eq!(bench.host.state(), DeviceState::Enabled);
}

#[test]
fn before_hbm_2_a_stalled_connect_resets_at_once() {
    let mut stub = Stub::new(clients());
    stub.version = (1, 1);
    let mut bench = Bench::started_with(stub);
    let file = bench.open();
    bench.stub().connect = Answer::Silence;
    let call = bench.ask_connect(file, 3);
    let took = bench.until_answered(call);
    assert!(took >= Duration::from_secs(4) && took <= Duration::from_secs(7), "{took:?}");
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
    assert_eq!(bench.took(0x07).len(), 0);
    assert_eq!(bench.stub().resets, 2);
}

#[test]
fn a_reset_ends_a_pending_connect() {
    let mut bench = Bench::started();
    let file = bench.open();
    bench.stub().connect = Answer::Silence;
    let call = bench.ask_connect(file, 3);
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
    assert_eq!(bench.host.state(), DeviceState::Enabled);
}

#[test]
fn connects_to_one_client_go_one_after_the_other() {
    let mut bench = Bench::started();
    let (first, second) = (bench.open(), bench.open());
    bench.stub().connect = Answer::Silence;
    let one = bench.ask_connect(first, 3);
    let two = bench.ask_connect(second, 3);
    assert_eq!(bench.took(0x06), [[0x06, 3, 1, 0]]);
    bench.bus(&[0x86, 3, 1, 0]);
    assert_eq!(bench.got(one), Some(Got::Ioctl(vec![0, 2, 0, 0, 3])));
    assert_eq!(bench.got(two), None);
    assert_eq!(bench.took(0x06), [[0x06, 3, 2, 0]]);
    bench.bus(&[0x86, 3, 2, 3]);
    assert_eq!(bench.got(two), Some(error(Errno::BUSY)));
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    for message in [[0x86, 3, 1, 4], [0x87, 3, 1, 0], [0x86, 3, 77, 0], [0x87, 9, 1, 0]] {
        bench.bus(&message);
    }
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
    assert_eq!(bench.stub().resets, 1);
}

#[test]
fn a_fixed_address_needs_no_request_and_takes_one_connection() {
    let mut bench = Bench::started();
    let (file, other) = (bench.open(), bench.open());
    assert_eq!(bench.connect(file, 7), Got::Ioctl(vec![64, 0, 0, 0, 3]));
    assert_eq!(bench.took(0x06).len(), 0);
    assert_eq!(bench.connect(other, 7), error(Errno::BUSY));
    assert_eq!(bench.write(file, b"hello"), Got::Written(5));
    let (header, data) = bench.stub().data.pop().unwrap();
    assert_eq!((header.me_addr(), header.host_addr(), &data[..]), (7, 0, &b"hello"[..]));
    assert_eq!(bench.release(file), Got::Done);
    assert_eq!(bench.took(0x07).len(), 0);
    assert!(matches!(bench.connect(other, 7), Got::Ioctl(_)));
}

#[test]
fn before_hbm_2_there_are_no_fixed_addresses_unless_debugfs_says_so() {
    let mut stub = Stub::new(clients());
    stub.version = (1, 1);
    let mut bench = Bench::started_with(stub);
    let file = bench.open();
    assert_eq!(bench.connect(file, 7), error(Errno::NOTTY));
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &1u32.to_ne_bytes()), error(Errno::OPNOTSUPP));
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &5u32.to_ne_bytes()), error(Errno::INVAL));
    assert_eq!(bench.ioctl(file, NOTIFY_GET, &[]), error(Errno::OPNOTSUPP));
}

#[test]
fn two_hundred_and_fifty_five_files_and_no_more() {
    let mut bench = Bench::started();
    let files: Vec<_> = (0..255).map(|_| bench.open()).collect();
    assert_eq!(bench.now(Call::Open), error(Errno::MFILE));
    assert_eq!(bench.release(files[41]), Got::Done);
    let file = bench.open();
    assert_ne!(file, files[41], "handles are not reused");
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
    assert_eq!(bench.took(0x06), [[0x06, 3, 42, 0]], "the lowest free host id is");
    assert_eq!(bench.read(files[41], 1), error(Errno::NODEV));
    for _ in 0..1000 {
        let file = bench.now(Call::Open);
        assert_eq!(file, error(Errno::MFILE));
    }
}

#[test]
fn close_asks_the_firmware_and_waits() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().disconnect = Answer::Silence;
    let close = bench.waits(Call::Release { handle: file });
    assert_eq!(bench.took(0x07), [[0x07, 3, 1, 0]]);
    bench.bus(&[0x87, 3, 1, 1]);
    assert_eq!(bench.got(close), None, "a refusal does not end the wait");
    let took = bench.until_answered(close);
    assert!(took >= Duration::from_secs(14) && took <= Duration::from_secs(16), "{took:?}");
    assert_eq!(bench.host.open_files(), 0);
    assert_eq!(bench.stub().resets, 1);
}

#[test]
fn close_without_any_answer_ends_in_a_reset() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().disconnect = Answer::Silence;
    let close = bench.waits(Call::Release { handle: file });
    let took = bench.until_answered(close);
    assert!(took >= Duration::from_secs(4) && took <= Duration::from_secs(7), "{took:?}");
    assert_eq!(bench.stub().resets, 2);
    assert_eq!(bench.host.open_files(), 0);
}

#[test]
fn a_caller_that_died_is_let_go_and_its_close_goes_on() {
    let mut bench = Bench::started();
    let file = bench.open();
    bench.stub().connect = Answer::Silence;
    let call = bench.ask_connect(file, 3);
    bench.host.cancel(call, bench.now);
    bench.run();
    assert_eq!(bench.got(call), None, "a connect sleeps through signals");
    bench.host.abandon(call, bench.now);
    bench.run();
    assert_eq!(bench.got(call), Some(error(Errno::INTR)));
    assert_eq!(bench.now(Call::Release { handle: file }), Got::Done, "the dead do not wait");
    assert_eq!(bench.host.open_files(), 1);
    bench.bus(&[0x86, 3, 1, 0]);
    assert_eq!(bench.took(0x07), [[0x07, 3, 1, 0]], "what the connect achieved is taken back");
    assert_eq!(bench.host.open_files(), 0);
    bench.stub().connect = Answer::Status(0);
    bench.connected(3);
}

#[test]
fn the_close_of_a_file_whose_connect_stalls_ends_all_the_same() {
    for silent in [false, true] {
        let mut bench = Bench::started();
        let file = bench.open();
        bench.stub().connect = Answer::Silence;
        if silent {
            bench.stub().disconnect = Answer::Silence;
        }
        let call = bench.ask_connect(file, 3);
        bench.host.abandon(call, bench.now);
        assert_eq!(bench.now(Call::Release { handle: file }), Got::Done);
        bench.seconds(30);
        assert_eq!(bench.host.open_files(), 0);
        assert_eq!(bench.host.deadline(), None);
    }
}

#[test]
fn credits_do_not_survive_a_disconnect() {
    let mut stub = Stub::new(clients());
    stub.credits = 5;
    let mut bench = Bench::started_with(stub);
    let file = bench.connected(3);
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.took(0x87), [[0x87, 3, 1, 0]]);
    bench.stub().credits = 0;
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
    assert_eq!(bench.write(file, b"held"), Got::Written(4));
    assert!(bench.stub().data.is_empty(), "sent on a credit of the old connection");
    bench.credit(3, 1);
    assert_eq!(bench.stub().data.len(), 1);
}
