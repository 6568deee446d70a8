//! A user of the service, as they come: with a cookie jar, perhaps with a token.

use reqwest::header::{AUTHORIZATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub url: String,
    authorization: Option<String>,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let http =
            reqwest::Client::builder().cookie_store(true).user_agent("Test/1.0").build().unwrap();
        Self { http, url: url.to_owned(), authorization: None }
    }

    /// The same one, at another address.
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    pub fn with_bearer(self, token: &str) -> Self {
        self.with_authorization(&format!("Bearer {token}"))
    }

    pub fn with_authorization(mut self, authorization: &str) -> Self {
        self.authorization = Some(authorization.to_owned());
        self
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(reqwest::Method::GET, path).send().await.unwrap()
    }

    /// Posts a form as the old clients do.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.request(reqwest::Method::POST, path).form(fields).send().await.unwrap()
    }

    /// Logs a path by the form, with the present date.
    pub async fn log(&self, path: &str) -> Response {
        let date = chrono::Utc::now().to_rfc3339();
        let response = self.post_form("/logs", &[("date", &date), ("path", path)]).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        response
    }

    /// Logs an activity under an id.
    pub async fn log_id(&self, id: uuid::Uuid) {
        let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) {
            activity { id } userErrors { code } } }";
        let data = self.graphql_with(query, json!({ "id": id })).await;
        assert_eq!(data["logActivity"], json!({ "activity": { "id": id }, "userErrors": [] }));
    }

    /// Sends an operation, and returns the response as it comes.
    pub async fn post_graphql(&self, query: &str, variables: Value) -> Response {
        let body = json!({ "query": query, "variables": variables });
        self.request(reqwest::Method::POST, "/graphql").json(&body).send().await.unwrap()
    }

    /// The `data` of an operation that has no errors.
    pub async fn graphql_with(&self, query: &str, variables: Value) -> Value {
        let response = self.post_graphql(query, variables).await;
        let status = response.status();
        let mut body: Value = response.json().await.unwrap();
        assert!(status.is_success() && body["errors"].is_null(), "{status} {body}");
        body["data"].take()
    }

    pub async fn graphql(&self, query: &str) -> Value {
        self.graphql_with(query, json!({})).await
    }

    /// The code of the only error of an operation.
    pub async fn graphql_error(&self, query: &str) -> String {
        let body: Value = self.post_graphql(query, json!({})).await.json().await.unwrap();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no error: {body}"));
        assert_eq!(errors.len(), 1, "{body}");
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// The `logIn` payload.
    pub async fn try_log_in(&self, username: &str, password: &str) -> Value {
        let log_in = "mutation($input: LogInInput!) { logIn(input: $input) {
            viewer { user { username } } userErrors { code field message }
        } }";
        let input = json!({ "input": { "username": username, "password": password } });
        self.graphql_with(log_in, input).await["logIn"].take()
    }

    pub async fn log_in(&self, username: &str, password: &str) {
        let payload = self.try_log_in(username, password).await;
        assert_eq!(payload["viewer"]["user"]["username"], username, "{payload}");
    }

    pub async fn log_out(&self) {
        let data =
            self.graphql("mutation { logOut { viewer { user { id } session { id } } } }").await;
        assert_eq!(data["logOut"]["viewer"], json!({ "user": null, "session": null }));
    }

    /// All activities, the newest first, as staff see them.
    pub async fn activities(&self) -> Vec<Value> {
        let query = "{ activities(first: 200) { nodes {
            id date receivedAt path referer name properties truncated ipAddress
            user { username } session { id userAgent user { username } }
        } } }";
        self.graphql(query).await["activities"]["nodes"].as_array().unwrap().clone()
    }

    /// The only activity there is.
    pub async fn only_activity(&self) -> Value {
        let mut activities = self.activities().await;
        assert_eq!(activities.len(), 1, "{activities:?}");
        activities.remove(0)
    }
}

/// The value of the session cookie that a response sets.
pub fn set_cookie(response: &Response) -> Option<&str> {
    let header = response.headers().get(SET_COOKIE)?.to_str().unwrap();
    Some(header.strip_prefix("sessionid=").unwrap().split(';').next().unwrap())
}
