//! The schema that is checked in is the schema that is served.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use crate::harness::Program;

#[tokio::test]
async fn the_file_is_what_the_program_prints() {
    let file =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    let printed = Program::new("sqlite://unused.db").run(&["schema"]).await.success();
    assert!(file == printed, "run: cargo run -- schema > schema.graphql");
    assert_eq!(printed, djaffar::sdl());
}

#[test]
fn everything_has_a_description() {
    let document = parse_schema(djaffar::sdl()).unwrap();
    let mut bare = Vec::new();
    let mut check = |name: String, is_described: bool| {
        if !is_described {
            bare.push(name);
        }
    };
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = definition.node;
        let name = definition.name.node;
        check(name.to_string(), definition.description.is_some());
        let fields = match definition.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            TypeKind::Enum(values) => {
                for value in values.values {
                    check(
                        format!("{name}.{}", value.node.value.node),
                        value.node.description.is_some(),
                    );
                }
                continue;
            }
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    check(
                        format!("{name}.{}", field.node.name.node),
                        field.node.description.is_some(),
                    );
                }
                continue;
            }
            TypeKind::Scalar | TypeKind::Union(_) => continue,
        };
        for field in fields {
            let field = field.node;
            check(format!("{name}.{}", field.name.node), field.description.is_some());
            for argument in field.arguments {
                let argument = argument.node;
                check(
                    format!("{name}.{}({})", field.name.node, argument.name.node),
                    argument.description.is_some(),
                );
            }
        }
    }
    assert!(bare.is_empty(), "{bare:?}");
}
