//! The original's `send_email`: twenty seconds of something expensive, then the mail.
//!
//! Step 2 waits for it inside the request; from step 7 on a worker does.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until};

use crate::clock::LabClock;
use crate::feedback::Feedback;
use crate::mail::{Letter, Mailer, SendError};

/// How often progress is told.
const STEPS: u32 = 100;

/// A mail, and the work that comes before it.
#[derive(Debug, Clone)]
pub struct SlowMail {
    /// How long the work takes, in lab time.
    pub work: Duration,
    /// The lab's clock.
    pub clock: LabClock,
    /// Where the mail goes.
    pub mailer: Mailer,
}

impl SlowMail {
    /// Works, then sends the letter under `id`; `progress` is told how much is done, from 0 to 1.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    pub async fn send(
        &self,
        feedback: Feedback,
        id: &str,
        progress: impl Fn(f64),
    ) -> Result<(), SendError> {
        let letter = Letter::new(feedback, id, SystemTime::now())?;
        self.work(progress).await;
        self.mailer.send(&letter).await?;
        Ok(())
    }

    async fn work(&self, progress: impl Fn(f64)) {
        if self.work.is_zero() {
            return;
        }
        let (began, all) = (Instant::now(), self.clock.real(self.work));
        for step in 0..STEPS {
            progress(f64::from(step) / f64::from(STEPS));
            sleep_until(began + all * (step + 1) / STEPS).await;
        }
        progress(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test(start_paused = true)]
    async fn the_mail_comes_after_the_work_and_progress_never_goes_back() {
        let printed = Arc::new(Mutex::new(String::new()));
        let console = Arc::clone(&printed);
        let mailer = Mailer::Console(Arc::new(move |text| console.lock().unwrap().push_str(text)));
        let mail = SlowMail { work: Duration::from_secs(20), clock: LabClock::new(2.0), mailer };
        let (began, last) = (Instant::now(), std::cell::Cell::new(0.0));
        let feedback = Feedback::parse("a@example.com", "hi").unwrap();
        mail.send(feedback, "one", |done| {
            assert!(done >= last.replace(done) && printed.lock().unwrap().is_empty());
        })
        .await
        .unwrap();
        assert_eq!(began.elapsed().as_secs(), 10);
        assert!(printed.lock().unwrap().contains("\thi\n\nThank you!"));
    }
}
