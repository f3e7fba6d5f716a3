//! A folder for each path, a file for each thing that can be asked there.

mod introspect;
mod logout;
mod revoke;
mod token;
mod userinfo;
