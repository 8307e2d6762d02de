//! The pages, as HTML that escapes by type: what a visitor typed can only become text.
//!
//! Nothing from elsewhere: the style sheet and the script are inside the page. A script only makes
//! better what works without it. As Django renders a form: the same labels, the same ids, an
//! `errorlist` that `aria-describedby` ties to its field.
//! It knows no HTTP: which status and headers go with a page is decided in `form`.

mod success;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::clock::LabClock;
use crate::feedback::{FieldError, FieldErrors, LONGEST_EMAIL, LONGEST_MESSAGE};
use crate::form::Refused;
pub(crate) use success::{Told, success};

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("page/page.css"));
const FORM_SCRIPT: &str = include_str!("page/form.js");

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
    /// What goes on behind it; it runs when the page is there.
    script: Option<&'static str>,
    /// Where no script runs: after how many seconds it loads itself again.
    again: Option<u32>,
    content: Markup,
}

/// The form's fields as they were typed.
pub(crate) struct Form<'a> {
    pub(crate) email: &'a str,
    pub(crate) message: &'a str,
    /// Tells two forms apart, so that one sent twice is known again.
    pub(crate) token: &'a str,
    /// By which its wait is told.
    pub(crate) clock: LabClock,
}

impl Page {
    fn new(title: &str, content: Markup) -> Self {
        Self { title: title.to_owned(), script: None, again: None, content }
    }

    /// The whole document; the nonce allows its style sheet and its script.
    pub(crate) fn render(&self, nonce: &str) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(seconds) = self.again {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                    title { (self.title) }
                    // Otherwise the browser asks for /favicon.ico, and the terminal shows it.
                    link rel="icon" href="data:,";
                    style nonce=(nonce) { (STYLE) }
                }
                body {
                    main { (self.content) }
                    @if let Some(script) = self.script {
                        script nonce=(nonce) { (PreEscaped(script)) }
                    }
                }
            }
        }
    }
}

impl Form<'_> {
    /// The form as a visitor finds it.
    pub(crate) fn empty(&self) -> Page {
        let content = self.content(&html! {}, &NO_ERRORS, Focus::Email);
        Self::page(HEADING, content)
    }

    /// The form again, its mistakes marked; the first of them has the focus.
    pub(crate) fn invalid(&self, errors: &FieldErrors) -> Page {
        let focus = if errors.email.is_some() { Focus::Email } else { Focus::Message };
        let title = format!("Error: {HEADING}");
        Self::page(&title, self.content(&html! {}, errors, focus))
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
        Self::page(&title, self.content(&banner, &NO_ERRORS, Focus::Elsewhere))
    }

    fn page(title: &str, content: Markup) -> Page {
        Page { script: Some(FORM_SCRIPT), ..Page::new(title, content) }
    }

    fn content(&self, banner: &Markup, errors: &FieldErrors, focus: Focus) -> Markup {
        html! {
            h1 { (HEADING) }
            (banner)
            // `novalidate`: what is wrong is said beside the field, in the same words for everybody.
            form method="post" action="/" novalidate data-speed=(self.clock.speed()) {
                input type="hidden" name="token" value=(self.token);
                (self.email_field(errors.email.as_ref(), focus == Focus::Email))
                (self.message_field(errors.message.as_ref(), focus == Focus::Message))
                button type="submit" { "Submit" }
                p.note role="status" {}
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

/// A page that only says something, with the way back.
pub(crate) fn notice(title: &str, sentence: &str) -> Page {
    let content = html! {
        h1 { (title) }
        p { (sentence) }
        p { a href="/" { "Go to the form" } }
    };
    Page::new(title, content)
}
