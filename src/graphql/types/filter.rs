//! Filters: operator objects, joined by and, or, not.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};

use super::parse_id;
use super::user::Role;
use crate::activity::{Bound, Filter, Text, Timestamp, without_nul};
use crate::auth;
use crate::error::Error;

/// Most conditions in one filter, and most values in one `in`.
const MAX_CONDITIONS: usize = 200;

/// Which activities are meant: those for which every field given here holds.
#[derive(Clone, Default, InputObject)]
#[graphql(rename_fields = "camelCase")]
pub(in crate::graphql) struct ActivityFilter {
    /// All of these hold.
    and: Option<Vec<ActivityFilter>>,
    /// At least one of these holds.
    or: Option<Vec<ActivityFilter>>,
    /// This does not hold.
    not: Option<Box<ActivityFilter>>,
    /// When it happened.
    date: Option<DateTimeFilter>,
    /// Where in the application it happened.
    path: Option<StringFilter>,
    /// Where the user came from.
    referer: Option<StringFilter>,
    /// The kind of event.
    name: Option<StringFilter>,
    /// Who did it.
    user: Option<IdFilter>,
    /// The browser session.
    session: Option<IdFilter>,
    /// The network address.
    ip_address: Option<StringFilter>,
    /// The user agent of the session.
    user_agent: Option<StringFilter>,
    /// Whether nobody was logged in.
    anonymous: Option<bool>,
}

impl ActivityFilter {
    /// The same for the domain.
    ///
    /// # Errors
    ///
    /// If it has more conditions than a query should, or an id that is none.
    pub(in crate::graphql) fn checked(self) -> Result<Filter, Error> {
        let mut room = MAX_CONDITIONS;
        self.convert(&mut room)
    }

    fn convert(self, room: &mut usize) -> Result<Filter, Error> {
        let mut all = Vec::new();
        for filter in self.and.into_iter().flatten() {
            all.push(filter.convert(room)?);
        }
        if let Some(filters) = self.or {
            let any = filters.into_iter().map(|filter| filter.convert(room));
            all.push(Filter::Any(any.collect::<Result<_, _>>()?));
        }
        if let Some(filter) = self.not {
            all.push(Filter::Not(Box::new(filter.convert(room)?)));
        }
        let dates = self.date.map(DateTimeFilter::bounds).unwrap_or_default();
        all.extend(dates.into_iter().map(|(bound, date)| Filter::Date(bound, date)));
        for (filter, make) in [
            (self.path, Filter::Path as fn(Text) -> Filter),
            (self.referer, Filter::Referer),
            (self.name, Filter::Name),
            (self.ip_address, Filter::IpAddress),
            (self.user_agent, Filter::UserAgent),
        ] {
            all.extend(
                filter.map(StringFilter::texts).transpose()?.into_iter().flatten().map(make),
            );
        }
        for ids in self.user.map(IdFilter::lists).transpose()?.into_iter().flatten() {
            all.push(Filter::User(ids));
        }
        for ids in self.session.map(IdFilter::lists).transpose()?.into_iter().flatten() {
            all.push(Filter::Session(ids));
        }
        all.extend(self.anonymous.map(Filter::Anonymous));
        *room = room.checked_sub(all.len().max(1)).ok_or_else(too_many)?;
        Ok(Filter::All(all))
    }
}

/// Conditions on a text. Upper and lower case are different.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct StringFilter {
    /// Is this.
    eq: Option<String>,
    /// Is one of these; at most 200.
    r#in: Option<Vec<String>>,
    /// Starts with this.
    starts_with: Option<String>,
    /// Has this anywhere. No index helps: slow on a large log unless something else narrows it.
    contains: Option<String>,
}

impl StringFilter {
    pub(in crate::graphql) fn texts(self) -> Result<Vec<Text>, Error> {
        check_length(self.r#in.as_deref())?;
        let one_of = |texts: Vec<String>| Text::In(texts.into_iter().map(without_nul).collect());
        let texts = [
            self.eq.map(|text| one_of(vec![text])),
            self.r#in.map(one_of),
            self.starts_with.map(|text| Text::StartsWith(without_nul(text))),
            self.contains.map(|text| Text::Contains(without_nul(text))),
        ];
        Ok(texts.into_iter().flatten().collect())
    }
}

/// Conditions on a point in time.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct DateTimeFilter {
    /// Is this.
    eq: Option<DateTime<Utc>>,
    /// Is later than this.
    gt: Option<DateTime<Utc>>,
    /// Is this or later.
    gte: Option<DateTime<Utc>>,
    /// Is earlier than this.
    lt: Option<DateTime<Utc>>,
    /// Is this or earlier.
    lte: Option<DateTime<Utc>>,
}

impl DateTimeFilter {
    pub(in crate::graphql) fn bounds(self) -> Vec<(Bound, Timestamp)> {
        let bounds = [
            (Bound::Equal, self.eq),
            (Bound::After, self.gt),
            (Bound::From, self.gte),
            (Bound::Before, self.lt),
            (Bound::Until, self.lte),
        ];
        bounds.into_iter().filter_map(|(bound, date)| Some((bound, date?.into()))).collect()
    }
}

/// Conditions on an id.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct IdFilter {
    /// Is this.
    eq: Option<ID>,
    /// Is one of these; at most 200.
    r#in: Option<Vec<ID>>,
}

impl IdFilter {
    fn lists(self) -> Result<Vec<Vec<uuid::Uuid>>, Error> {
        check_length(self.r#in.as_deref())?;
        let lists = [self.eq.map(|id| vec![id]), self.r#in];
        lists.into_iter().flatten().map(|ids| ids.iter().map(parse_id).collect()).collect()
    }
}

/// Conditions on a role.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct RoleFilter {
    /// Is this.
    eq: Option<Role>,
    /// Is one of these.
    r#in: Option<Vec<Role>>,
}

/// Conditions on what was done.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct ActionFilter {
    /// Is this.
    eq: Option<String>,
    /// Is one of these; at most 200.
    r#in: Option<Vec<String>>,
}

/// Which lines of the audit log are meant: those for which every field given here holds.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct AuditEventFilter {
    /// What was done, such as `export`.
    action: Option<ActionFilter>,
    /// Who did it.
    actor: Option<IdFilter>,
    /// The id of whom or what it was done to.
    subject: Option<IdFilter>,
    /// When it was done.
    date: Option<DateTimeFilter>,
}

impl AuditEventFilter {
    /// The same for the domain.
    pub(in crate::graphql) fn checked(self) -> Result<auth::AuditFilter, Error> {
        let action = self.action.unwrap_or_default();
        check_length(action.r#in.as_deref())?;
        let actions = [action.eq.map(|eq| vec![eq]), action.r#in].into_iter().flatten();
        let without_nul = |texts: Vec<String>| texts.into_iter().map(without_nul).collect();
        Ok(auth::AuditFilter {
            actions: actions.map(without_nul).collect(),
            actors: self.actor.map(IdFilter::lists).transpose()?.unwrap_or_default(),
            subjects: self.subject.map(IdFilter::lists).transpose()?.unwrap_or_default(),
            date: self.date.map(DateTimeFilter::bounds).unwrap_or_default(),
        })
    }
}

/// Which users are meant: those for whom every field given here holds.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct UserFilter {
    /// The name they log in with.
    username: Option<StringFilter>,
    /// What they may do.
    role: Option<RoleFilter>,
    /// Whether they may use the service.
    active: Option<bool>,
    /// When they were seen last, right to the minute.
    last_seen_at: Option<DateTimeFilter>,
}

impl UserFilter {
    /// The same for the domain.
    pub(in crate::graphql) fn checked(self) -> Result<auth::UserFilter, Error> {
        let roles = self.role.and_then(|role| match (role.eq, role.r#in) {
            (Some(eq), Some(list)) => Some(if list.contains(&eq) { vec![eq] } else { Vec::new() }),
            (eq, list) => list.or(eq.map(|role| vec![role])),
        });
        let name = |role: Role| auth::Role::from(role).as_str().to_owned();
        Ok(auth::UserFilter {
            username: self.username.map(StringFilter::texts).transpose()?.unwrap_or_default(),
            roles: roles.map(|roles| roles.into_iter().map(name).collect()),
            active: self.active,
            last_seen_at: self.last_seen_at.map(DateTimeFilter::bounds).unwrap_or_default(),
        })
    }
}

/// Which sessions are meant: those for which every field given here holds.
#[derive(Clone, Default, InputObject)]
pub(in crate::graphql) struct SessionFilter {
    /// Who the session belongs to.
    user: Option<IdFilter>,
    /// Whether nobody has logged in.
    anonymous: Option<bool>,
    /// What the browser calls itself.
    user_agent: Option<StringFilter>,
    /// When the session began.
    first_seen_at: Option<DateTimeFilter>,
    /// When it was used last, right to the minute.
    last_seen_at: Option<DateTimeFilter>,
}

impl SessionFilter {
    /// The same for the domain.
    pub(in crate::graphql) fn checked(self) -> Result<auth::SessionFilter, Error> {
        Ok(auth::SessionFilter {
            users: self.user.map(IdFilter::lists).transpose()?.unwrap_or_default(),
            anonymous: self.anonymous,
            user_agent: self.user_agent.map(StringFilter::texts).transpose()?.unwrap_or_default(),
            first_seen_at: self.first_seen_at.map(DateTimeFilter::bounds).unwrap_or_default(),
            last_seen_at: self.last_seen_at.map(DateTimeFilter::bounds).unwrap_or_default(),
        })
    }
}

fn check_length<T>(list: Option<&[T]>) -> Result<(), Error> {
    if list.is_some_and(|list| list.len() > MAX_CONDITIONS) { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> Error {
    Error::bad_input(format!("A filter may have at most {MAX_CONDITIONS} conditions."))
}
