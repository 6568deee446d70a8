//! Pages by keyset: a page starts at a row's sort key, so every page costs the same.
//!
//! The bound is a row value, `(date, id) < (?, ?)`, which both databases answer from the index
//! alone. An OR chain, as sea-orm's `cursor_by` builds it, is not.

use sea_orm::sea_query::{Asterisk, ExprTrait, Func, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, Order, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, sea_query::Expr,
};
use uuid::Uuid;

use super::Timestamp;

/// Where a row stands in an order: its sort key, and its id for those of equal key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    pub key: Key,
    pub id: Uuid,
}

/// A sort key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Time(Timestamp),
    Text(String),
}

/// Which rows of an ordered list are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub limit: u64,
    /// From the end of the list instead of its beginning.
    pub backward: bool,
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// Whether to find out what a bound has cut off; costs a statement for each bound.
    pub peek: bool,
}

/// A page of rows, in the order of the list.
#[derive(Debug)]
pub(crate) struct Slice<R> {
    pub rows: Vec<R>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<R> Slice<R> {
    /// The same page of what is made of the rows.
    pub(crate) fn map<T>(self, make: impl FnMut(R) -> T) -> Slice<T> {
        let Self { rows, has_previous, has_next } = self;
        Slice { rows: rows.into_iter().map(make).collect(), has_previous, has_next }
    }
}

/// The columns that order a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyset<C> {
    pub key: C,
    pub id: C,
    pub descending: bool,
}

/// A count that stops at a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CappedCount {
    pub count: u64,
    /// There are more than `count`.
    pub capped: bool,
}

impl<C: ColumnTrait> Keyset<C> {
    /// Fetches one page of `select`.
    pub(crate) async fn fetch<E: EntityTrait<Column = C>>(
        &self,
        database: &DatabaseConnection,
        select: Select<E>,
        page: &Page,
    ) -> Result<Slice<E::Model>, DbErr> {
        let mut query = select.clone();
        if let Some(after) = &page.after {
            query = query.filter(self.beyond(after, Side::Later, Edge::Without));
        }
        if let Some(before) = &page.before {
            query = query.filter(self.beyond(before, Side::Earlier, Edge::Without));
        }
        let order = if self.descending == page.backward { Order::Asc } else { Order::Desc };
        // One row more than asked for tells whether there is a next page.
        let mut rows = query
            .order_by(self.key, order.clone())
            .order_by(self.id, order)
            .limit(page.limit + 1)
            .all(database)
            .await?;
        let has_more = rows.len() as u64 > page.limit;
        rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        if page.backward {
            rows.reverse();
        }
        let has_previous = page.backward && has_more
            || self.is_cut(database, &select, page, page.after.as_ref(), Side::Earlier).await?;
        let has_next = !page.backward && has_more
            || self.is_cut(database, &select, page, page.before.as_ref(), Side::Later).await?;
        Ok(Slice { rows, has_previous, has_next })
    }

    /// Whether a bound cuts off rows: itself, or any on that side of it.
    async fn is_cut<E: EntityTrait<Column = C>>(
        &self,
        database: &DatabaseConnection,
        select: &Select<E>,
        page: &Page,
        bound: Option<&Position>,
        side: Side,
    ) -> Result<bool, DbErr> {
        let Some(bound) = bound.filter(|_| page.peek) else { return Ok(false) };
        let row = select
            .clone()
            .filter(self.beyond(bound, side, Edge::With))
            .limit(1)
            .one(database)
            .await?;
        Ok(row.is_some())
    }

    /// Rows that come earlier or later in the list than a position.
    fn beyond(&self, position: &Position, side: Side, edge: Edge) -> SimpleExpr {
        let columns =
            Expr::tuple([Expr::col(self.key.as_column_ref()), Expr::col(self.id.as_column_ref())]);
        let key = match &position.key {
            Key::Time(time) => Expr::value(*time),
            Key::Text(text) => Expr::value(text.as_str()),
        };
        let position = Expr::tuple([key, Expr::value(position.id)]);
        match (self.descending == (side == Side::Earlier), edge) {
            (true, Edge::Without) => columns.gt(position),
            (true, Edge::With) => columns.gte(position),
            (false, Edge::Without) => columns.lt(position),
            (false, Edge::With) => columns.lte(position),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Earlier,
    Later,
}

#[derive(Clone, Copy)]
enum Edge {
    With,
    Without,
}

/// Counts the rows of `select`, but no more than `cap`.
pub(crate) async fn count<E: EntityTrait>(
    database: &DatabaseConnection,
    select: Select<E>,
    cap: u64,
) -> Result<CappedCount, DbErr> {
    use sea_orm::ConnectionTrait;

    let limited = select.select_only().expr_as(Expr::value(1), "one").limit(cap + 1).into_query();
    let counting = Query::select()
        .expr(Func::count(Expr::col(Asterisk)))
        .from_subquery(limited, "limited")
        .take();
    let row = database.query_one(&counting).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    let count = count.unsigned_abs();
    Ok(CappedCount { count: Ord::min(count, cap), capped: count > cap })
}

/// Texts that start with `prefix`, as a range that an index serves. For columns that compare by bytes.
pub(crate) fn starts_with<C: ColumnTrait>(column: C, prefix: &str) -> SimpleExpr {
    let from = column.gte(prefix);
    match after_prefix(prefix) {
        Some(end) => from.and(column.lt(end)),
        None => from,
    }
}

/// The least text that is greater than every text with this prefix, if there is one.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The surrogates, which are no characters, lie in between.
        let next =
            if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}
