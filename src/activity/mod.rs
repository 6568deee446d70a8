//! Activities: taking them in, and finding them again.

mod calendar;
mod draft;
mod export;
mod live;
mod relay;
mod stats;

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use uuid::Uuid;

pub(crate) use calendar::TimeBucket;
pub(crate) use draft::{Draft, Fault, FieldError, Report, fit, parse_date};
pub(crate) use export::{Export, Format, Selection};
pub(crate) use live::Lagged;
use live::Live;
use relay::Relay;
pub(crate) use stats::{
    Bucket, Course, Dimension, Questions, Ranking, Stats, Survey, Timeline, Top, Value as TopValue,
};

pub(crate) use crate::store::activities::{Bound, Filter, Text};
pub(crate) use crate::store::keyset::{CappedCount, Key, Page, Position, Slice};
pub(crate) use crate::store::{Timestamp, without_nul};

use crate::auth::{Reader, Reporter, Sessions, Staff};
use crate::error::Error;
use crate::store::entity::activity;
use crate::store::{Batch, Store, Written};

/// Something that a user did.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub id: Uuid,
    pub date: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub path: String,
    pub referer: Option<String>,
    pub name: String,
    pub properties: Option<Value>,
    pub truncated: bool,
    pub user_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    pub ip_address: Option<String>,
}

/// The log. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Activities {
    store: Store,
    sessions: Sessions,
    live: Live,
}

impl Activities {
    /// Starts the task that lets other nodes know, and hears what they have stored.
    pub(crate) fn start(store: Store, sessions: Sessions) -> (Self, JoinHandle<()>) {
        let (relay, ids) = Relay::new();
        let live = Live::new(relay.clone());
        let task = tokio::spawn(relay::run(store.clone(), live.clone(), relay, ids));
        (Self { store, sessions, live }, task)
    }

    /// Stores activities, all of them or none, and returns when they are on disk.
    ///
    /// One whose id has been stored before is not stored again. The answer is then the first one,
    /// or None if that is somebody else's and not the same: nobody learns what others did.
    pub(crate) async fn record(
        &self,
        reporter: &Reporter<'_>,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Option<Activity>>, Error> {
        let viewer = reporter.viewer();
        let visit = self.sessions.visit(viewer).await?;
        let origin = Origin {
            received_at: Timestamp::now(),
            user_id: viewer.user().map(|user| user.id),
            session_id: visit.session_id,
            ip_address: viewer.client.ip_address.map(|address| address.to_string()),
        };
        let rows: Vec<_> = drafts.iter().map(|draft| Arc::new(origin.row(draft))).collect();
        let mut batch = Batch { activities: rows.clone(), ..Batch::default() };
        // A first visit costs no commit of its own.
        visit.write_into(&mut batch);
        let written = self.store.commit(batch).await?;
        if let Err(error) = self.sessions.settle(viewer, visit).await {
            // The activity is stored: a client that was told otherwise would log it again.
            error.log();
        }
        if self.live.is_watched() {
            self.live.publish(new(&rows, &written), &viewer.client.user_agent);
        }
        let answer = |(row, draft)| origin.answer(row, draft, &written);
        Ok(rows.into_iter().zip(&drafts).map(answer).collect())
    }

    /// One page of the activities that the filter lets through and the reader may read, by date.
    pub(crate) async fn page(
        &self,
        reader: &Reader,
        filter: Filter,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Activity>, Error> {
        let Some(user_id) = reader.only_user else {
            return Ok(self.store.activities(&filter, descending, page).await?.map(Activity::from));
        };
        // Each kind has an index of its own; both together have none.
        let [named, nameless] = of_user(user_id).map(|own| Filter::All(vec![own, filter.clone()]));
        let named = self.store.activities(&named, descending, page).await?;
        let nameless = self.store.activities(&nameless, descending, page).await?;
        let together = named.merge(nameless, page, |one, other| {
            let order = (one.date, one.id).cmp(&(other.date, other.id));
            if descending { order.reverse() } else { order }
        });
        Ok(together.map(Activity::from))
    }

    /// What is stored from now on and the filter lets through. Who is too slow is told so.
    pub(crate) fn watch(
        &self,
        staff: &Staff,
        filter: Filter,
    ) -> impl Stream<Item = Result<Activity, Lagged>> + use<> {
        self.live.watch(staff, filter)
    }

    /// How many activities the filter lets through, counted up to `cap`.
    pub(crate) async fn count(
        &self,
        reader: &Reader,
        filter: Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        self.store.count_activities(&readable(reader, filter), cap).await
    }

    /// Those of the activities that exist and the reader may read, in no order.
    pub(crate) async fn by_ids(
        &self,
        reader: &Reader,
        ids: &[Uuid],
    ) -> Result<Vec<Activity>, Error> {
        let mut rows = self.store.activities_by_id(ids).await?;
        if let Some(user_id) = reader.only_user {
            let sessions: Vec<_> = rows.iter().filter_map(|row| row.session_id).collect();
            let mut sessions = self.sessions.by_ids(&sessions).await?;
            sessions.retain(|session| session.user_id == Some(user_id));
            rows.retain(|row| match row.user_id {
                Some(of) => of == user_id,
                None => sessions.iter().any(|session| Some(session.id) == row.session_id),
            });
        }
        Ok(rows.into_iter().map(Activity::from).collect())
    }
}

/// Those of the rows that had not been stored before.
fn new(rows: &[Arc<activity::Model>], written: &Written) -> Vec<Arc<activity::Model>> {
    let mut new = rows.to_vec();
    if !written.stored.is_empty() {
        // One that came before was received at another time.
        let mut ids = HashSet::new();
        let is_stored = |row: &activity::Model| written.stored.get(&row.id) == Some(row);
        new.retain(|row| is_stored(row) && ids.insert(row.id));
    }
    new
}

/// What the server knows of where a report comes from.
struct Origin {
    received_at: Timestamp,
    user_id: Option<Uuid>,
    session_id: Uuid,
    ip_address: Option<String>,
}

impl Origin {
    fn row(&self, draft: &Draft) -> activity::Model {
        activity::Model {
            id: draft.id,
            date: draft.date.map_or(self.received_at, Timestamp::from),
            received_at: self.received_at,
            path: draft.path.clone(),
            referer: draft.referer.clone(),
            name: draft.name.clone(),
            properties: draft.properties.clone(),
            truncated: draft.truncated,
            user_id: self.user_id,
            session_id: Some(self.session_id),
            ip_address: self.ip_address.clone(),
        }
    }

    /// The stored activity, as far as the reporter may know it.
    fn answer(
        &self,
        row: Arc<activity::Model>,
        draft: &Draft,
        written: &Written,
    ) -> Option<Activity> {
        let Some(stored) = written.stored.get(&row.id) else {
            return Some(Arc::unwrap_or_clone(row).into());
        };
        let is_own = stored.session_id == row.session_id
            || stored.user_id.is_some() && stored.user_id == row.user_id;
        if is_own {
            return Some(stored.clone().into());
        }
        // Very likely a retry after an answer, and its cookie, were lost.
        let is_same = stored.path == row.path
            && stored.referer == row.referer
            && stored.name == row.name
            && stored.properties == row.properties
            && (draft.date.is_none() || stored.date == row.date);
        let anonymous =
            activity::Model { user_id: None, session_id: None, ip_address: None, ..stored.clone() };
        is_same.then(|| anonymous.into())
    }
}

impl From<activity::Model> for Activity {
    fn from(row: activity::Model) -> Self {
        Self {
            id: row.id,
            date: row.date.into(),
            received_at: row.received_at.into(),
            path: row.path,
            referer: row.referer,
            name: row.name,
            properties: row.properties,
            truncated: row.truncated,
            user_id: row.user_id,
            session_id: row.session_id,
            ip_address: row.ip_address,
        }
    }
}

fn readable(reader: &Reader, filter: Filter) -> Filter {
    match reader.only_user {
        Some(user_id) => Filter::All(vec![Filter::Any(of_user(user_id).into()), filter]),
        None => filter,
    }
}

/// What is held on a user: what was done under their name, and in their sessions while nobody was
/// logged in.
fn of_user(user_id: Uuid) -> [Filter; 2] {
    let nameless = vec![Filter::SessionsOf(user_id), Filter::Anonymous(true)];
    [Filter::User(vec![user_id]), Filter::All(nameless)]
}
