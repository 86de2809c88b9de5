//! Ctrl-C and termination: work that can be cancelled is asked to stop cleanly, a second signal ends the
//! program; where no such work runs, the first one does.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::exit::{Code, Failure};
use crate::output;

static STOP: AtomicBool = AtomicBool::new(false);
static WORKING: AtomicUsize = AtomicUsize::new(0);

/// While it lives, a signal only sets the flag.
pub(crate) struct Cancellable(());

impl Cancellable {
    pub(crate) fn begin() -> Self {
        WORKING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        WORKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Listen for Ctrl-C and termination. Errors: a handler is set already.
pub(crate) fn watch() -> Result<(), Failure> {
    let on_signal = || {
        if STOP.swap(true, Ordering::SeqCst) || WORKING.load(Ordering::SeqCst) == 0 {
            process::exit(Code::Interrupted as i32);
        }
        output::warn("stopping; once more to stop at once");
    };
    ctrlc::set_handler(on_signal).map_err(|error| Failure::new(Code::Usage, error))
}

/// Set once the user wants the program to stop.
pub(crate) fn flag() -> &'static AtomicBool {
    &STOP
}

/// The user wants the program to stop.
pub(crate) fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}
