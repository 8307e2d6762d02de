//! How much a visitor may cost: connections, bytes and seconds.
//!
//! Every wait has an end, so that no visitor can hold a place for ever; only the work behind the
//! form may take as long as it takes, because step 2 is about exactly that wait.
//! A connection costs a file descriptor, and the system has its own opinion of how many a process may
//! have: 256 on macOS. More places than that would turn the visitor away who has something to say,
//! for those who say nothing.

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

/// As many descriptors as the defaults can use, with the programs' other files and connections.
const DESCRIPTORS: u64 = 1024;

impl Limits {
    /// The defaults, or less where the system gives this process fewer file descriptors. Asks the
    /// system for 1,024 first, where it would give more than it does by itself.
    #[must_use]
    pub fn of_this_system() -> Self {
        Self::default().within(descriptors())
    }

    /// The same for a process that may have so many files open: half of them are for visitors, the
    /// rest for the broker, for standard streams, and for whoever is about to be let in.
    fn within(self, descriptors: u64) -> Self {
        let places = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1);
        let connections = self.connections.min(places);
        Self { connections, streams: self.streams.min(connections.div_ceil(4)), ..self }
    }

    /// What is left for the body of a request whose head took as long as it may.
    pub(super) fn body_time(&self) -> Duration {
        self.request.saturating_sub(self.head)
    }
}

#[cfg(unix)]
fn descriptors() -> u64 {
    let raised = rlimit::increase_nofile_limit(DESCRIPTORS);
    raised.or_else(|_| rlimit::Resource::NOFILE.get_soft()).unwrap_or(DESCRIPTORS)
}

/// Elsewhere a connection is no file, and memory is the limit.
#[cfg(not(unix))]
fn descriptors() -> u64 {
    DESCRIPTORS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(descriptors: u64) -> (usize, usize) {
        let limits = Limits::default().within(descriptors);
        (limits.connections, limits.streams)
    }

    #[test]
    fn there_are_no_more_places_than_the_system_has_descriptors_for() {
        assert_eq!(places(u64::MAX), (256, 64));
        assert_eq!(places(DESCRIPTORS), (256, 64));
        assert_eq!(places(256), (128, 32));
        assert_eq!(places(20), (10, 3));
        assert_eq!(places(0), (1, 1));
    }
}
