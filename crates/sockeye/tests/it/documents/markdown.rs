//! As much of Markdown as the documents use: fenced blocks, code spans, links, headings.

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) kind: String,
    /// The number of its first line.
    pub(super) line: usize,
    pub(super) body: String,
}

/// A command, and what the document shows below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    /// `None` where the document does not say.
    pub(super) shown: Option<Vec<String>>,
}

impl Block {
    /// The commands of a script: one a line, comments taken off.
    pub(super) fn lines(&self) -> Vec<Step> {
        let lines = self.body.lines().map(|line| line.split(" # ").next().unwrap_or_default());
        let commands =
            lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        commands.map(|line| Step { command: line.to_owned(), shown: None }).collect()
    }

    /// The commands of a session, each with the lines up to the next one.
    pub(super) fn steps(&self, at: &str) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut goes_on = false;
        for line in self.body.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), shown: Some(Vec::new()) });
                goes_on = command.ends_with('\\');
                continue;
            }
            let last =
                steps.last_mut().unwrap_or_else(|| panic!("{at}: no command before {line:?}"));
            if goes_on {
                last.command = format!("{}\n{}", last.command, line);
                goes_on = line.ends_with('\\');
            } else if let Some(shown) = &mut last.shown {
                shown.push(line.to_owned());
            }
        }
        steps
    }
}

/// The fenced blocks of a document.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = Block> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        let (line, kind) = lines.find_map(|(n, line)| Some((n, line.strip_prefix("```")?)))?;
        let mut body = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| !line.starts_with("```")) {
            body.push_str(line);
            body.push('\n');
        }
        Some(Block { kind: kind.to_owned(), line: line + 1, body })
    })
}

/// The lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The code spans that are whole commands of ours: a command has arguments that can be run.
pub(super) fn commands_in_text(text: &str) -> Vec<String> {
    let spans = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let ours = spans.filter(|span| span.starts_with("sockeye "));
    ours.map(str::to_owned).collect()
}

/// Where the links go.
pub(super) fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        for rest in line.split("](").skip(1) {
            found.push(rest.split(')').next().unwrap_or_default().to_owned());
        }
    }
    found
}

/// The anchors of the headings, as GitHub makes them.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn a_document_is_read_block_by_block() {
    let text = "# A, b\nuse `sockeye x` [a](b.md)\n\
                ```console\n$ one \\\n  more\nshown\n$ two\n```\n\
                ```sh\n# only words\nthree  # why\n```\n";
    let all: Vec<Block> = blocks(text).collect();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].kind.as_str(), all[0].line), ("console", 3));
    let shown = vec!["shown".to_owned()];
    assert_eq!(
        all[0].steps("here"),
        [
            Step { command: "one \\\n  more".to_owned(), shown: Some(shown) },
            Step { command: "two".to_owned(), shown: Some(Vec::new()) },
        ]
    );
    assert_eq!(all[1].lines(), [Step { command: "three".to_owned(), shown: None }]);
    assert_eq!(commands_in_text(text), ["sockeye x"]);
    assert_eq!(links(text), ["b.md"]);
    assert_eq!(anchors(text), ["a-b"]);
}
