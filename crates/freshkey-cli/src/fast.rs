//! `freshkey token`, as it is asked for a thousand times: its few options are read by hand, the agent is asked, the token printed. Whatever is unusual
//! (another option, no agent, a failure) is left to the ordinary way, which does it all once more.

use freshkey_client::agent::ask::ask;
use freshkey_client::agent::frame::{Answer, Request, TokenForm, TokenWish};
use freshkey_client::directories::Directories;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Prints the token, if it is that simple. `None` when it is not.
pub fn token(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let wish = wish(arguments, || std::env::var("FRESHKEY_PROFILE").ok())?;
    let directories = Directories::of_environment().ok()?;
    let Ok(Answer::Done { data, warning: None }) = ask(&directories, &Request::Token(wish)) else { return None };
    let mut out = std::io::stdout().lock();
    // A standard output that is closed is told of by the ordinary way.
    out.write_all(&data).and_then(|()| out.flush()).ok().map(|()| ExitCode::SUCCESS)
}

/// What is asked for; `None` for any word that isn't known here.
fn wish(mut arguments: impl Iterator<Item = OsString>, default: impl FnOnce() -> Option<String>) -> Option<TokenWish> {
    if arguments.next()? != "token" {
        return None;
    }
    let mut wish = TokenWish::default();
    while let Some(argument) = arguments.next() {
        match argument.to_str()? {
            "--header" if wish.form == TokenForm::Plain => wish.form = TokenForm::Header,
            "--json" if wish.form == TokenForm::Plain => wish.form = TokenForm::Json,
            "--field" if wish.form == TokenForm::Plain => wish.form = TokenForm::Field(arguments.next()?.into_string().ok()?),
            "--min-ttl" => wish.min_ttl_s = Some(arguments.next()?.to_str()?.parse().ok()?),
            name if !name.starts_with('-') && wish.profile.is_none() => wish.profile = Some(name.to_owned()),
            _ => return None,
        }
    }
    wish.profile = wish.profile.or_else(default).filter(|name| !name.is_empty());
    Some(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<TokenWish> {
        wish(line.split_whitespace().map(OsString::from), || None)
    }

    #[test]
    fn what_is_usual_is_read_by_hand() {
        assert_eq!(read("token"), Some(TokenWish::default()));
        let expected = TokenWish { profile: Some("ua".into()), min_ttl_s: Some(60), form: TokenForm::Header };
        assert_eq!(read("token ua --min-ttl 60 --header"), Some(expected));
        assert_eq!(read("token --field sub").map(|wish| wish.form), Some(TokenForm::Field("sub".into())));
        let of_environment = wish(["token"].into_iter().map(OsString::from), || Some("lab".into()));
        assert_eq!(of_environment.and_then(|wish| wish.profile).as_deref(), Some("lab"));
    }

    #[test]
    fn whatever_is_unusual_is_left_to_the_ordinary_way() {
        for line in
            ["", "status", "token --help", "token --no-agent", "token a b", "token --min-ttl", "token --min-ttl x", "token --json --header"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
