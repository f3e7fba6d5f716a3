//! A password from the terminal, from standard input, or made here; never from the command line, which others on the machine can see.

use super::{Desk, OpenRealm};
use crate::cli::{ExitStatus, Failure};
use crate::limits::STANDARD_INPUT_BYTES_MAX;
use freshkey_core::documents::{CredentialRecord, UserRecord};
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::keycloak::defaults::random_client_secret;
use freshkey_core::keycloak::edit::UserChange;
use freshkey_core::keycloak::users::{PASSWORD, UPDATE_PASSWORD, password_record, stored_password};
use freshkey_core::passwords::{self, HashWorkspace, PlainPassword, PolicyRefusal, PolicySubject, PolicyViolation};
use freshkey_protocol::Secret;
use std::io::{IsTerminal as _, Read as _, Write as _};

/// Kind of the credentials that are former passwords.
const FORMER: &str = "password-history";

/// Where a password comes from.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub(super) struct Source {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub(super) password_stdin: bool,
    /// Make a password, and print it alone on standard output.
    #[arg(long)]
    pub(super) generate: bool,
}

/// A new password.
pub(super) struct NewPassword {
    /// The password.
    pub(super) text: Secret<String>,
    /// Whether it was made here, so that it has to be shown.
    pub(super) is_generated: bool,
}

/// Whether it must be changed at the next sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// It is the user's own.
    Permanent,
    /// It is good for one sign-in in person, in which it is changed.
    Temporary,
}

impl Source {
    /// Reads or makes the password. Without either option the terminal is asked, twice.
    pub(super) fn obtain(&self, desk: &Desk, username: &str) -> Result<NewPassword, Failure> {
        if self.generate {
            return Ok(NewPassword { text: generated(desk), is_generated: true });
        }
        let text = if self.password_stdin { from_standard_input()? } else { from_terminal(username)? };
        if text.expose().is_empty() {
            return Err(Failure::new(ExitStatus::Usage, "the password is empty"));
        }
        Ok(NewPassword { text, is_generated: false })
    }
}

/// 32 letters and digits in groups, 190 bits; the hyphens satisfy policies that want a special character.
fn generated(desk: &Desk) -> Secret<String> {
    loop {
        let letters = random_client_secret(&desk.entropy);
        let has = |wanted: fn(&u8) -> bool| letters.expose().as_bytes().iter().any(wanted);
        // Policies may want a letter of each case and a digit; nearly every draw has them.
        if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit) {
            let groups: Vec<&str> = (0..4).filter_map(|group| letters.expose().get(group * 8..group * 8 + 8)).collect();
            return Secret::new(groups.join("-"));
        }
    }
}

fn from_standard_input() -> Result<Secret<String>, Failure> {
    let mut read = Vec::with_capacity(STANDARD_INPUT_BYTES_MAX);
    let limit = u64::try_from(STANDARD_INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    let outcome = std::io::stdin().lock().take(limit).read_to_end(&mut read);
    let read = Secret::new(read);
    outcome.map_err(|error| unreadable(&error))?;
    let text = std::str::from_utf8(first_line(read.expose())).map_err(|_| Failure::new(ExitStatus::Usage, "the password is not UTF-8"))?;
    Ok(Secret::new(text.to_owned()))
}

/// Up to the end of the line, so that `echo secret |` and `printf secret |` mean the same.
fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn from_terminal(username: &str) -> Result<Secret<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::new(ExitStatus::Usage, "there is no terminal to ask for the password").with_hint("use --password-stdin or --generate")
        );
    }
    let first = ask(&format!("New password for {}: ", crate::cli::output::escaped(username)))?;
    let second = ask("The same again: ")?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure::new(ExitStatus::Usage, "the two passwords differ").with_hint("nothing was changed; try again"))
    }
}

fn ask(question: &str) -> Result<Secret<String>, Failure> {
    let terminal = console::Term::stderr();
    let _ = std::io::stderr().lock().write_all(question.as_bytes());
    terminal.read_secure_line().map(Secret::new).map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(ExitStatus::Failed, format!("the password cannot be read: {error}"))
}

/// Gives a user a password that the realm's rules allow. A former one is kept where the rules ask for its like never to come back.
pub(super) fn put(desk: &Desk, open: &OpenRealm, record: &mut UserRecord, password: &NewPassword, lasting: Lasting) -> Result<(), Failure> {
    let policy = &open.realm.settings.password_policy;
    let plain = PlainPassword::new(password.text.expose())
        .map_err(|_| Failure::new(ExitStatus::Usage, "the password is too long").with_hint("4096 bytes are the most"))?;
    let mut workspace = HashWorkspace::new();
    let former: Vec<_> =
        [PASSWORD, FORMER].iter().flat_map(|kind| record.credentials.iter().filter(move |credential| credential.kind == *kind)).collect();
    let history: Vec<_> = former.iter().filter_map(|credential| stored_password(credential).ok()).collect();
    let subject = PolicySubject { username: &record.user.username, email: record.user.email.as_deref() };
    policy.check(plain, subject, &history, &mut workspace).map_err(|refusal| weak(&refusal))?;
    let hash = passwords::hash(plain, &policy.hash_algorithm(), random_bytes::<16>(&desk.entropy), &mut workspace)
        .map_err(|failure| Failure::new(ExitStatus::Failed, format!("the password cannot be hashed: {failure:?}")))?;
    let kept = usize::try_from(policy.former_passwords_kept()).unwrap_or(usize::MAX);
    let former: Vec<CredentialRecord> = former.into_iter().take(kept).map(|credential| renamed(desk, credential)).collect();
    record.credentials.retain(|credential| credential.kind != PASSWORD && credential.kind != FORMER);
    record.credentials.insert(0, password_record(random_uuid(&desk.entropy), &hash, desk.now.milliseconds()));
    record.credentials.extend(former);
    let action = UPDATE_PASSWORD.to_owned();
    let change = match lasting {
        Lasting::Temporary => UserChange::AddRequiredAction(action),
        Lasting::Permanent => UserChange::RemoveRequiredAction(action),
    };
    record.user =
        freshkey_core::keycloak::edit::change_user(&open.realm, &record.user, &[change]).map_err(|error| super::change::refused(&error))?;
    Ok(())
}

/// A former password, under an id of its own: whoever decides about the old id must not meet it again.
fn renamed(desk: &Desk, credential: &CredentialRecord) -> CredentialRecord {
    CredentialRecord { id: random_uuid(&desk.entropy), kind: FORMER.to_owned(), ..credential.clone() }
}

fn weak(refusal: &PolicyRefusal) -> Failure {
    let violation = match refusal {
        PolicyRefusal::Violation(violation) => violation,
        PolicyRefusal::Failure(failure) => {
            return Failure::new(ExitStatus::Failed, format!("the former passwords cannot be compared: {failure:?}"));
        }
    };
    let rule = match violation {
        PolicyViolation::TooShort(least) => format!("it needs at least {least} characters"),
        PolicyViolation::TooLong(most) => format!("it may have at most {most} characters"),
        PolicyViolation::TooFewDigits(least) => format!("it needs at least {least} digits"),
        PolicyViolation::TooFewLowerCase(least) => format!("it needs at least {least} small letters"),
        PolicyViolation::TooFewUpperCase(least) => format!("it needs at least {least} capital letters"),
        PolicyViolation::TooFewSpecialCharacters(least) => {
            format!("it needs at least {least} characters that are neither letter nor digit")
        }
        PolicyViolation::IsUsername => "it is the user name".to_owned(),
        PolicyViolation::ContainsUsername => "it contains the user name".to_owned(),
        PolicyViolation::IsEmail => "it is the e-mail address".to_owned(),
        PolicyViolation::UsedBefore(count) => format!("it is one of the last {count}"),
    };
    Failure::new(ExitStatus::Usage, format!("the realm's rules refuse this password: {rule}"))
        .with_hint("--generate makes one that nearly every policy takes; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_ends_at_the_line() {
        for (input, password) in [("a b\n", "a b"), ("a b", "a b"), ("a\r\n", "a"), ("a\nb\n", "a"), ("", ""), ("\n", "")] {
            assert_eq!(first_line(input.as_bytes()), password.as_bytes(), "{input:?}");
        }
    }
}
