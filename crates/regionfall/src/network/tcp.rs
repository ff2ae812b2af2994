//! The constants of TCP that decide recovery times, as Linux has them.
//!
//! Source of every number, unless said otherwise: Linux kernel documentation,
//! `Documentation/networking/ip-sysctl.rst`, and RFC 6298 for the shape of the back-off.

use regionfall_kernel::SimDuration;

/// Wait before the first SYN is sent again; each further wait is twice as long, so that SYNs leave at
/// 0, 1, 3, 7, 15, 31 and 63 s.
pub const SYN_TIMEOUT: SimDuration = SimDuration::from_secs(1);

/// SYNs sent again before the kernel gives up (`tcp_syn_retries`), 127 s after the first.
pub const SYN_RETRIES: u8 = 6;

/// Smallest retransmission timeout beyond the smoothed round trip (`TCP_RTO_MIN`).
pub const RETRANSMISSION_FLOOR: SimDuration = SimDuration::from_millis(200);

/// Longest wait between two retransmissions (`TCP_RTO_MAX`).
pub const RETRANSMISSION_CEILING: SimDuration = SimDuration::from_secs(120);

/// How long data may stay unacknowledged before the kernel aborts the connection: 15 retransmissions
/// (`tcp_retries2`) of a hypothetical connection with the smallest timeout, 924.6 s. The abort happens
/// at the first retransmission timer that fires after it.
pub const UNACKNOWLEDGED_LIMIT: SimDuration = SimDuration::from_millis(924_600);

/// The retransmission timeout of a path with this round trip: its variance term is at the floor for
/// any path whose jitter is below 50 ms.
pub fn retransmission_timeout(round_trip: SimDuration) -> SimDuration {
    round_trip + RETRANSMISSION_FLOOR
}

/// The wait after the `attempt`-th transmission (0 is the first) before the next.
pub fn back_off(timeout: SimDuration, attempt: u32) -> SimDuration {
    let doubled = timeout * 1u64.checked_shl(attempt).unwrap_or(u64::MAX);
    doubled.min(RETRANSMISSION_CEILING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_retransmissions_at_the_floor_take_the_documented_limit() {
        let total = (0..=15).fold(SimDuration::ZERO, |sum, attempt| {
            sum + back_off(RETRANSMISSION_FLOOR, attempt)
        });
        assert_eq!(total, UNACKNOWLEDGED_LIMIT);
    }

    #[test]
    fn the_kernel_gives_up_connecting_after_127_seconds() {
        let total = (0..=u32::from(SYN_RETRIES)).fold(SimDuration::ZERO, |sum, attempt| {
            sum + back_off(SYN_TIMEOUT, attempt)
        });
        assert_eq!(total, SimDuration::from_secs(127));
    }
}
