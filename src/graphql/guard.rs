//! Refuses documents that would cost too much, before the library sees them.
//!
//! The rules of the library follow every fragment spread anew: thirty fragments that spread each
//! other twice are a thousand bytes and a thousand million visits. Here each fragment is counted
//! once. Texts are measured before they are parsed, since parsing is recursive.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Value as Literal};
use serde_json::{Map, Value};

use crate::config::Limits;

/// Most items of one list, and how many there are if the client does not say.
const MAX_PAGE: u64 = 200;
const DEFAULT_PAGE: u64 = 50;
/// The same of a ranking.
const DEFAULT_TOP: u64 = 10;
/// What a timeline counts as: it may have up to 2,000 buckets, of which each costs less than a row.
const TIMELINE: u64 = 500;
/// What the lists of the introspection count as: all types, and what one of them has. Types lead to
/// types in circles, which would never end.
const TYPES: u64 = 100;
const OF_A_TYPE: u64 = 4;

/// An object costs one more for each so many of its plain fields: the same may be selected again and
/// again, and each time it is looked up.
const FIELDS_AN_OBJECT: u64 = 20;

/// Whether something of the items is selected: without that it is a number.
fn has_items(field: &Field) -> bool {
    !field.selection_set.node.items.is_empty()
}

/// What is wrong with a document, in a sentence for the client.
pub(super) type Refusal = String;

/// Measures a text, as <https://spec.graphql.org/September2025/#sec-Language> divides it.
pub(super) fn check_text(text: &str, limits: &Limits) -> Result<(), Refusal> {
    if text.len() > limits.bytes {
        return Err(format!("The document is longer than {} bytes.", limits.bytes));
    }
    let (mut tokens, mut nesting) = (0, 0_usize);
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
            b'#' => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                rest = &rest[end.unwrap_or(rest.len())..];
                continue;
            }
            b'"' => rest = after_text(rest),
            b'{' | b'(' | b'[' => nesting += 1,
            b'}' | b')' | b']' => nesting = nesting.saturating_sub(1),
            _ => {
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let end = rest.iter().position(|byte| !is_name(byte));
                rest = &rest[end.unwrap_or(rest.len())..];
            }
        }
        tokens += 1;
        if tokens > limits.tokens {
            return Err(format!("The document has more than {} tokens.", limits.tokens));
        }
        if nesting > limits.nesting {
            return Err(format!("The document is nested more than {} deep.", limits.nesting));
        }
    }
    Ok(())
}

/// What follows a text whose first quote has been read. Brackets within are none.
fn after_text(mut rest: &[u8]) -> &[u8] {
    if let Some(mut block) = rest.strip_prefix(b"\"\"") {
        while !block.is_empty() {
            if let Some(after) = block.strip_prefix(b"\"\"\"") {
                return after;
            }
            block = block.strip_prefix(b"\\\"\"\"").unwrap_or(&block[1..]);
        }
        return block;
    }
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            b'"' => return after,
            // A line ends the text: what follows counts.
            b'\n' | b'\r' => return rest,
            b'\\' => rest = after.get(1..).unwrap_or_default(),
            _ => rest = after,
        }
    }
    rest
}

/// Measures a parsed document, with the variables that give the sizes of its pages, and says what
/// it costs: the dearest of its operations.
pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Map<String, Value>,
    limits: &Limits,
) -> Result<u64, Refusal> {
    let mut counter = Counter::new(document, variables, limits);
    let mut cost = 0;
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        counter.directives += operation.directives.len();
        let size = counter.measure(&operation.selection_set.node)?;
        if size.root_fields > limits.root_fields {
            let most = limits.root_fields;
            return Err(format!("An operation may have {most} fields at its root."));
        }
        if size.cost > limits.cost {
            return Err(too_dear(size.cost, limits));
        }
        cost = cost.max(size.cost);
    }
    Ok(cost)
}

/// What is said of a request that would cost too much.
pub(super) fn too_dear(cost: u64, limits: &Limits) -> Refusal {
    format!("A request may cost {} at most; this one would cost {cost}.", limits.cost)
}

/// What a selection set comes to, fragments included.
#[derive(Clone, Copy, Default)]
struct Size {
    selections: u64,
    /// Plain fields of the object that is selected from.
    plain: u64,
    /// Objects, those of lists within lists multiplied.
    cost: u64,
    root_fields: u64,
}

/// A fragment that has been met.
#[derive(Clone, Copy)]
enum Fragment {
    /// It is being measured: to meet it again is a cycle.
    Open,
    Measured(Size),
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Map<String, Value>,
    limits: &'a Limits,
    fragments: HashMap<&'a Name, Fragment>,
    aliases: usize,
    directives: usize,
}

impl<'a> Counter<'a> {
    fn new(
        document: &'a ExecutableDocument,
        variables: &'a Map<String, Value>,
        limits: &'a Limits,
    ) -> Self {
        let fragments = HashMap::new();
        Self { document, variables, limits, fragments, aliases: 0, directives: 0 }
    }

    fn measure(&mut self, set: &'a SelectionSet) -> Result<Size, Refusal> {
        let mut size = Size::default();
        for selection in &set.items {
            size.selections += 1;
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.aliases += usize::from(field.alias.is_some());
                    self.directives += field.directives.len();
                    size.root_fields += 1;
                    let within = self.measure(&field.selection_set.node)?;
                    let own = match is_object(field) {
                        true => 1 + within.plain / FIELDS_AN_OBJECT,
                        false => 0,
                    };
                    size.plain += match field.selection_set.node.items.is_empty() {
                        true => 1,
                        // A part of a connection, which counts as a whole.
                        false if own == 0 => within.plain,
                        false => 0,
                    };
                    let items = self.items(field).unwrap_or(1);
                    size.selections += within.selections;
                    let cost = items.saturating_mul(within.cost.saturating_add(own));
                    size.cost = size.cost.saturating_add(cost);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    self.directives += fragment.directives.len();
                    size.add(self.measure(&fragment.selection_set.node)?);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives += spread.node.directives.len();
                    size.add(self.measure_fragment(&spread.node.fragment_name.node)?);
                }
            }
            if size.selections > self.limits.selections {
                let most = self.limits.selections;
                return Err(format!("An operation may select {most} fields at most."));
            }
        }
        if self.aliases > self.limits.aliases {
            let most = self.limits.aliases;
            return Err(format!("A document may have {most} aliases at most."));
        }
        if self.directives > self.limits.directives {
            let most = self.limits.directives;
            return Err(format!("A document may have {most} directives at most."));
        }
        Ok(size)
    }

    /// How many items a field may list; None: it is no list that the client gives the size of.
    fn items(&self, field: &Field) -> Option<u64> {
        let sizes = field
            .arguments
            .iter()
            .filter(|(name, _)| matches!(name.node.as_str(), "first" | "last" | "ids"))
            .filter_map(|(_, value)| {
                let value = value.node.clone();
                value.into_const_with(|name| Ok::<_, ()>(self.size_of_variable(&name))).ok()
            })
            .filter_map(|value| match value {
                Literal::Number(number) => number.as_u64(),
                Literal::List(list) => Some(list.len() as u64),
                _ => None,
            });
        // What is out of bounds is refused by the field itself.
        sizes.max().map(|size| size.min(MAX_PAGE)).or_else(|| {
            match field.name.node.as_str() {
                // By name alone: these are also the counts of statistics, which are no lists.
                "activities" | "auditEvents" | "sessions" | "tokens" | "users"
                    if has_items(field) =>
                {
                    Some(DEFAULT_PAGE)
                }
                "top" => Some(DEFAULT_TOP),
                "timeline" => Some(TIMELINE),
                "types" => Some(TYPES),
                "args" | "enumValues" | "fields" | "inputFields" | "interfaces"
                | "possibleTypes" => Some(OF_A_TYPE),
                _ => None,
            }
        })
    }

    fn size_of_variable(&self, name: &Name) -> Literal {
        match self.variables.get(name.as_str()) {
            Some(Value::Number(number)) => Literal::Number(number.clone()),
            Some(Value::Array(list)) => Literal::from(list.len()),
            Some(_) => Literal::Null,
            // It may have a default, which is not looked for.
            None => Literal::from(MAX_PAGE),
        }
    }

    /// The size of a fragment, which is measured only once. One that isn't there is left to the
    /// validation.
    fn measure_fragment(&mut self, name: &'a Name) -> Result<Size, Refusal> {
        match self.fragments.get(name) {
            Some(Fragment::Measured(size)) => return Ok(*size),
            Some(Fragment::Open) => return Err(format!("The fragment {name} spreads itself.")),
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.fragments.insert(name, Fragment::Open);
        self.directives += fragment.node.directives.len();
        let size = self.measure(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Fragment::Measured(size));
        Ok(size)
    }
}

impl Size {
    fn add(&mut self, other: Self) {
        self.selections += other.selections;
        self.plain += other.plain;
        self.root_fields += other.root_fields;
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// Whether a field is an object of its own, or a list of them; not if it is a part of a connection,
/// which counts as a whole.
fn is_object(field: &Field) -> bool {
    let is_part = matches!(field.name.node.as_str(), "edges" | "node" | "pageInfo")
        || field.name.node == "nodes" && field.arguments.is_empty();
    !is_part && !field.selection_set.node.items.is_empty()
}
