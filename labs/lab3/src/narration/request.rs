//! A task in a sentence: what it is called, short enough for a line, and safe for a terminal.

use taskqueue::Request;

use crate::printable::{printable, short};

pub(super) fn received(request: &Request) -> String {
    let again = if request.redelivered { " (handed out before)" } else { "" };
    printable(&format!("{} {}{again}", name(request), request.argsrepr), 300)
}

/// Several lines from outside, each made safe.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(|line| printable(line, 300)).collect::<Vec<_>>().join("\n")
}

/// `send_feedback_email_task[73ff0a72]`: the name without its module, the id without its tail.
pub(super) fn name(request: &Request) -> String {
    named(&request.task, &request.id)
}

pub(super) fn named(task: &str, id: &str) -> String {
    printable(&format!("{}[{}]", function(task), short(id)), 60)
}

/// A task's name without its module.
pub(super) fn function(task: &str) -> String {
    printable(task.rsplit('.').next().unwrap_or_default(), 40)
}
