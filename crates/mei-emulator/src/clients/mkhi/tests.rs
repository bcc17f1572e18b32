//! Bytes in, bytes out. Nothing here uses the constants that the client uses.

use crate::clients::fixture::{CONNECTION, Fixture, hex};
use proptest::prelude::*;

const MKHI: &str = r#"
[mkhi]
firmware = ["0:11.8.50.3425", "0:11.8.50.3425", "0:11.8.50.3425"]
image-type = 1
images = [{ name = "ISHC", version = "5.4.1.4000", vcn = 2 }]
measured-boot = 1

[mkhi.rules]
capable = 0x31101140
firmware-update = 1
platform-type = 0x00001481
enabled = 0x11101140

[mkhi.mca]
files = [{ path = "/fpf/OemCred", data = "00112233" }, { id = 0x40002300, data = "aabbccddeeff" }]
oem-keys = [{ hash = "0101010101010101010101010101010101010101010101010101010101010101", in-use = true }]
arb-svn = [{ usage = 3, executing = 2, minimum = 1 }]
"#;

fn mkhi() -> Fixture {
    Fixture::new("mkhi", MKHI)
}

/// Request, answer; in the order of groups and commands.
fn rows() -> Vec<(String, String)> {
    let path = |path: &str| {
        let hex: String = path.bytes().map(|byte| format!("{byte:02x}")).collect();
        hex + &"00".repeat(64 - path.len())
    };
    let own = |request: &str, answer: &str| (request.to_owned(), answer.to_owned());
    vec![
        own("000b0000 0301", "008b0001"),
        own("03020000 00000000", "03820000 00000000 04 40111031"),
        own("03030000 07000000 04 02000000", "03830000 07000000"),
        own("03060000 00001000 08 0000000002000000", ""),
        own("05010000 0000000000000000", "05810000 00000000 00000000 01 000000"),
        own("05020000", "05820000"),
        own("05030000", "05830000 01 000000"),
        (
            format!("0a020000 {} 00000000 80000000 08", path("/fpf/OemCred")),
            "0a820000 04000000 00112233".to_owned(),
        ),
        own("0a0a0000 00230040 00000000 40000000 00", "0a8a0000 06000000 aabbccddeeff"),
        (
            "0a0d0000".to_owned(),
            format!(
                "0a8d0000 00 01 02000000 010100 {} {} {}",
                "01".repeat(32),
                "00".repeat(32),
                "00".repeat(67)
            ),
        ),
        own("0a1b0000 ff", "0a9b0009"),
        own("0a1c0000", "0a9c0000 01000000 03 00 02 01"),
        own("0a2f0000", "0aaf0009"),
        own("ff010000", "ff810000 0000 0200"),
        own("ff020000", "ff820000 08000b00610d3200 08000b00610d3200 08000b00610d3200"),
        own("ff0a0000", "ff8a0000 03000000 00000000"),
        own("ff0c0000", "ff8c0000 00000000"),
        own("ff0d0000", "ff8d0001"),
        own("ff110000 00000000 00000000 00000000 00000000", "ff910001"),
        own("ff140000 00000000 00000000", "ff940000 01000000"),
        own("ff180000", "ff980000 01000000"),
        (
            "ff1c0000 49534843".to_owned(),
            format!(
                "ff9c0000 01000000 49534843{} 0500 0400 0100 a00f 86800000 00000000 00000000 02000000 {}",
                "00".repeat(8),
                "00".repeat(52)
            ),
        ),
        own("ff1d0000", "ff9d0000 01000000"),
        own("ff220000 00", "ffa20001"),
        own("ff230000", "ffa30000 01"),
    ]
}

#[test]
fn every_command_answers_with_its_bytes() {
    for (request, answer) in rows() {
        let mut mkhi = mkhi();
        mkhi.tell(&hex(&request));
        let expected = (!answer.is_empty()).then(|| hex(&answer));
        assert_eq!(mkhi.heard(), expected, "{request}");
        assert_eq!(mkhi.heard(), None, "{request}");
    }
}

#[test]
fn every_row_of_the_table_has_a_test_and_the_table_is_in_order() {
    let rows: Vec<(u8, u8)> = rows().iter().map(|(request, _)| hex(request)).map(|r| (r[0], r[1])).collect();
    let table: Vec<(u8, u8)> = super::table::COMMANDS.iter().map(|row| (row.group, row.command)).collect();
    assert_eq!(table, rows);
    assert!(table.is_sorted());
}

#[test]
fn answers_have_zero_where_requests_have_garbage() {
    assert_eq!(mkhi().ask(&hex("ff01a55a")), hex("ff810000 00000200"));
    assert_eq!(mkhi().ask(&hex("7701a55a")), hex("7781008d"));
}

#[test]
fn requests_that_are_cut_short_are_told_so_by_every_command() {
    for row in super::table::COMMANDS {
        for length in 0..row.least {
            let mut request = vec![row.group, row.command, 0, 0];
            request.resize(4 + length, 0);
            let expected = [row.group, row.command | 0x80, 0, 0x05];
            assert_eq!(mkhi().ask(&request), expected, "{request:02x?}");
        }
    }
}

#[test]
fn the_unknown_is_told_or_met_with_silence() {
    assert_eq!(mkhi().ask(&hex("ff7f0000")), hex("ffff008d"));
    assert_eq!(mkhi().ask(&hex("03020000 2a000000")), hex("03820081"));
    assert_eq!(mkhi().ask(&hex("03020000 27000000")), hex("03820081"), "a rule without a value");
    for silent in ["f0030000", "f01c0000", "", "ff", "ff0200"] {
        let mut mkhi = mkhi();
        mkhi.tell(&hex(silent));
        assert_eq!(mkhi.heard(), None, "{silent}");
    }
    let text = "[mkhi]\nunknown-command-result = 0x89\nunknown-rule-result = 0x85";
    let mut other = Fixture::new("mkhi", text);
    assert_eq!(other.ask(&hex("77010000")), hex("77810089"));
    assert_eq!(other.ask(&hex("03020000 00000000")), hex("03820085"));
    assert_eq!(other.ask(&hex("ff020000")), hex("ff820089"));
}

#[test]
fn whether_the_operating_systems_name_is_answered_is_the_personas() {
    let mut telling = Fixture::new("mkhi", "[mkhi]\nos-version = 'answered'");
    assert_eq!(telling.ask(&hex("03060000 00001000 08 0000000002000000")), hex("03860000"));
}

#[test]
fn rules_that_are_switches_can_be_written() {
    let mut mkhi = mkhi();
    assert_eq!(mkhi.ask(&hex("03030000 07000000 04 02000000")), hex("03830000 07000000"));
    assert_eq!(mkhi.ask(&hex("03020000 07000000")), hex("03820000 07000000 04 02000000"));
    assert_eq!(mkhi.ask(&hex("03030000 07000000 01 02")), hex("03830005"));
    assert_eq!(mkhi.ask(&hex("03030000 07000000 04 0200")), hex("03830005"));
    assert_eq!(mkhi.ask(&hex("03030000 20000000 04 00000000")), hex("03830081"));
    // Disabling the engine is the BIOS's business.
    assert_eq!(mkhi.ask(&hex("03030000 06000000 01 00")), hex("03830001"));
    let mut early = Fixture::new("mkhi", "[mkhi]\nend-of-post = false");
    assert_eq!(early.ask(&hex("03030000 06000000 01 00")), hex("03830000 06000000"));
    assert_eq!(early.ask(&hex("03020000 06000000")), hex("03820000 06000000 04 00000000"));
}

#[test]
fn the_end_of_post_closes_what_only_the_bios_may_do() {
    let mut mkhi = Fixture::new("mkhi", "[mkhi]\nend-of-post = false\nhmrfpo-status = 2");
    assert_eq!(mkhi.ask(&hex("ff0a0000")), hex("ff8a0000 00000000 00000000"));
    assert_eq!(mkhi.ask(&hex("ff1d0000")), hex("ff9d0000 00000000"));
    assert_eq!(mkhi.ask(&hex("05030000")), hex("05830000 02000000"));
    assert_eq!(mkhi.ask(&hex("ff220000 01")), hex("ffa20000"));
    assert_eq!(mkhi.ask(&hex("ff230000")), hex("ffa30000 01"));
    assert_eq!(mkhi.ask(&hex("ff0d0000")), hex("ff8d0000"));
    assert_eq!(mkhi.ask(&hex("ff0c0000")), hex("ff8c0000 00000000"));
    assert_eq!(mkhi.ask(&hex("ff1d0000")), hex("ff9d0000 01000000"));
    assert_eq!(mkhi.ask(&hex("05030000")), hex("05830000 01000000"));
    assert_eq!(mkhi.ask(&hex("ff220000 00")), hex("ffa20001"));
}

#[test]
fn reads_of_files_stay_in_the_file_and_in_the_message() {
    let mut mkhi = mkhi();
    assert_eq!(mkhi.ask(&hex("0a0a0000 00230040 02000000 02000000 00")), hex("0a8a0000 02000000 ccdd"));
    assert_eq!(mkhi.ask(&hex("0a0a0000 00230040 06000000 40000000 00")), hex("0a8a0000 00000000"));
    assert_eq!(mkhi.ask(&hex("0a0a0000 00230040 07000000 40000000 00")), hex("0a8a000d"));
    assert_eq!(mkhi.ask(&hex("0a0a0000 00230040 ffffffff ffffffff ff")), hex("0a8a000d"));
    assert_eq!(mkhi.ask(&hex("0a0a0000 00000000 00000000 40000000 00")), hex("0a8a000b"));
    let path = format!("0a020000 {} 00000000 80000000 08", "61".repeat(64));
    assert_eq!(mkhi.ask(&hex(&path)), hex("0a820089"));
    let long = format!(
        "[mkhi.mca]\nfiles = [{{ id = 1, data = '{}' }}]\nmissing-file-result = 3",
        "ab".repeat(4000)
    );
    let mut mkhi = Fixture::new("mkhi", &long);
    assert_eq!(mkhi.ask(&hex("0a0a0000 01000000 00000000 ffffffff 00")).len(), 2048);
    assert_eq!(mkhi.ask(&hex("0a0a0000 02000000 00000000 ffffffff 00")), hex("0a8a0003"));
    assert_eq!(mkhi.ask(&hex("0a0d0000")), hex("0a8d0089"));
    assert_eq!(mkhi.ask(&hex("0a1c0000")), hex("0a9c0089"));
}

/// What fwupd asks: three ids, one valid key (`mkhi.md` §8.3).
#[test]
fn mchi_knows_files_and_nothing_else() {
    let text = format!("[mchi]\nfiles = [{{ id = 0x40002300, data = '{}' }}]", "5a".repeat(48));
    let mut mchi = Fixture::new("mchi", &text);
    let key = format!("0a8a0000 30000000 {}", "5a".repeat(48));
    assert_eq!(mchi.ask(&hex("0a0a0000 00230040 00000000 40000000 00")), hex(&key));
    assert_eq!(mchi.ask(&hex("0a0a0000 005b0040 00000000 40000000 00")), hex("0a8a000b"));
    assert_eq!(mchi.ask(&hex("0a0a0000 005c0040 00000000 40000000 00")), hex("0a8a000b"));
    assert_eq!(mchi.ask(&hex("ff020000")), hex("ff82008d"));
}

#[test]
fn mistakes_in_a_persona_are_named() {
    for (table, reason) in [
        ("firmware = ['11.8.50']", "no version"),
        ("firmware = ['300:11.8.50.1']", "no version"),
        ("firmware = ['0:11.8.50.1.2']", "no version"),
        ("firmware = []", "one to three"),
        ("firmwares = []", "firmwares"),
        ("os-version = 'heard'", "mkhi.os-version: unknown variant; known here: silence, answered"),
    ] {
        let text = format!(
            "name = 'x'\ndevice = 0xA13A\nhbm = '2.0'\n[mkhi]\n{table}\n[[client]]\nkind = 'mkhi'\naddress = 1\n"
        );
        let error = crate::Persona::parse(&text, "x").unwrap_err().to_string();
        assert!(error.contains(reason), "{table}: {error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_get_at_most_one_well_formed_answer(
        group in prop::sample::select(vec![0u8, 3, 5, 10, 0xF0, 0xFF, 0x42]),
        command in any::<u8>(),
        data in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut mkhi = mkhi();
        let mut message = vec![group, command];
        message.extend(&data);
        mkhi.tell(&message);
        if let Some(answer) = mkhi.heard() {
            prop_assert!((4..=2048).contains(&answer.len()));
            prop_assert_eq!(&answer[..3], &[group, command | 0x80, 0]);
            prop_assert!(answer[3] == 0 || answer.len() == 4);
        }
        prop_assert_eq!(mkhi.outbox.take(CONNECTION), None);
    }
}
