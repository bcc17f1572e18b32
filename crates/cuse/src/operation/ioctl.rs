use super::Payload;
use super::payload::length;
use crate::request::DecodeError;
use crate::wire::{FileHandle, IoctlFlags, IoctlIn};

/// `ioctl(2)` (cuse.md §6).
///
/// On a FUSE file the kernel has already copied in what the direction and size in the code say. On an
/// unrestricted character device the first request has neither `input` nor `out_size`, and the answer
/// may ask for areas of the caller's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioctl<'a> {
    /// The file.
    pub fh: FileHandle,
    /// Where the call comes from.
    pub flags: IoctlFlags,
    /// The code.
    pub cmd: u32,
    /// The third argument of the call: an address in the caller, or a number.
    pub arg: u64,
    /// Bytes copied in, in the receive buffer.
    pub input: &'a [u8],
    /// Most bytes of data in the answer.
    pub out_size: u32,
}

impl<'a> Ioctl<'a> {
    pub(crate) fn decode(payload: &mut Payload<'a>) -> Result<Self, DecodeError> {
        let IoctlIn { fh, flags, cmd, arg, in_size, out_size } = payload.take()?;
        Ok(Self { fh, flags, cmd, arg, input: payload.bytes(length(in_size))?, out_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn a_restricted_ioctl_brings_its_bytes() {
        let bytes = framed(
            39,
            &[
                3, 0, 0, 0, 0, 0, 0, 0, // fh
                0, 0, 0, 0, 0x01, 0x48, 0x04, 0xc0, // flags, cmd
                0, 0x10, 0xff, 0xff, 0xff, 0x7f, 0, 0, // arg
                4, 0, 0, 0, 16, 0, 0, 0, // in_size, out_size
                0xca, 0xfe, 0xba, 0xbe, // data
            ],
        );
        let expected = Ioctl {
            fh: FileHandle(3),
            flags: IoctlFlags(0),
            cmd: 0xc004_4801,
            arg: 0x7fff_ffff_1000,
            input: &[0xca, 0xfe, 0xba, 0xbe],
            out_size: 16,
        };
        assert_eq!(operation(&bytes), Operation::Ioctl(expected));
    }

    #[test]
    fn an_unrestricted_ioctl_of_a_32_bit_program_has_the_measured_flags() {
        let mut payload = [0; 32];
        payload[8] = 0x0b;
        let bytes = framed(39, &payload);
        let Operation::Ioctl(ioctl) = operation(&bytes) else { panic!() };
        assert!(ioctl.flags.contains(IoctlFlags::UNRESTRICTED | IoctlFlags::COMPAT | IoctlFlags::IS_32BIT));
        assert_eq!((ioctl.input, ioctl.out_size), (&[][..], 0));
    }
}
