//! Refuses documents that would cost too much, before the library sees them.
//!
//! The rules of the library follow every fragment spread anew: thirty fragments that spread each
//! other twice are a thousand bytes and a thousand million visits. Here each fragment is counted
//! once. Texts are measured before they are parsed, since parsing is recursive.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Longest document, in bytes.
const MAX_BYTES: usize = 16 << 10;
/// Most names, numbers, texts and signs of a document.
const MAX_TOKENS: usize = 2_000;
/// Deepest nesting of brackets.
const MAX_NESTING: usize = 48;
/// Most fields under another name, in the whole document.
const MAX_ALIASES: usize = 30;
/// Most directives, in the whole document.
const MAX_DIRECTIVES: usize = 50;
/// Most fields at the root of an operation, fragments included.
const MAX_ROOT_FIELDS: u64 = 20;
/// Most selections of an operation, with every fragment counted where it is spread.
const MAX_SELECTIONS: u64 = 10_000;

/// What is wrong with a document, in a sentence for the client.
pub(super) type Refusal = String;

/// Measures a text.
pub(super) fn check_text(text: &str) -> Result<(), Refusal> {
    if text.len() > MAX_BYTES {
        return Err(format!("The document is longer than {MAX_BYTES} bytes."));
    }
    let (mut tokens, mut nesting) = (0, 0_usize);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
            b'#' => {
                bytes.by_ref().find(|byte| *byte == b'\n');
                continue;
            }
            // Brackets within a text are none. A block text is taken for several texts.
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => _ = bytes.next(),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'(' | b'[' => nesting += 1,
            b'}' | b')' | b']' => nesting = nesting.saturating_sub(1),
            _ => {
                while bytes.next_if(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').is_some()
                {
                }
            }
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(format!("The document has more than {MAX_TOKENS} tokens."));
        }
        if nesting > MAX_NESTING {
            return Err(format!("The document is nested more than {MAX_NESTING} deep."));
        }
    }
    Ok(())
}

/// Measures a parsed document.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), Refusal> {
    let mut counter = Counter::new(document);
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        counter.directives += operation.directives.len();
        let size = counter.measure(&operation.selection_set.node)?;
        if size.root_fields > MAX_ROOT_FIELDS {
            return Err(format!("An operation may have {MAX_ROOT_FIELDS} fields at its root."));
        }
    }
    Ok(())
}

/// What a selection set comes to, fragments included.
#[derive(Clone, Copy, Default)]
struct Size {
    selections: u64,
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
    fragments: HashMap<&'a Name, Fragment>,
    aliases: usize,
    directives: usize,
}

impl<'a> Counter<'a> {
    fn new(document: &'a ExecutableDocument) -> Self {
        Self { document, fragments: HashMap::new(), aliases: 0, directives: 0 }
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
                    size.selections += self.measure(&field.selection_set.node)?.selections;
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
            if size.selections > MAX_SELECTIONS {
                return Err(format!("An operation may select {MAX_SELECTIONS} fields at most."));
            }
        }
        if self.aliases > MAX_ALIASES {
            return Err(format!("A document may have {MAX_ALIASES} aliases at most."));
        }
        if self.directives > MAX_DIRECTIVES {
            return Err(format!("A document may have {MAX_DIRECTIVES} directives at most."));
        }
        Ok(size)
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
        self.root_fields += other.root_fields;
    }
}
