//! The pages and the tracker, which the build of `web/` has left in `web/dist/`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, OriginalUri, Path};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::config::Mode;

/// What the build has made. Without Node there is nothing, and the pages say so.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Dist;

/// Nothing from elsewhere, nothing inline but the styles that charts and editors compute.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
     base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors 'none'",
);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For files whose names hold a hash of what is in them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For the tracker, which every page of every visitor asks for.
const FOR_AN_HOUR: &str = "public, max-age=3600";
/// To be asked for again each time, by its hash.
const REVALIDATED: &str = "no-cache";

const MISSING: &str = "This build has no web pages: run `npm ci && npm run build` in web/, then \
                       build djaffar again.\n";

/// The pages, relative to where the router is nested.
pub(super) fn router(mode: Mode) -> Router<Arc<App>> {
    let mut pages = Router::new()
        .route("/", get(async |at: At| page("index.html", &at)))
        .route("/graphiql", get(async |at: At| page("graphiql.html", &at)));
    if mode == Mode::Development {
        pages = pages.route("/demo", get(async |at: At| page("demo.html", &at)));
    }
    let pages = pages
        .layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, POLICY))
        .layer(SetResponseHeaderLayer::overriding(OPENER_POLICY, SAME_ORIGIN));
    let tracker = Router::new()
        .route("/djaffar.js", get(async |headers: HeaderMap| tracker("djaffar.js", &headers)))
        .route("/djaffar.mjs", get(async |headers: HeaderMap| tracker("djaffar.mjs", &headers)))
        // Any page may load it; what it sends is another matter.
        .layer(SetResponseHeaderLayer::overriding(RESOURCE_POLICY, CROSS_ORIGIN))
        .layer(SetResponseHeaderLayer::overriding(ACCESS_CONTROL_ALLOW_ORIGIN, ANY));
    pages.merge(tracker).route("/assets/{*path}", get(asset))
}

const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Where a page stands, seen from the outside.
#[derive(FromRequestParts)]
struct At {
    original: OriginalUri,
    uri: Uri,
}

impl At {
    /// The path under which the router is nested, with a slash at its end.
    fn base(&self) -> String {
        let (whole, own) = (self.original.path(), self.uri.path());
        let prefix = whole.strip_suffix(own).unwrap_or(whole);
        format!("{}/", prefix.trim_end_matches('/'))
    }
}

/// A page, told where it stands: all its addresses are relative to that.
fn page(name: &str, at: &At) -> Response {
    let Some(file) = Dist::get(name) else {
        return (StatusCode::NOT_FOUND, MISSING).into_response();
    };
    let text = String::from_utf8_lossy(&file.data);
    let base = at.base().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let text = text.replacen("<base href=\"/\"", &format!("<base href=\"{base}\""), 1);
    let headers = [(CACHE_CONTROL, REVALIDATED), (CONTENT_TYPE, "text/html; charset=utf-8")];
    (headers, text).into_response()
}

fn tracker(name: &str, headers: &HeaderMap) -> Response {
    file(name, FOR_AN_HOUR, headers)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{path}"), FOR_EVER, &headers)
}

/// A file in the encoding that the client likes and the build has made.
fn file(name: &str, lifetime: &'static str, headers: &HeaderMap) -> Response {
    let Some(plain) = Dist::get(name) else {
        return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    };
    let etag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(plain.metadata.sha256_hash()));
    let content_type = with_charset(plain.metadata.mimetype());
    let common = [
        (CACHE_CONTROL, lifetime.to_owned()),
        (VARY, ACCEPT_ENCODING.to_string()),
        (ETAG, etag.clone()),
    ];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    match encoded(name, headers) {
        Some((encoding, file)) => {
            let own = [(CONTENT_TYPE, content_type.as_str()), (CONTENT_ENCODING, encoding)];
            (common, own, bytes(file.data)).into_response()
        }
        None => (common, [(CONTENT_TYPE, content_type)], bytes(plain.data)).into_response(),
    }
}

/// The contents of a file. What is embedded is not copied: who asks and does not take it would hold a
/// copy for each request.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => read.into(),
    }
}

/// What is text says how it is encoded.
fn with_charset(media_type: &str) -> String {
    let is_text = ["text/", "application/javascript", "image/svg+xml"]
        .iter()
        .any(|text| media_type.starts_with(text));
    if is_text { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() }
}

fn encoded(name: &str, headers: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let accepts = |encoding: &str| {
        accepted.split(',').any(|it| it.split(';').next().is_some_and(|it| it.trim() == encoding))
    };
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| accepts(encoding))
        .find_map(|(encoding, suffix)| Some((encoding, Dist::get(&format!("{name}.{suffix}"))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_not_copied() {
        let embedded: &'static [u8] = b"abc";
        assert_eq!(bytes(Cow::Borrowed(embedded)).as_ptr(), embedded.as_ptr());
    }
}
