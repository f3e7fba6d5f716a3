//! The benchmark behind `cargo xtask bench`: seeds databases, runs the server on one core and loads it from another, and holds what it
//! costs against the budgets. Each job is a process of its own, so that it can be put on a core and counted alone.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads clocks and waits; nothing here is part of the product"
)]

mod against;
mod bench;
mod budgets;
mod case;
mod client;
mod commits;
mod database;
mod document;
mod gateway;
mod http;
mod load;
mod machine;
mod order;
mod output;
mod plan;
mod process;
mod raw;
mod seed;
mod server;
mod sessions;
mod statistics;
mod timing;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (job, order) = (arguments.next().unwrap_or_default(), arguments.next());
    let result = match (job.as_str(), order) {
        ("run", Some(order)) => return order::execute(&order, bench::run),
        ("client", Some(order)) => return order::execute(&order, client::run),
        ("against", Some(order)) => return order::execute(&order, against::run),
        ("gateway", Some(order)) => return order::execute(&order, gateway::run),
        ("timing", Some(order)) => return order::execute(&order, timing::run),
        // What these are told may hold a password, so it comes by standard input.
        ("seed", None) => seed::main(),
        ("commits", None) => commits::main(),
        ("raw", None) => raw::main(),
        ("verify", None) => gateway::verify(),
        _ => Err("this program is started by `cargo xtask bench`; see `cargo xtask bench --help`".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench {job}: {failure}");
            ExitCode::FAILURE
        }
    }
}
