//! Periods whose rollups can't be relied on.

use sea_orm::sea_query::{
    CommonTableExpression, Expr, ExprTrait, Func, Query, UnionType, WithClause,
};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::Level;
use crate::store::Timestamp;
use crate::store::entity::{activity, rollup_stale, session};
use crate::store::insert::{Target, Type, insert};

/// The first activities of periods, session by session.
const FIRSTS: &str = "firsts";

/// Says that activities of these dates have been changed or deleted, to be called in the same
/// transaction: their rollups are made anew, and until then the log itself is read.
///
/// See also [`mark_sessions_stale`].
pub(crate) async fn mark_stale<C: ConnectionTrait>(
    connection: &C,
    dates: impl IntoIterator<Item = Timestamp>,
) -> Result<(), DbErr> {
    let mut starts: Vec<_> =
        dates.into_iter().map(|date| Level::FiveMinutes.start_of(date)).collect();
    starts.sort();
    starts.dedup();
    let rows = starts.into_iter().map(|start| stale(Level::FiveMinutes, start, None)).collect();
    insert_stale(connection, rows).await
}

/// Says that these sessions are about to have another user agent, by which their activities are
/// counted; to be called in the same transaction.
///
/// From the first activity of one period to that of the next by the index: a client that keeps no
/// cookie may leave a million of them in one session.
pub(in crate::store) async fn mark_sessions_stale<C: ConnectionTrait>(
    connection: &C,
    sessions: &[Uuid],
) -> Result<(), DbErr> {
    use activity::{Column, Entity};

    let first = |of: Expr| {
        let first = Func::min(Expr::col((Entity, Column::Date)));
        let is_of = Expr::col((Entity, Column::SessionId)).eq(of);
        Query::select().expr(first).from(Entity).and_where(is_of).take()
    };
    let (of, date) = (Expr::col((FIRSTS, "session_id")), Expr::col((FIRSTS, "date")));
    let id = Expr::col((session::Entity, session::Column::Id));
    let mut firsts = Query::select();
    firsts.from(session::Entity).and_where(id.clone().is_in(sessions.iter().copied()));
    firsts.expr(id.clone()).expr(first(id));
    let is_later = Expr::col((Entity, Column::Date)).gte(Level::FiveMinutes.end_of(date.clone()));
    let mut nexts = Query::select();
    nexts.from(FIRSTS).and_where(date.clone().is_not_null());
    nexts.expr(of.clone()).expr(first(of).and_where(is_later).take());
    let mut table = CommonTableExpression::new();
    let all = firsts.union(UnionType::All, nexts).take();
    table.table_name(FIRSTS).columns(["session_id", "date"]).query(all);
    let dates =
        Query::select().expr(date.clone()).from(FIRSTS).and_where(date.is_not_null()).take();
    let rows = dates.with(WithClause::new().recursive(true).cte(table).to_owned());
    let rows = connection.query_all(&rows).await?;
    let dates: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
    mark_stale(connection, dates?).await
}

/// A period whose rollup can't be relied on.
pub(super) fn stale(level: Level, start: Timestamp, writer: Option<Uuid>) -> rollup_stale::Model {
    rollup_stale::Model {
        id: Uuid::now_v7(),
        level: level.length(),
        start,
        writer,
        held_at: Timestamp::now(),
    }
}

pub(in crate::store) async fn insert_stale<C: ConnectionTrait>(
    connection: &C,
    rows: Vec<rollup_stale::Model>,
) -> Result<(), DbErr> {
    let values = |row: rollup_stale::Model| {
        vec![
            row.id.into(),
            row.level.into(),
            row.start.into(),
            row.writer.into(),
            row.held_at.into(),
        ]
    };
    insert(connection, STALE, rows.into_iter().map(values)).await?;
    Ok(())
}

const STALE: Target = Target {
    table: "djaffar_rollup_stale",
    columns: &[
        ("id", Type::Uuid),
        ("level", Type::Integer),
        ("start", Type::Integer),
        ("writer", Type::OptionalUuid),
        ("held_at", Type::Integer),
    ],
    conflict: "",
};
