//! The accept loop: a place for every connection, and an orderly end.
//!
//! Every connection needs one of the `places`, and every connection ends by itself, so that a place
//! becomes free. Where the system has no connection left to give, those who can be spared go first.
//! On shutdown it stops accepting, lets what runs finish for [`Limits::grace`], and cuts the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::OnSubmit;
use super::answers::Answers;
use super::connection;
use super::event::FormEvent;
use super::limits::Limits;
use super::places::{Place, Places};
use super::site::Site;
use crate::loopback::Listeners;

/// Before the next attempt, when the system had no connection to give and nobody could be spared.
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(100);
/// The same when somebody is giving a connection back.
const AFTER_AN_EVICTION: Duration = Duration::from_millis(5);
/// Between two events that say the same.
const QUIET: Duration = Duration::from_secs(1);

/// Serves the form on `listeners` until `shutdown`.
///
/// Dropping the future cuts everything that runs.
pub async fn serve<S: OnSubmit>(
    listeners: impl Into<Listeners>,
    on_submit: Arc<S>,
    observe: impl Fn(FormEvent) + Send + Sync + 'static,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let site = Site::new(on_submit, Arc::new(observe), shutdown, limits);
    run(listeners.into(), Arc::new(site)).await;
}

/// Serves `site` on `listeners` until it is told to stop. Dropping the future cuts everything that runs.
pub(crate) async fn run<A: Answers>(listeners: Listeners, site: Arc<A>) {
    let _cut_when_dropped = site.cut().clone().drop_guard();
    site.stopping().run_until_cancelled(accept_all(&site, &listeners)).await;
    drop(listeners);
    finish(&*site).await;
}

async fn accept_all<A: Answers>(site: &Arc<A>, listeners: &Listeners) {
    let (places, mut told) = (Places::new(site.limits().connections), None::<Instant>);
    loop {
        match accept(listeners, &places).await {
            Ok((stream, place)) => {
                let needed = place.needed.clone();
                let visit = connection::run(Arc::clone(site), stream, place);
                let visit = needed.run_until_cancelled_owned(visit);
                site.tasks().spawn(site.cut().clone().run_until_cancelled_owned(visit));
            }
            // Whoever it was has left before being let in.
            Err(error) if is_theirs(&error) => {}
            Err(error) if places.spare_some() => {
                drop(error);
                sleep(AFTER_AN_EVICTION).await;
            }
            Err(error) => {
                if told.is_none_or(|told| told.elapsed() >= QUIET) {
                    told = Some(Instant::now());
                    site.observe(FormEvent::NotAccepting { reason: error.to_string() });
                }
                sleep(AFTER_A_FAILED_ACCEPT).await;
            }
        }
    }
}

fn is_theirs(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// First the connection, then its place: somebody who gives one up should do so for a visitor.
async fn accept(listeners: &Listeners, places: &Places) -> io::Result<(TcpStream, Place)> {
    let stream = listeners.accept().await?;
    let place = places.take().await;
    Ok((stream, place.ok_or_else(|| io::Error::other("the places are closed"))?))
}

async fn finish(site: &impl Answers) {
    site.tasks().close();
    let finished = tokio::time::timeout(site.limits().grace, site.tasks().wait());
    let unfinished = match finished.await {
        Ok(()) => 0,
        Err(_) => site.running(),
    };
    site.observe(FormEvent::Stopped { unfinished });
}
