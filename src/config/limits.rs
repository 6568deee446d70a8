//! How large a GraphQL request may be.

use std::time::Duration;

/// Beyond these a GraphQL request is refused: `COST_LIMIT_EXCEEDED`, or `TIMEOUT`.
///
/// All but the times are looked at before anything is executed, and before the document is checked
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
    /// What an operation may cost: one for each object, those of lists within lists multiplied, one
    /// more for every twenty of its plain fields, and more for fields that read much.
    pub cost: u64,
    /// Most items of a page, up to 200.
    pub page: u64,
    /// Most errors in an answer; what comes after them is left out.
    pub errors: usize,
    /// Most operations of a request. One: an array of them is refused.
    pub operations: usize,
    /// Largest body of a GraphQL request, in bytes.
    pub body: usize,
    /// The same where arrays are taken (`operations`).
    pub batch_body: usize,
    /// Largest body of the form, and of what a tracker hands in, in bytes.
    pub log_body: usize,
    /// How long queries may take to be answered.
    pub time: Duration,
    /// How long a mutation is waited for. It goes on to its end all the same.
    pub mutation_time: Duration,
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
            page: 200,
            errors: 10,
            operations: 1,
            body: 256 << 10,
            batch_body: 1 << 20,
            log_body: 64 << 10,
            time: Duration::from_secs(10),
            mutation_time: Duration::from_secs(30),
        }
    }
}
