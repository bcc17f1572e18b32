//! Slots and bytes, and the buffers that messages live in.

/// Slots that hold `length` bytes.
pub(crate) const fn slots_for(length: usize) -> usize {
    length.div_ceil(4)
}

/// Writes `bytes` into the front of `slots`, little-endian, the tail of the last slot zero. Gives the number of
/// slots written.
pub(crate) fn pack(bytes: &[u8], slots: &mut [u32]) -> usize {
    let mut chunks = bytes.chunks_exact(4);
    let mut count = 0;
    for (slot, chunk) in slots.iter_mut().zip(&mut chunks) {
        *slot = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        count += 1;
    }
    let rest = chunks.remainder();
    if !rest.is_empty()
        && let Some(slot) = slots.get_mut(count)
    {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        *slot = u32::from_le_bytes(last);
        count += 1;
    }
    count
}

/// Appends `length` bytes of `slots` to `bytes`.
pub(crate) fn append(slots: &[u32], length: usize, bytes: &mut Vec<u8>) {
    let end = bytes.len() + length.min(slots.len() * 4);
    bytes.reserve(slots.len() * 4);
    for slot in slots {
        bytes.extend_from_slice(&slot.to_le_bytes());
    }
    bytes.truncate(end);
}

/// Message buffers that are free at the moment, kept so that a message allocates nothing once the host is warm.
#[derive(Debug, Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// Buffers kept.
    const KEPT: usize = 64;
    /// Largest buffer kept, bytes.
    const LARGEST: usize = 64 * 1024;

    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < Self::KEPT && buffer.capacity() <= Self::LARGEST {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

/// The receive side of the circular buffer on our side: whole reads of the window, cut into frames afterwards.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) slots: [u32; Self::SLOTS],
    pub(crate) length: usize,
}

impl Inbox {
    /// A frame that is not complete yet (header and at most 511 bytes) and one whole circular buffer.
    pub(crate) const SLOTS: usize = 129 + 255;

    pub(crate) fn new() -> Self {
        Self { slots: [0; Self::SLOTS], length: 0 }
    }

    /// Room for `count` more slots.
    pub(crate) fn room(&mut self, count: usize) -> Option<&mut [u32]> {
        self.slots.get_mut(self.length..self.length + count)
    }

    /// Drops the first `count` slots.
    pub(crate) fn consume(&mut self, count: usize) {
        self.slots.copy_within(count..self.length, 0);
        self.length -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_slots_at_every_length() {
        let bytes: Vec<u8> = (1..=13).collect();
        for length in 0..=bytes.len() {
            let mut slots = [0xAAAA_AAAA; 4];
            let count = pack(&bytes[..length], &mut slots);
            assert_eq!(count, slots_for(length));
            let mut back = vec![9];
            append(&slots[..count], length, &mut back);
            assert_eq!(back[1..], bytes[..length]);
            if length % 4 != 0 {
                assert_eq!(slots[count - 1] >> (length % 4 * 8), 0, "padding of {length} bytes");
            }
        }
    }

    #[test]
    fn an_inbox_keeps_what_is_not_consumed() {
        let mut inbox = Inbox::new();
        inbox.room(3).unwrap().copy_from_slice(&[1, 2, 3]);
        inbox.length = 3;
        inbox.consume(2);
        assert_eq!((inbox.length, inbox.slots[0]), (1, 3));
        assert!(inbox.room(Inbox::SLOTS).is_none());
    }
}
