//! Pages in the manner of Relay (<https://relay.dev/graphql/connections.htm>).

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, OutputType, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::domain;
use super::weights::MAX_PAGE;
use crate::activity::{CappedCount, Filter, Key, Page, Position, Slice, Timestamp};
use crate::auth::{Admin, AuditFilter, Reader, SessionFilter, Staff, UserFilter};
use crate::error::Error;

/// Rows of a page if neither `first` nor `last` is given.
const DEFAULT_PAGE: u64 = 50;
/// `totalCount` counts no further.
const MAX_COUNT: u64 = 10_000;

/// A page of a list.
pub(super) struct Connection<Node> {
    edges: Vec<Edge<Node>>,
    has_previous: bool,
    has_next: bool,
    of: Countable,
    counted: OnceCell<CappedCount>,
}

/// An item of a list, and where it stands.
pub(super) struct Edge<Node> {
    cursor: String,
    node: Node,
}

impl<Node: OutputType> TypeName for Connection<Node> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", Node::type_name()).into()
    }
}

impl<Node: OutputType> TypeName for Edge<Node> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", Node::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<Node: OutputType> Connection<Node> {
    /// The items, each with its cursor.
    async fn edges(&self) -> &[Edge<Node>] {
        &self.edges
    }

    /// The items without their cursors.
    async fn nodes(&self) -> Vec<&Node> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// What lies around this page.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }

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

/// An item of a list, and where it stands.
#[Object(name_type)]
impl<Node: OutputType> Edge<Node> {
    /// To be given as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The item.
    async fn node(&self) -> &Node {
        &self.node
    }
}

/// The order of a list, as its cursors name it: a cursor is good for one order only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Date,
    AuditDate,
    FirstSeenAt,
    SessionLastSeenAt,
    CreatedAt,
    UserLastSeenAt,
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
        let most = domain(context)?.config.limits.page.min(MAX_PAGE);
        let limit = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_input("Give either first or last, not both."));
            }
            (None, None) => DEFAULT_PAGE.min(most),
            (Some(limit), None) | (None, Some(limit)) => {
                let limit = u64::try_from(limit).ok().filter(|limit| *limit <= most);
                let message = || format!("first and last must be between 0 and {most}.");
                limit.ok_or_else(|| Error::bad_input(message()))?
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
            Self::AuditDate => 'a',
            Self::FirstSeenAt => 'f',
            Self::SessionLastSeenAt => 's',
            Self::CreatedAt => 'c',
            Self::UserLastSeenAt => 'u',
            Self::Username => 'n',
        }
    }

    /// Opaque to clients: the order, the id and the sort key of a row.
    pub(super) fn encode(self, position: &Position) -> String {
        let key = match &position.key {
            Key::Time(time) => time.0.to_string(),
            Key::Text(text) => text.clone(),
        };
        URL_SAFE_NO_PAD.encode(format!("{}{}{key}", self.tag(), position.id.simple()))
    }

    pub(super) fn decode(self, cursor: &str) -> Result<Position, Error> {
        self.try_decode(cursor)
            .ok_or_else(|| Error::bad_input("The cursor is not one of this list in this order."))
    }

    fn try_decode(self, cursor: &str) -> Option<Position> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let text = Some(text).filter(|text| !text.contains('\0'))?;
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
pub(super) fn connection<R, Node>(
    slice: Slice<R>,
    of: Countable,
    order: Order,
    position: impl Fn(&R) -> Position,
    node: impl Fn(R) -> Node,
) -> Connection<Node> {
    let edge = |row: R| Edge { cursor: order.encode(&position(&row)), node: node(row) };
    Connection {
        edges: slice.rows.into_iter().map(edge).collect(),
        has_previous: slice.has_previous,
        has_next: slice.has_next,
        of,
        counted: OnceCell::new(),
    }
}

/// What can be counted, with the right to do so.
pub(super) enum Countable {
    Activities(Reader, Filter),
    Sessions(Staff, SessionFilter),
    Users(Staff, UserFilter),
    AuditEvents(Admin, AuditFilter),
}

impl<Node> Connection<Node> {
    /// Counts once, whichever of the fields asks first.
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
            Countable::AuditEvents(admin, filter) => {
                domain.auth.audit.count(admin, filter, MAX_COUNT).await
            }
        };
        self.counted.get_or_try_init(counting).await
    }
}
