//! What sysfs, debugfs and the client bus show (`device-abi.md` §12, §13).

use crate::bench::*;
use crate::stub::{Stub, StubClient};
use mei_core::{Errno, FixUps, Options};
use mei_wire::Guid;

fn on_device(id: u16) -> Bench {
    let mut options = Options::new(*mei_wire::pci::lookup(id).expect("a known device"));
    options.fix_ups = FixUps::None;
    let mut stub = Stub::new(clients());
    stub.hfs = [0x9000_0245, 2, 0x30, 4, 5, 0xABCD];
    let mut bench = Bench::with_options(stub, options);
    bench.host.start(bench.now);
    bench.run();
    bench
}

#[test]
fn registers_are_shown_as_the_generation_has_them() {
    for (id, lines, trc, kind) in [
        (0x29A4, 0, false, "mei\n"),
        (0x2E04, 1, false, "mei\n"),
        (0x1E3A, 2, false, "mei\n"),
        (0x9D3A, 6, false, "mei\n"),
        (0x9D3E, 6, false, "itouch\n"),
        (0xA0E0, 6, true, "mei\n"),
    ] {
        let mut bench = on_device(id);
        let all = "90000245\n00000002\n00000030\n00000004\n00000005\n0000ABCD\n";
        assert_eq!(bench.host.fw_status().unwrap(), all[..lines * 9], "{id:#x}");
        assert_eq!(bench.host.trc(), if trc { Ok("1234ABCD\n".into()) } else { Err(Errno::OPNOTSUPP) });
        assert_eq!(bench.host.kind(), kind);
    }
}

#[test]
fn versions_are_shown() {
    let mut bench = Bench::new(Stub::new(clients()));
    assert_eq!(bench.host.hbm_ver(), "0.0\n");
    assert_eq!(bench.host.hbm_ver_drv(), "2.2\n");
    bench.stub().version = (1, 1);
    bench.host.start(bench.now);
    bench.run();
    assert_eq!(bench.host.hbm_ver(), "1.1\n");
    bench.host.stop(bench.now);
    assert_eq!(bench.host.hbm_ver(), "1.1\n");
    assert_eq!(bench.host.dev_state(), "DISABLED");
}

#[test]
fn the_queue_limit_takes_what_the_kernel_takes() {
    let mut bench = Bench::started();
    assert_eq!(bench.host.tx_queue_limit(), "50\n");
    for (text, result) in [
        ("30", Ok(())),
        ("255\n", Ok(())),
        ("+40\n", Ok(())),
        ("0040", Ok(())),
        ("29", Err(Errno::INVAL)),
        ("0", Err(Errno::INVAL)),
        ("-1", Err(Errno::INVAL)),
        ("", Err(Errno::INVAL)),
        ("\n", Err(Errno::INVAL)),
        ("40 ", Err(Errno::INVAL)),
        ("0x40", Err(Errno::INVAL)),
        ("40\n\n", Err(Errno::INVAL)),
        ("256", Err(Errno::INVAL)),
        ("4294967295", Err(Errno::INVAL)),
        ("4294967296", Err(Errno::RANGE)),
        ("99999999999999999999", Err(Errno::RANGE)),
    ] {
        assert_eq!(bench.host.set_tx_queue_limit(text), result, "{text:?}");
    }
    assert_eq!(bench.host.tx_queue_limit(), "40\n");
}

#[test]
fn the_firmwares_clients_are_listed_newest_first() {
    let mut bench = Bench::started();
    bench.connected(3);
    let text = bench.host.meclients();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "  |id|fix|         UUID                       |con|msg len|sb|refc|vt|");
    assert_eq!(lines[1], " 0| 7|  7|07070707-0707-0707-0707-070707070707|  0|     64| 0|   3| 0|");
    assert_eq!(lines[3], " 2| 5|  0|05050505-0505-0505-0505-050505050505|  4|    512| 1|   2| 0|");
    assert_eq!(lines[5], " 4| 3|  0|03030303-0303-0303-0303-030303030303|  1|    512| 0|   4| 0|");
    bench.host.stop(bench.now);
    assert_eq!(bench.host.meclients().lines().count(), 1);
}

#[test]
fn handles_are_listed_in_the_order_of_opening() {
    let mut bench = Bench::started();
    let first = bench.open();
    let second = bench.connected(4);
    bench.release(first);
    bench.open();
    bench.read_nb(second, 1);
    bench.message(4, 2, b"x");
    bench.write(second, b"y");
    let text = "   |me|host|state|rd|wr|wrq\n  0| 4|   2|    3| 1| 2|  0\n  1| 0|   1|    1| 0| 0|  0\n";
    assert_eq!(bench.host.active(), text);
}

#[test]
fn the_state_is_shown_with_its_features() {
    let mut bench = Bench::new(Stub::new(clients()));
    assert_eq!(bench.host.devstate(), "dev: INITIALIZING\nhbm: IDLE\npg:  DISABLED, OFF\npxp: DEFAULT\n");
    bench.host.start(bench.now);
    bench.run();
    let features = "hbm features:\n\tPG: 1\n\tDC: 1\n\tIE: 1\n\tDOT: 1\n\tEV: 1\n\tFA: 1\n\tOS: 1\n\tDR: 0\n\tVT: 0\n\tCAP: 1\n\tCD: 0\n";
    let expected = format!("dev: ENABLED\nhbm: STARTED\n{features}pg:  DISABLED, OFF\npxp: DEFAULT\n");
    assert_eq!(bench.host.devstate(), expected);
    assert!(on_device(0xA0E0).host.devstate().contains("pg:  ENABLED, OFF\n"));
}

#[test]
fn the_rule_for_fixed_addresses_can_be_replaced() {
    let mut bench = Bench::started();
    assert_eq!(bench.host.allow_fixed_address(), "N\n");
    assert_eq!(bench.host.set_allow_fixed_address("maybe"), Err(Errno::INVAL));
    let file = bench.open();
    assert!(matches!(bench.connect(file, 7), Got::Ioctl(_)));
    bench.release(file);
    bench.host.set_allow_fixed_address("0\n").unwrap();
    let file = bench.open();
    assert_eq!(bench.connect(file, 7), error(Errno::NOTTY));

    let mut stub = Stub::new(clients());
    stub.version = (1, 1);
    let mut bench = Bench::started_with(stub);
    bench.host.set_allow_fixed_address("Y\n").unwrap();
    assert_eq!(bench.host.allow_fixed_address(), "Y\n");
    let file = bench.open();
    assert!(matches!(bench.connect(file, 7), Got::Ioctl(_)));
}

#[test]
fn the_client_bus_has_who_is_eligible() {
    let bench = Bench::started();
    let mut ids: Vec<_> = bench.host.bus_devices().iter().map(|device| device.guid.0[0]).collect();
    ids.sort_unstable();
    assert_eq!(ids, [3, 4, 6, 7], "not the one with four connections and no tags");
    let device = bench.host.bus_devices().into_iter().find(|device| device.guid == guid(3)).unwrap();
    assert_eq!(device.modalias(), "mei::03030303-0303-0303-0303-030303030303:03:");
    assert_eq!((device.max_connections, device.fixed_address, device.max_message_length), (1, 0, 512));
    assert!(device.uevent().starts_with("MEI_CL_VERSION=3\nMEI_CL_UUID=03030303-"));

    let watchdog = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);
    let nfc = Guid::from_u128(0x0bb17a78_2a8e_4c50_94d4_50266723775c);
    let client = clients()[0];
    let stub = Stub::new(vec![
        StubClient { id: 8, guid: watchdog, version: 1, max_connections: 3, ..client },
        StubClient { id: 9, guid: nfc, ..client },
    ]);
    let mut options = Options::new(*mei_wire::pci::lookup(0x9D3A).unwrap());
    options.fix_ups = FixUps::None;
    let mut bench = Bench::with_options(stub, options);
    bench.host.start(bench.now);
    bench.run();
    let devices = bench.host.bus_devices();
    assert_eq!(devices.len(), 1);
    assert_eq!((devices[0].guid, devices[0].version), (watchdog, 2), "this one says 1 and means 2");
}
