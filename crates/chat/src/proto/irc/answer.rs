//! The answer to a command that has a label: one line with the label, or a batch, or an
//! acknowledgement.
//!
//! # Source
//! IRCv3, labeled-response.

use super::render::tag;

/// Puts the label on an answer: lines that end with CR LF.
pub(crate) fn labelled(label: &str, answer: &str, server: &str, batch: &str) -> String {
    let label = tag("label", label);
    let lines: Vec<&str> = answer.split_terminator("\r\n").collect();
    match lines.as_slice() {
        [] => format!("@{label} :{server} ACK\r\n"),
        [line] => with_tag(line, &label),
        [first, rest @ ..] if is_one_batch(first, rest) => {
            let mut out = with_tag(first, &label);
            for line in rest {
                out.push_str(line);
                out.push_str("\r\n");
            }
            out
        }
        lines => {
            let mut out = format!("@{label} :{server} BATCH +{batch} labeled-response\r\n");
            let member = format!("batch={batch}");
            for line in lines {
                if is_in_batch(line) {
                    out.push_str(line);
                    out.push_str("\r\n");
                } else {
                    out.push_str(&with_tag(line, &member));
                }
            }
            out.push_str(&format!(":{server} BATCH -{batch}\r\n"));
            out
        }
    }
}

fn with_tag(line: &str, tag: &str) -> String {
    match line.strip_prefix('@') {
        Some(rest) => format!("@{tag};{rest}\r\n"),
        None => format!("@{tag} {line}\r\n"),
    }
}

fn tags_and_rest(line: &str) -> (&str, &str) {
    match line.strip_prefix('@') {
        Some(line) => line.split_once(' ').unwrap_or((line, "")),
        None => ("", line),
    }
}

/// The members of a batch and its end belong to the batch, not to the answer.
fn is_in_batch(line: &str) -> bool {
    let (tags, rest) = tags_and_rest(line);
    tags.split(';').any(|tag| tag.starts_with("batch=")) || batch(rest).is_some_and(|b| b.0 == '-')
}

fn batch(rest: &str) -> Option<(char, &str)> {
    let mut words = rest.split(' ').skip(1);
    let name = words.next().filter(|word| *word == "BATCH").and_then(|_| words.next())?;
    Some((name.chars().next()?, name.get(1..)?))
}

fn is_one_batch(first: &str, rest: &[&str]) -> bool {
    let opened = batch(tags_and_rest(first).1).filter(|(sign, _)| *sign == '+');
    let closed = rest.last().and_then(|last| batch(tags_and_rest(last).1));
    matches!((opened, closed), (Some((_, one)), Some(('-', other))) if one == other)
        && rest[..rest.len() - 1].iter().all(|line| is_in_batch(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> String {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        labelled("a b", &text, "s", "7")
    }

    #[test]
    fn nothing_one_and_several() {
        assert_eq!(answer(&[]), "@label=a\\sb :s ACK\r\n");
        assert_eq!(answer(&[":s X"]), "@label=a\\sb :s X\r\n");
        assert_eq!(answer(&["@time=1 :s X"]), "@label=a\\sb;time=1 :s X\r\n");
        assert_eq!(
            answer(&[":s X", "@time=1 :s Y"]),
            "@label=a\\sb :s BATCH +7 labeled-response\r\n@batch=7 :s X\r\n\
             @batch=7;time=1 :s Y\r\n:s BATCH -7\r\n"
        );
    }

    #[test]
    fn an_answer_that_is_a_batch_gets_no_second_one() {
        let lines = [":s BATCH +h chathistory #r", "@batch=h :a PRIVMSG #r :x", ":s BATCH -h"];
        let text = answer(&lines);
        assert!(text.starts_with("@label=a\\sb :s BATCH +h chathistory #r\r\n@batch=h :a"));
        assert!(!text.contains("labeled-response"));
        let text = answer(&[":s X", lines[0], lines[1], lines[2]]);
        assert!(text.contains("\r\n@batch=7 :s BATCH +h chathistory #r\r\n@batch=h :a PRIVMSG"));
        assert!(text.ends_with(":s BATCH -h\r\n:s BATCH -7\r\n"), "{text}");
    }
}
