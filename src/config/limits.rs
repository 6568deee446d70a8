//! How large a GraphQL request may be.

use std::time::Duration;

/// Beyond these a GraphQL request is refused: `COST_LIMIT_EXCEEDED`, or `TIMEOUT`.
///
/// All but the time are looked at before anything is executed, and before the document is checked
/// against the schema.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Longest document, in bytes.
    pub bytes: usize,
    /// Most names, numbers, texts and signs of a document.
    pub tokens: usize,
    /// Deepest nesting of brackets in the text of a document.
    pub nesting: usize,
    /// Deepest nesting of fields. The usual introspection query needs 13.
    pub depth: usize,
    /// Most fields under another name, in the whole document.
    pub aliases: usize,
    /// Most directives, in the whole document.
    pub directives: usize,
    /// Most fields at the root of an operation, fragments included.
    pub root_fields: u64,
    /// Most selections of an operation, with every fragment counted where it is spread.
    pub selections: u64,
    /// What an operation may cost: one for each object, those of lists within lists multiplied, and
    /// one more for every twenty of its plain fields.
    pub cost: u64,
    /// Most errors in an answer; what comes after them is left out.
    pub errors: usize,
    /// Most operations of a request. One: an array of them is refused.
    pub operations: usize,
    /// How long queries may take to be answered.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 10,
            tokens: 2_000,
            nesting: 48,
            depth: 15,
            aliases: 30,
            directives: 50,
            root_fields: 20,
            selections: 10_000,
            cost: 50_000,
            errors: 10,
            operations: 1,
            time: Duration::from_secs(10),
        }
    }
}
