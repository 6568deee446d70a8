//! What activities come to: how many, by how many users, in how many sessions; and the same for each
//! path, each user and so on.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::packed::{self, Numbers};
use crate::store::Timestamp;
use crate::store::entity::{rollup, rollup_item};

/// What activities can be counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Path,
    Referer,
    RefererHost,
    Name,
    User,
    UserAgent,
}

impl Dimension {
    pub(crate) const ALL: [Self; 6] =
        [Self::Path, Self::Referer, Self::RefererHost, Self::Name, Self::User, Self::UserAgent];

    /// As the tables know it.
    pub(in crate::store) fn code(self) -> i64 {
        self as i64
    }
}

/// How many, and who. Users and sessions are known by numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub activities: u64,
    /// When the first and the last one happened.
    pub span: Option<(Timestamp, Timestamp)>,
    pub users: RoaringBitmap,
    pub sessions: RoaringBitmap,
    /// Sessions in which somebody was logged in.
    pub user_sessions: RoaringBitmap,
}

/// How often one path came, or one user, and with whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub activities: u64,
    pub users: Vec<u32>,
    pub sessions: Vec<u32>,
}

/// The items of one dimension, by their numbers.
pub(crate) type Items = foldhash::HashMap<u32, Item>;

/// Everything that is kept of a period.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub totals: Totals,
    pub items: HashMap<Dimension, Items>,
}

impl Totals {
    pub(in crate::store) fn add(
        &mut self,
        date: Timestamp,
        user: Option<u32>,
        session: Option<u32>,
    ) {
        self.activities += 1;
        self.widen(date, date);
        self.users.extend(user);
        self.sessions.extend(session);
        if user.is_some() {
            self.user_sessions.extend(session);
        }
    }

    pub(in crate::store) fn merge(&mut self, other: &Self) {
        self.activities += other.activities;
        if let Some((first, last)) = other.span {
            self.widen(first, last);
        }
        self.users |= &other.users;
        self.sessions |= &other.sessions;
        self.user_sessions |= &other.user_sessions;
    }

    pub(in crate::store) fn merge_row(&mut self, row: &rollup::Model) {
        self.activities += row.activities.unsigned_abs();
        self.widen(row.first, row.last);
        self.users |= packed::bitmap(&row.users);
        self.sessions |= packed::bitmap(&row.sessions);
        self.user_sessions |= packed::bitmap(&row.user_sessions);
    }

    fn widen(&mut self, first: Timestamp, last: Timestamp) {
        let (from, to) = self.span.unwrap_or((first, last));
        self.span = Some((from.min(first), to.max(last)));
    }

    pub(in crate::store) fn renumber(&mut self, users: &[u32], sessions: &[u32]) {
        let renumbered = |set: &RoaringBitmap, numbers: &[u32]| {
            set.iter().filter_map(|number| numbers.get(number as usize).copied()).collect()
        };
        self.users = renumbered(&self.users, users);
        self.sessions = renumbered(&self.sessions, sessions);
        self.user_sessions = renumbered(&self.user_sessions, sessions);
    }
}

impl Item {
    pub(in crate::store) fn add(&mut self, user: Option<u32>, session: Option<u32>) {
        self.activities += 1;
        gather(&mut self.users, user);
        gather(&mut self.sessions, session);
    }

    fn merge(&mut self, other: Self) {
        self.activities += other.activities;
        gather(&mut self.users, other.users);
        gather(&mut self.sessions, other.sessions);
    }

    pub(in crate::store) fn finish(&mut self) {
        unite(&mut self.users);
        unite(&mut self.sessions);
    }
}

impl Summary {
    /// Takes over the numbers of the terms.
    pub(super) fn renumber(
        &mut self,
        users: &[u32],
        sessions: &[u32],
        terms: &HashMap<Dimension, Vec<u32>>,
    ) {
        self.totals.renumber(users, sessions);
        for (dimension, items) in &mut self.items {
            let numbers = match dimension {
                Dimension::User => Some(users),
                dimension => terms.get(dimension).map(Vec::as_slice),
            };
            *items =
                renumber_items(std::mem::take(items), numbers.unwrap_or_default(), users, sessions);
        }
    }

    /// Takes in what was counted by the same numbers.
    pub(super) fn merge(&mut self, other: Self) {
        self.totals.merge(&other.totals);
        for (dimension, items) in other.items {
            let known = self.items.entry(dimension).or_default();
            for (number, item) in items {
                known.entry(number).or_default().merge(item);
            }
        }
    }

    /// Takes in what is kept of a part of the period.
    pub(super) fn merge_items(&mut self, dimension: Dimension, row: &rollup_item::Model) {
        let items = self.items.entry(dimension).or_default();
        for packed in PackedItems::new(row) {
            packed.merge_into(items.entry(packed.number).or_default());
        }
    }

    /// The rows of a period; none if nothing happened in it.
    pub(super) fn rows(
        self,
        level: i64,
        start: Timestamp,
    ) -> Option<(rollup::Model, Vec<rollup_item::Model>)> {
        let (first, last) = self.totals.span?;
        let row = rollup::Model {
            level,
            start,
            activities: self.totals.activities.cast_signed(),
            first,
            last,
            users: packed::set(&self.totals.users),
            sessions: packed::set(&self.totals.sessions),
            user_sessions: packed::set(&self.totals.user_sessions),
        };
        let items = self.items.into_iter().filter(|(_, items)| !items.is_empty());
        let items = items.map(|(dimension, items)| pack(items, dimension, level, start)).collect();
        Some((row, items))
    }
}

/// The numbers of the items take the place of those by which they were gathered.
pub(in crate::store) fn renumber_items(
    items: Items,
    numbers: &[u32],
    users: &[u32],
    sessions: &[u32],
) -> Items {
    let renumbered = items.into_iter().filter_map(|(number, mut item)| {
        renumber(&mut item.users, users);
        renumber(&mut item.sessions, sessions);
        Some((*numbers.get(number as usize)?, item))
    });
    renumbered.collect()
}

fn renumber(set: &mut Vec<u32>, numbers: &[u32]) {
    set.retain_mut(|number| match numbers.get(*number as usize) {
        Some(known) => {
            *number = *known;
            true
        }
        None => false,
    });
}

/// Adds numbers to what will be a set. It is made one whenever it has doubled, so it takes twice the
/// room that it needs, however often each of them comes.
fn gather(set: &mut Vec<u32>, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        if set.len() == set.capacity() && !set.is_empty() {
            unite(set);
            set.reserve(set.len().max(LEAST));
        }
        set.push(number);
    }
}

/// Smaller sets are not worth the work.
const LEAST: usize = 16;

/// Sorts, and drops what stands there twice.
fn unite(set: &mut Vec<u32>) {
    // Parts of it are sorted already, which this kind of sort makes use of.
    set.sort();
    set.dedup();
}

fn pack(items: Items, dimension: Dimension, level: i64, start: Timestamp) -> rollup_item::Model {
    let mut sorted: Vec<_> = items.into_iter().collect();
    sorted.sort_by_key(|(number, _)| *number);
    let (mut counts, mut users, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = 0;
    for (number, mut item) in sorted {
        item.finish();
        let before = (users.len(), sessions.len());
        packed::put_set(&mut users, item.users.iter().copied());
        packed::put_set(&mut sessions, item.sessions.iter().copied());
        packed::put(&mut counts, u64::from(number - last));
        packed::put(&mut counts, item.activities);
        packed::put(&mut counts, (users.len() - before.0) as u64);
        packed::put(&mut counts, (sessions.len() - before.1) as u64);
        last = number;
    }
    rollup_item::Model { dimension: dimension.code(), level, start, counts, users, sessions }
}

/// The items of a row, without unpacking their sets.
pub(in crate::store) struct PackedItems<'a> {
    counts: Numbers<'a>,
    users: &'a [u8],
    sessions: &'a [u8],
    number: u32,
}

/// An item of a row.
pub(in crate::store) struct PackedItem<'a> {
    pub number: u32,
    pub activities: u64,
    users: &'a [u8],
    sessions: &'a [u8],
}

impl<'a> PackedItems<'a> {
    pub(in crate::store) fn new(row: &'a rollup_item::Model) -> Self {
        Self { counts: Numbers(&row.counts), users: &row.users, sessions: &row.sessions, number: 0 }
    }

    /// Those of a row of which nothing else is at hand.
    pub(super) fn of_counts(counts: &'a [u8]) -> Self {
        Self { counts: Numbers(counts), users: &[], sessions: &[], number: 0 }
    }
}

impl PackedItem<'_> {
    /// Takes its sets in.
    pub(in crate::store) fn merge_into(&self, item: &mut Item) {
        item.activities += self.activities;
        gather(&mut item.users, packed::numbers(self.users));
        gather(&mut item.sessions, packed::numbers(self.sessions));
    }
}

impl<'a> Iterator for PackedItems<'a> {
    type Item = PackedItem<'a>;

    fn next(&mut self) -> Option<PackedItem<'a>> {
        self.number = self.number.wrapping_add(self.counts.next()? as u32);
        let activities = self.counts.next()?;
        let users = take(&mut self.users, self.counts.next()?);
        let sessions = take(&mut self.sessions, self.counts.next()?);
        Some(PackedItem { number: self.number, activities, users, sessions })
    }
}

/// The next bytes; fewer where a row was read without its sets.
fn take<'a>(bytes: &mut &'a [u8], many: u64) -> &'a [u8] {
    let (taken, rest) = bytes.split_at((many as usize).min(bytes.len()));
    *bytes = rest;
    taken
}
