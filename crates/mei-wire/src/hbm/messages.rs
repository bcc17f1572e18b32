//! One struct per message, in the order of the table in `hbm.md` §2.

use super::{Command, Status, Version};
use crate::{Address, Guid};
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

macro_rules! message {
    ($(#[$doc:meta])* $name:ident = $command:ident, $size:literal {
        $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(C)]
        pub struct $name {
            /// The command byte.
            pub command: Command,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// The command byte of this message.
            pub const COMMAND: Command = Command::$command;
        }

        const _: () = assert!(size_of::<$name>() == $size);
    };
}

message! {
    /// H→F: the host offers its version.
    HostStartReq = HOST_START_REQ, 4 {
        /// Reserved.
        pub reserved: u8,
        /// Minor version offered.
        pub minor: u8,
        /// Major version offered.
        pub major: u8,
    }
}

impl HostStartReq {
    /// Offers `version`.
    pub const fn new(version: Version) -> Self {
        Self { command: Self::COMMAND, reserved: 0, minor: version.minor, major: version.major }
    }

    /// The version offered.
    pub const fn version(&self) -> Version {
        Version::new(self.major, self.minor)
    }
}

message! {
    /// F→H: the version is accepted, or the firmware's own is named.
    HostStartRes = HOST_START_RES, 4 {
        /// Non-zero when the host's version is used.
        pub host_version_supported: u8,
        /// Highest minor version of the firmware.
        pub minor: u8,
        /// Highest major version of the firmware.
        pub major: u8,
    }
}

impl HostStartRes {
    /// The answer of firmware whose highest version is `version`.
    pub const fn new(supported: bool, version: Version) -> Self {
        Self {
            command: Self::COMMAND,
            host_version_supported: supported as u8,
            minor: version.minor,
            major: version.major,
        }
    }

    /// Whether the host's version is used.
    pub const fn supported(&self) -> bool {
        self.host_version_supported != 0
    }

    /// Highest version of the firmware.
    pub const fn version(&self) -> Version {
        Version::new(self.major, self.minor)
    }
}

message! {
    /// H→F: the host stops the protocol.
    HostStopReq = HOST_STOP_REQ, 4 {
        /// Why; the driver sends 0.
        pub reason: u8,
        /// Reserved.
        pub reserved: [u8; 2],
    }
}

impl HostStopReq {
    /// Stop with `reason`.
    pub const fn new(reason: u8) -> Self {
        Self { command: Self::COMMAND, reason, reserved: [0; 2] }
    }
}

message! {
    /// F→H: the stop is acknowledged.
    HostStopRes = HOST_STOP_RES, 4 {
        /// Reserved.
        pub reserved: [u8; 3],
    }
}

impl HostStopRes {
    /// The acknowledgement.
    pub const fn new() -> Self {
        Self { command: Self::COMMAND, reserved: [0; 3] }
    }
}

impl Default for HostStopRes {
    fn default() -> Self {
        Self::new()
    }
}

message! {
    /// F→H: the firmware asks the host to stop.
    MeStopReq = ME_STOP_REQ, 4 {
        /// Why.
        pub reason: u8,
        /// Reserved.
        pub reserved: [u8; 2],
    }
}

impl MeStopReq {
    /// Stop with `reason`.
    pub const fn new(reason: u8) -> Self {
        Self { command: Self::COMMAND, reason, reserved: [0; 2] }
    }
}

message! {
    /// H→F: which clients exist?
    HostEnumReq = HOST_ENUM_REQ, 4 {
        /// [`HostEnumReq::ALLOW_ADD`] and [`HostEnumReq::IMMEDIATE`]; 0 before HBM 2.0.
        pub flags: u8,
        /// Reserved.
        pub reserved: [u8; 2],
    }
}

impl HostEnumReq {
    /// Clients may be added later.
    pub const ALLOW_ADD: u8 = 1 << 0;
    /// Answer with the clients known now.
    pub const IMMEDIATE: u8 = 1 << 1;

    /// The question with `flags`.
    pub const fn new(flags: u8) -> Self {
        Self { command: Self::COMMAND, flags, reserved: [0; 2] }
    }
}

message! {
    /// F→H: the clients that exist.
    HostEnumRes = HOST_ENUM_RES, 36 {
        /// Reserved.
        pub reserved: [u8; 3],
        /// Bit n of byte n/8 is set when ME client id n exists; bit 0 never is.
        pub valid_addresses: [u8; 32],
    }
}

impl HostEnumRes {
    /// The answer with no client yet.
    pub const fn new() -> Self {
        Self { command: Self::COMMAND, reserved: [0; 3], valid_addresses: [0; 32] }
    }

    /// Marks ME client id `me` as existing.
    pub const fn insert(&mut self, me: u8) {
        self.valid_addresses[(me / 8) as usize] |= 1 << (me % 8);
    }

    /// Whether ME client id `me` exists.
    pub const fn contains(&self, me: u8) -> bool {
        self.valid_addresses[(me / 8) as usize] & (1 << (me % 8)) != 0
    }
}

impl Default for HostEnumRes {
    fn default() -> Self {
        Self::new()
    }
}

/// What a firmware client says of itself (`hbm.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ClientProperties {
    /// Its GUID.
    pub guid: Guid,
    /// Version of its own protocol.
    pub protocol_version: u8,
    /// Connections it takes at once; 0 for fixed-address clients.
    pub max_number_of_connections: u8,
    /// Its fixed address, 0 for a dynamic client.
    pub fixed_address: u8,
    /// [`ClientProperties::SINGLE_RECV_BUF`] and [`ClientProperties::VT_SUPPORTED`]; the rest is reserved.
    pub flags: u8,
    /// Longest message in bytes, either way.
    pub max_msg_length: U32,
}

const _: () = assert!(size_of::<ClientProperties>() == 24);

impl ClientProperties {
    /// All connections share one receive buffer, and so one transmit credit.
    pub const SINGLE_RECV_BUF: u8 = 1 << 0;
    /// The client understands virtual tags.
    pub const VT_SUPPORTED: u8 = 1 << 1;

    /// All zero.
    pub const EMPTY: Self = Self {
        guid: Guid([0; 16]),
        protocol_version: 0,
        max_number_of_connections: 0,
        fixed_address: 0,
        flags: 0,
        max_msg_length: U32::ZERO,
    };

    /// Whether all connections share one transmit credit.
    pub const fn single_recv_buf(&self) -> bool {
        self.flags & Self::SINGLE_RECV_BUF != 0
    }

    /// Whether the client understands virtual tags.
    pub const fn vt_supported(&self) -> bool {
        self.flags & Self::VT_SUPPORTED != 0
    }

    /// Whether the client has a fixed address and needs no connection.
    pub const fn is_fixed(&self) -> bool {
        self.fixed_address != 0
    }
}

message! {
    /// H→F: what is client `me_addr`?
    ClientPropertiesReq = CLIENT_PROPERTIES_REQ, 4 {
        /// ME client id.
        pub me_addr: u8,
        /// Reserved.
        pub reserved: [u8; 2],
    }
}

impl ClientPropertiesReq {
    /// Asks for ME client id `me`.
    pub const fn new(me: u8) -> Self {
        Self { command: Self::COMMAND, me_addr: me, reserved: [0; 2] }
    }
}

message! {
    /// F→H: the properties of one client.
    ClientPropertiesRes = CLIENT_PROPERTIES_RES, 28 {
        /// ME client id.
        pub me_addr: u8,
        /// [`Status::CLIENT_NOT_FOUND`] makes the host skip the client.
        pub status: Status,
        /// Reserved.
        pub reserved: u8,
        /// The properties.
        pub properties: ClientProperties,
    }
}

impl ClientPropertiesRes {
    /// The answer for ME client id `me`.
    pub const fn new(me: u8, status: Status, properties: ClientProperties) -> Self {
        Self { command: Self::COMMAND, me_addr: me, status, reserved: 0, properties }
    }
}

macro_rules! connection_message {
    ($(#[$doc:meta])* $name:ident = $command:ident) => {
        message! {
            $(#[$doc])*
            $name = $command, 4 {
                /// ME client id.
                pub me_addr: u8,
                /// Host client id.
                pub host_addr: u8,
                /// Reserved.
                pub reserved: u8,
            }
        }

        impl $name {
            /// The message for the connection `address`.
            pub const fn new(address: Address) -> Self {
                Self { command: Self::COMMAND, me_addr: address.me, host_addr: address.host, reserved: 0 }
            }

            /// The connection it is about.
            pub const fn address(&self) -> Address {
                Address::new(self.me_addr, self.host_addr)
            }
        }
    };
}

macro_rules! connection_response {
    ($(#[$doc:meta])* $name:ident = $command:ident) => {
        message! {
            $(#[$doc])*
            $name = $command, 4 {
                /// ME client id.
                pub me_addr: u8,
                /// Host client id.
                pub host_addr: u8,
                /// Outcome.
                pub status: Status,
            }
        }

        impl $name {
            /// The outcome for the connection `address`.
            pub const fn new(address: Address, status: Status) -> Self {
                Self { command: Self::COMMAND, me_addr: address.me, host_addr: address.host, status }
            }

            /// The connection it is about.
            pub const fn address(&self) -> Address {
                Address::new(self.me_addr, self.host_addr)
            }
        }
    };
}

connection_message! {
    /// H→F: connect.
    ClientConnectReq = CLIENT_CONNECT_REQ
}
connection_response! {
    /// F→H: outcome of a connect.
    ClientConnectRes = CLIENT_CONNECT_RES
}
connection_message! {
    /// Either way: the connection ends.
    ClientDisconnectReq = CLIENT_DISCONNECT_REQ
}
connection_response! {
    /// Either way: agreed; the driver ignores one whose status is not 0.
    ClientDisconnectRes = CLIENT_DISCONNECT_RES
}
connection_message! {
    /// F→H: an event on the connection.
    Notification = NOTIFICATION
}

message! {
    /// Either way: one more message may be sent on the connection (`hbm.md` §6).
    FlowControl = FLOW_CONTROL, 8 {
        /// ME client id.
        pub me_addr: u8,
        /// Host client id; 0 grants to a client whose connections share one receive buffer.
        pub host_addr: u8,
        /// Reserved.
        pub reserved: [u8; 5],
    }
}

impl FlowControl {
    /// One credit for `address`.
    pub const fn new(address: Address) -> Self {
        Self { command: Self::COMMAND, me_addr: address.me, host_addr: address.host, reserved: [0; 5] }
    }

    /// Whom the credit is for.
    pub const fn address(&self) -> Address {
        Address::new(self.me_addr, self.host_addr)
    }
}

macro_rules! power_gating_message {
    ($(#[$doc:meta])* $name:ident = $command:ident) => {
        message! {
            $(#[$doc])*
            $name = $command, 4 {
                /// Reserved.
                pub reserved: [u8; 3],
            }
        }

        impl $name {
            /// The message.
            pub const fn new() -> Self {
                Self { command: Self::COMMAND, reserved: [0; 3] }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

power_gating_message! {
    /// H→F: may the link be power gated?
    PgIsolationEntryReq = PG_ISOLATION_ENTRY_REQ
}
power_gating_message! {
    /// F→H: it may.
    PgIsolationEntryRes = PG_ISOLATION_ENTRY_RES
}
power_gating_message! {
    /// F→H: power gating has to end.
    PgIsolationExitReq = PG_ISOLATION_EXIT_REQ
}
power_gating_message! {
    /// H→F: it has ended.
    PgIsolationExitRes = PG_ISOLATION_EXIT_RES
}

message! {
    /// F→H: a client appears (`hbm.md` §5.5).
    AddClientReq = ADD_CLIENT_REQ, 28 {
        /// ME client id.
        pub me_addr: u8,
        /// Reserved.
        pub reserved: [u8; 2],
        /// Its properties.
        pub properties: ClientProperties,
    }
}

impl AddClientReq {
    /// Adds ME client id `me`.
    pub const fn new(me: u8, properties: ClientProperties) -> Self {
        Self { command: Self::COMMAND, me_addr: me, reserved: [0; 2], properties }
    }
}

message! {
    /// H→F: the client was taken, or not.
    AddClientRes = ADD_CLIENT_RES, 4 {
        /// ME client id.
        pub me_addr: u8,
        /// 0 taken, 1 failed.
        pub status: Status,
        /// Reserved.
        pub reserved: u8,
    }
}

impl AddClientRes {
    /// The outcome for ME client id `me`.
    pub const fn new(me: u8, status: Status) -> Self {
        Self { command: Self::COMMAND, me_addr: me, status, reserved: 0 }
    }
}

message! {
    /// H→F: notifications on or off.
    NotifyReq = NOTIFY_REQ, 4 {
        /// ME client id.
        pub me_addr: u8,
        /// Host client id.
        pub host_addr: u8,
        /// 1 start, 0 stop.
        pub start: u8,
    }
}

impl NotifyReq {
    /// Switches notifications of `address`.
    pub const fn new(address: Address, start: bool) -> Self {
        Self { command: Self::COMMAND, me_addr: address.me, host_addr: address.host, start: start as u8 }
    }

    /// The connection it is about.
    pub const fn address(&self) -> Address {
        Address::new(self.me_addr, self.host_addr)
    }
}

message! {
    /// F→H: outcome of the switch.
    NotifyRes = NOTIFY_RES, 8 {
        /// ME client id.
        pub me_addr: u8,
        /// Host client id.
        pub host_addr: u8,
        /// Outcome.
        pub status: Status,
        /// What was asked: 1 start, 0 stop.
        pub start: u8,
        /// Reserved.
        pub reserved: [u8; 3],
    }
}

impl NotifyRes {
    /// The outcome for `address`.
    pub const fn new(address: Address, status: Status, start: bool) -> Self {
        Self {
            command: Self::COMMAND,
            me_addr: address.me,
            host_addr: address.host,
            status,
            start: start as u8,
            reserved: [0; 3],
        }
    }

    /// The connection it is about.
    pub const fn address(&self) -> Address {
        Address::new(self.me_addr, self.host_addr)
    }
}

/// One area of DMA ring memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct DmaDescriptor {
    /// Upper half of the bus address.
    pub addr_hi: U32,
    /// Lower half of the bus address.
    pub addr_lo: U32,
    /// Bytes, a power of two.
    pub size: U32,
}

message! {
    /// H→F: memory for the DMA ring (`hbm.md` §11).
    DmaSetupReq = DMA_SETUP_REQ, 40 {
        /// Reserved.
        pub reserved: [u8; 3],
        /// Host ring, device ring, control block.
        pub descriptors: [DmaDescriptor; 3],
    }
}

impl DmaSetupReq {
    /// Offers the three areas.
    pub const fn new(descriptors: [DmaDescriptor; 3]) -> Self {
        Self { command: Self::COMMAND, reserved: [0; 3], descriptors }
    }
}

message! {
    /// F→H: the memory is taken, or not.
    DmaSetupRes = DMA_SETUP_RES, 4 {
        /// Outcome.
        pub status: Status,
        /// Reserved.
        pub reserved: [u8; 2],
    }
}

impl DmaSetupRes {
    /// The outcome.
    pub const fn new(status: Status) -> Self {
        Self { command: Self::COMMAND, status, reserved: [0; 2] }
    }
}

/// Bits of byte 1 of the capability messages (`hbm.md` §2).
pub mod capability {
    /// Virtual tags.
    pub const VTAG: u8 = 1 << 0;
    /// Graphics system controller extended headers.
    pub const GSC: u8 = 1 << 1;
    /// Client DMA.
    pub const CLIENT_DMA: u8 = 1 << 2;
}

message! {
    /// H→F: which of these capabilities are granted?
    CapabilitiesReq = CAPABILITIES_REQ, 4 {
        /// Bits of [`capability`] in the first byte.
        pub capabilities: [u8; 3],
    }
}

impl CapabilitiesReq {
    /// Asks for `capabilities`.
    pub const fn new(capabilities: u8) -> Self {
        Self { command: Self::COMMAND, capabilities: [capabilities, 0, 0] }
    }
}

message! {
    /// F→H: the granted ones.
    CapabilitiesRes = CAPABILITIES_RES, 4 {
        /// Bits of [`capability`] in the first byte.
        pub capabilities: [u8; 3],
    }
}

impl CapabilitiesRes {
    /// Grants `capabilities`.
    pub const fn new(capabilities: u8) -> Self {
        Self { command: Self::COMMAND, capabilities: [capabilities, 0, 0] }
    }
}

message! {
    /// H→F: map a client's DMA buffer (`hbm.md` §12).
    ClientDmaMapReq = CLIENT_DMA_MAP_REQ, 16 {
        /// Unique on the device, not 0.
        pub buffer_id: u8,
        /// Reserved.
        pub reserved: [u8; 2],
        /// Lower half of the bus address.
        pub addr_lsb: U32,
        /// Upper half of the bus address.
        pub addr_msb: U32,
        /// Bytes, a multiple of 4096.
        pub size: U32,
    }
}

message! {
    /// F→H: outcome of the oldest waiting map.
    ClientDmaMapRes = CLIENT_DMA_MAP_RES, 2 {
        /// Outcome.
        pub status: Status,
    }
}

message! {
    /// H→F: unmap a client's DMA buffer.
    ClientDmaUnmapReq = CLIENT_DMA_UNMAP_REQ, 4 {
        /// 0.
        pub status: Status,
        /// Which one.
        pub buffer_id: u8,
        /// Reserved.
        pub reserved: u8,
    }
}

message! {
    /// F→H: outcome of the oldest waiting unmap.
    ClientDmaUnmapRes = CLIENT_DMA_UNMAP_RES, 2 {
        /// Outcome.
        pub status: Status,
    }
}
