//! The page of the live view, as HTML that escapes by type.
//!
//! It is whole as it comes: a browser without JavaScript shows this moment, and loads the next one
//! by itself. With JavaScript, `page.js` keeps the same elements up to date from the scenes of
//! `/live`; it only ever writes text and positions. Which headers go with it is the server's affair.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Bar, Figure, Lane, List, Plot, Row, Scene};

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("page.css"));
const SCRIPT: PreEscaped<&str> =
    PreEscaped(concat!(include_str!("../page/follow.js"), include_str!("page.js")));

/// How wide an end is drawn, in parts of a hundred of the axis; the same in `page.js`.
const END: f64 = 0.6;

/// The whole document; the nonce allows its style sheet and its script.
pub(super) fn page(scene: &Scene, broker: &str, nonce: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head("The queue, live", true, nonce))
            body {
                header {
                    h1 { "The queue, live" }
                    p.broker { (broker) }
                    p.only { (scene.task) }
                    p #contact role="status" data-problem[!scene.problem.is_empty()] {
                        @if scene.problem.is_empty() { "as of this moment" } @else { (scene.problem) }
                    }
                }
                main {
                    section.figures aria-label="Figures" { @for figure in &scene.figures { (figure_html(figure)) } }
                    (tasks(scene))
                    section.details aria-label="The last minute" {
                        @for plot in &scene.plots { (plot_html(plot)) }
                        @for list in &scene.lists { (list_html(list)) }
                    }
                }
                footer {
                    p { "This page only reads. It has asked the workers to publish their tasks' events, as Flower does." }
                    p #copied role="status" {}
                }
                script nonce=(nonce) { (SCRIPT) }
            }
        }
    }
}

/// A page that says why there is nothing to see.
pub(super) fn notice(status: &str, sentence: &str, nonce: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(status, false, nonce))
            body { main { h1 { (status) } p { (sentence) } p { a href="/" { "Go to the live view" } } } }
        }
    }
}

/// `again`: without JavaScript, the page loads itself again and again.
fn head(title: &str, again: bool, nonce: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            @if again { noscript { meta http-equiv="refresh" content="2"; } }
            title { (title) }
            link rel="icon" href="data:,";
            style nonce=(nonce) { (STYLE) }
        }
    }
}

/// The command that gives a number, and a button that takes it along; without JavaScript, no button.
fn command(command: &str) -> Markup {
    html! {
        p.command {
            code { (command) }
            button.copy type="button" hidden data-command=(command) aria-label={ "copy " (command) } { "copy" }
        }
    }
}

fn figure_html(figure: &Figure) -> Markup {
    html! {
        article.figure data-key=(figure.key) data-bad[figure.bad] {
            h2 { (figure.name) }
            p.number { (figure.number) }
            p.note { (figure.note) }
            (command(&figure.command))
        }
    }
}

fn tasks(scene: &Scene) -> Markup {
    let [back, ahead] = scene.axis;
    html! {
        section.tasks aria-label="Tasks" data-one-task[!scene.task.is_empty()] {
            // What the bars are filled with, so that they differ without colours too.
            svg.patterns aria-hidden="true" width="0" height="0" {
                defs {
                    pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" { rect width="3" height="6" {} }
                    pattern #dots width="6" height="6" patternUnits="userSpaceOnUse" { circle cx="3" cy="3" r="1.6" {} }
                    pattern #cross width="6" height="6" patternUnits="userSpaceOnUse" { path d="M0 0L6 6M6 0L0 6" {} }
                }
            }
            div.axis {
                p.legend aria-label="What the bars mean" {
                    @for (kind, word) in [("waiting", "waits"), ("taken", "in hand"), ("running", "runs"), ("parked", "parked"), ("cut", "taken away")] {
                        span { svg aria-hidden="true" width="22" height="12" { rect class=(kind) width="22" height="12" {} } " " (word) }
                    }
                }
                ol.scale aria-hidden="true" { @for mark in scale(back, ahead) { li { (mark) } } }
            }
            div.lanes { @for lane in &scene.lanes { (lane_html(lane, scene)) } }
        }
    }
}

/// What stands at the marks of the axis; the same in `page.js`.
fn scale(back: f64, ahead: f64) -> [String; 5] {
    let ago = |part: f64| format!("−{:.0} s", back * part);
    [ago(1.0), ago(2.0 / 3.0), ago(1.0 / 3.0), "now".to_owned(), format!("+{ahead:.0} s")]
}

fn lane_html(lane: &Lane, scene: &Scene) -> Markup {
    html! {
        section.lane data-key=(lane.key) data-bad[lane.bad] data-height=(lane.height) {
            h2 { button.name type="button" data-command=(lane.command) title=(lane.command) { (lane.name) } }
            p.note { (lane.note) }
            ol.rows { @for row in &lane.rows { (row_html(row, scene)) } }
        }
    }
}

fn row_html(row: &Row, scene: &Scene) -> Markup {
    html! {
        li.row data-key=(row.key) data-bad[row.bad] {
            button.id type="button" data-command=(row.command) title=(row.command) { (row.id) }
            span.state { (row.state) " " (row.time) }
            span.task { (row.task) }
            svg.life aria-hidden="true" { @for bar in &row.bars { (bar_html(bar, scene)) } }
        }
    }
}

/// Where a bar stands, in parts of a hundred of the axis; the same in `page.js`.
fn bar_html(bar: &Bar, scene: &Scene) -> Markup {
    let [back, ahead] = scene.axis;
    let place = |at: f64| ((at - scene.now + back) / (back + ahead) * 100.0).clamp(0.0, 100.0);
    let (from, to) = (place(bar.from), place(bar.to.unwrap_or(scene.now)));
    let least = if matches!(bar.kind, "done" | "failed") { END } else { 0.0 };
    let (x, width) = (format!("{from:.2}%"), format!("{:.2}%", (to - from).max(least)));
    html! { rect class=(bar.kind) x=(x) width=(width) {} }
}

fn plot_html(plot: &Plot) -> Markup {
    html! {
        article.plot data-key=(plot.key) {
            h2 { (plot.name) }
            p.number { (plot.number) }
            svg.columns aria-hidden="true" viewBox="0 0 60 100" preserveAspectRatio="none" {
                @for (second, [good, bad]) in plot.columns.iter().enumerate() {
                    (column(second, "good", 100.0 - good * 100.0, good * 100.0))
                    (column(second, "bad", 100.0 - (good + bad) * 100.0, bad * 100.0))
                }
            }
            p.top { "up to " span { (plot.top) } }
            (command(&plot.command))
        }
    }
}

fn column(second: usize, class: &str, top: f64, height: f64) -> Markup {
    html! { rect class=(class) x=(second) width="0.8" y=(format!("{top:.1}")) height=(format!("{height:.1}")) {} }
}

fn list_html(list: &List) -> Markup {
    html! {
        article.list data-key=(list.key) {
            h2 { (list.name) }
            ul {
                @for item in &list.items {
                    li data-bad[item.bad] title=(item.command) { strong { (item.word) } " " span { (item.text) } }
                }
            }
            p.empty hidden[!list.items.is_empty()] { (list.empty) }
            (command(&list.command))
        }
    }
}
