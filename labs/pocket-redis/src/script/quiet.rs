//! A panic of the interpreter, which is told to the client and not to the terminal.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something that may panic; `None` if it did. Panics elsewhere are shown as ever.
pub(super) fn catch_quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                shown(panic);
            }
        }));
    });
    let before = IS_QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    IS_QUIET.set(before);
    done
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static SHOWN: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn a_panic_is_caught_and_not_shown() {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            SHOWN.fetch_add(1, Ordering::Relaxed);
            others(panic);
        }));
        assert_eq!(catch_quietly(|| panic!("in here")), None::<()>);
        assert_eq!(SHOWN.load(Ordering::Relaxed), 0);
        assert_eq!(catch_quietly(|| 7), Some(7));
    }
}
