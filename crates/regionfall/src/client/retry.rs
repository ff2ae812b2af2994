//! Whether a failed attempt is followed by another, and when.

use regionfall_crdt::CommandKind;
use regionfall_kernel::SimDuration;

use crate::failover::ClientConfig;
use crate::history::AttemptEnding;

/// The wait before the next attempt, or `None` if the command fails now. `attempt` is the one that
/// ended, 0 for the first.
pub fn next_attempt_after(
    client: &ClientConfig,
    command: CommandKind,
    attempt: u8,
    ending: AttemptEnding,
) -> Option<SimDuration> {
    if u32::from(attempt) + 1 >= client.attempts || ending == AttemptEnding::ErrorReply {
        return None;
    }
    let may_have_taken_effect = matches!(
        ending,
        AttemptEnding::Timeout | AttemptEnding::ConnectionLost
    );
    let is_safe = command.is_idempotent() || !command.is_write();
    if may_have_taken_effect && !is_safe && !client.retry_unsafe {
        return None;
    }
    let factor = libm::pow(client.retry_multiplier, f64::from(attempt));
    let wait = SimDuration::from_nanos_f64(client.retry_wait.as_nanos() as f64 * factor);
    Some(wait.min(client.retry_wait_max))
}

/// Whether an attempt that ended so proves that it had no effect.
pub fn proves_no_effect(ending: AttemptEnding) -> bool {
    match ending {
        AttemptEnding::ErrorReply
        | AttemptEnding::Refused
        | AttemptEnding::ConnectTimeout
        | AttemptEnding::TargetDown
        | AttemptEnding::PoolExhausted
        | AttemptEnding::Redirected => true,
        AttemptEnding::Reply | AttemptEnding::Timeout | AttemptEnding::ConnectionLost => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(attempts: u32, retry_unsafe: bool) -> ClientConfig {
        ClientConfig {
            connect_timeout: SimDuration::from_secs(2),
            timeout: None,
            pool_wait: None,
            attempts,
            retry_wait: SimDuration::from_millis(500),
            retry_multiplier: 2.0,
            retry_wait_max: SimDuration::from_millis(1_500),
            retry_unsafe,
            retry_same_member: true,
            fails_at_once_when_down: false,
            keepalive: None,
            user_timeout: None,
        }
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let client = client(5, true);
        let wait = |attempt| {
            next_attempt_after(&client, CommandKind::Get, attempt, AttemptEnding::Timeout)
        };
        assert_eq!(wait(0), Some(SimDuration::from_millis(500)));
        assert_eq!(wait(1), Some(SimDuration::from_millis(1_000)));
        assert_eq!(wait(2), Some(SimDuration::from_millis(1_500)));
        assert_eq!(wait(4), None, "the fifth attempt was the last");
    }

    #[test]
    fn an_increment_in_doubt_is_repeated_only_on_request() {
        let lost = AttemptEnding::ConnectionLost;
        let incr = CommandKind::Incr;
        assert_eq!(next_attempt_after(&client(3, false), incr, 0, lost), None);
        assert!(next_attempt_after(&client(3, true), incr, 0, lost).is_some());
        assert!(next_attempt_after(&client(3, false), incr, 0, AttemptEnding::Refused).is_some());
        assert!(next_attempt_after(&client(3, false), CommandKind::Set, 0, lost).is_some());
    }
}
