//! The pages, as HTML that escapes by type: what a visitor typed can only become text.
//!
//! No script, nothing from elsewhere, one style sheet inside the page. As Django renders a form:
//! the same labels, the same ids, an `errorlist` that `aria-describedby` ties to its field.
//! It knows no HTTP: which status and headers go with a page is decided in `form`.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::feedback::{FieldError, FieldErrors, LONGEST_EMAIL, LONGEST_MESSAGE};
use crate::form::{Progress, Refused};

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("page.css"));

const HEADING: &str = "How are we doing?";

const NO_ERRORS: FieldErrors = FieldErrors { email: None, message: None };

/// Where the keyboard and the screen reader start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Focus {
    Email,
    Message,
    Elsewhere,
}

/// A page without its frame.
pub(crate) struct Page {
    title: String,
    /// Whether it loads itself again every second.
    live: bool,
    content: Markup,
}

/// The form's fields as they were typed.
pub(crate) struct Form<'a> {
    pub(crate) email: &'a str,
    pub(crate) message: &'a str,
    /// Tells two forms apart, so that one sent twice is known again.
    pub(crate) token: &'a str,
}

impl Page {
    fn new(title: &str, content: Markup) -> Self {
        Self { title: title.to_owned(), live: false, content }
    }

    /// The whole document; the nonce allows its style sheet.
    pub(crate) fn render(&self, nonce: &str) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if self.live { meta http-equiv="refresh" content="1"; }
                    title { (self.title) }
                    // Otherwise the browser asks for /favicon.ico, and the terminal shows it.
                    link rel="icon" href="data:,";
                    style nonce=(nonce) { (STYLE) }
                }
                body { main { (self.content) } }
            }
        }
    }
}

impl Form<'_> {
    /// The form as a visitor finds it.
    pub(crate) fn empty(&self) -> Page {
        let content = self.content(&html! {}, &NO_ERRORS, Focus::Email);
        Page::new(HEADING, content)
    }

    /// The form again, its mistakes marked; the first of them has the focus.
    pub(crate) fn invalid(&self, errors: &FieldErrors) -> Page {
        let focus = if errors.email.is_some() { Focus::Email } else { Focus::Message };
        let title = format!("Error: {HEADING}");
        Page::new(&title, self.content(&html! {}, errors, focus))
    }

    /// The form again, under a banner that says what happened and has the focus.
    pub(crate) fn refused(&self, refused: &Refused) -> Page {
        let banner = html! {
            section.banner role="alert" tabindex="-1" autofocus {
                h2 { "Your feedback was not accepted" }
                p { (with_code(&refused.reason)) }
                p { (with_code(&refused.next)) }
                p { "What you typed is still here." }
            }
        };
        let title = format!("Not accepted: {HEADING}");
        Page::new(&title, self.content(&banner, &NO_ERRORS, Focus::Elsewhere))
    }

    fn content(&self, banner: &Markup, errors: &FieldErrors, focus: Focus) -> Markup {
        html! {
            h1 { (HEADING) }
            (banner)
            form method="post" action="/" {
                input type="hidden" name="token" value=(self.token);
                (self.email_field(errors.email.as_ref(), focus == Focus::Email))
                (self.message_field(errors.message.as_ref(), focus == Focus::Message))
                button type="submit" { "Submit" }
            }
        }
    }

    fn email_field(&self, error: Option<&FieldError>, focus: bool) -> Markup {
        html! {
            label for="id_email" { "Email Address" }
            (error_list("id_email_error", error))
            input type="email" name="email" id="id_email" value=(self.email)
                maxlength=(LONGEST_EMAIL) required autocomplete="email" autofocus[focus]
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[error.map(|_| "id_email_error")];
        }
    }

    fn message_field(&self, error: Option<&FieldError>, focus: bool) -> Markup {
        html! {
            label for="id_message" { "Message" }
            (error_list("id_message_error", error))
            textarea name="message" id="id_message" rows="5"
                maxlength=(LONGEST_MESSAGE) required autofocus[focus]
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[error.map(|_| "id_message_error")] {
                // HTML swallows the first newline of a textarea; this one instead of a typed one.
                "\n" (self.message)
            }
        }
    }
}

/// A command `between backticks`, as the terminal's messages have them, looks like one.
fn with_code(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

fn error_list(id: &str, error: Option<&FieldError>) -> Markup {
    html! {
        @if let Some(error) = error {
            ul.errorlist id=(id) { li { (error) } }
        }
    }
}

/// The page after a form that was taken; with a task, how far that has come.
pub(crate) fn success(task: Option<(&str, Progress)>) -> Page {
    let live = task.as_ref().is_some_and(|(_, progress)| !progress.done);
    let content = html! {
        h1 { "Thank You!" }
        @match &task {
            Some((id, progress)) => (task_progress(id, progress)),
            None => p { "Your feedback has been sent." },
        }
        p { a href="/" { "Submit another" } }
    };
    Page { live, ..Page::new("Thank You!", content) }
}

fn task_progress(id: &str, progress: &Progress) -> Markup {
    html! {
        p { "Your feedback has been accepted. A worker sends the mail." }
        dl {
            dt { "Task" }
            dd { code { (id) } }
            dt { "State" }
            dd role="status" aria-live="polite" aria-atomic="true" {
                strong.state { (progress.state) } " " (meaning(&progress.state))
            }
            dt { "See for yourself" }
            dd { code { (progress.command) } }
        }
        @if !progress.done { p.note { "This page looks again every second." } }
    }
}

/// Celery's states in words.
fn meaning(state: &str) -> &'static str {
    match state {
        "PENDING" => "waiting in the queue, or never heard of: Celery has one word for both",
        "RECEIVED" | "STARTED" => "a worker has it",
        "RETRY" => "it failed, and will be tried again",
        "SUCCESS" => "the mail is sent",
        "FAILURE" => "it failed, and will not be tried again",
        "REVOKED" => "it was called back before it ran",
        _ => "",
    }
}

/// A page that only says something, with the way back.
pub(crate) fn notice(title: &str, sentence: &str) -> Page {
    let content = html! {
        h1 { (title) }
        p { (sentence) }
        p { a href="/" { "Go to the form" } }
    };
    Page::new(title, content)
}
