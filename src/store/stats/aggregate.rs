//! What the database counts by itself: activities of which there is no rollup, because the filter is
//! more than a range of time.
//!
//! Each answer is one statement, so that no activity has to leave the database.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use sea_orm::sea_query::{
    CaseStatement, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement, SimpleExpr,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, QueryResult, StreamTrait};
use tokio::task::coop::consume_budget;
use uuid::Uuid;

use super::{Ranking, Stats, Timeline, Top, Value};
use crate::error::Error;
use crate::store::activities::{Filter, rounded_up};
use crate::store::entity::activity::{Column, Entity};
use crate::store::entity::session;
use crate::store::events;
use crate::store::leading::Wanted;
use crate::store::rollups::Dimension;
use crate::store::{Store, Timestamp};

const VALUE: &str = "value";
const ACTIVITIES: &str = "activities";
const BUCKET: &str = "bucket";

impl Store {
    /// Counts what the filter lets through.
    pub(super) async fn aggregate(&self, filter: &Filter) -> Result<Stats, Error> {
        let mut query = Query::select();
        query.from(Entity).cond_where(self.condition_of(filter).await?);
        select_stats(&mut query, true);
        let row = self.read.query_one(&query).await?;
        Ok(row.as_ref().map_or(Ok(Stats::default()), stats)?)
    }

    /// The same between each two of the edges, with people if wanted.
    pub(super) async fn aggregate_by_time(
        &self,
        filter: &Filter,
        timeline: &Timeline,
    ) -> Result<Vec<Stats>, Error> {
        let edges = &timeline.edges;
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Query::select();
        query.from(Entity).cond_where(self.condition_of(filter).await?);
        select_stats(&mut query, timeline.with_people);
        // Nothing lies between an edge and itself.
        let cuts = rounded_up(edges.clone());
        query.expr_as(edges_passed(&cuts, 0), BUCKET).group_by_col(BUCKET);
        let mut buckets = vec![Stats::default(); edges.len().saturating_sub(1)];
        for row in self.read.query_all(&query).await? {
            let passed: i64 = row.try_get("", BUCKET)?;
            let index = usize::try_from(passed - 1).ok();
            if let Some(bucket) = index.and_then(|index| buckets.get_mut(index)) {
                *bucket = stats(&row)?;
            }
        }
        Ok(buckets)
    }

    /// Counts by the most frequent values of a dimension, with people if wanted.
    pub(super) async fn aggregate_by_value(
        &self,
        filter: &Filter,
        ranking: &Ranking,
    ) -> Result<Vec<Top>, Error> {
        let Ranking { dimension, first, with_people } = *ranking;
        let condition = self.condition_of(filter).await?;
        let mut query = match dimension {
            Dimension::Path => by_column(condition, Column::Path, with_people),
            Dimension::Referer => by_column(condition, Column::Referer, with_people),
            Dimension::Name => by_column(condition, Column::Name, with_people),
            Dimension::User => by_column(condition, Column::UserId, with_people),
            Dimension::UserAgent => by_user_agent(condition),
            Dimension::RefererHost => return self.aggregate_by_host(condition, first).await,
        };
        query.group_by_col(VALUE).order_by(ACTIVITIES, Order::Desc).order_by(VALUE, Order::Asc);
        query.limit(first as u64);
        let rows = self.read.query_all(&query).await?;
        Ok(rows.iter().map(|row| top(row, dimension)).collect::<Result<_, _>>()?)
    }

    /// A host is a part of a referer that the database can't take out.
    async fn aggregate_by_host(
        &self,
        condition: Condition,
        first: usize,
    ) -> Result<Vec<Top>, Error> {
        let columns = [Column::Referer, Column::UserId, Column::SessionId];
        let mut query = Query::select();
        query.from(Entity).cond_where(condition).and_where(Column::Referer.is_not_null());
        query.columns(columns).group_by_columns(columns).expr(count());
        let mut hosts = HashMap::<String, Host>::new();
        let mut rows = self.read.stream(&query).await?;
        while let Some(row) = rows.try_next().await? {
            let referer: String = row.try_get_by_index(0)?;
            if let Some(host) = events::host(&referer) {
                let host = hosts.entry(host).or_default();
                host.users.extend(row.try_get_by_index::<Option<Uuid>>(1)?);
                host.sessions.extend(row.try_get_by_index::<Option<Uuid>>(2)?);
                host.activities += counted(&row, 3)?;
            }
            // The next row is mostly there already: requests have their turn in between.
            consume_budget().await;
        }
        let mut tops: Vec<_> = hosts.into_iter().map(Top::from).collect();
        let rank = |top: &Top| (Reverse(top.activities), top.value.clone());
        tops.sort_by_cached_key(rank);
        tops.truncate(first);
        Ok(tops)
    }

    async fn condition_of(&self, filter: &Filter) -> Result<Condition, Error> {
        Ok(filter.by_index(&self.read, Wanted::All).await?.condition)
    }
}

/// What came from a host.
#[derive(Default)]
struct Host {
    activities: u64,
    users: HashSet<Uuid>,
    sessions: HashSet<Uuid>,
}

impl From<(String, Host)> for Top {
    fn from((name, host): (String, Host)) -> Self {
        let (users, sessions) = (host.users.len() as u64, host.sessions.len() as u64);
        Self { value: Value::Text(name), activities: host.activities, users, sessions }
    }
}

/// Selects what [`stats`] reads.
fn select_stats(query: &mut SelectStatement, with_people: bool) {
    query.expr(count()).expr(Column::Date.min()).expr(Column::Date.max());
    let is_user = Column::UserId.is_not_null();
    let of_users = CaseStatement::new().case(is_user, Column::SessionId.into_expr());
    for people in [Column::UserId.into_expr(), Column::SessionId.into_expr(), of_users.into()] {
        query.expr(distinct(people, with_people));
    }
}

fn stats(row: &QueryResult) -> Result<Stats, DbErr> {
    let [activities, users, sessions, user_sessions] =
        [counted(row, 0)?, counted(row, 3)?, counted(row, 4)?, counted(row, 5)?];
    let first: Option<Timestamp> = row.try_get_by_index(1)?;
    let last: Option<Timestamp> = row.try_get_by_index(2)?;
    let visitors = users + sessions - user_sessions;
    Ok(Stats { activities, users, sessions, visitors, span: first.zip(last) })
}

fn by_column(condition: Condition, column: Column, with_people: bool) -> SelectStatement {
    let mut query = Query::select();
    query.from(Entity).cond_where(condition).and_where(column.is_not_null());
    query.expr_as(column.into_expr(), VALUE).expr_as(count(), ACTIVITIES);
    for people in [Column::UserId, Column::SessionId] {
        query.expr(distinct(people.into_expr(), with_people));
    }
    query
}

/// Each session is looked up once, not for each of its activities.
fn by_user_agent(condition: Condition) -> SelectStatement {
    let people = [Column::SessionId, Column::UserId];
    let mut sessions = Query::select();
    sessions.from(Entity).cond_where(condition).columns(people).group_by_columns(people);
    sessions.expr_as(count(), ACTIVITIES);
    let of = |column| Expr::col(("active", column));
    let id = Expr::col((session::Entity, session::Column::Id));
    let mut query = Query::select();
    query.from_subquery(sessions, "active");
    query.join(JoinType::InnerJoin, session::Entity, id.eq(of(Column::SessionId)));
    query.expr_as(Expr::col((session::Entity, session::Column::UserAgent)), VALUE);
    // PostgreSQL adds such numbers up to one without bounds.
    let activities = Expr::col(("active", ACTIVITIES)).sum().cast_as("bigint");
    query.expr_as(activities, ACTIVITIES);
    query.expr(distinct(of(Column::UserId), true)).expr(distinct(of(Column::SessionId), true));
    query
}

fn top(row: &QueryResult, dimension: Dimension) -> Result<Top, DbErr> {
    let value = match dimension {
        Dimension::User => Value::User(row.try_get_by_index(0)?),
        _ => Value::Text(row.try_get_by_index(0)?),
    };
    let [activities, users, sessions] = [counted(row, 1)?, counted(row, 2)?, counted(row, 3)?];
    Ok(Top { value, activities, users, sessions })
}

/// How many of the edges a date has passed: found by halves, since there may be thousands.
fn edges_passed(edges: &[Timestamp], before: usize) -> SimpleExpr {
    let (lower, rest) = edges.split_at(edges.len() / 2);
    let Some((middle, upper)) = rest.split_first() else {
        return Expr::value(before as i64);
    };
    let passed = edges_passed(upper, before + lower.len() + 1);
    let case = CaseStatement::new().case(Column::Date.lt(*middle), edges_passed(lower, before));
    case.finally(passed).into()
}

fn count() -> SimpleExpr {
    Func::count(Expr::value(1)).into()
}

/// How many different ones there are; 0 unless that is wanted, which is much faster.
fn distinct(of: SimpleExpr, is_wanted: bool) -> SimpleExpr {
    if is_wanted { Func::count_distinct(of).into() } else { Expr::value(0_i64) }
}

fn counted(row: &QueryResult, index: usize) -> Result<u64, DbErr> {
    Ok(row.try_get_by_index::<i64>(index)?.unsigned_abs())
}
