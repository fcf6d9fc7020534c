//! host.conf(5): of all it can say, only `multi` concerns look-ups of names. Pure.

/// Whether every line of hosts(5) counts for a name, or only the first. `variable` is `RESOLV_MULTI`.
pub(crate) fn multi(text: &str, variable: Option<&str>) -> bool {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next()?;
        keyword
            .eq_ignore_ascii_case("multi")
            .then(|| words.next())
            .flatten()
    });
    let mut multi = false;
    for word in lines.chain(variable) {
        match word {
            word if starts_with(word, "on") => multi = true,
            word if starts_with(word, "off") => multi = false,
            _ => {}
        }
    }
    multi
}

fn starts_with(word: &str, prefix: &str) -> bool {
    word.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::multi;

    #[test]
    fn the_last_word_counts() {
        assert!(!multi("", None));
        assert!(multi("# multi off\norder hosts,bind\nmulti on\n", None));
        assert!(!multi("multi on\nMULTI off\n", None));
        assert!(multi("multi off\n", Some("on")));
        assert!(!multi("multi on\n", Some("off")));
    }
}
