//! Ctrl-C: the first asks a program to come to an end, the second ends it now.

use tokio_util::sync::CancellationToken;

use crate::narration::Narrator;

/// Tells when Ctrl-C was pressed.
#[derive(Debug, Clone)]
pub struct Interrupt {
    once: CancellationToken,
    twice: CancellationToken,
}

impl Interrupt {
    /// Listens from now on. Where there are signals, SIGTERM and a closed
    /// terminal (SIGHUP) count as a Ctrl-C.
    #[must_use]
    pub fn listen() -> Self {
        Self::listen_and(|| {})
    }

    /// The same, and `says` is printed at the first, before anything else happens.
    #[must_use]
    pub fn announced(narrator: &Narrator, says: &'static str) -> Self {
        let narrator = narrator.clone();
        Self::listen_and(move || narrator.say(format!("\n  {says}")))
    }

    fn listen_and(first: impl FnOnce() + Send + 'static) -> Self {
        let interrupt = Self { once: CancellationToken::new(), twice: CancellationToken::new() };
        let (once, twice) = (interrupt.once.clone(), interrupt.twice.clone());
        tokio::spawn(async move {
            pressed().await;
            first();
            once.cancel();
            pressed().await;
            twice.cancel();
        });
        interrupt
    }

    /// Cancelled at the first.
    #[must_use]
    pub fn once(&self) -> &CancellationToken {
        &self.once
    }

    /// Cancelled at the second.
    #[must_use]
    pub fn twice(&self) -> &CancellationToken {
        &self.twice
    }
}

#[cfg(unix)]
async fn pressed() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    // Without a handler a signal ends the process by itself, which is the next best thing.
    let (Ok(mut terminate), Ok(mut hangup)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn pressed() {
    let _ = tokio::signal::ctrl_c().await;
}
