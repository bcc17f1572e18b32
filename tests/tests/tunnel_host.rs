//! AMT's tunnel under load, in this process, on virtual time.

use umei_tests::files::InProcess;
use umei_tests::programs::{persona_text, test_persona};
use umei_tests::tunnel::{FilesWire, Load, Manners, Report, load};

/// What is asked for: 10 MiB each way, 64 channels.
const LOAD: Load = Load { seed: 1, bytes: 10 << 20, channels: 64, manners: Manners::Good };

fn carry(wanted: Load) -> anyhow::Result<Report> {
    let name = "tunnel";
    let persona =
        mei_emulator::Persona::parse(&persona_text(name), &test_persona(name)).expect("a good persona");
    let device = InProcess::start(&persona).expect("the device starts");
    load(&mut FilesWire::connect(&device).expect("LME is there"), wanted)
}

#[test]
fn ten_mebibytes_go_through_64_channels_and_come_back() {
    let report = carry(LOAD).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(report.echoed >= 10 << 20 && report.counted > 0, "{report}");
    assert!(report.at_once == 64 && report.channels > 80 && report.cut > 10, "{report}");
}

/// Little data, many seeds: other orders of opening, closing and waiting.
#[test]
fn it_does_not_depend_on_the_order_of_things() {
    for seed in 2..12 {
        for channels in [1, 7, 64] {
            let wanted = Load { seed, bytes: 300_000, channels, ..LOAD };
            carry(wanted).unwrap_or_else(|error| panic!("{channels} channels: {error:#}"));
        }
    }
}

#[test]
fn one_byte_beyond_the_engines_window_ends_the_session() {
    let error = carry(Load { manners: Manners::OneByteTooMany, ..LOAD }).expect_err("it must not go on");
    assert!(format!("{error:#}").contains("ends the session: protocol error"), "{error:#}");
}
