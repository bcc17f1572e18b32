//! Numbers from a seed, and bytes whose place can be told from them.

/// splitmix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// A source of numbers; the seed says everything about a run.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of `choices`.
    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("below a usize")]
    }
}

/// The bytes of one channel. None of them can be lost, doubled or put elsewhere without its being seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Numbers that follow from a seed.
    Seeded(u64),
    /// The numbers from 0 on, most significant byte first: what a source of the engine's says.
    Counting,
}

impl Pattern {
    /// Fills `bytes` with those from `at` on.
    pub(super) fn fill(self, at: u64, bytes: &mut [u8]) {
        let mut number = u64::MAX;
        let mut word = [0; 8];
        for (at, byte) in (at..).zip(bytes) {
            if at / 8 != number {
                number = at / 8;
                word = match self {
                    Self::Seeded(seed) => mix(seed ^ number).to_be_bytes(),
                    Self::Counting => number.to_be_bytes(),
                };
            }
            *byte = word[usize::try_from(at % 8).expect("below eight")];
        }
    }

    /// Where `bytes` first differ from those from `at` on.
    pub(super) fn difference(self, at: u64, bytes: &[u8]) -> Option<u64> {
        let mut expected = vec![0; bytes.len()];
        self.fill(at, &mut expected);
        (at..).zip(expected.iter().zip(bytes)).find(|(_, (a, b))| a != b).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_place() {
        let mut counted = [0; 20];
        Pattern::Counting.fill(5, &mut counted);
        assert_eq!(counted, *b"\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0");
        let pattern = Pattern::Seeded(7);
        let mut bytes = [0; 1000];
        pattern.fill(3, &mut bytes);
        assert_eq!(pattern.difference(3, &bytes), None);
        assert!(
            pattern.difference(4, &bytes).is_some() && Pattern::Seeded(8).difference(3, &bytes).is_some()
        );
        bytes[500] ^= 1;
        assert_eq!(pattern.difference(3, &bytes), Some(503));
    }
}
