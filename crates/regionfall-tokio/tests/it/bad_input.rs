//! What badly written clients send and do: the error Redis would give, and no more harm than to themselves.

use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Lane, LaneError, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, sleep, timeout};

use crate::clients::{SILENCE, scenario};

/// Runs code on the first app server; the others do nothing.
fn on_one<F>(code: impl Fn(AppServer) -> F + Clone + Send + Sync + 'static) -> Result<(), LaneError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(1));
    let outcome = lane.run(move |server| {
        let code = code.clone();
        async move {
            if server.id().0 == 0 {
                code(server).await;
            }
        }
    })?;
    outcome.expect_all_held();
    Ok(())
}

async fn say(socket: &mut Socket, bytes: &[u8], answer: &str) {
    socket.write_all(bytes).await.expect("it is open");
    let mut read = vec![0; answer.len()];
    let reading = timeout(Duration::from_secs(5), socket.read_exact(&mut read)).await;
    reading.expect("an answer").expect("it is open");
    assert_eq!(
        String::from_utf8_lossy(&read),
        answer,
        "{}",
        bytes.escape_ascii()
    );
}

async fn assert_closed(socket: &mut Socket) {
    let mut rest = Vec::new();
    let reading = timeout(Duration::from_secs(5), socket.read_to_end(&mut rest)).await;
    reading.expect("an end").expect("not a reset");
    assert_eq!(rest, b"");
}

#[test]
fn wrong_commands_meet_the_errors_of_redis_and_the_connection_goes_on() {
    on_one(|server| async move {
        let mut socket = server.open(server.home()[0]).await.expect("open");
        say(&mut socket, b"PING\r\n", "+PONG\r\n").await;
        let unknown = "-ERR unknown command 'FLY', with args beginning with: 'me' 'home' \r\n";
        say(
            &mut socket,
            b"*3\r\n$3\r\nFLY\r\n$2\r\nme\r\n$4\r\nhome\r\n",
            unknown,
        )
        .await;
        let arity = "-ERR wrong number of arguments for 'get' command\r\n";
        say(&mut socket, b"GET\r\n", arity).await;
        let arity = "-ERR wrong number of arguments for 'select' command\r\n";
        say(&mut socket, b"SELECT\r\n", arity).await;
        say(
            &mut socket,
            b"SELECT 1\r\n",
            "-ERR DB index is out of range\r\n",
        )
        .await;
        say(&mut socket, b"SADD s a\r\n", ":1\r\n").await;
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        say(&mut socket, b"GET s\r\n", wrong).await;
        say(
            &mut socket,
            b"HELLO 4\r\n",
            "-NOPROTO unsupported protocol version\r\n",
        )
        .await;
        say(&mut socket, b"MULTI\r\n", "+OK\r\n").await;
        say(
            &mut socket,
            b"INCR\r\n",
            "-ERR wrong number of arguments for 'incr' command\r\n",
        )
        .await;
        let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
        say(&mut socket, b"EXEC\r\n", aborted).await;
        say(&mut socket, b"MULTI\r\n", "+OK\r\n").await;
        say(&mut socket, b"INCR n\r\n", "+QUEUED\r\n").await;
        say(&mut socket, b"GET n\r\n", "+QUEUED\r\n").await;
        say(&mut socket, b"EXEC\r\n", "*2\r\n:1\r\n$1\r\n1\r\n").await;
        say(&mut socket, b"WAIT 1 100\r\n", ":0\r\n").await;
    })
    .expect("a run");
}

#[test]
fn broken_protocol_is_answered_and_closed() {
    on_one(|server| async move {
        for (bytes, answer) in [
            (
                &b"*1\r\n!4\r\n"[..],
                "-ERR Protocol error: expected '$', got '!'\r\n",
            ),
            (
                b"*1\r\n$536870913\r\n",
                "-ERR Protocol error: invalid bulk length\r\n",
            ),
            (
                b"*2147483648\r\n",
                "-ERR Protocol error: invalid multibulk length\r\n",
            ),
        ] {
            let mut socket = server.open(server.home()[0]).await.expect("open");
            // What came before is answered first.
            say(&mut socket, b"PING\r\n", "+PONG\r\n").await;
            say(&mut socket, bytes, answer).await;
            assert_closed(&mut socket).await;
        }
    })
    .expect("a run");
}

#[test]
fn a_half_closed_connection_is_answered_before_it_ends() {
    on_one(|server| async move {
        let mut socket = server.open(server.home()[0]).await.expect("open");
        socket
            .write_all(b"SET k v\r\nGET k\r\nGE")
            .await
            .expect("open");
        socket.shutdown().await.expect("open");
        let mut all = Vec::new();
        socket.read_to_end(&mut all).await.expect("an end");
        assert_eq!(String::from_utf8_lossy(&all), "+OK\r\n$1\r\nv\r\n");
    })
    .expect("a run");
}

#[test]
fn a_client_that_never_reads_stops_being_served_and_loses_nothing() {
    on_one(|server| async move {
        let mut socket = server.open(server.home()[0]).await.expect("open");
        let value = "v".repeat(10_000);
        say(
            &mut socket,
            format!("SET k {value}\r\n").as_bytes(),
            "+OK\r\n",
        )
        .await;
        let get = b"GET k\r\n".repeat(1_000);
        let mut written = 0;
        let writing = async {
            loop {
                socket.write_all(&get).await.expect("open");
                written += 1_000;
            }
        };
        let gave_up = timeout(Duration::from_secs(5), writing).await;
        assert!(gave_up.is_err(), "writing waits in the end");
        // About 100 requests fill the window and what waits at the server; the rest waits unread in front of it.
        assert!(written < 60_000, "{written} requests were taken");
        let answer = format!("$10000\r\n{value}\r\n");
        let mut read = vec![0; answer.len()];
        for number in 0..written {
            let reading = timeout(Duration::from_secs(5), socket.read_exact(&mut read)).await;
            let reading = reading.unwrap_or_else(|_| panic!("answer {number} of {written}"));
            reading.expect("open");
            assert_eq!(read, answer.as_bytes());
        }
    })
    .expect("a run");
}

#[test]
fn a_large_value_is_cut_into_segments_and_arrives_whole() {
    on_one(|server| async move {
        let mut connection = server
            .connector(server.home()[0])
            .connect()
            .await
            .expect("open");
        let value: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        let mut set = redis::cmd("SET");
        set.arg("k").arg(&value);
        set.query_async::<()>(&mut connection).await.expect("set");
        let get = redis::cmd("GET").arg("k").clone();
        let read: Vec<u8> = get.query_async(&mut connection).await.expect("get");
        assert_eq!(read, value);
    })
    .expect("a run");
}

#[test]
fn code_that_panics_fails_the_run_with_its_message_and_seed() {
    let said = on_one(|server| async move {
        sleep(Duration::from_millis(1_250)).await;
        panic!("no member for {}", server.id());
    });
    let text = said.expect_err("it panicked").to_string();
    assert!(text.contains("no member for"), "{text}");
    assert!(text.contains("at 1.250 s with seed 1"), "{text}");
}

#[test]
fn code_that_never_ends_fails_the_run() {
    let said = on_one(|_| async move {
        loop {
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(
        matches!(said, Err(LaneError::NeverEnded { ref servers, .. }) if servers.len() == 1),
        "{said:?}"
    );
}

#[test]
fn code_that_waits_for_nothing_fails_the_run() {
    let said = on_one(|_| async move {
        loop {
            tokio::task::yield_now().await;
        }
    });
    assert!(matches!(said, Err(LaneError::Spins { .. })), "{said:?}");
}

#[test]
fn a_clock_moved_by_hand_is_found_out() {
    let said = on_one(|server| async move {
        let mut connection = server
            .connector(server.home()[0])
            .connect()
            .await
            .expect("open");
        let asked =
            tokio::spawn(
                async move { redis::cmd("PING").query_async::<()>(&mut connection).await },
            );
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(300)).await;
        let _ = asked.await;
    });
    assert!(
        matches!(said, Err(LaneError::ClockMoved { .. })),
        "{said:?}"
    );
}

#[test]
fn unknown_fleets_are_named() {
    let scenario = scenario(SILENCE);
    let lane = Lane::new(&scenario, Seed::new(1)).fleet("uss");
    let said = lane.run(|_| async {}).map(|_| ());
    let text = said.expect_err("no such fleet").to_string();
    assert!(text.contains("uss") && text.contains("us"), "{text}");
}
