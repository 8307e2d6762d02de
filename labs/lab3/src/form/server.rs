//! The accept loop: a place for every connection, and an orderly end.
//!
//! A place is taken before the connection is: when all are taken, the next visitor waits in the
//! kernel's queue, and since every connection ends by itself, a place becomes free.
//! On shutdown it stops accepting, lets what runs finish for [`Limits::grace`], and cuts the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::OnSubmit;
use super::connection;
use super::event::FormEvent;
use super::limits::Limits;
use super::site::Site;

const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Serves the form on `listener` until `shutdown`.
///
/// Fails only if the listener has no address. Dropping the future cuts everything that runs.
pub async fn serve<S: OnSubmit>(
    listener: TcpListener,
    on_submit: Arc<S>,
    observe: impl Fn(FormEvent) + Send + Sync + 'static,
    shutdown: CancellationToken,
    limits: Limits,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let site = Arc::new(Site::new(port, on_submit, Arc::new(observe), limits));
    let _cut_when_dropped = site.cut.clone().drop_guard();
    shutdown.run_until_cancelled(accept_all(&site, &listener, &shutdown)).await;
    drop(listener);
    finish(&site).await;
    Ok(())
}

async fn accept_all<S: OnSubmit>(
    site: &Arc<Site<S>>,
    listener: &TcpListener,
    shutdown: &CancellationToken,
) {
    let places = site.limits.connections.clamp(1, Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places));
    loop {
        match accept(listener, &places).await {
            Ok((stream, place)) => {
                let visit = connection::run(Arc::clone(site), stream, shutdown.clone());
                let bounded = site.cut.clone().run_until_cancelled_owned(visit);
                site.tasks.spawn(async move {
                    bounded.await;
                    drop(place);
                });
            }
            Err(error) => {
                let reason = error.to_string();
                (site.observe)(FormEvent::NotAccepting { reason });
                tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn finish<S: OnSubmit>(site: &Site<S>) {
    site.tasks.close();
    let finished = tokio::time::timeout(site.limits.grace, site.tasks.wait());
    let unfinished = match finished.await {
        Ok(()) => 0,
        Err(_) => site.running(),
    };
    (site.observe)(FormEvent::Stopped { unfinished });
}
