//! Signing in by the city's identity provider: the way there, and the way back.

use super::sign_in;
use crate::app::App;
use crate::caller::PROVIDED;
use crate::extract::Asked;
use crate::look::Look;
use crate::people::provider::{Back, Failed, LIFETIME, cookie_name};
use crate::problem::Problem;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

type Peer = Option<axum::Extension<ConnectInfo<SocketAddr>>>;

fn from(peer: &Peer) -> IpAddr {
    peer.as_ref().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |axum::Extension(ConnectInfo(peer))| peer.ip())
}

pub(crate) async fn begin(State(app): State<App>, headers: HeaderMap, Asked(asked): Asked<sign_in::Asked>) -> Result<Response, Problem> {
    let provider = app.settings.provider.as_ref().ok_or(Problem::NotFound)?;
    match provider.begin(&app, sign_in::own_path(&asked.next)).await {
        Ok((address, kept)) => {
            let mut response = Redirect::to(&address).into_response();
            sign_in::set_cookie(&app, &mut response, cookie_name(&app), &kept, LIFETIME.num_seconds());
            Ok(response)
        }
        Err(why) => Ok(refused(&app, &headers, &asked.next, &why)),
    }
}

pub(crate) async fn done(State(app): State<App>, peer: Peer, headers: HeaderMap, Asked(back): Asked<Back>) -> Result<Response, Problem> {
    let provider = app.settings.provider.as_ref().ok_or(Problem::NotFound)?;
    let (from, now) = (from(&peer), app.now());
    if let Some(wait) = app.failures_address.wait(&from, now) {
        return Ok(sign_in::waits(&app, &Look::of(&app, &headers), "/", "", wait));
    }
    let mut response = match provider.done(&app, &headers, &back).await {
        Ok((person, next)) => sign_in::begin(&app, &headers, &person, &next, PROVIDED, Vec::new()).await?,
        Err(Failed::Register(_)) => return Err(Problem::Unavailable),
        Err(why) => {
            app.failures_address.count(from, now);
            refused(&app, &headers, "/", &why)
        }
    };
    sign_in::set_cookie(&app, &mut response, cookie_name(&app), "", 0);
    Ok(response)
}

/// The sign-in page with what can be done about it.
fn refused(app: &App, headers: &HeaderMap, next: &str, why: &Failed) -> Response {
    tracing::warn!(error = %why, "nobody was signed in by the identity provider");
    let look = Look::of(app, headers);
    let w = look.words();
    let (status, told) = match why {
        Failed::Stranger | Failed::Unnamed(_) => (StatusCode::FORBIDDEN, w.provider_stranger),
        Failed::Unreachable(_) | Failed::Register(_) => (StatusCode::SERVICE_UNAVAILABLE, w.provider_unreachable),
        Failed::Stray | Failed::Denied(_) | Failed::Unbelieved(_) => (StatusCode::UNAUTHORIZED, w.provider_refused),
    };
    sign_in::refused(app, &look, status, next, told)
}
