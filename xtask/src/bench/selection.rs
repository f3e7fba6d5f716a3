//! What `--only` leaves of the benchmark.

/// The words that are left in each group, as the benchmark understands them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) engines: Vec<&'static str>,
    pub(super) signatures: Vec<&'static str>,
    pub(super) rotations: Vec<&'static str>,
    pub(super) sessions: Vec<&'static str>,
}

const ENGINES: &[&str] = &["sqlite", "postgres"];
const SIGNATURES: &[&str] = &["rs256", "es256", "eddsa"];
const ROTATIONS: &[&str] = &["off", "on"];
const SESSIONS: &[&str] = &["10k", "1m"];

impl Selection {
    /// A group of which no word is named stays whole.
    pub(super) fn of(words: &[String]) -> Result<Self, String> {
        let known = || [ENGINES, SIGNATURES, ROTATIONS, SESSIONS].into_iter().flatten();
        if let Some(word) = words.iter().find(|word| !known().any(|known| known == word)) {
            let known: Vec<&str> = known().copied().collect();
            return Err(format!("--only does not know {word:?}; it knows {}", known.join(", ")));
        }
        let chosen = |group: &[&'static str]| {
            let named: Vec<&'static str> = group.iter().copied().filter(|known| words.iter().any(|word| word == known)).collect();
            if named.is_empty() { group.to_vec() } else { named }
        };
        Ok(Self { engines: chosen(ENGINES), signatures: chosen(SIGNATURES), rotations: chosen(ROTATIONS), sessions: chosen(SESSIONS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<Selection, String> {
        Selection::of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_group_that_is_not_named_stays_whole() {
        let selection = of(&["sqlite", "rs256", "es256"]).expect("all known");
        assert_eq!(selection.engines, ["sqlite"]);
        assert_eq!(selection.signatures, ["rs256", "es256"]);
        assert_eq!((selection.rotations.len(), selection.sessions.len()), (2, 2));
    }

    #[test]
    fn an_unknown_word_is_refused_with_those_that_are_known() {
        let refused = of(&["mysql"]).expect_err("unknown");
        assert!(refused.contains("\"mysql\"") && refused.contains("postgres"), "{refused}");
    }
}
