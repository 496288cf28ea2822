//! Completion of the word before the cursor: commands, rooms, names.

/// A completion that the next Tab goes on with.
#[derive(Debug)]
pub(crate) struct Completion {
    /// Where the word begins.
    pub(crate) start: usize,
    choices: Vec<String>,
    at: usize,
}

impl Completion {
    /// What a word at byte `start` of a line could become. `names` come with the likeliest first.
    pub(crate) fn new(line: &str, words: &Words<'_>) -> Option<Completion> {
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let word = &line[start..];
        if word.is_empty() {
            return None;
        }
        let begins = |name: &&str| name.to_lowercase().starts_with(&word.to_lowercase());
        let ending = |name: &str| if start == 0 { format!("{name}: ") } else { format!("{name} ") };
        let choices: Vec<String> = if start == 0 && word.starts_with('/') {
            let found = words.commands.iter().filter(|name| name.starts_with(&word[1..]));
            found.map(|name| format!("/{name} ")).collect()
        } else {
            let rooms = words.rooms.iter().copied().filter(begins);
            let rooms = rooms.map(|room| format!("{room} "));
            rooms.chain(words.names.iter().copied().filter(begins).map(ending)).collect()
        };
        (!choices.is_empty()).then_some(Completion { start, choices, at: 0 })
    }

    /// The choice that stands there.
    pub(crate) fn choice(&self) -> &str {
        &self.choices[self.at]
    }

    /// Goes to the next one, or the one before.
    pub(crate) fn turn(&mut self, back: bool) {
        let count = self.choices.len();
        self.at = (self.at + if back { count - 1 } else { 1 }) % count;
    }
}

/// What there is to complete to.
pub(crate) struct Words<'a> {
    /// Without their `/`.
    pub(crate) commands: &'a [&'a str],
    /// Names of rooms.
    pub(crate) rooms: Vec<&'a str>,
    /// Names of people.
    pub(crate) names: Vec<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str, turns: usize) -> Option<String> {
        let words = Words {
            commands: &["join", "part", "paste"],
            rooms: vec!["#lobby", "#lamps"],
            names: vec!["Bob", "anna", "bert"],
        };
        let mut completion = Completion::new(line, &words)?;
        (0..turns).for_each(|_| completion.turn(false));
        Some(completion.choice().to_owned())
    }

    #[test]
    fn names_rooms_and_commands_are_completed() {
        assert_eq!(complete("b", 0).as_deref(), Some("Bob: "));
        assert_eq!(complete("b", 1).as_deref(), Some("bert: "));
        assert_eq!(complete("b", 2).as_deref(), Some("Bob: "));
        assert_eq!(complete("hi AN", 0).as_deref(), Some("anna "));
        assert_eq!(complete("/pa", 1).as_deref(), Some("/paste "));
        assert_eq!(complete("/join #l", 0).as_deref(), Some("#lobby "));
        assert_eq!(complete("hi ", 0), None);
        assert_eq!(complete("x", 0), None);
    }
}
