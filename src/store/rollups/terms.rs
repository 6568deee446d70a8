//! The numbers of paths, users, sessions and so on.
//!
//! Small numbers are what makes a set of a thousand sessions fit into a thousand bytes or two. They
//! are given out by whoever rolls up, in the order in which the terms are met.

use std::collections::HashMap;

use sea_orm::sea_query::{ArrayType, Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QuerySelect, RuntimeErr, Statement, Value,
};

use super::Dimension;
use crate::store::activities::any_of;
use crate::store::entity::rollup_term::{Column, Entity, Model};
use crate::store::insert::{Target, Type, insert};

/// Terms that one statement looks for, and one transaction gives numbers to.
pub(super) const AT_ONCE: usize = 512;
/// So often somebody else may give out the same numbers at the same moment.
const TRIES: usize = 10;

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum Kind {
    Of(Dimension),
    Session,
}

impl Kind {
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Of(dimension) => dimension.code(),
            Self::Session => Dimension::ALL.len() as i64,
        }
    }
}

/// Terms in the order in which they were met, each with a number of its own.
#[derive(Debug, Default)]
pub(in crate::store) struct Met(HashMap<Vec<u8>, u32>);

impl Met {
    pub(in crate::store) fn number(&mut self, term: &[u8]) -> u32 {
        if let Some(number) = self.0.get(term) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(term.to_owned(), number);
        number
    }

    /// The terms by their numbers.
    pub(in crate::store) fn into_terms(self) -> Vec<Vec<u8>> {
        let mut terms = vec![Vec::new(); self.0.len()];
        for (term, number) in self.0 {
            terms[number as usize] = term;
        }
        terms
    }
}

/// PostgreSQL looks for each term by the index. With `value IN (…)` the plan made for an empty table,
/// which a connection keeps, compares each term of the kind with all that are looked for.
const FIND: &str = "SELECT known.* FROM unnest($2::bytea[]) AS wanted (value), \
    LATERAL (SELECT * FROM djaffar_rollup_term AS term \
             WHERE term.kind = $1 AND term.value = wanted.value LIMIT 1) AS known";

/// The numbers of these terms, as far as they have one.
pub(super) async fn find<C: ConnectionTrait>(
    connection: &C,
    kind: Kind,
    terms: &[Vec<u8>],
) -> Result<Vec<Option<u32>>, DbErr> {
    let mut known = HashMap::new();
    for terms in terms.chunks(AT_ONCE) {
        let found = find_some(connection, kind, terms).await?;
        known.extend(found.into_iter().map(|term| (term.value, term.number as u32)));
    }
    Ok(terms.iter().map(|term| known.get(term).copied()).collect())
}

async fn find_some<C: ConnectionTrait>(
    connection: &C,
    kind: Kind,
    terms: &[Vec<u8>],
) -> Result<Vec<Model>, DbErr> {
    let backend = connection.get_database_backend();
    if backend == DatabaseBackend::Postgres {
        let terms = terms.iter().cloned().map(Value::from).collect();
        let terms = Value::Array(ArrayType::Bytes, Some(Box::new(terms)));
        let find = Statement::from_sql_and_values(backend, FIND, [kind.code().into(), terms]);
        return Model::find_by_statement(find).all(connection).await;
    }
    Entity::find()
        .filter(Column::Kind.eq(kind.code()))
        .filter(any_of(Column::Value, terms.iter().cloned()))
        .all(connection)
        .await
}

/// The numbers of these terms; those that have none get one that nobody else has, for the moment.
pub(in crate::store) async fn look_up<C: ConnectionTrait>(
    connection: &C,
    kind: Kind,
    terms: &[Vec<u8>],
) -> Result<Vec<u32>, DbErr> {
    let found = find(connection, kind, terms).await?;
    let mut next = if found.contains(&None) { next(connection, kind).await? } else { 0 };
    let numbers = found.into_iter().map(|number| {
        number.unwrap_or_else(|| {
            next += 1;
            next - 1
        })
    });
    Ok(numbers.collect())
}

/// The numbers of these terms; those that have none are given one.
pub(in crate::store) async fn give<C: ConnectionTrait>(
    connection: &C,
    kind: Kind,
    terms: &[Vec<u8>],
) -> Result<Vec<u32>, DbErr> {
    for _ in 0..TRIES {
        let found = find(connection, kind, terms).await?;
        if let Some(all) = found.iter().copied().collect::<Option<Vec<u32>>>() {
            return Ok(all);
        }
        let next = next(connection, kind).await?;
        let unknown = terms.iter().zip(&found).filter(|(_, number)| number.is_none());
        let rows: Vec<_> = (next..)
            .zip(unknown)
            .map(|(number, (term, _))| {
                vec![kind.code().into(), i64::from(number).into(), term.clone().into()]
            })
            .collect();
        insert(connection, TERM, rows.into_iter()).await?;
    }
    Err(DbErr::Query(RuntimeErr::Internal("somebody else gives out all numbers".to_owned())))
}

/// The terms of these numbers.
pub(in crate::store) async fn terms<C: ConnectionTrait>(
    connection: &C,
    kind: Kind,
    numbers: &[u32],
) -> Result<HashMap<u32, Vec<u8>>, DbErr> {
    let numbers = numbers.iter().map(|number| i64::from(*number));
    let found: Vec<Model> = Entity::find()
        .filter(Column::Kind.eq(kind.code()))
        .filter(any_of(Column::Number, numbers))
        .all(connection)
        .await?;
    Ok(found.into_iter().map(|term| (term.number as u32, term.value)).collect())
}

/// The number after the last one.
async fn next<C: ConnectionTrait>(connection: &C, kind: Kind) -> Result<u32, DbErr> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .expr_as(Func::max(Expr::col(Column::Number)), "last")
        .filter(Column::Kind.eq(kind.code()))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().map_or(0, |last| last as u32 + 1))
}

const TERM: Target = Target {
    table: "djaffar_rollup_term",
    columns: &[("kind", Type::Integer), ("number", Type::Integer), ("value", Type::Bytes)],
    // Another node has been faster: then its number counts.
    conflict: "ON CONFLICT DO NOTHING",
};
