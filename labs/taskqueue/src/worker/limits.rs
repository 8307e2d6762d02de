//! Time limits: a task is told at the soft one and cut at the hard one.
//!
//! Celery raises an exception inside the task at the soft limit; a future can only listen or end.
//! So a task that waits for [`Request::soft_time_limit`](crate::Request::soft_time_limit) is told,
//! and any other ends there with the same FAILURE.

use std::pin::pin;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::task::{SoftLimit, TimeLimits};
use crate::task_error::TaskError;
use crate::time;

pub(super) async fn limited(
    code: impl Future<Output = Result<Value, TaskError>>,
    limits: TimeLimits,
    soft: &SoftLimit,
) -> Result<Value, TaskError> {
    let (mut code, mut hard_limit) = (pin!(code), pin!(after(limits.hard)));
    let mut soft_limit = pin!(after(limits.soft));
    tokio::select! {
        outcome = &mut code => return outcome,
        () = &mut hard_limit => return Err(time_limit_exceeded(limits.hard)),
        () = &mut soft_limit => soft.reached.cancel(),
    }
    if !soft.is_heard() {
        return Err(TaskError::raised("billiard.exceptions", "SoftTimeLimitExceeded", Vec::new()));
    }
    tokio::select! {
        outcome = &mut code => outcome,
        () = &mut hard_limit => Err(time_limit_exceeded(limits.hard)),
    }
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// With the limit as its argument.
fn time_limit_exceeded(limit: Option<Duration>) -> TaskError {
    let seconds = time::number(limit.unwrap_or_default());
    TaskError::raised("billiard.exceptions", "TimeLimitExceeded", vec![seconds.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(soft: u64, hard: u64) -> TimeLimits {
        let seconds = |limit| (limit > 0).then(|| Duration::from_secs(limit));
        TimeLimits { soft: seconds(soft), hard: seconds(hard) }
    }

    async fn stuck() -> Result<Value, TaskError> {
        std::future::pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_task_is_cut_at_its_hard_limit() {
        let error = limited(stuck(), limits(0, 30), &SoftLimit::default()).await.unwrap_err();
        assert_eq!(
            (error.exc_type.as_str(), error.exc_message),
            ("TimeLimitExceeded", vec![30.into()])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_ends_at_its_soft_limit() {
        let error = limited(stuck(), limits(20, 30), &SoftLimit::default()).await.unwrap_err();
        assert_eq!(error.exc_type, "SoftTimeLimitExceeded");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_listens_may_end_in_order() {
        let soft = SoftLimit::default();
        let tidy = async {
            soft.wait().await;
            Ok("cleaned up".into())
        };
        assert_eq!(limited(tidy, limits(20, 30), &soft).await, Ok("cleaned up".into()));
        let stubborn = async {
            soft.wait().await;
            stuck().await
        };
        let error = limited(stubborn, limits(20, 30), &soft).await.unwrap_err();
        assert_eq!(error.exc_type, "TimeLimitExceeded");
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_a_task_takes_its_time() {
        let slow = async {
            sleep(Duration::from_secs(86_400)).await;
            Ok(Value::Null)
        };
        assert_eq!(limited(slow, limits(0, 0), &SoftLimit::default()).await, Ok(Value::Null));
    }
}
