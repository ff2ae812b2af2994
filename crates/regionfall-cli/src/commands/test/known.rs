//! Failures that a file announces: they pass, and must come, unless there are too few seeds to say.

use regionfall::scenario::KnownFailure;

use super::judged::Line;
use crate::exit::Exit;

/// Lets lines pass that fail as announced, and adds a line for each announcement that nothing bore out.
pub(super) fn excuse(known: &[KnownFailure], lines: &mut Vec<Line>) {
    let Some(first) = lines.first() else {
        return;
    };
    let (path, seeds) = (first.path.clone(), first.seeds);
    let is_undecided = |failure: &KnownFailure| {
        let mut there = lines.iter().filter(|line| is_there(failure, line));
        there.any(|line| {
            let mut undecided = line.undecided.iter();
            undecided.any(|column| column.contains(&failure.what))
        })
    };
    let mut came: Vec<bool> = known.iter().map(is_undecided).collect();
    for line in lines.iter_mut().filter(|line| line.exit != Exit::Held) {
        let mut excuses = known.iter().zip(&mut came);
        if let Some((_, came)) = excuses
            .find(|(failure, _)| is_there(failure, line) && line.what.contains(&failure.what))
        {
            *came = true;
            line.exit = Exit::Held;
            line.what = format!("expected: {}", line.what);
            line.evidence.clear();
            line.repeat = None;
        }
    }
    let missing = known.iter().zip(&came).filter(|(_, came)| !**came);
    let any = |name: &Option<String>| name.clone().unwrap_or_else(|| "any".to_owned());
    lines.extend(missing.map(|(failure, _)| Line {
        path: path.clone(),
        variant: any(&failure.variant),
        case: any(&failure.case),
        strategy: any(&failure.strategy),
        seeds,
        exit: Exit::NeverHappened,
        what: format!("expected to fail, and did not: {}", failure.what),
        undecided: Vec::new(),
        evidence: vec![
            "more seeds may show it; if it is mended, take it out of `expect.fails`".to_owned(),
        ],
        repeat: None,
    }));
}

fn is_there(failure: &KnownFailure, line: &Line) -> bool {
    let is = |known: &Option<String>, name: &String| known.as_ref().is_none_or(|one| one == name);
    is(&failure.variant, &line.variant)
        && is(&failure.case, &line.case)
        && is(&failure.strategy, &line.strategy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(strategy: &str, exit: Exit, what: &str) -> Line {
        Line {
            path: "story.toml".to_owned(),
            variant: "base".to_owned(),
            case: "outage".to_owned(),
            strategy: strategy.to_owned(),
            seeds: 3,
            exit,
            what: what.to_owned(),
            undecided: Vec::new(),
            evidence: vec!["3 of 3 seeds beyond 60".to_owned()],
            repeat: Some("regionfall run story.toml".to_owned()),
        }
    }

    fn misses(strategy: Option<&str>) -> KnownFailure {
        KnownFailure {
            variant: None,
            case: None,
            strategy: strategy.map(str::to_owned),
            what: "rto_p99".to_owned(),
        }
    }

    #[test]
    fn what_fails_as_announced_passes_and_nothing_else_does() {
        let mut lines = vec![
            line("pinned", Exit::Objective, "rto_p99 missed"),
            line("prompt", Exit::Objective, "rto_p99 missed"),
            line("pinned", Exit::Safety, "no acknowledged write is lost"),
        ];
        excuse(&[misses(Some("pinned"))], &mut lines);
        let exits: Vec<Exit> = lines.iter().map(|line| line.exit).collect();
        assert_eq!(exits, [Exit::Held, Exit::Objective, Exit::Safety]);
        assert_eq!(lines[0].what, "expected: rto_p99 missed");
    }

    #[test]
    fn an_announcement_that_nothing_bears_out_fails_itself() {
        let mut lines = vec![line("pinned", Exit::Held, "")];
        excuse(&[misses(None)], &mut lines);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].exit, Exit::NeverHappened);
        assert!(lines[1].what.contains("rto_p99"), "{}", lines[1].what);
    }

    #[test]
    fn too_few_seeds_bear_nothing_out_and_refute_nothing() {
        let mut lines = vec![line("pinned", Exit::Held, "")];
        lines[0].undecided.push("rto_p99_ms".to_owned());
        excuse(&[misses(None)], &mut lines);
        assert_eq!(lines.len(), 1);
    }
}
