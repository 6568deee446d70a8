//! What fields cost, by their names: how many items they list, and what else they read.
//!
//! A list that is missing here would cost as much as one object: a test looks for it.

/// Most items of a page, of a ranking, and of the objects that are asked for by their ids.
pub(super) const MAX_PAGE: u64 = 200;
/// Most activities of one `logActivities`.
pub(super) const MAX_LOGGED: usize = 500;
/// The field that logs one activity, and the one that logs a list of them.
pub(super) const LOGS_ONE: &str = "logActivity";
pub(super) const LOGS_MANY: &str = "logActivities";

/// Fields that list objects, and how many those are if no argument says so.
const LISTS: [(&str, u64); 17] = [
    // Pages.
    ("activities", 50),
    ("auditEvents", 50),
    ("sessions", 50),
    ("users", 50),
    // All that one user has.
    ("tokens", 50),
    ("top", 10),
    // Kinds of event that the operator keeps for less long.
    ("events", 10),
    // Up to 2,000 buckets, of which each costs less than a row.
    ("timeline", 500),
    (LOGS_MANY, MAX_LOGGED as u64),
    // What is usually wrong with an input, at worst.
    ("userErrors", 2),
    // The introspection: all types, and what one of them has. Types lead to types in circles, which
    // would never end.
    ("types", 100),
    ("args", 4),
    ("enumValues", 4),
    ("fields", 4),
    ("inputFields", 4),
    ("interfaces", 4),
    ("possibleTypes", 4),
];

/// Fields that count with the one around them: the parts of a page, or of what was logged.
const PARTS: [&str; 5] = ["edges", "node", "nodes", "pageInfo", "results"];

/// Fields that do more than to look up their own object, in objects that would cost as much.
const WEIGHTS: [(&str, u64); 15] = [
    // Up to the whole log.
    ("activityStats", 500),
    ("due", 500),
    ("personReport", 500),
    ("prune", 500),
    ("top", 500),
    // The first and the last activity of a session.
    ("duration", 4),
    ("entryPath", 4),
    ("exitPath", 4),
    // A password is hashed.
    ("changePassword", 500),
    ("createFirstAdmin", 500),
    ("createUser", 500),
    ("endOwnSessions", 500),
    ("erasePerson", 500),
    ("logIn", 500),
    ("setPassword", 500),
];

/// The same of a list as a whole, however many items of it are asked for: up to 10,000 entries of an
/// index are counted.
const WEIGHTS_OF_LISTS: [(&str, u64); 2] = [("totalCount", 100), ("totalCountCapped", 100)];

/// How many objects a field lists if no argument says so; None: it is no list.
pub(super) fn listed(field: &str) -> Option<u64> {
    LISTS.iter().find(|(name, _)| *name == field).map(|(_, items)| *items)
}

/// Whether a field counts with the one around it. `node` and `nodes` of the root have arguments.
pub(super) fn is_part(field: &str, has_arguments: bool) -> bool {
    !has_arguments && PARTS.contains(&field)
}

/// What a field costs besides its objects.
pub(super) fn weight(field: &str) -> u64 {
    WEIGHTS.iter().find(|(name, _)| *name == field).map_or(0, |(_, weight)| *weight)
}

/// What a field costs that tells something of a whole list.
pub(super) fn weight_of_list(field: &str) -> u64 {
    WEIGHTS_OF_LISTS.iter().find(|(name, _)| *name == field).map_or(0, |(_, weight)| *weight)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{BaseType, FieldDefinition, TypeKind, TypeSystemDefinition};

    use super::*;

    /// The fields of all types that have fields, each with the name of the type.
    fn fields() -> Vec<(String, FieldDefinition)> {
        let Ok(schema) = parse_schema(crate::graphql::sdl()) else { panic!("no schema") };
        let types = schema.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        });
        let with_fields = types.filter_map(|it| match it.kind {
            TypeKind::Object(object) => Some((it.name.node, object.fields)),
            TypeKind::Interface(interface) => Some((it.name.node, interface.fields)),
            _ => None,
        });
        with_fields
            .flat_map(|(name, fields)| {
                fields.into_iter().map(move |it| (name.to_string(), it.node))
            })
            .collect()
    }

    fn named(base: &BaseType) -> (bool, &str) {
        match base {
            BaseType::Named(name) => (false, name.as_str()),
            BaseType::List(items) => (true, named(&items.base).1),
        }
    }

    #[test]
    fn every_list_of_objects_is_known_to_be_one() {
        let fields = fields();
        let objects: HashSet<_> = fields.iter().map(|(object, _)| object.as_str()).collect();
        let mut lists = 0;
        for (object, field) in &fields {
            let name = field.name.node.as_str();
            let (is_list, ty) = named(&field.ty.node.base);
            let is_counted_by_ids = field.arguments.iter().any(|it| it.node.name.node == "ids");
            if !is_list || !objects.contains(ty) || is_counted_by_ids {
                continue;
            }
            lists += 1;
            if !is_part(name, !field.arguments.is_empty()) {
                assert!(listed(name).is_some(), "{object}.{name} lists {ty}: how many?");
                continue;
            }
            let around = fields.iter().filter(|(_, it)| named(&it.ty.node.base).1 == object);
            for (object, field) in around {
                let name = field.name.node.as_str();
                assert!(listed(name).is_some(), "{object}.{name} has a list: of how many?");
            }
        }
        assert!(lists > 20, "{lists}");
    }

    #[test]
    fn what_is_known_of_fields_is_known_of_fields_that_are_there() {
        let fields = fields();
        let is_there = |name: &str| fields.iter().any(|(_, field)| field.name.node == name);
        let of_introspection =
            |name: &str| listed(name).is_some_and(|items| [4, 100].contains(&items));
        for name in LISTS.iter().map(|(name, _)| name).filter(|name| !of_introspection(name)) {
            assert!(is_there(name), "{name}");
        }
        let weighed = WEIGHTS.iter().chain(&WEIGHTS_OF_LISTS).map(|(name, _)| name);
        for name in weighed.chain(&PARTS) {
            assert!(is_there(name), "{name}");
        }
    }
}
