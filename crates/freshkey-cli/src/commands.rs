//! The commands, each in a module of its own.

pub(crate) mod agent;
pub(crate) mod credential;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod profiles;
pub(crate) mod refresh;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod whoami;

use crate::arguments::{Arguments, Command};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::{Failure, FailureKind};
use std::process::ExitCode;

/// Does what was typed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let output = arguments.output();
    let done = |result: Result<(), Failure>| result.map(|()| ExitCode::SUCCESS);
    let environment = || Environment::new(arguments);
    match &arguments.command {
        Command::Login(login) => done(login::run(&environment()?, login, output)),
        Command::Token(token) => done(token::run(&environment()?, token, output)),
        Command::Refresh(refresh) => done(refresh::run(&environment()?, refresh, output)),
        Command::Whoami(whoami) => done(whoami::run(&environment()?, whoami, output)),
        Command::Status(status) => done(status::run(&environment()?, status, output)),
        Command::Logout(logout) => done(logout::run(&environment()?, logout, output)),
        Command::Exec(exec) => exec::run(&environment()?, exec),
        Command::Profiles(profiles) => done(profiles::run(&environment()?, profiles, output)),
        Command::Agent(agent) => done(agent::run(&environment()?, agent, output)),
        Command::Setup(setup) => done(setup::run(&environment()?, setup, output)),
        Command::Unset(unset) => done(setup::unset(&environment()?, unset, output)),
        Command::Credential(credential) => credential::run(&environment()?, credential),
        Command::Explain(explain) => done(explain::run(&environment()?, explain, output)),
        Command::Doctor(doctor) => doctor::run(&environment()?, doctor, output),
        Command::Trust(trust) => done(trust::run(&environment()?, trust, output)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut crate::command(), "freshkey", &mut script);
            done(terminal::print(&script))
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(crate::command())
                .render(&mut page)
                .map_err(|error| Failure::new(FailureKind::Failed, format!("the page cannot be made: {error}")))?;
            done(terminal::print(&page))
        }
    }
}
