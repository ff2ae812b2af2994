//! The report page says how well its figures are founded, and what it says nothing about.

use crate::command::{SMALL, folder, regionfall};
use crate::compare::files;

/// The report of a small comparison with these further arguments, and what the command printed.
fn report(name: &str, more: &[&str]) -> (String, String) {
    let out = folder(name).join("out");
    let all = [
        "compare",
        SMALL,
        "--seeds",
        "2",
        "--out",
        out.to_str().unwrap(),
    ];
    let ended = regionfall(&[&all[..], more].concat()).well();
    let page = files(&out)["report.html"].clone();
    (String::from_utf8(page).unwrap(), ended.stdout)
}

/// The row of the grades' table for a headline.
fn row<'p>(page: &'p str, headline: &str) -> &'p str {
    let from = page.find(&format!(">{headline}</td>")).unwrap();
    let row = &page[from..];
    &row[..row.find("</tr>").unwrap()]
}

#[test]
fn each_headline_shows_the_weakest_grade_behind_it_and_why() {
    let (page, _) = report("report-grades", &["--strategy", "pinned"]);
    for headline in ["RTO under pinned", "RPO under pinned"] {
        let row = row(&page, headline);
        assert!(row.contains("<td>assumed</td>"), "{row}");
        // Its own are documented at worst: what is assumed comes from what all share, and from the model.
        assert!(!row.contains("; assumed: "), "{row}");
        assert!(
            row.contains("for all strategies: database.sync.")
                || row.contains("for all strategies: workload.")
        );
        assert!(row.contains("never measured under this strategy"), "{row}");
    }
    // Replication does not decide when clients are served; what a kept disk holds decides what is lost.
    assert!(row(&page, "RPO under pinned").contains("database.sync.reconnect_every"));
    assert!(!row(&page, "RTO under pinned").contains("database.sync.reconnect_every"));
    assert!(row(&page, "RPO under pinned").contains("a kept disk holds all"));
    assert!(!row(&page, "RTO under pinned").contains("a kept disk holds all"));
    assert!(
        page.contains("own settings: pinned documented."),
        "the tables say so too"
    );
}

#[test]
fn what_the_scenario_states_itself_has_no_grade() {
    let (page, _) = report(
        "report-stated",
        &["--set", "strategy.pinned.client.timeout=3s"],
    );
    assert!(row(&page, "RTO under pinned").contains("1 stated by the scenario, without a grade"));
}

#[test]
fn the_commands_that_vary_an_assumption_are_commands() {
    let out = folder("report-examine").join("out");
    let dns = "crates/regionfall-cli/tests/scenarios/small.toml";
    let strategy = "strategy.pinned.preset=route53-fast";
    let words = ["compare", dns, "--seeds", "1", "--strategy", "route53-fast"];
    let more = ["--set", strategy, "--out", out.to_str().unwrap()];
    regionfall(&[&words[..], &more].concat()).well();
    let page = String::from_utf8(files(&out)["report.html"].clone()).unwrap();
    let commands: Vec<&str> = page
        .lines()
        .filter_map(|line| Some(&line[line.find("regionfall curve ")?..]))
        .collect();
    assert!(commands.len() > 4, "{commands:?}");
    let has = |key: &str| commands.iter().any(|command| command.contains(key));
    assert!(has(
        "strategy.route53-fast.propagation.publish_delay=0.5s,1s,2s"
    ));
    assert!(has("strategy.route53-fast.vantage.count=8,15,30"));
    for command in commands {
        assert!(
            command.contains(" --set strategy.pinned.preset="),
            "{command}"
        );
        let vary = command.split("--vary ").nth(1).unwrap();
        let vary = vary.split([' ', '<']).next().unwrap();
        let (key, values) = vary.split_once('=').unwrap();
        for value in values.split(',') {
            let set = format!("{key}={value}");
            regionfall(&["check", dns, "--set", strategy, "--set", &set]).well();
        }
    }
}

#[test]
fn differences_stand_in_the_units_of_the_tables_above() {
    let (page, told) = report("report-units", &[]);
    let (_, seed_by_seed) = page.split_once("Seed by seed against").unwrap();
    let cell = |text: &str| seed_by_seed.contains(&format!(">{text}</td>"));
    assert!(
        cell("RTO of the slowest (s)") && cell("RPO at resumption (ms)") && cell("writes lost")
    );
    assert!(
        told.contains("[95 % intervals (those of medians need 6 seeds)]"),
        "{told}"
    );
    assert!(page.contains("(those of medians need 6 seeds)"));
}

#[test]
fn what_never_happened_is_said_on_the_page_and_in_the_terminal() {
    let (page, told) = report("report-never", &["--strategy", "pinned"]);
    assert!(page.contains("What never happened"));
    // Nobody moves under the baseline.
    assert!(page.contains("<li>a failover</li>"));
    assert!(told.contains("never seen in any run, so that nothing is said about it: a failover"));
    assert!(!page.contains("<li>an episode</li>"), "the region fell");
}
