//! The fields of a legacy report, in the three shapes that Django REST Framework takes.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde_json::Value;

use super::admission::Incomplete;
use super::caller::header;
use crate::app::App;

/// What a client reports. A field may be missing.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub date: Option<String>,
    pub path: Option<String>,
    pub referer: Option<String>,
}

/// Why a body can't be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Incomplete(Incomplete),
    MediaType(String),
    Malformed(String),
}

impl Fields {
    /// Reads a body by its content type; without one it is taken for a form.
    pub(super) async fn read(
        app: &App,
        parts: Parts,
        body: Body,
    ) -> Result<(Parts, Self), Unreadable> {
        let limit = app.config.limits.log_body;
        let body = app.admission.body(body, limit).await.map_err(Unreadable::Incomplete)?;
        let content_type = header(&parts, &CONTENT_TYPE).unwrap_or_default();
        Ok((parts, Self::parse(&content_type, body).await?))
    }

    pub(super) async fn parse(content_type: &str, body: Bytes) -> Result<Self, Unreadable> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "" | "application/x-www-form-urlencoded" => Ok(Self::from_form(&body)),
            "application/json" => Self::from_json(&body),
            "multipart/form-data" => Self::from_multipart(content_type, body).await,
            _ => Err(Unreadable::MediaType(content_type.chars().take(100).collect())),
        }
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "date" => self.date = Some(value),
            "path" => self.path = Some(value),
            "referer" => self.referer = Some(value),
            // The rest is ignored, as it was.
            _ => {}
        }
    }

    fn from_form(body: &[u8]) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            fields.set(&name, value.into_owned());
        }
        fields
    }

    fn from_json(body: &[u8]) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| Unreadable::Malformed(format!("JSON parse error - {error}")))?;
        let Value::Object(object) = value else {
            return Err(Unreadable::Malformed("Invalid data. Expected a dictionary.".to_owned()));
        };
        let mut fields = Self::default();
        for (name, value) in object {
            match value {
                Value::Null => {}
                Value::String(text) => fields.set(&name, text),
                value => fields.set(&name, value.to_string()),
            }
        }
        Ok(fields)
    }

    async fn from_multipart(content_type: &str, body: Bytes) -> Result<Self, Unreadable> {
        let malformed = |error: &dyn std::fmt::Display| {
            Unreadable::Malformed(format!("Multipart form parse error - {error}"))
        };
        let request = Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body));
        let request = request.map_err(|error| malformed(&error))?;
        let mut multipart =
            Multipart::from_request(request, &()).await.map_err(|error| malformed(&error))?;
        let mut fields = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(|error| malformed(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.bytes().await.map_err(|error| malformed(&error))?;
            fields.set(&name, String::from_utf8_lossy(&value).into_owned());
        }
        Ok(fields)
    }
}
