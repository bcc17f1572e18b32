//! Virtual tags (`device-abi.md` §5.5, §10, §16).

use crate::bench::*;
use crate::stub::{Answer, Stub, header};
use mei_core::{Call, Errno};

fn tagged() -> Bench {
    let mut stub = Stub::new(clients());
    stub.capabilities = 0xFF;
    Bench::started_with(stub)
}

fn message(bench: &mut Bench, vtag: u8, text: &[u8]) {
    let header = header(6, 1, 8 + text.len()).with_extended(true).with_msg_complete(true);
    bench.stub().frame(header, &[&[1, 1, 0, 0, 1, 1, vtag, 0], text].concat());
    bench.run();
}

#[test]
fn what_cannot_have_tags_says_so() {
    let mut bench = tagged();
    let file = bench.open();
    assert_eq!(bench.connect_vtag(file, 99, 5), error(Errno::NOTTY));
    assert_eq!(bench.connect_vtag(file, 3, 5), error(Errno::OPNOTSUPP));
    assert_eq!(bench.connect_vtag(file, 6, 0), error(Errno::INVAL));
    assert_eq!(bench.connect_vtag(file, 6, 5), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    assert_eq!(bench.connect_vtag(file, 6, 5), error(Errno::BUSY));
}

#[test]
fn files_with_different_tags_share_a_connection() {
    let mut bench = tagged();
    let (one, two, three) = (bench.open(), bench.open(), bench.open());
    bench.connect_vtag(one, 6, 5);
    assert_eq!(bench.took(0x06).len(), 1);
    assert_eq!(bench.connect_vtag(two, 6, 6), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    assert_eq!(bench.took(0x06).len(), 0);
    assert!(matches!(bench.connect_vtag(three, 6, 6), Got::Ioctl(_)));
    assert_eq!(bench.took(0x06), [[0x06, 6, 3, 0]], "a tag that is taken gets a connection of its own");

    bench.credit(6, 1);
    bench.write(one, b"from five");
    bench.write(two, b"from six");
    let data = std::mem::take(&mut bench.stub().data);
    for ((header, bytes), (vtag, text)) in data.iter().zip([(5, &b"from five"[..]), (6, b"from six")]) {
        assert!(header.extended() && header.host_addr() == 1);
        assert_eq!(bytes[..], [&[1, 1, 0, 0, 1, 1, vtag, 0], text].concat());
    }

    let (for_one, for_two) = (bench.read_waits(one), bench.read_waits(two));
    assert_eq!(bench.took(0x08).len(), 1, "one credit serves both");
    message(&mut bench, 6, b"to six");
    assert_eq!(bench.got(for_two), Some(Got::Data(b"to six".to_vec())));
    assert_eq!(bench.took(0x08).len(), 1, "the next one is for the other");
    message(&mut bench, 99, b"to nobody");
    assert_eq!(bench.took(0x08).len(), 1);
    message(&mut bench, 5, b"to five");
    assert_eq!(bench.got(for_one), Some(Got::Data(b"to five".to_vec())));

    assert_eq!(bench.release(one), Got::Done);
    assert_eq!(bench.took(0x07).len(), 0, "a sharer is left");
    assert_eq!(bench.write(two, b"still"), Got::Written(5));
    assert_eq!(bench.release(two), Got::Done);
    assert_eq!(bench.took(0x07), [[0x07, 6, 1, 0]]);
}

#[test]
fn a_plain_connect_to_a_client_with_tags_has_tag_zero() {
    let mut bench = tagged();
    let (plain, other) = (bench.open(), bench.open());
    assert!(matches!(bench.connect(plain, 6), Got::Ioctl(_)));
    assert_eq!(bench.connect_vtag(other, 6, 9), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    assert_eq!(bench.took(0x06).len(), 1);
    bench.write(plain, b"x");
    assert!(!bench.stub().data[0].0.extended());
    let (for_plain, for_other) = (bench.read_waits(plain), bench.read_waits(other));
    bench.message(6, 1, b"untagged");
    assert_eq!(bench.got(for_plain), Some(Got::Data(b"untagged".to_vec())));
    assert_eq!(bench.got(for_other), None);
}

#[test]
fn a_sharer_waits_for_the_connect_of_the_other() {
    let mut bench = tagged();
    bench.stub().connect = Answer::Silence;
    let (one, two) = (bench.open(), bench.open());
    let mut argument = [6; 20];
    argument[16] = 5;
    let first =
        bench.waits(Call::Ioctl { handle: one, command: CONNECT_VTAG, argument: &argument, blocking: Wait });
    argument[16] = 7;
    let second =
        bench.waits(Call::Ioctl { handle: two, command: CONNECT_VTAG, argument: &argument, blocking: Wait });
    bench.bus(&[0x86, 6, 1, 0]);
    assert_eq!(bench.got(first), Some(Got::Ioctl(vec![0, 2, 0, 0, 3])));
    assert_eq!(bench.got(second), Some(Got::Ioctl(vec![0, 2, 0, 0, 3])));
}

#[test]
fn a_sharer_tries_itself_when_the_other_failed() {
    let mut bench = tagged();
    bench.stub().connect = Answer::Silence;
    let (one, two) = (bench.open(), bench.open());
    let mut argument = [6; 20];
    argument[16] = 5;
    let first =
        bench.waits(Call::Ioctl { handle: one, command: CONNECT_VTAG, argument: &argument, blocking: Wait });
    argument[16] = 7;
    let second =
        bench.waits(Call::Ioctl { handle: two, command: CONNECT_VTAG, argument: &argument, blocking: Wait });
    bench.stub().connect = Answer::Status(0);
    bench.bus(&[0x86, 6, 1, 3]);
    assert_eq!(bench.got(first), Some(error(Errno::BUSY)));
    assert_eq!(bench.got(second), Some(Got::Ioctl(vec![0, 2, 0, 0, 3])));
    assert_eq!(bench.connect_vtag(one, 6, 9), error(Errno::BUSY), "it is connected through the other");
}

#[test]
fn a_retry_keeps_its_tag() {
    let mut bench = tagged();
    let file = bench.open();
    bench.stub().connect = Answer::Status(3);
    assert_eq!(bench.connect_vtag(file, 6, 5), error(Errno::BUSY));
    bench.stub().connect = Answer::Status(0);
    assert_eq!(bench.connect_vtag(file, 6, 6), error(Errno::INVAL));
    assert!(matches!(bench.connect_vtag(file, 6, 5), Got::Ioctl(_)));
}

#[test]
fn fragments_must_agree_on_their_tag() {
    let mut bench = tagged();
    let file = bench.open();
    bench.connect_vtag(file, 6, 5);
    let read = bench.read_waits(file);
    let header = header(6, 1, 9).with_extended(true);
    bench.stub().frame(header, &[1, 1, 0, 0, 1, 1, 5, 0, 1]);
    bench.stub().frame(header.with_msg_complete(true), &[1, 1, 0, 0, 1, 1, 6, 0, 2]);
    bench.run();
    assert_eq!(bench.got(read), Some(error(Errno::PROTO)));
}
