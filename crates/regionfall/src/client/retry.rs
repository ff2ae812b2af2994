//! Whether a failed attempt is followed by another, and when.

use regionfall_crdt::CommandKind;
use regionfall_kernel::SimDuration;

use crate::failover::{ClientConfig, RetryClass, RetryJitter};
use crate::history::AttemptEnding;

/// The wait before the next attempt, or `None` if the command fails now. `attempt` is the one that
/// ended, 0 for the first; `draw`, in 0..1, decides what varies.
pub fn next_attempt_after(
    client: &ClientConfig,
    command: CommandKind,
    attempt: u8,
    ending: AttemptEnding,
    draw: f64,
) -> Option<SimDuration> {
    let inner = client.habits.inner_attempts;
    if u32::from(attempt) + 1 >= client.attempts * inner || ending == AttemptEnding::ErrorReply {
        return None;
    }
    let may_have_taken_effect = matches!(
        ending,
        AttemptEnding::Timeout | AttemptEnding::ConnectionLost
    );
    let is_safe = match client.habits.retries {
        RetryClass::Unsent => false,
        RetryClass::Reads => !command.is_write(),
        RetryClass::Idempotent => command.is_idempotent() || !command.is_write(),
    };
    if may_have_taken_effect && !is_safe && !client.retry_unsafe {
        return None;
    }
    let done = u32::from(attempt) + 1;
    if !done.is_multiple_of(inner) {
        let doubled = client.habits.inner_wait * (1_u64 << (done % inner - 1).min(32));
        return Some(doubled.min(client.retry_wait_max));
    }
    let factor = libm::pow(client.retry_multiplier, f64::from(done / inner - 1));
    let nanos = client.retry_wait.as_nanos() as f64 * factor;
    let bound = client.retry_wait_max;
    Some(match client.habits.retry_jitter {
        RetryJitter::None => SimDuration::from_nanos_f64(nanos).min(bound),
        RetryJitter::Full => SimDuration::from_nanos_f64(nanos * draw).min(bound),
        RetryJitter::Upto(most) => {
            let more = SimDuration::from_nanos_f64(most.as_nanos() as f64 * draw);
            SimDuration::from_nanos_f64(nanos).min(bound) + more
        }
    })
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
    use crate::failover::ClientHabits;

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
            keeps_connections: true,
            habits: ClientHabits::default(),
        }
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let client = client(5, true);
        let wait = |attempt| {
            let get = CommandKind::Get;
            next_attempt_after(&client, get, attempt, AttemptEnding::Timeout, 0.0)
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
        let next = |client: &ClientConfig, command, ending| {
            next_attempt_after(client, command, 0, ending, 0.0)
        };
        assert_eq!(next(&client(3, false), incr, lost), None);
        assert!(next(&client(3, true), incr, lost).is_some());
        assert!(next(&client(3, false), incr, AttemptEnding::Refused).is_some());
        assert!(next(&client(3, false), CommandKind::Set, lost).is_some());
        let mut reads_only = client(3, false);
        reads_only.habits.retries = RetryClass::Reads;
        assert_eq!(next(&reads_only, CommandKind::Set, lost), None);
        assert!(next(&reads_only, CommandKind::Get, lost).is_some());
        reads_only.habits.retries = RetryClass::Unsent;
        assert_eq!(next(&reads_only, CommandKind::Get, lost), None);
        assert!(next(&reads_only, CommandKind::Incr, AttemptEnding::Refused).is_some());
    }

    #[test]
    fn inner_attempts_stand_between_outer_ones() {
        let mut nested = client(2, true);
        nested.habits.inner_attempts = 3;
        nested.habits.inner_wait = SimDuration::from_millis(10);
        let waits: Vec<Option<u64>> = (0..6)
            .map(|attempt| {
                let ending = AttemptEnding::Timeout;
                let wait = next_attempt_after(&nested, CommandKind::Get, attempt, ending, 0.0);
                wait.map(|wait| wait.as_nanos() / 1_000_000)
            })
            .collect();
        assert_eq!(
            waits,
            [Some(10), Some(20), Some(500), Some(10), Some(20), None]
        );
    }

    #[test]
    fn jitter_varies_a_wait_within_its_bounds() {
        let mut client = client(9, true);
        let wait = |client: &ClientConfig, attempt, draw| {
            let ending = AttemptEnding::Timeout;
            next_attempt_after(client, CommandKind::Get, attempt, ending, draw)
        };
        client.habits.retry_jitter = RetryJitter::Full;
        assert_eq!(wait(&client, 1, 0.25), Some(SimDuration::from_millis(250)));
        let bound = Some(SimDuration::from_millis(1_500));
        assert_eq!(
            wait(&client, 4, 0.9),
            bound,
            "the bound comes after the draw"
        );
        client.habits.retry_jitter = RetryJitter::Upto(SimDuration::from_millis(500));
        assert_eq!(wait(&client, 0, 0.5), Some(SimDuration::from_millis(750)));
    }
}
