//! A change of a realm's configuration: read, edited by the rules, written if it is still what was read, otherwise all over again.

use super::{Deed, Desk, OpenRealm, RealmOption, not_found};
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::documents::{ConfigItem, ItemKind, RealmDocuments};
use freshkey_core::event::EventKind;
use freshkey_core::keycloak::edit::{Edit, EditError, applied};
use freshkey_core::keycloak::{ConfigWarning, build_realm};
use freshkey_store::{RealmChange, RealmChanged};

/// Edits of one command, each made on top of those before, to be written together.
pub(super) struct Draft {
    documents: RealmDocuments,
    edit: Edit,
}

impl Draft {
    fn new(open: &OpenRealm) -> Self {
        Self { documents: applied(&open.documents, &Edit::default()), edit: Edit::default() }
    }

    /// The realm as it is with the edits made so far.
    pub(super) fn documents(&self) -> &RealmDocuments {
        &self.documents
    }

    /// Makes one more edit.
    pub(super) fn edit(&mut self, make: impl FnOnce(&RealmDocuments) -> Result<Edit, EditError>) -> Result<(), Failure> {
        self.edit_with(|documents| make(documents).map(|edit| (edit, ())))
    }

    /// Makes one more edit that answers something.
    pub(super) fn edit_with<T>(&mut self, make: impl FnOnce(&RealmDocuments) -> Result<(Edit, T), EditError>) -> Result<T, Failure> {
        let (edit, answer) = make(&self.documents).map_err(|error| refused(&error))?;
        self.documents = applied(&self.documents, &edit);
        merge(&mut self.edit, edit);
        Ok(answer)
    }
}

/// Changes a realm. `decide` may be called again when somebody else was faster, so it has no effects but on the draft.
pub(super) async fn change_realm<T>(
    desk: &Desk,
    option: &RealmOption,
    kind: EventKind,
    mut decide: impl FnMut(&OpenRealm, &mut Draft) -> Result<(T, Deed), Failure>,
) -> Result<(OpenRealm, T), Failure> {
    for _ in 0..RACE_ATTEMPTS_MAX {
        let open = desk.realm(option).await?;
        let mut draft = Draft::new(&open);
        let (answer, deed) = decide(&open, &mut draft)?;
        if write(desk, &open, draft.edit, kind, &deed).await? == Written::Yes {
            return Ok((open, answer));
        }
    }
    Err(Failure::new(ExitStatus::Conflict, "the realm is being changed by somebody else, again and again")
        .with_hint("run the command again in a moment; nothing was changed"))
}

/// Whether a change was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    /// Somebody else was faster.
    Raced,
}

/// Writes an edit, and warns of what the realm asks for since then and this server can't do.
pub(super) async fn write(desk: &Desk, open: &OpenRealm, edit: Edit, kind: EventKind, deed: &Deed) -> Result<Written, Failure> {
    let before = build_realm(&open.documents).map_or_else(|_| Vec::new(), |(_, warnings)| warnings);
    let record = desk.record(open.realm.key, kind, deed);
    let change = RealmChange { name: None, document: edit.document, put: edit.changed, remove: edit.removed };
    match desk
        .store
        .change_realm(open.documents.key, open.documents.version, &change, &record)
        .await
        .map_err(|error| store_failure(&error))?
    {
        RealmChanged::Yes => {
            warn_of_new(desk, &before, &edit.warnings);
            Ok(Written::Yes)
        }
        RealmChanged::Raced => Ok(Written::Raced),
        RealmChanged::NameTaken => Err(Failure::new(ExitStatus::Conflict, "the name belongs to something else of its kind")
            .with_hint("choose another name; nothing was changed")),
    }
}

fn warn_of_new(desk: &Desk, before: &[ConfigWarning], after: &[ConfigWarning]) {
    for warning in after.iter().filter(|warning| !before.contains(warning)) {
        desk.output.warn(&warning.to_string());
    }
}

fn merge(into: &mut Edit, edit: Edit) {
    if edit.document.is_some() {
        into.document = edit.document;
    }
    for item in edit.changed {
        into.removed.retain(|(kind, id)| !is_item(&item, *kind, id));
        into.changed.retain(|earlier| !is_item(earlier, item.kind, &item.id));
        into.changed.push(item);
    }
    for (kind, id) in edit.removed {
        into.changed.retain(|earlier| !is_item(earlier, kind, &id));
        into.removed.push((kind, id));
    }
    into.warnings = edit.warnings;
}

fn is_item(item: &ConfigItem, kind: ItemKind, id: &str) -> bool {
    item.kind == kind && item.id == id
}

/// Why the rules don't make a change, for the person at the keyboard.
pub(super) fn refused(error: &EditError) -> Failure {
    let message = error.to_string();
    match error {
        EditError::NotFound { what, nearest } => {
            let failure = not_found(what);
            match nearest {
                Some(nearest) => failure.with_hint(format!("did you mean {nearest}?")),
                None => failure,
            }
        }
        EditError::Exists(_) => Failure::new(ExitStatus::Conflict, message).with_hint("`set` changes what exists"),
        EditError::UnknownField { field, nearest } => {
            let failure = Failure::new(ExitStatus::Usage, format!("there is no field {field}"));
            let known = "attributes are set as attributes.NAME=VALUE";
            failure.with_hint(nearest.map_or_else(|| known.to_owned(), |nearest| format!("did you mean {nearest}? {known}")))
        }
        EditError::FixedField(_) | EditError::BadValue { .. } => Failure::new(ExitStatus::Usage, message),
        EditError::NotApplicable(_) => Failure::new(ExitStatus::Failed, message),
        EditError::Refused(_) => Failure::new(ExitStatus::Usage, format!("the realm could not be read with this change: {message}"))
            .with_hint("nothing was changed"),
    }
}
