//! Step 1: is this machine ready for the lab?
//!
//! ```text
//! cargo build --bins
//! cargo run --bin step1_setup
//! ```
//!
//! Ten checks and a dry run of the queue; a report to paste when you ask for help.
//! Exit code 0: ready · 1: you can fix it, with the command beside it · 2: ask an administrator.

use std::process::ExitCode;

use clap::Parser;
use lab3::doctor::{self, Finding, Verdict};
use lab3::handout::STEP1;
use lab3::narration::Word;
use lab3::settings::{self, BrokerOption, Mail, Talk};

/// Step 1: is this machine ready for the lab?
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    broker: BrokerOption,
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    talk: Talk,
}

#[tokio::main]
async fn main() -> Result<ExitCode, settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let mail = arguments.mail.slow_mail(&narrator)?;
    let facts = [
        ("lab", format!("version {}", env!("CARGO_PKG_VERSION"))),
        ("system", format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)),
    ];
    let _ = narrator.open(&STEP1, &facts);

    let findings = doctor::examine(&arguments.broker, &narrator.terminal(), &mail.mailer).await;
    for finding in &findings {
        narrator.tell(word(finding), format!("{}: {}", finding.name, finding.says));
        if !finding.next.is_empty() {
            narrator.next_step(&finding.next);
        }
    }
    let dry_run = doctor::dry_run().await;
    match &dry_run {
        Ok(says) => narrator.tell(Word::Good("dry run"), says),
        Err(error) => narrator.tell(Word::Bad("dry run"), format!("{error:?}")),
    }

    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ready);
    let worst = if dry_run.is_ok() { worst } else { worst.max(Verdict::YouCanFix) };
    match worst {
        Verdict::Ready => narrator.close(&STEP1, None, None),
        Verdict::YouCanFix => {
            narrator.say("\n  not ready yet: do what stands after next:, then run this again")
        }
        Verdict::NeedsAdministrator => {
            narrator.say("\n  not ready: this needs an administrator's help")
        }
    }
    Ok(ExitCode::from(worst as u8))
}

fn word(finding: &Finding) -> Word {
    match finding.verdict {
        Verdict::Ready => Word::Good("good"),
        Verdict::YouCanFix => Word::Bad("fix"),
        Verdict::NeedsAdministrator => Word::Bad("ask"),
    }
}
