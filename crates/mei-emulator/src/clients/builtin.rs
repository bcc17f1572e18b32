//! What the built-in personas answer, held against each other and against what programs demand. And whether the
//! documentation's persona is one.

use crate::Persona;
use crate::client::{Client, ConnectionId, Message, Outbox};
use std::collections::BTreeSet;
use std::time::Instant;

const AMTHI: &str = "12f80028-b4b7-4b2d-aca8-46e0ff65814c";
const MKHI: &str = "8e6a6715-9abc-4043-88ef-9e39c6f63e0f";
const LME: &str = "6733a4db-0476-4e7b-b3af-bcfc29bee7a7";
const WATCHDOG: &str = "05b79a6f-4628-4d7f-899d-a91514cb32ab";
const FIRMWARE_UPDATE: &str = "309dcde8-ccb1-4062-8f78-600115a34327";

/// What is left of AMT in a persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brand {
    Amt,
    Standard,
    None,
}

fn personas() -> impl Iterator<Item = (&'static str, Brand, Persona)> {
    Persona::builtin_names().into_iter().map(|name| {
        let brand = match name {
            name if name.ends_with("-none") => Brand::None,
            name if name.ends_with("-standard") => Brand::Standard,
            _ => Brand::Amt,
        };
        (name, brand, Persona::builtin(name).unwrap_or_else(|| panic!("{name} does not parse")))
    })
}

fn client(persona: &Persona, guid: &str) -> Option<Box<dyn Client>> {
    let mut clients = persona.build_clients().map(|(_, client)| client);
    clients.find(|client| client.properties().guid.to_string() == guid)
}

fn ask(client: &mut dyn Client, data: &[u8]) -> Vec<u8> {
    let (connection, mut outbox) = (ConnectionId(1), Outbox::default());
    client.message(Message { connection, vtag: 0, data }, &mut outbox, Instant::now());
    outbox.take(connection).map(|(_, answer)| answer).unwrap_or_else(|| panic!("no answer to {data:02x?}"))
}

fn rule(persona: &Persona, id: u8) -> u32 {
    let mut mkhi = client(persona, MKHI).expect("every engine has MKHI");
    let answer = ask(&mut *mkhi, &[3, 2, 0, 0, id, 0, 0, 0]);
    assert_eq!((answer.len(), &answer[..4]), (13, &[3, 0x82, 0, 0][..]));
    u32::from_le_bytes(answer[9..].try_into().unwrap())
}

/// The gate that decides what the local management service starts (`mkhi.md` §4).
#[test]
fn what_is_there_and_what_the_rules_say_agree() {
    for (name, brand, persona) in personas() {
        let manageable = brand != Brand::None;
        for guid in [AMTHI, LME, WATCHDOG] {
            assert_eq!(client(&persona, guid).is_some(), manageable, "{name}: {guid}");
        }
        let platform = rule(&persona, 0x1D);
        let expected = match brand {
            Brand::Amt => (4, 1),
            Brand::Standard => (4, 2),
            Brand::None => (3, 0),
        };
        assert_eq!((platform >> 8 & 15, platform >> 12 & 15), expected, "{name}: image type and brand");
        for id in [0x00, 0x20, 0x27] {
            let features = rule(&persona, id);
            assert_eq!(features & 1 << 2 != 0, manageable, "{name}: rule {id:#x}, manageability");
            assert_eq!(features & 1 << 18 != 0, brand == Brand::Amt, "{name}: rule {id:#x}, KVM");
        }
        assert_eq!(persona.amt.is_some(), manageable, "{name}");
    }
}

/// What programs demand of the answer to a connect (`clients.md` §1.5).
#[test]
fn clients_connect_as_programs_demand() {
    for (name, _, persona) in personas() {
        let shape = |guid| {
            client(&persona, guid).map(|client| {
                let properties = client.properties();
                (properties.protocol_version, properties.max_message_length)
            })
        };
        assert_eq!(shape(MKHI), Some((2, 2048)), "{name}");
        assert!(shape(AMTHI).is_none_or(|shape| shape == (1, 5120)), "{name}");
        assert!(shape(LME).is_none_or(|(version, length)| version == 4 && length >= 8192), "{name}");
    }
}

#[test]
fn every_client_tells_the_same_version() {
    for (name, _, persona) in personas() {
        let version = ask(&mut *client(&persona, MKHI).unwrap(), &[0xFF, 2, 0, 0]);
        let word = |at: usize| u16::from_le_bytes([version[at], version[at + 1]]);
        let (minor, major, build, hotfix) = (word(4), word(6), word(8), word(10));
        if let Some(mut update) = client(&persona, FIRMWARE_UPDATE) {
            let update = ask(&mut *update, &[0, 0, 0, 0]);
            let at = if update.len() == 47 { 21 } else { 32 };
            let words = [major, minor, hotfix, build].map(u16::to_le_bytes).concat();
            assert_eq!(update[at..at + 8], words, "{name}");
        }
        let Some(amt) = &persona.amt else { continue };
        let part = |description: &str| {
            let found = amt.versions.iter().find(|version| version.description == description);
            found
                .map(|version| version.version.to_string())
                .unwrap_or_else(|| panic!("{name}: no {description}"))
        };
        assert_eq!(part("AMT"), format!("{major}.{minor}.{hotfix}"), "{name}");
        assert_eq!(part("Build Number"), build.to_string(), "{name}");
        assert!(part("Sku").parse::<u32>().is_ok(), "{name}");
    }
}

/// What programs send before they do anything else; one refusal and they stop or hang (`amthi.md` §7, §8).
#[test]
fn the_commands_that_programs_begin_with_succeed() {
    let zero = [0; 4];
    let (enterprise, account) = ([1; 18], [0; 40]);
    let commands: [(u8, &[u8]); 21] = [
        (0x1A, &[]),
        (0x11, &[]),
        (0x08, &[]),
        (0x25, &[]),
        (0x48, &zero),
        (0x48, &[1, 0, 0, 0]),
        (0x5C, &[]),
        (0x46, &[]),
        (0x36, &[]),
        (0x2C, &[]),
        (0x2D, &[1, 0, 0, 0]),
        (0x49, &zero),
        (0x49, &[1, 0, 0, 0]),
        (0x49, &[3, 0, 0, 0]),
        (0x49, &[4, 0, 0, 0]),
        (0x5B, &[4, 0, b'h', b'o', b's', b't']),
        (0x3E, &[]),
        (0x3F, &enterprise),
        (0x67, &account),
        (0x4A, &[]),
        (0x58, &[]),
    ];
    for (name, _, persona) in personas() {
        let Some(mut amthi) = client(&persona, AMTHI) else { continue };
        for (code, data) in commands {
            let length = u8::try_from(data.len()).unwrap();
            let request = [&[1, 1, 0, 0, code, 0, 0, 4, length, 0, 0, 0], data].concat();
            let answer = ask(&mut *amthi, &request);
            assert_eq!(answer[12..16], zero, "{name}: {code:#x}");
            assert!(answer.len() <= 5120, "{name}: {code:#x}");
        }
    }
}

/// The switch came with firmware 16.1 (`watchdog-and-others.md` §1).
#[test]
fn amt_can_be_switched_where_the_firmware_knows_how() {
    for (name, _, persona) in personas() {
        let Some(mut watchdog) = client(&persona, WATCHDOG) else { continue };
        let version = persona.describe().amt.expect("the watchdog is AMT's");
        let major: u32 = version.split('.').next().unwrap().parse().unwrap();
        let expected = if major >= 16 { 0x83 } else { 0x03 };
        assert_eq!(ask(&mut *watchdog, &[0x05, 0x02, 0x51, 0x10]), [expected], "{name}");
    }
}

/// Made up, and each its own: nobody's machine, and no two alike.
#[test]
fn identities_are_nobodys() {
    let (mut uuids, mut realms, mut addresses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (name, _, persona) in personas().filter(|(_, brand, _)| *brand == Brand::Amt) {
        let amt = persona.amt.unwrap();
        assert!(uuids.insert(amt.uuid.to_bytes()), "{name}: UUID");
        assert!(realms.insert(amt.digest_realm.clone()), "{name}: realm");
        for lan in [&amt.lan.wired, &amt.lan.wireless].into_iter().flatten() {
            assert_eq!(lan.mac.0[0] & 3, 2, "{name}: a MAC address of a manufacturer's");
            assert!(addresses.insert(lan.mac.0), "{name}: MAC address");
            let documentation = lan.ipv4.is_documentation() || lan.ipv4.is_unspecified();
            assert!(documentation, "{name}: {} could be somebody's", lan.ipv4);
        }
    }
}

#[test]
fn the_documented_persona_is_one() {
    let page = include_str!("../../../../docs/persona-clients.md");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let persona = Persona::parse(text, "persona-clients.md").unwrap_or_else(|error| panic!("{error}"));
    let present: BTreeSet<&str> = persona.clients.iter().map(|entry| entry.kind.name).collect();
    let tests_only = ["echo", "test"];
    let kinds: BTreeSet<&str> =
        super::KINDS.iter().map(|kind| kind.name).filter(|name| !tests_only.contains(name)).collect();
    assert_eq!(present, kinds, "every kind is documented");
}
