//! Persona files: what they say, and what is said of those that are wrong.

#![expect(clippy::unwrap_used, reason = "a panic is the report of a test")]

use mei_emulator::Persona;
use std::time::Duration;

const HEAD: &str = "name = \"mine\"\ndevice = 0xA0E0\nhbm = \"2.2\"\n";
const ECHO: &str = "[[client]]\nkind = \"echo\"\naddress = 32\n";

fn error(text: &str) -> String {
    Persona::parse(text, "mine.toml").unwrap_err().to_string()
}

#[test]
fn every_mistake_is_named_with_file_line_field_reason_and_remedy() {
    let cases = [
        // What follows the head, and the error.
        ("buffer_depth = 128", "mine.toml:4:1: buffer_depth: unknown field; did you mean `buffer-depth`?"),
        (
            "buffer-depth = 100",
            "mine.toml:4:16: buffer-depth: a depth of 100 slots; it is 16, 32, 64 or 128; correct the value",
        ),
        ("[status]\nhfs9 = 1", "mine.toml:5:1: status.hfs9: unknown field; did you mean `hfs1`?"),
        ("[status]\nhfs1 = 0x100000000", "mine.toml:5:8: status.hfs1: not a 32-bit word; correct the value"),
        (
            "[status]\nhfs1 = { working-state = 16 }",
            "mine.toml:5:8: status.hfs1: working-state is 16, its field holds 0 to 15; correct the value",
        ),
        (
            "[status]\nhfs1 = { mood = 1 }",
            "mine.toml:5:10: status.hfs1: unknown field; known here: working-state, operation-state, \
             operation-mode, error-code, reset-count, init-complete, manufacturing-mode, update-in-progress, d0i3",
        ),
        (
            "[features]\ndma-rings = true",
            "mine.toml:5:1: features.dma-rings: unknown field; did you mean `dma-ring`?",
        ),
        (
            "[timings]\nready-ms = -1",
            "mine.toml:5:12: timings.ready-ms: invalid value: integer `-1`, expected u32; correct the value",
        ),
        (
            "[[client]]\nkind = \"ecco\"\naddress = 1",
            "mine.toml:5:8: client.kind: no kind of client `ecco`; did you mean `echo`?",
        ),
        (
            "[[client]]\nkind = \"echo\"",
            "mine.toml:4:1: client: no client id; give `address`, 1 to 255; 0 is the bus",
        ),
        (
            "[[client]]\nkind = \"echo\"\naddress = 0",
            "mine.toml:6:11: client.address: no client id; give `address`, 1 to 255; 0 is the bus",
        ),
        (
            "[[client]]\nkind = \"echo\"\naddress = 256",
            "mine.toml:6:11: client.address: invalid value: integer `256`, expected u8; correct the value",
        ),
        (
            "[[client]]\nkind = \"echo\"\naddress = 8\nfixed-address = 7",
            "mine.toml:6:11: client.address: client id 8 differs from the fixed address 7; leave `address` out: \
             a fixed address is the id",
        ),
        (
            "[[client]]\nkind = \"echo\"\naddress = 8\nmax-message-length = 0",
            "mine.toml:7:22: client.max-message-length: a longest message of 0 bytes; choose 1 to 1048576",
        ),
        (
            "[[client]]\nkind = \"echo\"\naddress = 8\ncolour = 1",
            "mine.toml:7:1: client.colour: unknown field; known here: kind, address, guid, protocol-version, \
             max-connections, fixed-address, single-receive-buffer, max-message-length, vtag, connect-delay-ms, \
             absent",
        ),
        (
            "[echo]",
            "mine.toml:4:1: echo: settings of `echo`, but no client of that kind; add a `[[client]]` or remove \
             the table",
        ),
        ("hbm = \"1.1\"", "mine.toml:4:1: hbm: duplicate key; correct the line"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(&format!("{HEAD}{text}\n")), expected, "\n{text}");
    }
}

#[test]
fn the_head_is_checked_too() {
    let cases = [
        ("", "mine.toml:1:1: missing field `name`; add it to the table that begins here"),
        (
            "name = \"\"\ndevice = 0xA0E0\nhbm = \"2.2\"",
            "mine.toml:1:8: name: the name is empty; give it one",
        ),
        (
            "name = \"x\"\ndevice = 0x1234\nhbm = \"2.2\"",
            "mine.toml:2:10: device: no MEI function has the device id 0x1234; correct the value",
        ),
        (
            "name = \"x\"\ndevice = 0xA0E0\nhbm = \"3.0\"",
            "mine.toml:3:7: hbm: no protocol version \"3.0\"; there are 1.0, 1.1, 2.0, 2.1, 2.2; correct the value",
        ),
        ("name", "mine.toml:1:5: key with no value, expected `=`; correct the line"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "\n{text}");
    }
}

#[test]
fn clients_that_overlap_are_refused() {
    let message = error(&format!("{HEAD}{ECHO}{ECHO}"));
    assert!(message.starts_with("mine.toml:7:1: client: client id 32 and GUID 5d6e1b3a-"), "{message}");
    let other = ECHO.replace("32", "33");
    assert!(Persona::parse(&format!("{HEAD}{ECHO}{other}"), "x").is_err(), "the GUID is the same");
    let other = format!("{other}guid = \"00000000-0000-0000-0000-000000000001\"\n");
    assert!(Persona::parse(&format!("{HEAD}{ECHO}{other}"), "x").is_ok());
}

#[test]
fn a_small_file_is_enough_and_says_the_rest_by_default() {
    let persona = Persona::parse(HEAD, "x").unwrap();
    assert_eq!(persona.buffer_depth, 128);
    assert_eq!(persona.status, [0x245, 0, 0, 0, 0, 0], "working, initialised");
    assert_eq!(persona.timings.ready, Duration::from_millis(2));
    let facts = persona.describe();
    assert_eq!((facts.device, facts.product, facts.generation), ("TGP_LP", "Tiger Lake Point LP", "PCH15"));
    assert!(facts.clients.is_empty() && facts.amt.is_none());
}

#[test]
fn variants_change_add_and_remove() {
    let text = format!(
        "{HEAD}{ECHO}[status]\nhfs2 = 1\nhfs3 = 2\n\
         [variant.bare]\nwithout = [\"echo\"]\n\
         [variant.other.status]\nhfs3 = 3\n\
         [[variant.other.client]]\nkind = \"test\"\naddress = 40\n\
         [variant.wrong]\nwithout = [\"test\"]\n"
    );
    let parse = |variant| Persona::parse_variant(&text, "mine.toml", variant);
    let base = Persona::parse(&text, "mine.toml").unwrap();
    assert_eq!((base.name.as_str(), base.status[1..3].to_vec()), ("mine", vec![1, 2]));
    let bare = parse("bare").unwrap();
    assert_eq!((bare.name.as_str(), bare.describe().clients.len()), ("mine-bare", 0));
    let other = parse("other").unwrap();
    assert_eq!(other.status[1..3], [1, 3]);
    let kinds: Vec<_> = other.describe().clients.iter().map(|client| (client.kind, client.address)).collect();
    assert_eq!(kinds, [("echo", 32), ("test", 40)]);
    assert_eq!(
        parse("wrong").unwrap_err().to_string(),
        "mine.toml:18:12: variant.wrong.without: the persona has nothing called `test`; remove it from the list"
    );
    assert_eq!(parse("othr").unwrap_err().to_string(), "mine.toml: no variant `othr`; did you mean `other`?");
}

#[test]
fn every_test_persona_parses() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../personas/test");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let persona =
            Persona::parse(&text, &path.display().to_string()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(persona.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        count += 1;
    }
    assert!(count >= 3);
}
