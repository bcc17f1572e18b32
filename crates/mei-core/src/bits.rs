//! A set of host client ids.

/// A set of bytes, as 256 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IdSet([u64; 4]);

impl IdSet {
    pub(crate) fn insert(&mut self, id: u8) {
        self.0[usize::from(id / 64)] |= 1 << (id % 64);
    }

    pub(crate) fn remove(&mut self, id: u8) {
        self.0[usize::from(id / 64)] &= !(1 << (id % 64));
    }

    pub(crate) fn set(&mut self, id: u8, member: bool) {
        if member { self.insert(id) } else { self.remove(id) }
    }

    pub(crate) fn contains(&self, id: u8) -> bool {
        self.0[usize::from(id / 64)] & (1 << (id % 64)) != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    /// The members, smallest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        let mut words = self.0;
        let mut index = 0;
        core::iter::from_fn(move || {
            loop {
                let word = words.get_mut(index)?;
                if *word != 0 {
                    let bit = word.trailing_zeros();
                    *word &= *word - 1;
                    return u8::try_from(index * 64 + bit as usize).ok();
                }
                index += 1;
            }
        })
    }

    /// The smallest id from 1 on that is no member: 0 is reserved.
    pub(crate) fn lowest_free(&self) -> Option<u8> {
        (1..=u8::MAX).find(|&id| !self.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_in_order_and_free_ones_from_one_on() {
        let mut set = IdSet::default();
        assert!(set.is_empty());
        for id in [255, 64, 1, 2, 63] {
            set.insert(id);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 63, 64, 255]);
        assert_eq!(set.lowest_free(), Some(3));
        set.remove(1);
        assert_eq!(set.lowest_free(), Some(1));
        for id in 0..=255 {
            set.insert(id);
        }
        assert_eq!(set.lowest_free(), None);
    }
}
