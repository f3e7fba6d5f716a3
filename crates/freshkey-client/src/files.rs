//! Files: read with a limit, written whole, locked by the kernel.

use crate::failure::{Failure, FailureKind};
use crate::limits::LOCK_TIMEOUT;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The content of a file; `None` when there is no such file.
pub fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(path, "read", &error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| Failure::file(path, "read", &error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::new(FailureKind::Failed, format!("{} is longer than {bytes_max} bytes", path.display())));
    }
    Ok(Some(bytes))
}

/// The same as text.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<Option<String>, Failure> {
    let not_text = |_| Failure::new(FailureKind::Failed, format!("{} is not text in UTF-8", path.display()));
    read(path, bytes_max)?.map(String::from_utf8).transpose().map_err(not_text)
}

/// Writes a file whole: whoever reads sees the old content or the new one, also after a power cut (T-068, T-089).
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    Successor::reserve(path, content.len() as u64, mode)?.become_the_file(content)
}

/// Removes a file. None is as good.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(path).map_err(|error| Failure::file(path, "removed", &error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(path, "removed", &error)),
    }
}

/// The file that will take another's place. Its room on the disk is taken before its content is known: a new token that the provider has already
/// given must not be lost because the disk is full (T-091).
pub struct Successor {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    became: bool,
}

impl Successor {
    /// Takes `bytes` of room beside `path`.
    pub fn reserve(path: &Path, bytes: u64, mode: u32) -> Result<Self, Failure> {
        let unwritable = |error: io::Error| Failure::file(path, "written", &error);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // One name, since whoever writes this file holds its lock: what a killed process has left there is cleared away by the next one.
        let temporary = path.with_file_name(format!(".{name}.new"));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).map_err(unwritable)?;
        let reserved = Self { file, temporary, target: path.to_owned(), became: false };
        // The mode above is narrowed by the umask, which is not ours to trust either way.
        reserved.file.set_permissions(fs::Permissions::from_mode(mode)).map_err(unwritable)?;
        reserved.take_room(bytes).map_err(unwritable)?;
        Ok(reserved)
    }

    fn take_room(&self, bytes: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(&self.file, FallocateFlags::empty(), 0, bytes.max(1)) {
            // Where there is no such call, zeros take the room.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                let zeros = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(1 << 24)];
                (&self.file).write_all(&zeros)?;
                self.file.sync_all()
            }
            done => Ok(done?),
        }
    }

    /// Writes the content, and takes the other file's place. Durable when it returns.
    pub fn become_the_file(mut self, content: &[u8]) -> Result<(), Failure> {
        let unwritable = |error: io::Error| Failure::file(&self.target, "written", &error);
        let mut file = &self.file;
        io::Seek::rewind(&mut file).map_err(unwritable)?;
        file.write_all(content).map_err(unwritable)?;
        file.set_len(content.len() as u64).map_err(unwritable)?;
        file.sync_all().map_err(unwritable)?;
        fs::rename(&self.temporary, &self.target).map_err(unwritable)?;
        sync_directory(&self.target).map_err(unwritable)?;
        self.became = true;
        Ok(())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.became {
            // What is left behind is removed by the next one, and never read.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// A lock that the kernel holds for this process and gives back when the process ends, however it ends (T-058).
#[derive(Debug)]
pub struct Locked {
    // Closing it is what unlocks.
    _file: File,
}

/// Time between two looks at a lock that somebody else holds.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Locked {
    /// Takes the lock if nobody holds it.
    pub fn at_once(path: &Path) -> Result<Option<Self>, Failure> {
        let file = open_lock(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(unlockable(path, &error)),
        }
    }

    /// Waits for the lock in this thread. For short work only.
    pub fn wait(path: &Path) -> Result<Self, Failure> {
        let file = open_lock(path)?;
        file.lock().map(|()| Self { _file: file }).map_err(|error| unlockable(path, &error))
    }

    /// Waits for the lock, for as long as a request may take.
    pub async fn wait_long(path: &Path) -> Result<Self, Failure> {
        let waiting = async {
            loop {
                if let Some(locked) = Self::at_once(path)? {
                    return Ok(locked);
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LOCK_TIMEOUT, waiting).await.unwrap_or_else(|_| {
            let seconds = LOCK_TIMEOUT.as_secs();
            Err(Failure::new(FailureKind::Failed, format!("{} was locked by another process for {seconds} seconds", path.display()))
                .with_hint(format!("see who holds it with `fuser {}`", path.display())))
        })
    }
}

fn open_lock(path: &Path) -> Result<File, Failure> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|error| Failure::file(path, "opened", &error))
}

/// Some network file systems have no locks. Going on without one could lose a session, so nothing goes on.
fn unlockable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Failed, format!("{} cannot be locked: {error}", path.display()))
        .with_hint("put XDG_STATE_HOME and XDG_CONFIG_HOME on a file system with locks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("token");
        replace(&path, b"long content", 0o600).expect("written");
        replace(&path, b"short", 0o600).expect("written");
        assert_eq!(read(&path, 100), Ok(Some(b"short".to_vec())));
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_reserved_and_not_used_leaves_the_file_as_it_was() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("token");
        replace(&path, b"before", 0o600).expect("written");
        drop(Successor::reserve(&path, 1 << 16, 0o600).expect("reserved"));
        assert_eq!(read(&path, 100), Ok(Some(b"before".to_vec())));
        assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 1);
    }

    #[test]
    fn a_file_has_a_limit_and_may_be_missing() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("token");
        assert_eq!(read(&path, 4), Ok(None));
        fs::write(&path, b"12345").expect("written");
        assert!(read(&path, 4).expect_err("too long").message.contains("longer than 4 bytes"));
        assert_eq!(remove(&path), Ok(()));
        assert_eq!(remove(&path), Ok(()));
    }

    #[test]
    fn t_058_a_lock_is_held_by_one_and_free_when_that_one_is_gone() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("lock");
        let held = Locked::at_once(&path).expect("lockable").expect("free");
        assert!(Locked::at_once(&path).expect("lockable").is_none());
        drop(held);
        assert!(Locked::at_once(&path).expect("lockable").is_some());
    }
}
