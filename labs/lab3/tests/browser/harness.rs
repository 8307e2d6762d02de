//! What the other tests rely on: that the browser's complaints are heard, and that axe-core's are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::looks;
use crate::tab::Tab;

/// The words with which `judge` fails; empty where it does not.
fn complaint(judge: impl FnOnce()) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(judge)) else { return String::new() };
    *panic.downcast::<String>().expect("a message")
}

fn page(html: &str) -> String {
    format!(
        "data:text/html,<!doctype html><html lang=en><title>t</title><main><h1>t</h1>{html}</main>"
    )
}

#[test]
fn a_request_that_leaves_the_machine_fails_the_test() {
    let Some(mut tab) = Tab::open("a request that leaves the machine") else { return };
    tab.expect_silence();
    tab.visit(&page("<img alt=x src=http://feedback.example/x.png>"));
    let complaint = complaint(|| drop(tab));
    assert!(complaint.contains("http://feedback.example/x.png"), "{complaint}");
}

#[test]
fn an_error_in_the_console_fails_the_test() {
    let Some(tab) = Tab::open("an error in the console") else { return };
    tab.visit(&page("<script>nobody()</script>"));
    let complaint = complaint(|| drop(tab));
    assert!(complaint.contains("nobody is not defined"), "{complaint}");
}

#[test]
fn a_field_without_a_label_and_a_page_that_is_too_wide_fail_the_test() {
    let Some(tab) = Tab::open("what axe-core finds") else { return };
    tab.visit(&page("<input>"));
    if looks::has_axe() {
        let complaint = complaint(|| looks::check(&tab, "harness"));
        assert!(complaint.contains("label: Form elements must have labels"), "{complaint}");
    }
    tab.visit(&page("<p style=width:500px>wide"));
    let complaint = complaint(|| looks::check(&tab, "harness"));
    assert!(complaint.contains("harness is wider than 390"), "{complaint}");
}

#[test]
fn without_javascript_no_script_of_the_page_runs() {
    let Some(tab) = Tab::open("without JavaScript") else { return };
    let both = page("<noscript>none</noscript><script>document.body.append('some')</script>");
    tab.visit(&both);
    assert!(tab.text("body").contains("some"));
    tab.without_javascript();
    tab.visit(&both);
    assert!(tab.text("body").contains("none") && !tab.text("body").contains("some"));
}
