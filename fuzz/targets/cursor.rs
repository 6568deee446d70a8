//! Cursors, as clients hand them back.

#![no_main]

use djaffar::fuzzing::{cursor, cursor_of};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|text: &str| {
    for is_of_users in [true, false] {
        check(is_of_users, text);
    }
});

fn check(is_of_users: bool, text: &str) {
    // As a cursor: what it names has a cursor that names the same.
    if let Some((id, key)) = cursor(is_of_users, text) {
        assert!(!key.contains('\0'));
        let again = cursor_of(is_of_users, id, &key).expect("the key of a cursor");
        assert_eq!(cursor(is_of_users, &again), Some((id, key)));
        assert_eq!(cursor(!is_of_users, text), None, "it is good for one order only");
    }
    // As a sort key: its cursor names it.
    let id = text.bytes().fold(1, |id: u128, byte| id.wrapping_mul(257) ^ u128::from(byte));
    let id = Uuid::from_u128(id);
    if let Some(it) = cursor_of(is_of_users, id, text).filter(|_| !text.contains('\0')) {
        let (named, key) = cursor(is_of_users, &it).expect("a cursor of our own");
        assert_eq!(named, id);
        assert!(key == text || !is_of_users);
        assert_eq!(cursor_of(is_of_users, id, &key), Some(it));
    }
}
