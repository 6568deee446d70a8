//! What is counted of activities, as it lies in the log.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use super::Timestamp;
use super::entity::{activity, session};
use super::rollups::terms::Met;
use super::rollups::{Dimension, Items, Totals};

/// Longest name of a host, in bytes (RFC 1035, 2.3.4).
const MAX_HOST: usize = 255;

/// An activity, as far as it is counted.
pub(super) struct Event {
    pub id: Uuid,
    pub date: Timestamp,
    user: Option<Uuid>,
    session: Option<Uuid>,
    /// What it is counted by, in the order in which that was asked for.
    terms: Vec<Option<Vec<u8>>>,
}

/// Selects what is counted of activities, to be read by [`read`].
pub(super) fn select(dimensions: &[Dimension]) -> SelectStatement {
    use activity::Column;

    let mut query = Query::select();
    query.from(activity::Entity);
    for column in [Column::Id, Column::Date, Column::UserId, Column::SessionId] {
        query.column((activity::Entity, column));
    }
    for dimension in dimensions {
        let column = match dimension {
            Dimension::Path => Column::Path,
            Dimension::Referer | Dimension::RefererHost => Column::Referer,
            Dimension::Name => Column::Name,
            Dimension::User => Column::UserId,
            Dimension::UserAgent => {
                let id = Expr::col((session::Entity, session::Column::Id));
                let is_of = id.eq(Expr::col((activity::Entity, Column::SessionId)));
                query.left_join(session::Entity, is_of);
                query.column((session::Entity, session::Column::UserAgent));
                continue;
            }
        };
        query.column((activity::Entity, column));
    }
    query
}

/// Reads what [`select`] has selected.
pub(super) fn read(row: &QueryResult, dimensions: &[Dimension]) -> Result<Event, DbErr> {
    let user: Option<Uuid> = row.try_get_by_index(2)?;
    let mut terms = Vec::with_capacity(dimensions.len());
    for (index, dimension) in (4..).zip(dimensions) {
        terms.push(match dimension {
            Dimension::User => user.map(|user| user.as_bytes().to_vec()),
            dimension => {
                let text: Option<String> = row.try_get_by_index(index)?;
                let text = match dimension {
                    Dimension::RefererHost => text.as_deref().and_then(host),
                    _ => text,
                };
                text.map(String::into_bytes)
            }
        });
    }
    Ok(Event {
        id: row.try_get_by_index(0)?,
        date: row.try_get_by_index(1)?,
        user,
        session: row.try_get_by_index(3)?,
        terms,
    })
}

/// The host of a referer that is a whole URL.
///
/// None if no host can have such a name: written out it may be three times as long as the referer,
/// more than an index entry of PostgreSQL holds.
pub(super) fn host(referer: &str) -> Option<String> {
    let url = url::Url::parse(referer).ok()?;
    url.host_str().filter(|host| host.len() <= MAX_HOST).map(str::to_owned)
}

/// The users, sessions and terms of events, each under a number of its own.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub users: Met,
    pub sessions: Met,
    /// All but those by user.
    pub terms: HashMap<Dimension, Met>,
}

impl Directory {
    /// The terms of a dimension by their numbers, which are forgotten here.
    pub(super) fn terms(&mut self, dimension: Dimension) -> Vec<Vec<u8>> {
        let met = match dimension {
            Dimension::User => std::mem::take(&mut self.users),
            dimension => self.terms.remove(&dimension).unwrap_or_default(),
        };
        met.into_terms()
    }

    /// Counts an event.
    pub(super) fn count(
        &mut self,
        event: &Event,
        dimensions: &[Dimension],
        totals: &mut Totals,
        items: &mut HashMap<Dimension, Items>,
    ) {
        let user = event.user.map(|user| self.users.number(user.as_bytes()));
        let session = event.session.map(|session| self.sessions.number(session.as_bytes()));
        totals.add(event.date, user, session);
        for (dimension, term) in dimensions.iter().zip(&event.terms) {
            let number = match dimension {
                Dimension::User => user,
                dimension => {
                    let met = self.terms.entry(*dimension).or_default();
                    term.as_ref().map(|term| met.number(term))
                }
            };
            if let Some(number) = number {
                let items = items.entry(*dimension).or_default();
                items.entry(number).or_default().add(user, session);
            }
        }
    }
}
