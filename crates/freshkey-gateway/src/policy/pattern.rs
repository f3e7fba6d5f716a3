//! Patterns of hosts and paths. They are few and dull on purpose: a rule that needs an explanation is a rule that is misread.

use crate::request::CanonicalPath;
use std::fmt;

/// A host name, or `*.` and a domain, which stands for exactly one label before it; or `*` for every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This one.
    Exact(String),
    /// One label before this domain, which is kept with its dot.
    Below(String),
}

/// A path in segments. `*` is one segment, `**` at the end is any number of them, none included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    has_rest: bool,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Any,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternError(pub &'static str);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl HostPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        const EXPECTED: PatternError = PatternError("a host name in lower case, *.DOMAIN for one label before a domain, or *");
        let is_name = |name: &str| crate::request::Host::parse(name).is_ok_and(|host| host.authority() == name && host.name() == name);
        match text.strip_prefix("*.") {
            _ if text == "*" => Ok(Self::Any),
            Some(domain) if is_name(domain) => Ok(Self::Below(format!(".{domain}"))),
            None if is_name(text) => Ok(Self::Exact(text.to_owned())),
            _ => Err(EXPECTED),
        }
    }

    /// Whether a host, in lower case, fits.
    #[must_use]
    pub fn fits(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Below(domain) => host.strip_suffix(domain.as_str()).is_some_and(|label| !label.is_empty() && !label.contains('.')),
        }
    }
}

impl PathPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let inner = text.strip_prefix('/').ok_or(PatternError("a path that begins with /"))?;
        if text.contains(['%', ';', '\\', '?', '#']) {
            return Err(PatternError("a path as a person writes it: not encoded, and without ; \\ ? #"));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let mut segments = Vec::new();
        let mut has_rest = false;
        for segment in inner.split('/').filter(|_| !inner.is_empty()) {
            if has_rest {
                return Err(PatternError("** at the end only"));
            }
            match segment {
                "**" => has_rest = true,
                "*" => segments.push(Segment::Any),
                "" | "." | ".." => return Err(PatternError("a path without empty segments, . and ..")),
                text if text.contains('*') => return Err(PatternError("* as a whole segment only")),
                text => segments.push(Segment::Exact(text.to_owned())),
            }
        }
        Ok(Self { segments, has_rest, text: text.to_owned() })
    }

    /// Whether a path fits.
    #[must_use]
    pub fn fits(&self, path: &CanonicalPath<'_>) -> bool {
        let mut segments = path.segments();
        let fits = self.segments.iter().all(|wanted| {
            segments.next().is_some_and(|segment| match wanted {
                Segment::Any => true,
                Segment::Exact(text) => text == segment,
            })
        });
        fits && (self.has_rest || segments.next().is_none())
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
