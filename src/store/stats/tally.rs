//! What has been counted so far.

use std::collections::HashMap;

use super::cover::Span;
use crate::store::Timestamp;
use crate::store::events::{Directory, Event};
use crate::store::rollups::{Dimension, Items, Totals};

/// What has been counted so far.
pub(super) struct Tally {
    /// The edges, as far as they lie within the range.
    pub cuts: Vec<Timestamp>,
    edges: Vec<Timestamp>,
    /// One between each two edges.
    pub buckets: Vec<Totals>,
    items: HashMap<Dimension, Items>,
    pub directory: Directory,
}

impl Tally {
    pub(super) fn new(edges: &[Timestamp], range: &Span) -> Self {
        let edges = if edges.is_empty() { vec![range.start, range.end] } else { edges.to_vec() };
        let mut cuts: Vec<_> =
            edges.iter().map(|edge| *edge.clamp(&range.start, &range.end)).collect();
        cuts.dedup();
        let buckets = vec![Totals::default(); edges.len() - 1];
        Self { cuts, edges, buckets, items: HashMap::new(), directory: Directory::default() }
    }

    pub(super) fn bucket(&mut self, date: Timestamp) -> Option<&mut Totals> {
        let index = self.edges.partition_point(|edge| *edge <= date);
        self.buckets.get_mut(index.checked_sub(1)?)
    }

    pub(super) fn add(&mut self, event: &Event, dimensions: &[Dimension]) {
        let index = self.edges.partition_point(|edge| *edge <= event.date);
        let bucket = index.checked_sub(1).and_then(|index| self.buckets.get_mut(index));
        if let Some(bucket) = bucket {
            self.directory.count(event, dimensions, bucket, &mut self.items);
        }
    }

    pub(super) fn take(&mut self, dimension: Dimension) -> Items {
        self.items.remove(&dimension).unwrap_or_default()
    }
}
