//! What has been counted so far.

use std::collections::HashMap;

use super::Stats;
use super::cover::Span;
use super::snapshot::People;
use crate::store::Timestamp;
use crate::store::events::{Directory, Event};
use crate::store::rollups::{Dimension, Items, Totals};

/// What has been counted so far.
pub(super) struct Tally {
    /// Where pieces begin, and the last one ends: the range's own edges, and those of all timelines
    /// as far as they lie within it.
    pub cuts: Vec<Timestamp>,
    /// One between each two cuts.
    pieces: Vec<Totals>,
    pub items: HashMap<Dimension, Items>,
    pub directory: Directory,
}

impl Tally {
    pub(super) fn new(range: &Span, edges: impl Iterator<Item = Timestamp>) -> Self {
        let within = edges.map(|edge| edge.clamp(range.start, range.end));
        let mut cuts: Vec<_> = within.chain([range.start, range.end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = vec![Totals::default(); cuts.len() - 1];
        Self { cuts, pieces, items: HashMap::new(), directory: Directory::default() }
    }

    /// The piece in which a moment of the range lies.
    pub(super) fn piece(&mut self, date: Timestamp) -> Option<&mut Totals> {
        piece(&self.cuts, &mut self.pieces, date)
    }

    pub(super) fn add(&mut self, event: &Event, dimensions: &[Dimension]) {
        if let Some(piece) = piece(&self.cuts, &mut self.pieces, event.date) {
            self.directory.count(event, dimensions, piece, &mut self.items);
        }
    }

    /// Takes over the lasting numbers of those who were met in the log.
    pub(super) fn renumber(&mut self, people: &People) {
        self.pieces.iter_mut().for_each(|piece| piece.renumber(&people.users, &people.sessions));
    }

    /// All of the range.
    pub(super) fn totals(&self) -> Stats {
        together(&self.pieces)
    }

    /// Between each two of the edges.
    pub(super) fn timeline(&self, edges: &[Timestamp]) -> Vec<Stats> {
        // An edge outside of the range has all cuts on one side.
        let starts = edges.iter().map(|edge| self.cuts.partition_point(|cut| cut < edge));
        let starts: Vec<_> = starts.map(|start| start.min(self.pieces.len())).collect();
        starts.windows(2).map(|pair| together(&self.pieces[pair[0]..pair[1]])).collect()
    }
}

fn piece<'a>(
    cuts: &[Timestamp],
    pieces: &'a mut [Totals],
    date: Timestamp,
) -> Option<&'a mut Totals> {
    pieces.get_mut(cuts.partition_point(|cut| *cut <= date).checked_sub(1)?)
}

fn together(pieces: &[Totals]) -> Stats {
    match pieces {
        [piece] => piece.into(),
        pieces => {
            let mut all = Totals::default();
            pieces.iter().for_each(|piece| all.merge(piece));
            Stats::from(&all)
        }
    }
}
