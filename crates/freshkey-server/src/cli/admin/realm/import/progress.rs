//! How far an import is: a bar on a terminal, elsewhere a line for every tenth of the way.

use crate::cli::output::Output;
use crate::keycloak_database::{Progress, Step};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::ops::ControlFlow;

/// Tells how far a move is.
pub(super) struct Shown {
    output: Output,
    /// Of the present step.
    bar: Option<(Step, ProgressBar)>,
    /// The last line that was written: step, and tenths.
    line: Option<(Step, u64)>,
}

impl Shown {
    /// Nothing is shown yet.
    pub(super) fn new(output: Output) -> Self {
        Self { output, bar: None, line: None }
    }

    fn draw(&mut self, step: Step, done: u64, total: u64) {
        if self.bar.as_ref().is_none_or(|(shown, _)| *shown != step) {
            self.finish();
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template(&format!("{:<14} {{bar:40}} {{pos}}/{{len}}, {{eta}} left", words(step))) {
                bar.set_style(style);
            }
            self.bar = Some((step, bar));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set_position(done.min(total));
        }
    }

    fn write(&mut self, step: Step, done: u64, total: u64) {
        let tenths = done.saturating_mul(10) / total.max(1);
        if self.line != Some((step, tenths)) {
            self.output.say(&format!("{}: {done} of {total}", words(step)));
            self.line = Some((step, tenths));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn step(&mut self, step: Step, done: u64, total: u64) -> ControlFlow<()> {
        if std::io::stderr().is_terminal() {
            self.draw(step, done, total);
        } else {
            self.write(step, done, total);
        }
        ControlFlow::Continue(())
    }
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Check => "users checked",
        Step::Users => "users",
        Step::Sessions => "sessions",
    }
}
