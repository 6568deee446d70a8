//! GraphQL documents with their variables: what the guard lets through is as small as it says.

#![no_main]

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use djaffar::{Limits, fuzzing::cost};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Counts every selection, following each spread anew, as the library does. Ends, since it stops
/// beyond the limit.
fn expand(document: &ExecutableDocument, set: &SelectionSet, depth: usize, left: &mut u64) {
    assert!(depth < 5_000, "the fragments are cyclic");
    for selection in &set.items {
        assert!(*left > 0, "more selections than the guard lets through");
        *left -= 1;
        match &selection.node {
            Selection::Field(field) => {
                expand(document, &field.node.selection_set.node, depth + 1, left);
            }
            Selection::InlineFragment(fragment) => {
                expand(document, &fragment.node.selection_set.node, depth + 1, left);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(it) = document.fragments.get(&spread.node.fragment_name.node) {
                    expand(document, &it.node.selection_set.node, depth + 1, left);
                }
            }
        }
    }
}

fuzz_target!(|input: &str| {
    let (variables, text) = input.split_once('\0').unwrap_or(("", input));
    let variables = match serde_json::from_str(variables) {
        Ok(Value::Object(variables)) => variables,
        _ => serde_json::Map::default(),
    };
    let limits = Limits::default();
    let Some(dear) = cost(text, &variables, &limits) else { return };
    assert!(dear <= limits.cost && text.len() <= limits.bytes);
    let document = parse_query(text).expect("it was parsed before");
    for (_, operation) in document.operations.iter() {
        let mut left = limits.selections;
        expand(&document, &operation.node.selection_set.node, 0, &mut left);
    }
    // A stricter limit never lets more through.
    let mut strict = limits;
    strict.cost = dear.saturating_sub(1);
    assert_eq!(cost(text, &variables, &strict).is_none(), dear > 0);
});
