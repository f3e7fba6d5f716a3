//! `freshkey agent`: it starts by itself, so this is for looking, for stopping, and for a service manager.

use crate::environment::{Environment, block_on, passphrase};
use crate::terminal::{self, Output};
use freshkey_client::agent::ask::terminate;
use freshkey_client::agent::serve::{Agent, AgentStatus, Call, Listening};
use freshkey_client::agent::start::{self, READY};
use freshkey_client::keeper::Keeper;
use freshkey_client::vault::Vault;
use freshkey_client::vault::key::Source;
use freshkey_client::{Failure, FailureKind};
use freshkey_protocol::Secret;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Start it, unless it runs.
    Start,
    /// Stop it. The next caller starts it again.
    Stop,
    /// Say whether it runs.
    Status,
    /// Be the agent, in the foreground, for a service manager.
    Serve {
        /// Take the key from standard input, from whoever started this process.
        #[arg(long, value_name = "SOURCE", hide = true)]
        key_from_standard_input: Option<String>,
    },
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Start => start::start(&environment.directories, &passphrase),
        Verb::Stop => {
            let was_told = match environment.tell(&Call::Stop) {
                Err(failure) if failure.kind == FailureKind::Agent => false,
                told => told?,
            };
            // What does not understand it, or breaks off, is ended by a signal.
            let was_running = was_told || terminate(&environment.directories)?;
            if output.json { terminal::print_json(&serde_json::json!({ "stopped": was_running })) } else { Ok(()) }
        }
        Verb::Status => status(environment, output),
        Verb::Serve { key_from_standard_input } => serve(environment, key_from_standard_input.as_deref()),
    }
}

fn status(environment: &Environment, output: Output) -> Result<(), Failure> {
    if !environment.tell(&Call::Status)? {
        return if output.json {
            terminal::print_json(&serde_json::json!({ "running": false }))
        } else {
            terminal::print(b"not running; it starts by itself\n")
        };
    }
    let (data, _) = environment.call(&Call::Status)?;
    let status: AgentStatus = serde_json::from_slice(&data)
        .map_err(|_| Failure::new(FailureKind::Agent, "the agent is of another release").with_hint("run `freshkey agent stop`"))?;
    if output.json {
        return terminal::print_json(&serde_json::json!({ "running": true, "status": status }));
    }
    let accounts = if status.accounts.is_empty() { "no accounts".to_owned() } else { status.accounts.join(", ") };
    terminal::print(format!("process {}, release {}, holds {accounts}\n", status.pid, status.release).as_bytes())
}

/// Nobody may look into this process: no trace, no core dump (T-066). And it has descriptors for as many callers as the machine allows.
fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    // Neither call fails for a process's own limits; a kernel without them has nothing to switch off.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, nothing);
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    // Under a limit, memory that is needed later could not be had. Swap is then what the machine makes of it.
    if getrlimit(Resource::Memlock).current.is_none() {
        let _ = rustix::mm::mlockall(rustix::mm::MlockAllFlags::CURRENT | rustix::mm::MlockAllFlags::FUTURE);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

fn serve(environment: &Environment, key_from: Option<&str>) -> Result<(), Failure> {
    harden();
    let vault = match key_from {
        Some(source) => {
            let source = Source::parse(source).ok_or_else(|| Failure::new(FailureKind::Usage, "there is no such key source"))?;
            let mut key = Secret::new([0; 32]);
            key.with_mut(|key| std::io::stdin().lock().read_exact(key))
                .map_err(|error| Failure::new(FailureKind::Key, format!("no key on standard input: {error}")))?;
            Vault::with_key(&environment.directories, &key, source)?
        }
        None => Vault::open(&environment.directories, &passphrase)?,
    };
    let keeper = Arc::new(Keeper::new(environment.directories.clone(), vault, Arc::clone(&environment.clock)));
    block_on(async {
        let Some(listening) = Listening::take(&environment.directories)? else {
            return Err(Failure::new(FailureKind::Agent, "another agent runs"));
        };
        let mut out = std::io::stdout();
        // Whoever started this process may have gone.
        let _ = out.write_all(format!("{READY}\n").as_bytes()).and_then(|()| out.flush());
        Agent::new(keeper).serve(listening).await
    })
}
