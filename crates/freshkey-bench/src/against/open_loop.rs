//! Requests at a fixed rate, whatever the server does. What waits for a free connection waits for the server: a latency counts from the
//! moment at which the request was to be sent.

use super::load::{Driven, Requests, joined};
use crate::http::Connection;
use crate::load::Random;
use crate::statistics::microseconds;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Sends for so many seconds, and comes back when every request that was due is answered.
pub(super) async fn drive(connections: Vec<Connection>, requests: &Requests, rate: f64, seconds: f64) -> Result<Driven, String> {
    let count = connections.len();
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let pacer = std::thread::spawn(move || pace(&sender, rate, seconds));
    let mut tasks = JoinSet::new();
    for (number, mut connection) in connections.into_iter().enumerate() {
        let (requests, receiver) = (requests.clone(), Arc::clone(&receiver));
        tasks.spawn(async move {
            let (mut random, mut waits) = (Random(number as u64), Vec::new());
            loop {
                let due: Option<Instant> = receiver.lock().await.recv().await;
                let Some(due) = due else { return Ok((connection, waits)) };
                let answer = connection.send(requests.one_of(&mut random, number, count)).await?;
                waits.push(microseconds(due.elapsed()));
                requests.check(&answer)?;
            }
        });
    }
    let driven = joined(tasks).await;
    // It ends when the receiver is gone, and has nothing to say.
    drop(receiver);
    let _ = pacer.join();
    driven
}

/// A thread of its own, because the runtime's timers are exact to a millisecond only, which is longer than some answers take.
fn pace(sender: &mpsc::UnboundedSender<Instant>, rate: f64, seconds: f64) {
    let begin = Instant::now();
    for due in dues(rate, seconds) {
        let due = begin + due;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if sender.send(due).is_err() {
            return;
        }
    }
}

/// When each request is due, counted from the beginning.
fn dues(rate: f64, seconds: f64) -> impl Iterator<Item = Duration> {
    (0_u32..).map(move |number| f64::from(number) / rate).take_while(move |due_s| *due_s < seconds).map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_even_distances() {
        let dues: Vec<u128> = dues(4.0, 1.0).map(|due| due.as_millis()).collect();
        assert_eq!(dues, [0, 250, 500, 750]);
    }
}
