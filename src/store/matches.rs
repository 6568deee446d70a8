//! The filter of a list, asked of one activity that is at hand: for those who watch live.

use super::Timestamp;
use super::activities::{Bound, Filter, Text};
use super::entity::activity::Model;

impl Filter {
    /// Whether the list with this filter would have the activity, whose session has this user agent.
    pub(crate) fn matches(&self, row: &Model, user_agent: &str) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(row, user_agent)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(row, user_agent)),
            Self::Not(filter) => !filter.matches(row, user_agent),
            Self::Date(bound, date) => bound.holds(row.date, *date),
            Self::Path(text) => text.matches(&row.path),
            Self::Referer(text) => row.referer.as_deref().is_some_and(|it| text.matches(it)),
            Self::Name(text) => text.matches(&row.name),
            Self::IpAddress(text) => row.ip_address.as_deref().is_some_and(|it| text.matches(it)),
            Self::UserAgent(text) => text.matches(user_agent),
            Self::User(ids) => row.user_id.is_some_and(|id| ids.contains(&id)),
            Self::Session(ids) => row.session_id.is_some_and(|id| ids.contains(&id)),
            // Who watches is staff, and is shown the whole log.
            Self::SessionsOf(_) => false,
            Self::Anonymous(anonymous) => row.user_id.is_none() == *anonymous,
        }
    }
}

impl Bound {
    fn holds(self, value: Timestamp, limit: Timestamp) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::From => value >= limit,
            Self::After => value > limit,
            Self::Until => value <= limit,
            Self::Before => value < limit,
        }
    }
}

impl Text {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::In(texts) => texts.iter().any(|it| it == text),
            Self::StartsWith(prefix) => text.starts_with(prefix),
            Self::Contains(part) => text.contains(part),
        }
    }
}
