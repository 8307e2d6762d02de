//! What every visitor does with the form, and reads on the page behind it.

use crate::tab::Tab;

/// Types into both fields.
pub(crate) fn fill_in(tab: &Tab, email: &str, message: &str) {
    for (field, text) in [("#id_email", email), ("#id_message", message)] {
        tab.click(field);
        tab.press(text);
    }
}

/// Types into both fields what the form takes.
pub(crate) fn fill_in_well(tab: &Tab) {
    fill_in(tab, "ann@example.com", "hello");
}

/// Until the page behind the form is there.
pub(crate) fn until_thanked(tab: &Tab) {
    tab.until("return location.pathname === '/success/' && document.readyState === 'complete'");
    assert_eq!(tab.text("h1"), "Thank You!");
}

/// Opens the form, fills it in and sends it.
pub(crate) fn submit(tab: &Tab, url: &str) {
    tab.visit(url);
    fill_in_well(tab);
    tab.click("button");
    until_thanked(tab);
}

/// One of the numbers with which the page ends, by its name, in its words.
pub(crate) fn number(tab: &Tab, name: &str) -> String {
    let text = tab.text(".numbers");
    text.lines().skip_while(|line| *line != name).nth(1).expect(name).to_owned()
}

/// The same in milliseconds of lab time.
pub(crate) fn told(tab: &Tab, name: &str) -> f64 {
    let value = number(tab, name);
    let mut words = value.split(' ');
    let number: f64 = words.next().unwrap().parse().unwrap();
    match words.next() {
        Some("s") => number * 1000.0,
        Some("ms") => number,
        Some("µs") => number / 1000.0,
        _ => panic!("{value}"),
    }
}
