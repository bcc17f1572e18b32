use zerocopy::FromBytes;

use crate::request::DecodeError;
use crate::wire::{Opcode, Unique};

/// What follows the header of a message, taken from the front piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    unique: Unique,
    opcode: Opcode,
    rest: &'a [u8],
}

impl<'a> Payload<'a> {
    pub(crate) fn new(unique: Unique, opcode: Opcode, rest: &'a [u8]) -> Self {
        Self { unique, opcode, rest }
    }

    pub(crate) fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// The next structure.
    pub(crate) fn take<T: FromBytes>(&mut self) -> Result<T, DecodeError> {
        let (value, rest) = T::read_from_prefix(self.rest).map_err(|_| self.truncated(size_of::<T>()))?;
        self.rest = rest;
        Ok(value)
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.truncated(count))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The next bytes up to a NUL, which is taken too.
    pub(crate) fn name(&mut self) -> Result<&'a [u8], DecodeError> {
        let error = DecodeError::Name { unique: self.unique, opcode: self.opcode };
        let end = self.rest.iter().position(|&byte| byte == 0).ok_or(error)?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(name)
    }

    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::Truncated { unique: self.unique, opcode: self.opcode, needed, length: self.rest.len() }
    }
}

/// A count of bytes from the wire as a length; more than fits is more than there can be.
pub(super) fn length(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
