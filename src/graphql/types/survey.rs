//! What a selection of `ActivityStats` asks for, so that all of it is counted at once.

use async_graphql::{InputType, SelectionField};

use super::stats::{ActivityDimension, DEFAULT_TIME_ZONE, DEFAULT_TOP, TimeBucket, top_size};
use crate::activity::{Questions, Ranking, Timeline};

/// What the fields within this one ask for, as far as it can be answered: the others say themselves
/// what is wrong.
pub(super) fn questions(field: SelectionField<'_>) -> Questions {
    let mut questions = Questions::default();
    for field in field.selection_set() {
        match field.name() {
            "timeline" => {
                if let Some(timeline) = timeline(&field) {
                    *questions.timelines.entry(timeline).or_default() |= wants_people(&field);
                }
            }
            "top" => {
                if let Some(asked) = ranking(&field) {
                    let known = questions.rankings.entry(asked.dimension).or_insert(asked);
                    known.first = known.first.max(asked.first);
                    known.with_people |= asked.with_people;
                }
            }
            "__typename" => {}
            _ => questions.totals = true,
        }
    }
    questions
}

fn timeline(field: &SelectionField<'_>) -> Option<Timeline> {
    let bucket: TimeBucket = argument(field, "bucket")?;
    let zone: Option<String> = argument(field, "timeZone")?;
    Timeline::new(bucket.into(), zone.as_deref().unwrap_or(DEFAULT_TIME_ZONE)).ok()
}

fn ranking(field: &SelectionField<'_>) -> Option<Ranking> {
    let by: ActivityDimension = argument(field, "by")?;
    let first: Option<i32> = argument(field, "first")?;
    Some(Ranking {
        dimension: by.into(),
        first: top_size(first.unwrap_or(DEFAULT_TOP)).ok()?,
        with_people: wants_people(field),
    })
}

/// Whether users or sessions of the items are asked for, which takes longer to count.
fn wants_people(field: &SelectionField<'_>) -> bool {
    field.selection_set().any(|field| ["users", "sessions"].contains(&field.name()))
}

fn argument<T: InputType>(field: &SelectionField<'_>, name: &str) -> Option<T> {
    let arguments = field.arguments().ok()?;
    let given = arguments.into_iter().find(|(given, _)| given.as_str() == name);
    T::parse(given.map(|(_, value)| value)).ok()
}
