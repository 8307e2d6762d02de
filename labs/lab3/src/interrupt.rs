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
        // Registered here and now: a signal that comes before the task's first turn counts.
        let mut pressed = Pressed::register();
        tokio::spawn(async move {
            pressed.wait().await;
            first();
            once.cancel();
            pressed.wait().await;
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

/// The signals that ask a program to end. One that can't be registered ends the process by itself,
/// which is the next best thing.
#[cfg(unix)]
struct Pressed([Option<tokio::signal::unix::Signal>; 3]);

#[cfg(unix)]
impl Pressed {
    fn register() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self(kinds.map(|kind| signal(kind).ok()))
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            () = next(interrupt) => {}
            () = next(terminate) => {}
            () = next(hangup) => {}
        }
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
struct Pressed;

#[cfg(not(unix))]
impl Pressed {
    fn register() -> Self {
        Self
    }

    async fn wait(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
