//! Start, versions, resets, time-outs, sleep, removal (`hw.md` §4–§6, `hbm.md` §3, §4, §7).

use crate::bench::*;
use crate::stub::{Answer, Stub, StubClient, header};
use mei_core::DeviceState::{self, *};
use mei_core::{Call, Errno, Host};
use std::time::Duration;

#[test]
fn a_start_shakes_hands_and_enumerates() {
    let mut bench = Bench::started();
    let commands: Vec<_> = bench.stub().hbm.iter().map(|bytes| bytes[0]).collect();
    assert_eq!(commands, [0x01, 0x13, 0x04, 0x05, 0x05, 0x05, 0x05, 0x05]);
    assert_eq!(bench.stub().hbm[0], [0x01, 0, 2, 2]);
    assert_eq!(bench.stub().hbm[1], [0x13, 0x05, 0, 0]);
    assert_eq!(bench.stub().hbm[2], [0x04, 3, 0, 0]);
    let asked: Vec<_> = bench.stub().hbm[3..].iter().map(|bytes| bytes[1]).collect();
    assert_eq!(asked, [3, 4, 5, 6, 7]);
    assert_eq!(bench.states, [Resetting, InitClients, Enabled]);
    assert_eq!(bench.host.hbm_ver(), "2.2\n");
    assert_eq!(bench.host.deadline().map(|at| at > bench.now), Some(true), "the last tick");
    bench.seconds(5);
    assert_eq!(bench.host.deadline(), None, "nothing to wait for");
}

#[test]
fn each_version_has_its_features() {
    for (version, commands, flags, fixed, tags) in [
        ((1, 0), &[0x01, 0x04][..], 0, false, false),
        ((1, 1), &[0x01, 0x04], 0, false, false),
        ((2, 0), &[0x01, 0x04], 3, true, false),
        ((2, 1), &[0x01, 0x04], 3, true, false),
        ((2, 2), &[0x01, 0x13, 0x04], 3, true, true),
        ((3, 7), &[0x01, 0x13, 0x04], 3, true, true),
    ] {
        let mut stub = Stub::new(clients());
        stub.version = version;
        stub.capabilities = 1;
        let mut bench = Bench::started_with(stub);
        let sent: Vec<_> = bench.stub().hbm.iter().map(|bytes| bytes[0]).filter(|&c| c != 0x05).collect();
        assert_eq!(sent, commands, "{version:?}");
        assert_eq!(bench.took(0x04), [[0x04, flags, 0, 0]], "{version:?}");
        let file = bench.open();
        assert_eq!(bench.connect(file, 7) == error(Errno::NOTTY), !fixed, "{version:?}");
        let file = bench.open();
        assert_eq!(bench.connect_vtag(file, 6, 1) == error(Errno::OPNOTSUPP), !tags, "{version:?}");
    }
}

#[test]
fn a_version_that_nobody_speaks_ends_the_start() {
    let mut stub = Stub::new(clients());
    stub.responds = false;
    let mut bench = Bench::new(stub);
    bench.host.start(bench.now);
    bench.run();
    bench.bus(&[0x81, 0, 3, 2]);
    assert_eq!(bench.took(0x02), [[0x02, 0, 0, 0]]);
    bench.seconds(2);
    assert_eq!(bench.host.state(), Disabled);
    assert_eq!(bench.now(Call::Open), error(Errno::NODEV));
}

#[test]
fn a_firmware_that_does_not_get_ready_is_tried_three_times() {
    let mut stub = Stub::new(clients());
    stub.recovers = false;
    let mut bench = Bench::new(stub);
    bench.host.start(bench.now);
    let begin = bench.now;
    while bench.host.state() != Disabled {
        bench.advance(Duration::from_millis(500));
        assert!(bench.now - begin < Duration::from_secs(20));
    }
    assert_eq!(bench.stub().resets, 3);
    assert!(bench.now - begin >= Duration::from_secs(6));
    bench.seconds(60);
    assert_eq!(bench.host.deadline(), None);
    assert_eq!(bench.stub().resets, 3);
}

#[test]
fn a_first_start_without_answer_is_given_up_after_a_second() {
    let mut stub = Stub::new(clients());
    stub.responds = false;
    let mut bench = Bench::new(stub);
    bench.host.start(bench.now);
    bench.run();
    bench.advance(Duration::from_millis(900));
    assert_eq!(bench.host.state(), InitClients);
    bench.advance(Duration::from_millis(200));
    assert_eq!(bench.host.state(), Disabled);
    assert_eq!(bench.stub().h_csr & 0x21, 0, "interrupts are off");
}

#[test]
fn a_firmware_that_never_starts_again_is_given_up() {
    let mut bench = Bench::started();
    bench.stub().responds = false;
    bench.stub().push_slots(&[0]);
    let begin = bench.now;
    while bench.host.state() != Disabled {
        bench.seconds(1);
        assert!(bench.now - begin < Duration::from_secs(200));
    }
    let took = bench.now - begin;
    assert!(took >= Duration::from_secs(84) && took <= Duration::from_secs(95), "{took:?}");
    assert_eq!(bench.stub().resets, 4);
}

#[test]
fn each_step_of_the_bring_up_has_its_time() {
    for silent_after in [0x13, 0x04, 0x05] {
        let mut stub = Stub::new(clients());
        stub.silent_on = Some(silent_after);
        let mut bench = Bench::new(stub);
        bench.host.start(bench.now);
        bench.run();
        assert_eq!(bench.stub().resets, 1);
        bench.seconds(27);
        assert_eq!(bench.stub().resets, 1, "{silent_after:#x}");
        bench.seconds(4);
        assert_eq!(bench.stub().resets, 2, "{silent_after:#x}");
        bench.stub().silent_on = None;
        bench.stub().push_slots(&[0]);
        bench.run();
        assert_eq!(bench.host.state(), Enabled);
    }
}

fn resets_on(what: &str, break_it: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::started();
    let (file, fresh) = (bench.connected(3), bench.open());
    let read = bench.read_waits(file);
    bench.states.clear();
    break_it(&mut bench);
    bench.run();
    assert_eq!(bench.states, [Resetting, InitClients, Enabled], "{what}");
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)), "{what}");
    assert_eq!(bench.read(file, 1), error(Errno::NODEV), "{what}");
    assert_eq!(bench.write(file, b"x"), error(Errno::NODEV), "{what}");
    for handle in [file, fresh] {
        assert!(matches!(bench.connect(handle, 4), Got::Ioctl(_)), "{what}");
    }
}

#[test]
fn errors_that_reset_the_link() {
    resets_on("zero header", |b| b.stub().push_slots(&[0]));
    resets_on("reserved bits", |b| b.stub().push_slots(&[0x8E00_0301]));
    resets_on("too short for its flags", |b| b.stub().push_slots(&[0x9001_0301, 0]));
    resets_on("extended header too long", |b| {
        b.stub()
            .frame(header(3, 1, 8).with_extended(true).with_msg_complete(true), &[1, 9, 0, 0, 1, 1, 1, 0]);
    });
    resets_on("length slot missing", |b| {
        b.stub().frame(header(3, 1, 8).with_dma_ring(true).with_msg_complete(true), &[0; 8]);
    });
    resets_on("ring never set up", |b| {
        b.stub().frame(header(3, 1, 4).with_dma_ring(true).with_msg_complete(true), &[4, 0, 0, 0]);
    });
    resets_on("no such connection", |b| b.stub().message(3, 77, b"x"));
    resets_on("wrong client", |b| b.stub().message(4, 1, b"x"));
    resets_on("unknown command", |b| b.stub().bus(&[0x55, 0, 0, 0]));
    resets_on("empty bus message", |b| b.stub().push_slots(&[0x8000_0000]));
    resets_on("handshake twice", |b| b.stub().bus(&[0x81, 1, 2, 2]));
    resets_on("enumeration twice", |b| b.stub().bus(&[0x84; 36]));
    resets_on("properties twice", |b| b.stub().bus(&[0x85; 28]));
    resets_on("capabilities twice", |b| b.stub().bus(&[0x93, 0, 0, 0]));
    resets_on("ring answer unasked", |b| b.stub().bus(&[0x92, 0, 0, 0]));
    resets_on("stop answer unasked", |b| b.stub().bus(&[0x82, 0, 0, 0]));
    resets_on("gating answer unasked", |b| b.stub().bus(&[0x8A, 0, 0, 0]));
    resets_on("gating exit unasked", |b| b.stub().bus(&[0x0B, 0, 0, 0]));
    resets_on("not ready", |b| b.stub().drop_ready());
    resets_on("host not ready", |b| {
        b.stub().h_csr &= !8;
        b.stub().raise();
    });
}

#[test]
fn what_is_odd_but_no_error() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().corrupt_me_pointer();
    bench.run();
    bench.stub().corrupt_me_pointer();
    bench.run();
    for message in [
        &[0x94u8, 0][..],
        &[0x95, 0],
        &[0x11, 9, 9, 0],
        &[0x90, 9, 9, 0, 1, 0, 0, 0],
        &[0x90, 3, 1, 0, 1, 0, 0, 0],
        &[0x08, 200, 0, 0, 0, 0, 0, 0],
    ] {
        bench.bus(message);
    }
    assert_eq!(bench.stub().resets, 1);
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
}

#[test]
fn a_failed_bring_up_step_resets() {
    let refused = StubClient { id: 9, ..clients()[0] };
    for status in [2, 4, 255] {
        let mut stub = Stub::new(vec![refused]);
        stub.properties_status = status;
        let mut bench = Bench::new(stub);
        bench.host.start(bench.now);
        for _ in 0..100 {
            bench.drain();
            if bench.host.state() == Disabled {
                break;
            }
            bench.stub().run();
            if bench.stub().interrupts() {
                bench.host.interrupt(bench.now);
            }
        }
        assert_eq!(bench.host.state(), Disabled, "three resets in a row, then no more");
        assert_eq!(bench.stub().resets, 3);
    }
    let mut stub = Stub::new(vec![refused]);
    stub.properties_status = 1;
    let mut bench = Bench::started_with(stub);
    let file = bench.open();
    assert_eq!(bench.connect(file, 3), error(Errno::NOTTY), "a client that has gone is skipped");
}

#[test]
fn an_enumeration_that_does_not_end_is_bounded() {
    let mut bench = Bench::new(Stub::new(clients()));
    bench.stub().endless = true;
    bench.host.start(bench.now);
    for _ in 0..100_000 {
        bench.drain();
        if bench.host.state() == Disabled {
            break;
        }
        bench.stub().run();
        if bench.stub().interrupts() {
            bench.host.interrupt(bench.now);
        }
    }
    assert_eq!(bench.host.state(), Disabled);
}

#[test]
fn during_a_reset_nothing_works_and_nothing_hangs() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().recovers = false;
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.host.state(), Resetting);
    assert_eq!(bench.now(Call::Open), error(Errno::NODEV));
    assert_eq!(bench.read(file, 0), error(Errno::NODEV));
    assert_eq!(bench.read(file, 1), error(Errno::NODEV));
    assert_eq!(bench.write(file, b"x"), error(Errno::NODEV));
    assert_eq!(bench.connect(file, 3), error(Errno::NODEV));
    assert_eq!(bench.ioctl(file, 0x541B, &[]), error(Errno::NODEV));
    assert_eq!(bench.host.ioctl_check(file, 0x541B), Err(Errno::NODEV));
    assert_eq!(bench.ioctl(file, NOTIFY_GET, &[]), error(Errno::NODEV));
    assert_eq!(bench.poll(file, POLLIN), POLLERR);
    assert_eq!(bench.fsync(file), error(Errno::NODEV));
    assert_eq!(bench.release(file), Got::Done);
    bench.stub().recovers = true;
    bench.run();
    assert_eq!(bench.host.state(), Enabled);
    assert_eq!(bench.took(0x07).len(), 0);
}

#[test]
fn messages_completed_in_a_pass_that_breaks_off_are_lost() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    bench.stub().message(3, 1, b"good");
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.read(file, 9), error(Errno::NODEV));
}

#[test]
fn the_firmwares_stop_leaves_the_device_unusable_until_it_sleeps() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let read = bench.read_waits(file);
    bench.bus(&[0x03, 0, 0, 0]);
    assert_eq!(bench.took(0x02), [[0x02, 0, 0, 0]]);
    assert_eq!(bench.host.state(), PowerDown);
    assert_eq!(bench.got(read), None, "as in the driver");
    assert_eq!(bench.read(file, 1), error(Errno::NODEV));
    bench.stub().drop_ready();
    bench.run();
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.host.state(), PowerDown);
    bench.host.suspend(bench.now);
    bench.run();
    bench.host.resume(bench.now);
    bench.run();
    assert_eq!(bench.host.state(), Enabled);
    assert!(matches!(bench.connect(file, 3), Got::Ioctl(_)));
}

#[test]
fn sleep_ends_connections_and_keeps_handles() {
    let mut bench = Bench::started();
    let (file, idle) = (bench.connected(3), bench.open());
    let read = bench.read_waits(file);
    bench.states.clear();
    bench.host.suspend(bench.now);
    bench.run();
    assert_eq!(bench.states, [PoweringDown, PowerDown, Disabled]);
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.took(0x07).len(), 0);
    assert_eq!(bench.took(0x02).len(), 0);
    assert_eq!(bench.stub().h_csr & 0x31, 0, "interrupts off, reset released");
    assert_eq!(bench.read(file, 1), error(Errno::NODEV));
    assert_eq!(bench.ioctl(file, 0x541B, &[]), error(Errno::NODEV));
    assert_eq!(bench.poll(file, POLLIN), POLLERR);
    assert_eq!(bench.now(Call::Open), error(Errno::NODEV));
    bench.seconds(100);
    bench.states.clear();
    bench.host.resume(bench.now);
    bench.run();
    assert_eq!(bench.states, [PowerUp, Resetting, InitClients, Enabled]);
    assert_eq!(bench.read(file, 1), error(Errno::NODEV));
    for handle in [file, idle] {
        assert!(matches!(bench.connect(handle, 4), Got::Ioctl(_)));
    }
}

#[test]
fn removal_answers_everyone() {
    for gone in [true, false] {
        let mut stub = Stub::new(clients());
        stub.credits = 0;
        let mut bench = Bench::started_with(stub);
        let (file, other) = (bench.connected(3), bench.open());
        let read = bench.read_waits(file);
        bench.write(file, b"x");
        let sync = bench.waits(Call::Fsync { handle: file });
        bench.stub().connect = Answer::Silence;
        let connect = bench.ask_connect(other, 4);
        if gone {
            bench.stub().gone = true;
            bench.host.interrupt(bench.now);
        } else {
            bench.host.remove(bench.now);
        }
        bench.drain();
        assert_eq!(bench.host.state(), Disabled);
        assert!(bench.host.is_gone());
        assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
        assert_eq!(bench.got(sync), Some(error(Errno::NODEV)));
        assert_eq!(bench.got(connect), Some(error(Errno::FAULT)));
        assert_eq!(bench.ask_and_drain(Call::Release { handle: file }), Got::Done);
        assert_eq!(bench.ask_and_drain(Call::Release { handle: other }), Got::Done);
        assert_eq!(bench.host.open_files(), 0);
        assert_eq!(bench.host.deadline(), None);
        bench.host.resume(bench.now);
        bench.host.start(bench.now);
        bench.drain();
        assert_eq!(bench.host.state(), Disabled);
    }
}

#[test]
fn a_function_that_goes_in_the_middle_of_a_call_is_noticed() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().gone = true;
    let write = bench.ask(Call::Write { handle: file, data: b"x", blocking: Wait });
    assert_eq!(bench.got(write), Some(error(Errno::NODEV)));
    assert_eq!(bench.host.state(), Disabled);
    let mut bench = Bench::new(Stub::new(clients()));
    bench.stub().gone = true;
    bench.host.start(bench.now);
    bench.drain();
    assert_eq!(bench.host.state(), Disabled);
}

#[test]
fn d0i3_is_left_before_a_reset_and_entered_at_a_stop() {
    for slow in [false, true] {
        let mut stub = Stub::new(clients());
        stub.hfs[0] = 1 << 31;
        stub.d0i3c = 1 << 2;
        stub.d0i3_slow = slow;
        let mut bench = Bench::new(stub);
        bench.host.start(bench.now);
        if slow {
            bench.run();
            assert_eq!(bench.stub().resets, 0, "the reset waits");
            bench.stub().finish_d0i3();
        }
        bench.run();
        assert_eq!(bench.host.state(), Enabled);
        assert_eq!(bench.stub().d0i3c & 6, 2, "left, with an interrupt");
        bench.host.stop(bench.now);
        assert_eq!(bench.stub().d0i3c & 6, 4, "entered, without one");
        assert_eq!(bench.host.state(), Disabled);
    }
}

#[test]
fn a_d0i3_that_does_not_end_fails_the_reset_unless_it_did() {
    for ends in [false, true] {
        let mut stub = Stub::new(clients());
        stub.hfs[0] = 1 << 31;
        stub.d0i3c = 1 << 2;
        stub.d0i3_slow = true;
        let mut bench = Bench::new(stub);
        bench.host.start(bench.now);
        if !ends {
            bench.stub().d0i3c |= 1 << 2;
        }
        bench.seconds(6);
        if ends {
            assert_eq!(bench.host.state(), Enabled, "the interrupt was lost, the bit tells");
        } else {
            assert_eq!(bench.host.state(), Resetting);
            assert_eq!(bench.stub().resets, 0);
        }
    }
}

#[test]
fn an_asserted_reset_is_released_first() {
    let mut stub = Stub::new(clients());
    stub.h_csr = 1 << 4;
    stub.me_ready = true;
    Bench::started_with(stub);
}

#[test]
fn a_buffer_without_slots_makes_everything_fail() {
    let mut stub = Stub::new(clients());
    stub.depth = 0;
    let mut bench = Bench::new(stub);
    bench.host.start(bench.now);
    bench.seconds(30);
    assert_eq!(bench.host.state(), Disabled);
}

#[test]
fn an_interrupt_that_is_not_ours_costs_one_look() {
    let mut bench = Bench::started();
    let before = (bench.stub().csr_reads, bench.stub().csr_writes);
    bench.host.interrupt(bench.now);
    assert_eq!((bench.stub().csr_reads - before.0, bench.stub().csr_writes - before.1), (1, 0));
}

#[test]
fn states_have_their_names() {
    let table: [(DeviceState, &str); 8] = [
        (Initializing, "INITIALIZING"),
        (InitClients, "INIT_CLIENTS"),
        (Enabled, "ENABLED"),
        (Resetting, "RESETTING"),
        (Disabled, "DISABLED"),
        (PoweringDown, "POWERING_DOWN"),
        (PowerDown, "POWER_DOWN"),
        (PowerUp, "POWER_UP"),
    ];
    for (state, name) in table {
        assert_eq!(state.to_string(), name);
    }
    let host = Host::new(Stub::new(vec![]), options());
    assert_eq!(host.dev_state(), "INITIALIZING");
}

#[test]
fn a_stop_before_the_start_leaves_the_function_alone() {
    let mut bench = Bench::new(Stub::new(clients()));
    bench.host.stop(bench.now);
    bench.drain();
    assert_eq!(bench.states, [Disabled]);
    assert_eq!((bench.stub().csr_reads, bench.stub().csr_writes), (0, 0));
    bench.host.start(bench.now);
    bench.run();
    assert_eq!(bench.host.state(), Enabled, "and it can still be started");
}
