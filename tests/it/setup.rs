//! The first admin, on an empty database.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Program, TestDatabase};

async fn create(client: &Client, token: &str, username: &str) -> Value {
    let query = "mutation($input: CreateFirstAdminInput!) { createFirstAdmin(input: $input) {
        viewer { role user { username } } userErrors { field code } } }";
    let input = json!({ "setupToken": token, "username": username, "password": PASSWORD });
    client.graphql_with(query, json!({ "input": input })).await["createFirstAdmin"].take()
}

/// What `serve` printed, and the token in it.
async fn token_of(database: &TestDatabase) -> String {
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let url = server.url.clone();
    let (_, printed) = server.stop().await;
    let line = printed.lines().next().unwrap();
    let link = line.strip_prefix("Make the first admin: ").unwrap();
    link.strip_prefix(&format!("{url}/#/setup?token=")).unwrap().to_owned()
}

#[tokio::test]
async fn serve_prints_a_link_while_there_is_nobody() {
    let database = TestDatabase::create().await;
    let first = token_of(&database).await;
    let second = token_of(&database).await;
    assert!(first.len() >= 43 && first != second, "{first} {second}");
    let server = Program::new(&database.url)
        .serve(&["--listen", "127.0.0.1:0", "--mode", "development"])
        .await;
    let client = Client::new(&server.url);
    let refused =
        json!({ "viewer": null, "userErrors": [{ "field": ["setupToken"], "code": "INVALID" }] });
    for token in ["", "nonsense", &second] {
        assert_eq!(create(&client, token, "ann").await, refused, "{token}");
    }
    let made = Program::new(&database.url).input(PASSWORD).run(&[
        "user",
        "create",
        "ann",
        "--role",
        "admin",
        "--password-stdin",
    ]);
    made.await.success();
    let (_, printed) = server.stop().await;
    assert!(printed.contains("#/setup?token=") && printed.contains("/logs -d date="), "{printed}");

    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let (_, printed) = server.stop().await;
    assert_eq!(printed, "", "there is somebody");
}

#[tokio::test]
async fn the_link_makes_one_admin_and_logs_them_in() {
    let database = TestDatabase::create().await;
    let arguments = ["--listen", "127.0.0.1:0", "--mode", "development"];
    let mut server = Program::new(&database.url).serve(&arguments).await;
    let line = server.first_line().await;
    let token = line.rsplit_once("token=").unwrap().1;
    let (ann, bob) = (Client::new(&server.url), Client::new(&server.url));
    let (one, other) = tokio::join!(create(&ann, token, "ann"), create(&bob, token, "bob"));
    let is_made = |payload: &Value| payload["viewer"]["role"] == "ADMIN";
    assert!(is_made(&one) != is_made(&other), "{one} {other}");
    let winner = if is_made(&one) { &ann } else { &bob };
    winner.graphql("{ auditEvents { nodes { action } } users { nodes { id } } }").await;
    assert_eq!(database.count("SELECT COUNT(*) FROM djaffar_user").await, 1);
    let again = create(&Client::new(&server.url), token, "eve").await;
    assert_eq!(again["userErrors"][0]["code"], "INVALID");
    server.stop().await;
}
