//! The load: so many connections, each sending its next refresh when the last one is answered. Every answer is looked at.

use crate::case::{Case, Tokens};
use crate::http::{self, Answer, Connection};
use crate::plan::Rotation;
use crate::seed::CLIENT;
use crate::server::{HOST, TOKEN_PATH};
use crate::sessions::{Minter, Presented, Sessions, claims};
use crate::statistics::microseconds;
use freshkey_protocol::jose::CompactJws;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One connection with the sessions that are nobody else's, so that no two rotate the same grant.
pub(crate) struct Worker {
    connection: Connection,
    sessions: Arc<Sessions>,
    number: usize,
    workers: usize,
    generations: Vec<u32>,
    random: Random,
    waits: Vec<u32>,
}

/// What the driver does while no answer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// It asks the kernel again and again. A driver that sleeps has to be woken by the server's core at every answer, several microseconds
    /// that a client on another machine never costs.
    Spins,
    /// It sleeps, since the core is needed by others.
    Sleeps,
}

/// What is sent, and what has to come back.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) case: Case,
    pub(crate) minter: Arc<Minter>,
}

/// What an answer tells of the configuration.
pub(crate) struct Probed {
    pub(crate) algorithm: String,
    pub(crate) rotation: Rotation,
    /// Bytes of the access token that are signed.
    pub(crate) signed_bytes: usize,
}

impl Worker {
    pub(crate) fn new(connection: Connection, sessions: Arc<Sessions>, number: usize, workers: usize) -> Self {
        let share = sessions.usable() / workers;
        Self { connection, sessions, number, workers, generations: vec![0; share], random: Random(number as u64), waits: Vec::new() }
    }

    /// One refresh of any of its sessions.
    async fn refresh(&mut self, load: &Load) -> Result<(), String> {
        let nth = self.random.below(self.generations.len());
        let form = self.form(load, nth)?;
        let begun = Instant::now();
        let answer = self.connection.send(&form).await?;
        self.waits.push(microseconds(begun.elapsed()));
        check(&answer, load.case)?;
        if load.case.rotation == Rotation::On {
            self.generations[nth] += 1;
        }
        Ok(())
    }

    /// One refresh that is looked at closely, to see which configuration the server acts upon.
    pub(crate) async fn probe(&mut self, load: &Load) -> Result<Probed, String> {
        let nth = self.random.below(self.generations.len());
        let form = self.form(load, nth)?;
        let answer = self.connection.send(&form).await?;
        check(&answer, load.case)?;
        let body: Value = answer.json()?;
        let token = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (access, refresh) = (token("access_token"), token("refresh_token"));
        let jws = CompactJws::parse(access.as_bytes()).map_err(|error| format!("the access token is no JWT: {error:?}"))?;
        let generation = claims(&refresh)?.get("generation").and_then(Value::as_u64).unwrap_or(0);
        let generation = u32::try_from(generation).map_err(|error| error.to_string())?;
        let rotation = if generation > self.generations[nth] { Rotation::On } else { Rotation::Off };
        self.generations[nth] = generation;
        let signed_bytes = access.rfind('.').unwrap_or(access.len());
        Ok(Probed { algorithm: jws.header().algorithm.as_str().to_owned(), rotation, signed_bytes })
    }

    fn form(&mut self, load: &Load, nth: usize) -> Result<Vec<u8>, String> {
        let generation = *self.generations.get(nth).ok_or("there are fewer sessions than connections")?;
        let session = Sessions::nth_usable(nth * self.workers + self.number);
        let token = load.minter.mint(&self.sessions, Presented { session, generation, number: self.random.next() })?;
        Ok(refresh(&token))
    }

    async fn refresh_until(mut self, load: Load, until: Instant) -> Result<Self, String> {
        while Instant::now() < until {
            self.refresh(&load).await?;
        }
        Ok(self)
    }
}

/// Refreshes on all these connections until then, and returns when the last answer is there, with the waits in microseconds.
pub(crate) async fn drive(workers: Vec<Worker>, load: &Load, until: Instant, idle: Idle) -> Result<(Vec<Worker>, Vec<u32>), String> {
    // Ended when this function is left, whichever way.
    let mut spinners = JoinSet::new();
    if idle == Idle::Spins {
        spinners.spawn(spin());
    }
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(worker.refresh_until(load.clone(), until));
    }
    let (mut workers, mut waits) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let mut worker = ended.map_err(|error| error.to_string())??;
        waits.append(&mut worker.waits);
        workers.push(worker);
    }
    workers.sort_by_key(|worker| worker.number);
    Ok((workers, waits))
}

/// The first refresh of a server: how long after `started` its answer was there. It uses the nth session that no load has touched.
pub(crate) async fn first_refresh(
    mut connection: Connection,
    sessions: &Sessions,
    minter: &Minter,
    started: Instant,
    nth: usize,
) -> Result<Duration, String> {
    let token = minter.mint(sessions, Presented { session: sessions.nth_untouched(nth), generation: 0, number: 0 })?;
    let answer = connection.send(&refresh(&token)).await?;
    let elapsed = started.elapsed();
    if answer.status == 200 { Ok(elapsed) } else { Err(format!("the first refresh was refused: {}", answer.shown())) }
}

fn refresh(token: &str) -> Vec<u8> {
    http::encoded_form(HOST, TOKEN_PATH, &["grant_type=refresh_token&client_id=", CLIENT, "&refresh_token=", token].concat())
}

pub(crate) async fn spin() {
    loop {
        tokio::task::yield_now().await;
    }
}

fn check(answer: &Answer<'_>, case: Case) -> Result<(), String> {
    let has = |name: &[u8]| memchr::memmem::find(&answer.body, name).is_some();
    let tokens = has(br#""access_token":"ey"#)
        && has(br#""refresh_token":"ey"#)
        && has(br#""id_token":"ey"#) == (case.tokens == Tokens::AccessAndId);
    if answer.status == 200 && tokens { Ok(()) } else { Err(format!("not the expected answer: {}", answer.shown())) }
}

/// Which session comes next: SplitMix64, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Signature;

    fn checked(status: u16, body: &str, tokens: Tokens) -> Result<(), String> {
        check(&Answer { status, body: body.as_bytes().into() }, Case { signature: Signature::Rs256, tokens, rotation: Rotation::Off })
    }

    #[test]
    fn an_answer_without_the_expected_tokens_ends_the_run_and_is_shown() {
        let both = r#"{"access_token":"ey1","refresh_token":"ey2"}"#;
        let all = r#"{"access_token":"ey1","refresh_token":"ey2","id_token":"ey3"}"#;
        assert_eq!(checked(200, both, Tokens::Access), Ok(()));
        assert_eq!(checked(200, all, Tokens::AccessAndId), Ok(()));
        for (status, body, tokens) in
            [(200, both, Tokens::AccessAndId), (200, all, Tokens::Access), (503, both, Tokens::Access), (200, "{}", Tokens::Access)]
        {
            let refused = checked(status, body, tokens).expect_err("not as expected");
            assert!(refused.contains(&format!("{status} {body}")), "{refused}");
        }
    }

    #[test]
    fn sessions_are_chosen_from_all_that_there_are() {
        let mut random = Random(1);
        let mut seen = [false; 10];
        (0..1000).for_each(|_| seen[random.below(10)] = true);
        assert_eq!(seen, [true; 10]);
    }
}
