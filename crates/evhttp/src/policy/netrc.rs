//! The file of names and passwords that ftp began and curl goes on with.
//! Text in, an entry out; who reads the file is not decided here.

/// Name and password for a host: of its own entry, else of the default one.
pub(crate) fn find(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = Words(text);
    // Whether the entry being read is meant, and what it said so far.
    let (mut ours, mut name, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                if ours && password.is_some() {
                    break;
                }
                let machine = (word == "machine").then(|| words.value());
                ours = machine.is_none_or(|m| m.is_some_and(|m| m.eq_ignore_ascii_case(host)));
                (name, password) = (None, None);
            }
            // The first counts: where a value is missing, what follows may be of another entry.
            "login" => name = name.or(words.value()),
            "password" => password = password.or(words.value()),
            "account" => drop(words.value()),
            "macdef" => words.skip_macro(),
            _ => {}
        }
    }
    match ours {
        true => Some((name.unwrap_or_default(), password?)),
        false => None,
    }
}

struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = String;

    /// The next word that is no remark.
    fn next(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        while self.0.starts_with('#') {
            let end = self.0.find('\n').unwrap_or(self.0.len());
            self.0 = self.0[end..].trim_start();
        }
        self.word()
    }
}

impl Words<'_> {
    /// The word that belongs to the one before. On its line it is no remark, whatever it begins with.
    fn value(&mut self) -> Option<String> {
        let on_line = self.0.trim_start_matches([' ', '\t']);
        if on_line.starts_with('#') {
            self.0 = on_line;
            return self.word();
        }
        self.next()
    }

    /// A word, or a string in quotes with `\` before what is meant literally.
    fn word(&mut self) -> Option<String> {
        let quoted = self.0.strip_prefix('"');
        let (mut word, mut escaped) = (String::new(), false);
        let rest = quoted.unwrap_or(self.0);
        if quoted.is_none() && rest.is_empty() {
            return None;
        }
        for (at, c) in rest.char_indices() {
            let ends = if quoted.is_some() {
                c == '"'
            } else {
                c.is_whitespace()
            };
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted.is_some() => {
                    escaped = true;
                    continue;
                }
                _ if ends => {
                    // The end of a line is still to be seen.
                    self.0 = &rest[at + if c == '"' { 1 } else { 0 }..];
                    return Some(word);
                }
                _ => {}
            }
            word.push(c);
        }
        self.0 = "";
        Some(word)
    }

    /// A macro goes up to an empty line.
    fn skip_macro(&mut self) {
        let end = self.0.find("\n\n").map_or(self.0.len(), |end| end + 2);
        self.0 = &self.0[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    const FILE: &str = "# mine\nmachine a.example login ada password s3cret\n\
        machine b.example\n\tlogin bob\n\taccount x\n\tpassword \"two \\\"words\\\"\"\n\
        macdef init\nmachine c.example password no\n\nmachine d.example password only\n\
        default login anonymous password guest@\nmachine late.example login l password l\n";

    #[test]
    fn entries_are_found_by_host() {
        let table = [
            ("a.example", Some(("ada", "s3cret"))),
            ("A.EXAMPLE", Some(("ada", "s3cret"))),
            ("b.example", Some(("bob", "two \"words\""))),
            ("c.example", Some(("anonymous", "guest@"))),
            ("d.example", Some(("", "only"))),
            ("late.example", Some(("anonymous", "guest@"))),
        ];
        for (host, expected) in table {
            let found = find(FILE, host);
            let found = found
                .as_ref()
                .map(|(name, word)| (name.as_str(), word.as_str()));
            assert_eq!(found, expected, "{host}");
        }
    }

    /// A value that is read over would take the next entry's words for ours.
    #[test]
    fn what_is_odd_gives_nobody_elses_password() {
        let next = "machine b.example login bob password s3cret\n";
        let table = [
            ("login ada password #1\n", "ada", "#1"),
            ("login #ada # me\n password \t#1 # mine\n", "#ada", "#1"),
            (
                "login ada # me\n password\n# mine\n s3same\n",
                "ada",
                "s3same",
            ),
            ("login ada password\n", "ada", "machine"),
            ("login ada password x login bob password y\n", "ada", "x"),
        ];
        for (entry, name, password) in table {
            let found = find(&format!("machine a.example {entry}{next}"), "a.example");
            assert_eq!(found, Some((name.into(), password.into())), "{entry}");
        }
    }

    #[test]
    fn no_entry_is_none() {
        for text in [
            "",
            "machine",
            "machine a",
            "machine b login x password y",
            "login x password y",
            "\"",
            "#",
        ] {
            assert_eq!(find(text, "a"), None, "{text:?}");
        }
    }
}
