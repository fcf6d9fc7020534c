//! The file `HOSTALIASES` names (hostname(7)): other names for single words, a line each. Pure.

/// What the file says: words, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aliases(Vec<(String, Option<String>)>);

impl Aliases {
    /// As glibc's `res_hostalias` reads it: there are no comments.
    pub(crate) fn parse(text: &str) -> Aliases {
        let space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        let entry = |line: &str| {
            let (name, rest) = line.split_once(space).unwrap_or((line, ""));
            let target = rest.split(space).find(|word| !word.is_empty());
            let name = name.trim_end_matches('.').to_owned();
            (name, target.map(str::to_owned))
        };
        Aliases(text.lines().map(entry).collect())
    }

    /// The name that a name of one word stands for. The first line decides, even if it says nothing.
    pub(crate) fn target(&self, name: &str) -> Option<&str> {
        let known = |(alias, _): &&(String, Option<String>)| alias.eq_ignore_ascii_case(name);
        let mut lines = self.0.iter().filter(|_| !name.contains('.'));
        lines.find(known)?.1.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_other_names() {
        let aliases = Aliases::parse("a  www.example.com and more\nB.\tb.example\na other\n");
        assert_eq!(aliases.target("A"), Some("www.example.com"));
        assert_eq!(aliases.target("b"), Some("b.example"));
        assert_eq!(aliases.target("c"), None);
        assert_eq!(Aliases::parse("a.b c\n").target("a.b"), None, "no word");
    }

    #[test]
    fn a_line_without_two_words_says_nothing() {
        let aliases = Aliases::parse("a \n\nc\n indented d\nb b.example\na a.example");
        assert_eq!(aliases.target("a"), None);
        assert_eq!(aliases.target("c"), None);
        assert_eq!(aliases.target("indented"), None);
        assert_eq!(aliases.target("b"), Some("b.example"));
    }
}
