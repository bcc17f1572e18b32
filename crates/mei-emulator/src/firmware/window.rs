//! A circular buffer behind its one-slot window (`hw.md` §3).

use mei_wire::registers::{SLOT_SIZE, filled_slots};

/// Most slots that a buffer has.
const MAX_DEPTH: usize = 128;

/// A circular buffer. The pointers are free-running 8-bit counters; the depth is a power of two, so that a
/// pointer's low bits are its place.
#[derive(Debug, Clone)]
pub(super) struct Window {
    slots: [u32; MAX_DEPTH],
    depth: u8,
    read: u8,
    write: u8,
}

impl Window {
    pub(super) fn new(depth: u8) -> Self {
        debug_assert!(depth.is_power_of_two() && usize::from(depth) <= MAX_DEPTH);
        Self { slots: [0; MAX_DEPTH], depth, read: 0, write: 0 }
    }

    /// Empties it, both pointers to 0.
    pub(super) fn reset(&mut self) {
        (self.read, self.write) = (0, 0);
    }

    pub(super) fn depth(&self) -> u8 {
        self.depth
    }

    pub(super) fn read_pointer(&self) -> u8 {
        self.read
    }

    pub(super) fn write_pointer(&self) -> u8 {
        self.write
    }

    /// Filled slots; more than the depth when the writer overran it.
    pub(super) fn filled(&self) -> usize {
        filled_slots(self.read, self.write).into()
    }

    pub(super) fn free(&self) -> usize {
        usize::from(self.depth).saturating_sub(self.filled())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.read == self.write
    }

    fn place(&self, pointer: u8) -> usize {
        usize::from(pointer & (self.depth - 1))
    }

    pub(super) fn push(&mut self, slot: u32) {
        self.slots[self.place(self.write)] = slot;
        self.write = self.write.wrapping_add(1);
    }

    /// The oldest slot; 0 and no move when there is none.
    pub(super) fn pop(&mut self) -> u32 {
        if self.is_empty() {
            return 0;
        }
        let slot = self.slots[self.place(self.read)];
        self.read = self.read.wrapping_add(1);
        slot
    }

    /// The oldest slot, left where it is.
    pub(super) fn front(&self) -> u32 {
        self.slots[self.place(self.read)]
    }

    pub(super) fn push_slots(&mut self, slots: &[u32]) {
        slots.iter().for_each(|&slot| self.push(slot));
    }

    /// Pops into all of `slots`, zeros once it is empty.
    pub(super) fn pop_slots(&mut self, slots: &mut [u32]) {
        slots.iter_mut().for_each(|slot| *slot = self.pop());
    }

    /// Pushes `bytes`, the last slot filled up with zeros.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let (whole, tail) = bytes.as_chunks::<SLOT_SIZE>();
        for &slot in whole {
            self.push(u32::from_le_bytes(slot));
        }
        if !tail.is_empty() {
            let mut slot = [0; SLOT_SIZE];
            slot[..tail.len()].copy_from_slice(tail);
            self.push(u32::from_le_bytes(slot));
        }
    }

    /// Pops `bytes.len()` bytes; the rest of the last slot is lost.
    pub(super) fn pop_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(SLOT_SIZE) {
            chunk.copy_from_slice(&self.pop().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_out_as_they_went_in_across_every_wrap() {
        let mut window = Window::new(16);
        for round in 0..300u32 {
            window.push_slots(&[round, round + 1, round + 2]);
            assert_eq!((window.filled(), window.free()), (3, 13));
            let mut slots = [0; 4];
            window.pop_slots(&mut slots);
            assert_eq!(slots, [round, round + 1, round + 2, 0], "an empty buffer reads 0");
            assert!(window.is_empty());
        }
    }

    #[test]
    fn bytes_are_padded_to_slots() {
        let mut window = Window::new(16);
        window.push_bytes(&[1, 2, 3, 4, 5]);
        assert_eq!(window.front(), 0x0403_0201);
        let mut bytes = [0; 5];
        window.clone().pop_bytes(&mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 5]);
        assert_eq!((window.pop(), window.pop(), window.pop()), (0x0403_0201, 5, 0));
    }

    #[test]
    fn an_overrun_shows_as_more_than_the_depth() {
        let mut window = Window::new(16);
        (0..17).for_each(|slot| window.push(slot));
        assert_eq!((window.filled(), window.free()), (17, 0));
    }
}
