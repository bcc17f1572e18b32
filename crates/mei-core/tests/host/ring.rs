//! The DMA ring on both ways (`hbm.md` §11).

use crate::bench::*;
use crate::stub::{Answer, Stub, header};
use mei_core::{Call, DeviceState, Errno};

fn ringed() -> Bench {
    let mut stub = Stub::new(clients());
    stub.has_memory = true;
    stub.ring = Answer::Status(0);
    Bench::started_with(stub)
}

#[test]
fn the_ring_is_offered_once_and_with_its_sizes() {
    let mut bench = ringed();
    let offer = bench.took(0x12).remove(0);
    assert_eq!(offer.len(), 40);
    let words: Vec<u32> =
        offer[4..].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    assert_eq!(words, [1, 0, 131_072, 1, 1 << 24, 131_072, 1, 2 << 24, 4096]);
    assert!(bench.host.devstate().contains("\tDR: 1\n"));
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.took(0x12), [offer], "the same memory after a reset");
    assert_eq!(bench.stub().memory.len(), 3);
}

#[test]
fn a_ring_that_is_refused_is_done_without() {
    let mut stub = Stub::new(clients());
    stub.has_memory = true;
    let mut bench = Bench::started_with(stub);
    assert_eq!(bench.took(0x12).len(), 1);
    assert!(bench.host.devstate().contains("\tDR: 0\n"));
    let file = bench.connected(4);
    bench.write(file, &[7; 2000]);
    assert!(bench.stub().data.iter().all(|(header, _)| !header.dma_ring()));
}

#[test]
fn long_messages_go_through_the_ring_and_short_ones_do_not() {
    let mut bench = ringed();
    bench.stub().credits = 9;
    let file = bench.connected(4);
    bench.write(file, &[1; 508]);
    let long: Vec<u8> = (0..4095u32).map(|n| n as u8).collect();
    assert_eq!(bench.write(file, &long), Got::Written(4095));
    let frames = std::mem::take(&mut bench.stub().data);
    assert_eq!(frames.len(), 2);
    assert!(!frames[0].0.dma_ring());
    assert!(frames[1].0.dma_ring() && frames[1].0.msg_complete());
    assert_eq!(frames[1].1, 4095u32.to_le_bytes());
    assert_eq!(bench.stub().memory[0].1[..4095], long);
    assert_eq!(bench.stub().memory[2].1[..4], 1024u32.to_le_bytes());

    // The firmware has not taken it: the rest of the ring is used, then fragments.
    for _ in 0..31 {
        bench.credit(4, 1);
        bench.write(file, &[2; 4096]);
    }
    assert!(bench.stub().data.iter().all(|(header, _)| header.dma_ring()));
    bench.stub().data.clear();
    bench.credit(4, 1);
    bench.write(file, &[3; 600]);
    let sent: Vec<_> =
        bench.stub().data.iter().map(|(header, _)| (header.dma_ring(), header.length())).collect();
    assert_eq!(sent, [(false, 508), (false, 92)]);
}

#[test]
fn messages_come_out_of_the_ring() {
    let mut bench = ringed();
    let file = bench.connected(4);
    let long: Vec<u8> = (0..3001u32).map(|n| n as u8).collect();
    bench.stub().memory[1].1[..3001].copy_from_slice(&long);
    let read = bench.waits(Call::Read { handle: file, size: 4096, offset: 0, blocking: Wait });
    let header = header(4, 1, 4).with_dma_ring(true).with_msg_complete(true);
    bench.stub().frame(header, &3001u32.to_le_bytes());
    bench.run();
    assert_eq!(bench.got(read), Some(Got::Data(long)));
    assert_eq!(bench.stub().memory[2].1[24..28], 751u32.to_le_bytes());
    // Nobody reads this one: it is stepped over.
    bench.stub().frame(header, &8u32.to_le_bytes());
    bench.run();
    assert_eq!(bench.stub().memory[2].1[24..28], 753u32.to_le_bytes());
    let read = bench.read_waits(file);
    bench.stub().frame(header, &5000u32.to_le_bytes());
    bench.run();
    assert_eq!(bench.got(read), Some(error(Errno::MSGSIZE)));
}

#[test]
fn a_length_that_no_ring_holds_resets() {
    for length in [131_073u32, u32::MAX] {
        let mut bench = ringed();
        let file = bench.connected(4);
        let read = bench.read_waits(file);
        let header = header(4, 1, 4).with_dma_ring(true).with_msg_complete(true);
        bench.stub().frame(header, &length.to_le_bytes());
        bench.run();
        assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
        assert_eq!((bench.stub().resets, bench.host.state()), (2, DeviceState::Enabled));
    }
}
