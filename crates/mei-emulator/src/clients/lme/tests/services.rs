//! Services of tests, and what is said of a persona that has them wrong.

use super::*;
use crate::Persona;

fn through(service: &str) -> (Fixture, u32) {
    let tables = format!("[lme]\nservices = [{{ port = 7, {service} }}]\n");
    let mut lme = session_of(&tables, &[16992, 623, 7]);
    let answer = lme.ask(&open_kind("forwarded-tcpip", 2, 0, 7));
    assert_eq!(answer[..5], words(91, &[2]));
    (lme, u32::from_be_bytes(answer[5..9].try_into().unwrap()))
}

#[test]
fn services_of_tests_have_ports_of_their_own_behind_amts() {
    let (mut lme, channel) = through("kind = 'echo'");
    lme.tell(&words(93, &[channel, 100]));
    lme.tell(&data(channel, b"hello"));
    assert_eq!(all(&mut lme), [data(2, b"hello"), words(93, &[2, 5])]);

    let (mut lme, channel) = through("kind = 'discard'");
    lme.tell(&words(93, &[channel, 100]));
    assert_eq!(lme.ask(&data(channel, b"hello")), words(93, &[2, 5]));

    let (mut lme, channel) = through("kind = 'source', length = 20");
    lme.tell(&words(93, &[channel, 18]));
    assert_eq!(lme.heard(), Some(data(2, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0")));
    lme.tell(&words(93, &[channel, 18]));
    assert_eq!(all(&mut lme), [data(2, b"\0\0"), words(97, &[2])]);
}

#[test]
fn mistakes_are_named_with_reason_and_remedy() {
    let many = "{ port = 1, kind = 'echo' },".repeat(9);
    for (line, expected) in [
        ("channels = 0".into(), "x:5:12: lme.channels: 0 channels; a session has 1 to 64; correct the value"),
        (
            "channels = 65".into(),
            "x:5:12: lme.channels: 65 channels; a session has 1 to 64; correct the value",
        ),
        (
            format!("ports = {:?}", [1; 17]),
            "x:5:9: lme.ports: 17 ports; at most 16 are forwarded; correct the value",
        ),
        (
            "over-window = 'refuse'".into(),
            "x:5:15: lme.over-window: unknown variant; known here: take, end-session",
        ),
        (
            format!("services = [{many}]"),
            "x:5:12: lme.services: 9 services; there may be 8; correct the value",
        ),
        (
            "services = [{ port = 1, kind = 'echo', length = 1 }]".into(),
            "x:5:12: lme.services: a length at port 1; only a source has one; correct the value",
        ),
        (
            "event-body = '<a>{id}{text}</a>'".into(),
            "x:5:14: lme.event-body: no `{arguments}`; hosts look for id, arguments and text; correct the value",
        ),
        (
            format!("event-body = '{}'", "x".repeat(4097)),
            "x:5:14: lme.event-body: 4097 bytes; at most 4096; correct the value",
        ),
        (
            "services = [{ port = 1, kind = 'chargen' }]".into(),
            "x:5:32: lme.services: unknown variant; known here: echo, discard, source",
        ),
        (
            "services = [{ kind = 'echo' }]".into(),
            "x:5:13: lme.services: missing field `port`; add it to the table that begins here",
        ),
    ] {
        let text = format!(
            "name = 'x'\ndevice = 0xA13A\nhbm = '2.0'\n[lme]\n{line}\n[[client]]\nkind = 'lme'\naddress = 1\n"
        );
        assert_eq!(Persona::parse(&text, "x").unwrap_err().to_string(), expected, "{line}");
    }
}
