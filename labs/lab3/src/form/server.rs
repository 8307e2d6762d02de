//! The accept loop: a place for every connection, and an orderly end.
//!
//! Every connection needs one of the `places`, and every connection ends by itself, so that a place
//! becomes free.
//! On shutdown it stops accepting, lets what runs finish for [`Limits::grace`], and cuts the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::OnSubmit;
use super::answers::Answers;
use super::connection;
use super::event::FormEvent;
use super::limits::Limits;
use super::places::{Place, Places};
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
    let site = Site::new(port, on_submit, Arc::new(observe), shutdown, limits);
    run(listener, Arc::new(site)).await;
    Ok(())
}

/// Serves `site` on `listener` until it is told to stop. Dropping the future cuts everything that runs.
pub(crate) async fn run<A: Answers>(listener: TcpListener, site: Arc<A>) {
    let _cut_when_dropped = site.cut().clone().drop_guard();
    site.stopping().run_until_cancelled(accept_all(&site, &listener)).await;
    drop(listener);
    finish(&*site).await;
}

async fn accept_all<A: Answers>(site: &Arc<A>, listener: &TcpListener) {
    let places = Places::new(site.limits().connections);
    loop {
        match accept(listener, &places).await {
            Ok((stream, place)) => {
                let needed = place.needed.clone();
                let visit = connection::run(Arc::clone(site), stream, place);
                let visit = needed.run_until_cancelled_owned(visit);
                site.tasks().spawn(site.cut().clone().run_until_cancelled_owned(visit));
            }
            Err(error) => {
                let reason = error.to_string();
                site.observe(FormEvent::NotAccepting { reason });
                tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
            }
        }
    }
}

/// First the connection, then its place: somebody who gives one up should do so for a visitor.
async fn accept(listener: &TcpListener, places: &Places) -> io::Result<(TcpStream, Place)> {
    let (stream, _) = listener.accept().await?;
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
