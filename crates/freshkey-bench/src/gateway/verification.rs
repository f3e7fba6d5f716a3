//! One RS256 verification with the bare library and a parsed key: what a decision about a new token is compared with. A process of its own, so that it
//! runs on the right core and is counted alone.

use crate::plan::Cores;
use crate::process;
use crate::statistics::Spread;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use std::hint::black_box;

/// CPU time of one measurement, cut into pieces of which the middle one counts.
const PIECE_NS: u64 = 50_000_000;
const PIECES: usize = 5;

/// The job: prints nanoseconds for a message of so many bytes.
pub(crate) fn main() -> Result<(), String> {
    let bytes: usize = process::order()?;
    let failed = |_| "the library makes no key and no signature".to_owned();
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let public = key.public_key().as_der().map_err(failed)?;
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref()).map_err(|error| error.to_string())?;
    let message = vec![b'e'; bytes];
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).map_err(failed)?;
    let mut pieces = Vec::with_capacity(PIECES);
    for _ in 0..PIECES {
        let (begun, mut times) = (process::thread_cpu_ns()?, 0_u32);
        let spent = loop {
            for _ in 0..256 {
                public.verify_sig(black_box(&message), black_box(&signature)).map_err(failed)?;
            }
            times += 256;
            let spent = process::thread_cpu_ns()? - begun;
            if spent >= PIECE_NS {
                break spent;
            }
        };
        pieces.push(spent as f64 / f64::from(times));
    }
    crate::output::line(&Spread::of(pieces).median.to_string())
}

/// Runs the job on the server's core.
pub(super) async fn cost_us(cores: Option<Cores>, bytes: usize) -> Result<f64, String> {
    let printed = process::job("verify", cores.map(|cores| cores.server.to_string()), &bytes).await?;
    let ns: f64 = printed.trim().parse().map_err(|_| format!("the job verify printed {printed:?}"))?;
    Ok(ns / 1e3)
}
