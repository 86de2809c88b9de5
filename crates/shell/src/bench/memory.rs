//! The most memory this process has had.

/// Resident bytes at their peak, mapped files included. `None` where the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn peak_bytes() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn peak_bytes() -> Option<u64> {
    None
}

/// `VmHWM` of a `/proc/PID/status`. Source: proc_pid_status(5): kB are KiB.
#[cfg(target_os = "linux")]
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_or_unknown() {
        assert_eq!(peak_of("Name:\tbedside\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        for status in ["", "VmHWM: 12", "VmHWM: many kB", "VmHWM: 18446744073709551615 kB"] {
            assert_eq!(peak_of(status), None, "{status}");
        }
        assert!(peak_bytes().is_some_and(|bytes| bytes > 0));
    }
}
