//! A session against firmware played by the test.

use super::*;
use crate::connection::tests::pair_of_version;
use std::os::fd::OwnedFd;

const LONG: Duration = Duration::from_secs(60);

fn session() -> (Session, OwnedFd) {
    let (connection, peer) = pair_of_version(clients::LME, 1024, 4);
    (Session::over(connection), peer)
}

fn say(peer: &OwnedFd, message: Message<'_>) {
    let mut buffer = Vec::new();
    message.write(&mut |part| buffer.extend_from_slice(part));
    assert_eq!(rustix::io::write(peer, &buffer).unwrap(), buffer.len());
}

fn hear(peer: &OwnedFd) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let length = rustix::io::read(peer, &mut buffer[..]).unwrap();
    buffer[..length].to_vec()
}

fn opened(session: &mut Session, peer: &OwnedFd, window: u32) -> Channel {
    let channel = session.open(16992, 40000).unwrap().unwrap();
    hear(peer);
    say(peer, Message::ChannelOpenConfirmation { recipient: channel.number(), sender: Number(5), window });
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Opened(channel)));
    channel
}

#[test]
fn the_handshake_is_answered_and_versions_are_not_echoed_for_ever() {
    let (mut session, peer) = session();
    let version = ProtocolVersion { major: 1, minor: 0, trigger: mei_wire::apf::Trigger(254), uuid: [9; 16] };
    for _ in 0..3 {
        say(&peer, Message::ProtocolVersion(version));
    }
    say(&peer, Message::ServiceRequest { name: b"pfwd@amt.intel.com" });
    say(
        &peer,
        Message::GlobalRequest {
            request: GlobalRequest::TcpipForward { address: b"127.0.0.1", port: 16992 },
            reply: Reply::Wanted,
        },
    );
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Listen { port: 16992 }));
    let answer = hear(&peer);
    assert_eq!((answer.len(), &answer[..13]), (93, &[192, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 254][..]));
    assert_eq!(Message::parse(&hear(&peer)), Ok(Message::ServiceAccept { name: b"pfwd@amt.intel.com" }));
    session.forward(Forward::Accept { port: 16992 }).unwrap();
    assert_eq!(hear(&peer), [81, 0, 0, 0x42, 0x60]);
    session.forward(Forward::Refuse).unwrap();
    assert_eq!(hear(&peer), [82]);
}

#[test]
fn data_go_as_far_as_the_window_and_consumed_ones_are_told() {
    let (mut session, peer) = session();
    let channel = opened(&mut session, &peer, 4);
    assert_eq!(session.send_data(channel, b"GET / HTTP").unwrap(), 4);
    assert_eq!(
        Message::parse(&hear(&peer)),
        Ok(Message::ChannelData { recipient: Number(5), data: b"GET " })
    );
    assert_eq!(session.send_data(channel, b"/ HTTP").unwrap(), 0);
    say(&peer, Message::ChannelWindowAdjust { recipient: channel.number(), bytes: 100_000 });
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Writable(channel)));
    assert_eq!(session.window(channel), 1024 - 9, "no longer than a message");
}

#[test]
fn what_was_consumed_is_given_back_once_it_is_half_of_the_window() {
    let (mut session, peer) = session();
    let channel = session.open(16992, 40000).unwrap().unwrap();
    let asked = hear(&peer);
    // Behind opcode, type and sender.
    let window = u32::from_be_bytes(asked[1 + 4 + 15 + 4..][..4].try_into().unwrap());
    assert_eq!(window, 32 * 1024);
    say(
        &peer,
        Message::ChannelOpenConfirmation { recipient: channel.number(), sender: Number(5), window: 0 },
    );
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Opened(channel)));

    let data = [7; 1000];
    for round in 0..2 {
        for _ in 0..17 {
            assert_eq!(rustix::io::read(&peer, &mut [0; 64][..]), Err(rustix::io::Errno::AGAIN), "{round}");
            say(&peer, Message::ChannelData { recipient: channel.number(), data: &data });
            assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Data { channel, data: &data }));
        }
        assert_eq!(session.next_event(Duration::ZERO).unwrap(), None);
        let given = Message::ChannelWindowAdjust { recipient: Number(5), bytes: 17_000 };
        assert_eq!(Message::parse(&hear(&peer)), Ok(given), "{round}");
    }
}

#[test]
fn each_side_may_close_and_the_other_answers_once() {
    let (mut session, peer) = session();
    let channel = opened(&mut session, &peer, 10);
    say(&peer, Message::ChannelClose { recipient: channel.number() });
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Closed(channel)));
    assert_eq!(hear(&peer), [97, 0, 0, 0, 5]);

    let channel = opened(&mut session, &peer, 10);
    session.close(channel).unwrap();
    session.close(channel).unwrap();
    assert_eq!(hear(&peer), [97, 0, 0, 0, 5]);
    assert_eq!(session.send_data(channel, b"x").unwrap(), 0);
    say(&peer, Message::ChannelClose { recipient: channel.number() });
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Closed(channel)));
    say(&peer, Message::ChannelClose { recipient: channel.number() });
    assert_eq!(session.next_event(Duration::ZERO).unwrap(), None);
}

#[test]
fn channels_are_bounded_and_their_numbers_come_back() {
    let (mut session, peer) = session();
    let mut last = None;
    for _ in 0..64 {
        last = session.open(16992, 1).unwrap();
        hear(&peer);
    }
    assert_eq!(session.open(16992, 1).unwrap(), None);
    let last = last.unwrap();
    say(&peer, Message::ChannelOpenFailure { recipient: last.number(), reason: OpenFailure(4) });
    assert_eq!(
        session.next_event(LONG).unwrap(),
        Some(Event::Refused { channel: last, reason: OpenFailure(4) })
    );
    assert_eq!(session.open(16992, 1).unwrap(), Some(last));
}

#[test]
fn what_firmware_makes_up_is_ignored_or_refused() {
    let (mut session, peer) = session();
    for number in [0, 7, u32::MAX] {
        say(
            &peer,
            Message::ChannelOpenConfirmation { recipient: Number(number), sender: Number(1), window: 1 },
        );
        say(&peer, Message::ChannelOpenFailure { recipient: Number(number), reason: OpenFailure(1) });
        say(&peer, Message::ChannelWindowAdjust { recipient: Number(number), bytes: 1 });
        say(&peer, Message::ChannelData { recipient: Number(number), data: b"x" });
        say(&peer, Message::ChannelClose { recipient: Number(number) });
    }
    rustix::io::write(&peer, &[250, 1, 2]).unwrap();
    rustix::io::write(&peer, &[]).unwrap();
    say(
        &peer,
        Message::GlobalRequest {
            request: GlobalRequest::TcpipForward { address: b"", port: 70_000 },
            reply: Reply::Wanted,
        },
    );
    say(&peer, Message::GlobalRequest { request: GlobalRequest::Other { name: b"x" }, reply: Reply::Wanted });
    say(&peer, Message::Disconnect { reason: DisconnectReason(2) });
    assert_eq!(session.next_event(LONG).unwrap(), Some(Event::Ended { reason: DisconnectReason(2) }));
    assert_eq!((hear(&peer), hear(&peer)), (vec![82], vec![82]));
    rustix::io::write(&peer, &[94, 0, 0, 0, 0, 0, 0, 0, 9, 1]).unwrap();
    assert!(matches!(session.next_event(LONG).unwrap_err(), Error::Malformed { .. }));
}
