//! read (`device-abi.md` §6, §10, §16; `clients.md` §1).

use crate::bench::*;
use crate::stub::{Stub, header};
use mei_core::{Call, DeviceState, Errno};

#[test]
fn a_short_read_leaves_the_rest_for_the_next() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    assert_eq!(bench.read_nb(file, 100), error(Errno::AGAIN));
    assert_eq!(bench.took(0x08), [[0x08, 3, 1, 0, 0, 0, 0, 0]]);
    bench.message(3, 1, b"twelve bytes");
    assert_eq!(bench.read(file, 4), Got::Data(b"twel".to_vec()));
    assert_eq!(bench.read(file, 100), Got::Data(b"ve bytes".to_vec()));
    assert_eq!(bench.read_nb(file, 100), error(Errno::AGAIN));
}

#[test]
fn the_position_is_the_messages_own_whatever_the_caller_says() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    for text in [b"first", b"other"] {
        bench.read_nb(file, 100);
        bench.message(3, 1, text);
        let part = bench.now(Call::Read { handle: file, size: 2, offset: 900, blocking: Wait });
        assert_eq!(part, Got::Data(text[..2].to_vec()));
        let rest = bench.now(Call::Read { handle: file, size: 9, offset: 3, blocking: Wait });
        assert_eq!(rest, Got::Data(text[2..].to_vec()));
    }
}

#[test]
fn an_empty_message_reads_as_nothing() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    bench.message(3, 1, b"");
    assert_eq!(bench.got(read), Some(Got::Data(vec![])));
    assert_eq!(bench.read_nb(file, 1), error(Errno::AGAIN));
}

#[test]
fn a_credit_does_not_wait_for_the_message_before_it() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.credit(3, 1);
    bench.stub().consumes = false;
    let data = b"question";
    assert_eq!(bench.ask_and_drain(Call::Write { handle: file, data, blocking: Wait }), Got::Written(8));
    bench.read_waits(file);
    bench.took(0x08);
    bench.stub().consumes = true;
    bench.stub().run();
    assert_eq!(bench.stub().data.len(), 1);
    assert_eq!(bench.took(0x08), [[0x08, 3, 1, 0, 0, 0, 0, 0]], "both were in the buffer");
}

#[test]
fn one_read_is_one_credit_and_the_next_message_needs_another() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    for _ in 0..5 {
        assert_eq!(bench.read_nb(file, 10), error(Errno::AGAIN));
        assert_eq!(bench.poll(file, POLLIN), 0);
    }
    assert_eq!(bench.took(0x08).len(), 1);
    bench.message(3, 1, b"a");
    assert_eq!(bench.took(0x08).len(), 0, "nothing is asked for by itself");
    bench.message(3, 1, b"uncalled for");
    assert_eq!(bench.host.state(), DeviceState::Enabled);
    assert_eq!(bench.read(file, 100), Got::Data(b"a".to_vec()));
    assert_eq!(bench.read_nb(file, 10), error(Errno::AGAIN), "the second was dropped");
    assert_eq!(bench.stub().resets, 1);
}

#[test]
fn the_larger_of_count_and_mtu_is_taken() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let long = [7; 700];
    let read = bench.waits(Call::Read { handle: file, size: 8000, offset: 0, blocking: Wait });
    bench.message(3, 1, &long);
    assert_eq!(bench.got(read), Some(Got::Data(long.to_vec())));
    let read = bench.waits(Call::Read { handle: file, size: 100, offset: 0, blocking: Wait });
    bench.message(3, 1, &long);
    assert_eq!(bench.got(read), Some(error(Errno::MSGSIZE)));
    assert_eq!(bench.read_nb(file, 100), error(Errno::AGAIN));
}

#[test]
fn a_buffer_that_the_kernel_would_not_allocate_is_refused() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    assert_eq!(bench.read(file, (4 << 20) + 1), error(Errno::NOMEM));
    assert_eq!(bench.took(0x08).len(), 0);
    bench.waits(Call::Read { handle: file, size: 4 << 20, offset: 0, blocking: Wait });
}

#[test]
fn a_signal_ends_a_read_and_loses_nothing() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    bench.host.cancel(read, bench.now);
    bench.run();
    assert_eq!(bench.got(read), Some(error(Errno::INTR)));
    bench.message(3, 1, b"still here");
    assert_eq!(bench.read(file, 100), Got::Data(b"still here".to_vec()));
    assert_eq!(bench.took(0x08).len(), 1);
}

#[test]
fn of_several_readers_the_newest_is_served_and_none_is_forgotten() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let old = bench.read_waits(file);
    let new = bench.read_waits(file);
    assert_eq!(bench.took(0x08).len(), 1);
    bench.message(3, 1, b"one");
    assert_eq!(bench.got(new), Some(Got::Data(b"one".to_vec())));
    assert_eq!(bench.got(old), None);
    assert_eq!(bench.took(0x08).len(), 1, "a credit for the one who waits");
    bench.message(3, 1, b"two");
    assert_eq!(bench.got(old), Some(Got::Data(b"two".to_vec())));
}

#[test]
fn fragments_of_two_connections_may_interleave() {
    let mut bench = Bench::started();
    let (one, two) = (bench.connected(3), bench.connected(4));
    let (first, second) = (bench.read_waits(one), bench.read_waits(two));
    let stub = bench.stub();
    stub.frame(header(3, 1, 5), b"hello");
    stub.frame(header(4, 2, 3), b"fir");
    stub.frame(header(3, 1, 6).with_msg_complete(true), b" there");
    stub.frame(header(4, 2, 2).with_msg_complete(true), b"st");
    bench.run();
    assert_eq!(bench.got(first), Some(Got::Data(b"hello there".to_vec())));
    assert_eq!(bench.got(second), Some(Got::Data(b"first".to_vec())));
}

#[test]
fn a_frame_that_comes_in_pieces_is_awaited() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    let header = header(3, 1, 6).with_msg_complete(true);
    for slot in [u32::from(header), u32::from_le_bytes(*b"abcd"), u32::from_le_bytes(*b"ef\0\0")] {
        assert_eq!(bench.got(read), None);
        bench.stub().push_slots(&[slot]);
        bench.run();
    }
    assert_eq!(bench.got(read), Some(Got::Data(b"abcdef".to_vec())));
}

#[test]
fn the_end_of_a_connection_ends_its_readers() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.took(0x87), [[0x87, 3, 1, 0]]);
    assert_eq!(bench.read(file, 10), error(Errno::NODEV));
    assert_eq!(bench.write(file, b"x"), error(Errno::NODEV));
    assert_eq!(bench.poll(file, POLLIN | POLLOUT), POLLERR);
    assert_eq!(bench.fsync(file), error(Errno::NODEV));
    assert_eq!(bench.now(Call::Fasync { handle: file }), error(Errno::NODEV));
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &1u32.to_ne_bytes()), error(Errno::NODEV));
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
    bench.bus(&[0x07, 3, 77, 0]);
    assert_eq!(bench.took(0x87).len(), 0, "of nobody's connection nothing is said");
}

#[test]
fn what_came_before_the_end_is_still_read() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.read_nb(file, 10);
    bench.stub().message(3, 1, b"last");
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.poll(file, POLLIN), POLLERR);
    assert_eq!(bench.read(file, 10), Got::Data(b"last".to_vec()));
    assert_eq!(bench.read(file, 10), error(Errno::NODEV));
}

#[test]
fn old_messages_come_first_after_a_reconnect() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.read_nb(file, 10);
    bench.message(3, 1, b"old");
    bench.bus(&[0x07, 3, 1, 0]);
    assert!(matches!(bench.connect(file, 4), Got::Ioctl(_)));
    assert_eq!(bench.poll(file, POLLIN), POLLIN);
    assert_eq!(bench.read(file, 10), Got::Data(b"old".to_vec()));
    assert_eq!(bench.read_nb(file, 10), error(Errno::AGAIN));
}

#[test]
fn an_armed_read_does_not_outlive_its_connection() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.read_nb(file, 10);
    bench.stub().push_slots(&[0]);
    bench.run();
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
    bench.took(0x08);
    assert_eq!(bench.write(file, b"ask"), Got::Written(3));
    let read = bench.read_waits(file);
    assert_eq!(bench.took(0x08).len(), 1, "the credit is given anew");
    bench.message(3, 1, b"told");
    assert_eq!(bench.got(read), Some(Got::Data(b"told".to_vec())));
}

#[test]
fn fixed_addresses_speak_unasked_within_bounds() {
    let mut bench = Bench::started();
    bench.message(7, 0, b"to nobody");
    let file = bench.connected(7);
    for number in 0..2000u32 {
        bench.message(7, 0, &number.to_le_bytes());
    }
    for number in 0..1024u32 {
        assert_eq!(bench.read_nb(file, 64), Got::Data(number.to_le_bytes().to_vec()));
    }
    assert_eq!(bench.read_nb(file, 64), error(Errno::AGAIN), "the rest was dropped");
    let read = bench.read_waits(file);
    bench.message(7, 0, &[1; 65]);
    assert_eq!(bench.got(read), Some(error(Errno::MSGSIZE)));
    assert_eq!(bench.took(0x08).len(), 0);
    assert_eq!(bench.stub().resets, 1);
}

#[test]
fn a_client_whose_record_was_replaced_is_inactive() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let mut add = vec![0x0F, 9, 0, 0];
    add.extend(clients()[0].properties());
    bench.bus(&add);
    assert_eq!(bench.took(0x8F), [[0x8F, 9, 0, 0]]);
    assert_eq!(bench.read(file, 10), error(Errno::NOTTY));
    assert_eq!(bench.write(file, b"x"), error(Errno::NOTTY));
    assert_eq!(bench.release(file), Got::Done);
    let file = bench.connected(3);
    assert_eq!(bench.took(0x06).last().unwrap()[..], [0x06, 9, 1, 0]);
    assert_eq!(bench.write(file, b"x"), Got::Written(1));
}

#[test]
fn a_message_with_tags_that_were_never_agreed_on_is_still_a_message() {
    let mut bench = Bench::started_with(Stub::new(clients()));
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    let header = header(3, 1, 9).with_extended(true).with_msg_complete(true);
    bench.stub().frame(header, &[1, 1, 0, 0, 1, 1, 5, 0, b'x']);
    bench.run();
    assert_eq!(bench.got(read), Some(Got::Data(b"x".to_vec())));
}

#[test]
fn an_extended_header_without_a_tag_is_a_protocol_error_of_the_message() {
    for payload in
        [&[0u8, 0, 0, 0][..], &[1, 1, 0, 0, 9, 1, 0, 0], &[1, 1, 0, 0, 9, 0, 0, 0], &[1, 1, 0, 0, 2, 9, 0, 0]]
    {
        let mut bench = Bench::started();
        let file = bench.connected(3);
        let read = bench.read_waits(file);
        let header = header(3, 1, payload.len()).with_extended(true).with_msg_complete(true);
        bench.stub().frame(header, payload);
        bench.run();
        assert_eq!(bench.got(read), Some(error(Errno::PROTO)), "{payload:?}");
        assert_eq!(bench.stub().resets, 1);
    }
}
