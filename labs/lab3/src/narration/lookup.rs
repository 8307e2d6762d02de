//! Where a student looks: the redis-cli command that shows what an event left in Redis.

use taskqueue::Event;

use crate::shell;

/// The redis-cli command that shows what an event left in Redis.
pub(super) fn command(event: &Event) -> Option<String> {
    Some(match event {
        Event::TaskSent { list, .. } => shell::command(&["LINDEX", list, "0"]),
        Event::TaskParked { .. } => "ZRANGE unacked_eta 0 -1 WITHSCORES".into(),
        Event::TaskStarted { acknowledged: false, .. } => "HGETALL unacked".into(),
        Event::TaskSucceeded { request, .. }
        | Event::TaskFailed { request, .. }
        | Event::TaskRetried { request, .. } => {
            return (!request.ignore_result).then(|| shell::get_result(&request.id));
        }
        Event::TaskRejected { queue, .. } => {
            shell::command(&["LINDEX", &format!("{queue}.dead"), "0"])
        }
        Event::BeatFired { entry, .. } => shell::command(&["HGET", "celerybeat-schedule", entry]),
        Event::TaskRestored { queue, .. } => shell::command(&["LLEN", queue]),
        Event::TaskGivenBack { request } => shell::command(&["LLEN", &request.queue]),
        _ => return None,
    })
}
