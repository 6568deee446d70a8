//! What a client asks, and whether it can be executed at all.

use async_graphql::parser::types::{OperationDefinition, OperationType, Selection};
use async_graphql::{ErrorExtensionValues, Request, ServerError, Variables};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::Viewer;
use crate::config::Introspection;
use crate::graphql::{Asking, Document, Loading};

/// What a client asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "one JSON object")]
pub(super) struct Parameters {
    /// Absent if it is to be remembered by its hash.
    pub query: Option<String>,
    pub operation_name: Option<String>,
    pub variables: Option<Map<String, Value>>,
    pub extensions: Option<Map<String, Value>>,
}

/// A document with what goes with it, read and measured, not yet checked against the schema.
pub(super) struct Operation {
    pub document: Document,
    /// Whether the client asks what it costs: `"extensions": {"cost": true}`.
    pub wants_cost: bool,
    name: Option<String>,
    variables: Map<String, Value>,
}

impl Operation {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If there is none, or it is none, or too large.
    pub(super) fn read(app: &App, parameters: Parameters) -> Result<Self, ServerError> {
        let variables = parameters.variables.unwrap_or_default();
        let extensions = parameters.extensions.unwrap_or_default();
        let text = app.api.persisted.text(parameters.query, &extensions)?;
        let document = app.api.document(text, &variables)?;
        let wants_cost = extensions.get("cost") == Some(&Value::Bool(true));
        Ok(Self { document, wants_cost, name: parameters.operation_name, variables })
    }

    /// Whether what is to be executed is of this type. An unknown name is left to the execution.
    pub(super) fn is(&self, ty: OperationType) -> bool {
        self.operations().all(|operation| operation.ty == ty)
    }

    /// Whether activities are to be logged, as far as can be seen without looking into fragments.
    pub(super) fn logs(&self) -> bool {
        self.operations().flat_map(|operation| &operation.selection_set.node.items).any(|item| {
            let Selection::Field(field) = &item.node else { return false };
            matches!(field.node.name.node.as_str(), "logActivity" | "logActivities")
        })
    }

    /// Makes it ready to be executed for a viewer.
    ///
    /// # Errors
    ///
    /// If a variable that must have a value has none.
    pub(super) fn ready(
        self,
        app: &App,
        viewer: Viewer,
        loading: Loading,
    ) -> Result<(Document, Request), ServerError> {
        if let Some(name) = self.missing_variable() {
            let message = format!("The variable ${name} must be given, and not null.");
            let mut extensions = ErrorExtensionValues::default();
            extensions.set("code", "BAD_USER_INPUT");
            let error = ServerError::new(message, None);
            return Err(ServerError { extensions: Some(extensions), ..error });
        }
        let may_see_schema = match app.config.introspection() {
            Introspection::All => true,
            Introspection::Staff => viewer.staff().is_ok(),
            Introspection::None => false,
        };
        let mut request = Request::new("")
            .variables(Variables::from_json(Value::Object(self.variables)))
            .data(loading)
            .data(Asking::new(viewer));
        request.operation_name = self.name;
        if !may_see_schema {
            request = request.disable_introspection();
        }
        Ok((self.document, request))
    }

    /// A variable that must have a value and has none. The library finds that out only when it
    /// gets to the field; by the specification nothing may be executed then.
    fn missing_variable(&self) -> Option<&str> {
        self.operations()
            .flat_map(|operation| &operation.variable_definitions)
            .map(|definition| &definition.node)
            .filter(|definition| !definition.var_type.node.nullable)
            .find(|definition| match self.variables.get(definition.name.node.as_str()) {
                Some(value) => value.is_null(),
                None => definition.default_value.is_none(),
            })
            .map(|definition| definition.name.node.as_str())
    }

    /// The operation of the name that was given; without one all of them, of which there should be
    /// one.
    fn operations(&self) -> impl Iterator<Item = &OperationDefinition> {
        let name = self.name.as_deref();
        self.document
            .parsed
            .operations
            .iter()
            .filter(move |(operation, _)| {
                name.is_none_or(|name| operation.is_none_or(|other| other.as_str() == name))
            })
            .map(|(_, definition)| &definition.node)
    }
}
