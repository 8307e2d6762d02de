//! What Redis' ACL withholds from this worker and nobody else would tell: events and remote control
//! may be missing while tasks run all the same.

use super::Shared;
use crate::error::BrokerError;
use crate::event::Event;

impl Shared {
    /// Tells of a missing right (NOPERM); whether it was one.
    pub(super) fn is_withheld(&self, what: &'static str, error: &BrokerError) -> bool {
        let BrokerError::Refused { source, .. } = error else { return false };
        let withheld = source.code() == Some("NOPERM");
        if withheld {
            (self.observe)(Event::RightMissing { what, reason: error.to_string() });
        }
        withheld
    }
}
