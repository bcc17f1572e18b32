//! APF messages as bytes (`apf.md` §2), and the firmware's side of an LME session as a host sees it.

use anyhow::{Context, Result, bail, ensure};

pub(super) const DISCONNECT: u8 = 1;
pub(super) const SERVICE_REQUEST: u8 = 5;
pub(super) const GLOBAL_REQUEST: u8 = 80;
pub(super) const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
pub(super) const CHANNEL_WINDOW_ADJUST: u8 = 93;
pub(super) const CHANNEL_DATA: u8 = 94;
pub(super) const CHANNEL_CLOSE: u8 = 97;
pub(super) const PROTOCOL_VERSION: u8 = 192;

/// PROTOCOLVERSION 1.0.
pub(super) fn protocol_version(trigger: u32) -> Vec<u8> {
    let mut message = vec![PROTOCOL_VERSION];
    for number in [1, 0, trigger] {
        message.extend(u32::to_be_bytes(number));
    }
    message.resize(93, 0);
    message
}

/// SERVICE_ACCEPT.
pub(super) fn service_accept(service: &str) -> Vec<u8> {
    let mut message = vec![6];
    string(&mut message, service);
    message
}

/// REQUEST_SUCCESS of a tcpip-forward.
pub(super) fn forward_success(port: u32) -> Vec<u8> {
    let mut message = vec![81];
    message.extend(port.to_be_bytes());
    message
}

/// CHANNEL_OPEN forwarded-tcpip.
pub(super) fn channel_open(sender: u32, window: u32, target: &str, port: u32) -> Vec<u8> {
    let mut message = vec![90];
    string(&mut message, "forwarded-tcpip");
    for number in [sender, window, u32::MAX] {
        message.extend(number.to_be_bytes());
    }
    string(&mut message, target);
    message.extend(port.to_be_bytes());
    string(&mut message, target);
    message.extend(123_u32.to_be_bytes());
    message
}

/// CHANNEL_DATA.
pub(super) fn channel_data(recipient: u32, data: &[u8]) -> Vec<u8> {
    let mut message = vec![CHANNEL_DATA];
    message.extend(recipient.to_be_bytes());
    message.extend(u32::try_from(data.len()).expect("a short message").to_be_bytes());
    message.extend(data);
    message
}

/// CHANNEL_WINDOW_ADJUST.
pub(super) fn window_adjust(recipient: u32, bytes: u32) -> Vec<u8> {
    let mut message = vec![CHANNEL_WINDOW_ADJUST];
    message.extend(recipient.to_be_bytes());
    message.extend(bytes.to_be_bytes());
    message
}

/// CHANNEL_CLOSE.
pub(super) fn channel_close(recipient: u32) -> Vec<u8> {
    let mut message = vec![CHANNEL_CLOSE];
    message.extend(recipient.to_be_bytes());
    message
}

fn string(message: &mut Vec<u8>, text: &str) {
    message.extend(u32::try_from(text.len()).expect("a short text").to_be_bytes());
    message.extend(text.as_bytes());
}

/// The u32 at `at`.
pub(super) fn number(message: &[u8], at: usize) -> Result<u32> {
    let bytes = message.get(at..at + 4).with_context(|| format!("no number at {at} of {message:02x?}"))?;
    Ok(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
}

/// The string at `at` and where it ends.
pub(super) fn text(message: &[u8], at: usize) -> Result<(String, usize)> {
    let length = number(message, at)? as usize;
    let bytes =
        message.get(at + 4..at + 4 + length).with_context(|| format!("a short string in {message:02x?}"))?;
    Ok((String::from_utf8(bytes.to_vec())?, at + 4 + length))
}

/// The port that the firmware wants forwarded, and whether it wants a reply.
pub(super) fn tcpip_forward(message: &[u8]) -> Result<(u32, bool)> {
    ensure!(message.first() == Some(&GLOBAL_REQUEST), "no global request: {message:02x?}");
    let (name, at) = text(message, 1)?;
    if name != "tcpip-forward" {
        bail!("a global request for {name:?}");
    }
    let reply = message.get(at).is_some_and(|&byte| byte != 0);
    let (address, at) = text(message, at + 1)?;
    // Either would make LMS take the tunnel for a remote one.
    ensure!(address != "0.0.0.0" && address != "::", "a forward of {address:?}");
    Ok((number(message, at)?, reply))
}
