//! What admins change, through the API and at the command line.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};

const READ: &str = "{ activities { nodes { id } } }";
const WHO: &str = "{ viewer { user { username } role } }";
const NEW_PASSWORD: &str = "another horse and another battery";

/// An order, of which the payload comes back.
async fn order(client: &Client, mutation: &str, input: Value, select: &str) -> Value {
    let type_name = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {select} userErrors {{ field code }} }} }}"
    );
    client.graphql_with(&query, json!({ "input": input })).await[mutation].take()
}

async fn done(client: &Client, mutation: &str, input: Value, select: &str) -> Value {
    let payload = order(client, mutation, input, select).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    payload
}

/// The field and the code of the only refusal.
async fn refused(client: &Client, mutation: &str, input: Value) -> (String, String) {
    let payload = order(client, mutation, input, "__typename").await;
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{payload}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&errors[0]["field"][0]), text(&errors[0]["code"]))
}

async fn id_of(client: &Client, username: &str) -> Value {
    let query = "query($name: String!) { user(username: $name) { id } }";
    client.graphql_with(query, json!({ "name": username })).await["user"]["id"].take()
}

#[tokio::test]
async fn users_are_made_and_changed() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let new =
        json!({ "username": " jeff ", "role": "USER", "password": PASSWORD, "externalId": "42" });
    let select = "user { id username role active externalId }";
    let made = done(&admin, "createUser", new, select).await["user"].take();
    let id = &made["id"];
    let expected =
        json!({ "id": id, "username": "jeff", "role": "USER", "active": true, "externalId": "42" });
    assert_eq!(made, expected);
    let jeff = app.visitor();
    jeff.log_in("jeff", PASSWORD).await;
    assert_eq!(jeff.graphql_error(READ).await, "FORBIDDEN");

    let update = json!({ "id": id, "username": "geoff", "role": "STAFF" });
    let changed = done(&admin, "updateUser", update, select).await["user"].take();
    assert_eq!((&changed["username"], &changed["role"]), (&json!("geoff"), &json!("STAFF")));
    jeff.graphql(READ).await;

    let name = |name: &str| json!({ "username": name, "role": "USER" });
    for (input, field, code) in [
        (name("ann"), "username", "TAKEN"),
        (name(" "), "username", "INVALID"),
        (name(&"x".repeat(151)), "username", "INVALID"),
        (json!({ "username": "x", "role": "USER", "externalId": "42" }), "externalId", "TAKEN"),
        (json!({ "username": "x", "role": "USER", "password": "" }), "password", "INVALID"),
    ] {
        assert_eq!(refused(&admin, "createUser", input).await, (field.into(), code.into()));
    }
    let taken = json!({ "id": id, "username": "ann" });
    assert_eq!(refused(&admin, "updateUser", taken).await, ("username".into(), "TAKEN".into()));
    let nobody = json!({ "id": uuid::Uuid::new_v4(), "active": false });
    assert_eq!(refused(&admin, "updateUser", nobody).await, ("id".into(), "NOT_FOUND".into()));
}

#[tokio::test]
async fn v7_4_2_who_is_disabled_is_out_at_once_and_for_good() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let by_cookie = app.logged_in("jeff", "staff").await;
    let by_token = app.visitor().with_bearer(&app.make_token("jeff", "read").await);
    by_cookie.graphql(READ).await;
    by_token.graphql(READ).await;
    let id = id_of(&admin, "jeff").await;
    done(&admin, "updateUser", json!({ "id": id, "active": false }), "user { active }").await;
    assert_eq!(by_cookie.graphql_error(READ).await, "UNAUTHENTICATED");
    assert_eq!(by_token.graphql_error(READ).await, "UNAUTHENTICATED");
    done(&admin, "updateUser", json!({ "id": id, "active": true }), "user { active }").await;
    assert_eq!(
        by_cookie.graphql_error(READ).await,
        "UNAUTHENTICATED",
        "not even when let in again"
    );
    assert_eq!(by_token.graphql_error(READ).await, "UNAUTHENTICATED");
    app.visitor().log_in("jeff", PASSWORD).await;
}

#[tokio::test]
async fn v7_4_3_a_new_password_ends_what_the_old_one_opened() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let by_cookie = app.logged_in("jeff", "staff").await;
    let by_token = app.visitor().with_bearer(&app.make_token("jeff", "read").await);
    by_token.graphql(READ).await;
    let input = json!({ "id": id_of(&admin, "jeff").await, "password": NEW_PASSWORD });
    done(&admin, "setPassword", input, "user { username }").await;
    assert_eq!(by_cookie.graphql(WHO).await["viewer"]["user"], Value::Null);
    assert_eq!(by_token.graphql_error(READ).await, "UNAUTHENTICATED");
    let old = app.visitor().try_log_in("jeff", PASSWORD).await;
    assert_eq!(old["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    app.visitor().log_in("jeff", NEW_PASSWORD).await;
}

#[tokio::test]
async fn the_last_active_admin_stays_one() {
    let app = TestApp::start().await;
    let ann = app.logged_in("ann", "admin").await;
    let id = id_of(&ann, "ann").await;
    let last = ("id".to_owned(), "LAST_ADMIN".to_owned());
    let off = json!({ "id": id, "active": false });
    assert_eq!(refused(&ann, "updateUser", off.clone()).await, last);
    assert_eq!(refused(&ann, "updateUser", json!({ "id": id, "role": "STAFF" })).await, last);
    let error = app.program().run(&["user", "disable", "ann"]).await.failure();
    assert!(error.contains("last active admin"), "{error}");
    done(&ann, "updateUser", json!({ "id": id, "username": "anne" }), "user { id }").await;

    // Of two who disable each other, one stays.
    app.make_user("bob", "admin").await;
    let bob = json!({ "id": id_of(&ann, "bob").await, "active": false });
    let token = app.make_token("anne", "admin").await;
    let (_node, url) = app.another_node().await;
    let elsewhere = Client::new(&url).with_bearer(&token);
    let (one, other) = tokio::join!(
        order(&ann, "updateUser", bob, "user { id }"),
        order(&elsewhere, "updateUser", off, "user { id }"),
    );
    let refusals = [&one, &other].map(|payload| payload["userErrors"].as_array().unwrap().len());
    assert_eq!(refusals.iter().sum::<usize>(), 1, "{one} {other}");
    let admins = "SELECT COUNT(*) FROM djaffar_user WHERE role = 'admin' AND active";
    assert_eq!(app.database.count(admins).await, 1);
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    app.make_user("jeff", "staff").await;
    let id = id_of(&admin, "jeff").await;
    let new = json!({ "userId": id, "name": "report", "scopes": ["READ", "LOG"], "expiresAt": "2100-01-01T00:00:00Z" });
    let select = "token { id name scopes expiresAt revokedAt user { username } } secret";
    let made = done(&admin, "createToken", new, select).await;
    let token = &made["token"];
    assert_eq!((&token["name"], &token["scopes"]), (&json!("report"), &json!(["LOG", "READ"])));
    assert_eq!(token["user"]["username"], "jeff");
    let client = app.visitor().with_bearer(made["secret"].as_str().unwrap());
    client.graphql(READ).await;

    let query = "query($id: ID!) { user(username: \"jeff\") { tokens { id name } } node(id: $id) { __typename } }";
    let variables = json!({ "id": token["id"] });
    let data = admin.graphql_with(query, variables.clone()).await;
    assert_eq!(data["user"]["tokens"], json!([{ "id": token["id"], "name": "report" }]));
    assert_eq!(data["node"]["__typename"], "ApiToken");
    let node = "query($id: ID!) { node(id: $id) { __typename } }";
    assert_eq!(client.graphql_with(node, variables).await["node"], Value::Null);
    let tokens = "{ user(username: \"jeff\") { tokens { id } } }";
    assert_eq!(client.graphql_error(tokens).await, "FORBIDDEN");

    let revoke = json!({ "id": token["id"] });
    let revoked = done(&admin, "revokeToken", revoke.clone(), "token { revokedAt }").await;
    assert!(revoked["token"]["revokedAt"].is_string());
    assert_eq!(client.graphql_error(READ).await, "UNAUTHENTICATED");
    assert_eq!(refused(&admin, "revokeToken", revoke).await, ("id".into(), "NOT_FOUND".into()));
    for (field, value, code) in [
        ("userId", json!(uuid::Uuid::new_v4()), "NOT_FOUND"),
        ("name", json!(""), "INVALID"),
        ("scopes", json!([]), "INVALID"),
        ("expiresAt", json!("2020-01-01T00:00:00Z"), "INVALID"),
    ] {
        let mut input = json!({ "userId": id, "name": "x", "scopes": ["LOG"] });
        input[field] = value;
        assert_eq!(refused(&admin, "createToken", input).await, (field.into(), code.into()));
    }
}

#[tokio::test]
async fn v7_4_5_sessions_are_ended_at_once() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let phone = app.logged_in("jeff", "user").await;
    let laptop = app.visitor();
    laptop.log_in("jeff", PASSWORD).await;
    let token = app.visitor().with_bearer(&app.make_token("jeff", "log,read").await);
    let session = "{ viewer { user { username } session { id isActive } } }";
    let of_phone = phone.graphql(session).await["viewer"]["session"].take();
    assert_eq!(of_phone["isActive"], true);
    let ended =
        done(&admin, "endSession", json!({ "id": of_phone["id"] }), "session { id isActive }")
            .await;
    assert_eq!(ended["session"], json!({ "id": of_phone["id"], "isActive": false }));
    assert_eq!(phone.graphql(session).await["viewer"], json!({ "user": null, "session": null }));
    assert_eq!(laptop.graphql(session).await["viewer"]["user"]["username"], "jeff");

    phone.log_in("jeff", PASSWORD).await;
    let user = json!({ "userId": id_of(&admin, "jeff").await });
    let ended = done(&admin, "endUserSessions", user, "count").await;
    assert_eq!(ended["count"], 2);
    for browser in [&phone, &laptop] {
        assert_eq!(browser.graphql(WHO).await["viewer"]["user"], Value::Null);
    }
    token.graphql(WHO).await;
    assert_eq!(admin.graphql(WHO).await["viewer"]["user"]["username"], "ann");
    let nothing = json!({ "id": uuid::Uuid::new_v4() });
    assert_eq!(refused(&admin, "endSession", nothing).await, ("id".into(), "NOT_FOUND".into()));
}

#[tokio::test]
async fn orders_are_for_admins_alone() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let narrow = app.visitor().with_bearer(&app.make_token("ann", "log,read").await);
    let wide = app.visitor().with_bearer(&app.make_token("ann", "admin").await);
    let staff = app.logged_in("bob", "staff").await;
    let id = id_of(&admin, "bob").await;
    for order in [
        "createUser(input: { username: \"x\", role: USER }) { userErrors { code } }".to_owned(),
        format!("updateUser(input: {{ id: {id}, role: ADMIN }}) {{ userErrors {{ code }} }}"),
        format!(
            "setPassword(input: {{ id: {id}, password: \"{PASSWORD}\" }}) {{ userErrors {{ code }} }}"
        ),
        format!(
            "createToken(input: {{ userId: {id}, name: \"x\", scopes: [READ] }}) {{ userErrors {{ code }} }}"
        ),
        format!("revokeToken(input: {{ id: {id} }}) {{ userErrors {{ code }} }}"),
        format!("endSession(input: {{ id: {id} }}) {{ userErrors {{ code }} }}"),
        format!("endUserSessions(input: {{ userId: {id} }}) {{ userErrors {{ code }} }}"),
    ] {
        let mutation = format!("mutation {{ {order} }}");
        assert_eq!(app.visitor().graphql_error(&mutation).await, "UNAUTHENTICATED", "{order}");
        assert_eq!(staff.graphql_error(&mutation).await, "FORBIDDEN", "{order}");
        assert_eq!(narrow.graphql_error(&mutation).await, "FORBIDDEN", "{order}");
    }
    let input = json!({ "username": "x", "role": "USER" });
    done(&wide, "createUser", input, "user { id }").await;
}

#[tokio::test]
async fn the_command_line_does_the_same() {
    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    let browser = app.logged_in("jeff", "user").await;
    let run = async |arguments: &[&str]| app.program().run(arguments).await.success();
    let list = run(&["session", "list", "--user", "jeff"]).await;
    assert!(list.contains("active") && list.contains("Test/1.0"), "{list}");
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    run(&["session", "end", &id]).await;
    assert!(run(&["session", "list", "--user", "jeff"]).await.contains("ended"));
    browser.log_in("jeff", PASSWORD).await;
    assert!(run(&["session", "end", "--user", "jeff"]).await.contains("1 sessions of jeff"));

    run(&["user", "rename", "jeff", "geoff"]).await;
    run(&["user", "role", "geoff", "staff"]).await;
    run(&["user", "disable", "geoff"]).await;
    let list = run(&["user", "list"]).await;
    assert!(list.contains("disabled") && list.contains("staff"), "{list}");
    run(&["user", "enable", "geoff"]).await;
    app.visitor().log_in("geoff", PASSWORD).await;
    let error = app.program().run(&["user", "rename", "geoff", "ann"]).await.failure();
    assert!(error.contains("There is a user called ann already."), "{error}");
}
