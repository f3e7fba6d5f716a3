//! The guides: what they print is what is run. Only addresses are others.

/// A guide's text.
pub(crate) struct Guide(pub(crate) &'static str);

impl Guide {
    /// The one block of this kind.
    pub(crate) fn block(&self, kind: &str) -> &'static str {
        let fence = format!("```{kind} guide\n");
        let mut rest = self.0.split(fence.as_str()).skip(1);
        let block = rest.next().and_then(|text| text.split("\n```").next()).unwrap_or_else(|| panic!("no block of {kind}"));
        assert!(rest.next().is_none(), "more than one block of {kind}");
        block
    }
}

/// The text with each of these replaced; each must be there.
pub(crate) fn with(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from:?} is not in the guide:\n{text}");
        text = text.replace(from, to);
    }
    text
}
