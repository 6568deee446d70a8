//! Texts as the databases can hold them.

/// Replaces NUL, which PostgreSQL can't store, by U+FFFD; so in what is stored and in what is
/// looked for.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}
