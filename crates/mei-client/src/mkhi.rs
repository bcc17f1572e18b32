//! MKHI, the kernel host interface: firmware versions and capability rules (`mkhi.md`).

use crate::connection::Connection;
use crate::error::Error;
use crate::node::Node;
use mei_wire::clients;
use mei_wire::mkhi::{self as wire, Header, PlatformType, fwcaps, generic, group};
use std::fmt;
use std::time::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A version of the firmware, `platform:major.minor.hotfix.build` as in sysfs `fw_ver`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirmwareVersion {
    /// Platform.
    pub platform: u8,
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u16,
    /// Hotfix.
    pub hotfix: u16,
    /// Build.
    pub build: u16,
}

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform, major, minor, hotfix, build } = self;
        write!(f, "{platform}:{major}.{minor}.{hotfix}.{build}")
    }
}

impl From<&wire::FwVersion> for FirmwareVersion {
    fn from(version: &wire::FwVersion) -> Self {
        Self {
            platform: version.platform,
            major: version.major,
            minor: version.minor.get(),
            hotfix: version.hotfix.get(),
            build: version.build.get(),
        }
    }
}

/// The features of a rule: [`fwcaps::RULE_CAPABLE`], [`fwcaps::RULE_ENABLED`] or [`fwcaps::RULE_AVAILABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features(pub u32);

impl Features {
    /// Names of the set bits that have the same meaning in ME 6 and everything later (`mkhi.md` §4).
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(u32, &str); 9] = [
            (0, "full network"),
            (1, "standard network"),
            (2, "manageability"),
            (6, "capability licensing"),
            (12, "protected audio/video path"),
            (17, "IPv6"),
            (18, "KVM"),
            (21, "TLS"),
            (23, "wireless LAN"),
        ];
        NAMES.into_iter().filter(move |&(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| name)
    }

    /// Whether AMT or Standard Manageability is among them.
    pub fn manageability(self) -> bool {
        self.0 & 1 << 2 != 0
    }
}

/// A connection to MKHI.
#[derive(Debug)]
pub struct Mkhi {
    connection: Connection,
    request: Vec<u8>,
}

impl Mkhi {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`]: EBUSY when another program holds the only connection.
    pub fn connect(node: Node) -> Result<Self, Error> {
        node.connect(clients::MKHI).map(Self::over)
    }

    /// Speaks over a connection that was made elsewhere.
    pub fn over(connection: Connection) -> Self {
        Self { connection, request: Vec::new() }
    }

    /// The connection, for its time-outs and properties.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends a command with `data` and returns the data of its answer.
    ///
    /// # Errors
    /// [`Error::MkhiResult`], [`Error::Malformed`] and those of the connection.
    pub fn request(&mut self, group: u8, command: u8, data: &[u8]) -> Result<&[u8], Error> {
        self.request.clear();
        self.request.extend_from_slice(Header::request(group, command).as_bytes());
        self.request.extend_from_slice(data);
        self.connection.send(&self.request)?;
        let timeout = self.connection.timeouts().answer;
        let deadline = Instant::now() + timeout;
        loop {
            let length = self.connection.receive_length(deadline, timeout)?;
            let (header, _) = Header::read_from_prefix(self.connection.received(length))
                .map_err(|_| malformed("it is shorter than a header"))?;
            // An answer to another command came late, after its requester had given up.
            if (header.group, header.command) != (group, command | Header::RESPONSE) {
                continue;
            }
            return match header.result {
                0 => Ok(&self.connection.received(length)[size_of::<Header>()..]),
                result => Err(Error::MkhiResult { group, command, result }),
            };
        }
    }

    /// Version of MKHI itself, major and minor.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn version(&mut self) -> Result<(u16, u16), Error> {
        let version: wire::MkhiVersion = self.fixed(group::GEN, generic::GET_MKHI_VERSION, &[])?;
        Ok((version.major.get(), version.minor.get()))
    }

    /// Versions of the firmware: the running code, the recovery image, the tool that built the flash image. One
    /// to three.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn firmware_versions(&mut self) -> Result<Vec<FirmwareVersion>, Error> {
        let data = self.request(group::GEN, generic::GET_FW_VERSION, &[])?;
        let blocks = (data.len() / size_of::<wire::FwVersion>()).min(3);
        let (versions, _) = <[wire::FwVersion]>::ref_from_prefix_with_elems(data, blocks)
            .map_err(|_| malformed("the versions are cut"))?;
        if versions.is_empty() {
            return Err(malformed("it holds no version"));
        }
        Ok(versions.iter().map(FirmwareVersion::from).collect())
    }

    /// Value of a capability rule.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn rule(&mut self, rule: u32) -> Result<u32, Error> {
        let answer: wire::Rule = self.fixed(group::FWCAPS, fwcaps::GET_RULE, &rule.to_le_bytes())?;
        if answer.id.get() != rule || answer.length != 4 {
            return Err(malformed("it is about another rule"));
        }
        Ok(answer.value.get())
    }

    /// Features that the machine could have.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn capable(&mut self) -> Result<Features, Error> {
        self.rule(fwcaps::RULE_CAPABLE).map(Features)
    }

    /// Features that are switched on.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn enabled(&mut self) -> Result<Features, Error> {
        self.rule(fwcaps::RULE_ENABLED).map(Features)
    }

    /// What kind of machine the firmware was built for.
    ///
    /// # Errors
    /// As [`Mkhi::request`].
    pub fn platform_type(&mut self) -> Result<PlatformType, Error> {
        self.rule(fwcaps::RULE_PLATFORM_TYPE).map(PlatformType::from)
    }

    /// A request whose answer starts with a `T`.
    fn fixed<T: FromBytes + KnownLayout + Immutable>(
        &mut self,
        group: u8,
        command: u8,
        data: &[u8],
    ) -> Result<T, Error> {
        let data = self.request(group, command, data)?;
        T::read_from_prefix(data).map(|(value, _)| value).map_err(|_| malformed("the data are too short"))
    }
}

fn malformed(problem: &'static str) -> Error {
    Error::Malformed { client: clients::MKHI, problem }
}

/// What a result means, in parentheses after a space; nothing for an unknown one.
pub(crate) fn result_suffix(result: u8) -> &'static str {
    match result {
        0x01 => " (invalid state)",
        0x02 => " (message skipped)",
        0x05 => " (wrong size)",
        0x16 => " (invalid argument)",
        0x81 => " (not found)",
        0x84 => " (invalid access)",
        0x85 => " (wrong parameters)",
        0x88 => " (not ready)",
        0x89 => " (not supported)",
        0x8D => " (no such command)",
        0x99 | 0x9E | 0xFF => " (failure)",
        0xE6 => " (no resources)",
        0xFE => " (try again)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::pair;
    use std::os::fd::OwnedFd;

    fn mkhi() -> (Mkhi, OwnedFd) {
        let (connection, peer) = pair(clients::MKHI, 2048);
        (Mkhi::over(connection), peer)
    }

    fn answer(peer: &OwnedFd, bytes: &[u8]) {
        assert_eq!(rustix::io::write(peer, bytes).unwrap(), bytes.len());
    }

    #[test]
    fn recorded_versions() {
        let (mut mkhi, peer) = mkhi();
        let block = [0x08, 0x00, 0x0B, 0x00, 0x61, 0x0D, 0x32, 0x00];
        answer(&peer, &[&[0xFF, 0x82, 0, 0][..], &block, &block, &block].concat());
        let versions = mkhi.firmware_versions().unwrap();
        assert_eq!(versions.len(), 3);
        assert_eq!(versions[0].to_string(), "0:11.8.50.3425");
        let mut seen = [0; 64];
        let length = rustix::io::read(&peer, &mut seen[..]).unwrap();
        assert_eq!(&seen[..length], [0xFF, 0x02, 0, 0]);
    }

    #[test]
    fn recorded_rule() {
        let (mut mkhi, peer) = mkhi();
        answer(&peer, &[3, 0x82, 0, 0, 0, 0, 0, 0, 4, 0x40, 0x11, 0x10, 0x31]);
        let features = mkhi.capable().unwrap();
        assert_eq!(features, Features(0x3110_1140));
        assert!(!features.manageability());
        assert_eq!(
            features.names().collect::<Vec<_>>(),
            ["capability licensing", "protected audio/video path"]
        );
    }

    #[test]
    fn refusals_and_malformed_answers_are_told_apart() {
        let (mut mkhi, peer) = mkhi();
        answer(&peer, &[3, 0x82, 0, 0x8D]);
        let error = mkhi.capable().unwrap_err();
        assert_eq!(
            error.to_string(),
            "MKHI refuses command 0x02 of group 0x03: result 0x8d (no such command)"
        );
        for bad in [
            &[3, 0x82, 0][..],
            &[3, 0x82, 0, 0],
            &[3, 0x82, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3],
            &[3, 0x82, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4],
            &[3, 0x82, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4],
        ] {
            answer(&peer, bad);
            assert!(matches!(mkhi.capable().unwrap_err(), Error::Malformed { .. }), "{bad:?}");
        }
        answer(&peer, &[0xFF, 0x82, 0, 0, 1, 2, 3]);
        assert!(matches!(mkhi.firmware_versions().unwrap_err(), Error::Malformed { .. }));
    }
}
