//! The form under attack: each of the cases gets what it should, and the next visitor is served.

use std::time::Duration;

use lab3::form::Limits;

use crate::attack_cases::{CUT, attacks};
use crate::support::{Fake, site_with};

#[tokio::test]
async fn every_attack_gets_its_answer_and_the_next_visitor_is_served() {
    let short = Duration::from_millis(100);
    let limits = Limits { head: short, request: 2 * short, ..Limits::default() };
    let site = site_with(Fake::default(), limits).await;
    let attacks = attacks(&site.host());
    let (number, valid) = (attacks.len(), attacks.iter().filter(|a| a.expected == 302).count());
    let mut wrong = Vec::new();
    for attack in attacks {
        let answer = site.raw(attack.bytes).await;
        let status = if answer.is_empty() { CUT } else { answer.status() };
        if status != attack.expected {
            wrong.push(format!("{}: {status} instead of {}", attack.name, attack.expected));
        }
        assert!(answer.count() <= 1, "{}: more than one answer", attack.name);
        assert_eq!(site.get("/").await.status(), 200, "after {}", attack.name);
    }
    assert!(wrong.is_empty(), "of {number} attacks {wrong:#?}");
    assert!(number >= 60, "{number} attacks");
    assert_eq!(site.fake.calls().len(), valid, "something else was submitted");
}
