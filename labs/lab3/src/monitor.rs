//! The live view of the queue: what it knows, and how it gets to know it.
//!
//! Twice a second it looks at Redis: one script that reads a bounded part of each key (`look.lua`),
//! and at most five pages of a SCAN for the results. In between it listens to what workers publish.
//! It changes nothing in Redis and keeps nothing there; whoever stops it and starts it again sees
//! the same queue, but for the past that Redis does not keep. One thing it asks for: that workers
//! publish the events of their tasks (`enable_events`, as Flower asks). They do so until they end.
//!
//! ```text
//! Redis ──look──▶ ┐                                 ┌──▶ the page on port 5555
//!                 ├─▶ known ─▶ scene ─▶ (watch) ─▶ ─┤
//! events ─hear──▶ ┘                                 └──▶ the terminal
//! ```
//!
//! While Redis does not answer the last scene stands, and says so.

mod known;
mod life;
mod lives;
mod oldest;
mod pace;
mod page;
mod results;
mod scene;
mod site;
mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{Broker, BrokerError, EventReceiver, Heard};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use known::Known;
pub use scene::{Bar, Figure, Item, Lane, List, Plot, Row, Scene};
pub use site::serve;

/// Between two scenes, if something was heard.
const FRAME: Duration = Duration::from_millis(100);
/// Between two looks, in frames.
const LOOK: u32 = 5;
/// Pages of the results' walk in one look.
const PAGES: usize = 5;
/// Before the scene says that Redis does not answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// One who watches the queue.
pub struct Monitor {
    broker: Arc<Broker>,
    redis_cli: String,
    known: Known,
    receiver: Option<EventReceiver>,
    /// Redis' time, and when it was read.
    clock: Option<(f64, Instant)>,
    problem: String,
}

impl Monitor {
    /// A monitor of the lab's queue; `redis_cli` is how redis-cli has to be called for this Redis.
    #[must_use]
    pub fn new(broker: Arc<Broker>, redis_cli: &str) -> Self {
        Self {
            broker,
            redis_cli: redis_cli.to_owned(),
            known: Known::default(),
            receiver: None,
            clock: None,
            problem: "Redis has not been asked yet".to_owned(),
        }
    }

    /// Watches for as long as the program runs; the newest scene is always there.
    #[must_use]
    pub fn start(self) -> watch::Receiver<Arc<Scene>> {
        let (scenes, seen) = watch::channel(Arc::new(self.scene()));
        tokio::spawn(self.watch(scenes));
        seen
    }

    async fn watch(mut self, scenes: watch::Sender<Arc<Scene>>) {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut frame, mut news) = (0_u32, true);
        loop {
            tokio::select! {
                heard = hear(&mut self.receiver) => {
                    news = true;
                    self.take_in(heard).await;
                }
                _ = frames.tick() => {
                    if frame.is_multiple_of(LOOK) {
                        self.look().await;
                    }
                    self.known.tick(self.now());
                    if news || frame.is_multiple_of(LOOK) {
                        scenes.send_replace(Arc::new(self.scene()));
                    }
                    (frame, news) = (frame.wrapping_add(1), false);
                }
            }
        }
    }

    fn scene(&self) -> Scene {
        Scene::of(&self.known, self.now(), &self.redis_cli, &self.problem)
    }

    /// Redis' time, carried forward by this machine's clock.
    fn now(&self) -> f64 {
        self.clock.map_or(0.0, |(time, read)| time + read.elapsed().as_secs_f64())
    }

    async fn look(&mut self) {
        let looked = timeout(PATIENCE, self.look_at_redis()).await;
        self.problem = match looked {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => error.to_string().replace("\n  next: ", ". Next: "),
            Err(_) => "Redis has not answered for more than a second".to_owned(),
        };
    }

    async fn look_at_redis(&mut self) -> Result<(), BrokerError> {
        // Heard first and read then: what is stored in between is heard, and does not fall between.
        if self.receiver.is_none() {
            self.receiver = Some(EventReceiver::new(&self.broker).await?);
            self.broker.enable_events(None).await?;
        }
        let seen = self.broker.snapshot(DEFAULT_QUEUE, self.known.asked()).await?;
        self.clock = Some((seen.now, Instant::now()));
        self.known.look(seen);
        for _ in 0..PAGES {
            let page = self.broker.scan_results(self.known.results.cursor).await?;
            let last = page.next == 0;
            self.known.results.walk(page);
            if last {
                break;
            }
        }
        let ids = self.known.results.next_unread();
        for (id, meta) in ids.iter().zip(self.broker.read_results(&ids).await) {
            if let Some(meta) = meta {
                self.known.read(id.clone(), meta, self.now());
            }
        }
        Ok(())
    }

    async fn take_in(&mut self, heard: Option<Heard>) {
        let Some(heard) = heard else {
            self.receiver = None;
            return;
        };
        if let Some(hostname) = self.known.hear(heard, self.now()) {
            // A worker that does not hear it is seen by what it does to Redis.
            let _ = self.broker.enable_events(Some(&hostname)).await;
        }
    }
}

/// What is said next; nothing while nobody listens.
async fn hear(receiver: &mut Option<EventReceiver>) -> Option<Heard> {
    match receiver {
        Some(receiver) => receiver.next().await,
        None => std::future::pending().await,
    }
}
