//! How much a visitor may cost: connections, bytes and seconds.
//!
//! Every wait has an end, so that no visitor can hold a place for ever; only the work behind the
//! form may take as long as it takes, because step 2 is about exactly that wait.

use std::time::Duration;

/// The form's limits; the defaults are meant for use, shorter ones for tests.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time. The next one gets the place of whoever has been answered, or has taken
    /// longest to send a request; if all requests are being handled, it waits in the kernel's queue.
    pub connections: usize,
    /// Pages that watch their task at a time; further ones look again by themselves.
    pub streams: usize,
    /// How long a page watches before it has to ask again.
    pub stream: Duration,
    /// Between two signs of life on such a stream.
    pub heartbeat: Duration,
    /// Requests handled at a time. 1 is the server with one thread: the second visitor waits behind
    /// the first, which is seen as [`FormEvent::Waiting`](super::FormEvent::Waiting).
    pub at_once: usize,
    /// For the head of the request, from the first moment of the connection.
    pub head: Duration,
    /// For the whole request, head and body; not for the answer.
    pub request: Duration,
    /// For a visitor to take the answer once it is ready.
    pub answer: Duration,
    /// For what is running when the server is told to stop; longer than step 2's 20 s.
    pub grace: Duration,
    /// Bytes of a request's body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            streams: 64,
            stream: Duration::from_secs(60),
            heartbeat: Duration::from_secs(10),
            at_once: 256,
            head: Duration::from_secs(5),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            grace: Duration::from_secs(25),
            body: 64 * 1024,
        }
    }
}

impl Limits {
    /// What is left for the body of a request whose head took as long as it may.
    pub(super) fn body_time(&self) -> Duration {
        self.request.saturating_sub(self.head)
    }
}
