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
use sha2::{Digest, Sha256};
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
        .route("/", get(async |at: At, headers: HeaderMap| page("index.html", &at, &headers)))
        .route(
            "/graphiql",
            get(async |at: At, headers: HeaderMap| page("graphiql.html", &at, &headers)),
        );
    if mode == Mode::Development {
        pages = pages.route(
            "/demo",
            get(async |at: At, headers: HeaderMap| page("demo.html", &at, &headers)),
        );
    }
    let pages = pages
        .layer(SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, POLICY))
        .layer(SetResponseHeaderLayer::overriding(OPENER_POLICY, SAME_ORIGIN));
    let tracker = Router::new()
        .route("/djaffar.js", get(async |headers: HeaderMap| tracker("djaffar.js", &headers)))
        .route("/djaffar.mjs", get(async |headers: HeaderMap| module(&headers)))
        .route("/djaffar.d.ts", get(async |headers: HeaderMap| types(&headers)))
        // Any page may load it; what it sends is another matter.
        .route_layer(SetResponseHeaderLayer::overriding(RESOURCE_POLICY, CROSS_ORIGIN))
        .route_layer(SetResponseHeaderLayer::overriding(ACCESS_CONTROL_ALLOW_ORIGIN, ANY));
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
fn page(name: &str, at: &At, headers: &HeaderMap) -> Response {
    let Some(file) = Dist::get(name) else {
        return (StatusCode::NOT_FOUND, MISSING).into_response();
    };
    let text = String::from_utf8_lossy(&file.data);
    let base = at.base().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let text = text.replacen("<base href=\"/\"", &format!("<base href=\"{base}\""), 1);
    let etag = etag(&Sha256::digest(&text));
    let common = [(CACHE_CONTROL, REVALIDATED), (ETAG, etag.as_str())];
    if is_known(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

fn tracker(name: &str, headers: &HeaderMap) -> Response {
    file(name, FOR_AN_HOUR, headers)
}

/// The tracker as a module, which says where its types are.
fn module(headers: &HeaderMap) -> Response {
    const TYPES: HeaderName = HeaderName::from_static("x-typescript-types");
    ([(TYPES, "./djaffar.d.ts")], tracker("djaffar.mjs", headers)).into_response()
}

fn types(headers: &HeaderMap) -> Response {
    let mut response = tracker("djaffar.d.ts", headers);
    if response.status() == StatusCode::OK {
        // By its name it would be a film.
        let typescript = HeaderValue::from_static("application/typescript; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, typescript);
    }
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{path}"), FOR_EVER, &headers)
}

/// A file in the encoding that the client likes and the build has made.
fn file(name: &str, lifetime: &'static str, headers: &HeaderMap) -> Response {
    let Some(plain) = Dist::get(name) else {
        return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    };
    let etag = etag(&plain.metadata.sha256_hash());
    let content_type = with_charset(plain.metadata.mimetype());
    let common =
        [(CACHE_CONTROL, lifetime), (VARY, ACCEPT_ENCODING.as_str()), (ETAG, etag.as_str())];
    if is_known(headers, &etag) {
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

/// A weak one: the same for every encoding.
fn etag(hash: &[u8]) -> String {
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(hash))
}

/// Whether the client has it already, by `If-None-Match`.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.trim_start_matches("W/");
    listed(headers, IF_NONE_MATCH)
        .any(|known| known == "*" || known.trim_start_matches("W/") == opaque)
}

/// The items of a header that is a list.
fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// What is text says how it is encoded.
fn with_charset(media_type: &str) -> String {
    let is_text = ["text/", "application/javascript", "image/svg+xml"]
        .iter()
        .any(|text| media_type.starts_with(text));
    if is_text { format!("{media_type}; charset=utf-8") } else { media_type.to_owned() }
}

fn encoded(name: &str, headers: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| listed(headers, ACCEPT_ENCODING).any(|it| allows(it, encoding)))
        .find_map(|(encoding, suffix)| Some((encoding, Dist::get(&format!("{name}.{suffix}"))?)))
}

/// Whether an item of `Accept-Encoding` is this encoding, and not to say that it is refused (`q=0`).
fn allows(item: &str, encoding: &str) -> bool {
    let mut parts = item.split(';').map(str::trim);
    let is_meant = parts.next().is_some_and(|it| it.eq_ignore_ascii_case(encoding));
    let mut weights = parts.filter_map(|it| it.strip_prefix("q=")?.parse::<f32>().ok());
    is_meant && weights.all(|weight| weight > 0.0)
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
