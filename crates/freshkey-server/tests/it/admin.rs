//! `freshkey-server admin` and `explain` as people and programs run them: a process, a database in a folder, and what comes out.

mod clients;
mod data_dir;
mod explain;
mod help;
mod keycloak_database;
mod keys;
mod realms;
mod roles_and_groups;
mod sessions;
mod users;
