//! The form of steps 2 and 7.

use crate::looks;
use crate::programs::step2;
use crate::tab::{ENTER, TAB, Tab};

#[test]
fn the_form_is_filled_in_and_sent_by_keyboard() {
    let Some(tab) = Tab::open("the form by keyboard") else { return };
    let form = step2(&["--work", "0s"]);
    tab.visit(&form.url());
    looks::check(&tab, "form");
    tab.press("ann@example.com");
    tab.press(&format!("{TAB}hello{TAB}{ENTER}"));
    tab.until("return location.pathname === '/success/'");
    assert_eq!(tab.text("h1"), "Thank You!");
}
