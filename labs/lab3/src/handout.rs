//! What each step says before it begins and after it ends: the handout's words, in one place.
//!
//! A step's own file has the code that its card explains; its title, its question and the way to
//! the next step stand here.

use crate::narration::{Question, Story};

/// The tour.
pub const TOUR: Story = Story {
    step: None,
    title: "Lab 3 · what a task queue is for",
    see: &[
        "A visitor sends a feedback form; answering takes a mail that costs work.",
        "First the form does the work itself, then it hands it to a queue.",
    ],
    elsewhere: &[("in a hurry", "cargo run -- --speed 10"), ("stop", "Ctrl-C")],
    question: Some(Question {
        asks: "with the queue, what becomes of the 20 s?",
        answers: &[
            ("they vanish", "The work takes as long as before. It moved out of the visitor's way."),
            ("somebody else waits", "So it is: the worker works, and the visitor does not wait."),
            (
                "the visitor waits half",
                "The visitor waits for one write to Redis, not for the work.",
            ),
        ],
    }),
    next: ("cargo run --bin step1_setup", "the same, step by step: docs/lab3.md"),
};

/// Step 1.
pub const STEP1: Story = Story {
    step: Some(1),
    title: "is this machine ready?",
    see: &["Ten checks and a dry run. Paste all of it when you ask for help."],
    elsewhere: &[],
    question: None,
    next: ("cargo run --bin step2_sync_form", "you are ready"),
};

/// Step 2.
pub const STEP2: Story = Story {
    step: Some(2),
    title: "a form that sends its mail inside the request",
    see: &["The browser waits while the mail is sent. Send the form twice, in two tabs."],
    elsewhere: &[("stop", "Ctrl-C")],
    question: Some(Question {
        asks: "the mail costs 20 s of work. How long does the visitor wait?",
        answers: &[
            ("not at all", "The answer comes after the mail: nobody else is there to do the work."),
            (
                "as long as the mail takes",
                "So it is: what happens inside the request is waited for.",
            ),
            ("until the browser gives up", "Browsers wait for minutes. Visitors don't."),
        ],
    }),
    next: ("cargo run --bin step5_broker", "the first part of a queue"),
};

/// Step 5.
pub const STEP5: Story = Story {
    step: Some(5),
    title: "a broker",
    see: &["It keeps the messages until a worker takes them."],
    elsewhere: &[("worker", "cargo run --bin step6_worker"), ("stop", "Ctrl-C")],
    question: None,
    next: ("cargo run --bin step6_worker", "somebody to take the messages"),
};

/// Step 6.
pub const STEP6: Story = Story {
    step: Some(6),
    title: "a worker",
    see: &["It waits for messages, runs their tasks and stores the results."],
    elsewhere: &[("the form", "cargo run --bin step7_async_form"), ("stop", "Ctrl-C")],
    question: None,
    next: ("cargo run --bin step7_async_form", "a form that feeds the queue"),
};

/// Step 7.
pub const STEP7: Story = Story {
    step: Some(7),
    title: "a form that hands its mail to a queue",
    see: &["The page is back at once. The mail appears in the worker's terminal."],
    elsewhere: &[("worker", "cargo run --bin step6_worker"), ("stop", "Ctrl-C")],
    question: Some(Question {
        asks: "the same mail, the same 20 s of work, now in a worker. What gets shorter?",
        answers: &[
            ("the work", "The work takes as long as before; somebody else does it."),
            ("the visitor's wait", "So it is: the wait is gone from the page, the work is not."),
            ("both", "Only the wait: a queue does not make the work faster, it moves it."),
        ],
    }),
    next: ("cargo run --bin step8_examine", "what the queue left in Redis"),
};

/// Step 8.
pub const STEP8: Story = Story {
    step: Some(8),
    title: "look into Redis",
    see: &["Every line that begins with $ can be typed in a shell as it stands."],
    elsewhere: &[
        ("any command", "cargo run --bin step8_examine -- LLEN celery"),
        ("live", "cargo run --bin step8_examine -- --web"),
    ],
    question: None,
    next: ("cargo run --bin step9_retries", "when something breaks"),
};

/// Step 8, live.
pub const STEP8_LIVE: Story = Story {
    step: Some(8),
    title: "watch the queue",
    see: &[
        "Each number is what the redis-cli command beside it gives.",
        "Nothing in Redis is changed; workers are asked for their tasks' events.",
    ],
    elsewhere: &[("stop", "Ctrl-C")],
    question: None,
    next: ("cargo run --bin step9_retries", "when something breaks"),
};

/// Step 9.
pub const STEP9: Story = Story {
    step: Some(9),
    title: "when something breaks",
    see: &[
        "A mail server that refuses as told, over real SMTP; workers that are killed.",
        "Everything in this terminal: no other step has to run.",
    ],
    elsewhere: &[
        ("one alone", "cargo run --bin step9_retries -- transient"),
        ("in a hurry", "cargo run --bin step9_retries -- --speed 10"),
        ("stop", "Ctrl-C"),
    ],
    question: Some(Question {
        asks: "a worker sends a mail and dies before it can acknowledge the message (late \
               acknowledgement). What does the recipient get?",
        answers: &[
            ("nothing", "The message is still in Redis: another worker takes it."),
            ("one mail", "The broker can't know that the mail is out, so it is sent again."),
            ("two mails", "So it is: at least once. A key that the task keeps makes it one."),
        ],
    }),
    next: ("docs/lab3.md", "change one thing in each step, and look again"),
};
