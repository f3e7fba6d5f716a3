//! What can be typed. One struct for each command; what it does is in the module of its name under `commands`.

use crate::commands::{agent, credential, doctor, exec, explain, login, logout, profiles, refresh, setup, status, token, trust, whoami};
use crate::terminal::{Colour, Output};
use clap::{Parser, Subcommand};

/// Sign in once, and every tool on the machine has a fresh token. Works with any OpenID Connect provider.
#[derive(Debug, Parser)]
#[command(name = "freshkey", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Write JSON, for programs. Failures are JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value_t, global = true, hide_possible_values = true, value_name = "auto|always|never")]
    pub(crate) color: Colour,
    /// Do the work in this process, and neither ask nor start the agent.
    #[arg(long, global = true)]
    pub(crate) no_agent: bool,
}

const AFTER_HELP: &str = "\
Examples:
  freshkey login --issuer https://sso.example.org/realms/UA --client-id ua-grant
  freshkey token --header | curl --header @- https://api.example.org/
  freshkey exec -- python3 job.py
  freshkey doctor

Exit codes:
  0  done
  1  something on this machine failed: a file, a socket, the disk
  2  the command line is wrong
  3  nobody is signed in, or the sign-in is over
  4  the provider cannot be reached or cannot answer now; you stay signed in
  5  the provider refused the request
  6  there is no key for the accounts, or another one
  7  there is no such profile, or its settings are wrong
  8  the agent does not answer, or is of another release
  9  the provider cannot be trusted: its certificate, its address, or its name
 10  the provider answered something that is no answer

Environment:
  FRESHKEY_PROFILE          the profile that is meant when none is named
  FRESHKEY_PASSPHRASE_FILE  the file with the passphrase, where no keyring holds the key";

#[allow(clippy::large_enum_variant, reason = "made once, at the start")]
/// Everything that the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in, and keep the sign-in.
    Login(login::Arguments),
    /// Print a token that is fresh enough.
    Token(token::Arguments),
    /// Get a new token now.
    Refresh(refresh::Arguments),
    /// Say who is signed in, and what the token says.
    Whoami(whoami::Arguments),
    /// Show the accounts, the agent, where the key is, and which files hold a token.
    Status(status::Arguments),
    /// Sign out: revoke the tokens, and forget them.
    Logout(logout::Arguments),
    /// Run a program with a fresh token in its environment.
    Exec(exec::Arguments),
    /// List, choose and remove profiles.
    Profiles(profiles::Arguments),
    /// Start, stop and look at the agent.
    Agent(agent::Arguments),
    /// Supply a tool with tokens.
    Setup(setup::Arguments),
    /// Take back what `setup` did.
    Unset(setup::Unset),
    /// Answer a tool that asks. Tools call it, people don't.
    #[command(hide = true)]
    Credential(credential::Arguments),
    /// Decode a token, and say what is wrong with it.
    Explain(explain::Arguments),
    /// Say what is wrong, and one cure for each.
    Doctor(doctor::Arguments),
    /// Trust a private authority for one profile, after its fingerprint was compared.
    Trust(trust::Arguments),
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

impl Arguments {
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json, colour: self.color }
    }
}
