//! The message header and its extended block (`hbm.md` §1).

use bitfield_struct::bitfield;
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The two ends of a message: a firmware client and a host client (`hbm.md` §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// ME client id; 0 is the bus.
    pub me: u8,
    /// Host client id; 0 is the bus or a fixed-address client.
    pub host: u8,
}

impl Address {
    /// Bus messages.
    pub const BUS: Self = Self { me: 0, host: 0 };

    /// A connection, or a fixed-address client when `host` is 0.
    pub const fn new(me: u8, host: u8) -> Self {
        Self { me, host }
    }
}

/// One slot in front of every message or fragment (`hbm.md` §1.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MessageHeader {
    /// ME client id; 0 is the bus.
    pub me_addr: u8,
    /// Host client id; 0 is the bus or a fixed-address client.
    pub host_addr: u8,
    /// Bytes that follow the header: extended headers and payload, or the DMA length slot. 0 to 511.
    #[bits(9)]
    pub length: u16,
    /// Must be zero.
    #[bits(3)]
    pub reserved: u8,
    /// An extended header block follows.
    pub extended: bool,
    /// The payload is in the DMA ring; one slot with its byte length follows.
    pub dma_ring: bool,
    /// Traffic of the host driver's own.
    pub internal: bool,
    /// Last fragment of the message.
    pub msg_complete: bool,
}

/// Why a received header cannot be believed (`hbm.md` §1.4). Each one resets the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The whole word is zero.
    #[error("the message header is zero")]
    Zero,
    /// Reserved bits are set.
    #[error("the message header has reserved bits set")]
    Reserved,
    /// Too short for the blocks that its flags announce.
    #[error("the message header announces more than its length holds")]
    Length,
}

impl MessageHeader {
    /// Longest `length` that leaves whole slots: 508 bytes (`hbm.md` §8.4).
    pub const MAX_LENGTH: usize = 511 - 511 % 4;

    /// A complete, plain message of `length` bytes to `address`.
    ///
    /// # Panics
    /// When `length` is greater than 511, which the field cannot hold.
    pub const fn for_message(address: Address, length: u16) -> Self {
        assert!(length <= 511);
        Self::new()
            .with_me_addr(address.me)
            .with_host_addr(address.host)
            .with_length(length)
            .with_msg_complete(true)
    }

    /// Both addresses.
    pub const fn address(self) -> Address {
        Address { me: self.me_addr(), host: self.host_addr() }
    }

    /// The slot as it is written.
    pub const fn to_word(self) -> u32 {
        self.into_bits()
    }

    /// Checks what a receiver checks before it believes anything else (`hbm.md` §1.4).
    ///
    /// # Errors
    /// The first rule that the header breaks.
    pub const fn validate(self) -> Result<(), HeaderError> {
        if self.to_word() == 0 {
            return Err(HeaderError::Zero);
        }
        if self.reserved() != 0 {
            return Err(HeaderError::Reserved);
        }
        let least = 4 * (self.extended() as u16 + self.dma_ring() as u16);
        if self.length() < least {
            return Err(HeaderError::Length);
        }
        Ok(())
    }
}

/// First slot of an extended header block (`hbm.md` §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ExtendedHeader {
    /// Number of TLVs that follow.
    pub count: u8,
    /// Size of all TLVs in slots.
    pub size: u8,
    /// Reserved.
    pub reserved: [u8; 2],
}

/// Type byte of an extended header's TLV (`hbm.md` §1.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct TlvType(pub u8);

impl TlvType {
    /// [`VtagTlv`].
    pub const VTAG: Self = Self(1);
    /// Graphics system controller header.
    pub const GSC: Self = Self(2);
}

/// The TLV that carries a virtual tag, one slot (`hbm.md` §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct VtagTlv {
    /// [`TlvType::VTAG`].
    pub tlv_type: TlvType,
    /// Length in slots, these two bytes included: 1.
    pub length: u8,
    /// The tag.
    pub vtag: u8,
    /// Reserved.
    pub reserved: u8,
}

impl VtagTlv {
    /// The TLV for `vtag`.
    pub const fn new(vtag: u8) -> Self {
        Self { tlv_type: TlvType::VTAG, length: 1, vtag, reserved: 0 }
    }
}

const _: () = assert!(size_of::<ExtendedHeader>() == 4 && size_of::<VtagTlv>() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_stand_where_the_wire_has_them() {
        assert_eq!(MessageHeader::for_message(Address::new(7, 3), 12).to_word(), 0x800C_0307);
        assert_eq!(MessageHeader::new().with_length(511).to_word(), 0x01FF_0000);
        assert_eq!(MessageHeader::new().with_extended(true).to_word(), 1 << 28);
        assert_eq!(MessageHeader::new().with_dma_ring(true).to_word(), 1 << 29);
        assert_eq!(MessageHeader::new().with_internal(true).to_word(), 1 << 30);
        assert_eq!(MessageHeader::MAX_LENGTH, 508);
    }

    #[test]
    fn headers_that_no_receiver_believes() {
        assert_eq!(MessageHeader::from(0).validate(), Err(HeaderError::Zero));
        for bit in 25..28 {
            assert_eq!(MessageHeader::from(1 << bit | 1).validate(), Err(HeaderError::Reserved));
        }
        let short = MessageHeader::for_message(Address::new(7, 3), 7).with_extended(true).with_dma_ring(true);
        assert_eq!(short.validate(), Err(HeaderError::Length));
        assert_eq!(short.with_length(8).validate(), Ok(()));
        assert_eq!(MessageHeader::for_message(Address::new(7, 3), 0).validate(), Ok(()));
    }
}
