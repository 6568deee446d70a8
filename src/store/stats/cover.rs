//! Which rollups, and which parts of the log, make up a range of time.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::store::Timestamp;
use crate::store::activities::{Bound, Filter};
use crate::store::rollups::Level;

/// A range of time, from its beginning to just before its end.
pub(super) type Span = Range<Timestamp>;

/// The first and the last moment of which there can be activities: the years 1 to 9999.
const ALWAYS: Span = Timestamp(-62_135_596_800_000_000)..Timestamp(253_402_300_800_000_000);

/// What to read, so that each moment is read once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Cover {
    pub days: Vec<Span>,
    pub hours: Vec<Span>,
    pub five_minutes: Vec<Span>,
    /// Of these the log itself.
    pub log: Vec<Span>,
}

/// The periods whose rollups can't be relied on.
#[derive(Debug, Default)]
pub(super) struct StalePeriods {
    five_minutes: BTreeSet<Timestamp>,
    // Those too of which a part is stale.
    hours: BTreeSet<Timestamp>,
    days: BTreeSet<Timestamp>,
}

impl StalePeriods {
    /// Of periods by their level and beginning.
    pub(super) fn new(periods: impl IntoIterator<Item = (i64, Timestamp)>) -> Self {
        let mut stale = Self::default();
        for (level, start) in periods {
            stale.days.insert(Level::Day.start_of(start));
            if level <= Level::Hour.length() {
                stale.hours.insert(Level::Hour.start_of(start));
            }
            if level <= Level::FiveMinutes.length() {
                stale.five_minutes.insert(start);
            }
        }
        stale
    }
}

impl Cover {
    /// Covers the ranges between the cuts by the largest periods that lie between two of them.
    pub(super) fn new(cuts: &[Timestamp], stale: &StalePeriods) -> Self {
        let mut cover = Self::default();
        for pair in cuts.windows(2) {
            let [from, to] = pair else { continue };
            let (mut of_days, mut of_hours) = (Vec::new(), Vec::new());
            split(&(*from..*to), Level::Day, &stale.days, &mut cover.days, &mut of_days);
            for span in of_days {
                split(&span, Level::Hour, &stale.hours, &mut cover.hours, &mut of_hours);
            }
            for span in of_hours {
                split(
                    &span,
                    Level::FiveMinutes,
                    &stale.five_minutes,
                    &mut cover.five_minutes,
                    &mut cover.log,
                );
            }
        }
        cover
    }
}

impl Cover {
    /// The rollups to read.
    pub(super) fn rollups(&self) -> impl Iterator<Item = (Level, &[Span])> {
        let all = [
            (Level::Day, &self.days),
            (Level::Hour, &self.hours),
            (Level::FiveMinutes, &self.five_minutes),
        ];
        all.into_iter().flat_map(|(level, spans)| at_once(spans).map(move |some| (level, some)))
    }

    /// Whether an activity of this moment has to be read from the log.
    pub(super) fn leaves_to_log(&self, date: Timestamp) -> bool {
        let after = self.log.partition_point(|span| span.start <= date);
        after.checked_sub(1).is_some_and(|index| date < self.log[index].end)
    }

    /// The parts of the log to read.
    pub(super) fn log(&self) -> impl Iterator<Item = &[Span]> {
        at_once(&self.log)
    }
}

/// So many ranges, which lie apart, are asked for by one statement.
fn at_once(spans: &[Span]) -> std::slice::Chunks<'_, Span> {
    spans.chunks(50)
}

/// Divides a range into whole periods that can be relied on, and the rest.
fn split(
    span: &Span,
    level: Level,
    stale: &BTreeSet<Timestamp>,
    whole: &mut Vec<Span>,
    rest: &mut Vec<Span>,
) {
    let (from, to) = (level.next_start(span.start), level.start_of(span.end));
    if from >= to {
        push(rest, span.clone());
        return;
    }
    push(rest, span.start..from);
    let mut at = from;
    for start in stale.range(from..to) {
        push(whole, at..*start);
        at = start.plus_micros(level.length());
        push(rest, *start..at);
    }
    push(whole, at..to);
    push(rest, to..span.end);
}

/// Appends a range, to the last one if it goes on there.
fn push(spans: &mut Vec<Span>, span: Span) {
    if span.is_empty() {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.end == span.start => last.end = span.end,
        _ => spans.push(span),
    }
}

impl Filter {
    /// The range of time that the filter is, if it is nothing else.
    pub(super) fn range(&self) -> Option<Span> {
        match self {
            Self::All(filters) => {
                let ranges = filters.iter().map(Self::range);
                ranges.collect::<Option<Vec<_>>>().map(intersection)
            }
            Self::Date(bound, date) => Some(intersection(vec![bound.range(*date)])),
            _ => None,
        }
    }

    /// The first and the last moment that the filter can let through, as far as it names them.
    pub(crate) fn bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::All(filters) => {
                let bounds = filters.iter().map(Self::bounds);
                bounds.fold((None, None), |(first, last), (from, to)| {
                    // None is less than anything, and must not win.
                    (first.max(from), [last, to].into_iter().flatten().min())
                })
            }
            Self::Date(bound, date) => {
                let range = bound.range(*date);
                let last = range.end.plus_micros(-1);
                match bound {
                    Bound::Equal => (Some(range.start), Some(last)),
                    Bound::From | Bound::After => (Some(range.start), None),
                    Bound::Until | Bound::Before => (None, Some(last)),
                }
            }
            _ => (None, None),
        }
    }
}

impl Bound {
    fn range(self, date: Timestamp) -> Span {
        match self {
            Self::Equal => date..date.plus_micros(1),
            Self::From => date..ALWAYS.end,
            Self::After => date.plus_micros(1)..ALWAYS.end,
            Self::Until => ALWAYS.start..date.plus_micros(1),
            Self::Before => ALWAYS.start..date,
        }
    }
}

/// What all of the ranges have in common, within [`ALWAYS`].
fn intersection(ranges: Vec<Span>) -> Span {
    let start = ranges.iter().map(|range| range.start).fold(ALWAYS.start, Ord::max);
    let end = ranges.iter().map(|range| range.end).fold(ALWAYS.end, Ord::min);
    start.min(ALWAYS.end)..end.clamp(start.min(ALWAYS.end), ALWAYS.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    proptest! {
        /// Whatever is stale and wherever the cuts are, nothing is counted twice or left out: what no
        /// door would show unless activities lay on the very edges.
        #[test]
        fn each_moment_is_covered_once(
            cuts in prop::collection::btree_set(-3_000_i64..9_000, 2..20),
            stale in prop::collection::btree_set(-600_i64..1_800, 0..40),
        ) {
            let cuts: Vec<_> = cuts.into_iter().map(|minute| Timestamp(minute * MINUTE)).collect();
            let periods: BTreeSet<_> =
                stale.into_iter().map(|period| Timestamp(period * 5 * MINUTE)).collect();
            let length = Level::FiveMinutes.length();
            let stale = StalePeriods::new(periods.iter().map(|period| (length, *period)));
            let cover = Cover::new(&cuts, &stale);
            let mut all: Vec<Span> = cover.log.clone();
            let spans = |(level, spans): (Level, &[Span])| {
                spans.iter().map(|span| (level, span.clone())).collect::<Vec<_>>()
            };
            let rollups: Vec<(Level, Span)> = cover.rollups().flat_map(spans).collect();
            for (level, span) in &rollups {
                prop_assert_eq!(level.start_of(span.start), span.start);
                prop_assert_eq!(level.start_of(span.end), span.end);
                prop_assert!(stale.five_minutes.range(span.clone()).next().is_none());
                all.push(span.clone());
            }
            all.sort_by_key(|span| span.start);
            prop_assert_eq!(all.first().map(|span| span.start), cuts.first().copied());
            prop_assert_eq!(all.last().map(|span| span.end), cuts.last().copied());
            for pair in all.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            // A period that a cut goes through is counted on neither side.
            for cut in &cuts {
                for (level, span) in &rollups {
                    let start = level.start_of(*cut);
                    prop_assert!(start == *cut || !span.contains(&start));
                }
            }
        }
    }
}
