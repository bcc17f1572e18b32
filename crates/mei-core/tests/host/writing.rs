//! write, fsync, the transmit path (`device-abi.md` §7, `hbm.md` §6, §8).

use crate::bench::*;
use crate::stub::Stub;
use mei_core::{Call, Errno};

#[test]
fn sizes_are_checked_against_the_client() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    assert_eq!(bench.write(file, &[0; 513]), error(Errno::FBIG));
    assert_eq!(bench.write(file, &[]), Got::Written(0));
    assert_eq!(bench.write(file, &[9; 512]), Got::Written(512));
    assert_eq!(bench.stub().data.len(), 2);
}

#[test]
fn a_long_message_goes_in_fragments_of_the_buffer() {
    let mut bench = Bench::started();
    let file = bench.connected(4);
    let data: Vec<u8> = (0..4096u32).map(|n| n as u8).collect();
    assert_eq!(bench.write(file, &data), Got::Written(4096));
    let frames = std::mem::take(&mut bench.stub().data);
    let lengths: Vec<_> = frames.iter().map(|(header, _)| header.length()).collect();
    assert_eq!(lengths, [508, 508, 508, 508, 508, 508, 508, 508, 32]);
    for (place, (header, _)) in frames.iter().enumerate() {
        assert_eq!((header.me_addr(), header.host_addr(), header.msg_complete()), (4, 1, place == 8));
    }
    let joined: Vec<u8> = frames.into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(joined, data);
}

#[test]
fn buffers_of_every_depth_carry_a_message() {
    for depth in [10, 33, 64, 127, 128, 129, 200, 255] {
        let mut stub = Stub::new(clients());
        stub.depth = depth;
        let mut bench = Bench::started_with(stub);
        let file = bench.connected(4);
        let data: Vec<u8> = (0..2000u32).map(|n| n as u8).collect();
        assert_eq!(bench.write(file, &data), Got::Written(2000), "depth {depth}");
        let joined: Vec<u8> = bench.stub().data.drain(..).flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(joined, data, "depth {depth}");
    }
}

#[test]
fn one_credit_is_one_message_and_the_rest_waits() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    for number in 0..3 {
        assert_eq!(bench.write(file, &[number]), Got::Written(1));
    }
    assert_eq!(bench.stub().data.len(), 1);
    bench.credit(3, 1);
    assert_eq!(bench.stub().data.len(), 2);
    bench.credit(3, 77);
    bench.credit(9, 1);
    assert_eq!(bench.stub().data.len(), 2);
    bench.credit(3, 1);
    let texts: Vec<_> = bench.stub().data.iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(texts, [0, 1, 2]);
}

#[test]
fn more_credits_than_a_byte_counts_are_not_lost_at_once() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    for _ in 0..300 {
        bench.credit(3, 1);
    }
    for _ in 0..50 {
        assert_eq!(bench.write(file, b"x"), Got::Written(1));
    }
    assert_eq!(bench.stub().data.len(), 50);
}

#[test]
fn the_queue_has_its_limit() {
    let mut stub = Stub::new(clients());
    stub.credits = 0;
    let mut bench = Bench::started_with(stub);
    bench.host.set_tx_queue_limit("30\n").unwrap();
    let file = bench.connected(3);
    for _ in 0..30 {
        assert_eq!(bench.write(file, b"x"), Got::Written(1));
    }
    assert_eq!(bench.write(file, b"x"), error(Errno::AGAIN));
    assert_eq!(bench.poll(file, POLLOUT), 0);
    assert!(bench.host.active().ends_with("  0| 3|   1|    3| 0| 0| 30\n"), "{}", bench.host.active());

    let write = bench.waits(Call::Write { handle: file, data: b"later", blocking: Wait });
    let sync = bench.waits(Call::Fsync { handle: file });
    let (other_write, other_sync) = (
        bench.waits(Call::Write { handle: file, data: b"never", blocking: Wait }),
        bench.waits(Call::Fsync { handle: file }),
    );
    bench.host.cancel(other_write, bench.now);
    bench.host.cancel(other_sync, bench.now);
    bench.run();
    assert_eq!(bench.got(other_write), Some(error(Errno::INTR)));
    assert_eq!(bench.got(other_sync), Some(error(Errno::INTR)));

    bench.credit(3, 1);
    assert_eq!(bench.got(write), Some(Got::Written(5)));
    assert_eq!(bench.got(sync), None);
    for _ in 0..30 {
        bench.credit(3, 1);
    }
    assert_eq!(bench.got(sync), Some(Got::Done));
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
    assert_eq!(bench.stub().data.len(), 31);
    assert_eq!(bench.stub().data.last().unwrap().1, b"later");
    assert_eq!(bench.fsync(file), Got::Done);
}

#[test]
fn mkhi_without_reading_takes_the_limit_and_one_in_flight() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    assert_eq!(bench.fill(file), 51);
    assert_eq!(bench.poll(file, POLLOUT), 0);
}

#[test]
fn a_write_counts_until_the_firmware_has_taken_it() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().consumes = false;
    assert_eq!(bench.write(file, b"slow"), Got::Written(4));
    let sync = bench.waits(Call::Fsync { handle: file });
    bench.stub().consumes = true;
    bench.run();
    assert_eq!(bench.got(sync), Some(Got::Done));
}

#[test]
fn a_connection_that_ends_ends_its_writers() {
    let mut stub = Stub::new(clients());
    stub.credits = 0;
    let mut bench = Bench::started_with(stub);
    let file = bench.connected(3);
    for _ in 0..50 {
        assert_eq!(bench.write(file, b"x"), Got::Written(1));
    }
    let write = bench.waits(Call::Write { handle: file, data: b"x", blocking: Wait });
    let sync = bench.waits(Call::Fsync { handle: file });
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.got(write), Some(error(Errno::NODEV)));
    assert_eq!(bench.got(sync), Some(error(Errno::NODEV)));
}

#[test]
fn the_order_is_that_of_the_writes_over_all_files() {
    let mut stub = Stub::new(clients());
    stub.credits = 9;
    let mut bench = Bench::started_with(stub);
    let (one, two) = (bench.connected(3), bench.connected(4));
    bench.stub().consumes = false;
    for number in 0..8 {
        let file = if number % 2 == 0 { one } else { two };
        assert_eq!(bench.write(file, &[number]), Got::Written(1));
    }
    bench.stub().consumes = true;
    bench.run();
    let order: Vec<_> = bench.stub().data.iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_client_without_credit_is_passed_over() {
    let mut bench = Bench::started();
    let (one, two) = (bench.connected(3), bench.connected(4));
    bench.write(one, b"a");
    bench.write(one, b"held");
    bench.write(two, b"goes");
    let order: Vec<_> = bench.stub().data.iter().map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(order, [&b"a"[..], b"goes"]);
}

#[test]
fn a_shared_receive_buffer_is_a_shared_credit() {
    let mut stub = Stub::new(clients());
    stub.credits = 0;
    let mut bench = Bench::started_with(stub);
    let (one, two) = (bench.connected(5), bench.connected(5));
    bench.write(one, b"a");
    bench.write(two, b"b");
    bench.credit(3, 0);
    assert!(bench.stub().data.is_empty(), "a client that does not share");
    bench.credit(5, 0);
    assert_eq!(bench.stub().data.len(), 1);
    bench.credit(5, 0);
    bench.credit(5, 0);
    let order: Vec<_> = bench.stub().data.iter().map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(order, [b"a", b"b"]);
    bench.release(one);
    bench.write(two, b"c");
    assert_eq!(bench.stub().data.len(), 3, "the credit stays with the last connection");
    bench.credit(5, 0);
    bench.release(two);
    let three = bench.connected(5);
    bench.write(three, b"d");
    assert_eq!(bench.stub().data.len(), 3, "and ends with it");
}

#[test]
fn a_credit_that_a_sharing_client_was_given_alone_is_an_error() {
    let mut bench = Bench::started();
    let file = bench.connected(5);
    assert_eq!(bench.write(file, b"x"), error(Errno::INVAL));
}

#[test]
fn a_firmware_that_is_not_ready_is_an_error_of_the_write() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().me_ready = false;
    let id = bench.ask(Call::Write { handle: file, data: b"x", blocking: Wait });
    assert_eq!(bench.got(id), Some(error(Errno::IO)));
}

#[test]
fn a_released_file_takes_its_unsent_messages_along() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.write(file, b"sent");
    bench.write(file, b"held");
    assert_eq!(bench.release(file), Got::Done);
    let file = bench.connected(3);
    bench.credit(3, 1);
    assert_eq!(bench.stub().data.len(), 1);
    bench.write(file, b"new");
    assert_eq!(bench.stub().data.last().unwrap().1, b"new");
}

#[test]
fn a_message_costs_few_register_accesses() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.read_nb(file, 64);
    bench.credit(3, 1);
    let before = (bench.stub().csr_reads, bench.stub().csr_writes);
    bench.ask(Call::Write { handle: file, data: b"x", blocking: Wait });
    let wrote = (bench.stub().csr_reads - before.0, bench.stub().csr_writes - before.1);
    assert_eq!(wrote, (1, 1), "a write: the bell, and whether anyone hears it");
    bench.run();
    let before = (bench.stub().csr_reads, bench.stub().csr_writes);
    bench.message(3, 1, b"y");
    let took = (bench.stub().csr_reads - before.0, bench.stub().csr_writes - before.1);
    assert_eq!(took, (2, 2), "a message: causes, acknowledgement, pointers, the bell");
}
