//! Small scenarios for tests, as text with gaps to fill.

use regionfall::scenario::Scenario;

/// Three regions 40 to 60 ms apart each way, without jitter; phases, traffic and faults are in `rest`.
pub(crate) fn scenario(rest: &str) -> Scenario {
    let text = format!("{BASE}\n{rest}");
    match Scenario::from_toml(&text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}\nin\n{text}"),
    }
}

const BASE: &str = r#"
title = "small"
seeds = 1
[topology]
regions = ["a", "b", "c"]
[[topology.region]]
name = "a"
same_zone_rtt = "1ms"
[[topology.region]]
name = "b"
same_zone_rtt = "1ms"
[[topology.region]]
name = "c"
same_zone_rtt = "1ms"
[[topology.link]]
from = "a"
to = "b"
one_way = "40ms"
[[topology.link]]
from = "a"
to = "c"
one_way = "60ms"
[[topology.link]]
from = "b"
to = "c"
one_way = "50ms"
"#;
