//! Objects by their global ids (<https://relay.dev/graphql/objectidentification.htm>).

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface};
use uuid::Uuid;

use super::activity::Activity;
use super::parse_id;
use super::session::Session;
use super::token::ApiToken;
use super::user::User;
use crate::error::Error;
use crate::graphql::{Selected, domain, loaders, viewer};

/// Most ids in one request for nodes.
const MAX_NODES: usize = 200;

/// Anything with a global id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: a UUID, whatever the type."))]
pub(in crate::graphql) enum Node {
    Activity(Activity),
    ApiToken(ApiToken),
    Session(Session),
    User(User),
}

/// The objects of these ids, in this order; null where there is none that the viewer may read.
pub(in crate::graphql) async fn nodes(
    context: &Context<'_>,
    ids: &[ID],
) -> async_graphql::Result<Vec<Option<Node>>> {
    if ids.len() > MAX_NODES {
        return Err(Error::bad_input(format!("Ask for at most {MAX_NODES} nodes at once.")).into());
    }
    let ids = ids.iter().map(parse_id).collect::<Result<Vec<Uuid>, Error>>()?;
    let viewer = viewer(context)?;
    let reader = viewer.reader_of(viewer.user().map(|user| user.id))?;
    let domain = domain(context)?;
    let may_read = |user: Option<Uuid>| reader.only_user.is_none() || reader.only_user == user;
    let mut found = HashMap::new();
    // An id that a client gave to an activity must not hide a user or a session: those come last.
    let activities = domain.activities.by_ids(&reader, &ids).await?;
    let loaders = loaders(context)?;
    loaders.prefetch(&Selected::of_nodes(context), &activities).await?;
    for activity in activities {
        found.insert(activity.id, Node::Activity(Activity(activity)));
    }
    let sessions = domain.auth.sessions.by_ids(&ids).await?;
    loaders.prefetch_users(&Selected::of_nodes(context), &sessions).await?;
    for session in sessions {
        if may_read(session.user_id) {
            found.insert(session.id, Node::Session(Session(session)));
        }
    }
    if let Ok(admin) = viewer.admin() {
        for token in domain.auth.tokens.by_ids(&admin, &ids).await? {
            found.insert(token.id, Node::ApiToken(ApiToken(token)));
        }
    }
    for user in domain.auth.users.by_ids(&ids).await? {
        if may_read(Some(user.id)) {
            found.insert(user.id, Node::User(User(user)));
        }
    }
    if let Ok(staff) = viewer.staff() {
        let is_person =
            |id: &&Uuid| matches!(found.get(id), Some(Node::User(_) | Node::Session(_)));
        let people: Vec<_> = ids.iter().filter(is_person).copied().collect();
        domain.auth.audit.note_reading(&staff, &people).await;
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}
