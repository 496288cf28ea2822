//! Answers by what a worker keeps, and what comes to be kept: files as they are, found by their own
//! name, and nothing else.

use std::rc::Rc;
use std::sync::Arc;

use super::{Asking, Clock, NOTHING, Reply, Service};
use crate::access::Need;
use crate::cache::{BODY_BYTES_MAX, Cache, Cover, Entry, Ready};
use crate::files::{Found, Open, Way};
use crate::listing::wants_page;
use crate::proto::answer;
use crate::proto::head::{Head, Method};
use crate::proto::plan::Body;
use crate::proto::target::Target;

impl Service {
    /// The answer by what is kept of a file; none where its bytes are needed and are not kept.
    pub(super) fn kept_reply(
        &self,
        head: &Head,
        target: &Target,
        entry: &mut Entry,
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let Asking { clock, visitor, .. } = *asking;
        // An index file has a path of its own, which may have a rule of its own.
        if !visitor.may(Need::Read, &entry.path) {
            return None;
        }
        let is_usual = visitor.policy.cors.as_ref().is_none_or(|cors| !cors.depends_on(head));
        if answer::is_plain(head) && is_usual {
            Ready::renew(&mut entry.ready, clock.second);
            return Some(Reply::Ready(Rc::clone(&entry.ready), entry.open.clone()));
        }
        let mut plan = answer::file(head, &entry.facts, self.context(clock.second));
        self.finish(target, &entry.path, visitor, &mut plan);
        match (&plan.body, &entry.open) {
            (_, Some(open)) => Some(Reply::File(plan, Arc::clone(open))),
            (Body::File(_) | Body::Parts(..), None) if head.method() == Method::Get => None,
            (_, None) => Some(Reply::Plan(plan)),
        }
    }

    /// Finds what `target` names, and keeps it where it may be kept. Says how its folders were
    /// watched before that, unless there was a symbolic link on the way.
    pub(super) fn find(
        &self,
        target: &Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> (Found, Option<Cover>) {
        let Some(cache) = cache else { return (self.files.find(target, &mut Way::Any), None) };
        let clock = asking.clock;
        if cache.is_missing(target, clock.instant) {
            return (Found::Missing, None);
        }
        let mut cover = cache.cover(target);
        let mut way = Way::Plain;
        let mut found = self.files.find(target, &mut way);
        if matches!(found, Found::Busy) && cache.make_room(clock.instant) {
            (cover, way) = (cache.cover(target), Way::Plain);
            found = self.files.find(target, &mut way);
        }
        if way != Way::Plain {
            return (found, None);
        }
        match &found {
            Found::File(open) => self.keep(target, open, cache, (cover, asking)),
            // Of the one file that is served, and of hidden names, nobody asks the disk.
            Found::Missing if self.files.asks_the_disk(target) => {
                cache.insert_missing(target, &self.files, (cover, clock.instant));
            }
            _ => {}
        }
        (found, Some(cover))
    }

    /// That there is nothing, written already, where that is the same for every name.
    pub(super) fn kept_nothing(
        &self,
        head: &Head,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let cache = cache.as_mut()?;
        if self.ways.has_pages() || asking.visitor.policy.cors.is_some() {
            return None;
        }
        let ready = cache.nothing(wants_page(head), || Ready::of_bytes(&self.error(head, NOTHING)));
        let ready = ready?;
        Ready::renew(ready, asking.clock.second);
        Some(Reply::Ready(Rc::clone(ready), None))
    }

    fn keep(
        &self,
        target: &Target,
        open: &Arc<Open>,
        cache: &mut Cache,
        (cover, asking): (Cover, &Asking<'_>),
    ) {
        let Clock { second, instant } = asking.clock;
        // The date of the last change would be another one every second.
        if open.facts.validators.modified.is_some_and(|modified| modified > second)
            || !cache.admits(target, open, &self.files, (cover, instant))
        {
            return;
        }
        let is_small = open.facts.size <= BODY_BYTES_MAX;
        let body = if is_small { whole_now(open) } else { Some(Vec::new()) };
        let Some(body) = body else { return };
        let mut plan = answer::whole(&open.facts, second);
        self.finish(target, &open.path, asking.visitor, &mut plan);
        if let Some(cors) = &asking.visitor.policy.cors {
            plan.headers.extend(&cors.fields_for_all());
        }
        let entry = Entry {
            ready: Rc::new(Ready::new(&plan, &body)),
            facts: open.facts.clone(),
            path: open.path.clone(),
            open: (!is_small).then(|| Arc::clone(open)),
        };
        cache.insert(target, entry, &open.file, (cover, instant));
    }
}

/// The whole of a small file, where that is in memory.
fn whole_now(open: &Open) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(open.facts.size).ok()?];
    let mut filled = 0;
    while filled < bytes.len() {
        let offset = u64::try_from(filled).ok()?;
        let count = open.read_now(&mut bytes[filled..], offset).ok()?;
        if count == 0 {
            return None;
        }
        filled += count;
    }
    Some(bytes)
}
