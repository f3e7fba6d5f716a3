//! A token in a file, in clear, for a tool that can read nothing else: at its user's wish alone, mode 0600, replaced whole, and gone when nobody keeps it
//! fresh any more (T-068).

use crate::failure::{Failure, FailureKind};
use crate::files;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Seconds that the token in a file has left whenever somebody looks, if its provider lets it live for a quarter of an hour. Of one that lives
/// shorter, a fifth of its life is left.
///
/// With tokens of half an hour that is the platform's own promise: never more than 30 minutes, never less than 10. A token that its provider lets
/// live longer stands in the file as it was issued: to hold it back until it is older would age the roles in it, and make nobody safer.
pub const LEFT_S: u32 = 600;
/// Seconds before that in which the next token is asked for, so that a provider may fail a few times.
const AHEAD_S: u32 = 60;
/// What is asked of a token for a file: see [`crate::freshness::Lifetime::wanted_s`] for what becomes of it when the token can't live so long.
pub const MIN_TTL_S: u32 = LEFT_S + AHEAD_S;

/// File systems that are in memory: `TMPFS_MAGIC` and `RAMFS_MAGIC` of statfs(2).
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A place where a token may stand in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    path: PathBuf,
    directory: PathBuf,
}

impl TokenFile {
    /// Checks the place: an absolute path, in a directory that is there and in which nobody else can put another file in its stead.
    pub fn at(path: &Path) -> Result<Self, Failure> {
        let shown = crate::failure::shown(&path.display().to_string());
        let unfit = |what: &str| Failure::new(FailureKind::Usage, format!("{shown} cannot be a token file: {what}"));
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.chars().any(char::is_control));
        let (Some(directory), Some(_), true) = (path.parent(), name, path.is_absolute()) else {
            return Err(unfit("an absolute path to a file is needed"));
        };
        let found = match fs::metadata(directory) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Err(unfit("what it would lie in is not a directory")),
            Err(error) => {
                return Err(unfit(&format!("its directory is not there ({error})"))
                    .with_hint(format!("run `mkdir -p -m 700 {}`", directory.display())));
            }
        };
        if found.mode() & OTHERS_WRITE != 0 && found.mode() & STICKY == 0 {
            return Err(unfit("everybody may replace files in its directory").with_hint(format!("run `chmod o-w {}`", directory.display())));
        }
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(unfit("something that is not a file is there"));
        }
        Ok(Self { path: path.to_owned(), directory: directory.to_owned() })
    }

    /// The place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is in memory, so that no disk ever holds the token.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        let kind = rustix::fs::statfs(&self.directory).map(|found| found.f_type.cast_unsigned());
        kind.is_ok_and(|kind| IN_MEMORY.contains(&kind))
    }

    /// Puts a token there, and nothing beside it: whoever reads has this one whole, or the one before.
    pub fn write(&self, token: &str) -> Result<(), Failure> {
        files::replace(&self.path, token.as_bytes(), 0o600)
    }

    /// Takes it away.
    pub fn remove(&self) -> Result<(), Failure> {
        files::remove(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// In memory where there is such a place: a thousand renewals on a disk wait for the disk.
    fn place() -> tempfile::TempDir {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        made.expect("a directory")
    }

    fn jwt(number: usize) -> String {
        let part = |text: &str| freshkey_protocol::base64url::encode(text.as_bytes());
        let long = "x".repeat(number % 700 * 3);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&format!(r#"{{"jti":"{number}","x":"{long}"}}"#)), part("signature"))
    }

    #[test]
    fn t_068_a_million_reads_during_a_thousand_renewals_give_one_whole_token_each() {
        const READERS: usize = 4;
        const READS: usize = 250_000;
        const RENEWALS: usize = 1000;
        let place = place();
        let file = TokenFile::at(&place.path().join("token")).expect("fit");
        let tokens: Vec<String> = (0..=RENEWALS).map(jwt).collect();
        file.write(&tokens[0]).expect("written");
        let reads = AtomicUsize::new(0);
        let seen: usize = std::thread::scope(|scope| {
            let read = || {
                let (mut newest, mut seen) = (0, 0);
                for _ in 0..READS {
                    let text = fs::read_to_string(file.path()).expect("always there");
                    let at = tokens[newest..].iter().position(|token| *token == text);
                    newest += at.expect("a whole token, and none older than the one before");
                    seen += usize::from(at != Some(0));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                seen
            };
            let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
            for (number, token) in tokens.iter().enumerate().skip(1) {
                // Spread over the reads: whoever reads never has a quiet time.
                let due = READERS * READS * number / (RENEWALS + 1);
                while reads.load(Ordering::Relaxed) < due && !readers.iter().any(|reader| reader.is_finished()) {
                    std::thread::yield_now();
                }
                file.write(token).expect("written");
            }
            readers.into_iter().map(|reader| reader.join().expect("no panic")).sum()
        });
        assert!(seen > RENEWALS / 10, "the readers read while it was renewed: they saw {seen} changes");
        assert_eq!(fs::metadata(file.path()).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn t_068_a_place_that_is_not_fit_is_refused() {
        let place = place();
        let open = place.path().join("open");
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("changed");
        std::os::unix::fs::symlink("/etc/hostname", place.path().join("link")).expect("linked");
        for (path, why) in [
            (PathBuf::from("token"), "absolute"),
            (PathBuf::from("/"), "absolute"),
            (place.path().join("a\nb"), "absolute"),
            (place.path().join("nowhere/token"), "not there"),
            (place.path().join("link"), "not a file"),
            (place.path().join("open"), "not a file"),
            (open.join("token"), "everybody"),
        ] {
            let failure = TokenFile::at(&path).expect_err("unfit");
            assert!(failure.message.contains(why), "{failure}");
        }
        // With the sticky bit nobody can replace what is another's, as in `/tmp`.
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).expect("changed");
        assert!(TokenFile::at(&open.join("token")).is_ok());
    }

    #[test]
    fn where_a_file_is_in_memory_is_known() {
        for (directory, expected) in [("/dev/shm", true), ("/proc", false)] {
            let file = TokenFile { path: Path::new(directory).join("token"), directory: PathBuf::from(directory) };
            assert_eq!(file.is_in_memory(), expected && Path::new(directory).is_dir(), "{directory}");
        }
    }

    #[test]
    fn t_068_what_a_file_holds_has_ten_minutes_left_where_that_can_be() {
        use crate::freshness::Lifetime;
        let now = crate::clock::Moment { wall_ms: 0, boot_ms: 0, boot: 1 };
        for (life_s, left_s) in [(3600, 660), (1800, 660), (900, 660), (825, 660), (600, 120), (300, 60), (60, 12)] {
            assert_eq!(Lifetime { obtained: now, life_s }.wanted_s(Some(MIN_TTL_S)), left_s, "{life_s}");
        }
    }
}
