//! Nonces for digest challenges.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A nonce: 192 bits in base64. Their count makes padding unnecessary, which one program could not read
/// (`wsman.md` §1, digest rule 3).
pub(super) type Nonce = [u8; 32];

/// A source of nonces that do not repeat (SplitMix64). They only have to differ: nothing secret depends on them.
#[derive(Debug)]
pub(super) struct Nonces {
    state: u64,
}

impl Nonces {
    /// A source that differs from process to process.
    pub(super) fn from_process() -> Self {
        Self { state: RandomState::new().hash_one("nonces") }
    }

    /// A source of its own.
    pub(super) fn fork(&mut self) -> Self {
        Self { state: self.next() }
    }

    /// A fresh nonce.
    pub(super) fn nonce(&mut self) -> Nonce {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut nonce = [0; 32];
        for digits in nonce.chunks_exact_mut(8) {
            let mut bits = self.next();
            for digit in digits {
                *digit = ALPHABET[(bits & 63) as usize];
                bits >>= 6;
            }
        }
        nonce
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nonces_are_base64_and_differ() {
        let mut nonces = Nonces::from_process();
        let mut fork = nonces.fork();
        let mut seen = BTreeSet::new();
        for _ in 0..1000 {
            for nonce in [nonces.nonce(), fork.nonce()] {
                assert!(nonce.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')));
                assert!(seen.insert(nonce), "a nonce came twice");
            }
        }
    }
}
