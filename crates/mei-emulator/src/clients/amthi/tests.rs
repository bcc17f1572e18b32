//! Bytes in, bytes out. Nothing here uses the constants that the client uses.

use crate::clients::fixture::{CONNECTION, Fixture, hex};
use proptest::prelude::*;

/// A machine with everything.
const AMT: &str = r#"
[amt]
versions = [
    { description = "Flash", version = "11.8.93" },
    { description = "AMT", version = "11.8.93" },
]
bios = "EXAMPLE1 (1.2 )"
uuid = "00112233-4455-6677-8899-aabbccddeeff"
account = { user = "$$OsAdmin", password = "secret" }
management-server = { host = "mps.example" }

[amt.provisioning]
last-host-reset = 0x01020304
tls-certificate-hashes = ["1111111111111111111111111111111111111111111111111111111111111111"]
server = { address = "192.0.2.9", name = "provisionserver" }
audit = { tls-mode = 2, server-name = "setup.example", time = [2024, 5, 3, 15, 12, 30, 1] }

[amt.lan.wired]
mac = "02:00:5e:10:00:01"
host-mac = "02:00:5e:10:00:02"
enabled = true
link-up = true
ipv4 = "192.0.2.1"
mask = "255.255.255.0"
gateway = "192.0.2.254"
dns = ["192.0.2.53"]
ipv6 = [{ address = "fe80::1", type = 1, state = 3 }]

[amt.names]
host = "desk"
domain = "example"
pki-dns-suffix = "example"
dns-suffixes = ["a.example", "b.example"]

[[amt.certificate-hashes]]
name = "A Root"
algorithm = "sha1"
hash = "00112233445566778899aabbccddeeff01234567"
"#;

fn amthi() -> Fixture {
    Fixture::new("amthi", AMT)
}

/// A request's bytes.
fn request(code: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 1, 0, 0];
    bytes.extend(code.to_le_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The status and the data of the answer; its header is checked here.
fn ask(amthi: &mut Fixture, code: u32, data: &[u8]) -> (u32, Vec<u8>) {
    let answer = amthi.ask(&request(code, data));
    assert_eq!(answer[..4], [1, 1, 0, 0]);
    assert_eq!(answer[4..8], (code | 0x0080_0000).to_le_bytes());
    assert_eq!(answer[8..12], u32::try_from(answer.len() - 12).unwrap().to_le_bytes());
    let status = u32::from_le_bytes(answer[12..16].try_into().unwrap());
    (status, answer[16..].to_vec())
}

fn zeros(count: usize) -> String {
    "00".repeat(count)
}

fn text(text: &str, field: usize) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    hex + &zeros(field - text.len())
}

/// What a fresh machine answers: code, request data, status, data. In the order of the codes.
fn rows() -> Vec<(u32, &'static str, u32, String)> {
    let link = "000000000000000000000000 00000001";
    let version =
        |name: &str| format!("{:02x}00 {} 0700 {}", name.len(), text(name, 20), text("11.8.93", 20));
    let flags = |count: usize| "01000000".repeat(count);
    let aligned = Box::leak(format!("02000000 {}", zeros(392)).into_boxed_str());
    vec![
        (0x0100_0001, link, 0, format!("{link} 05000000 01 00 01 01 00")),
        (
            0x0400_0006,
            "",
            0,
            format!("02000000 010200c0 00ffffff fe0200c0 350200c0 00000000 0700 {}", text("example", 7)),
        ),
        (0x0400_0008, "", 0, "01000000 00000000".into()),
        (0x0400_0010, "00000000", 0x20, String::new()),
        (0x0400_0011, "", 0, "00000000".into()),
        (
            0x0400_001A,
            "",
            0,
            format!("{} 02000000 {} {}", text("EXAMPLE1 (1.2 )", 65), version("Flash"), version("AMT")),
        ),
        (0x0400_001B, "", 0, format!("01000000 00000000 01000000 00000000 {} {}", flags(6), zeros(28))),
        (0x0400_0025, "", 0, "02005e100001 02005e100002".into()),
        (0x0400_0028, "", 0, String::new()),
        (0x0400_0029, "", 0, String::new()),
        (0x0400_002A, "0800 3132333435363738", 0, String::new()),
        (0x0400_002B, "", 0, "02000000".into()),
        (0x0400_002C, "", 0, "01000000 01000000".into()),
        (
            0x0400_002D,
            "01000000",
            0,
            format!(
                "01000000 01000000 00112233445566778899aabbccddeeff01234567 {} 01 0600 {}",
                zeros(44),
                text("A Root", 6)
            ),
        ),
        (0x0400_002E, "", 0, "00000000".into()),
        (0x0400_002F, "0300 6c616e", 0, String::new()),
        (0x0400_0030, "", 0, "01000000".into()),
        (0x0400_0036, "", 0, format!("0700 {}", text("example", 7))),
        (0x0400_003E, "", 0, format!("1400 {} {}", text("a.example", 10), text("b.example", 10))),
        (0x0400_003F, "00 c0000201000000000000000000000000 01", 0, String::new()),
        (0x0400_0044, "", 0, String::new()),
        (0x0400_0045, "", 0x814, String::new()),
        (0x0400_0046, "", 0, format!("00000000 00000000 00000000 0b00 {}", text("mps.example", 11))),
        (0x0400_0047, "", 0, format!("2600 {}", text("Desktop: ON in S0, ME Wake in S3, S4-5", 0x26))),
        (0x0400_0048, "00000000", 0, "01000000 010200c0 01000000 02 01 02005e100001".into()),
        (0x0400_0049, "00000000", 0, "00000000 00000000 00000000 00000000".into()),
        (0x0400_004A, "", 0, "00000000 04030201".into()),
        (0x0400_004D, "", 0, "03000000".into()),
        (0x0400_004E, "", 0, format!("f326 {} 0f00 {}", text("192.0.2.9", 46), text("provisionserver", 15))),
        (
            0x0400_0050,
            "",
            0,
            format!(
                "02 {} {} {} 00000000 00000000 01000000 {} e807 0500 0300 0f00 0c00 1e00 0100 0d00 {}",
                zeros(12),
                zeros(64),
                zeros(48),
                zeros(46),
                text("setup.example", 13)
            ),
        ),
        (
            0x0400_0052,
            "00000000",
            0,
            format!("{} 01000000 {} 01000000 03000000", zeros(138), text("fe80::1", 46)),
        ),
        (
            0x0400_0056,
            "",
            0,
            format!("01000000 00000000 a0050000 84030000 04000000 0c00 {}", text("desk.example", 12)),
        ),
        (0x0400_0058, "", 0, "07000000".into()),
        (0x0400_005B, "0300 616200", 0, String::new()),
        (0x0400_005C, "", 0, "33221100 5544 7766 8899aabbccddeeff".into()),
        (0x0400_005E, "", 0x20, String::new()),
        (0x0400_0067, Box::leak(zeros(40).into_boxed_str()), 0, text("$$OsAdmin", 33) + &text("secret", 35)),
        (0x0400_006B, "", 0, "00000000".into()),
        (0x0400_0084, "", 0, "00000000".into()),
        (0x0400_008B, aligned, 0, format!("02 {} {}", "11".repeat(32), zeros(32))),
        (0x0400_008E, "00", 0, zeros(2781)),
    ]
}

#[test]
fn every_command_answers_with_its_bytes() {
    for (code, data, status, answer) in rows() {
        let got = ask(&mut amthi(), code, &hex(data));
        assert_eq!(got, (status, hex(&answer)), "{code:#010x}");
    }
}

#[test]
fn every_row_of_the_table_has_a_test_and_the_table_is_in_order() {
    let rows: Vec<u32> = rows().iter().map(|row| row.0).collect();
    let table: Vec<u32> = super::table::COMMANDS.iter().map(|row| row.command.0).collect();
    assert_eq!(table, rows);
    assert!(table.is_sorted());
    let known: Vec<u32> = mei_wire::amthi::Command::ALL.iter().map(|command| command.0).collect();
    assert_eq!(table, known);
}

#[test]
fn requests_that_are_cut_short_are_told_so_by_every_command() {
    for row in super::table::COMMANDS {
        for length in 0..row.least {
            let answer = ask(&mut amthi(), row.command.0, &vec![0; length]);
            assert_eq!(answer, (4, vec![]), "{:#010x} with {length} bytes", row.command.0);
        }
    }
}

#[test]
fn what_the_firmware_does_not_know_is_told_so() {
    assert_eq!(ask(&mut amthi(), 0x0400_0007, &[]), (0x812, vec![]));
    let mut old = Fixture::new(
        "amthi",
        &format!("{AMT}\n[amthi]\nunsupported = [0x0400006B]\nunknown-command-status = 0x24"),
    );
    assert_eq!(ask(&mut old, 0x0400_006B, &[]), (0x24, vec![]));
    assert_eq!(ask(&mut old, 0x0400_0007, &[]), (0x24, vec![]));
    assert_eq!(ask(&mut old, 0x0400_0011, &[]), (0, vec![0; 4]));
}

#[test]
fn a_message_without_a_whole_header_is_answered() {
    for length in 0..12 {
        let message = request(0x0400_001A, &[]);
        let answer = amthi().ask(&message[..length]);
        assert_eq!((answer.len(), &answer[8..]), (16, &[4, 0, 0, 0, 4, 0, 0, 0][..]), "{length}");
    }
}

#[test]
fn wrong_lengths_in_the_header_do_not_matter() {
    let mut long = request(0x0400_0048, &[0; 258]);
    long[8] = 11;
    assert_eq!(amthi().ask(&long).len(), 36);
    let mut short = request(0x0400_0011, &[]);
    short[8] = 12;
    assert_eq!(amthi().ask(&short).len(), 20);
}

#[test]
fn absent_interfaces_are_all_zero() {
    let mut amthi = amthi();
    assert_eq!(ask(&mut amthi, 0x0400_0048, &[1, 0, 0, 0]), (0, vec![0; 20]));
    assert_eq!(ask(&mut amthi, 0x0400_0048, &[2, 0, 0, 0]), (0x24, vec![]));
    assert_eq!(ask(&mut amthi, 0x0400_0052, &[1, 0, 0, 0]), (2501, vec![]));
    let mut bare = Fixture::new("amthi", "[amt]\nversions = []");
    assert_eq!(ask(&mut bare, 0x0400_0025, &[]), (0, vec![0; 12]));
    assert_eq!(ask(&mut bare, 0x0400_0006, &[]), (0, vec![0; 26]));
    assert_eq!(ask(&mut bare, 0x0400_001A, &[]), (0, vec![0; 69]));
    assert_eq!(ask(&mut bare, 0x0400_0044, &[]), (0x814, vec![]));
    assert_eq!(ask(&mut bare, 0x0400_004E, &[]), (0x814, vec![]));
    assert_eq!(ask(&mut bare, 0x0400_0050, &[]), (0x814, vec![]));
    assert_eq!(ask(&mut bare, 0x0400_008B, &[2; 396]), (0x24, vec![]));
    let mut sha256 = vec![0; 396];
    sha256[0] = 2;
    assert_eq!(ask(&mut bare, 0x0400_008B, &sha256), (0x31, vec![]));
}

#[test]
fn names_that_are_set_are_told() {
    let mut amthi = amthi();
    assert_eq!(ask(&mut amthi, 0x0400_002F, b"\x03\0lan"), (0, vec![]));
    assert_eq!(ask(&mut amthi, 0x0400_0036, &[]), (0, b"\x03\0lan".to_vec()));
    // With the closing NUL that one program sends.
    assert_eq!(ask(&mut amthi, 0x0400_005B, b"\x06\0me.lan"), (0, vec![]));
    assert_eq!(ask(&mut amthi, 0x0400_005B, b"\x07\0me.lan\0"), (0, vec![]));
    let (_, fqdn) = ask(&mut amthi, 0x0400_0056, &[]);
    assert_eq!(fqdn[16..], *b"\x02\0\0\0\x06\0me.lan");
    for (bad, status) in [(&b"\x04\0lan"[..], 4), (b"\x03\0l\0n", 0x24), (b"\x02\0\xFF\xFF", 0x24)] {
        assert_eq!(ask(&mut amthi, 0x0400_002F, bad), (status, vec![]));
        assert_eq!(ask(&mut amthi, 0x0400_005B, bad), (status, vec![]));
    }
    assert_eq!(ask(&mut amthi, 0x0400_0036, &[]), (0, b"\x03\0lan".to_vec()));
}

#[test]
fn provisioning_starts_stops_and_is_taken_back() {
    let mut amthi = amthi();
    let state = |amthi: &mut Fixture| ask(amthi, 0x0400_0011, &[]).1[0];
    assert_eq!(ask(&mut amthi, 0x0400_0029, &[]).0, 0);
    assert_eq!(state(&mut amthi), 1);
    assert_eq!(ask(&mut amthi, 0x0400_0029, &[]).0, 0x20);
    assert_eq!(ask(&mut amthi, 0x0400_005E, &[]).0, 0);
    assert_eq!(state(&mut amthi), 0);
    assert_eq!(ask(&mut amthi, 0x0400_005E, &[]).0, 0x20);
    // The packed layout: the algorithm is one byte.
    let mut packed = vec![0; 390];
    packed[0] = 2;
    packed[1] = 0xFF;
    let (status, answer) = ask(&mut amthi, 0x0400_008B, &packed);
    assert_eq!((status, answer.len(), answer[0], answer[1]), (0, 65, 2, 0x11));
    assert_eq!(state(&mut amthi), 1);
    assert_eq!(ask(&mut amthi, 0x0400_0010, &[2, 0, 0, 0]).0, 0x24);
    assert_eq!(ask(&mut amthi, 0x0400_0010, &[1, 0, 0, 0]).0, 0);
    assert_eq!(state(&mut amthi), 0);
}

#[test]
fn only_client_control_mode_is_taken_back_by_the_host() {
    for (mode, number, status, left) in [("client", 1, 0, 0), ("admin", 2, 0x10, 2)] {
        let tables =
            format!("[amt]\nversions = []\nprovisioning = {{ state = 'post', control-mode = '{mode}' }}");
        let mut amthi = Fixture::new("amthi", &tables);
        assert_eq!(ask(&mut amthi, 0x0400_006B, &[]), (0, vec![number, 0, 0, 0]));
        assert_eq!(ask(&mut amthi, 0x0400_0011, &[]), (0, vec![2, 0, 0, 0]));
        assert_eq!(ask(&mut amthi, 0x0400_0010, &[0; 4]), (status, vec![]));
        assert_eq!(ask(&mut amthi, 0x0400_006B, &[]), (0, vec![left, 0, 0, 0]));
    }
}

#[test]
fn the_tunnel_opens_and_closes() {
    let mut amthi = amthi();
    assert_eq!(ask(&mut amthi, 0x0400_0044, &[]).0, 0);
    assert_eq!(ask(&mut amthi, 0x0400_0046, &[]).1[4], 1);
    assert_eq!(ask(&mut amthi, 0x0400_0045, &[]).0, 0);
    assert_eq!(ask(&mut amthi, 0x0400_0046, &[]).1[4], 0);
}

#[test]
fn amt_that_is_off_answers_with_nothing() {
    let mut off = Fixture::new("amthi", "[amt]\nversions = []\navailability = 'disabled'");
    assert_eq!(off.ask(&request(0x0400_001A, &[])), b"");
}

#[test]
fn a_list_of_suffixes_is_never_a_multiple_of_256_long() {
    let name = "a".repeat(63);
    let tables =
        format!("[amt]\nversions = []\nnames.dns-suffixes = ['{name}', '{name}', '{name}', '{name}']");
    let (status, list) = ask(&mut Fixture::new("amthi", &tables), 0x0400_003E, &[]);
    assert_eq!((status, &list[..2], list.len()), (0, &[1, 1][..], 2 + 257));
}

#[test]
fn what_is_not_certain_is_the_personas() {
    let with = |line: &str| Fixture::new("amthi", &format!("{AMT}\n[amthi]\n{line}"));
    let list = format!("1300 {} {}", text("a.example", 10), text("b.example", 9));
    assert_eq!(ask(&mut with("dns-suffix-list = 'separated'"), 0x0400_003E, &[]), (0, hex(&list)));

    let mut telling = with("unprovisioned = 'status-and-state'");
    assert_eq!(ask(&mut telling, 0x0400_0010, &[0; 4]), (0x20, vec![]), "a refusal has no data");
    assert_eq!(ask(&mut telling, 0x0400_0029, &[]).0, 0);
    assert_eq!(ask(&mut telling, 0x0400_0010, &[0; 4]), (0, vec![0; 4]));

    let bare = |line: &str| {
        let amt = "[amt]\nversions = []\nprovisioning = { state = 'post', control-mode = 'admin' }";
        Fixture::new("amthi", &format!("{amt}\n[amthi]\n{line}"))
    };
    assert_eq!(ask(&mut bare("unprovision-refusal-status = 3"), 0x0400_0010, &[0; 4]), (3, vec![]));
    assert_eq!(ask(&mut bare("absent-interface = 'status'"), 0x0400_0048, &[0; 4]), (2501, vec![]));
    assert_eq!(ask(&mut bare("no-audit-record-status = 2"), 0x0400_0050, &[]), (2, vec![]));
}

#[test]
fn mistakes_in_a_persona_are_named() {
    for (line, reason) in [
        (
            "dns-suffix-list = 'joined'",
            "x:5:19: amthi.dns-suffix-list: unknown variant; known here: terminated, separated",
        ),
        ("unprovisioned = true", "x:5:17: amthi.unprovisioned: "),
        (
            "absent-interface = 'none'",
            "x:5:20: amthi.absent-interface: unknown variant; known here: zeros, status",
        ),
        (
            "no-audit-record-state = 1",
            "x:5:1: amthi.no-audit-record-state: unknown field; did you mean `no-audit-record-status`?",
        ),
    ] {
        let text = format!(
            "name = 'x'\ndevice = 0xA13A\nhbm = '2.0'\n[amthi]\n{line}\n[[client]]\nkind = 'amthi'\naddress = 1\n"
        );
        let error = crate::Persona::parse(&text, "x").unwrap_err().to_string();
        assert!(error.starts_with(reason), "{line}: {error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_get_one_well_formed_answer(
        code in 0u32..0x100,
        front in any::<[u8; 4]>(),
        known in any::<bool>(),
        data in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut amthi = amthi();
        let mut message = front.to_vec();
        if known {
            message.extend((0x0400_0000 | code).to_le_bytes());
        }
        message.extend(&data);
        for cut in [message.len(), message.len() / 2, message.len().min(13)] {
            amthi.tell(&message[..cut]);
            let answer = amthi.heard().expect("one answer");
            prop_assert_eq!(amthi.outbox.take(CONNECTION), None);
            prop_assert!(answer.len() >= 16 && answer.len() <= 5120);
            prop_assert_eq!(&answer[8..12], u32::try_from(answer.len() - 12).unwrap().to_le_bytes());
        }
    }
}
