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

    /// So many rows tell what is on it and what lies at its ends: two more than it holds.
    pub(super) fn span(&self) -> u64 {
        self.limit.saturating_add(2)
    }

    /// The same from where it starts, as far as its limit lets it go.
    pub(super) fn without_far_bound(&self) -> Self {
        if self.backward {
            Self { after: None, ..self.clone() }
        } else {
            Self { before: None, ..self.clone() }
        }
    }

    /// What a bound has cut off: itself, and all on that side of it, the nearest first.
    fn beyond(bound: Position, side: Side) -> Self {
        let bound = Some(bound);
        match side {
            Side::Earlier => Self { before: bound, backward: true, peek: true, ..Self::default() },
            Side::Later => Self { after: bound, peek: true, ..Self::default() },
        }
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
}

/// A count that stops at a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CappedCount {
    pub count: u64,
    /// There are more than `count`.
    pub capped: bool,
}

impl<C: ColumnTrait> Keyset<C> {
    /// Fetches one page of the rows for which the condition holds; an index has them in this order.
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
        let select = |page: &Page| self.page_of(M::Entity::find(), condition.clone(), page);
        self.fetch_by(database, select, page).await
    }

    /// The same of rows that are selected in another way, as by [`Keyset::page_of`].
    pub(super) async fn fetch_by<M>(
        &self,
        database: &DatabaseConnection,
        select: impl Fn(&Page) -> Select<M::Entity>,
        page: &Page,
    ) -> Result<Slice<M>, DbErr>
    where
        M: ModelTrait + FromQueryResult,
        M::Entity: EntityTrait<Column = C, Model = M>,
    {
        let rows = select(page).all(database).await?;
        let mut cut = [false; 2];
        for (is_cut, beyond) in cut.iter_mut().zip(self.open_ends(&rows, page)) {
            if let Some(beyond) = beyond {
                *is_cut = select(&beyond).one(database).await?.is_some();
            }
        }
        Ok(self.slice(rows, page, cut))
    }

    /// What lies beyond the near and the far bound of a page, if that is wanted and its rows do not
    /// tell whether there is anything.
    pub(super) fn open_ends<M>(&self, rows: &[M], page: &Page) -> [Option<Page>; 2]
    where
        M: ModelTrait,
        M::Entity: EntityTrait<Column = C>,
    {
        let (near, far) = page.bounds();
        let ahead = page.ahead();
        let peeked = |bound: &Option<Position>| bound.clone().filter(|_| page.peek);
        let is_open = !self.starts_at_bound(rows, page);
        let near = peeked(near).filter(|_| is_open);
        let has_more = rows.len() as u64 > page.limit.saturating_add(u64::from(!is_open));
        let far = peeked(far).filter(|_| !has_more);
        [
            near.map(|bound| Page::beyond(bound, ahead.opposite())),
            far.map(|bound| Page::beyond(bound, ahead)),
        ]
    }

    /// Makes a page of its rows, and of whether anything lies beyond its near and its far bound.
    pub(super) fn slice<M>(&self, mut rows: Vec<M>, page: &Page, cut: [bool; 2]) -> Slice<M>
    where
        M: ModelTrait,
        M::Entity: EntityTrait<Column = C>,
    {
        let starts_at_bound = self.starts_at_bound(&rows, page);
        if starts_at_bound {
            rows.remove(0);
        }
        let has_behind = starts_at_bound || cut[0];
        let has_ahead = rows.len() as u64 > page.limit || cut[1];
        rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        if page.backward {
            rows.reverse();
        }
        let (has_previous, has_next) =
            if page.backward { (has_ahead, has_behind) } else { (has_behind, has_ahead) };
        Slice { rows, has_previous, has_next }
    }

    /// The rows of a page from its near end on, and those that tell what lies at its ends.
    pub(super) fn page_of<E: EntityTrait<Column = C>>(
        &self,
        mut query: Select<E>,
        condition: Condition,
        page: &Page,
    ) -> Select<E> {
        let (near, far) = page.bounds();
        let ahead = page.ahead();
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
        let order = self.order(page);
        let query = query.filter(condition).order_by(self.key, order.clone());
        query.order_by(self.id, order).limit(page.span())
    }

    /// That a row is on a page until this one, or is this one.
    pub(super) fn until(&self, last: &Position, page: &Page) -> SimpleExpr {
        self.beyond(last, page.ahead().opposite(), Edge::With)
    }

    /// The order in which the rows of a page are selected.
    pub(super) fn order(&self, page: &Page) -> Order {
        let is_ascending = self.descending == (page.ahead() == Side::Earlier);
        if is_ascending { Order::Asc } else { Order::Desc }
    }

    /// Whether the first row is that of the near bound.
    fn starts_at_bound<M: ModelTrait>(&self, rows: &[M], page: &Page) -> bool
    where
        M::Entity: EntityTrait<Column = C>,
    {
        let (Some(near), Some(row)) = (page.bounds().0, rows.first()) else { return false };
        let key = match &near.key {
            Key::Time(time) => Value::from(*time),
            Key::Text(text) => Value::from(text.as_str()),
        };
        row.get(self.id) == Value::from(near.id) && row.get(self.key) == key
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
    match ends_before(column, prefix) {
        Some(end) => from.and(end),
        None => from,
    }
}

/// That a text is less than all that are greater than those which start with `prefix`, if there are any.
pub(super) fn ends_before<C: ColumnTrait>(column: C, prefix: &str) -> Option<SimpleExpr> {
    after_prefix(prefix).map(|end| column.lt(end))
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
