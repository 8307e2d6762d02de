//! The ledger: a file outside the queue, to which worker processes append what they really did.
//!
//! One line for each event, written in one piece: what happened, the task's id, how often it was
//! tried before, the process, the time here in milliseconds, and a text. A process that is killed
//! takes nothing of it along. What was lost and what ran twice is counted from these lines alone.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::trouble::Trouble;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long nothing may happen before a run is called stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a worker process writes with.
pub(crate) struct Pen(File);

impl Pen {
    pub(crate) fn append_to(path: &Path) -> io::Result<Self> {
        Ok(Self(OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// Of a ledger that can't be written nothing could be counted: the worker ends.
    pub(crate) fn write(&self, what: &str, id: &str, retries: u32, text: &str) {
        // A line of words: an id that is any text is one of them.
        let id = id.escape_default().to_string().replace(' ', "\\u{20}");
        let text = text.replace(['\n', '\r'], " ");
        let (process, now) = (std::process::id(), unix_millis());
        let line = format!("{what} {id} {retries} {process} {now} {text}\n");
        if (&self.0).write_all(line.as_bytes()).is_err() {
            std::process::exit(74);
        }
    }
}

/// Milliseconds since 1970, by this process' clock.
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One attempt of one task.
pub(crate) type Run = (String, u32);

/// What the lines say.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// When each attempt began, each time that it did; by the worker's own clock.
    pub(crate) starts: HashMap<Run, Vec<u64>>,
    /// Tasks whose work was done, and how often.
    pub(crate) done: HashMap<String, usize>,
    /// Tasks of which a worker said that they were restored, or that their lease was lost.
    pub(crate) restored: HashSet<String>,
    /// How often a worker said of an attempt, as it began, that it had been handed out before.
    pub(crate) again: HashMap<Run, usize>,
    /// Why messages were put aside.
    pub(crate) aside: Vec<String>,
    /// What workers said when Redis was away.
    pub(crate) outages: Vec<String>,
    /// How many attempts began, and how many workers came online.
    pub(crate) started: usize,
    pub(crate) online: usize,
}

impl Facts {
    fn read(&mut self, line: &str) {
        let mut parts = line.splitn(6, ' ');
        let mut next = || parts.next().unwrap_or_default();
        let (what, id, retries, _process, at, text) =
            (next(), next(), next(), next(), next(), next());
        let run = || (id.to_owned(), retries.parse().unwrap_or_default());
        match what {
            "start" => {
                self.starts.entry(run()).or_default().push(at.parse().unwrap_or_default());
                self.started += 1;
            }
            "again" => *self.again.entry(run()).or_default() += 1,
            "done" => *self.done.entry(id.to_owned()).or_default() += 1,
            "restored" => drop(self.restored.insert(id.to_owned())),
            "aside" => self.aside.push(text.to_owned()),
            "outage" => self.outages.push(text.to_owned()),
            "online" => self.online += 1,
            _ => {}
        }
    }

    /// Those whose work was never done.
    pub(crate) fn lost(&self, accepted: &[String]) -> Vec<String> {
        accepted.iter().filter(|id| !self.done.contains_key(*id)).cloned().collect()
    }

    /// The tasks of which any attempt began.
    pub(crate) fn ran(&self) -> HashSet<String> {
        self.starts.keys().map(|(id, _)| id.clone()).collect()
    }

    /// Attempts that began more than once, sorted.
    pub(crate) fn twice(&self) -> Vec<String> {
        let twice = self.starts.iter().filter(|(_, starts)| starts.len() > 1);
        let mut twice: Vec<String> = twice.map(|((id, _), _)| id.clone()).collect();
        twice.sort();
        twice
    }

    /// Attempts that began once more without a worker's word that it was not the first time.
    pub(crate) fn unnamed(&self) -> Vec<String> {
        let again = |run| self.again.get(run).copied().unwrap_or_default();
        let unnamed = self.starts.iter().filter(|(run, starts)| starts.len() > 1 + again(run));
        unnamed.map(|((id, retries), _)| format!("{id}, retry {retries}")).collect()
    }
}

/// The ledger as the program reads it while workers write.
#[derive(Clone)]
pub(crate) struct Ledger {
    path: PathBuf,
    book: Arc<Mutex<Book>>,
}

struct Book {
    file: File,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    facts: Facts,
    lines: usize,
}

impl Ledger {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Pen::append_to(path)?;
        let book =
            Book { file: File::open(path)?, rest: Vec::new(), facts: Facts::default(), lines: 0 };
        Ok(Self { path: path.to_owned(), book: Arc::new(Mutex::new(book)) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in it by now.
    pub(crate) fn facts<T>(&self, look: impl FnOnce(&Facts) -> T) -> io::Result<T> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.read_on()?;
        Ok(look(&book.facts))
    }

    /// How many lines stand in it by now.
    fn lines(&self) -> io::Result<usize> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.read_on()?;
        Ok(book.lines)
    }

    /// Waits until `wanted` holds; what stands in the way if nothing happens any more.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&Facts) -> bool,
    ) -> Result<(), Trouble> {
        let mut progress = self.progress();
        while !self.facts(&wanted)? {
            progress.check(what).await?;
        }
        Ok(())
    }

    /// A watch over a loop that waits for something else than the ledger.
    pub(crate) fn progress(&self) -> Progress<'_> {
        Progress { ledger: self, lines: 0, since: Instant::now() }
    }
}

/// Tells waiting from being stuck.
pub(crate) struct Progress<'a> {
    ledger: &'a Ledger,
    lines: usize,
    since: Instant,
}

impl Progress<'_> {
    /// Waits a moment; an error when nothing was written for a minute.
    pub(crate) async fn check(&mut self, what: &str) -> Result<(), Trouble> {
        let lines = self.ledger.lines()?;
        if lines != self.lines {
            (self.lines, self.since) = (lines, Instant::now());
        } else if self.since.elapsed() > PATIENCE {
            return Err(Trouble::Stuck { what: what.to_owned(), waited: PATIENCE });
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}

impl Book {
    fn read_on(&mut self) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        for line in String::from_utf8_lossy(&lines).lines() {
            self.facts.read(line);
            // That Redis is still away is no progress.
            self.lines += usize::from(!line.starts_with("outage "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_in_pieces_is_read_as_lines() {
        let path = std::env::temp_dir().join(format!("chaos-ledger-{}", std::process::id()));
        let (pen, ledger) = (Pen::append_to(&path).unwrap(), Ledger::open(&path).unwrap());
        for id in ["a", "b", "a"] {
            pen.write("start", id, 0, "");
            pen.write("done", id, 0, "");
        }
        pen.write("start", "b", 1, "");
        let accepted = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(ledger.facts(|facts| facts.lost(&accepted)).unwrap(), ["c"]);
        (&pen.0).write_all(b"start c 0").unwrap();
        let seen = |ledger: &Ledger| {
            ledger.facts(|facts| (facts.started, facts.done.len(), facts.twice())).unwrap()
        };
        assert_eq!(seen(&ledger), (4, 2, vec!["a".to_owned()]), "a retry is no second start");
        (&pen.0).write_all(b" 1 1 \n").unwrap();
        assert_eq!(seen(&ledger).0, 5);
        assert_eq!(ledger.facts(Facts::unnamed).unwrap(), ["a, retry 0"]);
        pen.write("again", "a", 0, "");
        assert_eq!(ledger.facts(Facts::unnamed).unwrap(), [""; 0]);
        std::fs::remove_file(&path).unwrap();
    }
}
