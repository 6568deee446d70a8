//! Inserts of many rows in one statement.
//!
//! Each round trip to the database costs more than a row, so a batch is one statement wherever
//! possible, of a text that stays the same so that it is prepared once: on PostgreSQL one array for
//! each column (`unnest`), of several tables if need be; on SQLite a list of values, prepared for each
//! number of rows.

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement, Value};
use uuid::Uuid;

/// Most rows of a statement on SQLite.
pub(super) const MAX_SQLITE_ROWS: usize = 128;
/// Most rows of a statement on PostgreSQL.
const MAX_POSTGRES_ROWS: usize = 1_000;

/// A table to insert into.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Type)],
    /// What becomes of a row whose key is there already.
    pub conflict: &'static str,
}

/// The values of rows, each in the order of the columns of its table.
pub(super) type Rows = Vec<Vec<Value>>;

/// What a column holds.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Uuid,
    OptionalUuid,
    Integer,
    Text,
    OptionalText,
    OptionalJson,
    Boolean,
    Bytes,
}

/// Most rows of a statement.
pub(super) fn max_rows(backend: DatabaseBackend) -> usize {
    match backend {
        DatabaseBackend::Postgres => MAX_POSTGRES_ROWS,
        _ => MAX_SQLITE_ROWS,
    }
}

/// Inserts rows, and tells how many were new.
pub(super) async fn insert<C: ConnectionTrait>(
    connection: &C,
    target: Target,
    mut rows: impl ExactSizeIterator<Item = Vec<Value>>,
) -> Result<u64, DbErr> {
    let backend = connection.get_database_backend();
    let mut new = 0;
    while rows.len() > 0 {
        let count = rows.len().min(max_rows(backend));
        let taken = rows.by_ref().take(count);
        let (sql, values) = match backend {
            DatabaseBackend::Postgres => (target.unnest(0, ""), target.arrays(taken)),
            _ => (target.values(count), taken.flatten().collect()),
        };
        let statement = Statement::from_sql_and_values(backend, sql, values);
        new += connection.execute_raw(statement).await?.rows_affected();
    }
    Ok(new)
}

/// Inserts rows into one table after the other, and tells how many were new in the last one.
///
/// PostgreSQL does so by one statement, unless a table gets too many rows for one.
pub(super) async fn insert_all<C: ConnectionTrait>(
    connection: &C,
    tables: Vec<(Target, Rows)>,
) -> Result<u64, DbErr> {
    let backend = connection.get_database_backend();
    let is_small = tables.iter().all(|(_, rows)| rows.len() <= max_rows(backend));
    if backend == DatabaseBackend::Postgres && is_small && tables.len() > 1 {
        return Ok(connection.execute_raw(together(tables)).await?.rows_affected());
    }
    let mut new = 0;
    for (target, rows) in tables {
        new = insert(connection, target, rows.into_iter()).await?;
    }
    Ok(new)
}

/// `WITH first AS (INSERT … RETURNING 1), … INSERT …`
///
/// Each waits for the number of rows that the one before it has written: otherwise the order would be
/// PostgreSQL's to choose, and two nodes that write the same rows could run into a deadlock
/// (<https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING>).
fn together(tables: Vec<(Target, Rows)>) -> Statement {
    let (mut inserts, mut values) = (Vec::new(), Vec::new());
    let mut turn = String::new();
    for (target, rows) in tables {
        inserts.push((target.table, target.unnest(values.len(), &turn)));
        turn = format!("WHERE (SELECT count(*) FROM new_{}) >= 0", target.table);
        values.extend(target.arrays(rows.into_iter()));
    }
    let last = inserts.pop().map(|(_, insert)| insert).unwrap_or_default();
    let part = |(table, insert)| format!("new_{table} AS ({insert} RETURNING 1)");
    let first: Vec<String> = inserts.into_iter().map(part).collect();
    let sql = format!("WITH {} {last}", first.join(", "));
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values)
}

impl Target {
    fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// `INSERT … VALUES (?, …), …`
    fn values(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let rows = vec![row; rows].join(", ");
        format!("INSERT INTO {} ({}) VALUES {rows} {}", self.table, self.names(), self.conflict)
    }

    /// `INSERT … SELECT … FROM unnest($1::uuid[], …)`, after so many other parameters.
    fn unnest(&self, parameters: usize, condition: &str) -> String {
        let columns = (parameters + 1..).zip(self.columns);
        let arrays: Vec<_> =
            columns.map(|(number, (_, kind))| format!("${number}::{}[]", kind.sql())).collect();
        let selected: Vec<_> = self.columns.iter().map(|(name, kind)| kind.select(name)).collect();
        format!(
            "INSERT INTO {} ({names}) SELECT {} FROM unnest({}) AS new ({names}) {condition} {}",
            self.table,
            selected.join(", "),
            arrays.join(", "),
            self.conflict,
            names = self.names(),
        )
    }

    /// One array for each column.
    fn arrays(&self, rows: impl Iterator<Item = Vec<Value>>) -> Vec<Value> {
        let mut arrays = vec![Vec::new(); self.columns.len()];
        for row in rows {
            for ((array, value), (_, kind)) in arrays.iter_mut().zip(row).zip(self.columns) {
                array.push(kind.element(value));
            }
        }
        let array = |(values, (_, kind)): (Vec<Value>, &(_, Type))| {
            Value::Array(kind.array(), Some(Box::new(values)))
        };
        arrays.into_iter().zip(self.columns).map(array).collect()
    }
}

// sea-query has no arrays with nulls in them: what is absent travels as an empty text or the nil
// UUID, which no row has, and becomes null on arrival.
impl Type {
    fn sql(self) -> &'static str {
        match self {
            Self::Uuid | Self::OptionalUuid => "uuid",
            Self::Integer => "bigint",
            Self::Text | Self::OptionalText | Self::OptionalJson => "text",
            Self::Boolean => "boolean",
            Self::Bytes => "bytea",
        }
    }

    fn select(self, name: &str) -> String {
        match self {
            Self::OptionalUuid => format!("NULLIF({name}, '{}')", Uuid::nil()),
            Self::OptionalText => format!("NULLIF({name}, '')"),
            Self::OptionalJson => format!("NULLIF({name}, '')::jsonb"),
            _ => name.to_owned(),
        }
    }

    fn element(self, value: Value) -> Value {
        match (self, value) {
            (Self::OptionalUuid, Value::Uuid(None)) => Value::Uuid(Some(Uuid::nil())),
            (Self::OptionalText, Value::String(None)) => Value::String(Some(String::new())),
            (Self::OptionalJson, Value::Json(json)) => {
                Value::String(Some(json.map_or_else(String::new, |json| json.to_string())))
            }
            (_, value) => value,
        }
    }

    fn array(self) -> ArrayType {
        match self {
            Self::Uuid | Self::OptionalUuid => ArrayType::Uuid,
            Self::Integer => ArrayType::BigInt,
            Self::Text | Self::OptionalText | Self::OptionalJson => ArrayType::String,
            Self::Boolean => ArrayType::Bool,
            Self::Bytes => ArrayType::Bytes,
        }
    }
}
