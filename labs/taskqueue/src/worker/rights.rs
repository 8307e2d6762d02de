//! Looks at the start whether this Redis user may do what the worker will have to do later.
//!
//! What a fetch needs, the first fetch tells. Here is what would otherwise be found out by the
//! first task, or by nobody: results, dead letters, events, remote control. To Redis: one harmless
//! command for each. Only a missing right (NOPERM) is told; any other trouble is met by the fetch too.

use redis::Cmd;
use uuid::Uuid;

use super::Shared;
use crate::error::BrokerError;
use crate::event::Event;
use crate::keys;

/// Tells what may not be done.
pub(super) async fn check(shared: &Shared) {
    let connection = shared.broker.connection();
    let unused = keys::task_meta(&format!("unused-{}", Uuid::new_v4()));
    let mut needs = vec![
        ("store results", Cmd::set_ex(&unused, "", 1)),
        ("announce results", Cmd::publish(&unused, "")),
    ];
    for queue in shared.queues.names() {
        let mut keep_all = redis::cmd("LTRIM");
        keep_all.arg(keys::dead(&queue)).arg(0).arg(-1);
        needs.push(("put messages aside", keep_all));
    }
    for (what, command) in needs {
        match connection.query::<redis::Value>(&command).await {
            Err(error) if is_missing_right(&error) => shared.may_not(what, &error),
            Ok(_) => {}
            // It is away, or refuses everything.
            Err(_) => return,
        }
    }
}

/// Whether the user is known and lacks the right.
pub(super) fn is_missing_right(error: &BrokerError) -> bool {
    matches!(error, BrokerError::Refused { source, .. } if source.code() == Some("NOPERM"))
}

impl Shared {
    pub(super) fn may_not(&self, what: &'static str, error: &BrokerError) {
        (self.observe)(Event::RightMissing { what, reason: error.to_string() });
    }
}
