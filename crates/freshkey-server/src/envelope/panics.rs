//! Panics of handlers: caught, told once, and never with the values that they mention (T-054).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What may be told of a panic.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct CaughtPanic {
    /// File and line.
    pub(super) location: String,
    /// The message, if it is a literal of the program. A formatted one may hold a secret.
    pub(super) message: &'static str,
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<CaughtPanic>> = const { RefCell::new(None) };
}

/// Sends panics to the log instead of standard error: without the values in their messages, and those of requests with the request's id.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let panic =
            CaughtPanic { location: info.location().map(ToString::to_string).unwrap_or_default(), message: literal(info.payload()) };
        if WATCHED.get() {
            LAST.set(Some(panic));
        } else {
            tracing::error!(panic.location = panic.location, panic.message = panic.message, "a task panicked");
        }
    }));
}

fn literal(payload: &dyn Any) -> &'static str {
    // Only a panic without arguments has a payload of this type.
    payload.downcast_ref::<&'static str>().copied().unwrap_or("a message with values, left out")
}

/// Runs a future; a panic in it becomes an error.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, CaughtPanic> {
    Caught { future: Box::pin(future) }.await
}

struct Caught<F> {
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, CaughtPanic>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.future.as_mut();
        WATCHED.set(true);
        // Unwind safe: after a panic the future is dropped and never polled again; what it shares with others is behind locks of theirs.
        let outcome = catch_unwind(AssertUnwindSafe(|| future.poll(context)));
        WATCHED.set(false);
        match outcome {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(LAST.take().unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_054_a_message_with_values_is_left_out_and_a_literal_one_is_kept() {
        let payload = |panicking: fn()| catch_unwind(panicking).expect_err("a panic");
        assert_eq!(literal(&*payload(|| panic!("a literal"))), "a literal");
        let told = literal(&*payload(|| panic!("{}", ["hunter2"].concat())));
        assert!(!told.contains("hunter2"), "{told}");
    }
}
