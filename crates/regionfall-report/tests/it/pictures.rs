//! Pictures: their bytes, and that their texts can be read.
//!
//! Golden files are remade with
//! `cargo run -p regionfall-report --example gallery -- FOLDER`; look at them before copying them.

use crate::made_up;

fn picture(name: &str) -> String {
    let found = made_up::pictures()
        .into_iter()
        .find(|(known, _)| *known == name);
    found.unwrap().1
}

#[test]
fn bytes_are_those_of_the_golden_files() {
    for (name, golden) in [
        ("cdf-one", include_str!("../golden/cdf-one.svg")),
        ("cdf-censored", include_str!("../golden/cdf-censored.svg")),
        ("curve", include_str!("../golden/curve.svg")),
        (
            "timeline-empty",
            include_str!("../golden/timeline-empty.svg"),
        ),
    ] {
        assert!(
            picture(name) == golden,
            "{name}.svg differs from its golden file"
        );
    }
}

#[test]
fn every_picture_has_words_for_those_who_do_not_see_it() {
    for (name, svg) in made_up::pictures() {
        assert!(
            svg.contains("role=\"img\"") && svg.contains("<desc>"),
            "{name}"
        );
        assert!(svg.lines().nth(1).unwrap().starts_with("<title>"), "{name}");
    }
}

/// The texts of a picture, by line.
fn texts(svg: &str) -> Vec<String> {
    boxes(svg).into_iter().map(|written| written.4).collect()
}

#[test]
fn where_nobody_was_struck_nobody_never_recovered() {
    let svg = picture("cdf-quiet");
    let texts = texts(&svg);
    let has = |text: &str| texts.iter().any(|found| found == text);
    assert!(has("no app server was exposed"), "{texts:?}");
    assert!(has("No line for jedis-multidb: no app server was exposed."));
    assert!(!has("100\u{a0}% never"), "{texts:?}");
    assert!(
        has("10\u{a0}% never"),
        "the other panel has one that is missing"
    );
    assert!(svg.contains("no fault: no app server was exposed."));
}

#[test]
fn a_note_that_only_a_later_panel_needs_is_there() {
    let texts = texts(&picture("cdf-quiet"));
    let never = "never: not before the run ended, 900 s after the fault.";
    assert_eq!(texts.iter().filter(|text| *text == never).count(), 1);
}

#[test]
fn bands_of_many_lines_are_left_out_and_the_picture_says_so() {
    let faint = "opacity=\"0.14\"";
    assert!(picture("cdf").contains(faint));
    let many = picture("cdf-ten");
    assert!(!many.contains(faint));
    assert!(many.contains("Left out, since 10 bands would hide the lines: 95 % band"));
}

#[test]
fn rows_of_long_names_can_be_told_apart_and_those_left_out_are_counted() {
    let texts = texts(&picture("timeline-busy"));
    for number in 0..6 {
        let ends = format!(", {number}");
        let rows = texts.iter().filter(|text| text.starts_with("application"));
        let mut rows = rows.filter(|text| text.ends_with(&ends));
        assert!(
            rows.next().is_some_and(|row| row.contains('…')),
            "{texts:?}"
        );
    }
    let drawn = "Routes are drawn of 6 of 200 app servers of ap-southeast-1.";
    assert!(texts.iter().any(|text| text == drawn), "{texts:?}");
}

/// Boxes of texts, by estimated width, as left, top, right, bottom and the text.
fn boxes(svg: &str) -> Vec<(f64, f64, f64, f64, String)> {
    let mut boxes = Vec::new();
    for piece in svg.split("<text ").skip(1) {
        let (attributes, rest) = piece.split_once('>').unwrap();
        let text = rest.split_once("</text>").unwrap().0.trim().to_owned();
        let attribute = |name: &str| {
            let (_, rest) = attributes.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        if attributes.contains("rotate(") || text.is_empty() {
            continue;
        }
        let number = |name: &str| attribute(name).parse::<f64>().unwrap();
        let (x, y, size) = (number("x"), number("y"), number("font-size"));
        // The mean width of a letter in Helvetica is about half of its size.
        let width = text.chars().count() as f64 * size * 0.5;
        let left = match attribute("text-anchor") {
            "middle" => x - width / 2.0,
            "end" => x - width,
            _ => x,
        };
        boxes.push((left, y - size * 0.4, left + width, y + size * 0.4, text));
    }
    boxes
}

#[test]
fn no_text_runs_into_another_or_off_the_sheet() {
    for (name, svg) in made_up::pictures() {
        let boxes = boxes(&svg);
        let height: f64 = svg
            .split_once("height=\"")
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0
            .parse()
            .unwrap();
        for (index, one) in boxes.iter().enumerate() {
            assert!(
                one.0 >= 0.0 && one.2 <= 1800.0,
                "{name}: {:?} leaves the sheet",
                one.4
            );
            assert!(
                one.1 >= 0.0 && one.3 <= 2.0 * height,
                "{name}: {:?} leaves the sheet",
                one.4
            );
            for other in &boxes[..index] {
                let is_apart =
                    one.0 >= other.2 || other.0 >= one.2 || one.1 >= other.3 || other.1 >= one.3;
                assert!(is_apart, "{name}: {:?} runs into {:?}", one.4, other.4);
            }
        }
    }
}

#[test]
fn no_coordinate_is_missing() {
    for (name, svg) in made_up::pictures() {
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{name}");
        assert!(
            !svg.contains("-2147483648") && !svg.contains("2147483647"),
            "{name}"
        );
    }
}
