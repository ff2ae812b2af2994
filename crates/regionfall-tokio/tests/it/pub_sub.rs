//! Messages to subscribers, across members and within one, and connections that open themselves again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::{ProtocolVersion, RedisConnectionInfo};
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Lane, Manager, ManagerConfig};
use tokio::time::{Duration, sleep};

use crate::clients::scenario;

/// A crash resets connections: silence would leave a manager with a connection that only the kernel's next retransmission
/// ends, since a response that does not come in time is no reason for redis-rs to open another.
const CRASH: &str = r#"
    [database.sync]
    restart = "1s"
    [[fault]]
    kind = "process-crash"
    region = "us-east-1"
    at = "5s"
    lasts = "30s"
"#;

fn resp3() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3)
}

#[test]
fn a_message_published_at_one_member_is_heard_at_the_other() {
    static HEARD: AtomicU32 = AtomicU32::new(0);
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(1));
    let outcome = lane.run(|server: AppServer| async move {
        if server.id().0 != 0 {
            return;
        }
        let [here, there] = [server.home()[0], server.home()[1]];
        let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
        let config = redis::AsyncConnectionConfig::new().set_push_sender(sender);
        let remote = server.connector(there).info(resp3());
        let mut remote = remote.connect_with(config).await.expect("open");
        remote.inner().subscribe("beat").await.expect("subscribed");
        let mut local = server
            .connector(here)
            .info(resp3())
            .connect()
            .await
            .expect("open");
        for number in 0..3 {
            let mut publish = redis::cmd("PUBLISH");
            publish.arg("beat").arg(number);
            let listeners: i64 = publish.query_async(&mut local).await.expect("published");
            assert_eq!(listeners, 0, "nobody listens here");
            sleep(Duration::from_secs(1)).await;
        }
        while let Ok(push) = pushes.try_recv() {
            if push.kind == redis::PushKind::Message {
                HEARD.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    outcome.expect("a run").expect_all_held();
    assert_eq!(HEARD.load(Ordering::Relaxed), 3);
}

#[test]
fn a_manager_opens_its_connection_again_when_the_process_is_back() {
    let scenario = scenario(CRASH);
    let lane = Lane::new(&scenario, Seed::new(1)).verify(|server: AppServer| async move {
        let config = ManagerConfig {
            max_delay: Some(Duration::from_secs(1)),
            ..ManagerConfig::default()
        };
        let connector = server.connector(server.home()[0]);
        let mut manager = Manager::new(connector, config).await.expect("open");
        let answered = Arc::new(AtomicU32::new(0));
        let mut last_answer = Duration::ZERO;
        let mut longest = Duration::ZERO;
        while server.is_workload_on() {
            let asked = server.operation(&["INCR", "n"], async {
                redis::cmd("INCR")
                    .arg("n")
                    .query_async::<i64>(&mut manager)
                    .await
            });
            if asked.await.is_ok() {
                answered.fetch_add(1, Ordering::Relaxed);
                longest = longest.max(server.now() - last_answer);
                last_answer = server.now();
            }
            sleep(Duration::from_millis(100)).await;
        }
        assert!(answered.load(Ordering::Relaxed) > 100);
        assert!((28..36).contains(&longest.as_secs()), "{longest:?}");
    });
    let outcome = lane.expect("a run");
    outcome.expect_all_held();
    let rto = outcome.metrics().rto().max().as_secs_f64();
    assert!((30.0..36.0).contains(&rto), "{rto}");
}
