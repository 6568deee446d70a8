//! Queries on activities.

use std::collections::BTreeSet;

use sea_orm::sea_query::{ExprTrait, Func, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseBackend, EntityTrait, QueryFilter, Value, sea_query::Expr,
};
use uuid::Uuid;

use super::entity::activity::{Column, Entity, Model};
use super::entity::session;
use super::keyset::{self, CappedCount, Keyset, Page, Slice};
use super::leading::Wanted;
use super::{Store, Timestamp, parts};
use crate::error::Error;

/// Which activities are meant.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// All of these hold; of none: everything.
    All(Vec<Filter>),
    /// One of these holds; of none: nothing.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    Date(Bound, Timestamp),
    Path(Text),
    Referer(Text),
    Name(Text),
    IpAddress(Text),
    /// The user agent of the session.
    UserAgent(Text),
    User(Vec<Uuid>),
    Session(Vec<Uuid>),
    /// In any session of this user.
    SessionsOf(Uuid),
    /// Whether nobody was logged in.
    Anonymous(bool),
}

/// How a value lies to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Equal,
    From,
    After,
    Until,
    Before,
}

/// What a text is like. Upper and lower case are different.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    In(Vec<String>),
    StartsWith(String),
    Contains(String),
}

impl Store {
    /// One page of the activities that the filter lets through, by date.
    pub(crate) async fn activities(
        &self,
        filter: &Filter,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Model>, Error> {
        let keyset = Keyset { key: Column::Date, id: Column::Id, descending };
        if let Some(slice) = self.page_in_parts(filter, &keyset, page).await? {
            return Ok(slice);
        }
        let found = filter.by_index(&self.read, Wanted::ByDate).await?;
        if found.is_sorted {
            // To sort ids costs less than to sort rows.
            return Ok(parts::fetch(&self.read, &keyset, vec![found.condition], page).await?);
        }
        Ok(keyset.fetch(&self.read, found.condition, page).await?)
    }

    /// How many activities the filter lets through.
    pub(crate) async fn count_activities(
        &self,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        let condition = filter.by_index(&self.read, Wanted::All).await?.condition;
        Ok(keyset::count::<Entity>(&self.read, condition, cap).await?)
    }

    /// Those of the activities that exist, in no order.
    pub(crate) async fn activities_by_id(&self, ids: &[Uuid]) -> Result<Vec<Model>, Error> {
        let select = Entity::find().filter(any_of(Column::Id, ids.iter().copied()));
        Ok(select.all(&self.lookup).await?)
    }
}

impl Filter {
    /// The users and sessions whose activities it lets through, as far as it names them.
    pub(crate) fn people(&self) -> Vec<Uuid> {
        let mut people = Vec::new();
        self.each(true, &mut |filter, is_meant| match filter {
            Self::User(ids) | Self::Session(ids) if is_meant => people.extend(ids),
            _ => {}
        });
        people
    }

    /// The same for network addresses.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let mut addresses = Vec::new();
        self.each(true, &mut |filter, is_meant| match filter {
            Self::IpAddress(Text::In(texts)) if is_meant => addresses.extend(texts.clone()),
            Self::IpAddress(Text::StartsWith(text) | Text::Contains(text)) if is_meant => {
                addresses.push(text.clone());
            }
            _ => {}
        });
        addresses
    }

    /// What it has conditions on, by the names of the API.
    pub(crate) fn fields(&self) -> BTreeSet<&'static str> {
        let mut fields = BTreeSet::new();
        self.each(true, &mut |filter, _| {
            fields.extend(match filter {
                Self::All(_) | Self::Any(_) | Self::Not(_) => None,
                Self::Date(..) => Some("date"),
                Self::Path(_) => Some("path"),
                Self::Referer(_) => Some("referer"),
                Self::Name(_) => Some("name"),
                Self::IpAddress(_) => Some("ipAddress"),
                Self::UserAgent(_) => Some("userAgent"),
                Self::User(_) => Some("user"),
                Self::Session(_) | Self::SessionsOf(_) => Some("session"),
                Self::Anonymous(_) => Some("anonymous"),
            });
        });
        fields
    }

    /// Shows each condition, and whether it is one that may hold: not that it does not.
    fn each(&self, is_meant: bool, see: &mut dyn FnMut(&Self, bool)) {
        see(self, is_meant);
        match self {
            Self::All(filters) | Self::Any(filters) => {
                filters.iter().for_each(|filter| filter.each(is_meant, see));
            }
            Self::Not(filter) => filter.each(!is_meant, see),
            _ => {}
        }
    }

    pub(super) fn condition(&self, backend: DatabaseBackend) -> Condition {
        let conditions = |filters: &[Filter], of: Condition| {
            filters.iter().fold(of, |of, filter| of.add(filter.condition(backend)))
        };
        match self {
            Self::All(filters) => conditions(filters, Condition::all()),
            Self::Any(filters) if filters.is_empty() => Condition::all().add(nothing()),
            Self::Any(filters) => conditions(filters, Condition::any()),
            // A condition on a value that is not there is neither true nor false in SQL.
            Self::Not(filter) => {
                let condition = SimpleExpr::from(filter.condition(backend));
                let is_true = Func::coalesce([condition, Expr::value(false)]);
                Condition::all().add(SimpleExpr::from(is_true).not())
            }
            Self::Date(bound, date) => Condition::all().add(bound.on(Column::Date, *date)),
            Self::Path(text) => Condition::all().add(text.on(Column::Path, backend)),
            Self::Referer(text) => Condition::all().add(text.on(Column::Referer, backend)),
            Self::Name(text) => Condition::all().add(text.on(Column::Name, backend)),
            Self::IpAddress(text) => Condition::all().add(text.on(Column::IpAddress, backend)),
            Self::UserAgent(text) => Condition::all().add(
                Column::SessionId.in_subquery(
                    Query::select()
                        .column(session::Column::Id)
                        .from(session::Entity)
                        .and_where(text.on(session::Column::UserAgent, backend))
                        .take(),
                ),
            ),
            Self::User(ids) => Condition::all().add(one_of(Column::UserId, ids)),
            Self::Session(ids) => Condition::all().add(one_of(Column::SessionId, ids)),
            Self::SessionsOf(user_id) => Condition::all().add(
                Column::SessionId.in_subquery(
                    Query::select()
                        .column(session::Column::Id)
                        .from(session::Entity)
                        .and_where(session::Column::UserId.eq(*user_id))
                        .take(),
                ),
            ),
            Self::Anonymous(true) => Condition::all().add(Column::UserId.is_null()),
            Self::Anonymous(false) => Condition::all().add(Column::UserId.is_not_null()),
        }
    }
}

impl Bound {
    /// The condition on a column.
    pub(super) fn on<C: ColumnTrait>(self, column: C, value: Timestamp) -> SimpleExpr {
        match self {
            Self::Equal => column.eq(value),
            Self::From => column.gte(value),
            Self::After => column.gt(value),
            Self::Until => column.lte(value),
            Self::Before => column.lt(value),
        }
    }
}

impl Text {
    /// The condition on a column that compares by bytes.
    pub(super) fn on<C: ColumnTrait>(&self, column: C, backend: DatabaseBackend) -> SimpleExpr {
        match self {
            Self::In(texts) => one_of(column, texts),
            Self::StartsWith(prefix) => keyset::starts_with(column, prefix),
            Self::Contains(part) => {
                let position = match backend {
                    DatabaseBackend::Postgres => "strpos",
                    _ => "instr",
                };
                let column = Expr::col(column.as_column_ref());
                Func::cust(position).arg(column).arg(part.as_str()).gt(0)
            }
        }
    }
}

/// That a column has any of these values, [`rounded_up`].
pub(super) fn any_of<C, V>(column: C, values: impl IntoIterator<Item = V>) -> SimpleExpr
where
    C: ColumnTrait,
    V: Into<Value>,
{
    column.is_in(rounded_up(values.into_iter().map(Into::into).collect::<Vec<Value>>()))
}

/// Repeats the last value up to a power of two. Each connection keeps a hundred statements prepared: so
/// there are few different ones, most of them have been seen before, and the long ones take little room.
pub(super) fn rounded_up<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned()
        && values.len() <= MOST_REPEATED
    {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// Longer lists are left as they are.
const MOST_REPEATED: usize = 2_048;

/// Equality where it is one value: an index then still serves the order of the page.
pub(super) fn one_of<C, V>(column: C, values: &[V]) -> SimpleExpr
where
    C: ColumnTrait,
    V: Clone + Into<Value>,
{
    match values {
        [value] => column.eq(value.clone()),
        values => column.is_in(values.iter().cloned()),
    }
}

fn nothing() -> SimpleExpr {
    Expr::value(1).eq(0)
}
