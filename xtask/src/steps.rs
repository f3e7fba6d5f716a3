//! Running named steps one after the other, and the one line that sums them up.

use std::process::{Command, ExitCode};

/// What was run so far. A failed step doesn't stop the next one: one run shows everything that is wrong.
#[derive(Default)]
pub(crate) struct Steps {
    passed: usize,
    failures: Vec<String>,
}

impl Steps {
    /// Announces a step, runs it, and remembers how it ended.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) {
        println!("\n── {name}");
        match work() {
            Ok(()) => self.passed += 1,
            Err(reason) => {
                eprintln!("{name}: {reason}");
                self.failures.push(format!("{name}: {reason}"));
            }
        }
    }

    /// Prints the failures and, last, the line that programs may read.
    pub(crate) fn finish(&self) -> ExitCode {
        println!();
        for failure in &self.failures {
            println!("FAILED  {failure}");
        }
        println!("{}", self.summary());
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn summary(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failures.len())
    }
}

/// Runs a program with our own standard streams, after printing what is run.
pub(crate) fn execute(command: &mut Command) -> Result<(), String> {
    let line = describe(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}

/// A command as a person would type it: the program by its name, then the arguments.
pub(crate) fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| {
        let text = argument.to_string_lossy();
        if text.contains(' ') { format!("'{text}'") } else { text.into_owned() }
    });
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_counted_and_the_next_one_still_runs() {
        let mut steps = Steps::default();
        let mut second_ran = false;
        steps.run("first", || Err("broken".to_owned()));
        steps.run("second", || {
            second_ran = true;
            Ok(())
        });
        assert!(second_ran);
        assert_eq!(steps.summary(), "1 passed, 1 failed");
    }

    #[test]
    fn a_program_that_fails_is_named_with_its_arguments() {
        let refused = execute(Command::new("sh").args(["-c", "exit 3"]));
        let reason = refused.expect_err("an exit code of 3 is a failure");
        assert!(reason.starts_with("`sh -c 'exit 3'` ended with"), "{reason}");
    }
}
