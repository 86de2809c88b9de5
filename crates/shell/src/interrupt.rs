//! Ctrl-C: the first asks the work to stop cleanly, the second ends the program.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{Code, Failure};

static STOP: AtomicBool = AtomicBool::new(false);

/// Listen for Ctrl-C and termination. Errors: a handler is set already.
pub(crate) fn watch() -> Result<(), Failure> {
    let on_signal = || {
        if STOP.swap(true, Ordering::Relaxed) {
            process::exit(Code::Interrupted as i32);
        }
        eprintln!("stopping; once more to stop at once");
    };
    ctrlc::set_handler(on_signal).map_err(|error| Failure::new(Code::Usage, error))
}

/// Set once the user wants the program to stop.
pub(crate) fn flag() -> &'static AtomicBool {
    &STOP
}
