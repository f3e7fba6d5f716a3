//! A place for one shared connection that is opened when it is needed and opened again when it was lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::connection::{Connection, Purpose};
use super::connector::Connector;
use super::failure::Failure;

/// Many requests use the connection at once; they are pipelined.
pub(super) struct Slot {
    purpose: Purpose,
    current: Mutex<Option<Arc<Connection>>>,
    /// Held while connecting, so that one lost connection is replaced by one and not by a crowd.
    connecting: AsyncMutex<()>,
}

impl Slot {
    pub(super) fn new(purpose: Purpose) -> Self {
        Slot { purpose, current: Mutex::new(None), connecting: AsyncMutex::new(()) }
    }

    pub(super) async fn get(&self, connector: &Connector) -> Result<Arc<Connection>, Failure> {
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        let connection = Arc::new(connector.connect(self.purpose).await?);
        *self.current() = Some(connection.clone());
        Ok(connection)
    }

    /// Forgets this connection, unless it has been replaced already.
    pub(super) fn discard(&self, connection: &Arc<Connection>) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
            *current = None;
        }
    }

    pub(super) fn clear(&self) {
        *self.current() = None;
    }

    fn usable(&self) -> Option<Arc<Connection>> {
        self.current().as_ref().filter(|connection| connection.is_usable()).cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
