//! Just enough of Rust's grammar to tell code, comments, literals and tests apart. Not a parser: it never fails, and on
//! text that the compiler refuses it may be wrong.

use std::ops::Range;

/// A Rust file, split into what the rules ask for. All offsets are bytes of the original text.
#[derive(Debug)]
pub(crate) struct RustSource {
    /// The text with comments and the insides of literals blanked out; same length, same lines.
    pub(crate) code: String,
    pub(crate) comments: Vec<Range<usize>>,
    /// The insides of string literals, without quotes.
    pub(crate) literals: Vec<Range<usize>>,
    tests: Vec<Range<usize>>,
}

impl RustSource {
    pub(crate) fn read(text: &str) -> Self {
        let mut scanner = Scanner::new(text);
        scanner.scan();
        let code = String::from_utf8_lossy(&scanner.code).into_owned();
        let tests = test_regions(&code);
        Self { code, comments: scanner.comments, literals: scanner.literals, tests }
    }

    /// Is this inside an item that only tests compile?
    pub(crate) fn is_in_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|region| region.contains(&offset))
    }

    pub(crate) fn test_regions(&self) -> &[Range<usize>] {
        &self.tests
    }

    /// Every identifier and keyword of the code, with its offset.
    pub(crate) fn words(&self) -> Vec<(usize, &str)> {
        words(&self.code)
    }

    /// The functions that have a body: name, offset of `fn`, and the span up to the closing brace.
    pub(crate) fn functions(&self) -> Vec<(&str, Range<usize>)> {
        let words = self.words();
        words
            .windows(2)
            .filter(|pair| pair[0].1 == "fn" && self.is_only_space(pair[0].0 + 2, pair[1].0))
            .filter_map(|pair| Some((pair[1].1, pair[0].0..body_end(&self.code, pair[1].0)?)))
            .collect()
    }

    fn is_only_space(&self, from: usize, to: usize) -> bool {
        self.code[from..to].trim().is_empty()
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn words(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_word_byte(bytes[at]) {
            at += 1;
            continue;
        }
        let end = word_end(bytes, at);
        found.push((at, &code[at..end]));
        at = end;
    }
    found
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let length = bytes[from..].iter().take_while(|byte| is_word_byte(**byte));
    from + length.count()
}

/// Where the item that starts here ends: behind its `;`, or behind the brace that closes its body.
fn item_end(code: &str, from: usize) -> usize {
    let bytes = code.as_bytes();
    let mut parens = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => parens += 1,
            b')' | b']' => parens = parens.saturating_sub(1),
            b';' if parens == 0 => return at + 1,
            b'{' if parens == 0 => return closing_brace(bytes, at),
            _ => {}
        }
    }
    bytes.len()
}

fn body_end(code: &str, from: usize) -> Option<usize> {
    let end = item_end(code, from);
    (code.as_bytes().get(end.checked_sub(1)?) == Some(&b'}')).then_some(end)
}

fn closing_brace(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

/// The items under `#[cfg(test)]`, `#[cfg(all(test, …))]` and `#[test]`.
fn test_regions(code: &str) -> Vec<Range<usize>> {
    let mut regions: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[") {
        let Some(length) = code[at..].find(']') else {
            continue;
        };
        let attribute = &code[at + 2..at + length];
        let first = attribute.split('(').next().unwrap_or_default().trim();
        let names_test = words(attribute).iter().any(|(_, word)| *word == "test");
        let is_test = first == "test" || first.ends_with("::test");
        if is_test || (first == "cfg" && names_test && !attribute.contains("not(")) {
            let after_attributes = skip_attributes(code, at + length + 1);
            regions.push(at..item_end(code, after_attributes));
        }
    }
    regions
}

fn skip_attributes(code: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = &code[at..];
        let space = rest.len() - rest.trim_start().len();
        let Some(length) = rest[space..].starts_with("#[").then(|| rest.find(']')).flatten() else {
            return at + space;
        };
        at += length + 1;
    }
}

struct Scanner<'text> {
    text: &'text str,
    bytes: &'text [u8],
    code: Vec<u8>,
    comments: Vec<Range<usize>>,
    literals: Vec<Range<usize>>,
}

impl<'text> Scanner<'text> {
    fn new(text: &'text str) -> Self {
        Self { text, bytes: text.as_bytes(), code: text.as_bytes().to_vec(), comments: Vec::new(), literals: Vec::new() }
    }

    fn scan(&mut self) {
        let mut at = 0;
        while at < self.bytes.len() {
            at = match self.bytes[at] {
                b'/' if self.bytes.get(at + 1) == Some(&b'/') => self.comment(at, self.line_end(at)),
                b'/' if self.bytes.get(at + 1) == Some(&b'*') => self.comment(at, self.block_end(at)),
                b'"' => self.string(at + 1, self.string_end(at + 1)),
                b'\'' => self.quote(at),
                byte if is_word_byte(byte) => self.word(at),
                _ => at + 1,
            };
        }
    }

    fn blank(&mut self, range: Range<usize>) {
        for byte in &mut self.code[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn comment(&mut self, from: usize, to: usize) -> usize {
        self.blank(from..to);
        self.comments.push(from..to);
        to
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].find('\n').map_or(self.bytes.len(), |length| from + length)
    }

    fn block_end(&self, from: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = from;
        while at < self.bytes.len() {
            match self.bytes.get(at..at + 2) {
                Some(b"/*") => (depth, at) = (depth + 1, at + 2),
                Some(b"*/") if depth <= 1 => return at + 2,
                Some(b"*/") => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    fn string_end(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' => at += 2,
                b'"' => return at,
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    /// Notes the inside of a literal and goes on behind its closing quote.
    fn string(&mut self, from: usize, to: usize) -> usize {
        self.blank(from..to);
        self.literals.push(from..to);
        to + 1
    }

    /// A character literal, or the tick of a lifetime.
    fn quote(&mut self, at: usize) -> usize {
        let inside = at + 1;
        let end = match self.text[inside..].chars().next() {
            Some('\\') => {
                let escaped = self.text.get(inside + 2..).unwrap_or_default();
                escaped.find('\'').map(|length| inside + 2 + length)
            }
            Some(character) => Some(inside + character.len_utf8()),
            None => None,
        };
        match end {
            Some(end) if self.bytes.get(end) == Some(&b'\'') => {
                self.blank(inside..end);
                end + 1
            }
            _ => inside,
        }
    }

    /// A word, or the prefix of a literal: `r"`, `br#"`, `b"`, `c"`.
    fn word(&mut self, at: usize) -> usize {
        let end = word_end(self.bytes, at);
        if !matches!(&self.text[at..end], "r" | "br" | "cr") {
            return end;
        }
        let hashes = self.bytes[end..].iter().take_while(|byte| **byte == b'#').count();
        let open = end + hashes;
        if self.bytes.get(open) != Some(&b'"') {
            return end;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let inside = open + 1;
        let to = self.text[inside..].find(&close).map_or(self.bytes.len(), |length| inside + length);
        self.string(inside, to) + hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Vec<&str> {
        let source = RustSource::read(text);
        source.literals.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "let a = \"x // \\\" y\"; // todo!\n/* b /* c */ d */ let e = 'f';\n";
        let source = RustSource::read(text);
        assert_eq!(source.code.len(), text.len());
        assert!(!source.code.contains("todo") && !source.code.contains('d'));
        assert!(source.code.contains("let e = ' ';"));
        assert_eq!(source.comments.len(), 2);
    }

    #[test]
    fn every_spelling_of_a_string_is_found() {
        let text = r####"f("a", b"b", r"c\", r#"d"e"#, br##"f"##, c"g", 'h', '"', "i");"####;
        assert_eq!(literals(text), ["a", "b", "c\\", "d\"e", "f", "g", "i"]);
    }

    #[test]
    fn lifetimes_and_raw_names_open_no_literal() {
        assert_eq!(literals("fn a<'b>(r#type: &'b str) -> &'static str { \"c\" }"), ["c"]);
        assert_eq!(literals("match c { '\\'' => \"d\", '\\u{1F600}' => \"é\" }"), ["d", "é"]);
    }

    #[test]
    fn tests_are_recognised_by_their_attribute() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { {} } }\nfn c() {}\n#[tokio::test]\nfn d() {}";
        let source = RustSource::read(text);
        let in_test = |word: &str| source.functions().iter().any(|(name, span)| *name == word && source.is_in_test(span.start));
        assert!(in_test("b") && in_test("d"));
        assert!(!in_test("a") && !in_test("c"));
    }

    #[test]
    fn code_that_is_absent_from_tests_is_no_test() {
        let source = RustSource::read("#[cfg(not(test))]\nfn a() {}\n#[cfg(feature = \"x\")]\nfn b() {}");
        assert!(source.test_regions().is_empty());
    }

    #[test]
    fn functions_end_at_their_own_brace() {
        let source = RustSource::read("fn a(b: [u8; 4]) -> fn() {\n if c { d }\n}\ntrait E { fn f(); }");
        let functions = source.functions();
        assert_eq!(functions.len(), 1);
        assert!(source.code[functions[0].1.clone()].ends_with("}\n}"));
    }

    #[test]
    fn text_that_ends_too_early_is_read_to_its_end() {
        for text in ["\"a", "r#\"a", "/* a", "'", "'\\", "fn a(", "#[test", "#[cfg(test)]", "b'"] {
            let _ = RustSource::read(text).functions();
        }
    }
}
