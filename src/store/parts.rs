//! Pages of what an index has in parts.
//!
//! It has the activities of one path by date, but not those of several paths, nor of all that start
//! alike. Of several the page is made of the next ones of each. Of those that start alike the next ones
//! are mostly near, and met on a short walk through the log. If not, and if they are not few, they lie
//! behind a long stretch of others: then it is made of the paths whose next activity is nearest.

use std::collections::BTreeSet;
use std::iter;

use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait, Func, IntoCondition, Order, Query,
    SimpleExpr, UnionType, WithClause,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Value,
};

use super::Store;
use super::activities::{Filter, Text};
use super::entity::activity::{Column, Entity, Model};
use super::keyset::{self, Key, Keyset, Page, Position, Slice};
use super::leading::without_index;
use super::transaction::begin_reading;

/// A statement has so many parts at most; SQLite takes 500.
const PARTS: usize = 256;
/// Each part has all conditions on the date, of which two are enough for anybody.
const DATES: usize = 8;
/// So many with a prefix are sorted sooner than looked for.
const FEW: u64 = 2_000;
/// So far the log is walked for each row of the page.
const STEPS: u64 = 200;
/// Of more texts it is not asked which are nearest.
const TEXTS: i64 = 5_000;

/// Activities of which a text starts with a prefix, within dates.
struct Prefix<'a> {
    column: Column,
    prefix: &'a str,
    dates: Condition,
}

impl Store {
    /// One page of the activities that the filter lets through, if it asks for several of a kind, or
    /// for a prefix, and for no more than dates beside it. None: it does not, or there is a better way.
    pub(super) async fn page_in_parts(
        &self,
        filter: &Filter,
        keyset: &Keyset<Column>,
        page: &Page,
    ) -> Result<Option<Slice<Model>>, DbErr> {
        let terms = filter.terms().into_iter();
        let (dates, others): (Vec<_>, Vec<_>) = terms.partition(|term| term.date().is_some());
        let [term] = others[..] else { return Ok(None) };
        if dates.len() > DATES || page.span() > PARTS as u64 {
            return Ok(None);
        }
        let dates = dates.into_iter().filter_map(Filter::date);
        let dates = dates.fold(Condition::all(), Condition::add);
        if let Some((column, prefix)) = term.prefix() {
            let prefix = Prefix { column, prefix, dates };
            return self.page_of_prefix(&prefix, keyset, page).await;
        }
        let values = term.values();
        if !term.is_in_pieces() || values.is_empty() || values.len() > PARTS {
            return Ok(None);
        }
        let parts = values.into_iter().map(|value| dates.clone().add(value));
        Ok(Some(fetch(&self.read, keyset, parts.collect(), page).await?))
    }

    async fn page_of_prefix(
        &self,
        prefix: &Prefix<'_>,
        keyset: &Keyset<Column>,
        page: &Page,
    ) -> Result<Option<Slice<Model>>, DbErr> {
        if !keyset::count::<Entity>(&self.read, prefix.starts(), FEW).await?.capped {
            return Ok(None);
        }
        let (near, is_all) = self.near(prefix, keyset, page).await?;
        if is_all || near.len() as u64 == page.span() {
            let cut = cut(&self.read, prefix, keyset, &near, page).await?;
            return Ok(Some(keyset.slice(near, page, cut)));
        }
        // What is nearest now must not be gone when it is read.
        let snapshot = begin_reading(&self.read).await?;
        let Some(parts) = nearest(&snapshot, prefix, keyset, page).await? else { return Ok(None) };
        let rows = select(keyset, parts, page).all(&snapshot).await?;
        let cut = cut(&snapshot, prefix, keyset, &rows, page).await?;
        snapshot.commit().await?;
        Ok(Some(keyset.slice(rows, page, cut)))
    }

    /// The rows of the page that are met on a short walk through the log, and whether these are all.
    async fn near(
        &self,
        prefix: &Prefix<'_>,
        keyset: &Keyset<Column>,
        page: &Page,
    ) -> Result<(Vec<Model>, bool), DbErr> {
        let keys = Entity::find().select_only().columns([Column::Date, Column::Id]);
        let keys = keyset.page_of(keys, prefix.dates.clone(), page);
        let last = keys.offset(page.span() * STEPS).into_tuple().one(&self.read).await?;
        let walk = match last {
            None => keyset.page_of(Entity::find(), prefix.walked(), page),
            Some((date, id)) => {
                let last = Position { key: Key::Time(date), id };
                // Of two conditions on its end SQLite lets the first one stop the walk.
                let near = Condition::all().add(keyset.until(&last, page)).add(prefix.walked());
                keyset.page_of(Entity::find(), near, &page.without_far_bound())
            }
        };
        Ok((walk.all(&self.read).await?, last.is_none()))
    }
}

/// Whether there are any beyond the bounds of a page, as far as its rows do not tell.
async fn cut(
    connection: &impl ConnectionTrait,
    prefix: &Prefix<'_>,
    keyset: &Keyset<Column>,
    rows: &[Model],
    page: &Page,
) -> Result<[bool; 2], DbErr> {
    let mut cut = [false; 2];
    for (is_cut, beyond) in cut.iter_mut().zip(keyset.open_ends(rows, page)) {
        let Some(beyond) = beyond else { continue };
        *is_cut = match nearest(connection, prefix, keyset, &beyond).await? {
            Some(parts) => !parts.is_empty(),
            None => {
                let walk = keyset.page_of(Entity::find(), prefix.walked(), &beyond);
                walk.one(connection).await?.is_some()
            }
        };
    }
    Ok(cut)
}

/// The parts of which the page is made: the texts whose next activity is nearest. None: there are too
/// many to look for it.
async fn nearest(
    connection: &impl ConnectionTrait,
    prefix: &Prefix<'_>,
    keyset: &Keyset<Column>,
    page: &Page,
) -> Result<Option<Vec<Condition>>, DbErr> {
    let some = Query::select().column(TEXT).from(ALL).limit(TEXTS as u64 + 1).take();
    let counted = Query::select()
        .column(TEXT)
        .expr_as(Expr::cust("COUNT(*) OVER ()"), "many")
        .from_subquery(some, "some")
        .take();
    let is_of_text = Expr::col((Entity, prefix.column)).eq(Expr::col(("counted", TEXT)));
    let next = Entity::find().select_only().column(Column::Id);
    let next = keyset.page_of(next, prefix.dates.clone().add(is_of_text), page).limit(1);
    let id = Expr::col((Entity, Column::Id));
    let (is_next, has_next) = (id.clone().eq(next.into_query()), id.is_not_null());
    let order = keyset.order(page);
    let texts = Query::select()
        .columns([("counted", TEXT), ("counted", "many")])
        .expr(has_next.clone())
        .from_subquery(counted, "counted")
        .left_join(Entity, is_next)
        .order_by_expr(has_next, Order::Desc)
        .order_by((Entity, Column::Date), order.clone())
        .order_by((Entity, Column::Id), order)
        .limit(page.span())
        .take();
    let mut parts = Vec::new();
    for row in connection.query_all(&texts.with(prefix.texts())).await? {
        if row.try_get_by_index::<i64>(1)? > TEXTS {
            return Ok(None);
        }
        if row.try_get_by_index(2)? {
            let text: String = row.try_get_by_index(0)?;
            parts.push(prefix.dates.clone().add(prefix.column.eq(text)));
        }
    }
    Ok(Some(parts))
}

/// One page of rows of which an index has each of these parts by date; no row is in two of them.
pub(super) async fn fetch(
    database: &DatabaseConnection,
    keyset: &Keyset<Column>,
    parts: Vec<Condition>,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    keyset.fetch_by(database, |page| select(keyset, parts.clone(), page), page).await
}

/// As [`Keyset::page_of`]: the ids of the page are found first, and only its rows are read.
fn select(keyset: &Keyset<Column>, parts: Vec<Condition>, page: &Page) -> Select<Entity> {
    let of_part = |part, rows| {
        let keys = Entity::find().select_only().columns([Column::Date, Column::Id]);
        let keys = keyset.page_of(keys, part, page).limit(rows).into_query();
        // SQLite limits no part of a union but what is a query of its own.
        Query::select().column(Asterisk).from_subquery(keys, "part").take()
    };
    // What is looked for in vain makes few different statements of many, so that they stay prepared.
    let in_vain = parts.len().next_power_of_two() - parts.len();
    let in_vain = iter::repeat_n(parts.last().cloned().unwrap_or_else(Condition::all), in_vain);
    let mut union = of_part(Condition::all(), 0);
    for part in parts {
        union.union(UnionType::All, of_part(part, page.span()));
    }
    for part in in_vain {
        union.union(UnionType::All, of_part(part, 0));
    }
    let order = keyset.order(page);
    let ids = Query::select()
        .column(Column::Id)
        .from_subquery(union, "parts")
        .order_by(Column::Date, order.clone())
        .order_by(Column::Id, order.clone())
        .limit(page.span())
        .take();
    let rows = Entity::find().filter(Column::Id.in_subquery(ids));
    rows.order_by(Column::Date, order.clone()).order_by(Column::Id, order)
}

/// All texts with the prefix, and the column that has them.
const ALL: &str = "texts";
const TEXT: &str = "text";

impl Prefix<'_> {
    fn starts(&self) -> Condition {
        keyset::starts_with(self.column, self.prefix).into_condition()
    }

    /// What holds of them, to be looked at on a walk through the log.
    fn walked(&self) -> Condition {
        self.dates.clone().add(without_index(self.starts()))
    }

    /// From one text to the next by the index: to read the rows of them all would take long.
    fn texts(&self) -> WithClause {
        let least = || {
            let least = Func::min(Expr::col((Entity, self.column)));
            Query::select().expr_as(least, TEXT).from(Entity).take()
        };
        let mut first = least();
        first.and_where(keyset::starts_with(self.column, self.prefix));
        let text = Expr::col((ALL, TEXT));
        let mut next = least();
        next.and_where(Expr::col((Entity, self.column)).gt(text.clone()));
        if let Some(end) = keyset::ends_before(self.column, self.prefix) {
            next.and_where(end);
        }
        let step = Query::select().expr(next).from(ALL).and_where(text.is_not_null()).take();
        let mut texts = CommonTableExpression::new();
        texts.table_name(ALL).column(TEXT).query(first.union(UnionType::All, step).take());
        WithClause::new().recursive(true).cte(texts).to_owned()
    }
}

impl Filter {
    fn date(&self) -> Option<SimpleExpr> {
        match self {
            Self::Date(bound, date) => Some(bound.on(Column::Date, *date)),
            _ => None,
        }
    }

    /// What a text has to start with.
    fn prefix(&self) -> Option<(Column, &str)> {
        match self {
            Self::Path(Text::StartsWith(prefix)) => Some((Column::Path, prefix)),
            Self::Name(Text::StartsWith(prefix)) => Some((Column::Name, prefix)),
            Self::IpAddress(Text::StartsWith(prefix)) => Some((Column::IpAddress, prefix)),
            _ => None,
        }
    }

    /// Conditions of which one has to hold, and no two hold at once; an index serves each by date.
    fn values(&self) -> Vec<SimpleExpr> {
        fn each<V: Clone + Ord + Into<Value>>(column: Column, values: &[V]) -> Vec<SimpleExpr> {
            let values = BTreeSet::from_iter(values);
            values.into_iter().map(|value| column.eq(value.clone())).collect()
        }
        match self {
            Self::Path(Text::In(texts)) => each(Column::Path, texts),
            Self::Name(Text::In(texts)) => each(Column::Name, texts),
            Self::IpAddress(Text::In(texts)) => each(Column::IpAddress, texts),
            Self::User(ids) => each(Column::UserId, ids),
            Self::Session(ids) => each(Column::SessionId, ids),
            _ => Vec::new(),
        }
    }
}
