//! Pages by keyset: a page starts at a row's sort key, so every page costs the same.
//!
//! The bound is a row value, `(date, id) < (?, ?)`, which both databases answer from the index
//! alone. An OR chain, as sea-orm's `cursor_by` builds it, is not.

use std::cmp::Ordering;

use sea_orm::sea_query::{Asterisk, ExprTrait, Func, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait,
    FromQueryResult, ModelTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    Value, sea_query::Expr,
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

impl Page {
    /// Where it starts, and where it ends at the latest.
    fn bounds(&self) -> (&Option<Position>, &Option<Position>) {
        if self.backward { (&self.before, &self.after) } else { (&self.after, &self.before) }
    }

    /// Where it goes from there.
    fn ahead(&self) -> Side {
        if self.backward { Side::Earlier } else { Side::Later }
    }
}

/// A page of rows, in the order of the list.
#[derive(Debug)]
pub(crate) struct Slice<R> {
    pub rows: Vec<R>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<R> Slice<R> {
    /// The page of two lists together, of each of which this is the page; they have no row in common.
    pub(crate) fn merge(
        mut self,
        other: Self,
        page: &Page,
        order: impl FnMut(&R, &R) -> Ordering,
    ) -> Self {
        self.rows.extend(other.rows);
        self.rows.sort_by(order);
        let more =
            self.rows.len().saturating_sub(usize::try_from(page.limit).unwrap_or(usize::MAX));
        if page.backward {
            self.rows.drain(..more);
        } else {
            self.rows.truncate(self.rows.len() - more);
        }
        self.has_previous |= other.has_previous || page.backward && more > 0;
        self.has_next |= other.has_next || !page.backward && more > 0;
        self
    }

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
    /// No index has the rows in this order, but one has all that puts them in order: the ids of the
    /// page are found first, and only its rows are read.
    pub ids_first: bool,
}

/// A count that stops at a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CappedCount {
    pub count: u64,
    /// There are more than `count`.
    pub capped: bool,
}

impl<C: ColumnTrait> Keyset<C> {
    /// Fetches one page of the rows for which the condition holds.
    pub(crate) async fn fetch<M>(
        &self,
        database: &DatabaseConnection,
        condition: Condition,
        page: &Page,
    ) -> Result<Slice<M>, DbErr>
    where
        M: ModelTrait + FromQueryResult,
        M::Entity: EntityTrait<Column = C, Model = M>,
    {
        let (near, far) = page.bounds();
        let ahead = page.ahead();
        let mut rows = self.select::<M::Entity>(condition.clone(), page).all(database).await?;

        let bound_is_there =
            near.as_ref().is_some_and(|near| rows.first().is_some_and(|row| self.is_at(row, near)));
        if bound_is_there {
            rows.remove(0);
        }
        let is_cut = async |bound: &Option<Position>, side| match bound {
            Some(bound) if page.peek => {
                self.is_cut::<M::Entity>(database, condition.clone(), bound, side).await
            }
            _ => Ok(false),
        };
        let has_behind = bound_is_there || is_cut(near, ahead.opposite()).await?;
        let has_more = rows.len() as u64 > page.limit;
        rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        let has_ahead = has_more || is_cut(far, ahead).await?;
        if page.backward {
            rows.reverse();
        }
        let (has_previous, has_next) =
            if page.backward { (has_ahead, has_behind) } else { (has_behind, has_ahead) };
        Ok(Slice { rows, has_previous, has_next })
    }

    /// The rows of a page from its near end on: two more than it holds, for what lies at its ends.
    pub(super) fn select<E: EntityTrait<Column = C>>(
        &self,
        condition: Condition,
        page: &Page,
    ) -> Select<E> {
        let (near, far) = page.bounds();
        let ahead = page.ahead();
        let mut query = E::find();
        // The row of the bound itself tells whether something comes before the page.
        let edge = if page.peek { Edge::With } else { Edge::Without };
        // The bounds come first: of several conditions on the sort key SQLite asks its index about
        // the first one, and looks at every row from there on for the others.
        if let Some(near) = near {
            query = query.filter(self.beyond(near, ahead, edge));
        }
        if let Some(far) = far {
            query = query.filter(self.beyond(far, ahead.opposite(), Edge::Without));
        }
        let query = query.filter(condition);
        // One row more than asked for tells whether something comes after it.
        let sorted = self.sorted(query, ahead).limit(page.limit.saturating_add(2));
        if !self.ids_first {
            return sorted;
        }
        let ids = sorted.select_only().column(self.id).into_query();
        self.sorted(E::find().filter(self.id.in_subquery(ids)), ahead)
    }

    /// Whether a bound cuts off rows: itself, or any on that side of it.
    async fn is_cut<E: EntityTrait<Column = C>>(
        &self,
        database: &DatabaseConnection,
        condition: Condition,
        bound: &Position,
        side: Side,
    ) -> Result<bool, DbErr> {
        let query = E::find().filter(self.beyond(bound, side, Edge::With)).filter(condition);
        // From the bound outwards, where the first row is likely to be found.
        Ok(self.sorted(query, side).limit(1).one(database).await?.is_some())
    }

    /// In the order of the list, or against it.
    fn sorted<E: EntityTrait>(&self, query: Select<E>, towards: Side) -> Select<E> {
        let is_ascending = self.descending == (towards == Side::Earlier);
        let order = if is_ascending { Order::Asc } else { Order::Desc };
        query.order_by(self.key, order.clone()).order_by(self.id, order)
    }

    /// Whether a row has this sort key and id.
    fn is_at<M: ModelTrait>(&self, row: &M, position: &Position) -> bool
    where
        M::Entity: EntityTrait<Column = C>,
    {
        let key = match &position.key {
            Key::Time(time) => Value::from(*time),
            Key::Text(text) => Value::from(text.as_str()),
        };
        row.get(self.id) == Value::from(position.id) && row.get(self.key) == key
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

impl Side {
    fn opposite(self) -> Self {
        match self {
            Self::Earlier => Self::Later,
            Self::Later => Self::Earlier,
        }
    }
}

#[derive(Clone, Copy)]
enum Edge {
    With,
    Without,
}

/// Counts the rows for which the condition holds, but no more than `cap`.
pub(crate) async fn count<E: EntityTrait>(
    database: &impl ConnectionTrait,
    condition: Condition,
    cap: u64,
) -> Result<CappedCount, DbErr> {
    let limited = E::find()
        .filter(condition)
        .select_only()
        .expr_as(Expr::value(1), "one")
        .limit(cap + 1)
        .into_query();
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
