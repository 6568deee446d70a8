//! The command line, as an operator types it.

use crate::harness::{PASSWORD, Program, TestApp, TestDatabase};

#[tokio::test]
async fn users_are_made_listed_and_disabled() {
    let app = TestApp::start().await;
    app.make_user("jeff", "user").await;
    app.make_user("ann", "admin").await;
    let list = app.program().run(&["user", "list"]).await.success();
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows[1][0], rows[1][1], *rows[1].last().unwrap()), ("admin", "active", "ann"));
    assert_eq!((rows[2][0], *rows[2].last().unwrap()), ("user", "jeff"));
    app.program().run(&["user", "disable", "jeff"]).await.success();
    assert!(app.program().run(&["user", "list"]).await.success().contains("disabled"));

    let twice = ["user", "create", "ann", "--role", "user", "--password-stdin"];
    let error = app.program().input(PASSWORD).run(&twice).await.failure();
    assert!(error.contains("There is a user called ann already."), "{error}");
    for (arguments, sentence) in [
        (&["user", "create", "x", "--password-stdin"][..], "at least 8 characters"),
        (&["user", "create", " ", "--password-stdin"], "1 to 150 printable characters"),
        (
            &["user", "create", "x", "--role", "king", "--password-stdin"],
            "use user, staff or admin",
        ),
        (&["user", "create", "x"], "use --password-stdin"),
        (&["user", "disable", "nobody"], "There is no user called nobody."),
        (
            &["token", "create", "--user", "nobody", "--name", "x", "--scope", "log"],
            "There is no user called nobody.",
        ),
        (
            &["token", "create", "--user", "ann", "--name", "x", "--scope", "all"],
            "use log, read or admin",
        ),
        (&["token", "create", "--user", "ann", "--name", "x"], "--scope"),
        (&["token", "revoke", "00000000-0000-0000-0000-000000000000"], "There is no valid token"),
    ] {
        let program = app.program();
        let program =
            if sentence.contains("8 characters") { program } else { program.input(PASSWORD) };
        let error = program.run(arguments).await.failure();
        assert!(error.contains(sentence), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_stands_alone_on_standard_output() {
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;
    let arguments = [
        "token", "create", "--user", "ann", "--name", "report", "--scope", "log", "--scope", "read",
    ];
    let output = app.program().run(&arguments).await.success();
    assert_eq!(output.lines().count(), 1);
    assert!(output.starts_with("djf_"));
    let list = app.program().run(&["token", "list"]).await.success();
    assert!(
        list.contains("log,read") && list.contains("ann / report") && list.contains("valid"),
        "{list}"
    );
    assert!(!list.contains(output.trim()));
}

#[tokio::test]
async fn a_flag_goes_before_a_variable_before_the_file() {
    let database = TestDatabase::create().await;
    let program = || Program::new(&database.url);
    let file = "listen = \"127.0.0.1:1\"\nsession-cookie = \"from_file\"\nmode = \"development\"\nrequire_user = false\n";
    let server = program()
        .file("djaffar.toml", file)
        .env("DJAFFAR_LISTEN", "127.0.0.1:2")
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let response = crate::harness::Client::new(&server.url).log("/").await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("from_file=") && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(server.stop().await.0, Some(0));

    let server = program()
        .file("djaffar.toml", file)
        .env("DJAFFAR_LISTEN", "127.0.0.1:0")
        .env("DJAFFAR_SESSION_COOKIE", "from_variable")
        .serve(&[])
        .await;
    let response = crate::harness::Client::new(&server.url).log("/").await;
    assert!(response.headers()["set-cookie"].to_str().unwrap().starts_with("from_variable="));
    assert_eq!(server.stop().await.0, Some(0));

    // The file's database is used, and its password is not shown.
    let file = format!("database-url = {:?}\n", database.url);
    let from_file = || program().without_database().file("djaffar.toml", &file);
    assert!(from_file().run(&["migrate", "status"]).await.success().starts_with("applied"));
    let help = from_file().run(&["migrate", "--help"]).await.success();
    assert!(help.contains("DJAFFAR_DATABASE_URL") && !help.contains(&database.url), "{help}");

    let unknown =
        program().file("djaffar.toml", "colour = \"red\"\n").run(&["schema"]).await.failure();
    assert!(unknown.contains("there is no setting called colour"), "{unknown}");
    let broken = program().file("djaffar.toml", "listen = \n").run(&["schema"]).await.failure();
    assert!(broken.contains("djaffar.toml"), "{broken}");
    let wrong = program().run(&["serve", "--mode", "test"]).await.failure();
    assert!(wrong.contains("production or development"), "{wrong}");
    let missing = program().env("DJAFFAR_CONFIG", "/nowhere.toml").run(&["schema"]).await.failure();
    assert!(missing.contains("/nowhere.toml"), "{missing}");
}

#[tokio::test]
async fn migrations_are_shown_and_applied() {
    let database = TestDatabase::create().await;
    if !database.is_postgres() {
        // A file that is there, but empty.
        std::fs::write(database.url.strip_prefix("sqlite://").unwrap(), "").unwrap();
    }
    let run = async |arguments: &[&str]| Program::new(&database.url).run(arguments).await.success();
    assert!(run(&["migrate", "status"]).await.starts_with("pending"));
    assert!(run(&["migrate", "status"]).await.starts_with("pending"), "status changes nothing");
    assert!(run(&["migrate"]).await.starts_with("applied"));
    assert!(run(&["migrate", "up"]).await.starts_with("applied"));
    assert!(run(&["migrate", "status"]).await.starts_with("applied"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_said_in_a_sentence() {
    for (url, sentence) in [
        ("mysql://localhost/x", "must start with sqlite: or postgres:"),
        ("sqlite::memory:", "A database in memory keeps nothing"),
        ("sqlite:///nowhere/at/all.db", "The database /nowhere/at/all.db can't be opened"),
        ("sqlite:///nowhere/at/all.db", "unable to open database file"),
        ("sqlite:///tmp", "The database /tmp can't be opened"),
        ("sqlite://x.db?mode=mad", "The database URL can't be read"),
        ("postgres://nobody@127.0.0.1:1/nothing", "on PostgreSQL can't be opened"),
        ("postgres://nobody@127.0.0.1:1/nothing", "Connection refused"),
        ("postgres://nobody:hunter/2#@127.0.0.1:1/nothing", "as %XX"),
        (
            "postgres://nobody:p@hunter.invalid/2@127.0.0.1:1/nothing",
            "on PostgreSQL can't be opened",
        ),
    ] {
        let error = Program::new(url).run(&["migrate"]).await.failure();
        assert!(error.contains(sentence), "{url}: {error}");
        assert!(!error.contains("hunter"), "{error}");
    }
}

#[tokio::test]
async fn what_looks_into_a_database_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("typing-error.db");
    let url = format!("sqlite://{}", file.display());
    let erase = ["person", "erase", "--ip", "192.0.2.1", "--mode", "delete"];
    for arguments in [
        &["user", "list"][..],
        &["token", "list"],
        &["session", "list"],
        &["audit"],
        &["export"],
        &["stats", "rebuild"],
        &["prune", "--keep-activities", "30d"],
        &["migrate", "status"],
        &erase,
    ] {
        let error = Program::new(&url).run(arguments).await.failure();
        assert!(error.contains("there is no database"), "{arguments:?}: {error}");
        assert!(error.contains("typing-error.db"), "{arguments:?}: {error}");
        assert!(!file.exists(), "{arguments:?}");
    }
    let create = ["user", "create", "ann", "--password-stdin"];
    Program::new(&url).input(PASSWORD).run(&create).await.success();
    Program::new(&url).run(&["user", "list"]).await.success();
}

#[tokio::test]
async fn settings_that_would_let_nobody_in_are_refused() {
    let database = TestDatabase::create().await;
    for (setting, value) in [
        ("--session-cookie", ""),
        ("--session-cookie", "a;b"),
        ("--session-cookie", "a\nb"),
        ("--session-age", "0s"),
        ("--log-in-age", "0s"),
        ("--query-timeout", "0s"),
        ("--mutation-timeout", "0s"),
        ("--max-cost", "0"),
    ] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", setting, value];
        let error = Program::new(&database.url).run(&arguments).await.failure();
        assert!(error.contains(setting), "{setting} {value}: {error}");
    }
}

#[tokio::test]
async fn a_level_that_is_none_is_not_taken_for_silence() {
    for log in ["debugg", "info,loud"] {
        let error = Program::new("sqlite://x.db").run(&["schema", "--log", log]).await.failure();
        assert!(error.contains("is no level to log at"), "{log}: {error}");
    }
    for log in ["debug", "WARN", "off", "", "djaffar::http=trace,info", "info,sqlx=debug"] {
        Program::new("sqlite://x.db").run(&["schema", "--log", log]).await.success();
    }
}

#[tokio::test]
async fn who_has_read_enough_of_an_export_hears_of_no_error() {
    let app = TestApp::start().await;
    app.program().run(&["demo", "fill", "--activities", "5k"]).await.success();
    let wrapper = ["bash", "-c", "set -o pipefail; \"$0\" \"$@\" | head -n 1"];
    let head = app.program().under(&wrapper.map(str::to_owned)).run(&["export"]).await;
    assert_eq!(head.stderr, "");
    assert_eq!(head.success().lines().count(), 1);
}

#[tokio::test]
async fn a_database_is_filled_to_try_things_out() {
    let app = TestApp::start().await;
    for bad in ["0", "ten", "10G", "99999999999999999999M"] {
        let error = app.program().run(&["demo", "fill", "--activities", bad]).await.failure();
        assert!(error.contains("such as 5000, 100k or 10M"), "{error}");
    }
    app.program().run(&["demo", "fill", "--activities", "2k"]).await.success();
    let query = "{ activityStats { activities users firstDate lastDate }
                   activities(first: 0) { totalCount } }";
    let data = app.staff().await.graphql(query).await;
    assert_eq!(data["activityStats"]["activities"], 2_000);
    assert_eq!(data["activities"]["totalCount"], 2_000);
    assert!(data["activityStats"]["users"].as_u64() > Some(1));
    let date = |name: &str| {
        let text = data["activityStats"][name].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    assert!(date("lastDate") - date("firstDate") > chrono::Duration::days(60));
}

#[tokio::test]
async fn postgresql_is_spoken_to_by_tls_where_it_is_asked_for() {
    let database = TestDatabase::create().await;
    if !database.is_postgres()
        || database
            .count("SELECT count(*) FROM pg_settings WHERE name = 'ssl' AND setting = 'on'")
            .await
            == 0
    {
        return;
    }
    let url = database.url.replace("sslmode=disable", "sslmode=require");
    let _server = Program::new(&url).serve(&["--listen", "127.0.0.1:0"]).await;
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE ssl AND datname = current_database()";
    assert!(database.count(encrypted).await > 0);
}
