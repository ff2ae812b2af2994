//! Made-up data that looks like results: for tests and for looking at pictures, never for people.

use regionfall_report::html::{
    Case, Definition, Fact, Figure, Grade, GradedHeadline, Outcome, Report, StrategyStory, Verdict,
};
use regionfall_report::plot::{
    Axis, Cdf, CdfSeries, CdfStep, Curve, CurvePoint, CurveSeries, Fault, Lane, LostWrites, Phase,
    SmallMultiples, Span, SuccessSeries, Timeline,
};
use regionfall_report::table::{Cell, Column, Table};

/// Numbers in [0, 1) that look random and never change.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// Every picture, by file name.
pub(crate) fn pictures() -> Vec<(&'static str, String)> {
    vec![
        (
            "cdf",
            cdf(
                "RTO of writes, us-east-1 silent for ten minutes, disks lost (test data)",
                0,
            )
            .svg(),
        ),
        ("cdf-ten", ten_series().svg()),
        ("cdf-one", one_series().svg()),
        ("cdf-empty", empty_cdf().svg()),
        (
            "cdf-zero",
            same_values("All zero: nobody was affected (test data)", Some(0.0)).svg(),
        ),
        (
            "cdf-censored",
            same_values("All censored: nobody recovered (test data)", None).svg(),
        ),
        ("cdf-quiet", quiet_facets().svg()),
        ("facets", facets(4).svg()),
        ("facets-two", facets(2).svg()),
        ("curve", curve(false).svg()),
        ("curve-wide", curve(true).svg()),
        (
            "curve-empty",
            Curve {
                series: Vec::new(),
                ..curve(false)
            }
            .svg(),
        ),
        ("timeline", timeline().svg()),
        ("timeline-busy", busy_timeline().svg()),
        ("timeline-empty", empty_timeline().svg()),
    ]
}

/// The page, with pictures inside.
pub(crate) fn page() -> String {
    regionfall_report::html::render(&report())
}

fn steps(mut values: Vec<f64>, of: usize, banded: bool) -> Vec<CdfStep> {
    values.sort_by(f64::total_cmp);
    let count = of as f64;
    let half = libm::sqrt(libm::log(40.0) / (2.0 * count));
    let mut steps: Vec<CdfStep> = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let share = (index + 1) as f64 / count;
        let band = banded.then(|| ((share - half).max(0.0), (share + half).min(1.0)));
        steps.push(CdfStep { value, share, band });
    }
    steps
}

fn cdf(title: &str, shift: u64) -> Cdf {
    let mut noise = Noise(7 + shift);
    let mut pinned: Vec<f64> = (0..200).map(|_| 600.0 + 40.0 * noise.next()).collect();
    pinned.truncate(180);
    let dns = (0..200).map(|_| {
        if noise.next() < 0.15 {
            0.0
        } else {
            28.0 + 75.0 * noise.next()
        }
    });
    let client = |noise: &mut Noise| {
        (0..200)
            .map(|_| match noise.next() {
                x if x < 0.3 => 0.0,
                x if x < 0.4 => 0.9 + 0.6 * noise.next(),
                _ => 3.0 + 3.5 * noise.next(),
            })
            .collect::<Vec<_>>()
    };
    let dns: Vec<f64> = dns.collect();
    let client = client(&mut noise);
    let series = |name: &str, values| CdfSeries {
        name: name.to_owned(),
        steps: steps(values, 200, true),
        count: 200,
    };
    Cdf {
        title: title.to_owned(),
        x: Axis::new("Recovery time of writes, p99 of app servers", "s"),
        of: "Share of seeds".to_owned(),
        series: vec![
            series("pinned", pinned),
            series("route53-fast", dns),
            series("jedis-multidb", client),
        ],
        band: Some("95 % band for each whole line, over 200 seeds".to_owned()),
        never: Some("not before the run ended, 900 s after the fault".to_owned()),
        nothing: "no app server was exposed".to_owned(),
    }
}

/// A case in which there was nothing to observe, beside one with a line that never reaches the top.
fn quiet_facets() -> SmallMultiples<Cdf> {
    let quiet = |cdf: Cdf, which: fn(usize) -> bool| {
        let series = cdf.series.into_iter().enumerate().map(|(index, series)| {
            if which(index) {
                CdfSeries {
                    steps: Vec::new(),
                    count: 0,
                    ..series
                }
            } else {
                series
            }
        });
        Cdf {
            series: series.collect(),
            ..cdf
        }
    };
    let panels = vec![
        ("no fault".to_owned(), quiet(cdf("", 0), |_| true)),
        (
            "region lost".to_owned(),
            quiet(cdf("", 0), |index| index == 2),
        ),
    ];
    SmallMultiples::cdfs("Nobody was struck in one case (test data)", panels)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn ten_series() -> Cdf {
    let mut noise = Noise(3);
    let names = [
        "pinned",
        "route53-fast",
        "route53-standard with a TTL of 60 s and resolvers that ignore it",
        "jedis-multidb",
        "lettuce, one multi-cluster client per application process and a shared coordinator",
        "envoy per host",
        "central proxy + standby",
        "GTM + NLB",
        "keepalived VIP",
        "runbook (a person)",
    ];
    let series = names.iter().enumerate().map(|(i, name)| {
        let i = i as f64;
        let count = 100 - (i as usize % 4) * 9;
        let values = (0..count)
            .map(|_| (0.5 + i * i * 4.0) * (0.6 + noise.next()))
            .collect();
        CdfSeries {
            name: (*name).to_owned(),
            steps: steps(values, 100, true),
            count: 100,
        }
    });
    Cdf {
        series: series.collect(),
        ..cdf(
            "Ten strategies with long names, several of them never recovering for some seeds, under one long title that wraps (test data)",
            0,
        )
    }
}

fn one_series() -> Cdf {
    let mut noise = Noise(5);
    let values = (0..60).map(|_| 20.0 + 30.0 * noise.next()).collect();
    let series = vec![CdfSeries {
        name: "jedis-multidb".to_owned(),
        steps: steps(values, 60, true),
        count: 60,
    }];
    Cdf {
        series,
        ..cdf("One strategy (test data)", 0)
    }
}

fn empty_cdf() -> Cdf {
    Cdf {
        series: Vec::new(),
        ..cdf("No data at all (test data)", 0)
    }
}

fn same_values(title: &str, value: Option<f64>) -> Cdf {
    let of = |name: &str| CdfSeries {
        name: name.to_owned(),
        steps: value.map_or(Vec::new(), |value| {
            vec![CdfStep {
                value,
                share: 1.0,
                band: None,
            }]
        }),
        count: 200,
    };
    Cdf {
        series: vec![of("pinned"), of("route53-fast"), of("jedis-multidb")],
        ..cdf(title, 0)
    }
}

fn facets(panels: u64) -> SmallMultiples<Cdf> {
    let names = [
        "disks kept",
        "disks lost",
        "WAIT 1 everywhere · disks kept",
        "WAIT 1 everywhere · disks lost",
    ];
    let panels = (0..panels).map(|i| (names[i as usize].to_owned(), cdf("", i * 100)));
    SmallMultiples::cdfs(
        "RTO of writes by case and variant (test data)",
        panels.collect(),
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn curve(wide: bool) -> Curve {
    let mut noise = Noise(11);
    let keys: &[f64] = if wide {
        &[1.0, 5.0, 30.0, 60.0, 300.0, 900.0]
    } else {
        &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0]
    };
    let mut line = |name: &str, base: f64, slope: f64, gap: Option<usize>| {
        let points = keys.iter().enumerate().map(|(i, &x)| {
            let y = base + slope * x * (0.95 + 0.1 * noise.next());
            let is_gap = gap == Some(i);
            CurvePoint {
                x,
                y: (!is_gap).then_some(y),
                band: (!is_gap).then_some((y * 0.85, y * 1.2)),
            }
        });
        CurveSeries {
            name: name.to_owned(),
            points: points.collect(),
        }
    };
    Curve {
        title: "RTO against probe interval (test data)".to_owned(),
        x: Axis::new("Probe interval: strategy.*.evidence.every", "s"),
        y: Axis::new("RTO of writes, p99", "s"),
        series: vec![
            line("pinned", 610.0, 0.0, None),
            line("route53-fast", 60.0, 3.0, None),
            line("jedis-multidb", 2.0, 3.2, Some(3)),
        ],
        band: Some("Points: medians over 100 seeds; shaded: their 95 % intervals".to_owned()),
    }
}

fn timeline() -> Timeline {
    let mut noise = Noise(23);
    let mut success = |name: &str, from: f64, to: f64, depth: f64| SuccessSeries {
        name: name.to_owned(),
        windows: (0..200)
            .map(|i| {
                let time = f64::from(i) * 5.0;
                let dip = time >= from && time < to;
                (
                    time,
                    Some(if dip {
                        depth + 0.05 * noise.next()
                    } else {
                        0.995 + 0.005 * noise.next()
                    }),
                )
            })
            .collect(),
    };
    let span = |start, end, member| Span { start, end, member };
    Timeline {
        title: "route53-fast, disks lost, seed 7 (test data)".to_owned(),
        window: (0.0, 1000.0),
        phases: vec![
            Phase {
                name: "warm-up".to_owned(),
                start: 0.0,
                end: 60.0,
            },
            Phase {
                name: "storm".to_owned(),
                start: 60.0,
                end: 800.0,
            },
            Phase {
                name: "calm".to_owned(),
                start: 800.0,
                end: 970.0,
            },
            Phase {
                name: "quiescence".to_owned(),
                start: 970.0,
                end: 1000.0,
            },
        ],
        faults: vec![Fault {
            label: "region outage us-east-1, silent, disks lost".to_owned(),
            start: 131.0,
            end: Some(731.0),
        }],
        success: vec![
            success("us", 131.0, 215.0, 0.02),
            success("eu", 2000.0, 0.0, 1.0),
            success("ap", 131.0, 160.0, 0.8),
        ],
        lost: vec![
            LostWrites {
                at: 130.4,
                count: 11,
            },
            LostWrites {
                at: 130.8,
                count: 9,
            },
        ],
        members: vec![
            "us-east-1".to_owned(),
            "eu-west-1".to_owned(),
            "ap-southeast-1".to_owned(),
        ],
        lanes: vec![
            Lane {
                name: "us".to_owned(),
                spans: vec![
                    span(0.0, 131.0, 0),
                    span(215.0, 790.0, 1),
                    span(790.0, 1000.0, 0),
                ],
            },
            Lane {
                name: "eu".to_owned(),
                spans: vec![span(0.0, 1000.0, 1)],
            },
            Lane {
                name: "ap".to_owned(),
                spans: vec![span(0.0, 1000.0, 2)],
            },
        ],
        drawn: None,
    }
}

fn busy_timeline() -> Timeline {
    let base = timeline();
    let faults = (0..8).map(|i| Fault {
        label: format!("flapping link us-east-1 – eu-west-1, {}. time", i + 1),
        start: 100.0 + f64::from(i) * 110.0,
        end: (i != 7).then_some(118.0 + f64::from(i) * 110.0),
    });
    let lanes = (0..6).map(|i| Lane {
        name: format!("application servers with a long name in ap-southeast-1, {i}"),
        spans: (0..125)
            .map(|k| Span {
                start: f64::from(k) * 8.0,
                end: f64::from(k) * 8.0 + 8.0,
                member: ((k / (3 + i)) % 10) as usize,
            })
            .collect(),
    });
    let names = (0..10).map(|i| format!("region-with-a-long-name-{i}"));
    Timeline {
        title: "Flapping, ten members, long names (test data)".to_owned(),
        faults: faults.collect(),
        lost: (0..40)
            .map(|i| LostWrites {
                at: 100.0 + f64::from(i) * 22.0,
                count: 977,
            })
            .collect(),
        members: names.collect(),
        lanes: lanes.collect(),
        drawn: Some("6 of 200 app servers of ap-southeast-1".to_owned()),
        ..base
    }
}

fn empty_timeline() -> Timeline {
    Timeline {
        title: "Nothing happened (test data)".to_owned(),
        window: (0.0, 0.0),
        phases: Vec::new(),
        faults: Vec::new(),
        success: Vec::new(),
        lost: Vec::new(),
        members: Vec::new(),
        lanes: Vec::new(),
        drawn: None,
    }
}

fn headline() -> Table {
    let mut table = Table::new("Headlines, 200 seeds, 95 % intervals (test data)")
        .column(Column::text("strategy"))
        .column(Column::estimate("rto_p50", "s", 1))
        .column(Column::estimate("rto_p99", "s", 1))
        .column(Column::estimate("rpo_observed", "s", 2))
        .column(Column::estimate("rpo_at_resumption", "s", 2))
        .column(Column::count("writes_lost", "writes"));
    let row = |name: &str, a: f64, b: f64, lost: u64| {
        vec![
            Cell::text(name),
            Cell::estimate(a, a * 0.9, a * 1.1),
            Cell::estimate(b, b * 0.9, b * 1.2),
            Cell::estimate(0.21, 0.18, 0.26),
            Cell::estimate(0.34, 0.3, 0.41),
            Cell::Count(lost),
        ]
    };
    table.push(row("pinned", 602.0, 640.0, 4_102));
    table.push(row("route53-fast", 61.0, 104.0, 4_118));
    table.push(row("jedis-multidb", 3.9, 6.4, 4_090));
    table
}

fn report() -> Report {
    let case = |name: &str, shift| {
        Case {
        name: name.to_owned(),
        summary: "us-east-1 falls silent for ten minutes; what only its disks held is gone.".to_owned(),
        tables: vec![headline()],
        footing: "Weakest grade behind these figures: assumed.".to_owned(),
        verdicts: vec![
            Verdict { strategy: "route53-fast".to_owned(), objective: "p99 of rto ≤ 60 s, 95 % confidence".to_owned(), outcome: Outcome::Missed, because: "upper bound 118.2 s".to_owned() },
            Verdict { strategy: "jedis-multidb".to_owned(), objective: "p99 of rto ≤ 60 s, 95 % confidence".to_owned(), outcome: Outcome::Met, because: "upper bound 7.7 s".to_owned() },
            Verdict { strategy: "pinned".to_owned(), objective: "p99 of rto ≤ 60 s, 95 % confidence".to_owned(), outcome: Outcome::TooFewSeeds { needs: 299 }, because: "200 seeds".to_owned() },
        ],
        figures: vec![
            Figure { caption: "How large a share of seeds had recovered by when.".to_owned(), svg: cdf("RTO of writes (test data)", shift).svg() },
            Figure { caption: "The seed with the median RTO.".to_owned(), svg: timeline().svg() },
        ],
        strategies: vec![StrategyStory {
            name: "route53-fast".to_owned(),
            summary: "Checkers agree after 20 s; the rest is caches and connections that stay until they break.".to_owned(),
            recovered_by: vec![("switch".to_owned(), 0.82), ("retry".to_owned(), 0.15), ("none".to_owned(), 0.03)],
            milestones: None,
            findings: vec!["two members were active for one home population for 41 s".to_owned()],
        }],
    }
    };
    Report {
        overview: vec![Figure {
            caption: "All cases.".to_owned(),
            svg: cdf("RTO of writes, all cases (test data)", 5).svg(),
        }],
        title: "Region loss (test data)".to_owned(),
        story: vec![
            "us-east falls silent for ten minutes. Once its disks survive, once they do not."
                .to_owned(),
        ],
        facts: vec![
            Fact {
                name: "scenario".to_owned(),
                value: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                    .to_owned(),
            },
            Fact {
                name: "seeds".to_owned(),
                value: "1–200".to_owned(),
            },
            Fact {
                name: "model".to_owned(),
                value: "1 (crate 0.1.0)".to_owned(),
            },
        ],
        cases: vec![case("disks kept", 0), case("disks lost", 100)],
        grades: vec![GradedHeadline {
            headline: "rto_p99 under route53-fast".to_owned(),
            weakest: Grade::Assumed,
            because: "share of resolvers that ignore the TTL".to_owned(),
            measured: None,
            moves: Some("81–140 s".to_owned()),
        }],
        examine: vec![
            "regionfall curve sims/region-loss.toml --vary strategy.route53-fast.propagation.ttl=30s,60s,120s"
                .to_owned(),
        ],
        never: vec!["a removal undone".to_owned()],
        definitions: vec![Definition {
            column: "rto_p99_ms".to_owned(),
            meaning: "over exposed app servers: incident start → end of the episode".to_owned(),
            unit: "ms".to_owned(),
        }],
        reproduce: vec![
            "regionfall compare sims/region-loss.toml --seeds 200".to_owned(),
            "regionfall reproduce results/region-loss".to_owned(),
        ],
        warnings: vec!["200 seeds are too few for a bound of p99 at 95 % (needs 299).".to_owned()],
    }
}
