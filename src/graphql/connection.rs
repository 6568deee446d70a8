//! Pages in the manner of Relay (<https://relay.dev/graphql/connections.htm>).

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, Object, OutputType};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::domain;
use crate::activity::{CappedCount, Filter, Key, Page, Position, Slice, Timestamp};
use crate::auth::{Reader, SessionFilter, Staff, UserFilter};
use crate::error::Error;

/// Rows of a page if neither `first` nor `last` is given.
const DEFAULT_PAGE: u64 = 50;
/// Most rows of a page.
const MAX_PAGE: i32 = 200;
/// `totalCount` counts no further.
const MAX_COUNT: u64 = 10_000;

/// A connection with a count that is made only if it is asked for.
pub(super) type CountedConnection<Node> = Connection<String, Node, TotalCount, EmptyFields>;

/// The order of a list, as its cursors name it: a cursor is good for one order only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Date,
    FirstSeenAt,
    CreatedAt,
    Username,
}

/// The arguments of every connection.
pub(super) struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArguments {
    /// Checks them, and looks at what is selected of `pageInfo`.
    pub(super) fn page(self, context: &Context<'_>, order: Order) -> Result<Page, Error> {
        let limit = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_input("Give either first or last, not both."));
            }
            (None, None) => DEFAULT_PAGE,
            (Some(limit), None) | (None, Some(limit)) if (0..=MAX_PAGE).contains(&limit) => {
                u64::from(limit.unsigned_abs())
            }
            _ => {
                let message = format!("first and last must be between 0 and {MAX_PAGE}.");
                return Err(Error::bad_input(message));
            }
        };
        let page_info = context.look_ahead().field("pageInfo");
        Ok(Page {
            limit,
            backward: self.last.is_some(),
            after: self.after.map(|cursor| order.decode(&cursor)).transpose()?,
            before: self.before.map(|cursor| order.decode(&cursor)).transpose()?,
            peek: page_info.field("hasPreviousPage").exists()
                || page_info.field("hasNextPage").exists(),
        })
    }
}

impl Order {
    fn tag(self) -> char {
        match self {
            Self::Date => 'd',
            Self::FirstSeenAt => 'f',
            Self::CreatedAt => 'c',
            Self::Username => 'n',
        }
    }

    /// Opaque to clients: the order, the id and the sort key of a row.
    fn encode(self, position: &Position) -> String {
        let key = match &position.key {
            Key::Time(time) => time.0.to_string(),
            Key::Text(text) => text.clone(),
        };
        URL_SAFE_NO_PAD.encode(format!("{}{}{key}", self.tag(), position.id.simple()))
    }

    fn decode(self, cursor: &str) -> Result<Position, Error> {
        self.try_decode(cursor)
            .ok_or_else(|| Error::bad_input("The cursor is not one of this list in this order."))
    }

    fn try_decode(self, cursor: &str) -> Option<Position> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let text = text.strip_prefix(self.tag())?;
        let id = Uuid::try_parse(text.get(..32)?).ok()?;
        let key = text.get(32..)?;
        let key = match self {
            Self::Username => Key::Text(key.to_owned()),
            _ => Key::Time(Timestamp(key.parse().ok()?)),
        };
        Some(Position { key, id })
    }
}

/// Makes a connection of a page of rows.
pub(super) fn connection<R, Node: OutputType>(
    slice: Slice<R>,
    count: Countable,
    order: Order,
    position: impl Fn(&R) -> Position,
    node: impl Fn(R) -> Node,
) -> CountedConnection<Node> {
    let mut connection = Connection::with_additional_fields(
        slice.has_previous,
        slice.has_next,
        TotalCount { of: count, counted: OnceCell::new() },
    );
    connection.edges.extend(slice.rows.into_iter().map(|row| {
        let cursor = order.encode(&position(&row));
        Edge::new(cursor, node(row))
    }));
    connection
}

/// What can be counted, with the right to do so.
pub(super) enum Countable {
    Activities(Reader, Filter),
    Sessions(Staff, SessionFilter),
    Users(Staff, UserFilter),
}

/// The count of a connection.
pub(super) struct TotalCount {
    of: Countable,
    counted: OnceCell<CappedCount>,
}

impl TotalCount {
    async fn count(&self, context: &Context<'_>) -> Result<&CappedCount, Error> {
        let domain = domain(context)?;
        let counting = async || match &self.of {
            Countable::Activities(reader, filter) => {
                domain.activities.count(reader, filter.clone(), MAX_COUNT).await
            }
            Countable::Sessions(staff, filter) => {
                domain.auth.sessions.count(staff, filter, MAX_COUNT).await
            }
            Countable::Users(staff, filter) => {
                domain.auth.users.count(staff, filter, MAX_COUNT).await
            }
        };
        self.counted.get_or_try_init(counting).await
    }
}

/// How many items there are.
#[Object]
impl TotalCount {
    /// How many items the filter lets through on all pages together, up to 10,000. Counted only if
    /// this field is selected.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64, Error> {
        Ok(self.count(context).await?.count)
    }

    /// Whether there are more items than `totalCount` says.
    async fn total_count_capped(&self, context: &Context<'_>) -> Result<bool, Error> {
        Ok(self.count(context).await?.capped)
    }
}
