//! The act and its journal, against a provider that loses replies, hangs, rotates strictly, and ends sessions: in one process, with a clock that is
//! moved by hand.

mod callers;
mod outage;
mod races;
mod renewal;
mod support;
