//! Refuses documents that would cost too much, before the library sees them.
//!
//! The rules of the library follow every fragment spread anew: thirty fragments that spread each
//! other twice are a thousand bytes and a thousand million visits. Here each fragment is counted
//! once. Texts are measured before they are parsed, since parsing is recursive.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Value as Literal};
use serde_json::{Map, Value};

use super::weights;
use crate::config::Limits;

/// An object costs one more for each so many of its plain fields: the same may be selected again and
/// again, and each time it is looked up.
const FIELDS_AN_OBJECT: u64 = 20;

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

/// What a document comes to: the most that one of its operations does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub cost: u64,
    /// How many activities are logged.
    pub logged: u64,
}

/// Measures a parsed document, with the variables that give the sizes of its pages.
pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Map<String, Value>,
    limits: &Limits,
) -> Result<Measured, Refusal> {
    let mut counter = Counter::new(document, variables, limits);
    let mut measured = Measured::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        counter.directives += operation.directives.len();
        let size = counter.measure(&operation.selection_set.node)?;
        if size.depth > limits.depth {
            return Err(format!("The fields of a document may be {} deep.", limits.depth));
        }
        if size.root_fields > limits.root_fields {
            let most = limits.root_fields;
            return Err(format!("An operation may have {most} fields at its root."));
        }
        if size.cost > limits.cost {
            return Err(too_dear(size.cost, limits));
        }
        measured.cost = measured.cost.max(size.cost);
        measured.logged = measured.logged.max(size.logged);
    }
    Ok(measured)
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
    /// Objects, those of lists within lists multiplied, and what fields weigh.
    cost: u64,
    /// What is told of the list around these fields, once for all of its items.
    of_list: u64,
    root_fields: u64,
    /// Deepest nesting of fields.
    depth: usize,
    /// Activities to be logged.
    logged: u64,
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
                    size.add_field(field, within, self.items(field));
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

    /// How many objects a field may list. What is out of bounds is refused by the field itself.
    fn items(&self, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        // By name alone: these are also the counts of statistics, which are no lists.
        if field.selection_set.node.items.is_empty() {
            return 1;
        }
        if name == weights::LOGS_MANY {
            let most = weights::MAX_LOGGED as u64;
            return self.logged(field).unwrap_or(most).clamp(1, most);
        }
        let sizes = self.arguments(field, &["first", "last", "ids"], weights::MAX_PAGE);
        let sizes = sizes.filter_map(|size| length(&size));
        let given = sizes.max().map(|size| size.min(weights::MAX_PAGE));
        given.or_else(|| weights::listed(name)).unwrap_or(1)
    }

    /// How many activities a field logs; None: that can't be seen.
    fn logged(&self, field: &Field) -> Option<u64> {
        match self.arguments(field, &["input"], weights::MAX_LOGGED as u64).next()? {
            Literal::Object(input) => length(input.get("activities")?),
            input => length(&input),
        }
    }

    /// Arguments of these names, with lengths in place of the lists that variables hold, and `unknown`
    /// in place of variables that are not given: they may have a default, which is not looked for.
    fn arguments(
        &self,
        field: &Field,
        names: &[&str],
        unknown: u64,
    ) -> impl Iterator<Item = Literal> {
        let meant = field.arguments.iter().filter(|(name, _)| names.contains(&name.node.as_str()));
        meant.filter_map(move |(_, value)| {
            let known = |name: Name| match self.variables.get(name.as_str()) {
                Some(Value::Number(number)) => Literal::Number(number.clone()),
                Some(Value::Array(list)) => Literal::from(list.len()),
                Some(Value::Object(input)) => match input.get("activities") {
                    Some(Value::Array(list)) => Literal::from(list.len()),
                    _ => Literal::Null,
                },
                Some(_) => Literal::Null,
                None => Literal::from(unknown),
            };
            value.node.clone().into_const_with(|name| Ok::<_, ()>(known(name))).ok()
        })
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

/// The length of a list, or the number that stands for it.
fn length(value: &Literal) -> Option<u64> {
    match value {
        Literal::Number(number) => number.as_u64(),
        Literal::List(list) => Some(list.len() as u64),
        _ => None,
    }
}

impl Size {
    /// Adds a field, of which each item comes to `within`.
    fn add_field(&mut self, field: &Field, within: Self, items: u64) {
        let name = field.name.node.as_str();
        let is_leaf = field.selection_set.node.items.is_empty();
        let is_part = weights::is_part(name, !field.arguments.is_empty());
        let own = if is_leaf || is_part { 0 } else { 1 + within.plain / FIELDS_AN_OBJECT };
        self.plain += match (is_leaf, is_part) {
            (true, _) => 1,
            (false, true) => within.plain,
            (false, false) => 0,
        };
        self.selections += within.selections;
        self.depth = self.depth.max(1 + within.depth);
        let cost = items.saturating_mul(within.cost.saturating_add(own));
        let more = weights::weight(name) + within.of_list;
        self.cost = self.cost.saturating_add(cost).saturating_add(more);
        self.of_list += weights::weight_of_list(name);
        self.logged += match name {
            weights::LOGS_ONE => 1,
            weights::LOGS_MANY => items,
            _ => 0,
        };
    }

    /// Adds a fragment.
    fn add(&mut self, other: Self) {
        self.selections += other.selections;
        self.plain += other.plain;
        self.root_fields += other.root_fields;
        self.depth = self.depth.max(other.depth);
        self.cost = self.cost.saturating_add(other.cost);
        self.of_list += other.of_list;
        self.logged = self.logged.saturating_add(other.logged);
    }
}
