//! Pages of activities of many paths, names, addresses, users or sessions, on SQLite.
//!
//! An index has them by date for each path, but not for several paths. So there are two ways to a
//! page: to sort all that the index finds, or to walk through the log by date until enough of them
//! are met. Either takes seconds where the other takes milliseconds, and SQLite does not know how many
//! it would find. PostgreSQL does, from its statistics, and is left to choose.

use sea_orm::sea_query::{Func, SimpleExpr};
use sea_orm::{
    Condition, DatabaseBackend, DbErr, EntityTrait, QueryFilter, Select, sea_query::Expr,
};

use super::activities::{Filter, Text};
use super::entity::activity::Entity;
use super::{Store, keyset};

/// So many are sorted; of more, the next one is not far away.
const FEW: u64 = 20_000;

impl Filter {
    /// The one condition besides those on the date, if an index finds it in pieces.
    pub(super) fn scattered(&self) -> Option<&Self> {
        let mut others = self.terms().into_iter().filter(|term| !matches!(term, Self::Date(..)));
        match (others.next()?, others.next()) {
            (term, None) if term.is_in_pieces() => Some(term),
            _ => None,
        }
    }

    fn is_in_pieces(&self) -> bool {
        match self {
            Self::Path(text) | Self::Name(text) | Self::IpAddress(text) => match text {
                Text::In(texts) => texts.len() > 1,
                Text::StartsWith(_) => true,
                Text::Contains(_) => false,
            },
            Self::User(ids) | Self::Session(ids) => ids.len() > 1,
            _ => false,
        }
    }

    /// What has to hold, one by one.
    fn terms(&self) -> Vec<&Self> {
        match self {
            Self::All(filters) => filters.iter().flat_map(Self::terms).collect(),
            term => vec![term],
        }
    }
}

impl Store {
    /// Those that the filter lets through, of which `scattered` is a part.
    pub(super) async fn select_scattered(
        &self,
        filter: &Filter,
        scattered: &Filter,
    ) -> Result<Select<Entity>, DbErr> {
        let found = Entity::find().filter(scattered.condition(DatabaseBackend::Sqlite));
        let is_few = !keyset::count(&self.read, found, FEW).await?.capped;
        Ok(filter.terms().into_iter().fold(Entity::find(), |select, term| {
            let condition = term.condition(DatabaseBackend::Sqlite);
            // One of both shall be asked for by index.
            match matches!(term, Filter::Date(..)) == is_few {
                true => select.filter(without_index(condition)),
                false => select.filter(condition),
            }
        }))
    }
}

/// The condition as a value, by which no index is asked.
fn without_index(condition: Condition) -> SimpleExpr {
    Func::coalesce([SimpleExpr::from(condition), Expr::value(false)]).into()
}
