//! A circular buffer behind its one-slot window (`hw.md` §3).

use mei_wire::registers::{SLOT_SIZE, filled_slots};
use zerocopy::IntoBytes;

// A slot holds its bytes little-endian, and so does every processor that has an ME: the bytes of a message are the
// memory of its slots.
const _: () = assert!(cfg!(target_endian = "little"), "slots are copied as they lie in memory");

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

    /// Slots from place `pointer` to the end of the buffer, `most` at most.
    fn run(&self, pointer: u8, most: usize) -> std::ops::Range<usize> {
        let place = self.place(pointer);
        place..usize::from(self.depth).min(place + most)
    }

    /// Pushes every slot.
    pub(super) fn push_slots(&mut self, mut slots: &[u32]) {
        while !slots.is_empty() {
            let run = self.run(self.write, slots.len());
            let (piece, rest) = slots.split_at(run.len());
            self.write = advanced(self.write, run.len());
            self.slots[run].copy_from_slice(piece);
            slots = rest;
        }
    }

    /// Pops into all of `slots`, zeros once it is empty.
    pub(super) fn pop_slots(&mut self, slots: &mut [u32]) {
        let (mut slots, missing) = slots.split_at_mut(slots.len().min(self.filled()));
        if !missing.is_empty() {
            missing.fill(0);
        }
        while !slots.is_empty() {
            let run = self.run(self.read, slots.len());
            let (piece, rest) = slots.split_at_mut(run.len());
            self.read = advanced(self.read, run.len());
            piece.copy_from_slice(&self.slots[run]);
            slots = rest;
        }
    }

    /// Pushes `bytes`, the last slot filled up with zeros.
    #[inline]
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let (mut whole, tail) = bytes.as_chunks::<SLOT_SIZE>();
        while !whole.is_empty() {
            let run = self.run(self.write, whole.len());
            let (piece, rest) = whole.split_at(run.len());
            self.write = advanced(self.write, run.len());
            self.slots[run]
                .iter_mut()
                .zip(piece)
                .for_each(|(slot, &bytes)| *slot = u32::from_le_bytes(bytes));
            whole = rest;
        }
        if !tail.is_empty() {
            let mut slot = [0; SLOT_SIZE];
            slot[..tail.len()].copy_from_slice(tail);
            self.push(u32::from_le_bytes(slot));
        }
    }

    /// Pops `bytes.len()` bytes; the rest of the last slot is lost. The caller has seen that they are there.
    #[inline]
    pub(super) fn pop_bytes(&mut self, bytes: &mut [u8]) {
        let start = self.place(self.read) * SLOT_SIZE;
        let slots = &self.slots.as_bytes()[..usize::from(self.depth) * SLOT_SIZE];
        let (first, second) = bytes.split_at_mut(bytes.len().min(slots.len() - start));
        first.copy_from_slice(&slots[start..start + first.len()]);
        if !second.is_empty() {
            second.copy_from_slice(&slots[..second.len()]);
        }
        self.read = advanced(self.read, bytes.len().div_ceil(SLOT_SIZE));
    }
}

/// A pointer `slots` further on.
#[expect(clippy::cast_possible_truncation, reason = "pointers count modulo 256")]
const fn advanced(pointer: u8, slots: usize) -> u8 {
    pointer.wrapping_add(slots as u8)
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
    fn bulk_accesses_are_single_ones_at_every_place_and_of_every_length() {
        for start in 0..16u8 {
            for length in 0..=16usize {
                let data: Vec<u32> = (0..16).map(|index| 0x0101_0101 * index + 1).take(length).collect();
                let bytes: Vec<u8> = data.iter().flat_map(|slot| slot.to_le_bytes()).collect();
                let (mut one, mut bulk) = (Window::new(16), Window::new(16));
                for window in [&mut one, &mut bulk] {
                    window.push_slots(&vec![9; start.into()]);
                    window.pop_slots(&mut vec![0; start.into()]);
                }
                data.iter().for_each(|&slot| one.push(slot));
                bulk.push_slots(&data);
                let mut by_bytes = one.clone();
                let mut slots = vec![7; length + 2];
                bulk.pop_slots(&mut slots);
                assert_eq!(slots, [&data[..], &[0, 0]].concat());
                let mut popped = vec![7; bytes.len()];
                by_bytes.pop_bytes(&mut popped);
                assert_eq!(popped, bytes);
                by_bytes.push_bytes(&bytes);
                assert_eq!((0..length).map(|_| by_bytes.pop()).collect::<Vec<_>>(), data);
                assert_eq!((0..length).map(|_| one.pop()).collect::<Vec<_>>(), data);
                assert!(one.is_empty() && bulk.is_empty() && by_bytes.is_empty());
            }
        }
    }

    #[test]
    fn an_overrun_shows_as_more_than_the_depth() {
        let mut window = Window::new(16);
        (0..17).for_each(|slot| window.push(slot));
        assert_eq!((window.filled(), window.free()), (17, 0));
    }
}
