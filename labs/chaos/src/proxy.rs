//! A loopback proxy before Redis that does to connections what networks do.
//!
//! It resets them, cuts an answer in the middle, delays answers, stalls one, and swallows the
//! answer to a script that Redis has run. Everything else is carried as it is.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::trouble::Trouble;

/// After a script was sent, Redis is given this long to answer before the connection is closed.
const ANSWERED: Duration = Duration::from_millis(20);

/// What is still to be done, and what was done.
#[derive(Default)]
pub(crate) struct Mischief {
    /// Every answer is late by a random part of this.
    pub(crate) delay: Duration,
    /// So many answers are held back for this long.
    pub(crate) stalls: (usize, Duration),
    /// So many answers are cut in the middle.
    pub(crate) cuts: usize,
    /// The answers to these scripts are swallowed: digest, and how many more.
    pub(crate) swallow: Vec<(String, usize)>,
    /// How many of all these were done, and how many connections were reset.
    pub(crate) done: usize,
    chance: fastrand::Rng,
    live: HashMap<u64, Live>,
    opened: u64,
}

struct Live {
    reset: Arc<Notify>,
    /// A question is on its way.
    asked: bool,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    mischief: Arc<Mutex<Mischief>>,
}

/// What becomes of an answer.
enum Answer {
    Carry,
    Late(Duration),
    Cut,
}

impl Proxy {
    /// Stands before the Redis at `url`, and carries everything faithfully at first.
    pub(crate) async fn before(url: &str, seed: u64) -> Result<Self, Trouble> {
        let redis = url.trim_start_matches("redis://").trim_end_matches("/0");
        let redis: SocketAddr =
            redis.parse().map_err(|_| Trouble::Silent(format!("{url} has no address")))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("redis://{}/0", listener.local_addr()?);
        let chance = fastrand::Rng::with_seed(seed);
        let mischief = Arc::new(Mutex::new(Mischief { chance, ..Mischief::default() }));
        let shared = Arc::clone(&mischief);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(redis).await {
                    tokio::spawn(carry(client, server, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { url, mischief })
    }

    /// What is to be done from now on, and what was done.
    pub(crate) fn mischief(&self) -> MutexGuard<'_, Mischief> {
        lock(&self.mischief)
    }

    /// Resets one connection, rather one on which a question waits for its answer.
    pub(crate) fn reset(&self) {
        let mut mischief = self.mischief();
        let asked: Vec<u64> =
            mischief.live.iter().filter(|(_, live)| live.asked).map(|(id, _)| *id).collect();
        let all: Vec<u64> = mischief.live.keys().copied().collect();
        let mut among = if asked.is_empty() { all } else { asked };
        among.sort_unstable();
        if let Some(id) = mischief.chance.choice(&among) {
            if let Some(live) = mischief.live.get(id) {
                live.reset.notify_one();
            }
            mischief.done += 1;
        }
    }
}

impl Mischief {
    /// Whether the answer to this question shall be swallowed.
    fn swallows(&mut self, question: &[u8]) -> bool {
        let asks =
            |digest: &str| question.windows(digest.len()).any(|part| part == digest.as_bytes());
        let found = self.swallow.iter_mut().find(|(digest, left)| *left > 0 && asks(digest));
        let Some((_, left)) = found else { return false };
        *left -= 1;
        self.done += 1;
        true
    }

    fn answer(&mut self, length: usize) -> Answer {
        if self.cuts > 0 && length > 1 && self.chance.u8(0..4) == 0 {
            self.cuts -= 1;
            self.done += 1;
            return Answer::Cut;
        }
        if self.stalls.0 > 0 && self.chance.u8(0..20) == 0 {
            self.stalls.0 -= 1;
            self.done += 1;
            return Answer::Late(self.stalls.1);
        }
        match self.delay {
            Duration::ZERO => Answer::Carry,
            longest => Answer::Late(longest.mul_f64(self.chance.f64())),
        }
    }

    fn open(&mut self) -> (u64, Arc<Notify>) {
        self.opened += 1;
        let reset = Arc::new(Notify::new());
        self.live.insert(self.opened, Live { reset: Arc::clone(&reset), asked: false });
        (self.opened, reset)
    }

    fn asked(&mut self, id: u64, asked: bool) {
        if let Some(live) = self.live.get_mut(&id) {
            live.asked = asked;
        }
    }
}

async fn carry(client: TcpStream, server: TcpStream, mischief: Arc<Mutex<Mischief>>) {
    let (id, reset) = lock(&mischief).open();
    let carrying = Carrying { id, client, server, mischief: Arc::clone(&mischief) };
    carrying.carry(&reset).await;
    lock(&mischief).live.remove(&id);
}

struct Carrying {
    id: u64,
    client: TcpStream,
    server: TcpStream,
    mischief: Arc<Mutex<Mischief>>,
}

impl Carrying {
    /// Until one side closes, or something is done to it.
    async fn carry(mut self, reset: &Notify) {
        let (mut question, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            let went_on = tokio::select! {
                () = reset.notified() => return self.reset(),
                read = self.client.read(&mut question) => match read {
                    Ok(length @ 1..) => self.question(&question[..length]).await,
                    _ => return,
                },
                read = self.server.read(&mut answer) => match read {
                    Ok(length @ 1..) => self.answer(&answer[..length], reset).await,
                    _ => return,
                },
            };
            if !went_on {
                return;
            }
        }
    }

    /// Both sides see a reset instead of an orderly end.
    fn reset(self) {
        let _ = self.client.set_zero_linger();
        let _ = self.server.set_zero_linger();
    }

    async fn question(&mut self, bytes: &[u8]) -> bool {
        let swallows = {
            let mut mischief = lock(&self.mischief);
            mischief.asked(self.id, true);
            mischief.swallows(bytes)
        };
        if self.server.write_all(bytes).await.is_err() {
            return false;
        }
        if swallows {
            // What was asked before may be answered first; when Redis falls silent, all is done.
            let mut swallowed = vec![0; 65_536];
            while let Ok(Ok(1..)) = timeout(ANSWERED, self.server.read(&mut swallowed)).await {}
        }
        !swallows
    }

    async fn answer(&mut self, bytes: &[u8], reset: &Notify) -> bool {
        let fate = {
            let mut mischief = lock(&self.mischief);
            mischief.asked(self.id, false);
            mischief.answer(bytes.len())
        };
        match fate {
            Answer::Carry => self.client.write_all(bytes).await.is_ok(),
            Answer::Cut => {
                let _ = self.client.write_all(&bytes[..bytes.len() / 2]).await;
                false
            }
            Answer::Late(time) => {
                tokio::select! {
                    () = sleep(time) => self.client.write_all(bytes).await.is_ok(),
                    () = reset.notified() => false,
                }
            }
        }
    }
}

fn lock(mischief: &Mutex<Mischief>) -> MutexGuard<'_, Mischief> {
    mischief.lock().unwrap_or_else(PoisonError::into_inner)
}
