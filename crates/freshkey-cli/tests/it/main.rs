//! `freshkey` as its users run it: whole commands, against a quickstart of ours and against a provider that misbehaves on request.

mod agent;
mod deliveries;
mod doctor;
mod files;
mod first_steps;
mod many;
mod readme;
mod secrets;
mod sign_in;
mod trust;
mod with_provider;
