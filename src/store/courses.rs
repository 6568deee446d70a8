//! How sessions went: their first and their last activity.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SimpleExpr, SubQueryStatement};
use sea_orm::{ColumnTrait, ConnectionTrait};
use uuid::Uuid;

use super::activities::any_of;
use super::entity::{activity, session};
use super::{Store, Timestamp};
use crate::error::Error;

/// The first and the last activity of a session.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub first_date: Timestamp,
    pub last_date: Timestamp,
    pub entry_path: String,
    pub exit_path: String,
}

impl Store {
    /// How each of these sessions went, if there is any activity of it; without those of others, if
    /// only one user's may be read.
    pub(crate) async fn courses(
        &self,
        sessions: &[Uuid],
        only_user: Option<Uuid>,
    ) -> Result<HashMap<Uuid, Course>, Error> {
        use activity::Column;

        let mut query = Query::select();
        query.column((session::Entity, session::Column::Id)).from(session::Entity);
        for (column, order) in [
            (Column::Date, Order::Asc),
            (Column::Date, Order::Desc),
            (Column::Path, Order::Asc),
            (Column::Path, Order::Desc),
        ] {
            query.expr(of_edge(column, order, only_user));
        }
        query.and_where(any_of(session::Column::Id, sessions.iter().copied()));
        let mut courses = HashMap::new();
        for row in self.read.query_all(&query).await? {
            let Some(first_date) = row.try_get_by_index(1)? else { continue };
            let course = Course {
                first_date,
                last_date: row.try_get_by_index(2)?,
                entry_path: row.try_get_by_index(3)?,
                exit_path: row.try_get_by_index(4)?,
            };
            courses.insert(row.try_get_by_index(0)?, course);
        }
        Ok(courses)
    }
}

/// A column of the first or the last activity of the session, which the index finds at once.
fn of_edge(column: activity::Column, order: Order, only_user: Option<Uuid>) -> SimpleExpr {
    use activity::Column;

    let session = Expr::col((session::Entity, session::Column::Id));
    let mut edge = Query::select();
    edge.column((activity::Entity, column))
        .from(activity::Entity)
        .and_where(Expr::col((activity::Entity, Column::SessionId)).eq(session))
        .and_where_option(
            only_user.map(|user| Column::UserId.eq(user).or(Column::UserId.is_null())),
        )
        .order_by((activity::Entity, Column::Date), order.clone())
        .order_by((activity::Entity, Column::Id), order)
        .limit(1);
    SimpleExpr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(edge)))
}
