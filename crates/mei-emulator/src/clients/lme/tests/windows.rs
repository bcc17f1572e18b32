//! The host's window: what it may send, to the byte.

use super::*;

const STRICT: &str = "[lme]\nover-window = 'end-session'\n";

/// A DISCONNECT with "protocol error".
fn protocol_error() -> Vec<u8> {
    vec![1, 0, 0, 0, 2, 0, 0]
}

#[test]
fn a_strict_engine_takes_the_window_and_not_one_byte_more() {
    let mut lme = session_of(STRICT, &[16992, 623]);
    let channel = opened(&mut lme, 2, 4096);
    assert_eq!(lme.ask(&data(channel, &[b'a'; 8192])), words(93, &[2, 8192]), "all of it at once");
    assert_eq!(lme.ask(&data(channel, &[b'a'; 8193])), protocol_error());
    lme.tell(&open(3, 4096));
    assert_eq!(lme.heard(), None, "the session is over");
}

#[test]
fn what_was_not_given_back_is_not_in_the_window() {
    let tables =
        "[lme]\nover-window = 'end-session'\nwindow = 100000\nservices = [{ port = 7, kind = 'echo' }]\n";
    // The host takes nothing: the echo keeps 64 KiB for it and gives back no more than that.
    const ALLOWED: usize = 100_000 + 65_536;
    for (sent, ends) in [(ALLOWED, false), (ALLOWED + 1, true)] {
        let mut lme = session_of(tables, &[16992, 623, 7]);
        let answer = lme.ask(&open_kind("forwarded-tcpip", 2, 0, 7));
        let channel = u32::from_be_bytes(answer[5..9].try_into().unwrap());
        let mut given = 0;
        let mut ended = false;
        for piece in vec![b'a'; sent].chunks(16_000) {
            lme.tell(&data(channel, piece));
            for message in all(&mut lme) {
                ended |= message == protocol_error();
                if message[..5] == words(93, &[2]) {
                    given += u32::from_be_bytes(message[5..].try_into().unwrap());
                }
            }
        }
        assert_eq!((given, ended), (65_536, ends), "{sent} bytes");
    }
}

#[test]
fn by_default_a_host_that_does_not_look_at_windows_is_served() {
    let mut lme = session_of("[lme]\nservices = [{ port = 7, kind = 'discard' }]\n", &[16992, 623, 7]);
    let answer = lme.ask(&open_kind("forwarded-tcpip", 2, 0, 7));
    let channel = u32::from_be_bytes(answer[5..9].try_into().unwrap());
    assert_eq!(lme.ask(&data(channel, &[b'a'; 8193])), words(93, &[2, 8193]));
}

#[test]
fn a_persona_says_how_many_channels_there_are() {
    for count in [1, 64] {
        let mut lme = session_of(&format!("[lme]\nchannels = {count}\n"), &[16992, 623]);
        let mut numbers: Vec<u32> = (0..count).map(|sender| opened(&mut lme, 100 + sender, 1)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        assert_eq!(lme.ask(&open(99, 1)), words(92, &[99, 4, 0, 0]));
    }
}
