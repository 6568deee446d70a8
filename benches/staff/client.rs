//! A member of staff with a token.

use serde_json::{Value, json};

pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    pub fn new(url: &str, token: &str) -> Self {
        let http = reqwest::Client::new();
        Self { http, url: format!("{url}/graphql"), token: token.to_owned() }
    }

    /// The data of an answer.
    pub async fn ask(&self, query: &str, variables: &Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(&self.url).bearer_auth(&self.token).json(&body);
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["errors"].is_null(), "{query} {variables}: {}", answer["errors"]);
        answer["data"].take()
    }
}
