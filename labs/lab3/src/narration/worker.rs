//! A worker's events in words, and a bar for each task that runs.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taskqueue::{Event, Observer, Revocation};
use tokio::sync::Notify;

use super::countdown::Countdown;
use super::lookup::command;
use super::put_aside::kept;
use super::request::{function, lines, name, named, received};
use super::{Bar, LogLevel, Narrator, Word};
use crate::digest::Tell;
use crate::printable::{printable, short};
use crate::tasks::Progress;

/// What a worker's listener has told so far; shared by the worker and its tasks.
#[derive(Clone)]
pub struct Told {
    narrator: Narrator,
    bars: Arc<Mutex<HashMap<String, Bar>>>,
    countdowns: Arc<Mutex<HashMap<String, Countdown>>>,
    online: Arc<Notify>,
    loglevel: LogLevel,
}

impl Told {
    /// A listener that speaks through `narrator`.
    #[must_use]
    pub fn by(narrator: &Narrator) -> Self {
        Self {
            narrator: narrator.clone(),
            bars: Arc::default(),
            countdowns: Arc::default(),
            online: Arc::default(),
            loglevel: LogLevel::Info,
        }
    }

    /// The same, but it tells only what `loglevel` lets through. Mails are no news: they are printed.
    #[must_use]
    pub fn at(self, loglevel: LogLevel) -> Self {
        Self { loglevel, ..self }
    }

    /// The ear of the tasks that report.
    #[must_use]
    pub fn reports(&self) -> Tell {
        let told = self.clone();
        Arc::new(move |text| told.tell(Word::Now("report"), text))
    }

    fn tell(&self, word: Word, sentence: impl Display) {
        if self.loglevel.tells(word) {
            self.narrator.tell(word, sentence);
        }
    }

    /// The ear of a worker or a sender.
    #[must_use]
    pub fn observer(&self) -> Observer {
        let told = self.clone();
        Arc::new(move |event| told.event(event))
    }

    /// Returns when the worker has come online.
    pub async fn ready(&self) {
        self.online.notified().await;
    }

    /// Moves the bar of the task `id`.
    pub fn progress(&self, id: &str, done: f64) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            bar.set(done);
        }
    }

    /// The same for whoever calls it, where bars can move; elsewhere quarters would be no news.
    #[must_use]
    pub fn progress_on_a_terminal(&self) -> Progress {
        let told = self.clone();
        Arc::new(move |id, done| {
            if told.narrator.moves() {
                told.progress(id, done);
            }
        })
    }

    /// Says what happened.
    fn event(&self, event: Event) {
        self.bars(&event);
        self.countdowns(&event);
        if matches!(event, Event::WorkerOnline) {
            self.online.notify_one();
        }
        let (word, sentence) = self.sentence(&event);
        if !self.loglevel.tells(word) {
            return;
        }
        // All of it at once: what belongs together is not torn apart by what happens elsewhere.
        let mut lines = vec![self.narrator.line(word, sentence)];
        lines.extend(command(&event).map(|command| self.narrator.command_line(command)));
        if let Event::TaskSent { id, raw, .. } = &event {
            lines.extend(Narrator::sent(id, raw));
        }
        self.narrator.say(lines.join("\n"));
    }

    fn bars(&self, event: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::TaskStarted { request, .. } if self.loglevel == LogLevel::Info => {
                bars.insert(
                    request.id.clone(),
                    self.narrator.bar(&format!("task {}", short(&request.id))),
                );
            }
            Event::TaskSucceeded { request, .. }
            | Event::TaskFailed { request, .. }
            | Event::TaskRetried { request, .. }
            | Event::TaskRevoked { request, .. }
            | Event::TaskGivenBack { request }
            | Event::TaskUnsettled { request, .. }
            | Event::TaskLost { request } => drop(bars.remove(&request.id)),
            _ => {}
        }
    }

    /// A retry's bar, until its task starts again.
    fn countdowns(&self, event: &Event) {
        let mut countdowns = self.countdowns.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::TaskRetried { request, countdown, .. }
                if self.narrator.moves() && self.loglevel <= LogLevel::Warning =>
            {
                let label = format!("retry {} of {}", request.retries + 1, short(&request.id));
                let countdown = Countdown::start(self.narrator.bar(&label), *countdown);
                countdowns.insert(request.id.clone(), countdown);
            }
            Event::TaskStarted { request, .. } | Event::TaskRevoked { request, .. } => {
                drop(countdowns.remove(&request.id));
            }
            Event::WorkerOffline => countdowns.clear(),
            _ => {}
        }
    }

    #[expect(clippy::too_many_lines, reason = "every event's sentence, in one place")]
    fn sentence(&self, event: &Event) -> (Word, String) {
        let lasted = |runtime: &Duration| self.narrator.clock.tell(*runtime);
        match event {
            Event::TaskSent { list, .. } => {
                (Word::Now("queued"), format!("a message in the list {}", printable(list, 30)))
            }
            Event::WorkerOnline => (Word::Good("ready"), "waiting for messages".into()),
            Event::RightMissing { what, reason } => {
                (Word::Bad("limited"), format!("this worker can't {what}\n{}", lines(reason)))
            }
            Event::NameTaken { hostname } => {
                let name = printable(hostname, 60);
                let next = "next: give each worker its own, such as -n w2@%h";
                (Word::Bad("same name"), format!("another worker is called {name}\n{next}"))
            }
            Event::WorkerOffline => (Word::Now("offline"), "the worker has stopped".into()),
            Event::TaskReceived { request } => (Word::Now("received"), received(request)),
            Event::TaskParked { request, eta } => {
                let until = eta.format("%H:%M:%S %:z");
                (Word::Wait("parked"), format!("{} in Redis until {until}", name(request)))
            }
            Event::TaskStarted { request, acknowledged } => {
                let when = if *acknowledged { "already" } else { "not yet" };
                (Word::Now("started"), format!("{}, {when} acknowledged", name(request)))
            }
            Event::TaskSucceeded { request, runtime, .. } => {
                (Word::Good("succeeded"), format!("{} in {}", name(request), lasted(runtime)))
            }
            Event::TaskFailed { request, error, runtime } => {
                let error = lines(&error.to_string());
                (
                    Word::Bad("failed"),
                    format!("{} after {}\n{error}", name(request), lasted(runtime)),
                )
            }
            Event::TaskRetried { request, error, countdown } => {
                let (retry, error) = (request.retries + 1, lines(&error.to_string()));
                let countdown = lasted(countdown);
                (
                    Word::Wait("retry"),
                    format!("no. {retry} of {} in {countdown}\n{error}", name(request)),
                )
            }
            Event::BreakerOpened { task, pause } => {
                let (task, pause) = (function(task), lasted(pause));
                (Word::Bad("breaker"), format!("{task}: nobody there; the next try in {pause}"))
            }
            Event::BreakerClosed { task, after } => {
                let (task, after) = (function(task), lasted(after));
                (Word::Good("breaker"), format!("{task}: there again, after {after}"))
            }
            Event::TaskBlocks { request, lasted } => {
                let lasted = crate::clock::words(*lasted);
                (Word::Bad("blocks"), format!("{} has kept its thread for {lasted}", name(request)))
            }
            Event::TaskRevoked { request, reason } => {
                let why = match reason {
                    Revocation::Expired => "it had expired",
                    Revocation::Revoked => "by remote control, before it started",
                    Revocation::Terminated { .. } => "by remote control, while it ran",
                };
                (Word::Bad("revoked"), format!("{}: {why}", name(request)))
            }
            Event::TaskRejected { queue, reason, .. } => {
                let queue = printable(queue, 30);
                (
                    Word::Bad("put aside"),
                    format!("a message of {queue}, {}\n{}", kept(), lines(reason)),
                )
            }
            Event::TaskRestored { id, silent, .. } => {
                let silent = silent.as_secs_f64();
                (
                    Word::Wait("restored"),
                    format!("{}: its worker fell silent {silent:.0} s ago", short(id)),
                )
            }
            Event::TaskGivenBack { request } => {
                (Word::Wait("given back"), format!("{} stands in the queue again", name(request)))
            }
            Event::TaskLost { request } => {
                (Word::Bad("lost"), format!("{}: it was acknowledged early", name(request)))
            }
            Event::TaskUnsettled { request, acknowledged } => {
                let (task, id) = (function(&request.task), printable(&request.id, 60));
                let then = if *acknowledged {
                    "it was acknowledged before it ran: nobody will store it now"
                } else {
                    "another worker runs it when its lease has run out"
                };
                (
                    Word::Bad("unsettled"),
                    format!("{task}: Redis did not take its end\n{id}\n{then}"),
                )
            }
            Event::LeaseLost { request } => {
                (Word::Bad("lease lost"), format!("{} may run twice", name(request)))
            }
            Event::BeatFired { task, id, next, .. } => {
                let (task, next) = (named(task, id), crate::clock::of_day(*next));
                (Word::Now("beat"), format!("{task} is queued, next {next}"))
            }
            Event::RemoteControl { order, answer } => {
                (Word::Now("control"), format!("{}\n{}", printable(order, 200), lines(answer)))
            }
            Event::BrokerLost { reason } => (Word::Bad("no broker"), lines(reason)),
            Event::BrokerBack { away } => (
                Word::Good("broker"),
                format!("answers again, after {}", crate::clock::words(*away)),
            ),
        }
    }
}
