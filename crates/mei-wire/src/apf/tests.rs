use super::*;
extern crate std;
use std::string::String;
use std::vec::Vec;

fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn text(text: &str) -> String {
    text.bytes().map(|byte| std::format!("{byte:02x}")).collect()
}

fn bytes(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut |part| bytes.extend_from_slice(part));
    bytes
}

/// Every message and its bytes, written down by hand.
fn samples() -> Vec<(Message<'static>, String)> {
    let forward = |name: &str| std::format!("50 {:08x} {} 01 00000000 00004260", name.len(), text(name));
    let uuid = [7; 16];
    std::vec![
        (Message::Disconnect { reason: DisconnectReason::PROTOCOL_ERROR }, "01 00000002 0000".into()),
        (
            Message::ServiceRequest { name: b"pfwd@amt.intel.com" },
            std::format!("05 00000012 {}", text("pfwd@amt.intel.com")),
        ),
        (
            Message::ServiceAccept { name: b"auth@amt.intel.com" },
            std::format!("06 00000012 {}", text("auth@amt.intel.com")),
        ),
        (
            Message::UserauthRequest { user: b"u", service: b"s", method: b"none", password: None },
            std::format!("32 00000001 75 00000001 73 00000004 {}", text("none")),
        ),
        (
            Message::UserauthRequest { user: b"u", service: b"s", method: b"password", password: Some(b"p") },
            std::format!("32 00000001 75 00000001 73 00000008 {} 00 00000001 70", text("password")),
        ),
        (
            Message::UserauthFailure { methods: b"password" },
            std::format!("33 00000008 {} 00", text("password")),
        ),
        (Message::UserauthSuccess, "34".into()),
        (
            Message::GlobalRequest {
                request: GlobalRequest::TcpipForward { address: b"", port: 16992 },
                reply: Reply::Wanted,
            },
            forward("tcpip-forward"),
        ),
        (
            Message::GlobalRequest {
                request: GlobalRequest::CancelTcpipForward { address: b"", port: 16992 },
                reply: Reply::Wanted,
            },
            forward("cancel-tcpip-forward"),
        ),
        (
            Message::GlobalRequest {
                request: GlobalRequest::UdpSendTo(Datagram {
                    destination: b"d",
                    port: 162,
                    originator: b"o",
                    originator_port: 623,
                    data: b"xy",
                }),
                reply: Reply::None,
            },
            std::format!(
                "50 00000019 {} 00 00000001 64 000000a2 00000001 6f 0000026f 00000002 7879",
                text("udp-send-to@amt.intel.com")
            ),
        ),
        (Message::RequestSuccess { port: Some(16992) }, "51 00004260".into()),
        (Message::RequestSuccess { port: None }, "51".into()),
        (Message::RequestFailure, "52".into()),
        (
            Message::ChannelOpen(ChannelOpen {
                kind: b"forwarded-tcpip",
                sender: Channel(2),
                window: 4096,
                target: b"::1",
                target_port: 16992,
                originator: b"::1",
                originator_port: 123,
            }),
            std::format!(
                "5a 0000000f {} 00000002 00001000 ffffffff 00000003 3a3a31 00004260 00000003 3a3a31 0000007b",
                text("forwarded-tcpip")
            ),
        ),
        (
            Message::ChannelOpenConfirmation { recipient: Channel(2), sender: Channel(0), window: 1 },
            "5b 00000002 00000000 00000001 ffffffff".into(),
        ),
        (
            Message::ChannelOpenFailure { recipient: Channel(2), reason: OpenFailure::RESOURCE_SHORTAGE },
            "5c 00000002 00000004 00000000 00000000".into(),
        ),
        (Message::ChannelWindowAdjust { recipient: Channel(2), bytes: 9 }, "5d 00000002 00000009".into()),
        (Message::ChannelData { recipient: Channel(2), data: b"abc" }, "5e 00000002 00000003 616263".into()),
        (Message::ChannelClose { recipient: Channel(2) }, "61 00000002".into()),
        (
            Message::ProtocolVersion(ProtocolVersion { major: 1, minor: 0, trigger: Trigger::LME, uuid }),
            std::format!("c0 00000001 00000000 000000fe {} {}", "07".repeat(16), "00".repeat(64)),
        ),
        (Message::KeepaliveRequest { cookie: 5 }, "d0 00000005".into()),
        (Message::KeepaliveReply { cookie: 5 }, "d1 00000005".into()),
        (Message::KeepaliveOptionsRequest { interval: 30, timeout: 0 }, "d2 0000001e 00000000".into()),
        (Message::KeepaliveOptionsReply { interval: 30, timeout: 0 }, "d3 0000001e 00000000".into()),
    ]
}

#[test]
fn messages_are_written_and_read_as_specified() {
    for (message, expected) in samples() {
        let expected = hex(&expected);
        assert_eq!(bytes(&message), expected, "{message:?}");
        assert_eq!(message.length(), expected.len(), "{message:?}");
        assert_eq!(Message::parse(&expected), Ok(message));
    }
}

#[test]
fn sizes_are_those_of_the_catalogue() {
    let size = |opcode: u8| {
        samples()
            .iter()
            .map(|(_, bytes)| hex(bytes))
            .find(|bytes| bytes[0] == opcode)
            .map(|bytes| bytes.len())
    };
    for (opcode, expected) in
        [(1, 7), (51, 14), (91, 17), (92, 17), (93, 9), (97, 5), (192, 93), (208, 5), (210, 9)]
    {
        assert_eq!(size(opcode), Some(expected), "{opcode}");
    }
}

#[test]
fn every_message_cut_anywhere_is_refused_or_still_whole() {
    for (message, expected) in samples() {
        let whole = hex(&expected);
        for length in 0..whole.len() {
            match Message::parse(&whole[..length]) {
                Err(ParseError::Empty) => assert_eq!(length, 0),
                Err(error) => assert_eq!(error, ParseError::Truncated(whole[0]), "{message:?} at {length}"),
                // Only what nobody looks at was cut off.
                Ok(cut) => assert!(
                    matches!(
                        cut,
                        Message::RequestSuccess { port: None }
                            | Message::Disconnect { .. }
                            | Message::UserauthFailure { .. }
                            | Message::ProtocolVersion(_)
                            | Message::ChannelOpenFailure { .. }
                    ),
                    "{cut:?} at {length}"
                ),
            }
        }
    }
}

#[test]
fn lengths_beyond_the_message_are_refused() {
    assert_eq!(Message::parse(&hex("5e 00000000 ffffffff 00")), Err(ParseError::Truncated(94)));
    assert_eq!(Message::parse(&hex("05 00000013 00")), Err(ParseError::Truncated(5)));
    assert_eq!(Message::parse(&[96]), Err(ParseError::UnknownOpcode(96)));
    let other = Message::GlobalRequest { request: GlobalRequest::Other { name: b"x" }, reply: Reply::None };
    assert_eq!(Message::parse(&hex("50 00000001 78 00 deadbeef")), Ok(other));
}
