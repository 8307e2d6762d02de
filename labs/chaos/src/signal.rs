//! Signals: to processes that this program has started, each by its id; and to this program.

use crate::trouble::Trouble;

/// Sends `name` (`TERM`, `STOP`, `CONT`) to the process `id`; one that has ended has none any more.
#[cfg(unix)]
pub(crate) async fn signal(name: &str, id: Option<u32>) -> Result<(), Trouble> {
    let Some(id) = id else { return Ok(()) };
    let mut command = tokio::process::Command::new("kill");
    command.args([format!("-{name}"), id.to_string()]);
    command.stderr(std::process::Stdio::null()).status().await?;
    Ok(())
}

/// Elsewhere there are none.
#[cfg(not(unix))]
pub(crate) async fn signal(name: &str, _id: Option<u32>) -> Result<(), Trouble> {
    Err(Trouble::System(format!("this system has no signal {name}")))
}

/// Returns when this program is told to end: Ctrl-C, or SIGTERM where there is one.
#[cfg(unix)]
pub(crate) async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
pub(crate) async fn told_to_end() {
    let _ = tokio::signal::ctrl_c().await;
}
