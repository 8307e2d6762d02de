//! Tasks that will never run, because one before them failed: Celery's `_fail_chain` and
//! `chord_error_from_stack`.
//!
//! Each gets the failure as its own result, so that nobody waits for it, and its chord is told.
//! Celery stores one result for a whole group or chain; here each member has one.

use serde_json::Value;

use super::freezing::{id_of, new_id};
use super::sending::Sending;
use super::{Abandoned, Part};
use crate::message::{Kind, Link, Options, raw};
use crate::task_error::TaskError;

impl Sending<'_> {
    pub(super) fn abandon_all(&mut self, links: &[Link], error: &TaskError) -> Result<(), String> {
        links.iter().try_for_each(|link| self.abandon(link, error))
    }

    /// `link` was to run after the task that ended, with `error`.
    pub(super) fn abandon(&mut self, link: &Link, error: &TaskError) -> Result<(), String> {
        let options = &link.options;
        match &link.kind {
            Kind::Task(_) => {
                self.store(options, error)?;
                self.tell_chord(options, error)?;
            }
            Kind::Chain(tasks) => self.abandon_all(tasks, error)?,
            Kind::Group(tasks) => {
                self.store(options, error)?;
                self.abandon_all(tasks, error)?;
            }
            Kind::Chord { body, .. } => {
                self.store(options, error)?;
                self.abandon(body, error)?;
            }
        }
        self.abandon_all(&options.links("chain")?, error)
    }

    /// `body` was to run after a chord's header, which failed. Unlike the rest of a chain, whose
    /// errbacks are those of the task that failed, it has errbacks of its own, and each is listed
    /// among its children. Those of `called` were called for the chord within, whose failure this is:
    /// in Celery the outer chord never hears of it.
    pub(super) fn abandon_body(
        &mut self,
        mut body: Link,
        error: &TaskError,
        mut called: Vec<Value>,
    ) -> Result<(), String> {
        body.options.set_default("task_id", &new_id());
        let first = self.outbox.parts.len();
        self.abandon(&body, error)?;
        let done = self.errbacks_of(&body, &mut called);
        // A chord around this one is told which errbacks it need not call again.
        for part in &mut self.outbox.parts[first..] {
            part.note_called(error, &called);
        }
        done
    }

    fn errbacks_of(&mut self, link: &Link, called: &mut Vec<Value>) -> Result<(), String> {
        if let Kind::Group(tasks) = &link.kind {
            tasks.iter().try_for_each(|task| self.errbacks_of(task, called))?;
        }
        if let Kind::Chord { body, .. } = &link.kind {
            self.errbacks_of(body, called)?;
        }
        let Some(id) = link.options.get::<String>("task_id")? else { return Ok(()) };
        let mut errbacks = link.options.links("link_error")?;
        let before = called.clone();
        errbacks.retain(|errback| !before.contains(&errback.identity()));
        called.extend(errbacks.iter().map(Link::identity));
        if let Some(handle) = self.call_errbacks(errbacks, &id, &id)? {
            let gone = self.outbox.abandoned.iter_mut().filter(|gone| gone.id == id);
            gone.for_each(|gone| gone.children.push(handle.clone()));
        }
        Ok(())
    }

    /// Celery calls an errback that it has at hand with the request, the exception and the
    /// traceback. Over the wire goes the form for all others: the id of the task that failed.
    pub(super) fn call_errbacks(
        &mut self,
        errbacks: Vec<Link>,
        id: &str,
        root_id: &str,
    ) -> Result<Option<Value>, String> {
        if errbacks.is_empty() {
            return Ok(None);
        }
        let mut options = Options::default();
        options.set("parent_id", id);
        options.set("root_id", root_id);
        self.apply_group(errbacks, options, &[raw(id)]).map(Some)
    }

    fn store(&mut self, options: &Options, error: &TaskError) -> Result<(), String> {
        if !options.has("task_id") {
            return Ok(());
        }
        self.outbox.abandoned.push(Abandoned {
            id: id_of(options)?,
            group_id: options.get("group_id")?,
            parent_id: options.get("parent_id")?,
            error: error.clone(),
            children: Vec::new(),
        });
        Ok(())
    }

    fn tell_chord(&mut self, options: &Options, error: &TaskError) -> Result<(), String> {
        let ids = (options.get("task_id")?, options.get("group_id")?, options.get("chord")?);
        if let (Some(task_id), Some(group_id), Some(body)) = ids {
            let outcome = ("FAILURE", &raw(&error.document()));
            let index = options.get("group_index")?;
            let part = Part::new(task_id, group_id, index, outcome, body);
            self.outbox.parts.push(part.map_err(|error| error.0)?);
        }
        Ok(())
    }
}
