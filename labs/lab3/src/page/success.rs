//! The page after a form that was taken: with a task, how far that has come; and two numbers.
//!
//! What changes while the page is open is [`Told`]: the page has it when it is loaded, and a stream
//! brings it again. All words and times are made here, the script only puts them into their places.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};
use serde_json::json;

use super::Page;
use crate::clock::LabClock;
use crate::form::{Progress, Receipt};
use crate::printable::printable;

const SCRIPT: &str = concat!(include_str!("follow.js"), include_str!("task.js"));
/// Without a script: seconds until the page looks again.
const AGAIN: u32 = 2;
/// The longest reason that is shown, in characters.
const LONGEST_REASON: usize = 300;

/// What the page says about a task at a moment.
pub(crate) struct Told {
    state: String,
    meaning: &'static str,
    reason: String,
    took: String,
    /// The same in real milliseconds, when it is over.
    lasted: Option<u128>,
    done: bool,
}

impl Told {
    pub(crate) fn new(now: &Progress, of: &Receipt, clock: LabClock, time: SystemTime) -> Self {
        let until = if now.done { now.done_at } else { Some(time) };
        let took = of.sent.zip(until).and_then(|(sent, until)| until.duration_since(sent).ok());
        let lasted = took.filter(|_| now.done).map(|took| took.as_millis());
        let took = match took.map(|took| clock.tell(took)) {
            Some(took) if now.done => took,
            Some(took) => format!("{took} so far"),
            None => "not known here".to_owned(),
        };
        Self {
            state: now.state.clone().unwrap_or_else(|| "unknown".to_owned()),
            meaning: meaning(now.state.as_deref()),
            reason: now.reason.as_deref().map_or_else(String::new, first_line),
            took,
            lasted,
            done: now.done,
        }
    }

    /// The same for the page's script.
    pub(crate) fn json(&self) -> String {
        let Self { state, meaning, reason, took, lasted, done } = self;
        json!({
            "state": state, "meaning": meaning, "reason": reason, "took": took, "lasted": lasted,
            "done": done,
        })
        .to_string()
    }
}

/// The rest is for the terminal.
fn first_line(reason: &str) -> String {
    printable(reason.lines().next().unwrap_or_default(), LONGEST_REASON)
}

/// Celery's states in words.
fn meaning(state: Option<&str>) -> &'static str {
    match state {
        Some("PENDING") => "waiting in the queue, or never heard of: Celery has one word for both",
        Some("RECEIVED" | "STARTED") => "a worker has it",
        Some("RETRY") => "it failed, and will be tried again",
        Some("SUCCESS") => "the mail is sent",
        Some("FAILURE") => "it failed, and will not be tried again",
        Some("REVOKED") => "it was called back before it ran",
        Some(_) => "",
        None => "Redis does not answer; this page asks again",
    }
}

/// The page; `progress` is what has become of the receipt's task, where there are tasks.
pub(crate) fn success(
    receipt: &Receipt,
    progress: Option<&Progress>,
    clock: LabClock,
    time: SystemTime,
) -> Page {
    let told = progress.map(|now| (now, Told::new(now, receipt, clock, time)));
    let open = told.as_ref().is_some_and(|(_, told)| !told.done);
    let content = html! {
        h1 { "Thank You!" }
        @match &told {
            Some((now, told)) => (task(receipt, now, told, clock)),
            None => p { "Your feedback has been sent." },
        }
        (numbers(receipt, told.as_ref().map(|(_, told)| told), clock))
        p { a href="/" { "Submit another" } }
    };
    Page {
        script: open.then_some(SCRIPT),
        again: open.then_some(AGAIN),
        ..Page::new("Thank You!", content)
    }
}

fn task(receipt: &Receipt, now: &Progress, told: &Told, clock: LabClock) -> Markup {
    let events = (!told.done).then(|| format!("/progress/{}", receipt.query()));
    let sent = receipt.sent.and_then(|sent| sent.duration_since(SystemTime::UNIX_EPOCH).ok());
    html! {
        p { "Your feedback has been accepted. A worker sends the mail." }
        dl.task data-state=(told.state) data-events=[events] data-sent=[sent.map(|sent| sent.as_millis())]
            data-speed=(clock.speed()) {
            dt { "Task" }
            dd { code { (receipt.task.as_deref().unwrap_or_default()) } }
            dt { "State" }
            dd {
                div role="status" aria-atomic="true" {
                    strong.state data-told="state" { (told.state) } " "
                    span data-told="meaning" { (told.meaning) }
                    div.reason data-told="reason" { (told.reason) }
                }
                ol.path hidden {}
            }
            dt { "See for yourself" }
            dd { code { (now.command) } }
        }
        p.note role="status" data-told="silence" {}
        @if !told.done { noscript { p.note { "This page looks again every " (AGAIN) " seconds." } } }
    }
}

/// How long the visitor waited, and how long the work took.
fn numbers(receipt: &Receipt, told: Option<&Told>, clock: LabClock) -> Markup {
    let number = |name: &str, duration: Option<Duration>| {
        html! {
            @if let Some(duration) = duration {
                div { dt { (name) } dd { (clock.tell(duration)) } }
            }
        }
    };
    html! {
        @if receipt.waited.is_some() || told.is_some() || receipt.worked.is_some() {
            dl.numbers {
                (number("You waited", receipt.waited))
                @match told {
                    Some(told) => div { dt { "Queue and work took" } dd data-told="took" { (told.took) } },
                    None => (number("The work took", receipt.worked)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn told(sent: Option<u64>, done_at: Option<u64>, done: bool) -> Told {
        let receipt = Receipt { sent: sent.map(at), ..Receipt::default() };
        let progress = Progress {
            state: Some("STARTED".to_owned()),
            reason: Some("a\u{1b}b\n  next: c".to_owned()),
            command: String::new(),
            done,
            done_at: done_at.map(at),
        };
        Told::new(&progress, &receipt, LabClock::new(10.0), at(50))
    }

    #[test]
    fn the_time_counts_from_the_queue_to_the_tasks_end_or_to_now() {
        assert_eq!(told(Some(40), Some(42), true).took, "20.0 s (2.0 s real)");
        assert_eq!(told(Some(40), None, false).took, "1 min 40 s (10.0 s real) so far");
    }

    #[test]
    fn a_time_that_nobody_knows_is_not_made_up() {
        for told in
            [told(None, Some(42), true), told(Some(40), None, true), told(Some(99), Some(42), true)]
        {
            assert_eq!(told.took, "not known here");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_steers_nothing() {
        assert_eq!(told(None, None, false).reason, r"a\x1bb");
    }
}
