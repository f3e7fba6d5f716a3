//! `admin user set-password`.

use super::SetPasswordArguments;
use super::edit::{change, log_out};
use crate::cli::Failure;
use crate::cli::admin::password::{self, Lasting};
use crate::cli::admin::{Deed, Desk, OpenRealm, people};
use serde_json::json;

pub(super) async fn run(desk: &Desk, open: &OpenRealm, arguments: &SetPasswordArguments) -> Result<(), Failure> {
    let user = people::user(desk, &open.realm, &arguments.user).await?;
    let new_password = arguments.source.obtain(desk, &user.username)?;
    let lasting = if arguments.temporary { Lasting::Temporary } else { Lasting::Permanent };
    change(desk, open, user.key, &Deed::to_user("user.set-password", &user), |record| {
        password::put(desk, open, record, &new_password, lasting)
    })
    .await?;
    let ended = if arguments.log_out { Some(log_out(desk, open, &user).await?) } else { None };
    let also = ended.map_or_else(String::new, |count| format!("; {count} grants ended"));
    let sentence = format!("user {:?} has a new password{also}", user.username);
    if new_password.is_generated {
        desk.output.say(&sentence);
        desk.output.secret(&user.username, &new_password.text)?;
    } else {
        desk.output.done(
            &sentence,
            &json!({ "action": "user.set-password", "realm": open.documents.name, "user": user.username, "id": user.id, "ended": ended }),
        )?;
    }
    if ended.is_none() {
        desk.output.hint("sessions that are open go on; --log-out ends them");
    }
    Ok(())
}
