//! Where a student looks: the redis-cli command that shows what an event left in Redis.

use taskqueue::Event;

use crate::shell;

/// The redis-cli command that shows what an event left in Redis.
pub(super) fn command(event: &Event) -> Option<String> {
    let words: Vec<String> = match event {
        Event::TaskSent { list, .. } => vec!["LINDEX".into(), list.clone(), "0".into()],
        Event::TaskParked { .. } => {
            ["ZRANGE", "unacked_eta", "0", "-1", "WITHSCORES"].map(str::to_owned).into()
        }
        Event::TaskStarted { acknowledged: false, .. } => {
            vec!["HGETALL".into(), "unacked".into()]
        }
        Event::TaskSucceeded { request, .. }
        | Event::TaskFailed { request, .. }
        | Event::TaskRetried { request, .. } => {
            if request.ignore_result {
                return None;
            }
            vec!["GET".into(), format!("celery-task-meta-{}", request.id)]
        }
        Event::TaskRejected { queue, .. } => {
            vec!["LINDEX".into(), format!("{queue}.dead"), "0".into()]
        }
        Event::BeatFired { entry, .. } => {
            vec!["HGET".into(), "celerybeat-schedule".into(), entry.clone()]
        }
        Event::TaskRestored { queue, .. } => vec!["LLEN".into(), queue.clone()],
        Event::TaskGivenBack { request } => vec!["LLEN".into(), request.queue.clone()],
        _ => return None,
    };
    Some(shell::command(&words))
}
