//! Who a host application says its caller is.

use super::Role;
use crate::store::without_nul;

/// The user of a request, as known to the application that djaffar is nested in.
///
/// The host inserts it into the request's extensions, which no client can reach. A user that is
/// new to djaffar is made; one that is known takes over the name and the role.
///
/// ```
/// # let mut request = axum::http::Request::new(());
/// let identity = djaffar::Identity::new("42", "jeff").with_role(djaffar::Role::Staff);
/// request.extensions_mut().insert(identity);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) external_id: String,
    pub(crate) name: String,
    /// None: whatever it is here.
    pub(crate) role: Option<Role>,
}

impl Identity {
    /// A plain user, by an id that never changes and a name that may.
    pub fn new(external_id: impl Into<String>, name: impl Into<String>) -> Self {
        let external_id = without_nul(external_id.into());
        Self { external_id, name: without_nul(name.into()), role: Some(Role::User) }
    }

    /// The same user with a role.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }
}
