//! Sets of attribute classes, as the blocks know them: modulo 64. The exact test is on the instance.

/// The bit of a class in the bound of a block.
pub(crate) fn class_bit(class: u32) -> u64 {
    1 << (class % u64::BITS)
}

/// Some of the classes: their bits, and the same as bytes to look up a few at once.
#[derive(Debug, Clone)]
pub(crate) struct ClassSet {
    pub(super) bits: u64,
    bytes: [u8; u64::BITS as usize],
}

impl ClassSet {
    pub(crate) const NONE: Self = Self { bits: 0, bytes: [0; u64::BITS as usize] };
    pub(crate) const ALL: Self = Self { bits: u64::MAX, bytes: [1; u64::BITS as usize] };

    pub(super) fn is_all(&self) -> bool {
        self.bits == u64::MAX
    }

    /// 1 for a class that is in the set (or shares its place with one), else 0.
    pub(super) fn admits(&self, class: u32) -> u8 {
        self.bytes[(class % u64::BITS) as usize]
    }
}

impl FromIterator<u32> for ClassSet {
    fn from_iter<I: IntoIterator<Item = u32>>(classes: I) -> Self {
        let mut set = Self::NONE;
        for class in classes {
            set.bits |= class_bit(class);
            set.bytes[(class % u64::BITS) as usize] = 1;
        }
        set
    }
}
