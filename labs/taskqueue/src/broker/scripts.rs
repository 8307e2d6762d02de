//! The scripts, each in a file of its own beside this one.

use redis::Script;

pub(super) struct Scripts {
    pub(super) publish: Script,
    pub(super) fetch: Script,
    pub(super) settle: Script,
    pub(super) chord_part: Script,
    pub(super) retry: Script,
    pub(super) park: Script,
    pub(super) begin: Script,
    pub(super) overdue: Script,
    pub(super) give_back: Script,
    pub(super) bury: Script,
    pub(super) send_back: Script,
    pub(super) reply: Script,
    pub(super) bind: Script,
    pub(super) revoke: Script,
    pub(super) beat: Script,
    pub(super) look: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            publish: Script::new(include_str!("publish.lua")),
            fetch: Script::new(include_str!("fetch.lua")),
            settle: Script::new(include_str!("settle.lua")),
            chord_part: Script::new(include_str!("chord_part.lua")),
            retry: Script::new(include_str!("retry.lua")),
            park: Script::new(include_str!("park.lua")),
            begin: Script::new(include_str!("begin.lua")),
            overdue: Script::new(include_str!("overdue.lua")),
            give_back: Script::new(include_str!("give_back.lua")),
            bury: Script::new(include_str!("bury.lua")),
            send_back: Script::new(include_str!("send_back.lua")),
            reply: Script::new(include_str!("reply.lua")),
            bind: Script::new(include_str!("bind.lua")),
            revoke: Script::new(include_str!("revoke.lua")),
            beat: Script::new(include_str!("beat.lua")),
            look: Script::new(include_str!("look.lua")),
        }
    }
}
