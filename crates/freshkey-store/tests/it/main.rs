//! The behaviour of the store on both engines. Each file in `behaviours` is compiled twice, under a module that names the engine;
//! what only one engine can do or suffer is beside it. Races count only on PostgreSQL, since SQLite has one writer anyway.

mod engines;
mod postgres_faults;
mod postgres_tls;
mod schemas;
mod sqlite_faults;
mod sqlite_file;
mod store_files;
mod store_with_postgres;
mod store_with_sqlite;
mod stores;
mod tables;
mod tests_with_postgres;
mod tests_with_sqlite;
