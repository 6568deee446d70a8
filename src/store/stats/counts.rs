//! How often each of many numbers came.

use std::cmp::Reverse;

/// A page has so many counts.
const PAGE: usize = 4_096;

/// Counts by number. Numbers lie close together, so each count lies where its number says: a ranking
/// of half a million additions took a quarter longer with a hash map.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<Vec<u64>>);

impl Counts {
    pub(super) fn add(&mut self, number: u32, many: u64) {
        let (page, index) = (number as usize / PAGE, number as usize % PAGE);
        if self.0.len() <= page {
            self.0.resize_with(page + 1, Vec::new);
        }
        let page = &mut self.0[page];
        if page.is_empty() {
            page.resize(PAGE, 0);
        }
        page[index] += many;
    }

    /// Those that came most often, with their counts; of those that are equally frequent the lowest
    /// ones, which were known first.
    pub(super) fn most(self, first: usize) -> Vec<(u32, u64)> {
        let counts = self.0.iter().enumerate().flat_map(|(page, counts)| {
            let numbers = (page * PAGE) as u32..;
            numbers.zip(counts.iter().copied()).filter(|(_, many)| *many > 0)
        });
        let mut ranked: Vec<_> = counts.collect();
        let rank = |(number, many): &(u32, u64)| (Reverse(*many), *number);
        if first < ranked.len() {
            ranked.select_nth_unstable_by_key(first, rank);
            ranked.truncate(first);
        }
        ranked.sort_unstable_by_key(rank);
        ranked
    }
}
