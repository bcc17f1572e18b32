//! VERSION: the first message of a connection, and the only one of its kind.

use crate::memory::MAX_MAPPINGS;
use crate::protocol::{MAX_DATA, MAX_DESCRIPTORS, Version};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, IntoBytes};

/// The protocol version spoken here, 0.1.
const MAJOR: u16 = 0;
const MINOR: u16 = 1;

/// The text of VERSION. A monitor's limits are read only to refuse nonsense: this side sends no
/// descriptors, and no more data than was asked for.
#[derive(Debug, Default, Deserialize)]
struct Offer {
    #[serde(default)]
    capabilities: OfferedCapabilities,
}

#[derive(Debug, Default, Deserialize)]
struct OfferedCapabilities {
    max_msg_fds: Option<u64>,
    max_data_xfer_size: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Answer {
    capabilities: AnsweredCapabilities,
}

#[derive(Debug, Serialize)]
struct AnsweredCapabilities {
    max_msg_fds: usize,
    max_data_xfer_size: usize,
    max_dma_maps: usize,
}

/// Checks a monitor's offer and appends the answer.
///
/// # Errors
/// EINVAL for a version or text that cannot be agreed on; the connection cannot go on.
pub(crate) fn negotiate(body: &[u8], reply: &mut Vec<u8>) -> Result<(), Errno> {
    let (version, text) = Version::read_from_prefix(body).map_err(|_| Errno::INVAL)?;
    if version.major != MAJOR {
        log::warn!(
            "the monitor speaks vfio-user {}.{}, this end {MAJOR}.{MINOR}",
            version.major,
            version.minor
        );
        return Err(Errno::INVAL);
    }
    let offer = match text {
        [] => Offer::default(),
        // QEMU counts one NUL, others pad.
        text => {
            let end = text.iter().position(|&byte| byte == 0).ok_or(Errno::INVAL)?;
            serde_json::from_slice(&text[..end]).map_err(|error| {
                log::warn!("the monitor's VERSION is not what vfio-user says: {error}");
                Errno::INVAL
            })?
        }
    };
    log::debug!("the monitor speaks {}.{} and offers {:?}", version.major, version.minor, offer.capabilities);
    let OfferedCapabilities { max_msg_fds, max_data_xfer_size } = offer.capabilities;
    if max_msg_fds == Some(0) || max_data_xfer_size == Some(0) {
        log::warn!("the monitor can carry neither descriptors nor data: it offers {:?}", offer.capabilities);
        return Err(Errno::INVAL);
    }
    let capabilities = AnsweredCapabilities {
        max_msg_fds: MAX_DESCRIPTORS,
        max_data_xfer_size: MAX_DATA,
        max_dma_maps: MAX_MAPPINGS,
    };
    reply.extend_from_slice(Version { major: MAJOR, minor: MINOR.min(version.minor) }.as_bytes());
    serde_json::to_writer(&mut *reply, &Answer { capabilities }).map_err(|_| Errno::IO)?;
    reply.push(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(major: u16, minor: u16, text: &[u8]) -> Result<String, Errno> {
        let mut body = [major.to_ne_bytes(), minor.to_ne_bytes()].concat();
        body.extend_from_slice(text);
        let mut reply = Vec::new();
        negotiate(&body, &mut reply)?;
        assert_eq!(reply[..2], [0, 0]);
        let minor = u16::from_ne_bytes([reply[2], reply[3]]);
        assert_eq!(reply.pop(), Some(0), "the text ends in NUL");
        Ok(format!("{minor} {}", std::str::from_utf8(&reply[4..]).unwrap()))
    }

    const ANSWER: &str = r#"{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":4096,"max_dma_maps":512}}"#;

    #[test]
    fn what_monitors_send_is_agreed_on() {
        let qemu = br#"{"capabilities": {"max_msg_fds": 8, "max_data_xfer_size": 1048576, "pgsizes": 4096, "max_dma_maps": 65535, "migration": {"pgsize": 4096}, "write_multiple": true}}"#;
        assert_eq!(offer(0, 0, &[&qemu[..], b"\0"].concat()).unwrap(), format!("0 {ANSWER}"));
        assert_eq!(offer(0, 1, b"{\"capabilities\":{}}\0\0\0").unwrap(), format!("1 {ANSWER}"));
        assert_eq!(offer(0, 7, b"").unwrap(), format!("1 {ANSWER}"));
        assert_eq!(offer(0, 1, b"{}\0").unwrap(), format!("1 {ANSWER}"));
    }

    #[test]
    fn what_cannot_be_agreed_on_is_refused() {
        let deep = [vec![b'['; 10_000], vec![0]].concat();
        let cases: [(u16, &[u8]); 10] = [
            (1, b"{}\0"),
            (0, b"\0"),
            (0, b"{}"),
            (0, b"{\0"),
            (0, b"[]3\0"),
            (0, b"\xFF\xFE\0"),
            (0, b"{\"capabilities\":7}\0"),
            (0, b"{\"capabilities\":{\"max_msg_fds\":-1}}\0"),
            (0, b"{\"capabilities\":{\"max_data_xfer_size\":0}}\0"),
            (0, &deep),
        ];
        for (major, text) in cases {
            assert_eq!(offer(major, 1, text), Err(Errno::INVAL), "{:?}", String::from_utf8_lossy(text));
        }
        for length in 0..4 {
            assert_eq!(negotiate(&[0; 4][..length], &mut Vec::new()), Err(Errno::INVAL));
        }
    }
}
