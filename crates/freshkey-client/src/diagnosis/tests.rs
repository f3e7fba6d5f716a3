//! Cures are commands, fingerprints are compared as people write them, and times are those of the calendar.

use super::clock::{day, span};
use super::*;

#[test]
fn a_hint_becomes_a_command_only_if_it_can_be_pasted() {
    assert_eq!(Cure::of_hint("run `chmod 700 /run/user/7/freshkey`"), Cure::command("chmod 700 /run/user/7/freshkey"));
    let with_more = Cure::of_hint("run `freshkey logout --all`, and sign in anew");
    assert_eq!(with_more.command.as_deref(), Some("freshkey logout --all"));
    assert!(with_more.advice.is_some());
    assert_eq!(Cure::of_hint("run `freshkey login NAME --issuer URL --client-id ID`").command, None);
    assert_eq!(Cure::of_hint("unlock it, and try again").command, None);
}

#[test]
fn t_065_what_a_provider_says_is_one_word_of_a_command() {
    assert_eq!(shell_word("https://sso.example/realms/UA"), "https://sso.example/realms/UA");
    assert_eq!(shell_word("https://sso.example/$(reboot)'"), "'https://sso.example/$(reboot)'\\'''");
    assert_eq!(shell_word(""), "''");
}

#[test]
fn a_fingerprint_is_read_however_it_is_written() {
    let digits = "0123456789abcdef".repeat(4);
    let plain = certificate::fingerprint(&digits).expect("64 digits");
    assert!(plain.starts_with("01:23:45") && plain.len() == 95, "{plain}");
    for written in [format!("SHA256:{digits}"), format!("sha256 Fingerprint={plain}"), plain.to_lowercase(), format!(" {plain} ")] {
        assert_eq!(certificate::fingerprint(&written).as_ref(), Some(&plain), "{written}");
    }
    for wrong in ["", "yes", "01:23", &digits[1..], &format!("{digits}0"), &digits.replace('a', "g")] {
        assert_eq!(certificate::fingerprint(wrong), None, "{wrong}");
    }
}

#[test]
fn times_are_those_of_the_calendar() {
    assert_eq!(day(0), "1970-01-01 00:00 UTC");
    assert_eq!(day(1_709_251_199), "2024-02-29 23:59 UTC");
    assert_eq!(day(-60), "1969-12-31 23:59 UTC");
    assert_eq!([span(59), span(600), span(7200), span(864_000)], ["59 s", "10 min", "2 h", "10 days"]);
}

#[test]
fn every_check_is_written_as_it_is_sent() {
    for check in [Check::Directories, Check::SignIn, Check::Deliveries] {
        assert_eq!(serde_json::to_value(check).expect("a name"), check.as_str());
    }
}
