//! A progress bar on standard error for work that is counted in bytes or in things. Not drawn where standard
//! error is no terminal.

use std::time::Duration;

use bedside_weights::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;

/// Run `work` under a bar. `total`: bytes of all of it.
pub(crate) fn with_bar<T>(what: &'static str, total: u64, work: impl FnOnce(Progress<'_>) -> T) -> T {
    let _working = interrupt::Cancellable::begin();
    let style = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is a constant that parses");
    let bar = ProgressBar::new(total).with_style(style).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    let done = work(Progress::new(interrupt::flag(), &|bytes| bar.inc(bytes)));
    bar.finish_and_clear();
    done
}

/// A bar for `total` things that are counted one by one; none for a single one.
pub(crate) fn counted(what: &'static str, total: u64) -> ProgressBar {
    if total < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    let style = style.expect("the template is a constant that parses");
    ProgressBar::new(total).with_style(style).with_message(what)
}
