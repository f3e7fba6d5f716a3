//! A folder for each path, a file for each thing that can be asked there.

mod certs;
mod cors;
mod discovery;
mod introspect;
mod logout;
mod methods;
mod realm_info;
mod revoke;
mod token;
mod userinfo;
