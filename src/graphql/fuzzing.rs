//! Readers of this door, for the fuzz targets.

use async_graphql::parser::parse_query;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::connection::Order;
use super::guard;
use crate::activity::{Key, Position, Timestamp};
use crate::config::Limits;

/// What a document costs; None: it is refused.
pub fn cost(text: &str, variables: &Map<String, Value>, limits: &Limits) -> Option<u64> {
    guard::check_text(text, limits).ok()?;
    Some(guard::check(&parse_query(text).ok()?, variables, limits).ok()?.cost)
}

/// The id and the sort key (of times in microseconds) that a cursor names; None: it is refused.
pub fn cursor(is_of_users: bool, cursor: &str) -> Option<(Uuid, String)> {
    let Position { key, id } = order(is_of_users).decode(cursor).ok()?;
    let key = match key {
        Key::Time(time) => time.0.to_string(),
        Key::Text(text) => text,
    };
    Some((id, key))
}

/// The cursor that names an id and a sort key; None: a key of this kind there is not.
pub fn cursor_of(is_of_users: bool, id: Uuid, key: &str) -> Option<String> {
    let key = match is_of_users {
        true => Key::Text(key.to_owned()),
        false => Key::Time(Timestamp(key.parse().ok()?)),
    };
    Some(order(is_of_users).encode(&Position { key, id }))
}

fn order(is_of_users: bool) -> Order {
    if is_of_users { Order::Username } else { Order::Date }
}
