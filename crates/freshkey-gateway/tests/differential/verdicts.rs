//! What the gateway says it judged: its own log lines about requests that may pass, by their ids.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// What was judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) rule: String,
}

/// The verdicts that nobody has asked for yet.
#[derive(Default)]
pub(crate) struct Verdicts(Mutex<HashMap<String, Verdict>>);

impl Verdicts {
    /// Listens to the log of this process from now on.
    pub(crate) fn listen() -> &'static Self {
        static VERDICTS: OnceLock<Verdicts> = OnceLock::new();
        VERDICTS.get_or_init(|| {
            tracing::subscriber::set_global_default(Ear).expect("nobody else listens");
            Self::default()
        });
        EARS.get_or_init(|| VERDICTS.get().expect("just made"))
    }

    pub(crate) fn take(&self, id: &str) -> Option<Verdict> {
        self.0.lock().expect("unharmed").remove(id)
    }
}

static EARS: OnceLock<&'static Verdicts> = OnceLock::new();

struct Ear;

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("freshkey_gateway") && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _attributes: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        if line.message == "allowed"
            && let Some(verdicts) = EARS.get()
        {
            verdicts.0.lock().expect("unharmed").insert(line.id, line.verdict);
        }
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    id: String,
    verdict: Verdict,
}

impl Line {
    fn place(&mut self, field: &Field) -> Option<&mut String> {
        match field.name() {
            "message" => Some(&mut self.message),
            "request.id" => Some(&mut self.id),
            "method" => Some(&mut self.verdict.method),
            "host" => Some(&mut self.verdict.host),
            "path" => Some(&mut self.verdict.path),
            "rule" => Some(&mut self.verdict.rule),
            _ => None,
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(place) = self.place(field) {
            value.clone_into(place);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(place) = self.place(field) {
            *place = format!("{value:?}");
        }
    }
}
