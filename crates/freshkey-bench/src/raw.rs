//! The bare signature of the cryptographic library, with the realm's own key, on the server's core: what every refresh is compared with.
//! A process of its own, which waits for orders on its standard input, so that keys are parsed once and the core is the right one.

use crate::plan::{Plan, Signature};
use crate::process::{self, Running};
use crate::statistics::Spread;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Stdio};

/// CPU time of one measurement, cut into pieces of which the middle one counts.
const PIECE_NS: u64 = 50_000_000;
const PIECES: usize = 5;

/// Three keys, parsed.
struct Keys {
    rsa: RsaKeyPair,
    ecdsa: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    random: SystemRandom,
}

/// Answers lines such as `RS256 1400` (an algorithm and the bytes that are signed) with nanoseconds, until the input ends.
pub(crate) fn main() -> Result<(), String> {
    let directory: PathBuf = process::order()?;
    let keys = Keys::read(&directory)?;
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let (name, length) = line.split_once(' ').ok_or("an algorithm and a length are expected")?;
        let signature = Signature::parse(name).ok_or("an unknown algorithm")?;
        let input = vec![b'e'; length.parse().map_err(|_| "a length is expected")?];
        crate::output::line(&keys.cost_ns(signature, &input)?.to_string())?;
    }
    Ok(())
}

impl Keys {
    fn read(directory: &std::path::Path) -> Result<Self, String> {
        let file = |signature: Signature| std::fs::read(directory.join(signature.key_file())).map_err(|error| error.to_string());
        let refused = |error: aws_lc_rs::error::KeyRejected| format!("a key is refused: {error}");
        Ok(Self {
            rsa: RsaKeyPair::from_pkcs8(&file(Signature::Rs256)?).map_err(refused)?,
            ecdsa: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &file(Signature::Es256)?).map_err(refused)?,
            ed25519: Ed25519KeyPair::from_pkcs8(&file(Signature::Eddsa)?).map_err(refused)?,
            random: SystemRandom::new(),
        })
    }

    fn cost_ns(&self, signature: Signature, input: &[u8]) -> Result<f64, String> {
        let mut pieces = Vec::with_capacity(PIECES);
        for _ in 0..PIECES {
            let (begun, mut count) = (process::thread_cpu_ns()?, 0_u32);
            let spent = loop {
                for _ in 0..64 {
                    self.sign(signature, black_box(input))?;
                }
                count += 64;
                let spent = process::thread_cpu_ns()? - begun;
                if spent >= PIECE_NS {
                    break spent;
                }
            };
            pieces.push(spent as f64 / f64::from(count));
        }
        Ok(Spread::of(pieces).median)
    }

    fn sign(&self, signature: Signature, input: &[u8]) -> Result<(), String> {
        let failed = |_| "the library does not sign".to_owned();
        match signature {
            Signature::Rs256 => {
                let mut out = [0; 512];
                let out = &mut out[..self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, input, out).map_err(failed)?;
                black_box(out);
            }
            Signature::Es256 => drop(black_box(self.ecdsa.sign(&self.random, input).map_err(failed)?)),
            Signature::Eddsa => drop(black_box(self.ed25519.sign(input))),
        }
        Ok(())
    }
}

/// The process, from the driver's side.
pub(crate) struct RawSignatures {
    // Closed first, so that the process ends by itself.
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _running: Running,
}

impl RawSignatures {
    /// Starts it on the server's core, with the keys of one database.
    pub(crate) fn start(plan: &Plan, directory: &std::path::Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = process::on_core(plan.server_core(), &program);
        command.arg("raw").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let (orders, answers) = (running.child.stdin.take(), running.child.stdout.take());
        let (mut orders, answers) = orders.zip(answers).ok_or("the pipes of the raw signatures are missing")?;
        let directory = serde_json::to_string(directory).map_err(|error| error.to_string())?;
        writeln!(orders, "{directory}").map_err(|error| error.to_string())?;
        Ok(Self { orders, answers: BufReader::new(answers), _running: running })
    }

    /// Microseconds of CPU for one signature over so many bytes. Takes a quarter of a second.
    pub(crate) fn cost_us(&mut self, signature: Signature, input_bytes: usize) -> Result<f64, String> {
        writeln!(self.orders, "{} {input_bytes}", signature.as_str()).map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        let cost_ns: f64 = line.trim().parse().map_err(|_| "the raw signatures could not be measured".to_owned())?;
        Ok(cost_ns / 1e3)
    }
}
