//! What a client reports, checked: the only way for raw input to become an activity.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::store::without_nul;

/// Longest path and referer, in bytes; what is longer is cut. An index entry has to hold it.
const MAX_URL: usize = 2_048;
/// Longest name, in bytes; what is longer is cut.
const MAX_NAME: usize = 100;
/// Longest text among the properties, in bytes; what is longer is cut.
const MAX_PROPERTY: usize = 1_000;
/// Most properties of an activity.
const MAX_PROPERTIES: usize = 50;
/// The kind of event if none is given.
const DEFAULT_NAME: &str = "view";

/// An activity as the client tells it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub id: Option<Uuid>,
    pub date: Option<DateTime<Utc>>,
    pub path: Option<String>,
    pub referer: Option<String>,
    pub name: Option<String>,
    pub properties: Option<Value>,
}

/// An activity ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub id: Uuid,
    /// None: when the server takes it.
    pub date: Option<DateTime<Utc>>,
    pub path: String,
    pub referer: Option<String>,
    pub name: String,
    pub properties: Option<Value>,
    /// Whether a value has been cut.
    pub truncated: bool,
}

/// A field that can't be accepted.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    pub field: &'static str,
    pub fault: Fault,
    pub message: String,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Required,
    Blank,
    Invalid,
    TooMany,
}

impl FieldError {
    pub(crate) fn required(field: &'static str) -> Self {
        Self { field, fault: Fault::Required, message: "This field is required.".to_owned() }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, fault: Fault::Invalid, message: message.into() }
    }

    fn blank(field: &'static str) -> Self {
        Self { field, fault: Fault::Blank, message: "This field may not be blank.".to_owned() }
    }
}

impl Draft {
    /// Checks a report. Long texts are cut, not refused; every bad field is named.
    pub(crate) fn parse(report: Report) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut truncated = false;
        if report.date.is_some_and(|date| !(1..=9999).contains(&date.year())) {
            errors.push(FieldError::invalid("date", "The year must be between 1 and 9999."));
        }
        match report.path.as_deref().map(str::trim) {
            None => errors.push(FieldError::required("path")),
            Some("") => errors.push(FieldError::blank("path")),
            Some(_) => {}
        }
        let properties = match report.properties {
            None | Some(Value::Null) => None,
            Some(properties) => match flat(properties, &mut truncated) {
                Ok(properties) => Some(Value::Object(properties)),
                Err(error) => {
                    errors.push(error);
                    None
                }
            },
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let name = report.name.filter(|name| !name.trim().is_empty());
        Ok(Self {
            id: report.id.unwrap_or_else(Uuid::now_v7),
            date: report.date,
            path: fit(report.path.unwrap_or_default(), MAX_URL, &mut truncated),
            referer: report
                .referer
                .filter(|referer| !referer.is_empty())
                .map(|referer| fit(referer, MAX_URL, &mut truncated)),
            name: fit(name.unwrap_or_else(|| DEFAULT_NAME.to_owned()), MAX_NAME, &mut truncated),
            properties,
            truncated,
        })
    }
}

/// One flat object, its texts made to fit.
fn flat(properties: Value, truncated: &mut bool) -> Result<Map<String, Value>, FieldError> {
    let Value::Object(properties) = properties else {
        return Err(FieldError::invalid("properties", "The properties must be one object."));
    };
    if properties.len() > MAX_PROPERTIES {
        let message = format!("There may be no more than {MAX_PROPERTIES} properties.");
        return Err(FieldError { field: "properties", fault: Fault::TooMany, message });
    }
    let mut fitting = Map::with_capacity(properties.len());
    for (key, value) in properties {
        let value = match value {
            Value::String(text) => Value::String(fit(text, MAX_PROPERTY, truncated)),
            Value::Array(_) | Value::Object(_) => {
                let message = "The properties must be flat: texts, numbers, true, false or null.";
                return Err(FieldError::invalid("properties", message));
            }
            value => value,
        };
        // Of keys that are the same once they are cut, the first one counts.
        fitting.entry(fit(key, MAX_NAME, truncated)).or_insert(value);
    }
    Ok(fitting)
}

/// Cuts a text to so many bytes, between two characters, and makes it fit for storing.
pub(crate) fn fit(text: String, max: usize, truncated: &mut bool) -> String {
    let mut text = without_nul(text);
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        *truncated = true;
    }
    text
}

/// Reads an ISO 8601 date with time, as Django REST Framework does: with `T` or a blank, with or
/// without seconds and offset. Without an offset it is UTC.
pub(crate) fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    const WITH_OFFSET: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];
    const WITHOUT: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    // Nearly all are of this kind, which takes the least time to read.
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    let text = text.trim().replacen(' ', "T", 1);
    let text = text.as_str();
    let aware = WITH_OFFSET.iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
    if let Some(date) = aware {
        return Some(date.to_utc());
    }
    let naive = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    WITHOUT
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(naive, format).ok())
        .map(|date| date.and_utc())
}
