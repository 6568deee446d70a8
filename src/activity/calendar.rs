//! Buckets of time as people count it: in their time zone, with days of 23 and of 25 hours.

use chrono::{
    DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveTime, Offset, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::error::Error;

/// Most buckets of a timeline.
const MAX_BUCKETS: usize = 2_000;

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TimeBucket {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

/// The time zone of this name of the IANA.
pub(crate) fn time_zone(name: &str) -> Result<Tz, Error> {
    name.parse().map_err(|_| {
        let name = &name[..name.floor_char_boundary(64)];
        Error::bad_input(format!("There is no time zone {name:?}; one is \"Europe/Berlin\"."))
    })
}

/// The edges of the buckets from the one of `first` to the one of `last`.
pub(crate) fn edges(
    bucket: TimeBucket,
    zone: Tz,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    let mut edges = vec![bucket.start(zone, first)];
    while let Some(edge) = edges.last().copied().filter(|edge| *edge <= last) {
        if edges.len() > MAX_BUCKETS {
            let message = format!(
                "A timeline has {MAX_BUCKETS} buckets at most; take longer ones, or fewer."
            );
            return Err(Error::bad_input(message));
        }
        edges.push(bucket.after(zone, edge));
    }
    Ok(edges)
}

impl TimeBucket {
    /// The beginning of the bucket in which a moment lies.
    fn start(self, zone: Tz, moment: DateTime<Utc>) -> DateTime<Utc> {
        let date = moment.with_timezone(&zone).date_naive();
        let date = match self {
            Self::Minute => return clock_start(zone, moment, 60),
            Self::Hour => return clock_start(zone, moment, 3_600),
            Self::Day => Some(date),
            Self::Week => {
                date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
            }
            Self::Month => date.with_day(1),
        };
        date.map_or(moment, |date| midnight(zone, date))
    }

    /// The beginning of the bucket after the one that begins here.
    fn after(self, zone: Tz, start: DateTime<Utc>) -> DateTime<Utc> {
        let mut date = start.with_timezone(&zone).date_naive();
        loop {
            let next = match self {
                Self::Minute => return clock_end(zone, start, 60),
                Self::Hour => return clock_end(zone, start, 3_600),
                Self::Day => date.checked_add_days(Days::new(1)),
                Self::Week => date.checked_add_days(Days::new(7)),
                Self::Month => date.checked_add_months(Months::new(1)),
            };
            let Some(next) = next else { return DateTime::<Utc>::MAX_UTC };
            // A day that a country has left out, to be on the other side of the date line, is none.
            let edge = midnight(zone, next);
            if edge > start {
                return edge;
            }
            date = next;
        }
    }
}

/// When the minute or the hour begins that the clocks show; it breaks off where they are changed.
fn clock_start(zone: Tz, moment: DateTime<Utc>, length: i64) -> DateTime<Utc> {
    let moment = moment.timestamp();
    let offset = offset(zone, moment);
    let start = moment - (moment + offset).rem_euclid(length);
    at(first_second(start, moment, |second| self::offset(zone, second) == offset))
}

/// When it ends.
fn clock_end(zone: Tz, start: DateTime<Utc>, length: i64) -> DateTime<Utc> {
    let start = start.timestamp();
    let offset = offset(zone, start);
    let end = start + length - (start + offset).rem_euclid(length);
    at(first_second(start, end, |second| second == end || self::offset(zone, second) != offset))
}

/// How many seconds the clocks are ahead.
fn offset(zone: Tz, second: i64) -> i64 {
    let date = at(second).naive_utc();
    i64::from(zone.offset_from_utc_datetime(&date).fix().local_minus_utc())
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or_default()
}

/// The first second for which something holds that goes on to hold until the last one.
fn first_second(first: i64, last: i64, holds: impl Fn(i64) -> bool) -> i64 {
    if holds(first) {
        return first;
    }
    let (mut before, mut from) = (first, last);
    while from - before > 1 {
        let middle = before + (from - before) / 2;
        if holds(middle) {
            from = middle;
        } else {
            before = middle;
        }
    }
    from
}

/// When a day begins: at midnight, or later where clocks are put forward at midnight.
fn midnight(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    // No clock was ever put forward by more than a day.
    let times = (0..=24 * 4).map(|quarters| midnight + Duration::minutes(15 * quarters));
    let first = times.filter_map(|time| zone.from_local_datetime(&time).earliest()).next();
    first.map_or(midnight.and_utc(), |time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// For all zones and all times, which are too many to ask for by the API.
        #[test]
        fn buckets_follow_each_other_and_hold_what_they_are_of(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            seconds in -2_000_000_000_i64..4_000_000_000,
            buckets in 1_i64..50,
        ) {
            let first = DateTime::from_timestamp(seconds, 1).unwrap_or_default();
            for (bucket, length) in [
                (TimeBucket::Minute, Duration::minutes(1)),
                (TimeBucket::Hour, Duration::hours(1)),
                (TimeBucket::Day, Duration::days(1)),
                (TimeBucket::Week, Duration::days(7)),
                (TimeBucket::Month, Duration::days(30)),
            ] {
                let last = first + length * buckets as i32;
                let edges = edges(bucket, zone, first, last).unwrap_or_default();
                prop_assert!(edges[0] <= first && edges[edges.len() - 1] > last);
                prop_assert!(edges[1] > first && edges[edges.len() - 2] <= last);
                prop_assert!(edges.is_sorted_by(|a, b| a < b));
                for edge in &edges {
                    prop_assert_eq!(bucket.start(zone, *edge), *edge);
                }
            }
        }
    }
}
