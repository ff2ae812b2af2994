//! How much room text takes, without a font: estimated widths, on the wide side.

/// The estimated width of a line of text, in picture units.
///
/// Classes of letters by the widths of `DejaVu Sans`, which is wider than Helvetica and Arial: where
/// the estimate fits, the text of any usual sans-serif font does.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let em: f64 =
        text.chars()
            .map(|letter| match letter {
                'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' '
                | '\u{a0}' => 0.34,
                'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
                'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' => 0.98,
                'A'..='Z' => 0.72,
                _ if letter.is_ascii() => 0.64,
                // Letters of other scripts may be as wide as they are high.
                _ if letter as u32 >= 0x1100 => 1.0,
                _ => 0.7,
            })
            .sum();
    em * size
}

/// Text in lines that each fit a width, broken at spaces, or within a word that alone is too long.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if width(&longer, size) <= room {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            if !line.is_empty() && width(&line, size) + width(&letter.to_string(), size) > room {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Text cut to a width, with an ellipsis where something is missing. Empty if nothing fits.
pub(super) fn cut(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept, size) + width(&letter.to_string(), size) + width("…", size) > room {
            break;
        }
        kept.push(letter);
    }
    // One letter and dots tell nothing.
    if kept.chars().count() < 2 {
        String::new()
    } else {
        format!("{}…", kept.trim_end())
    }
}

/// Text cut to a width in its middle: both ends stay, since what tells names apart is often their last word.
/// Empty if nothing fits.
pub(super) fn shorten(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let of = |letters: &[char]| letters.iter().collect::<String>();
    // Of what is kept two thirds are the beginning.
    let shortened = (2..letters.len()).rev().map(|kept| {
        let end = (kept / 3).max(1);
        let (first, last) = (&letters[..kept - end], &letters[letters.len() - end..]);
        format!("{}…{}", of(first).trim_end(), of(last).trim_start())
    });
    let mut fitting = shortened.filter(|text| width(text, size) <= room);
    fitting.next().unwrap_or_default()
}

/// Moves labels apart along one direction: each keeps its order, at least `gap` from its neighbour
/// and within `low..=high`, as near as that allows to where it wants to be.
pub(super) fn spread_out(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = wanted.to_vec();
    let mut next = low;
    for &label in &order {
        placed[label] = placed[label].max(next);
        next = placed[label] + gap;
    }
    let mut limit = high;
    for &label in order.iter().rev() {
        placed[label] = placed[label].min(limit);
        limit = placed[label] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        let text = "a very long strategy name with anunbelievablylongwordthatfitsnowhere in it";
        let lines = wrap(text, 12.0, 90.0);
        assert!(
            lines.iter().all(|line| width(line, 12.0) <= 90.0),
            "{lines:?}"
        );
        let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text));
        assert!(wrap("", 12.0, 90.0).is_empty());
    }

    #[test]
    fn cut_text_fits() {
        assert_eq!(cut("short", 12.0, 200.0), "short");
        let got = cut("region outage of us-east-1", 12.0, 80.0);
        assert!(got.ends_with('…') && width(&got, 12.0) <= 80.0, "{got}");
        assert_eq!(cut("region", 12.0, 5.0), "");
    }

    #[test]
    fn shortened_names_keep_both_ends() {
        assert_eq!(shorten("short 1", 12.0, 200.0), "short 1");
        let got = shorten("a-fleet-with-a-very-long-name 12", 12.0, 120.0);
        assert!(got.starts_with("a-fleet") && got.ends_with(" 12"), "{got}");
        assert!(got.contains('…') && width(&got, 12.0) <= 120.0, "{got}");
        assert_eq!(shorten("region", 12.0, 5.0), "");
    }

    #[test]
    fn labels_keep_apart_and_inside() {
        let got = spread_out(&[0.0, 1.0, 1.0, 100.0], 10.0, 0.0, 100.0);
        assert_eq!(got, [0.0, 10.0, 20.0, 100.0]);
        let got = spread_out(&[99.0, 100.0, 98.0], 10.0, 0.0, 100.0);
        assert_eq!(got, [90.0, 100.0, 80.0]);
    }
}
