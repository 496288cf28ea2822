//! The tables of docs/limits.md, for the test of each crate that compares them with its defaults.

/// Reads the rows of the section `## title` of `markdown`: the limit's name without backquotes, and
/// its default as it is written.
///
/// # Panics
/// Where there is no such section, or no table in it.
#[must_use]
pub fn documented_limits(markdown: &str, title: &str) -> Vec<(String, String)> {
    let heading = format!("\n## {title}\n");
    let (_, section) = markdown.split_once(&heading).unwrap_or_else(|| panic!("no {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let table = section.lines().filter(|line| line.starts_with('|'));
    let rows: Vec<_> = table.skip(2).filter_map(row).collect();
    assert!(!rows.is_empty(), "no table under {heading:?}");
    rows
}

fn row(line: &str) -> Option<(String, String)> {
    let mut cells = line.trim_matches('|').split('|').map(str::trim);
    let name = cells.next()?.trim_matches('`').to_owned();
    Some((name, cells.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_section_only() {
        let text = "# Limits\n\n## one\n\n| limit | default |\n|---|---|\n| `a::B` | 5 |\n\nx\n\
            ## two\n| limit | default |\n|---|---|\n| c | none | `--c` |\n";
        let row = |name: &str, default: &str| vec![(name.to_owned(), default.to_owned())];
        assert_eq!(documented_limits(text, "one"), row("a::B", "5"));
        assert_eq!(documented_limits(text, "two"), row("c", "none"));
    }
}
