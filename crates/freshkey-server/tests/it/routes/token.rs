//! `POST /realms/{realm}/protocol/openid-connect/token`

mod offline;
mod refresh;
mod rotation;
