//! The live view over HTTP, behind the form's own defences: the page at `/`, its scenes at `/live`.
//!
//! Nothing can be sent here: GET and HEAD, no body, no field, no state. Whoever asks for JSON gets the
//! newest scene; anybody else gets a stream, which is given each scene if its browser takes them as fast
//! as they come, and otherwise the newest when it is ready again; so a slow browser costs one scene of
//! memory.

use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::{Request, StatusCode};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Scene, page};
use crate::form::{Answer, Answers, Events, FormEvent, Limits, Rejection, answer, request, server};
use crate::loopback::Listeners;

/// How long a browser may watch before it has to ask again.
const STREAM: Duration = Duration::from_secs(3600);
/// Running answers that are waited for at the end.
const GRACE: Duration = Duration::from_secs(1);
const BODY: usize = 1024;

/// What all requests share.
struct Site {
    scenes: watch::Receiver<Arc<Scene>>,
    broker: String,
    limits: Limits,
    streams: Arc<Semaphore>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    cut: CancellationToken,
}

/// What somebody wants to see.
enum Wanted {
    Page,
    Scenes,
    Scene,
}

/// Serves the newest of `scenes` on `listeners` until `shutdown`; `broker` is where they come from.
pub async fn serve(
    listeners: impl Into<Listeners>,
    scenes: watch::Receiver<Arc<Scene>>,
    broker: String,
    shutdown: CancellationToken,
) {
    let limits = Limits { stream: STREAM, grace: GRACE, body: BODY, ..Limits::of_this_system() };
    let site = Site {
        scenes,
        broker,
        streams: Arc::new(Semaphore::new(limits.streams)),
        limits,
        tasks: TaskTracker::new(),
        stopping: shutdown,
        cut: CancellationToken::new(),
    };
    server::run(listeners.into(), Arc::new(site)).await;
}

impl Answers for Site {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Who comes and goes is no news here.
    fn observe(&self, _event: FormEvent) {}

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrived: impl FnOnce() + Send,
    ) -> Answer {
        let wanted = self.read(request);
        arrived();
        match wanted {
            Ok(Wanted::Page) => {
                let scene = Arc::clone(&self.scenes.borrow());
                answer::document(StatusCode::OK, |nonce| page::page(&scene, &self.broker, nonce))
            }
            Ok(Wanted::Scene) => answer::json(json(&self.scenes.borrow())),
            Ok(Wanted::Scenes) => self.open().unwrap_or_else(|rejection| refused(&rejection)),
            Err(rejection) => refused(&rejection),
        }
    }
}

impl Site {
    fn read(&self, request: Request<Incoming>) -> Result<Wanted, Rejection> {
        let (head, _) = request.into_parts();
        let host = request::check_host(&head)?;
        request::check_length(&head.headers, self.limits.body)?;
        let wanted = match (head.method.as_str(), head.uri.path()) {
            ("GET" | "HEAD", "/") => Wanted::Page,
            ("GET", "/live") if request::wants_json(&head.headers) => Wanted::Scene,
            ("GET", "/live") => Wanted::Scenes,
            (_, "/live") => return Err(Rejection::Method { allow: "GET" }),
            ("GET" | "HEAD", _) => return Err(Rejection::NotFound),
            _ => return Err(Rejection::Method { allow: "GET, HEAD" }),
        };
        // No other site may listen along.
        if matches!(wanted, Wanted::Scenes | Wanted::Scene) {
            request::check_origin(&head.headers, host)?;
        }
        Ok(wanted)
    }

    fn open(self: &Arc<Self>) -> Result<Answer, Rejection> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        let place = place.map_err(|_| Rejection::TooManyStreams)?;
        let (say, hear) = mpsc::channel(1);
        let site = Arc::clone(self);
        self.tasks.spawn(async move {
            let told = site.stopping.run_until_cancelled(tell(site.scenes.clone(), say));
            let _ = timeout(site.limits.stream, told).await;
            drop(place);
        });
        Ok(answer::events(Events(hear)))
    }
}

fn refused(rejection: &Rejection) -> Answer {
    let status = rejection.status().to_string();
    answer::rejected_by(rejection, |nonce| page::notice(&status, rejection.sentence(), nonce))
}

fn json(scene: &Scene) -> String {
    serde_json::to_string(scene).unwrap_or_default()
}

/// Each scene, until nobody listens any more.
async fn tell(mut scenes: watch::Receiver<Arc<Scene>>, say: mpsc::Sender<Bytes>) -> Option<()> {
    say.send(Events::RETRY).await.ok()?;
    scenes.mark_changed();
    loop {
        tokio::select! {
            changed = scenes.changed() => changed.ok()?,
            () = say.closed() => return None,
        }
        let scene = Arc::clone(&scenes.borrow_and_update());
        // JSON has no line breaks, so this is one event.
        say.send(Bytes::from(format!("data: {}\n\n", json(&scene)))).await.ok()?;
    }
}
