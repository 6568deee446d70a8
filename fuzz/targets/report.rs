//! The body of `POST /logs`, in its three shapes.

#![no_main]

use djaffar::fuzzing::report;
use libfuzzer_sys::fuzz_target;

const FORM: &str = "application/x-www-form-urlencoded";
const CONTENT_TYPES: [&str; 4] =
    [FORM, "application/json", "multipart/form-data; boundary=x", "multipart/form-data"];
/// Longest path and referer.
const MAX_URL: usize = 2_048;

fuzz_target!(|input: &[u8]| {
    let [shape, body @ ..] = input else { return };
    let content_type = CONTENT_TYPES[usize::from(*shape) % CONTENT_TYPES.len()];
    let Some((date, path, referer)) = report(content_type, body.to_vec()) else { return };
    assert!(!path.trim().is_empty());
    for text in [Some(&path), referer.as_ref()].into_iter().flatten() {
        assert!(!text.is_empty() && text.len() <= MAX_URL && !text.contains('\0'));
    }
    // The years 1 to 9999.
    assert!((-62_135_596_800_000_000..253_402_300_800_000_000).contains(&date));
    // What was taken is taken again, as it was.
    let seconds = format!("1970-01-01T00:00:{:02}", date.rem_euclid(60));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("date", &seconds).append_pair("path", &path);
    if let Some(referer) = &referer {
        form.append_pair("referer", referer);
    }
    let again = report(FORM, form.finish().into_bytes());
    assert_eq!(again, Some((date.rem_euclid(60) * 1_000_000, path, referer)));
});
