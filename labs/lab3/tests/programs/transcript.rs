//! Whether a document's transcript is what a program printed, however fast the machine was.
//!
//! `…` stands for any text, alone on a line for any number of lines. `20.… s` is 20 s and whatever
//! a busy machine adds. Bars are of any length, and an axis has whatever ticks they need; what
//! those look like at which length is tested in `chart.rs`. How many blanks there are, and blank
//! lines, don't count.

/// Whether the lines of `expected` fit those of `real`; the first line that does not, otherwise.
pub(crate) fn compare(expected: &str, real: &str) -> Result<(), String> {
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    let real = lines(real);
    let (mut at, mut gap) = (0, false);
    for pattern in lines(expected) {
        if pattern.trim() == "…" {
            gap = true;
            continue;
        }
        let found = match gap {
            true => (at..real.len()).find(|index| fits(&pattern, &real[*index])),
            false => (at < real.len() && fits(&pattern, &real[at])).then_some(at),
        };
        at = found.ok_or(format!("expected: {pattern}\nprinted:\n{}", real[at..].join("\n")))? + 1;
        gap = false;
    }
    match real.get(at) {
        Some(line) if !gap => Err(format!("the document ends before: {line}")),
        _ => Ok(()),
    }
}

/// Whether `pattern` fits `line`.
fn fits(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (plain(pattern), plain(line));
    is_axis(&pattern) && is_axis(&line) || continues(&pattern, &line)
}

/// With one blank where there are several, and bars of one character.
fn plain(line: &str) -> String {
    let mut plain = line.split_whitespace().collect::<Vec<_>>().join(" ");
    while plain.contains("##") {
        plain = plain.replace("##", "#");
    }
    plain
}

/// `0 5.0 s 10 s`, and so on.
fn is_axis(line: &str) -> bool {
    let Some(mut rest) = line.strip_prefix("0 ") else { return false };
    while let Some((_, after)) = duration(rest) {
        rest = after.trim_start();
    }
    rest.is_empty()
}

fn continues(pattern: &str, line: &str) -> bool {
    if let Some((least, pattern)) = at_least(pattern) {
        let enough = duration(line).filter(|(real, _)| *real >= least);
        return enough.is_some_and(|(_, line)| continues(pattern, line));
    }
    if let Some(pattern) = pattern.strip_prefix('…') {
        let mut rests = line.char_indices().map(|(at, _)| &line[at..]);
        return continues(pattern, "") || rests.any(|rest| continues(pattern, rest));
    }
    let (mut pattern, mut line) = (pattern.chars(), line.chars());
    match (pattern.next(), line.next()) {
        (None, None) => true,
        (Some(wanted), Some(real)) => wanted == real && continues(pattern.as_str(), line.as_str()),
        _ => false,
    }
}

/// The seconds that `20.… s` asks for at least, and what follows it.
fn at_least(pattern: &str) -> Option<(f64, &str)> {
    let (number, rest) = pattern.split_once(".…")?;
    let number: u32 = number.parse().ok()?;
    Some((f64::from(number), unit(rest, "s")?))
}

/// The seconds of a duration at the beginning of `text`, and what follows it.
fn duration(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, rest) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let of_minutes = |rest| duration(rest).map_or((0.0, rest), |(seconds, after)| (seconds, after));
    if let Some(rest) = unit(rest, "min") {
        let (seconds, rest) = of_minutes(rest.trim_start());
        return Some((number * 60.0 + seconds, rest));
    }
    let units = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)];
    units.into_iter().find_map(|(name, factor)| Some((number * factor, unit(rest, name)?)))
}

/// What follows ` name`, if that is the whole word.
fn unit<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(' ')?.strip_prefix(name)?;
    (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

#[test]
fn an_ellipsis_is_any_text_and_alone_any_lines() {
    assert!(fits("  … s ✔ answered … ms", "   0.01 s ✔ answered   POST 3 ms"));
    assert!(!fits("… s ✔ answered", "0.01 s ✔ answered late"));
    assert!(compare("a\n…\nd", "a\n\nb\nc\nd").is_ok() && compare("…\nc", "b\nc").is_ok());
    assert!(compare("a\nc", "a\nb\nc").is_err() && compare("a", "a\nb").is_err());
}

#[test]
fn a_busy_machine_takes_longer_and_a_document_still_fits() {
    for line in ["in 20.0 s (x)", "in 20.7 s (x)", "in 99.1 s (x)", "in 2 min 5 s (x)"] {
        assert!(fits("in 20.… s (x)", line), "{line}");
    }
    for line in ["in 19.9 s (x)", "in 700 ms (x)", "in 20.0 s (y)", "in 20.x s (x)"] {
        assert!(!fits("in 20.… s (x)", line), "{line}");
    }
    assert!(fits("work ######## 20.… s", "work #### 31.5 s") && !fits("work # …", "work ▏4 ms"));
    assert!(fits("0   5.0 s  10 s", "0  10 s  20 s  30 s") && !fits("0 5.0 s 10 s", "0 of 10 s"));
    assert!(!fits("after 20.0 s of work", "after 20.1 s of work"), "what is set is exact");
}
