//! Who uses the shop.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::Timestamp;
use crate::store::entity::user;

const FIRST: [&str; 24] = [
    "ada",
    "alan",
    "amara",
    "barbara",
    "carlos",
    "chen",
    "dennis",
    "edsger",
    "fatima",
    "grace",
    "hedy",
    "ines",
    "jamal",
    "katherine",
    "linus",
    "margaret",
    "niklaus",
    "olga",
    "priya",
    "radia",
    "sofia",
    "tim",
    "vint",
    "yukihiro",
];
const LAST: [&str; 20] = [
    "abe", "berg", "costa", "diaz", "engel", "fischer", "garcia", "haddad", "ivanova", "jones",
    "kim", "lopez", "meyer", "novak", "okafor", "patel", "rossi", "sato", "tanaka", "weber",
];
const USER_AGENTS: [&str; 10] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
];

/// The user of a number, who is the same in every database.
pub(super) fn user_id(number: u32) -> Uuid {
    let hash = Sha256::digest(username(number));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::new_v8(bytes)
}

/// The user's row. Nobody can log in with it.
pub(super) fn user(
    number: u32,
    created_at: Timestamp,
    last_seen_at: Option<Timestamp>,
) -> user::Model {
    user::Model {
        id: user_id(number),
        username: username(number),
        external_id: None,
        password_hash: None,
        role: "user".to_owned(),
        active: true,
        created_at,
        credentials_changed_at: created_at,
        last_seen_at,
    }
}

fn username(number: u32) -> String {
    let first = FIRST[number as usize % FIRST.len()];
    let rest = number as usize / FIRST.len();
    let (last, rest) = (LAST[rest % LAST.len()], rest / LAST.len());
    if rest == 0 { format!("{first}.{last}") } else { format!("{first}.{last}{rest}") }
}

/// A browser: of those that many people use, if the number, from 0 to 1, is low.
pub(super) fn user_agent(share: f64) -> &'static str {
    USER_AGENTS[(share.powi(2) * USER_AGENTS.len() as f64) as usize % USER_AGENTS.len()]
}
