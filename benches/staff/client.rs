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
        let body = self.fetch(query, variables).await;
        data(&body).unwrap_or_else(|errors| panic!("{query} {variables}: {errors}"))
    }

    /// The code of the error of an answer, if there is one.
    pub async fn error(&self, query: &str, variables: &Value) -> Option<String> {
        let errors = data(&self.fetch(query, variables).await).err()?;
        let code = errors[0]["extensions"]["code"].as_str();
        Some(code.unwrap_or("unknown").to_owned())
    }

    /// An answer as it comes.
    pub async fn fetch(&self, query: &str, variables: &Value) -> Vec<u8> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(&self.url).bearer_auth(&self.token).json(&body);
        request.send().await.unwrap().bytes().await.unwrap().into()
    }
}

/// The data of an answer, or its errors.
pub fn data(answer: &[u8]) -> Result<Value, Value> {
    let mut answer: Value = serde_json::from_slice(answer).unwrap();
    match answer["errors"].take() {
        Value::Null => Ok(answer["data"].take()),
        errors => Err(errors),
    }
}
