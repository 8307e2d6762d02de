//! What should worry whoever runs a queue on a Redis: anyone may write to it, or it forgets.
//!
//! Whoever can write to Redis can run any task that a worker knows. Asks `CONFIG GET` for four
//! settings and judges them; a Redis that does not answer, or does not tell, is not judged.

use std::net::IpAddr;

use taskqueue::{BrokerError, BrokerUrl};

use crate::broker;
use crate::printable::printable;

/// One thing to worry about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// Other machines can write to it, without a password.
    Open,
    /// When it is full it throws keys away, messages among them.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
}

impl Exposure {
    /// What it means and what helps; `redis_cli` is how redis-cli has to be called there.
    #[must_use]
    pub fn words(&self, redis_cli: &str) -> String {
        match self {
            Self::Open => format!(
                "other machines reach this Redis without a password, and can run any task\n  \
                 next: {redis_cli} CONFIG SET requirepass PASSWORD, or bind it to 127.0.0.1"
            ),
            Self::Evicts { policy } => format!(
                "a full Redis throws messages away (maxmemory-policy {})\n  \
                 next: {redis_cli} CONFIG SET maxmemory-policy noeviction",
                printable(policy, 30)
            ),
        }
    }
}

/// What there is to worry about at `url`.
///
/// # Errors
/// Nothing answers there in time.
pub async fn of(url: &BrokerUrl) -> Result<Vec<Exposure>, BrokerError> {
    let mut redis = broker::connect(url).await?;
    let mut settings = [const { String::new() }; 4];
    let names = ["bind", "protected-mode", "requirepass", "maxmemory-policy"];
    for (name, value) in names.iter().zip(&mut settings) {
        let told: Vec<String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(name)
            .query_async(&mut redis)
            .await
            .unwrap_or_default();
        *value = told.into_iter().nth(1).unwrap_or_default();
    }
    let [bind, protected_mode, password, policy] = &settings;
    Ok(judge(bind, protected_mode, password, policy))
}

fn judge(bind: &str, protected_mode: &str, password: &str, policy: &str) -> Vec<Exposure> {
    let mut found = Vec::new();
    // In protected mode a Redis without a password turns other machines away by itself.
    if protected_mode == "no" && password.is_empty() && !only_here(bind) {
        found.push(Exposure::Open);
    }
    if !policy.is_empty() && policy != "noeviction" {
        found.push(Exposure::Evicts { policy: policy.to_owned() });
    }
    found
}

/// `bind` names addresses of this machine alone; a `-` before one means "if it is there".
fn only_here(bind: &str) -> bool {
    let here = |address: &str| {
        let address = address.trim_start_matches('-');
        address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    !bind.is_empty() && bind.split_whitespace().all(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_open_if_others_reach_it_and_nothing_keeps_them_out() {
        for bind in ["", "*", "0.0.0.0", "* -::*", "127.0.0.1 10.0.0.7"] {
            assert_eq!(judge(bind, "no", "", "noeviction"), [Exposure::Open], "{bind:?}");
            assert_eq!(judge(bind, "yes", "", "noeviction"), []);
            assert_eq!(judge(bind, "no", "secret", "noeviction"), []);
        }
        for bind in ["127.0.0.1", "127.0.0.1 -::1"] {
            assert_eq!(judge(bind, "no", "", "noeviction"), [], "{bind:?}");
        }
    }

    #[test]
    fn a_redis_that_evicts_is_named_with_its_policy() {
        let evicts = Exposure::Evicts { policy: "allkeys-lru".to_owned() };
        assert_eq!(judge("127.0.0.1", "yes", "", "allkeys-lru"), [evicts]);
    }

    #[test]
    fn what_is_not_told_is_not_judged() {
        assert_eq!(judge("", "", "", ""), []);
    }
}
