//! What Redis withholds from this worker and nobody else would tell, by its ACL or for want of a
//! place (`maxclients`): events and remote control may be missing while tasks run all the same.

use super::Shared;
use crate::error::BrokerError;
use crate::event::Event;

impl Shared {
    /// Tells of a missing right or place; whether it was one.
    pub(super) fn is_withheld(&self, what: &'static str, error: &BrokerError) -> bool {
        let withheld = error.withholds();
        if withheld {
            (self.observe)(Event::RightMissing { what, reason: error.to_string() });
        }
        withheld
    }
}
