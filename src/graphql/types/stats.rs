//! What activities come to.

use std::sync::Arc;

use async_graphql::{
    Context, Enum, InputValueError, InputValueResult, Object, Scalar, ScalarType, SimpleObject,
    Value,
};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::filter::ActivityFilter;
use super::note_filter;
use super::survey;
use super::user::User;
use crate::activity::{self, Filter, Questions, Stats, Survey, Timeline, TopValue};
use crate::auth::Reader;
use crate::error::Error;
use crate::graphql::{domain, loaders};

/// Most items of a ranking.
const MAX_TOP: usize = 200;
pub(super) const DEFAULT_TOP: i32 = 10;
pub(super) const DEFAULT_TIME_ZONE: &str = "UTC";

/// A count: a JSON number up to 2^53, which may be more than an `Int` can hold.
#[derive(Clone, Copy)]
pub(in crate::graphql) struct BigInt(u64);

/// A count: a JSON number up to 2^53, which may be more than an `Int` can hold.
#[Scalar]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::Number(number) => match number.as_u64() {
                Some(number) => Ok(Self(number)),
                None => Err(InputValueError::custom("A count is a whole number, not negative.")),
            },
            value => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

impl From<u64> for BigInt {
    fn from(count: u64) -> Self {
        Self(count)
    }
}

/// What activities come to.
pub(in crate::graphql) struct ActivityStats {
    reader: Reader,
    filter: Filter,
    questions: Questions,
    survey: OnceCell<Result<Survey, Arc<Error>>>,
}

/// What activities come to. Where the filter is a range of time or nothing, this is counted in advance,
/// and is right to the last activity all the same; else each field reads the activities that the filter
/// lets through.
#[Object]
impl ActivityStats {
    /// How many activities there are.
    async fn activities(&self, context: &Context<'_>) -> Result<BigInt, Arc<Error>> {
        Ok(BigInt(self.totals(context).await?.activities))
    }

    /// How many users were active.
    async fn users(&self, context: &Context<'_>) -> Result<BigInt, Arc<Error>> {
        Ok(BigInt(self.totals(context).await?.users))
    }

    /// How many browser sessions were active.
    async fn sessions(&self, context: &Context<'_>) -> Result<BigInt, Arc<Error>> {
        Ok(BigInt(self.totals(context).await?.sessions))
    }

    /// How many people were active, as far as can be known: users, and sessions in which none of
    /// these activities is a user's.
    async fn visitors(&self, context: &Context<'_>) -> Result<BigInt, Arc<Error>> {
        Ok(BigInt(self.totals(context).await?.visitors))
    }

    /// Whether the numbers of users, sessions and visitors are exact.
    async fn is_exact(&self) -> bool {
        true
    }

    /// When the first one happened; null: there is none.
    async fn first_date(&self, context: &Context<'_>) -> Result<Option<DateTime<Utc>>, Arc<Error>> {
        Ok(self.totals(context).await?.span.map(|(first, _)| first.into()))
    }

    /// When the last one happened; null: there is none.
    async fn last_date(&self, context: &Context<'_>) -> Result<Option<DateTime<Utc>>, Arc<Error>> {
        Ok(self.totals(context).await?.span.map(|(_, last)| last.into()))
    }

    /// The same by time, the earliest bucket first, empty ones included: from the bucket of the first
    /// moment that `where.date` names to that of the last one; where it names none, of the first
    /// activity since 1970, or of the last one until now. At most 2,000.
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How long a bucket is.")] bucket: TimeBucket,
        #[graphql(
            desc = "Whose hours and days: a name of the IANA, like `Europe/Berlin`. A day may have 23 or 25 hours.",
            default_with = "DEFAULT_TIME_ZONE.to_owned()"
        )]
        time_zone: String,
    ) -> Result<Vec<TimelineBucket>, Arc<Error>> {
        let timeline = Timeline::new(bucket.into(), &time_zone)?;
        let survey = self.survey(context).await?;
        let buckets = survey.timelines.get(&timeline).ok_or_else(not_asked)?;
        let buckets = buckets.as_ref().map_err(Arc::clone)?;
        Ok(buckets.iter().copied().map(TimelineBucket::from).collect())
    }

    /// The most frequent values, the most frequent first. Activities without one don't count.
    async fn top(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The values of what.")] by: ActivityDimension,
        #[graphql(desc = "So many, at most 200.", default_with = "DEFAULT_TOP")] first: i32,
    ) -> async_graphql::Result<Vec<TopItem>> {
        let first = top_size(first)?;
        let survey = self.survey(context).await?;
        let top = survey.rankings.get(&by.into()).ok_or_else(not_asked)?;
        let top = &top[..first.min(top.len())];
        let ids = top.iter().filter_map(|item| match &item.value {
            TopValue::User(id) => Some(*id),
            TopValue::Text(_) => None,
        });
        let users = loaders(context)?.users.load_many(ids).await?;
        let item = |item: &activity::Top| {
            let (value, user) = match &item.value {
                TopValue::Text(text) => (text.clone(), None),
                TopValue::User(id) => match users.get(id) {
                    Some(user) => (user.username.clone(), Some(User(user.clone()))),
                    None => (id.to_string(), None),
                },
            };
            let [activities, users, sessions] =
                [item.activities, item.users, item.sessions].map(BigInt);
            TopItem { value, user, activities, users, sessions }
        };
        let mut items: Vec<_> = top.iter().map(item).collect();
        // Usernames are known only here.
        items.sort_by(|a, b| (b.activities.0, &a.value).cmp(&(a.activities.0, &b.value)));
        Ok(items)
    }
}

impl ActivityStats {
    /// Of the activities that `within` and the client's filter let through.
    pub(in crate::graphql) async fn new(
        context: &Context<'_>,
        reader: Reader,
        within: Option<Filter>,
        filter: Option<ActivityFilter>,
    ) -> Result<Self, Error> {
        let asked = filter.map(ActivityFilter::checked).transpose()?;
        note_filter(context, asked.as_ref()).await?;
        let filter = Filter::All(within.into_iter().chain(asked).collect());
        let questions = survey::questions(context.field());
        Ok(Self { reader, filter, questions, survey: OnceCell::new() })
    }

    async fn totals(&self, context: &Context<'_>) -> Result<&Stats, Arc<Error>> {
        Ok(&self.survey(context).await?.totals)
    }

    /// Counts once for all fields, whichever of them asks first.
    async fn survey(&self, context: &Context<'_>) -> Result<&Survey, Arc<Error>> {
        let activities = &domain(context)?.activities;
        let counting = async || {
            let survey = activities.survey(&self.reader, self.filter.clone(), &self.questions);
            survey.await.map_err(Arc::new)
        };
        self.survey.get_or_init(counting).await.as_ref().map_err(Arc::clone)
    }
}

/// How many items of a ranking these are.
pub(super) fn top_size(first: i32) -> Result<usize, Error> {
    match usize::try_from(first) {
        Ok(first) if first <= MAX_TOP => Ok(first),
        _ => Err(Error::bad_input(format!("first must be between 0 and {MAX_TOP}."))),
    }
}

fn not_asked() -> Error {
    Error::internal("the selection does not show what its own field asks for")
}

/// How long a bucket of a timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "activity::TimeBucket")]
pub(in crate::graphql) enum TimeBucket {
    /// A minute.
    Minute,
    /// An hour by the clock.
    Hour,
    /// From midnight to midnight.
    Day,
    /// Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
}

/// A part of a timeline.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TimelineBucket {
    /// When it begins.
    start: DateTime<Utc>,
    /// When it has ended, and the next one begins.
    end: DateTime<Utc>,
    /// How many activities of it there are.
    activities: BigInt,
    /// How many users were active.
    users: BigInt,
    /// How many browser sessions were active.
    sessions: BigInt,
}

impl From<activity::Bucket> for TimelineBucket {
    fn from(bucket: activity::Bucket) -> Self {
        let activity::Bucket { start, end, stats } = bucket;
        let [activities, users, sessions] =
            [stats.activities, stats.users, stats.sessions].map(BigInt);
        Self { start, end, activities, users, sessions }
    }
}

/// What activities are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "activity::Dimension")]
pub(in crate::graphql) enum ActivityDimension {
    /// Where in the application it happened.
    Path,
    /// Where the user came from.
    Referer,
    /// The host of the referer, if it is a whole URL.
    RefererHost,
    /// The kind of event.
    Name,
    /// Who did it.
    User,
    /// What the browser calls itself.
    UserAgent,
}

/// One of the most frequent values.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TopItem {
    /// The path, or whatever was asked for; of a user the username, or the id if they are gone.
    value: String,
    /// By user: who it is; null if they are gone.
    user: Option<User>,
    /// How many activities there are.
    activities: BigInt,
    /// How many users were active.
    users: BigInt,
    /// How many browser sessions were active.
    sessions: BigInt,
}
