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
        let mut answer = self.answer(query, variables).await;
        assert!(answer["errors"].is_null(), "{query} {variables}: {}", answer["errors"]);
        answer["data"].take()
    }

    /// The code of the error of an answer, if there is one.
    pub async fn error(&self, query: &str, variables: &Value) -> Option<String> {
        let answer = self.answer(query, variables).await;
        let code = answer["errors"].get(0)?["extensions"]["code"].as_str();
        Some(code.unwrap_or("unknown").to_owned())
    }

    async fn answer(&self, query: &str, variables: &Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(&self.url).bearer_auth(&self.token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }
}
