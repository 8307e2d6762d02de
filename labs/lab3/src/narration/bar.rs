//! Bars: moving on a terminal, words at every quarter elsewhere.

use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Narrator, Word};
use crate::printable::{on_screen, printable};

const LENGTH: u64 = 1000;

/// The progress of one thing.
pub struct Bar {
    narrator: Narrator,
    label: String,
    bar: Option<ProgressBar>,
    /// How many quarters have been told in words.
    told: Mutex<u32>,
}

impl Bar {
    pub(super) fn new(narrator: &Narrator, template: &str, label: &str) -> Self {
        let bar = narrator.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(LENGTH));
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
            bar.set_prefix(printable(label, usize::MAX));
            bar
        });
        Self { narrator: narrator.clone(), label: label.to_owned(), bar, told: Mutex::new(0) }
    }

    /// How much is done, from 0 to 1.
    pub fn set(&self, done: f64) {
        match &self.bar {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 1000"
            )]
            Some(bar) => bar.set_position((done.clamp(0.0, 1.0) * 1000.0) as u64),
            None => self.tell_quarters(done),
        }
    }

    /// What stands beside the bar; nothing where lines can't move.
    pub fn note(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(on_screen(&text));
        }
    }

    fn tell_quarters(&self, done: f64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        while *told < 4 && done >= f64::from(*told + 1) / 4.0 {
            *told += 1;
            self.narrator.tell(Word::Now("working"), format!("{} {} %", self.label, *told * 25));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
