//! Numbers and sets of numbers in few bytes.
//!
//! A number takes seven bits to the byte, the lowest first (LEB128); a sorted set is the differences
//! from one number to the next. Most of them fit into a byte or two.

use roaring::RoaringBitmap;

/// Appends a number.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a set, which is sorted.
pub(super) fn put_set(bytes: &mut Vec<u8>, set: impl IntoIterator<Item = u32>) {
    let mut last = 0;
    for number in set {
        put(bytes, u64::from(number - last));
        last = number;
    }
}

/// A set by itself.
pub(super) fn set(set: &RoaringBitmap) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_set(&mut bytes, set);
    bytes
}

/// A set that lies by itself. What is not sorted was not written here, and is none.
pub(super) fn bitmap(bytes: &[u8]) -> RoaringBitmap {
    RoaringBitmap::from_sorted_iter(numbers(bytes)).unwrap_or_default()
}

/// The numbers that lie one after the other.
pub(super) struct Numbers<'a>(pub &'a [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut shift = 0;
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            // What is longer than a number was not written here.
            shift = (shift + 7).min(63);
        }
        None
    }
}

/// The numbers of a set.
pub(super) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    Numbers(bytes).scan(0_u32, |last, difference| {
        *last = last.wrapping_add(difference as u32);
        Some(*last)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// No door shows the bytes, and whoever reads them must find what was written.
        #[test]
        fn sets_come_back_as_they_were(set in prop::collection::btree_set(any::<u32>(), 0..200)) {
            let set: RoaringBitmap = set.into_iter().collect();
            prop_assert_eq!(bitmap(&super::set(&set)), set);
        }

        #[test]
        fn numbers_come_back_as_they_were(many in prop::collection::vec(any::<u64>(), 0..200)) {
            let mut bytes = Vec::new();
            many.iter().for_each(|number| put(&mut bytes, *number));
            prop_assert_eq!(Numbers(&bytes).collect::<Vec<_>>(), many);
        }
    }
}
