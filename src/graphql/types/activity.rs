//! Activities, their connections and what goes in.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::filter::ActivityFilter;
use super::session::Session;
use super::user::User;
use super::{OrderDirection, note_filter};
use crate::activity::{self, Filter, Key, Position, Report, Slice};
use crate::auth::Reader;
use crate::graphql::connection::{Connection, Countable, Order, PageArguments, connection};
use crate::graphql::{Selected, domain, loaders};

/// Something that a user did.
#[derive(Clone)]
pub(in crate::graphql) struct Activity(pub(in crate::graphql) activity::Activity);

/// Something that a user did, as their browser told it, with what the server knows of it.
#[Object]
impl Activity {
    /// Global id: the UUID that the client gave, or that the server made.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// When it happened, by the client.
    async fn date(&self) -> DateTime<Utc> {
        self.0.date
    }

    /// When the server took it.
    async fn received_at(&self) -> DateTime<Utc> {
        self.0.received_at
    }

    /// Where in the application it happened.
    async fn path(&self) -> &str {
        &self.0.path
    }

    /// Where the user came from, if the client said so.
    async fn referer(&self) -> Option<&str> {
        self.0.referer.as_deref()
    }

    /// The kind of event; `view` unless the client says otherwise.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What else the client told: one flat object.
    async fn properties(&self) -> Option<Json<&Value>> {
        self.0.properties.as_ref().map(Json)
    }

    /// Whether a value was longer than its limit and has been cut.
    async fn truncated(&self) -> bool {
        self.0.truncated
    }

    /// Who did it, verified by the server; null: an anonymous visitor.
    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<User>> {
        let Some(id) = self.0.user_id else { return Ok(None) };
        Ok(loaders(context)?.users.load_one(id).await?.map(User))
    }

    /// The browser session in which it was done.
    async fn session(&self, context: &Context<'_>) -> async_graphql::Result<Option<Session>> {
        let Some(id) = self.0.session_id else { return Ok(None) };
        Ok(loaders(context)?.sessions.load_one(id).await?.map(Session))
    }

    /// The network address it came from.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }
}

/// An activity to log.
#[derive(InputObject)]
pub(in crate::graphql) struct LogActivityInput {
    /// Any UUID, best a UUIDv7 made when the activity happens. Logging it again with the same id
    /// changes nothing, so a retry is safe.
    id: Option<Uuid>,
    /// When it happened; by default now.
    date: Option<DateTime<Utc>>,
    /// Where in the application it happened. Cut at 2,048 bytes.
    path: String,
    /// Where the user came from. Cut at 2,048 bytes.
    referer: Option<String>,
    /// The kind of event; `view` by default. Cut at 100 bytes.
    name: Option<String>,
    /// What else there is to tell: one flat object of texts, numbers, booleans and nulls, at most
    /// 50 of them. A text is cut at 1,000 bytes.
    properties: Option<Json<Value>>,
}

impl From<LogActivityInput> for Report {
    fn from(input: LogActivityInput) -> Self {
        Self {
            id: input.id,
            date: input.date,
            path: Some(input.path),
            referer: input.referer,
            name: input.name,
            properties: input.properties.map(|properties| properties.0),
        }
    }
}

/// How a list of activities is sorted; equal ones by their ids.
#[derive(InputObject)]
pub(in crate::graphql) struct ActivityOrder {
    /// What to sort by.
    pub(in crate::graphql) field: ActivityOrderField,
    /// Which way.
    pub(in crate::graphql) direction: OrderDirection,
}

/// What activities can be sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ActivityOrderField {
    /// When it happened.
    Date,
}

/// Resolves a connection of activities: those that `within` and the client's filter let through.
pub(in crate::graphql) async fn activities(
    context: &Context<'_>,
    reader: Reader,
    within: Option<Filter>,
    page: PageArguments,
    filter: Option<ActivityFilter>,
    order_by: Option<ActivityOrder>,
) -> async_graphql::Result<Connection<Activity>> {
    let asked = filter.map(ActivityFilter::checked).transpose()?;
    let filter = Filter::All(within.into_iter().chain(asked.clone()).collect());
    let page = page.page(context, Order::Date)?;
    let order = order_by.unwrap_or(ActivityOrder {
        field: ActivityOrderField::Date,
        direction: OrderDirection::Desc,
    });
    let ActivityOrderField::Date = order.field;
    let descending = order.direction == OrderDirection::Desc;
    let activities = &domain(context)?.activities;
    let noting = note_filter(context, asked.as_ref());
    let reading = activities.page(&reader, filter.clone(), descending, &page);
    // Nothing is told before it is noted that it was read, which takes a commit: both at once.
    let (noted, slice) = tokio::join!(noting, reading);
    noted?;
    let slice: Slice<activity::Activity> = slice?;
    loaders(context)?.prefetch(&Selected::of_items(context), &slice.rows).await?;
    let count = Countable::Activities(reader, filter);
    Ok(connection(slice, count, Order::Date, position, Activity))
}

fn position(activity: &activity::Activity) -> Position {
    Position { key: Key::Time(activity.date.into()), id: activity.id }
}
