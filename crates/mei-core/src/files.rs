//! Open files.

use crate::call::Handle;
use crate::client::FileIndex;

/// One open file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) handle: Handle,
    /// Its host client; several files share one by tags.
    pub(crate) client: u8,
    /// Its entry in the client's map of tags.
    pub(crate) vtag: Option<u8>,
    /// A read of it asked for a message that has not come (with tags).
    pub(crate) read_pending: bool,
    /// Someone has asked by poll since the last wake.
    pub(crate) polled: bool,
    /// Its release waits for the firmware.
    pub(crate) closing: bool,
}

/// All of them. A handle holds a serial number and the index, so that a stale one finds nothing.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: Vec<Option<File>>,
    serial: u64,
}

impl Files {
    /// Most files: one per host client id.
    const MAX: usize = 255;

    /// Adds a file of `client`.
    pub(crate) fn insert(&mut self, client: u8) -> Option<FileIndex> {
        let index = match self.files.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.files.len() < Self::MAX => {
                self.files.push(None);
                self.files.len() - 1
            }
            None => return None,
        };
        let index = FileIndex::try_from(index).ok()?;
        self.serial += 1;
        let handle = Handle(self.serial << 16 | u64::from(index));
        self.files[usize::from(index)] =
            Some(File { handle, client, vtag: None, read_pending: false, polled: false, closing: false });
        Some(index)
    }

    /// The file of a handle, unless it is closed or closing.
    pub(crate) fn find(&self, handle: Handle) -> Option<(FileIndex, &File)> {
        let index = FileIndex::try_from(handle.0 & 0xFFFF).ok()?;
        let file = self.get(index)?;
        (file.handle == handle && !file.closing).then_some((index, file))
    }

    pub(crate) fn get(&self, index: FileIndex) -> Option<&File> {
        self.files.get(usize::from(index))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: FileIndex) -> Option<&mut File> {
        self.files.get_mut(usize::from(index))?.as_mut()
    }

    pub(crate) fn remove(&mut self, index: FileIndex) {
        if let Some(slot) = self.files.get_mut(usize::from(index)) {
            *slot = None;
        }
    }

    /// Files open, those included whose release waits.
    pub(crate) fn len(&self) -> usize {
        self.files.iter().flatten().count()
    }
}
