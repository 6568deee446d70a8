//! What a field that failed leaves behind: null, or if its type has no null, null in the place of
//! what is around it (<https://spec.graphql.org/September2025/#sec-Handling-Execution-Errors>).
//!
//! The library leaves such a field out, since version 7.1. Clients that know the schema rely on what
//! they have asked for being there, and take an object without it for what it is not.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FieldDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{Positioned, parse_schema};
use async_graphql::{Name, PathSegment, Response, Value};

use super::Schema;

/// The types of fields, by the name of the type that has them and their own.
type Types = HashMap<Name, HashMap<Name, Type>>;

/// Knows which fields may be null. Cheap to clone.
#[derive(Clone)]
pub(super) struct Nulls {
    schema: Schema,
    /// Read from the schema when a field fails for the first time.
    types: Arc<OnceLock<Types>>,
}

impl Nulls {
    pub(super) fn new(schema: Schema) -> Self {
        Self { schema, types: Arc::default() }
    }

    /// Puts null where fields have failed.
    pub(super) fn hand_up(
        &self,
        response: &mut Response,
        document: &ExecutableDocument,
        operation: Option<&str>,
    ) {
        // A failure before anything was executed has no path.
        let errors = response.errors.iter().filter(|error| !error.path.is_empty());
        let failed: Vec<_> = errors.map(|error| &error.path[..]).collect();
        let is_meant =
            |name: Option<&Name>| operation.is_none() || name.map(Name::as_str) == operation;
        let mut operations = document.operations.iter();
        let operation = operations.find(|(name, _)| is_meant(*name));
        let Some((_, operation)) = operation.filter(|_| !failed.is_empty()) else { return };
        let types = self.types.get_or_init(|| types(&self.schema.sdl()));
        let walk = Walk { types, document };
        let mut nulls: Vec<_> =
            failed.into_iter().map(|path| walk.nearest_null(path, &operation.node)).collect();
        // From within: what is around it has the last word.
        nulls.sort_by_key(|path| Reverse(path.len()));
        for path in nulls {
            put_null(&mut response.data, path);
        }
    }
}

fn types(sdl: &str) -> Types {
    let definitions = parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default();
    let of_type = |definition| match definition {
        TypeSystemDefinition::Type(Positioned { node, .. }) => match node.kind {
            TypeKind::Object(object) => Some((node.name.node, by_name(object.fields))),
            TypeKind::Interface(interface) => Some((node.name.node, by_name(interface.fields))),
            _ => None,
        },
        _ => None,
    };
    definitions.into_iter().filter_map(of_type).collect()
}

fn by_name(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Type> {
    fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node)).collect()
}

/// Looks for the fields of a document.
#[derive(Clone, Copy)]
struct Walk<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
}

impl<'a> Walk<'a> {
    /// The part of a path that leads to the nearest value which may be null; of none: all data.
    fn nearest_null<'p>(
        self,
        path: &'p [PathSegment],
        operation: &'a OperationDefinition,
    ) -> &'p [PathSegment] {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut sets = vec![(root, &operation.selection_set.node)];
        let mut ty: Option<&Type> = None;
        let mut nearest = 0;
        for (index, segment) in path.iter().enumerate() {
            ty = match segment {
                PathSegment::Index(_) => ty.and_then(items),
                PathSegment::Field(key) => {
                    let mut found = Vec::new();
                    sets.iter().for_each(|(parent, set)| self.find(parent, set, key, &mut found));
                    sets = found.iter().map(|(ty, set)| (name_of(ty), *set)).collect();
                    // Fields of one key agree on whether they may be null: the validation sees to it.
                    found.first().map(|(ty, _)| *ty)
                }
            };
            if ty.is_some_and(|ty| ty.nullable) {
                nearest = index + 1;
            }
        }
        &path[..nearest]
    }

    /// Adds the fields that answer by this key, with their types and what is selected from them.
    fn find(
        self,
        parent: &str,
        set: &'a SelectionSet,
        key: &str,
        found: &mut Vec<(&'a Type, &'a SelectionSet)>,
    ) {
        for selection in &set.items {
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let ty = self.types.get(parent).and_then(|it| it.get(&field.name.node));
                    if field.response_key().node == key {
                        found.extend(ty.map(|ty| (ty, &field.selection_set.node)));
                    }
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    match self.document.fragments.get(&spread.node.fragment_name.node) {
                        Some(it) => (Some(&it.node.type_condition), &it.node.selection_set),
                        None => continue,
                    }
                }
            };
            let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
            self.find(parent, &set.node, key, found);
        }
    }
}

fn items(list: &Type) -> Option<&Type> {
    match &list.base {
        BaseType::List(items) => Some(items),
        BaseType::Named(_) => None,
    }
}

fn name_of(ty: &Type) -> &str {
    match &ty.base {
        BaseType::List(items) => name_of(items),
        BaseType::Named(name) => name,
    }
}

fn put_null(value: &mut Value, path: &[PathSegment]) {
    match path.split_first() {
        None => *value = Value::Null,
        Some((PathSegment::Index(index), rest)) => {
            if let Value::List(items) = value
                && let Some(item) = items.get_mut(*index)
            {
                put_null(item, rest);
            }
        }
        Some((PathSegment::Field(key), rest)) => {
            // The library makes null of an object all of whose fields have failed.
            if *value == Value::Null {
                *value = Value::Object(Default::default());
            }
            if let Value::Object(fields) = value {
                put_null(fields.entry(Name::new(key)).or_insert(Value::Null), rest);
            }
        }
    }
}
