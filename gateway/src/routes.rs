//! Who hears what: subscriptions by filter, shared groups among them, and retained messages. A filter without
//! wildcards costs one look-up; the others stand in a tree by levels.

use crate::codec::Qos;
use crate::counters::Counters;
use crate::filter::{hidden, is_wild, matches};
use crate::limits::Budget;
use crate::message::Message;
use crate::session::{Delivery, Session};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How a client wants a subscription served.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) qos: Qos,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<u32>,
}

struct Entry {
    session: Arc<Session>,
    options: Options,
}

struct Group {
    name: Box<str>,
    members: Vec<Entry>,
    turn: AtomicUsize,
}

/// Everybody with one and the same filter.
#[derive(Default)]
struct Leaf {
    entries: Vec<Entry>,
    groups: Vec<Group>,
}

#[derive(Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    any: Option<Box<Node>>,
    here: Leaf,
    rest: Leaf,
}

#[derive(Default)]
struct Table {
    exact: HashMap<Box<str>, Leaf>,
    wild: Node,
    wild_count: usize,
}

#[derive(Default)]
struct Kept {
    messages: BTreeMap<Box<str>, Arc<Message>>,
}

/// Subscriptions and retained messages of the door.
pub(crate) struct Routes {
    table: RwLock<Table>,
    kept: Mutex<Kept>,
    kept_max: usize,
    kept_bytes: Budget,
    counters: Arc<Counters>,
}

impl Leaf {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.groups.is_empty()
    }

    fn list(&mut self, group: Option<&str>) -> &mut Vec<Entry> {
        let Some(name) = group else {
            return &mut self.entries;
        };
        let at = self.groups.iter().position(|g| &*g.name == name).unwrap_or(self.groups.len());
        if at == self.groups.len() {
            self.groups.push(Group { name: name.into(), members: Vec::new(), turn: AtomicUsize::new(0) });
        }
        match self.groups.get_mut(at) {
            Some(found) => &mut found.members,
            None => &mut self.entries,
        }
    }

    fn insert(&mut self, session: &Arc<Session>, group: Option<&str>, options: Options) -> bool {
        let list = self.list(group);
        if let Some(entry) = list.iter_mut().find(|entry| entry.session.id == session.id) {
            entry.options = options;
            return false;
        }
        list.push(Entry { session: Arc::clone(session), options });
        true
    }

    fn remove(&mut self, session: u64, group: Option<&str>) -> bool {
        let list = self.list(group);
        let before = list.len();
        list.retain(|entry| entry.session.id != session);
        let removed = list.len() < before;
        self.groups.retain(|group| !group.members.is_empty());
        removed
    }
}

impl Node {
    fn leaf(&mut self, filter: &str) -> &mut Leaf {
        let mut node = self;
        for level in filter.split('/') {
            match level {
                "#" => return &mut node.rest,
                "+" => node = node.any.get_or_insert_with(Box::default),
                _ => node = node.children.entry(level.into()).or_default(),
            }
        }
        &mut node.here
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.any.is_none() && self.here.is_empty() && self.rest.is_empty()
    }

    /// Removes and cuts off what became empty.
    fn remove(&mut self, filter: Option<&str>, session: u64, group: Option<&str>) -> bool {
        let Some(filter) = filter else {
            return self.here.remove(session, group);
        };
        let (level, rest) = match filter.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (filter, None),
        };
        match level {
            "#" => self.rest.remove(session, group),
            "+" => {
                let removed = self.any.as_mut().is_some_and(|node| node.remove(rest, session, group));
                if self.any.as_ref().is_some_and(|node| node.is_empty()) {
                    self.any = None;
                }
                removed
            }
            _ => {
                let Some(node) = self.children.get_mut(level) else {
                    return false;
                };
                let removed = node.remove(rest, session, group);
                if node.is_empty() {
                    self.children.remove(level);
                }
                removed
            }
        }
    }

    fn visit<'a>(&'a self, name: Option<&str>, wild: bool, take: &mut dyn FnMut(&'a Leaf)) {
        if wild && !self.rest.is_empty() {
            take(&self.rest);
        }
        let Some(name) = name else {
            if !self.here.is_empty() {
                take(&self.here);
            }
            return;
        };
        let (level, rest) = match name.split_once('/') {
            Some((level, rest)) => (level, Some(rest)),
            None => (name, None),
        };
        if let Some(node) = self.children.get(level) {
            node.visit(rest, true, take);
        }
        if wild && let Some(node) = &self.any {
            node.visit(rest, true, take);
        }
    }
}

impl Table {
    fn visit<'a>(&'a self, name: &str, mut take: impl FnMut(&'a Leaf)) {
        if let Some(leaf) = self.exact.get(name) {
            take(leaf);
        }
        if self.wild_count > 0 {
            self.wild.visit(Some(name), !hidden(name), &mut take);
        }
    }
}

impl Routes {
    pub(crate) fn new(kept_max: usize, kept_bytes: usize, counters: Arc<Counters>) -> Self {
        Self {
            table: RwLock::default(),
            kept: Mutex::default(),
            kept_max,
            kept_bytes: Budget::new(kept_bytes),
            counters,
        }
    }

    /// True if the subscription is new.
    pub(crate) fn subscribe(
        &self,
        filter: &str,
        group: Option<&str>,
        session: &Arc<Session>,
        options: Options,
    ) -> bool {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = if is_wild(filter) {
            let fresh = table.wild.leaf(filter).insert(session, group, options);
            table.wild_count += usize::from(fresh);
            fresh
        } else {
            table.exact.entry(filter.into()).or_default().insert(session, group, options)
        };
        drop(table);
        if fresh {
            Counters::add(&self.counters.subscriptions);
        }
        fresh
    }

    /// True if there was such a subscription.
    pub(crate) fn unsubscribe(&self, filter: &str, group: Option<&str>, session: u64) -> bool {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let removed = if is_wild(filter) {
            let removed = table.wild.remove(Some(filter), session, group);
            table.wild_count -= usize::from(removed);
            removed
        } else {
            match table.exact.get_mut(filter) {
                None => false,
                Some(leaf) => {
                    let removed = leaf.remove(session, group);
                    if leaf.is_empty() {
                        table.exact.remove(filter);
                    }
                    removed
                }
            }
        };
        drop(table);
        if removed {
            Counters::sub(&self.counters.subscriptions);
        }
        removed
    }

    /// True if somebody listens to this name just now.
    pub(crate) fn wanted(&self, name: &str) -> bool {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = false;
        table.visit(name, |_| found = true);
        found
    }

    /// Passes a message on; `from` is the sender's session. Returns how many sessions took it.
    pub(crate) fn publish(&self, message: &Arc<Message>, from: Option<u64>) -> usize {
        if message.retain {
            self.keep(message);
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let mut leaves: Vec<&Leaf> = Vec::new();
        table.visit(message.name(), |leaf| leaves.push(leaf));
        let mut receivers = 0;
        for group in leaves.iter().flat_map(|leaf| &leaf.groups) {
            receivers += usize::from(group.deliver(message));
        }
        let local = |entry: &&Entry| !(entry.options.no_local && Some(entry.session.id) == from);
        if let [leaf] = leaves.as_slice() {
            for entry in leaf.entries.iter().filter(local) {
                receivers += usize::from(entry.session.offer(entry.delivery(message)));
            }
            return receivers;
        }
        // Several filters match: a session gets one copy with the best of them and all identifiers.
        let mut merged: HashMap<u64, (&Entry, Delivery)> = HashMap::new();
        for entry in leaves.iter().flat_map(|leaf| &leaf.entries).filter(local) {
            let delivery = entry.delivery(message);
            merged
                .entry(entry.session.id)
                .and_modify(|(_, sum)| sum.join(&delivery))
                .or_insert_with(|| (entry, delivery));
        }
        for (entry, delivery) in merged.into_values() {
            receivers += usize::from(entry.session.offer(delivery));
        }
        receivers
    }

    fn keep(&self, message: &Arc<Message>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = kept.messages.remove(message.name()) {
            self.kept_bytes.give(old.bytes());
        }
        if message.payload.len() == 0 {
            return;
        }
        if kept.messages.len() >= self.kept_max || !self.kept_bytes.take(message.bytes()) {
            Counters::add(&self.counters.retained_refused);
            return;
        }
        kept.messages.insert(message.name().into(), Arc::clone(message));
    }

    /// How many messages are retained, and their bytes.
    pub(crate) fn retained(&self) -> (usize, usize) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.messages.len(), self.kept_bytes.used())
    }

    /// Retained messages that a filter matches, those that expired left out.
    pub(crate) fn retained_for(&self, filter: &str) -> Vec<Arc<Message>> {
        let now = tokio::time::Instant::now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |message: &&Arc<Message>| message.expires_at.is_none_or(|at| at > now);
        if !is_wild(filter) {
            return kept.messages.get(filter).filter(fresh).cloned().into_iter().collect();
        }
        let prefix = filter.split(['+', '#']).next().unwrap_or_default();
        // `a/#` matches `a` as well.
        let start = prefix.strip_suffix('/').unwrap_or(prefix);
        kept.messages
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(start))
            .filter(|(name, _)| matches(filter, name))
            .map(|(_, message)| message)
            .filter(fresh)
            .cloned()
            .collect()
    }

    /// Forgets retained messages that have expired.
    pub(crate) fn sweep(&self) {
        let now = tokio::time::Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.messages.retain(|_, message| {
            let fresh = message.expires_at.is_none_or(|at| at > now);
            if !fresh {
                self.kept_bytes.give(message.bytes());
            }
            fresh
        });
    }
}

impl Entry {
    fn delivery(&self, message: &Arc<Message>) -> Delivery {
        Delivery {
            message: Arc::clone(message),
            qos: self.options.qos.min(message.qos),
            retain: message.retain && self.options.retain_as_published,
            identifiers: self.options.identifier.into_iter().collect(),
        }
    }
}

impl Group {
    /// The members take turns; those who are there come first.
    fn deliver(&self, message: &Arc<Message>) -> bool {
        let count = self.members.len().max(1);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let in_turn = || self.members.iter().cycle().skip(turn).take(self.members.len());
        let chosen = in_turn().find(|entry| entry.session.is_connected()).or_else(|| in_turn().next());
        chosen.is_some_and(|entry| entry.session.offer(entry.delivery(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::session;

    const OPTIONS: Options = Options { qos: Qos::Two, no_local: false, retain_as_published: false, identifier: None };

    fn routes() -> Routes {
        Routes::new(2, 10_000, Arc::default())
    }

    fn message(name: &str, payload: &str, retain: bool) -> Arc<Message> {
        Arc::new(Message::new((name.to_owned(), 0), payload.as_bytes().into(), Qos::One, retain))
    }

    #[test]
    fn overlapping_filters_give_one_copy_and_nothing_is_left_after_they_are_gone() {
        let routes = routes();
        let one = session(1);
        for filter in ["a/b", "a/+", "a/#", "#", "+/b"] {
            assert!(routes.subscribe(filter, None, &one, OPTIONS));
            assert!(!routes.subscribe(filter, None, &one, OPTIONS));
        }
        assert_eq!(routes.publish(&message("a/b", "x", false), None), 1);
        assert!(!routes.wanted("$SYS/b") && routes.wanted("z/b"));
        for filter in ["a/b", "a/+", "a/#", "#", "+/b"] {
            assert!(routes.unsubscribe(filter, None, 1));
            assert!(!routes.unsubscribe(filter, None, 1));
        }
        let table = routes.table.read().unwrap();
        assert!(table.exact.is_empty() && table.wild.is_empty() && table.wild_count == 0);
    }

    #[test]
    fn a_shared_group_gives_each_message_to_one_member() {
        let routes = routes();
        let (one, two) = (session(1), session(2));
        routes.subscribe("a", Some("g"), &one, OPTIONS);
        routes.subscribe("a", Some("g"), &two, OPTIONS);
        for _ in 0..10 {
            assert_eq!(routes.publish(&message("a", "x", false), None), 1);
        }
        assert_eq!((one.queued(), two.queued()), (5, 5));
    }

    #[test]
    fn retained_messages_are_found_by_filter_replaced_deleted_and_limited() {
        let routes = routes();
        for (name, payload) in [("a", "1"), ("a/b", "2"), ("a/b", "3"), ("c", "4"), ("a/b", "5")] {
            routes.publish(&message(name, payload, true), None);
        }
        let found = |filter: &str| {
            let all = routes.retained_for(filter);
            all.iter().map(|m| String::from_utf8(m.payload.as_slice().to_vec()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(found("a/#"), ["1", "5"]);
        assert_eq!(found("c"), Vec::<String>::new(), "the limit is two");
        routes.publish(&message("a", "", true), None);
        assert_eq!(found("#"), ["5"]);
        assert_eq!(routes.retained().0, 1);
    }

    #[test]
    fn the_tree_finds_what_the_plain_comparison_finds() {
        let mut dice = 20_261_123u64;
        let mut roll = |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) % sides
        };
        let levels = ["a", "b", "", "$x", "+", "#"];
        for _ in 0..300 {
            let routes = Routes::new(0, 0, Arc::default());
            let mut filters = Vec::new();
            for id in 0..8u64 {
                let mut parts: Vec<&str> = (0..=roll(4)).map(|_| levels[usize::try_from(roll(6)).unwrap()]).collect();
                if let Some(at) = parts.iter().position(|part| *part == "#") {
                    parts.truncate(at + 1);
                }
                let filter = parts.join("/");
                routes.subscribe(&filter, None, &session(id + 1), OPTIONS);
                filters.push(filter);
            }
            for _ in 0..20 {
                let parts: Vec<&str> = (0..=roll(4)).map(|_| levels[usize::try_from(roll(4)).unwrap()]).collect();
                let topic = parts.join("/");
                let plain = filters.iter().filter(|filter| matches(filter, &topic)).count();
                assert_eq!(routes.publish(&message(&topic, "x", false), None), plain, "{topic:?} among {filters:?}");
                assert_eq!(routes.wanted(&topic), plain > 0);
            }
            for (id, filter) in (1..).zip(&filters) {
                assert!(routes.unsubscribe(filter, None, id));
            }
            assert!(routes.table.read().unwrap().wild.is_empty());
        }
    }
}
