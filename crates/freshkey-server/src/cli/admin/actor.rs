//! Who is at the keyboard: the name that audit events give to changes made here.

use std::os::unix::fs::MetadataExt as _;

/// `cli:` and the account that runs this process, as the system knows it and not as a variable of the environment says.
pub(super) fn name() -> String {
    let Ok(process) = std::fs::metadata("/proc/self") else {
        return format!("cli:{}", std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()));
    };
    let id = process.uid();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    account_name(&accounts, id).map_or_else(|| format!("cli:uid-{id}"), |name| format!("cli:{name}"))
}

/// The name of an account in the form of `passwd(5)`.
fn account_name(accounts: &str, id: u32) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(account_name(accounts, 1000), Some("ada"));
        assert_eq!(account_name(accounts, 0), Some("root"));
        assert_eq!(account_name(accounts, 7), None);
    }
}
