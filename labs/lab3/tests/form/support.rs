//! A form on a free port, visitors that speak raw HTTP, and a fake behind it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on may panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lab3::form::{Accepted, FormEvent, Limits, OnSubmit, Progress, Refused, Submission, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Nothing here takes as long, on a loaded machine either; a test that waits for it has failed.
const FAR_TOO_LONG: Duration = Duration::from_secs(30);

/// How long the fake's work takes.
const WORKED: Duration = Duration::from_secs(20);

pub(crate) const VALID: &str = "email=ann%40example.com&message=Hello";

/// Takes every form at once, unless told otherwise.
#[derive(Default)]
pub(crate) struct Fake {
    /// What was submitted, in order.
    pub(crate) submitted: Mutex<Vec<Submission>>,
    /// What to answer instead of `Accepted::Sent`, one a call; `None` panics.
    pub(crate) answers: Mutex<VecDeque<Option<Result<Accepted, Refused>>>>,
    /// If set, every call waits for a permit, and uses it up.
    pub(crate) gate: Option<Semaphore>,
    /// What every task has come to; a change is told to whoever waits for one.
    pub(crate) progress: watch::Sender<Option<Progress>>,
    /// The tasks that were asked for.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Fake {
    pub(crate) fn answering(
        answers: impl IntoIterator<Item = Option<Result<Accepted, Refused>>>,
    ) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() }
    }

    pub(crate) fn gated() -> Self {
        Self { gate: Some(Semaphore::new(0)), ..Self::default() }
    }

    /// Every task has come so far.
    pub(crate) fn at(progress: Progress) -> Self {
        Self { progress: watch::Sender::new(Some(progress)), ..Self::default() }
    }

    pub(crate) fn open_the_gate(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }

    pub(crate) fn calls(&self) -> Vec<Submission> {
        self.submitted.lock().unwrap().clone()
    }
}

impl OnSubmit for Fake {
    async fn on_submit(&self, submission: Submission) -> Result<Accepted, Refused> {
        self.submitted.lock().unwrap().push(submission);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let answer = self.answers.lock().unwrap().pop_front();
        let sent = Ok(Accepted::Sent { worked: WORKED });
        answer.unwrap_or(Some(sent)).expect("a panic that the test wants")
    }

    async fn progress(&self, task_id: &str, seen: Option<&Progress>) -> Option<Progress> {
        self.asked.lock().unwrap().push(task_id.to_owned());
        let mut now = self.progress.subscribe();
        now.wait_for(|now| seen.is_none() || now.as_ref() != seen).await.unwrap().clone()
    }
}

/// A running form.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) fake: Arc<Fake>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<()>,
    events: AsyncMutex<UnboundedReceiver<FormEvent>>,
}

pub(crate) async fn site() -> Site {
    site_with(Fake::default(), Limits::default()).await
}

pub(crate) async fn site_with(fake: Fake, limits: Limits) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (fake, shutdown) = (Arc::new(fake), CancellationToken::new());
    let (told, events) = unbounded_channel();
    let observe = move |event| drop(told.send(event));
    let served =
        tokio::spawn(serve(listener, Arc::clone(&fake), observe, shutdown.clone(), limits));
    Site { address, fake, shutdown, served, events: AsyncMutex::new(events) }
}

impl Site {
    /// The value of the `Host` header that a browser sends here.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub(crate) async fn connect(&self) -> Visitor {
        Visitor(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends these bytes, and reads until the server closes.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut visitor = self.connect().await;
        visitor.say(request).await;
        visitor.hear().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(self.head("GET", path, "")).await
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.raw(self.posting(body)).await
    }

    /// Headers end with `\r\n` each.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.host())
    }

    pub(crate) fn posting(&self, body: &str) -> String {
        self.posting_as("Content-Type: application/x-www-form-urlencoded\r\n", body)
    }

    pub(crate) fn posting_as(&self, headers: &str, body: &str) -> String {
        let length = format!("{headers}Content-Length: {}\r\n", body.len());
        self.head("POST", "/", &length) + body
    }

    /// The first event from now on that `wanted` takes; those before it are passed over.
    pub(crate) async fn event<T>(&self, wanted: impl Fn(&FormEvent) -> Option<T>) -> T {
        let mut events = self.events.lock().await;
        let found = async {
            loop {
                let event = events.recv().await.expect("an event before the form is gone");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(FAR_TOO_LONG, found).await.expect("the event in time")
    }

    pub(crate) async fn submitted(&self) -> u64 {
        self.event(|event| match event {
            FormEvent::Submitted { request, .. } => Some(*request),
            _ => None,
        })
        .await
    }

    /// Stops the form as Ctrl-C would.
    pub(crate) async fn stop(self) {
        self.end().await;
    }

    /// The same; all events that nobody has heard yet, up to the last one.
    pub(crate) async fn end(self) -> Vec<FormEvent> {
        self.shutdown.cancel();
        timeout(FAR_TOO_LONG, self.served).await.expect("an end in time").unwrap();
        let mut events = self.events.into_inner();
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }
}

/// One connection.
pub(crate) struct Visitor(TcpStream);

impl Visitor {
    /// Closes the connection without a farewell, as a browser does that is killed.
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().unwrap();
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends these bytes and then one more every `pause`, for ever; what comes until the server closes.
    pub(crate) async fn drip(self, bytes: impl AsRef<[u8]>, pause: Duration) -> Answer {
        let (hear, mut say) = self.0.into_split();
        say.write_all(bytes.as_ref()).await.unwrap();
        let dripping = tokio::spawn(async move {
            while say.write_all(b"a").await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        let mut heard = String::new();
        let mut hear = hear.take(1024 * 1024);
        let end = timeout(FAR_TOO_LONG, hear.read_to_string(&mut heard)).await;
        dripping.abort();
        // Whoever still sends when the form has closed may be answered by a reset.
        let _ = end.expect("an end in time");
        Answer(heard)
    }

    /// What comes until this text is there.
    pub(crate) async fn hear_until(&mut self, text: &str) -> String {
        let mut heard = Vec::new();
        let hearing = async {
            while !String::from_utf8_lossy(&heard).contains(text) {
                let read = self.0.read_buf(&mut heard).await.unwrap();
                assert!(read > 0, "it ended before {text:?}: {}", String::from_utf8_lossy(&heard));
            }
        };
        timeout(FAR_TOO_LONG, hearing).await.expect("the text in time");
        String::from_utf8(heard).unwrap()
    }

    /// Everything until the server closes.
    pub(crate) async fn hear(self) -> Answer {
        Answer(self.hear_rest().await)
    }

    /// The same where the beginning has been heard.
    pub(crate) async fn hear_rest(mut self) -> String {
        let mut heard = Vec::new();
        let end = timeout(FAR_TOO_LONG, self.0.read_to_end(&mut heard)).await;
        end.expect("an end in time").expect("an end without a reset");
        String::from_utf8(heard).unwrap()
    }
}

/// What came back, as text.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.get(9..12).expect("a status line").parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head_lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").expect("a head and a body").1
    }

    /// How many answers came on the connection.
    pub(crate) fn count(&self) -> usize {
        self.0.matches("HTTP/1.1 ").count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body().contains(text)
    }

    /// What stands in this attribute, behind this text.
    pub(crate) fn attribute(&self, after: &str, name: &str) -> &str {
        let tag = self.body().split_once(after).expect("the text before the attribute").1;
        let value = tag.split_once(&format!("{name}=\"")).expect("the attribute").1;
        value.split_once('"').expect("its end").0
    }

    fn head_lines(&self) -> impl Iterator<Item = &str> {
        let head = self.0.split_once("\r\n\r\n").expect("a head and a body").0;
        head.split("\r\n").skip(1)
    }
}
