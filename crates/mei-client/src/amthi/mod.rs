//! AMTHI, the AMT host interface: versions and state of AMT (`amthi.md`).

mod answers;
mod status;

pub use answers::{
    CodeVersion, CodeVersions, ControlMode, FullyQualifiedName, LanInterface, LocalSystemAccount,
    MacAddresses, ProvisioningMode, ProvisioningState, RemoteAccess, TunnelStatus,
};
pub(crate) use status::suffix as status_suffix;

use crate::connection::Connection;
use crate::error::Error;
use crate::node::Node;
use crate::text::printable;
use mei_wire::amthi::{self as wire, Command, Header, RESPONSE, ResponseHeader};
use mei_wire::{Guid, clients};
use std::time::Instant;
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Commands that the wire crate has no name for (`amthi.md` §3).
mod command {
    use mei_wire::amthi::Command;

    pub(super) const GET_REMOTE_ACCESS_CONNECTION_STATUS: Command = Command(0x0400_0046);
    pub(super) const GET_FQDN: Command = Command(0x0400_0056);
    pub(super) const GET_LOCAL_SYSTEM_ACCOUNT: Command = Command(0x0400_0067);
}

/// One of AMT's network interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// Index 0.
    Wired,
    /// Index 1.
    Wireless,
}

/// A connection to AMTHI.
#[derive(Debug)]
pub struct Amthi {
    connection: Connection,
    request: Vec<u8>,
}

impl Amthi {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::is_absent`] when the machine has no AMT.
    pub fn connect(node: Node) -> Result<Self, Error> {
        node.connect(clients::AMTHI).map(Self::over)
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
    /// [`Error::AmthiStatus`], [`Error::AmtDisabled`], [`Error::Malformed`] and those of the connection.
    pub fn request(&mut self, command: Command, data: &[u8]) -> Result<&[u8], Error> {
        let length = u32::try_from(data.len()).map_err(|_| malformed("the request is too long"))?;
        self.request.clear();
        self.request.extend_from_slice(Header::request(command, length).as_bytes());
        self.request.extend_from_slice(data);
        self.connection.send(&self.request)?;
        let timeout = self.connection.timeouts().answer;
        let deadline = Instant::now() + timeout;
        loop {
            let length = self.connection.receive_length(deadline, timeout)?;
            // An answer to another command came late, after its requester had given up.
            if length > 0 && command_of(self.connection.received(length))? != command.response() {
                continue;
            }
            return answer_data(command, self.connection.received(length));
        }
    }

    /// BIOS and firmware versions.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn code_versions(&mut self) -> Result<CodeVersions, Error> {
        let data = self.request(Command::GET_CODE_VERSIONS, &[])?;
        CodeVersions::parse(data).ok_or(malformed("the version records do not fit the message"))
    }

    /// Whether AMT is set up for enterprise mode.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn provisioning_mode(&mut self) -> Result<ProvisioningMode, Error> {
        let mode: wire::ProvisioningMode = self.fixed(Command::GET_PROVISIONING_MODE, &[])?;
        Ok(ProvisioningMode(mode.mode.get()))
    }

    /// How far provisioning has come.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn provisioning_state(&mut self) -> Result<ProvisioningState, Error> {
        self.word(Command::GET_PROVISIONING_STATE).map(ProvisioningState)
    }

    /// Who may do what: nobody, client control, admin control.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn control_mode(&mut self) -> Result<ControlMode, Error> {
        self.word(Command::GET_CONTROL_MODE).map(ControlMode)
    }

    /// Whether the manufacturer allows embedded host-based configuration.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn ehbc_allowed(&mut self) -> Result<bool, Error> {
        self.word(Command::GET_EHBC_STATE).map(|word| word != 0)
    }

    /// The platform's UUID.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn uuid(&mut self) -> Result<Guid, Error> {
        self.fixed(Command::GET_UUID, &[])
    }

    /// Dedicated and shared MAC address.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn mac_addresses(&mut self) -> Result<MacAddresses, Error> {
        let addresses: wire::MacAddresses = self.fixed(Command::GET_MAC_ADDRESSES, &[])?;
        Ok(addresses.into())
    }

    /// Settings of one interface, none if it does not exist.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn lan_interface(&mut self, interface: Interface) -> Result<Option<LanInterface>, Error> {
        let index: u32 = match interface {
            Interface::Wired => 0,
            Interface::Wireless => 1,
        };
        match self.fixed(Command::GET_LAN_INTERFACE_SETTINGS, &index.to_le_bytes()) {
            Ok(settings) => Ok(LanInterface::present(settings)),
            Err(Error::AmthiStatus { status: status::NO_INTERFACE, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// DNS suffix for provisioning with a public key infrastructure, empty if none was set.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn dns_suffix(&mut self) -> Result<String, Error> {
        let data = self.request(Command::GET_DNS_SUFFIX, &[])?;
        answers::ansi_string(data).map(printable).ok_or(malformed("the string does not fit the message"))
    }

    /// AMT's own host name.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn fully_qualified_name(&mut self) -> Result<FullyQualifiedName, Error> {
        let data = self.request(command::GET_FQDN, &[])?;
        FullyQualifiedName::parse(data).ok_or(malformed("the name does not fit the message"))
    }

    /// State of client-initiated remote access.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn remote_access(&mut self) -> Result<RemoteAccess, Error> {
        let data = self.request(command::GET_REMOTE_ACCESS_CONNECTION_STATUS, &[])?;
        RemoteAccess::parse(data).ok_or(malformed("the host name does not fit the message"))
    }

    /// The account with which programs of this machine authenticate at AMT's web service.
    ///
    /// # Errors
    /// As [`Amthi::request`].
    pub fn local_system_account(&mut self) -> Result<LocalSystemAccount, Error> {
        let data = self.request(command::GET_LOCAL_SYSTEM_ACCOUNT, &[0; 40])?;
        LocalSystemAccount::parse(data).ok_or(malformed("the account is too short"))
    }

    fn word(&mut self, command: Command) -> Result<u32, Error> {
        self.fixed::<U32>(command, &[]).map(U32::get)
    }

    /// A request whose answer starts with a `T`.
    fn fixed<T: FromBytes + Immutable>(&mut self, command: Command, data: &[u8]) -> Result<T, Error> {
        let data = self.request(command, data)?;
        T::read_from_prefix(data).map(|(value, _)| value).map_err(|_| malformed("the data are too short"))
    }
}

fn malformed(problem: &'static str) -> Error {
    Error::Malformed { client: clients::AMTHI, problem }
}

fn command_of(message: &[u8]) -> Result<u32, Error> {
    let (header, _) =
        Header::read_from_prefix(message).map_err(|_| malformed("it is shorter than a header"))?;
    if header.command.get() & RESPONSE == 0 {
        return Err(malformed("it is not marked as a response"));
    }
    Ok(header.command.get())
}

/// Checks an answer as every client does (`amthi.md` §2) and returns what follows its status.
fn answer_data(command: Command, message: &[u8]) -> Result<&[u8], Error> {
    if message.is_empty() {
        return Err(Error::AmtDisabled);
    }
    let (header, data) =
        ResponseHeader::read_from_prefix(message).map_err(|_| malformed("it is shorter than a header"))?;
    let told = usize::try_from(header.header.length.get()).unwrap_or(usize::MAX);
    if told != message.len() - size_of::<Header>() {
        return Err(malformed("its length is not the one in its header"));
    }
    match header.status.get() {
        0 => Ok(data),
        status => Err(Error::AmthiStatus { command: command.0, status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Timeouts;
    use crate::connection::tests::pair;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    fn amthi() -> (Amthi, OwnedFd) {
        let (connection, peer) = pair(clients::AMTHI, 5120);
        (Amthi::over(connection), peer)
    }

    fn answer(peer: &OwnedFd, hex: &[u8]) {
        assert_eq!(rustix::io::write(peer, hex).unwrap(), hex.len());
    }

    #[test]
    fn a_recorded_conversation() {
        let (mut amthi, peer) = amthi();
        answer(&peer, &[1, 1, 0, 0, 0x11, 0, 0x80, 4, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(amthi.provisioning_state().unwrap().to_string(), "provisioned");
        let mut seen = [0; 64];
        let length = rustix::io::read(&peer, &mut seen[..]).unwrap();
        assert_eq!(&seen[..length], [1, 1, 0, 0, 0x11, 0, 0, 4, 0, 0, 0, 0]);
    }

    #[test]
    fn a_late_answer_to_another_command_is_skipped() {
        let (mut amthi, peer) = amthi();
        answer(&peer, &[1, 1, 0, 0, 0x11, 0, 0x80, 4, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        answer(&peer, &[1, 1, 0, 0, 0x6B, 0, 0x80, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(amthi.control_mode().unwrap(), ControlMode(1));
    }

    #[test]
    fn refusals_are_explained() {
        let (mut amthi, peer) = amthi();
        answer(&peer, &[1, 1, 0, 0, 0x6B, 0, 0x80, 4, 4, 0, 0, 0, 2, 0, 0, 0]);
        let error = amthi.control_mode().unwrap_err();
        assert_eq!(error.to_string(), "AMTHI refuses command 0x0400006b: status 0x2 (not ready)");
        answer(&peer, &[]);
    }

    #[test]
    fn an_interface_that_does_not_exist_is_not_an_error() {
        let (mut amthi, peer) = amthi();
        answer(&peer, &[1, 1, 0, 0, 0x48, 0, 0x80, 4, 4, 0, 0, 0, 0xC5, 9, 0, 0]);
        assert_eq!(amthi.lan_interface(Interface::Wireless).unwrap(), None);
    }

    #[test]
    fn every_cut_of_an_answer_is_an_error() {
        let full = [1, 1, 0, 0, 0x6B, 0, 0x80, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        for length in 1..full.len() {
            let (mut amthi, peer) = amthi();
            amthi
                .connection()
                .set_timeouts(Timeouts { send: Duration::from_secs(60), answer: Duration::from_secs(60) });
            answer(&peer, &full[..length]);
            let error = amthi.control_mode().unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{length}: {error}");
        }
    }
}
