//! The arguments of a list of activities, outside of a GraphQL document.

use async_graphql::{InputType, Value};

use super::connection::Order;
use super::types::OrderDirection;
use super::types::activity::{ActivityOrder, ActivityOrderField};
use super::types::filter::ActivityFilter;
use crate::activity::{Filter, Position, Selection};
use crate::error::Error;

/// Reads `where` and `orderBy`, each as JSON, and `after`, as the field `activities` takes them.
///
/// # Errors
///
/// [`Error::BadInput`] says which one is wrong, and why. An unknown field is no way to get more than
/// was asked for.
pub(crate) fn selection(
    filter: Option<&str>,
    order_by: Option<&str>,
    after: Option<&str>,
) -> Result<Selection, Error> {
    let filter: Option<ActivityFilter> = input("where", filter)?;
    let order: Option<ActivityOrder> = input("orderBy", order_by)?;
    let descending = order.is_none_or(|order| {
        let ActivityOrderField::Date = order.field;
        order.direction == OrderDirection::Desc
    });
    Ok(Selection {
        filter: filter.map_or(Ok(Filter::All(Vec::new())), ActivityFilter::checked)?,
        descending,
        after: after.map(|cursor| Order::Date.decode(cursor)).transpose()?,
    })
}

/// The cursor of an activity, as lists of activities have it.
pub(crate) fn cursor(position: &Position) -> String {
    Order::Date.encode(position)
}

fn input<T: InputType>(name: &str, json: Option<&str>) -> Result<Option<T>, Error> {
    let Some(json) = json.filter(|json| !json.trim().is_empty()) else { return Ok(None) };
    let wrong = |why: &str| Error::bad_input(format!("{name} is not a {}: {why}", T::type_name()));
    let given: Value = serde_json::from_str(json).map_err(|error| wrong(&error.to_string()))?;
    let parsed = T::parse(Some(given.clone()))
        .map_err(|error| wrong(&error.into_server_error(Default::default()).message))?;
    // The library looks for unknown fields only in documents.
    match unknown_field(&given, &parsed.to_value()) {
        Some(field) => Err(wrong(&format!("it has no field {field:?}."))),
        None => Ok(Some(parsed)),
    }
}

/// A field of what was given that is not in what was understood.
fn unknown_field<'a>(given: &'a Value, known: &Value) -> Option<&'a str> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            given.iter().find_map(|(name, value)| match known.get(name) {
                Some(known) => unknown_field(value, known),
                None => Some(name.as_str()),
            })
        }
        (Value::List(given), Value::List(known)) => {
            given.iter().zip(known).find_map(|(given, known)| unknown_field(given, known))
        }
        // One value stands for a list of one.
        (Value::Object(_), Value::List(known)) => {
            known.first().and_then(|known| unknown_field(given, known))
        }
        _ => None,
    }
}
