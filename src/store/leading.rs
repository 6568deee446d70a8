//! Which condition of a filter SQLite asks an index about.
//!
//! SQLite keeps no statistics here: of several conditions that an index serves, it takes the one
//! whose index was made last. So the one that lets the fewest through leads, and the others are only
//! looked at. PostgreSQL knows how many each would find, and is left to choose.
//!
//! An index has the activities of one path, name, address, user or session by date, but not those of
//! several. Where no page can be made of its parts (see [`super::parts`]) there are two ways: to sort
//! all that the index finds, or to walk through the log by date until enough of them are met. Either
//! takes seconds where the other takes milliseconds, so it is counted first.

use sea_orm::sea_query::{Func, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, DatabaseBackend, DbErr, sea_query::Expr};

use super::activities::{Filter, Text};
use super::entity::activity::Entity;
use super::keyset;

/// So many rows are sorted; of more, the next one is not far away.
const FEW: u64 = 20_000;
/// The same where the index has all that is asked about.
const FEW_OF_INDEX: u64 = 50_000;

/// In which order the rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    ByDate,
    All,
}

/// How to ask.
pub(super) struct ByIndex {
    pub condition: Condition,
    /// The index does not have them in the order that is wanted: they have to be sorted.
    pub is_sorted: bool,
}

impl Filter {
    /// The condition, worded so that the right index is asked.
    pub(super) async fn by_index<C: ConnectionTrait>(
        &self,
        connection: &C,
        wanted: Wanted,
    ) -> Result<ByIndex, DbErr> {
        let backend = connection.get_database_backend();
        let terms = self.terms();
        let mut leaders: Vec<_> = terms.iter().copied().filter(|term| term.rank() < NONE).collect();
        leaders.sort_by_key(|term| term.rank());
        if backend != DatabaseBackend::Sqlite || leaders.is_empty() {
            return Ok(ByIndex { condition: self.condition(backend), is_sorted: false });
        }
        if wanted == Wanted::All && leaders.len() > 1 {
            // Half of the log is no help where nothing has to be in order.
            leaders.retain(|term| !matches!(term, Self::Anonymous(_)));
        }
        let (mut leader, mut is_few) = (None, false);
        let asked = terms.iter().filter(|term| !matches!(term, Self::Date(..))).count();
        let few = if asked == 1 { FEW_OF_INDEX } else { FEW };
        for term in &leaders {
            is_few = term.is_in_pieces() && term.finds_few(connection, few).await?;
            if is_few || !term.is_in_pieces() {
                leader = Some(*term);
                break;
            }
            if wanted == Wanted::All
                && matches!(term, Self::User(_) | Self::Session(_) | Self::SessionsOf(_))
            {
                leader = Some(*term);
                break;
            }
        }
        if wanted == Wanted::All {
            leader = leader.or(leaders.first().copied());
        }
        let condition = terms.into_iter().fold(Condition::all(), |all, term| {
            let condition = term.condition(backend);
            let is_asked = match (term, leader) {
                // Of few, or of none that leads: the log by date, or not by date.
                (Self::Date(..), _) => !is_few,
                (term, Some(leader)) => std::ptr::eq(term, leader),
                (_, None) => false,
            };
            if is_asked { all.add(condition) } else { all.add(without_index(condition)) }
        });
        Ok(ByIndex { condition, is_sorted: is_few })
    }

    /// How few it is likely to let through, if an index finds them.
    fn rank(&self) -> u8 {
        match (self, self.is_in_pieces()) {
            (Self::Session(_), false) => 0,
            (Self::User(_), false) => 1,
            (Self::Session(_) | Self::SessionsOf(_), true) => 2,
            (Self::User(_), true) => 3,
            (Self::IpAddress(Text::In(_)), false) => 4,
            (Self::Path(Text::In(_)), false) => 5,
            (Self::IpAddress(_), true) => 6,
            (Self::Path(_), true) => 7,
            (Self::Name(Text::In(_)), false) => 8,
            (Self::Name(_), true) => 9,
            (Self::Anonymous(true), _) => 10,
            _ => NONE,
        }
    }

    /// Whether an index finds it in pieces, each of them by date.
    pub(super) fn is_in_pieces(&self) -> bool {
        match self {
            Self::Path(text) | Self::Name(text) | Self::IpAddress(text) => match text {
                Text::In(texts) => texts.len() > 1,
                Text::StartsWith(_) => true,
                Text::Contains(_) => false,
            },
            Self::User(ids) | Self::Session(ids) => ids.len() > 1,
            Self::SessionsOf(_) => true,
            _ => false,
        }
    }

    async fn finds_few<C: ConnectionTrait>(&self, connection: &C, few: u64) -> Result<bool, DbErr> {
        let condition = self.condition(DatabaseBackend::Sqlite);
        Ok(!keyset::count::<Entity>(connection, condition, few).await?.capped)
    }

    /// What has to hold, one by one.
    pub(super) fn terms(&self) -> Vec<&Self> {
        match self {
            Self::All(filters) => filters.iter().flat_map(Self::terms).collect(),
            term => vec![term],
        }
    }
}

/// No index finds it.
const NONE: u8 = u8::MAX;

/// The condition as a value, by which no index is asked.
pub(super) fn without_index(condition: Condition) -> SimpleExpr {
    Func::coalesce([SimpleExpr::from(condition), Expr::value(false)]).into()
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QueryTrait, Statement};
    use uuid::Uuid;

    use super::*;
    use crate::error::Error;
    use crate::store::Timestamp;
    use crate::store::activities::Bound;
    use crate::store::database::Database;
    use crate::store::entity::activity::Column;
    use crate::store::keyset::{Key, Keyset, Page, Position};

    /// No door shows which index is asked; the wrong one costs a thousand times as much.
    #[tokio::test]
    async fn the_index_that_finds_the_fewest_is_asked() -> Result<(), Error> {
        let (_directory, database) = migrated().await?;
        let is = |text: &str| Text::In(vec![text.to_owned()]);
        let user = Filter::User(vec![Uuid::nil()]);
        let session = Filter::Session(vec![Uuid::nil()]);
        let sessions = Filter::Session(vec![Uuid::nil(), Uuid::max()]);
        let (path, name) = (Filter::Path(is("/")), Filter::Name(is("view")));
        let prefix = Filter::Path(Text::StartsWith("/a".to_owned()));
        let since = Filter::Date(Bound::From, Timestamp(0));
        for (filters, index) in [
            (vec![sessions.clone(), Filter::Anonymous(true)], "session_id_date_id"),
            (vec![session.clone(), Filter::Anonymous(true)], "session_id_date_id"),
            (vec![Filter::SessionsOf(Uuid::nil()), Filter::Anonymous(true)], "session_id_date_id"),
            (vec![session.clone(), user.clone(), since.clone()], "session_id_date_id"),
            (vec![user.clone(), name.clone()], "user_id_date_id"),
            (vec![session, name.clone()], "session_id_date_id"),
            (vec![path.clone(), user.clone()], "user_id_date_id"),
            (vec![prefix.clone(), user.clone(), since.clone()], "user_id_date_id"),
            (vec![name.clone(), path], "path_date_id"),
            (vec![name.clone(), prefix], "path_date_id"),
            (vec![Filter::IpAddress(is("::1")), name.clone()], "ip_address_date_id"),
            (vec![Filter::Anonymous(true), name.clone(), since.clone()], "name_date_id"),
            (vec![Filter::All(vec![name]), Filter::All(vec![user])], "user_id_date_id"),
            (vec![Filter::Anonymous(true), since.clone()], "user_id_date_id"),
            (vec![since], "djaffar_activity_date_id"),
        ] {
            let filter = Filter::All(filters);
            for wanted in [Wanted::ByDate, Wanted::All] {
                let condition = filter.by_index(&database.read, wanted).await?.condition;
                let mut query = Entity::find().filter(condition);
                if wanted == Wanted::ByDate {
                    query = query.order_by_desc(Column::Date).order_by_desc(Column::Id);
                }
                let sql = query.build(DatabaseBackend::Sqlite).to_string();
                let plan = plan(&database, &sql).await?;
                assert!(plan.contains(&format!("{index} (")), "{filter:?} {wanted:?}: {plan}");
            }
        }
        Ok(())
    }

    /// The same holds for the bound of a page: beside a range of dates it may be left to be looked at.
    #[tokio::test]
    async fn a_page_within_a_range_of_dates_starts_at_its_cursor() -> Result<(), Error> {
        let (_directory, database) = migrated().await?;
        let at = |key| Some(Position { key: Key::Time(Timestamp(key)), id: Uuid::nil() });
        let range =
            [Filter::Date(Bound::From, Timestamp(0)), Filter::Date(Bound::Before, Timestamp(9))];
        let of_user = [&range[..], &[Filter::User(vec![Uuid::nil()])]].concat();
        for filters in [range.to_vec(), of_user] {
            for (descending, backward, bound) in [
                (true, false, "(date,id)<(?,?)"),
                (true, true, "(date,id)>(?,?)"),
                (false, false, "(date,id)>(?,?)"),
                (false, true, "(date,id)<(?,?)"),
            ] {
                let bounds = if backward { (None, at(5)) } else { (at(5), None) };
                let page =
                    Page { limit: 50, backward, after: bounds.0, before: bounds.1, peek: false };
                let filter = Filter::All(filters.clone());
                let asked = filter.by_index(&database.read, Wanted::ByDate).await?;
                let keyset = Keyset { key: Column::Date, id: Column::Id, descending };
                let query = keyset.page_of(Entity::find(), asked.condition, &page);
                let sql = query.build(DatabaseBackend::Sqlite).to_string();
                let plan = plan(&database, &sql).await?;
                assert!(plan.contains(bound), "{filters:?} {descending} {backward}: {plan}");
            }
        }
        Ok(())
    }

    async fn migrated() -> Result<(tempfile::TempDir, Database), Error> {
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let url = format!("sqlite://{}/test.db", directory.path().display());
        let database = Database::connect(&url).await?;
        database.migrate().await?;
        Ok((directory, database))
    }

    async fn plan(database: &Database, sql: &str) -> Result<String, Error> {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let statement = Statement::from_string(DatabaseBackend::Sqlite, explain);
        let rows = database.read.query_all_raw(statement).await?;
        let lines = rows.iter().map(|row| row.try_get_by_index::<String>(3));
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("; "))
    }
}
