//! Who signs in: added, changed, let go; with what they may do and whether they are locked out.

use super::{factor, said, sessions};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::words;
use crate::limits::PASSWORD_BYTES_MAX;
use crate::password;
use crate::problem::Problem;
use care::{PersonId, TimeDelta};
use store::register::{PersonRecord, Put, Role};

/// Shortest password, characters.
pub(crate) const PASSWORD_CHARS_MIN: usize = 10;

/// Somebody to add or to change.
pub(crate) struct Wish {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) area: String,
    /// None: as it was.
    pub(crate) password: Option<String>,
}

fn wrong(field: &'static str) -> Problem {
    Problem::Invalid { field, what: |w| w.invalid_person_field }
}

/// Everybody with a sign-in within the caller's area, by their names to sign in with.
pub(crate) async fn list(app: &App, caller: &Caller) -> Result<Vec<PersonRecord>, Problem> {
    Ok(app.parts.register.people().await?.into_iter().filter(|person| caller.sees_area(&person.area)).collect())
}

/// Somebody within the caller's area.
pub(crate) async fn one(app: &App, caller: &Caller, id: &PersonId) -> Result<PersonRecord, Problem> {
    app.parts.register.person(id).await?.filter(|person| caller.sees_area(&person.area)).ok_or(Problem::NotFound)
}

/// A password's hash, if it may be one for this person.
async fn hashed(id: &PersonId, password: String) -> Result<String, Problem> {
    let short = password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX;
    if short || password.eq_ignore_ascii_case(id.as_str()) {
        return Err(wrong("password"));
    }
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hashed.map_err(|_| Problem::Unavailable)?.map_err(|_| Problem::Unavailable)
}

/// Adds somebody, or changes name, role, area or password. Nobody changes their own role or area. A new password ends
/// the sessions that were opened with the old one; who was let go comes back without old sessions.
pub(crate) async fn put(app: &App, caller: &Caller, wish: Wish) -> Result<PersonRecord, Problem> {
    if !care::id::well_formed(&wish.id) {
        return Err(wrong("id"));
    }
    let name = words("name", &wish.name)?;
    let id = PersonId::new(wish.id);
    let before = app.parts.register.person(&id).await?;
    let known = wish.area.is_empty() || app.parts.register.areas().await?.iter().any(|area| area.id == wish.area);
    if !known || !caller.sees_area(&wish.area) || before.as_ref().is_some_and(|p| !caller.sees_area(&p.area)) {
        return Err(wrong("area"));
    }
    if id == caller.person && before.as_ref().is_some_and(|p| p.role != wish.role || p.area != wish.area) {
        return Err(wrong("role"));
    }
    let mut puts = Vec::new();
    let password_hash = match (wish.password, &before) {
        (Some(password), _) => {
            let hash = hashed(&id, password).await?;
            puts.extend(sessions::all_ended(app, caller, &id, false).await?);
            app.unlock(&id);
            hash
        }
        (None, Some(before)) => before.password_hash.clone(),
        (None, None) => return Err(wrong("password")),
    };
    let person = PersonRecord { id, name, role: wish.role, area: wish.area, password_hash, active: true };
    puts.extend([Put::Person(person.clone()), said(app, caller, "person.put", person.id.as_str())]);
    app.parts.register.put(puts).await?;
    Ok(person)
}

/// Lets somebody go: every session and token of theirs ends at once. Nobody lets themselves go.
pub(crate) async fn let_go(app: &App, caller: &Caller, id: &PersonId) -> Result<PersonRecord, Problem> {
    let person = one(app, caller, id).await?;
    if *id == caller.person {
        return Err(wrong("id"));
    }
    let person = PersonRecord { active: false, ..person };
    let mut puts = sessions::all_ended(app, caller, id, true).await?;
    puts.extend([Put::Person(person.clone()), said(app, caller, "person.let_go", id.as_str())]);
    app.parts.register.put(puts).await?;
    Ok(person)
}

/// The caller's own new password, with the old one as proof. Every other session of theirs ends.
pub(crate) async fn change_password(app: &App, caller: &Caller, old: String, new: String) -> Result<(), Problem> {
    let key = caller.person.as_str().to_owned();
    if app.failures_name.wait(&key, app.now()).is_some() {
        return Err(Problem::Invalid { field: "old", what: |w| w.invalid_code_wait });
    }
    let before = app.parts.register.person(&caller.person).await?.ok_or(Problem::NotSignedIn)?;
    let right = app.passwords.check(old, Some(before.password_hash.clone())).await;
    match right {
        Ok(true) => {}
        Ok(false) | Err(password::PasswordError::TooLong) => {
            app.failures_name.count(key, app.now());
            return Err(Problem::Invalid { field: "old", what: |w| w.invalid_old_password });
        }
        Err(password::PasswordError::Busy | password::PasswordError::Failed(_)) => return Err(Problem::Unavailable),
    }
    let password_hash = hashed(&caller.person, new).await?;
    let mut puts = sessions::all_ended(app, caller, &caller.person, false).await?;
    puts.extend([Put::Person(PersonRecord { password_hash, ..before }), said(app, caller, "person.password", caller.person.as_str())]);
    app.parts.register.put(puts).await?;
    Ok(())
}

/// Lets somebody try to sign in again at once.
pub(crate) async fn unlock(app: &App, caller: &Caller, id: &PersonId) -> Result<(), Problem> {
    one(app, caller, id).await?;
    app.unlock(id);
    app.parts.register.put(vec![said(app, caller, "person.unlock", id.as_str())]).await?;
    Ok(())
}

/// Takes away the second factor of somebody who has lost it.
pub(crate) async fn reset_factor(app: &App, caller: &Caller, id: &PersonId) -> Result<(), Problem> {
    one(app, caller, id).await?;
    factor::remove(app, caller, id).await
}

/// How long somebody is locked out of the sign-in still, from some place or from everywhere.
pub(crate) fn locked_for(app: &App, id: &PersonId) -> Option<TimeDelta> {
    let now = app.now();
    let name = id.as_str().to_owned();
    let here = app.failures_here.waiting(now, |(who, _)| *who == name);
    [here, app.failures_name.wait(&name, now), app.failures_factor.wait(&name, now)].into_iter().flatten().max()
}
