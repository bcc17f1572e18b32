//! Slots and bytes, and the buffers that messages live in.

use zerocopy::IntoBytes;

/// Slots that hold `length` bytes.
pub(crate) const fn slots_for(length: usize) -> usize {
    length.div_ceil(4)
}

// A slot holds its bytes little-endian, and so does every processor that has an ME: the bytes of a message are the
// memory of its slots.
const _: () = assert!(cfg!(target_endian = "little"), "slots are copied as they lie in memory");

/// Writes `bytes` into the front of `slots`, the tail of the last slot zero. Gives the number of slots written;
/// what does not fit is left out.
pub(crate) fn pack(bytes: &[u8], slots: &mut [u32]) -> usize {
    let count = slots_for(bytes.len()).min(slots.len());
    if let Some(last) = count.checked_sub(1) {
        slots[last] = 0;
    }
    let room = slots[..count].as_mut_bytes();
    let length = bytes.len().min(room.len());
    room[..length].copy_from_slice(&bytes[..length]);
    count
}

/// Appends `length` bytes of `slots` to `bytes`, as far as there are so many.
pub(crate) fn append(slots: &[u32], length: usize, bytes: &mut Vec<u8>) {
    let all = slots.as_bytes();
    bytes.extend_from_slice(&all[..length.min(all.len())]);
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
        // All of it, most of the time.
        if count < self.length {
            self.slots.copy_within(count..self.length, 0);
        }
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
