//! Plain SQL on the same database.

use sea_orm::{ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};

pub struct Sql(DatabaseConnection);

impl Sql {
    pub async fn connect(url: &str) -> Self {
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Self(Database::connect(options).await.unwrap())
    }

    pub async fn query(&self, sql: &str) -> usize {
        let statement = Statement::from_string(self.0.get_database_backend(), sql);
        self.0.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}")).len()
    }

    /// A number that a statement selects, if it finds one.
    pub async fn number(&self, sql: &str) -> Option<i64> {
        let statement = Statement::from_string(self.0.get_database_backend(), sql);
        let row = self.0.query_one_raw(statement).await.unwrap();
        row.map(|row| row.try_get_by_index(0).unwrap())
    }

    /// A UUID as a literal.
    pub fn uuid(&self, id: &str) -> String {
        match self.0.get_database_backend() {
            DatabaseBackend::Postgres => format!("'{id}'::uuid"),
            _ => format!("x'{}'", id.replace('-', "")),
        }
    }

    /// Lets PostgreSQL look at what there is, as it does by itself after a while. SQLite never does.
    pub async fn analyze(&self) {
        if self.0.get_database_backend() == DatabaseBackend::Postgres {
            self.0.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        }
    }
}
