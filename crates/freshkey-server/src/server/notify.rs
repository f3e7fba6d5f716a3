//! Tells systemd how far the service is (`sd_notify(3)`), if it asked to be told. Nobody depends on it being heard.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

pub(super) fn tell(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Some(address) = address(&path)
        && let Ok(socket) = UnixDatagram::unbound()
    {
        // A manager that is gone needs no news.
        let _ = socket.send_to_addr(state.as_bytes(), &address);
    }
}

/// A path, or a name in the abstract namespace after an `@`.
fn address(path: &OsString) -> Option<SocketAddr> {
    match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(path).ok(),
        _ => None,
    }
}
