//! The form of steps 2 and 7: filling in, mistakes, waiting.

use serde_json::Value;

use crate::looks;
use crate::programs::{step2, step7};
use crate::support::{Step5, TempFile, free_port};
use crate::tab::{ENTER, SHIFT, TAB, Tab};
use crate::visit::{fill_in, fill_in_well, number, submit, told, until_thanked};

/// The milliseconds from the click to the first byte of the page that it led to, as the browser
/// measured them: redirects included.
fn browsers_wait(tab: &Tab) -> f64 {
    let wait = tab.run("return performance.getEntriesByType('navigation')[0].responseStart");
    wait.as_f64().unwrap()
}

#[test]
fn the_form_is_filled_in_and_sent_by_keyboard() {
    let Some(tab) = Tab::open("the form by keyboard") else { return };
    let mails = TempFile::new("keyboard");
    let form = step2(&["--work", "0s", "--mail-file", mails.path()]);
    tab.visit(&form.url());
    assert_eq!(tab.focus(), "email", "the first field waits");
    tab.press(&format!("ann@example.com{TAB}"));
    assert_eq!(tab.focus(), "message");
    tab.press(&format!("hello{TAB}"));
    assert_eq!(tab.focus(), "Submit");
    tab.press(&ENTER.to_string());
    until_thanked(&tab);
    assert!(mails.text().contains("To: ann@example.com") && mails.text().contains("\thello\n"));
}

#[test]
fn the_form_looks_well_empty_and_with_mistakes() {
    let Some(tab) = Tab::open("the form's looks") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    looks::check(&tab, "form");
    fill_in(&tab, "ann@host", " ");
    tab.click("button");
    tab.until_text("#id_email_error", "Enter a valid email address.");
    looks::check(&tab, "form-invalid");
}

#[test]
fn mistakes_stand_beside_their_fields_and_what_was_typed_is_kept() {
    let Some(tab) = Tab::open("mistakes") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    fill_in(&tab, "ann@host", "a <b>message</b> & \"more\"");
    tab.press(&format!("{TAB}{ENTER}"));
    tab.until_text("#id_email_error", "Enter a valid email address.");
    assert_eq!(tab.run("return document.title"), "Error: How are we doing?");
    assert_eq!(tab.focus(), "email", "the field with the mistake has the focus");
    let described = tab.run("return document.activeElement.getAttribute('aria-describedby')");
    assert_eq!(described, "id_email_error");
    assert!(!tab.has("#id_message_error"));
    let kept = tab.run("return [id_email.value, id_message.value]");
    assert_eq!(kept, serde_json::json!(["ann@host", "a <b>message</b> & \"more\""]));
    // Corrected where the focus is, and sent by Enter.
    tab.run("document.activeElement.select()");
    tab.press(&format!("ann@example.com{ENTER}"));
    until_thanked(&tab);
}

#[test]
fn nothing_typed_is_two_mistakes_in_words_not_in_bubbles() {
    let Some(tab) = Tab::open("nothing typed") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    tab.click("button");
    for field in ["#id_email_error", "#id_message_error"] {
        tab.until_text(field, "This field is required.");
    }
    assert_eq!(tab.focus(), "email");
}

#[test]
fn in_step_2_the_browser_waits_and_the_button_says_so() {
    let Some(tab) = Tab::open("the wait of step 2") else { return };
    let form = step2(&["--work", "20s", "--speed", "10"]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    // The driver hears nothing from a page that is about to be left, so the page takes notes.
    tab.run(
        "const button = document.querySelector('button');
         const note = () => sessionStorage.said = (sessionStorage.said ?? '') + button.innerText + '|';
         new MutationObserver(note).observe(button, {childList: true, subtree: true})",
    );
    tab.click("button");
    until_thanked(&tab);
    let said = tab.run("return sessionStorage.said");
    let said: Vec<_> = said.as_str().unwrap().split('|').collect();
    assert_eq!(said[0], "Sending … 0 s");
    assert!(said.iter().any(|text| text.starts_with("Sending … 1")), "{said:?}");
    let (waited, worked) = (told(&tab, "You waited"), told(&tab, "The work took"));
    // The page tells lab time, ten times the browser's.
    let browser = browsers_wait(&tab) * 10.0;
    // It tells ten microseconds as none, and the browser rounds.
    assert!(worked >= 20_000.0 && waited >= worked - 100.0 && browser >= waited - 100.0);
    looks::check(&tab, "sent");
}

#[test]
fn a_button_that_was_pressed_looks_well_and_can_not_be_pressed_again() {
    let Some(tab) = Tab::open("a pressed button") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    // The page stays as it is when it is about to be left, and counts how often it would be.
    tab.run(
        "window.sent = 0;
         document.querySelector('form').addEventListener('submit', event => {
           if (!event.defaultPrevented) sent++;
           event.preventDefault();
         })",
    );
    tab.click("button");
    tab.click("button");
    assert_eq!(tab.run("return sent"), 1);
    assert_eq!(tab.run("return document.querySelector('button').ariaDisabled"), "true");
    assert!(tab.text("form [role=status]").contains("waits for the answer"));
    assert_eq!(tab.focus().split(" …").next(), Some("Sending"), "the focus stays where it is");
    looks::check(&tab, "form-sending");
}

#[test]
fn in_step_7_the_browser_does_not_wait() {
    let Some(tab) = Tab::open("the wait of step 7") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &[]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.click("button");
    until_thanked(&tab);
    let (browser, waited) = (browsers_wait(&tab), told(&tab, "You waited"));
    // There is no worker: whoever waited for the work would wait still.
    assert!(waited <= browser, "{browser} ms, {waited} ms by the page");
    drop(tab);
}

#[test]
fn a_double_click_sends_one_mail() {
    let Some(tab) = Tab::open("a double click") else { return };
    let mails = TempFile::new("double");
    let form = step2(&["--work", "5s", "--speed", "10", "--mail-file", mails.path()]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.requests();
    tab.double_click("button");
    until_thanked(&tab);
    let sent = tab.requests().into_iter().filter(|url| *url == form.url()).count();
    assert_eq!(sent, 1, "the second click sent the form again");
    assert_eq!(mails.text().matches("Subject: Your Feedback").count(), 1);
}

#[test]
fn without_javascript_a_double_click_sends_one_mail_too() {
    let Some(tab) = Tab::open("a double click without JavaScript") else { return };
    let mails = TempFile::new("double-plain");
    let mut form = step2(&["--work", "5s", "--speed", "10", "--mail-file", mails.path()]);
    tab.without_javascript();
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.double_click("button");
    until_thanked(&tab);
    form.program.until("answered");
    assert_eq!(mails.text().matches("Subject: Your Feedback").count(), 1);
}

#[test]
fn without_javascript_the_form_is_corrected_and_sent_by_keyboard() {
    let Some(tab) = Tab::open("the form without JavaScript") else { return };
    let form = step2(&["--work", "0s"]);
    tab.without_javascript();
    tab.visit(&form.url());
    tab.press(&format!("ann@host{TAB}hello{TAB}{ENTER}"));
    tab.until_text("#id_email_error", "Enter a valid email address.");
    assert_eq!(tab.focus(), "email");
    tab.run("document.activeElement.select()");
    tab.press(&format!("ann@example.com{ENTER}"));
    until_thanked(&tab);
    assert!(told(&tab, "You waited") > 0.0);
}

#[test]
fn the_way_back_leads_to_a_form_that_can_be_sent_again() {
    let Some(tab) = Tab::open("the way back") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.click("button");
    until_thanked(&tab);
    tab.run("history.back()");
    tab.until("return location.pathname === '/' && document.readyState === 'complete'");
    assert_eq!(tab.text("button"), "Submit");
    assert_eq!(tab.run("return document.querySelector('button').ariaDisabled"), Value::Null);
}

#[test]
fn a_form_that_cannot_be_taken_says_why_and_keeps_what_was_typed() {
    let Some(mut tab) = Tab::open("a form that is refused") else { return };
    tab.expect_status(503);
    let port = free_port();
    let form = step7(&format!("redis://127.0.0.1:{port}/0"), &[]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.click("button");
    tab.until_text("[role=alert]", "No Redis answers");
    assert!(tab.text("[role=alert]").contains("cargo run --bin step5_broker"));
    looks::check(&tab, "form-refused");
    // The broker comes, and the same form is sent again: by keyboard, from the banner's focus.
    let _broker = Step5::start_at(port, "--builtin");
    assert!(tab.focus().contains("not accepted"));
    tab.press(&format!("{TAB}{TAB}{TAB}{ENTER}"));
    until_thanked(&tab);
    drop(tab);
}

#[test]
fn shift_and_tab_lead_back_through_the_form() {
    let Some(tab) = Tab::open("the way back by keyboard") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    tab.press(&format!("{TAB}{TAB}"));
    assert_eq!(tab.focus(), "Submit");
    tab.hold_and_press(SHIFT, TAB);
    assert_eq!(tab.focus(), "message");
}

#[test]
fn an_address_without_a_page_looks_well_and_leads_to_the_form() {
    let Some(mut tab) = Tab::open("a page that is not there") else { return };
    tab.expect_status(404);
    let form = step2(&["--work", "0s"]);
    tab.visit(&(form.url() + "nowhere"));
    looks::check(&tab, "notice");
    tab.click("a");
    tab.until_text("h1", "How are we doing?");
}

#[test]
fn what_a_visitor_typed_runs_nowhere() {
    let Some(tab) = Tab::open("a script in a field") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    let script =
        "</textarea><script>document.title = 'hacked'</script><img src=x onerror=alert(1)>";
    fill_in(&tab, "\"><script>document.title = 'hacked'</script>", script);
    tab.click("button");
    tab.until_text("#id_email_error", "Enter a valid email address.");
    assert_eq!(tab.run("return document.title"), "Error: How are we doing?");
    assert_eq!(tab.run("return id_message.value"), script);
}

#[test]
fn visitors_are_counted_as_they_submit_and_nothing_that_a_browser_does_is_an_error() {
    let Some(tab) = Tab::open("visitors") else { return };
    let broker = Step5::start("--builtin");
    let mut form = step7(&broker.url, &[]);
    // Looks at the form, loads it again, goes on and comes back, and submits in the end.
    for _ in 0..3 {
        tab.visit(&form.url());
    }
    submit(&tab, &form.url());
    let line = form.program.until("submitted");
    assert!(line.contains("visitor 1:"), "{line}");
    tab.until_text("[role=status]", "PENDING");
    tab.run("history.back()");
    tab.until("return location.pathname === '/' && document.readyState === 'complete'");
    tab.run("history.forward()");
    tab.until_text("[role=status]", "PENDING");
    tab.click("main a");
    tab.until_text("h1", "How are we doing?");
    fill_in_well(&tab);
    tab.click("button");
    until_thanked(&tab);
    let line = form.program.until("submitted");
    assert!(line.contains("visitor 2:"), "{line}");
    tab.until_text("[role=status]", "PENDING");
    // A tab that is closed while it follows its task.
    drop(tab);
    form.program.interrupt();
    let (_, output) = form.program.end();
    assert!(!output.contains('✘'), "{output}");
}

#[test]
fn step_2_tells_the_wait_and_the_work_by_one_number_each() {
    let Some(tab) = Tab::open("the numbers of step 2") else { return };
    let mut form = step2(&["--work", "1s"]);
    submit(&tab, &form.url());
    let (waited, worked) = (number(&tab, "You waited"), number(&tab, "The work took"));
    for (line, number) in [
        ("visitor 1 waited", format!("visitor 1 waited {waited}")),
        ("visitor waits  ", format!(" {waited}")),
        ("until the mail is out", format!(" {worked}")),
    ] {
        let line = form.program.until(line);
        assert!(line.ends_with(&number), "{line}: {number}");
    }
}

#[test]
fn a_page_that_is_stopped_while_it_waits_is_told_and_is_no_error() {
    let Some(tab) = Tab::open("a page that is stopped while it waits") else { return };
    let mails = TempFile::new("closed");
    let mut form = step2(&["--work", "60s", "--speed", "10", "--mail-file", mails.path()]);
    tab.visit(&form.url());
    fill_in_well(&tab);
    tab.click("button");
    form.program.until("submitted");
    tab.devtools("Page.stopLoading", &serde_json::json!({}));
    let line = form.program.until("left");
    drop(tab);
    assert!(line.contains("visitor 1 gave up"), "{line}");
    form.program.interrupt();
    let (_, output) = form.program.end();
    assert!(!output.contains('✘'), "{output}");
    assert_eq!(mails.text().matches("Subject: Your Feedback").count(), 1, "the mail is sent");
}
