//! Firmware clients, as a program with the device open can talk to them.

use crate::input::Input;
use crate::machine::{Machine, engine};
use mei_core::Handle;
use mei_emulator::Engine;
use mei_wire::apf::{
    Channel, ChannelOpen, DATA_HEADER, GlobalRequest, Message, ProtocolVersion, Reply, Trigger, channel_type,
};
use mei_wire::{Guid, clients};

/// Messages, each with its length in front, and what comes back read after each.
fn converse(guid: Guid, data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut machine = engine()?;
    let handle = machine.connected(guid)?;
    let mut heard = listen(&mut machine, handle);
    let mut input = Input::new(data);
    while !input.is_empty() {
        machine.write(handle, input.message());
        heard.extend(listen(&mut machine, handle));
    }
    for _ in 0..4 {
        machine.jump();
        heard.extend(listen(&mut machine, handle));
    }
    Some(heard)
}

/// Reads all that was said.
fn listen(machine: &mut Machine<Engine>, handle: Handle) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for _ in 0..256 {
        let Some(message) = machine.read(handle) else { return messages };
        messages.push(message);
    }
    messages
}

/// AMT host interface.
pub fn amthi(data: &[u8]) {
    let _ = converse(clients::AMTHI, data);
}

/// Kernel host interface.
pub fn mkhi(data: &[u8]) {
    let _ = converse(clients::MKHI, data);
}

/// Port forwarding, from the first message on.
pub fn apf(data: &[u8]) {
    let _ = converse(clients::LME, data);
}

fn say(machine: &mut Machine<Engine>, handle: Handle, message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.write(&mut |part| bytes.extend_from_slice(part));
    machine.write(handle, &bytes);
}

/// Answers what AMT says while a session begins; its number of our channel once it has one.
fn answer(machine: &mut Machine<Engine>, handle: Handle) -> Option<Channel> {
    let mut opened = None;
    for message in listen(machine, handle) {
        match Message::parse(&message) {
            Ok(Message::ServiceRequest { name }) => {
                say(machine, handle, &Message::ServiceAccept { name });
            }
            Ok(Message::GlobalRequest {
                request: GlobalRequest::TcpipForward { port, .. },
                reply: Reply::Wanted,
            }) => say(machine, handle, &Message::RequestSuccess { port: Some(port) }),
            Ok(Message::ChannelOpenConfirmation { sender, .. }) => opened = Some(sender),
            _ => {}
        }
    }
    opened
}

/// The web service: the bytes are what a browser sends, in pieces with their length in front.
pub fn http(data: &[u8]) {
    let _ = browse(data);
}

/// CHANNEL_CLOSE.
const CLOSE: u8 = 97;

/// A channel to the web service.
fn open(machine: &mut Machine<Engine>, handle: Handle) -> Option<Channel> {
    let open = ChannelOpen {
        kind: channel_type::FORWARDED_TCPIP,
        sender: Channel(1),
        window: 0x10_0000,
        target: b"127.0.0.1",
        target_port: 16992,
        originator: b"127.0.0.1",
        originator_port: 4711,
    };
    say(machine, handle, &Message::ChannelOpen(open));
    answer(machine, handle)
}

/// What the web service answers.
fn browse(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut machine = engine()?;
    let handle = machine.connected(clients::LME)?;
    listen(&mut machine, handle);
    let version = ProtocolVersion { major: 1, minor: 0, trigger: Trigger::LME, uuid: [0; 16] };
    say(&mut machine, handle, &Message::ProtocolVersion(version));
    for _ in 0..8 {
        answer(&mut machine, handle);
    }
    let mut recipient = open(&mut machine, handle)?;
    let mut heard = Vec::new();
    let mut input = Input::new(data);
    while !input.is_empty() {
        for piece in input.message().chunks(4096 - DATA_HEADER) {
            say(&mut machine, handle, &Message::ChannelData { recipient, data: piece });
            let said = listen(&mut machine, handle);
            let closed = said.iter().any(|message| message.first() == Some(&CLOSE));
            heard.extend(said);
            // A browser comes back.
            if closed {
                say(&mut machine, handle, &Message::ChannelClose { recipient });
                recipient = open(&mut machine, handle)?;
            }
        }
    }
    say(&mut machine, handle, &Message::ChannelClose { recipient });
    heard.extend(listen(&mut machine, handle));
    Some(heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A target that reaches nothing finds nothing.

    fn message(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
    }

    #[test]
    fn every_client_is_reached() {
        let versions = [&[1, 1, 0, 0, 0x1A, 0, 0, 0x04][..], &[0; 4]].concat();
        let heard = converse(clients::AMTHI, &message(&versions)).unwrap();
        assert_eq!(heard[0][4..8], [0x1A, 0, 0x80, 0x04]);
        let heard = converse(clients::MKHI, &message(&[0xFF, 2, 0, 0])).unwrap();
        assert_eq!(heard[0][..4], [0xFF, 0x82, 0, 0]);
        let heard = converse(clients::LME, &[]).unwrap();
        assert_eq!(heard[0][0], 192);
        let heard = browse(&message(b"GET /index.htm HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
        let text: Vec<u8> = heard.iter().flat_map(|message| message.iter().skip(9)).copied().collect();
        assert!(text.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&text));
        let twice = message(b"GET /index.htm HTTP/1.1\r\nHost: x\r\n\r\n").repeat(2);
        let text: Vec<u8> = browse(&twice).unwrap().concat();
        let answers = String::from_utf8_lossy(&text).matches("HTTP/1.1 401 ").count();
        assert_eq!(answers, 2, "a browser that was cut off comes back");
    }
}
