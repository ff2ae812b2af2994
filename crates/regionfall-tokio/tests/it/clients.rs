//! Scenarios and client code that the tests share.

use regionfall::scenario::Scenario;
use regionfall_tokio::{AppServer, Connection, Request};
use tokio::time::{Duration, sleep};

/// Two regions of AWS; what comes behind is added.
pub(crate) fn scenario(more: &str) -> Scenario {
    Scenario::from_toml(&text(more)).expect("a scenario")
}

/// The text of that.
pub(crate) fn text(more: &str) -> String {
    format!(
        r#"
        title = "Own client"
        [phases]
        warm_up = "5s"
        storm = "40s"
        calm = "10s"
        quiescence = "20s"
        [topology]
        rtt = "aws"
        regions = ["us-east-1", "eu-west-1"]
        [[workload.fleet]]
        name = "us"
        region = "us-east-1"
        servers = 3
        rate = "60/s"
        home = ["us-east-1", "eu-west-1"]
        [[workload.keyspace]]
        mix = {{ set = 1, get = 1 }}
        keys = 1000
        [[strategy]]
        preset = "pinned"
        {more}
        "#
    )
}

/// From 5 s to 35 s us-east-1 is silent; then its process starts.
pub(crate) const SILENCE: &str = r#"
    [[fault]]
    kind = "region-outage"
    region = "us-east-1"
    at = "5s"
    lasts = "30s"
    mode = "silent"
"#;

/// A client that uses its home, and the next member as soon as something fails.
pub(crate) async fn next_in_order(server: AppServer) {
    let mut workload = server.workload();
    let mut place = 0;
    let mut connection: Option<Connection> = None;
    while let Some(request) = workload.next().await {
        let _ = request
            .operation(ask(&server, &request, &mut place, &mut connection))
            .await;
    }
}

async fn ask(
    server: &AppServer,
    request: &Request,
    place: &mut usize,
    connection: &mut Option<Connection>,
) -> redis::RedisResult<()> {
    let member = server.home()[*place % server.home().len()];
    let result = async {
        if connection.is_none() {
            *connection = Some(server.connector(member).connect().await?);
        }
        let open = connection.as_mut().expect("it was opened");
        request.command().query_async::<redis::Value>(open).await
    }
    .await;
    if result.is_err() {
        *connection = None;
        *place += 1;
        sleep(Duration::from_millis(20)).await;
    }
    result.map(|_| ())
}
