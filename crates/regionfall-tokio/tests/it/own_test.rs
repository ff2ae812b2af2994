//! Tests that users write: in one piece, with the world at hand.

use regionfall_kernel::Seed;
use regionfall_tokio::{AppServer, Guarantee, Lane, LaneError, World};
use tokio::time::{Duration, sleep};

use crate::clients::{next_in_order, scenario};

regionfall_tokio::test! {
    scenario = "falls.toml", case = "disks lost", fleet = "us", seed = 7;
    async fn own_client(world: World) {
        for server in world.servers() {
            server.spawn(next_in_order(server.clone()));
        }
        world.quiescence().await;
        let outcome = world.outcome();
        outcome.expect_all_held();
        let rto = outcome.metrics().rto().max().as_secs_f64();
        assert!((0.5..2.5).contains(&rto), "{rto}\n{}", outcome.story());
    }
}

regionfall_tokio::test! {
    scenario = "falls.toml", case = "disks kept", seed = 3;
    #[should_panic(expected = "no member in \"mars-1\"; there are members in [\"us-east-1\", \"eu-west-1\"]")]
    async fn regions_without_a_member_are_named(world: World) {
        let _ = world.connector("mars-1");
    }
}

regionfall_tokio::test! {
    scenario = "falls.toml", case = "disks kept", seed = 3;
    async fn a_test_talks_to_members_by_region(world: World) {
        world.storm().await;
        let mut connection = world.connector("eu-west-1").direct().await.expect("open");
        let mut set = redis::cmd("SET");
        set.arg("k").arg("v");
        set.query_async::<()>(&mut connection).await.expect("set");
        world.quiescence().await;
        let outcome = world.outcome();
        assert_eq!(outcome.account().all_writes().acked, 1);
        assert_eq!(outcome.account().all_writes().lost, 0);
        // The run is over, and says so.
        assert!(world.connector("eu-west-1").direct().await.is_err());
    }
}

fn failing<F>(code: impl Fn(AppServer) -> F) -> LaneError
where
    F: Future<Output = ()> + Send + 'static,
{
    let scenario = scenario("");
    let said = Lane::new(&scenario, Seed::new(9)).run(code).map(|_| ());
    said.expect_err("it fails")
}

#[test]
fn a_task_that_was_spawned_to_be_looked_after_fails_the_run_when_it_panics() {
    let said = failing(|server| async move {
        server.spawn(async {
            sleep(Duration::from_secs(2)).await;
            panic!("the monitor is lost");
        });
        sleep(Duration::from_secs(20)).await;
    });
    let text = said.to_string();
    assert!(
        text.contains("panicked at 2.000 s with seed 9: the monitor is lost"),
        "{text}"
    );
}

#[test]
fn tasks_that_try_again_without_waiting_fail_the_run() {
    // It lets others run, but no time passes.
    let said = failing(|server| async move {
        tokio::spawn(async move {
            loop {
                let _ = server.is_workload_on();
                tokio::task::yield_now().await;
            }
        });
        sleep(Duration::from_secs(20)).await;
    });
    assert!(matches!(said, LaneError::Busy { .. }), "{said}");
    // It does not even let others run.
    let said = failing(|server| async move { while server.is_workload_on() {} });
    let text = said.to_string();
    assert!(
        text.contains("while no time passed") && text.contains("seed 9"),
        "{text}"
    );
}

#[test]
fn a_run_beyond_its_budget_of_events_fails() {
    let scenario = scenario("").clone();
    let text = crate::clients::text("").replacen("title", "event_budget = 5000\ntitle", 1);
    let small = regionfall::scenario::Scenario::from_toml(&text);
    let small = small.unwrap_or(scenario);
    let said = Lane::new(&small, Seed::new(9)).run(next_in_order);
    let said = said.map(|_| ()).expect_err("too many");
    let text = said.to_string();
    assert!(
        text.contains("event_budget") && text.contains("seed 9"),
        "{text}"
    );
}

#[test]
fn a_test_that_never_ends_fails() {
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(9));
    let waits = |_: World| std::future::pending::<()>();
    let said = lane.test(waits).expect_err("it never ends");
    assert!(matches!(said, LaneError::TestNeverEnded { .. }), "{said}");
    let lingers = |world: World| async move {
        world.quiescence().await;
        let _ = world.outcome();
        std::future::pending::<()>().await;
    };
    let said = lane.test(lingers).expect_err("it never ends");
    assert!(matches!(said, LaneError::TestNeverEnded { .. }), "{said}");
}

#[test]
fn what_breaks_the_guarantee_is_said_where_it_was_broken() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let scenario = scenario("");
    let lane = Lane::new(&scenario, Seed::new(3));
    let said = lane.verify_test(|world: World| {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        async move {
            let mut connection = world.connector("us-east-1").direct().await.expect("open");
            let mut set = redis::cmd("SET");
            set.arg("k").arg(run);
            set.query_async::<()>(&mut connection).await.expect("set");
        }
    });
    let text = said.expect_err("the runs differ").to_string();
    assert!(text.contains("is the first that differs"), "{text}");
    assert!(
        text.contains(&Guarantee::of_this_build().to_string()),
        "{text}"
    );
}

#[test]
fn unbiased_choices_repeat_only_where_tokio_can_be_told_the_seed() {
    let scenario = scenario("");
    let said = Lane::new(&scenario, Seed::new(3)).verify(|server: AppServer| async move {
        let opened = server.connector(server.home()[0]).direct().await;
        let mut connection = opened.expect("open");
        for _ in 0..64 {
            let choice = tokio::select! {
                () = std::future::ready(()) => "one",
                () = std::future::ready(()) => "other",
            };
            let mut set = redis::cmd("SET");
            set.arg("k").arg(choice);
            set.query_async::<()>(&mut connection).await.expect("set");
        }
    });
    match Guarantee::of_this_build() {
        Guarantee::TokioUnstable => drop(said.expect("tokio's choices follow the seed")),
        _ => assert!(
            matches!(said, Err(LaneError::Differs { .. })),
            "it chose alike"
        ),
    }
}
