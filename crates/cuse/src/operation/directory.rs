use zerocopy::FromBytes;

use super::Payload;
use super::payload::length;
use crate::request::DecodeError;
use crate::wire::{
    AccessIn, BatchForgetIn, ForgetIn, ForgetOne, GetattrIn, OpenIn, ReadIn, ReleaseIn, SetattrIn,
};

/// What is asked of the directory that a FUSE session serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryOperation<'a> {
    /// Find a name.
    Lookup(Lookup<'a>),
    /// References to an inode are dropped; not answered.
    Forget(ForgetIn),
    /// References to many inodes are dropped; not answered.
    BatchForget(Forgets<'a>),
    /// Attributes.
    Getattr(GetattrIn),
    /// Change attributes.
    Setattr(SetattrIn),
    /// Where a symbolic link points.
    Readlink,
    /// Open the directory.
    Opendir(OpenIn),
    /// List it.
    Readdir(ReadIn),
    /// Close it.
    Releasedir(ReleaseIn),
    /// Check permissions.
    Access(AccessIn),
    /// Numbers of the file system.
    Statfs,
}

/// The name wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// Without the terminating NUL.
    pub name: &'a [u8],
}

impl<'a> Lookup<'a> {
    pub(crate) fn decode(payload: &mut Payload<'a>) -> Result<Self, DecodeError> {
        Ok(Self { name: payload.name()? })
    }
}

/// The list of a BATCH_FORGET, an iterator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgets<'a> {
    entries: &'a [u8],
}

impl<'a> Forgets<'a> {
    pub(crate) fn decode(payload: &mut Payload<'a>) -> Result<Self, DecodeError> {
        let BatchForgetIn { count, .. } = payload.take()?;
        let entries = payload.bytes(length(count).saturating_mul(size_of::<ForgetOne>()))?;
        Ok(Self { entries })
    }
}

impl Iterator for Forgets<'_> {
    type Item = ForgetOne;

    fn next(&mut self) -> Option<ForgetOne> {
        let (one, rest) = ForgetOne::read_from_prefix(self.entries).ok()?;
        self.entries = rest;
        Some(one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::tests::framed;
    use crate::request::{Body, Message};
    use crate::wire::NodeId;

    fn directory_operation(bytes: &[u8]) -> DirectoryOperation<'_> {
        match Message::decode(bytes).unwrap().body {
            Body::Directory(operation) => operation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lookup_ends_at_the_nul() {
        let bytes = framed(1, b"mei0\0");
        assert_eq!(directory_operation(&bytes), DirectoryOperation::Lookup(Lookup { name: b"mei0" }));
    }

    #[test]
    fn a_name_without_end_is_refused() {
        let bytes = framed(1, b"mei0");
        assert!(matches!(Message::decode(&bytes), Err(DecodeError::Name { .. })));
    }

    #[test]
    fn forget_counts_references() {
        let bytes = framed(2, &[3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(directory_operation(&bytes), DirectoryOperation::Forget(ForgetIn { nlookup: 3 }));
    }

    #[test]
    fn batch_forget_lists_inodes() {
        let bytes = framed(
            42,
            &[
                2, 0, 0, 0, 0, 0, 0, 0, // count, dummy
                5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, // nodeid, nlookup
                6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
            ],
        );
        let DirectoryOperation::BatchForget(forgets) = directory_operation(&bytes) else { panic!() };
        let list: Vec<_> = forgets.map(|one| (one.nodeid, one.nlookup)).collect();
        assert_eq!(list, [(NodeId(5), 1), (NodeId(6), 2)]);
    }

    #[test]
    fn a_count_beyond_the_message_is_refused() {
        let bytes = framed(42, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 1]);
        assert!(matches!(Message::decode(&bytes), Err(DecodeError::Truncated { .. })));
    }
}
