//! Going through the results that stand in Redis, a page at a time: SCAN, never KEYS.

use futures_util::future::join_all;

use super::TaskMeta;
use crate::broker::Broker;
use crate::error::BrokerError;
use crate::keys;

/// Bytes of the longest result that is looked into.
const LONGEST: usize = 64 * 1024;

/// One page of a walk through the results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultPage {
    /// Where the next page begins; 0 where this was the last.
    pub next: u64,
    /// Keys on this page, those included that hold no task's id.
    pub keys: usize,
    /// The tasks whose results they hold.
    pub ids: Vec<String>,
}

impl Broker {
    /// The results among the next 1,000 keys or so, from `cursor` on; 0 begins a walk. Redis may
    /// show a key twice while it grows.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn scan_results(&self, cursor: u64) -> Result<ResultPage, BrokerError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(keys::task_meta("*")).arg("COUNT").arg(1000);
        let (next, found): (u64, Vec<Vec<u8>>) = self.connection().query(&scan).await?;
        let ids = found.iter().filter_map(|key| keys::task_of(std::str::from_utf8(key).ok()?));
        let ids = ids.map(str::to_owned).collect();
        Ok(ResultPage { next, keys: found.len(), ids })
    }

    /// The results of `ids`, in their order; none where there is no result, or none of 64 KiB at most
    /// that can be read.
    pub async fn read_results(&self, ids: &[String]) -> Vec<Option<TaskMeta>> {
        join_all(ids.iter().map(|id| self.read_result(id))).await
    }

    async fn read_result(&self, id: &str) -> Option<TaskMeta> {
        let mut read = redis::cmd("GETRANGE");
        read.arg(keys::task_meta(id)).arg(0).arg(LONGEST);
        let document: Vec<u8> = self.connection().query(&read).await.ok()?;
        TaskMeta::decode(&document).ok()
    }
}
