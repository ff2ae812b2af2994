//! What came of tests as JUnit XML: a suite for each file, a case for each line.

use std::io::{self, Write};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::Subject;
use super::judged::Line;
use crate::exit::Exit;

/// Writes the file.
pub(super) fn write(path: &Path, lines: &[Line], subjects: &[Subject]) -> io::Result<()> {
    let mut bytes = Vec::new();
    document(&mut bytes, lines, subjects)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}

fn document(out: &mut impl Write, lines: &[Line], subjects: &[Subject]) -> io::Result<()> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = |lines: &[&Line]| lines.iter().filter(|line| line.exit != Exit::Held).count();
    let all: Vec<&Line> = lines.iter().collect();
    let mut suites = BytesStart::new("testsuites");
    suites.push_attribute(("name", "regionfall"));
    suites.push_attribute(("tests", lines.len().to_string().as_str()));
    suites.push_attribute(("failures", failed(&all).to_string().as_str()));
    writer.write_event(Event::Start(suites))?;
    for subject in subjects {
        let own: Vec<&Line> = lines
            .iter()
            .filter(|line| line.path == subject.path)
            .collect();
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", subject.path.as_str()));
        suite.push_attribute(("tests", own.len().to_string().as_str()));
        suite.push_attribute(("failures", failed(&own).to_string().as_str()));
        suite.push_attribute(("time", format!("{:.3}", subject.seconds).as_str()));
        writer.write_event(Event::Start(suite))?;
        for line in own {
            case(&mut writer, line)?;
        }
        writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuites")))?;
    writer.into_inner().write_all(b"\n")
}

fn case(writer: &mut Writer<impl Write>, line: &Line) -> io::Result<()> {
    let mut case = BytesStart::new("testcase");
    let name = format!("{}, {}", line.case, line.strategy);
    let class = if line.variant.is_empty() || line.variant == "base" {
        line.path.clone()
    } else {
        format!("{}, {}", line.path, line.variant)
    };
    case.push_attribute(("name", name.as_str()));
    case.push_attribute(("classname", class.as_str()));
    if line.exit == Exit::Held {
        return writer.write_event(Event::Empty(case));
    }
    writer.write_event(Event::Start(case))?;
    let mut failure = BytesStart::new("failure");
    failure.push_attribute(("message", line.what.as_str()));
    failure.push_attribute(("type", (line.exit as u8).to_string().as_str()));
    writer.write_event(Event::Start(failure))?;
    let mut text = line.evidence.join("\n");
    if let Some(repeat) = &line.repeat {
        text.push_str("\nrepeat with: ");
        text.push_str(repeat);
    }
    writer.write_event(Event::Text(BytesText::new(&text)))?;
    writer.write_event(Event::End(BytesEnd::new("failure")))?;
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_names_does_not_break_the_document() {
        let line = Line {
            path: "a.toml".to_owned(),
            variant: "base".to_owned(),
            case: "<&\"".to_owned(),
            strategy: "s".to_owned(),
            seeds: 1,
            exit: Exit::Safety,
            what: "a < b".to_owned(),
            undecided: Vec::new(),
            evidence: vec!["x & y".to_owned()],
            repeat: None,
        };
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        case(&mut writer, &line).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("&lt;&amp;&quot;") && text.contains("x &amp; y"),
            "{text}"
        );
    }
}
