//! Messages to subscribers, across members.

use std::sync::atomic::{AtomicU32, Ordering};

use redis::{ProtocolVersion, RedisConnectionInfo};
use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Lane};
use tokio::time::{Duration, sleep};

use crate::clients::scenario;

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
