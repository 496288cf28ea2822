//! nmap's spellings, rewritten before clap sees them. Only `sockeye scan` has any.
//!
//! ```text
//! -sT           --connect          -p X, -pX     --ports=X        -T0 .. -T5    --timing=N
//! -Pn           --no-discovery     -F            --top-ports=100  -iL F, -iLF   --input-list=F
//! -sS -sU -sV … --not-built=-sS    (what nmap has and Sockeye does not: said so, not ignored)
//! ```

use std::ffi::{OsStr, OsString};

/// Options of the frame whose value is the next word.
const GLOBAL_WITH_VALUE: [&str; 3] = ["--config", "--log-format", "--color"];

/// Options of nmap that Sockeye does not have, with the value that some of them take apart.
const NOT_BUILT: [(&str, bool); 20] = [
    ("-sS", false),
    ("-sU", false),
    ("-sn", false),
    ("-sV", false),
    ("-sC", false),
    ("-sA", false),
    ("-sF", false),
    ("-sN", false),
    ("-sX", false),
    ("-sW", false),
    ("-sM", false),
    ("-sO", false),
    ("-sL", false),
    ("-O", false),
    ("-A", false),
    ("-PR", false),
    ("-oX", true),
    ("-oG", true),
    ("-oN", true),
    ("-oA", true),
];

/// Rewrites the spellings of nmap in a `scan` command line; leaves every other one as it is.
pub(crate) fn rewrite(argv: Vec<OsString>) -> Vec<OsString> {
    let Some(start) = scan_at(&argv) else { return argv };
    let mut words = argv.into_iter();
    let mut result: Vec<OsString> = words.by_ref().take(start + 1).collect();
    while let Some(word) = words.next() {
        if word == "--" {
            result.push(word);
            result.extend(words);
            break;
        }
        rewrite_word(word, &mut words, &mut result);
    }
    result
}

/// Finds the word `scan`, where it is the command.
fn scan_at(argv: &[OsString]) -> Option<usize> {
    let mut words = argv.iter().enumerate().skip(1);
    while let Some((index, word)) = words.next() {
        if GLOBAL_WITH_VALUE.iter().any(|name| word == name) {
            words.next();
        } else if !word.as_encoded_bytes().starts_with(b"-") {
            return (word == "scan").then_some(index);
        }
    }
    None
}

fn rewrite_word(
    word: OsString,
    rest: &mut impl Iterator<Item = OsString>,
    result: &mut Vec<OsString>,
) {
    // Every spelling of nmap is ASCII; what is not text is a file or a name.
    let Some(text) = word.to_str() else { return result.push(word) };
    match text {
        "-sT" => result.push("--connect".into()),
        "-Pn" => result.push("--no-discovery".into()),
        "-F" => result.push("--top-ports=100".into()),
        _ => {}
    }
    if matches!(text, "-sT" | "-Pn" | "-F") {
        return;
    }
    if let Some((name, apart)) = NOT_BUILT.iter().find(|(name, _)| text == *name) {
        result.push(assign("--not-built", OsStr::new(name)));
        if *apart {
            rest.next();
        }
        return;
    }
    for (short, long) in [("-p", "--ports"), ("-T", "--timing"), ("-iL", "--input-list")] {
        let Some(value) = text.strip_prefix(short) else { continue };
        if !value.is_empty() {
            result.push(assign(long, OsStr::new(value.strip_prefix('=').unwrap_or(value))));
        } else if let Some(value) = rest.next() {
            result.push(assign(long, &value));
        } else {
            result.push(long.into());
        }
        return;
    }
    result.push(word);
}

fn assign(long: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(long);
    word.push("=");
    word.push(value);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let argv = line.split(' ').map(OsString::from).collect();
        let words: Vec<String> =
            rewrite(argv).into_iter().map(|word| word.into_string().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn the_table() {
        let table = [
            ("scan h -sT", "scan h --connect"),
            ("scan -Pn -n h", "scan --no-discovery -n h"),
            ("scan h -p-", "scan h --ports=-"),
            ("scan h -p -", "scan h --ports=-"),
            ("scan h -p22,80", "scan h --ports=22,80"),
            ("scan h -p -1024", "scan h --ports=-1024"),
            ("scan h -p=80", "scan h --ports=80"),
            ("scan h -p", "scan h --ports"),
            ("scan -T4 h", "scan --timing=4 h"),
            ("scan -T 4 h", "scan --timing=4 h"),
            ("scan -iL hosts", "scan --input-list=hosts"),
            ("scan -iLhosts", "scan --input-list=hosts"),
            ("scan -iL -", "scan --input-list=-"),
            ("scan -F h", "scan --top-ports=100 h"),
            ("scan -sS h", "scan --not-built=-sS h"),
            ("scan -sV -O h", "scan --not-built=-sV --not-built=-O h"),
            ("scan h -oX f.xml", "scan h --not-built=-oX"),
            ("scan --ports 80 -4 -v h", "scan --ports 80 -4 -v h"),
            ("scan -- -sT -p-", "scan -- -sT -p-"),
            ("-v --config f scan -p- h", "-v --config f scan --ports=- h"),
            ("--color scan scan -p-", "--color scan scan --ports=-"),
        ];
        for (line, expected) in table {
            assert_eq!(rewritten(&format!("sockeye {line}")), format!("sockeye {expected}"));
        }
    }

    #[test]
    fn other_commands_are_left_alone() {
        for line in ["sockeye serve -p 80 scan", "sockeye -p-", "sockeye", "sockeye connect -T4"] {
            assert_eq!(rewritten(line), line);
        }
    }

    #[cfg(unix)]
    #[test]
    fn words_that_are_no_text_stay() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(vec![b'-', b'p', 0xff]);
        let argv = vec!["sockeye".into(), "scan".into(), odd.clone()];
        assert_eq!(rewrite(argv)[2], odd);
    }
}
