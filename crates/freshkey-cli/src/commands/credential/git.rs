//! git's credential helpers (gitcredentials(7), git-credential(1)). From git 2.46 on the token goes out as `Bearer` where the host takes that, and is
//! marked as not worth keeping; otherwise it is the password of a user name, with its end.

use super::{Token, deliveries, origin, request, tell};
use crate::commands::setup::git::{TOOL, USERNAME};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::Failure;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// What git wants: get, store, erase, or something newer.
    action: String,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    // There is nothing to keep, and nothing that git could take away.
    if arguments.action == "get"
        && let Some(asked) = request().as_deref().and_then(Asked::parse)
    {
        terminal::print(answer(environment, &arguments.profile, &asked)?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(environment: &Environment, profile: &str, asked: &Asked) -> Result<String, Failure> {
    let url = origin(&asked.protocol, &asked.host);
    let set_up = deliveries(environment, TOOL, Some(profile))?;
    let Some((_, delivery)) = set_up.iter().find(|(_, delivery)| delivery.url.as_ref() == Some(&url)) else {
        return Ok(String::new());
    };
    let username = asked.username.as_ref().or_else(|| delivery.options.get("username")).map_or(USERNAME, String::as_str);
    Ok(match Token::of(environment, profile) {
        Ok(token) => asked.answer(username, &token),
        Err(failure) => {
            // Without this git would ask for a user name, which helps nobody.
            tell(&failure);
            "quit=1\n".to_owned()
        }
    })
}

/// What git says of the request that it wants to make.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    protocol: String,
    host: String,
    username: Option<String>,
    knows_authtype: bool,
    /// The schemes that the host has offered, in small letters.
    offered: Vec<String>,
}

impl Asked {
    /// `None` unless every line is one of an honest git: a name that comes twice could be a line that was smuggled into another (CVE-2020-5260).
    fn parse(text: &str) -> Option<Self> {
        let mut asked = Self::default();
        let mut seen = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=')?;
            if !name.ends_with("[]") {
                if seen.contains(&name) {
                    return None;
                }
                seen.push(name);
            }
            match name {
                "protocol" => value.clone_into(&mut asked.protocol),
                "host" => value.clone_into(&mut asked.host),
                "username" => asked.username = Some(value.to_owned()).filter(|name| !name.is_empty()),
                "capability[]" => asked.knows_authtype |= value == "authtype",
                "wwwauth[]" => asked.offered.extend(value.split_whitespace().next().map(str::to_ascii_lowercase)),
                _ => {}
            }
        }
        (!asked.protocol.is_empty() && !asked.host.is_empty()).then_some(asked)
    }

    fn answer(&self, username: &str, token: &Token) -> String {
        let (text, end) = (token.text.expose(), token.expires_at);
        // GitLab, for one, takes an access token as a password only, and says so.
        let takes_bearer = self.offered.is_empty() || self.offered.iter().any(|scheme| scheme == "bearer");
        if self.knows_authtype && takes_bearer {
            return format!("capability[]=authtype\nauthtype=Bearer\ncredential={text}\nephemeral=1\npassword_expiry_utc={end}\n");
        }
        format!("username={username}\npassword={text}\npassword_expiry_utc={end}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_protocol::Secret;

    fn asked(text: &str) -> Asked {
        Asked::parse(text).expect("a request")
    }

    fn answer(text: &str) -> String {
        asked(text).answer("oauth2", &Token { text: Secret::new("the-token".to_owned()), expires_at: 7 })
    }

    #[test]
    fn bearer_is_used_by_a_git_that_knows_it_towards_a_host_that_takes_it() {
        let bearer = "capability[]=authtype\nauthtype=Bearer\ncredential=the-token\nephemeral=1\npassword_expiry_utc=7\n";
        let basic = "username=oauth2\npassword=the-token\npassword_expiry_utc=7\n";
        for (text, expected) in [
            ("capability[]=state\ncapability[]=authtype\nprotocol=https\nhost=git.example\n", bearer),
            ("capability[]=authtype\nprotocol=https\nhost=git.example\nwwwauth[]=Basic realm=\"a\"\nwwwauth[]=BEARER\n\n", bearer),
            ("capability[]=authtype\nprotocol=https\nhost=git.example\nwwwauth[]=Basic realm=\"GitLab\"\n", basic),
            ("protocol=https\nhost=git.example\nwwwauth[]=Bearer\n", basic),
        ] {
            assert_eq!(answer(text), expected, "{text}");
        }
    }

    #[test]
    fn t_063_a_line_that_comes_twice_or_is_none_gets_nothing() {
        for text in [
            "protocol=https\nhost=git.example\nhost=evil.example\n",
            "protocol=https\nprotocol=http\nhost=git.example\n",
            "protocol=https\nhost\n",
            "protocol=https\n",
            "host=git.example\n",
            "",
            "\nprotocol=https\nhost=git.example\n",
        ] {
            assert_eq!(Asked::parse(text), None, "{text}");
        }
        assert_eq!(asked("protocol=https\nhost=git.example\n\nhost=evil.example\n").host, "git.example");
    }
}
