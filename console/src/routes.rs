//! The table of routes. A route is entered with what it needs of its caller, and nothing else gets it served: there is
//! no way to add a handler without saying who may use it.

use crate::app::App;
use crate::caller::{Caller, Need, recognise, same_site};
use crate::limits::BODY_BYTES_MAX;
use crate::people::factor;
use crate::problem::Problem;
use crate::{api, finish, pages, probes};
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use std::net::SocketAddr;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with `{name}` for its variable parts.
    pub path: &'static str,
    /// What it needs of its caller.
    pub need: Need,
}

pub(crate) struct Table {
    app: App,
    rows: Vec<Route>,
    router: Router<App>,
}

impl Table {
    pub(crate) fn get<H, T>(self, path: &'static str, need: Need, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add("GET", MethodFilter::GET, path, need, handler)
    }

    pub(crate) fn post<H, T>(self, path: &'static str, need: Need, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add("POST", MethodFilter::POST, path, need, handler)
    }

    /// A route that takes a file.
    pub(crate) fn post_file<H, T>(mut self, path: &'static str, need: Need, most: usize, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let guarded = on(MethodFilter::POST, handler).layer(DefaultBodyLimit::max(most)).route_layer(from_fn_with_state((self.app.clone(), need), guard));
        self.router = self.router.route(path, guarded);
        self.rows.push(Route { method: "POST", path, need });
        self
    }

    fn add<H, T>(mut self, method: &'static str, filter: MethodFilter, path: &'static str, need: Need, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let guarded = on(filter, handler).route_layer(from_fn_with_state((self.app.clone(), need), guard));
        self.router = self.router.route(path, guarded);
        self.rows.push(Route { method, path, need });
        self
    }
}

/// Nobody passes whom the table does not let pass.
async fn guard(State((app, need)): State<(App, Need)>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let headers = request.headers();
    let caller = match need {
        Need::Nothing | Need::Signed => None,
        Need::Loopback if from_loopback(&request) => None,
        Need::Loopback | Need::SignedIn | Need::See | Need::Wall | Need::Act | Need::Plan | Need::People | Need::Family | Need::Audit | Need::Visit | Need::Office | Need::Supervise | Need::City | Need::Refer => {
            let caller = recognise(&app, headers).await?.ok_or(Problem::NotSignedIn)?;
            if !need.met_by(caller.role) {
                return Err(Problem::Forbidden);
            }
            // A program's token was made by somebody at the machine itself; a browser has to bring what is asked of
            // its role, unless an identity provider asks for it.
            let asked = caller.by == crate::caller::By::Cookie && need != Need::SignedIn && app.settings.second_factor.asked_of(caller.role);
            if asked && !factor::on(&app, &caller.person).await? {
                return Err(Problem::FactorMissing);
            }
            Some(caller)
        }
    };
    let by_browser = need != Need::Signed && caller.as_ref().is_none_or(|c| c.by.is_browser());
    if by_browser && !same_site(&app, request.method(), headers) {
        return Err(Problem::CrossSite);
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert::<Caller>(caller);
    }
    Ok(next.run(request).await)
}

/// True if the other end is on this machine and does not speak for somebody elsewhere.
fn from_loopback(request: &Request) -> bool {
    let near = request.extensions().get::<ConnectInfo<SocketAddr>>().is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let headers = request.headers();
    near && !headers.contains_key(header::FORWARDED) && !headers.contains_key("x-forwarded-for")
}

/// The router and its table.
pub(crate) fn build(app: &App) -> (Router, Vec<Route>) {
    use Need::{Act, Audit, Loopback, Nothing, People, Plan, See, Signed, SignedIn};
    let table = Table { app: app.clone(), rows: Vec::new(), router: Router::new() }
        .get("/healthz", Loopback, probes::healthz)
        .get("/readyz", Loopback, probes::readyz)
        .get("/metrics", Loopback, probes::metrics)
        .get("/api/v1/openapi.json", SignedIn, api::openapi::document)
        .get("/api/v1/me", SignedIn, api::me::me)
        .get("/api/v1/alarms", See, api::alarms::list)
        .get("/api/v1/alarms/{id}", See, api::alarms::one)
        .post("/api/v1/alarms/{id}/claim", Act, api::verbs::claim)
        .post("/api/v1/alarms/{id}/report", Act, api::verbs::report)
        .post("/api/v1/alarms/{id}/close", Act, api::verbs::close)
        .post("/api/v1/alarms/{id}/hand-over", Act, api::verbs::hand_over)
        .post("/api/v1/alarms/{id}/let-go", Act, api::verbs::let_go)
        .post("/api/v1/alarms/{id}/on-the-way", Act, api::verbs::on_the_way)
        .post("/api/v1/alarms/{id}/skip", Act, api::verbs::skip)
        .post("/api/v1/alarms/{id}/stop", Act, api::verbs::stop)
        .post("/api/v1/alarms/{id}/call-now", Act, api::verbs::call_now)
        .post("/api/v1/alarms/{id}/steps", Act, api::verbs::step)
        .post("/api/v1/alarms/{id}/notes", Act, api::verbs::note)
        .post("/api/v1/alarms/{id}/connect", Act, api::connect::connect)
        .get("/api/v1/homes", See, api::homes::list)
        .get("/api/v1/homes/{id}", See, api::homes::one)
        .get("/api/v1/homes/{id}/routine", See, api::detection::routine)
        .get("/api/v1/devices", See, api::devices::list)
        .post_file("/api/v1/devices/import", Plan, api::devices::LIST_BYTES_MAX, api::devices::import)
        .post("/api/v1/enrolment", Signed, api::devices::enter)
        .post("/api/v1/homes/{id}/devices", Plan, api::devices::enrol)
        .get("/api/v1/homes/{id}/devices/{device}", See, api::devices::one)
        .post("/api/v1/homes/{id}/devices/{device}/replace", Plan, api::devices::replace)
        .post("/api/v1/homes/{id}/devices/{device}/retire", Plan, api::devices::retire)
        .post("/api/v1/homes/{id}/devices/{device}/code", Plan, api::devices::code)
        .post("/api/v1/homes/{id}/devices/{device}/test", Act, api::devices::test)
        .post("/api/v1/homes/{id}/devices/{device}/test-over", Act, api::devices::test_over)
        .post("/api/v1/homes/{id}/away", Act, api::detection::away)
        .post("/api/v1/homes/{id}/back", Act, api::detection::back)
        .post("/api/v1/homes/{id}/normal", Act, api::detection::normal)
        .post("/api/v1/homes/{id}/rules", Act, api::detection::rules)
        .post("/api/v1/homes/{id}/rules/trial", Act, api::detection::trial)
        .post("/api/v1/homes/{id}/pets", Act, api::detection::pets)
        .post("/api/v1/homes/{id}/elders/{elder}/reveal", Act, api::reveal::elder)
        .post("/api/v1/homes/{id}/contacts/{contact}/reveal", Act, api::reveal::contact)
        .get("/api/v1/quarantine", See, api::worklists::quarantine)
        .get("/api/v1/unknown-devices", See, api::worklists::unknown_devices)
        .get("/api/v1/outage-worklist", See, api::worklists::outage)
        .post("/api/v1/credentials/{id}/revoke", Plan, api::credentials::revoke)
        .get("/api/v1/hubs", See, api::hubs::list)
        .post("/api/v1/hubs", Plan, api::hubs::put)
        .get("/api/v1/plans", See, api::plans::list)
        .post("/api/v1/plans", Plan, api::plans::put)
        .post("/api/v1/plans/end", Plan, api::plans::end)
        .get("/api/v1/rotas", See, api::plans::rotas)
        .post("/api/v1/rotas", Plan, api::plans::put_rota)
        .get("/api/v1/well-calls", See, api::plans::well_calls)
        .post("/api/v1/well-calls", Plan, api::plans::put_well_call)
        .get("/api/v1/worklists/plans", See, api::plans::lacking)
        .get("/api/v1/people", People, api::people::list)
        .post("/api/v1/people", People, api::people::put)
        .post("/api/v1/people/{id}/let-go", People, api::people::let_go)
        .post("/api/v1/people/{id}/unlock", People, api::people::unlock)
        .post("/api/v1/people/{id}/second-factor/reset", People, api::people::reset_factor)
        .post("/api/v1/people/{id}/elders", People, api::family::bind)
        .get("/api/v1/family", Need::Family, api::family::view)
        .get("/api/v1/first-steps", People, api::steps::list)
        .get("/api/v1/sessions", People, api::account::everybodys)
        .post("/api/v1/sessions/{id}/end", People, api::account::end_anybodys)
        .get("/api/v1/me/sessions", SignedIn, api::account::own)
        .post("/api/v1/me/sessions/{id}/end", SignedIn, api::account::end_own)
        .post("/api/v1/me/password", SignedIn, api::account::password)
        .get("/api/v1/me/second-factor", SignedIn, api::account::factor_standing)
        .post("/api/v1/me/second-factor", SignedIn, api::account::factor_begin)
        .post("/api/v1/me/second-factor/confirm", SignedIn, api::account::factor_confirm)
        .post("/api/v1/me/second-factor/off", SignedIn, api::account::factor_off)
        .get("/api/v1/areas", SignedIn, api::areas::list)
        .post("/api/v1/areas", People, api::areas::put)
        .get("/api/v1/audit", Audit, api::audit::list)
        .get("/api/v1/audit/verification", Audit, api::audit::verify)
        .get("/api/v1/events", See, api::events::stream)
        .post("/api/v1/dispatch/states", Signed, api::dispatch::state)
        .get("/l/{token}", Nothing, pages::link::show)
        .post("/l/{token}", Nothing, pages::link::take)
        .get("/sign-in", Nothing, pages::sign_in::page)
        .post("/sign-in", Nothing, pages::sign_in::enter)
        .get("/sign-in/code", Nothing, pages::sign_in::code_page)
        .post("/sign-in/code", Nothing, pages::sign_in::code)
        .get("/sign-in/provider", Nothing, pages::provider::begin)
        .get("/sign-in/provider/done", Nothing, pages::provider::done)
        .post("/sign-out", SignedIn, pages::sign_in::leave)
        .post("/preferences", Nothing, pages::preferences::change)
        .get("/assets/{version}/{file}", Nothing, pages::assets::file)
        .get("/", See, pages::desk::page)
        .get("/desk/queue", See, pages::desk::queue)
        .get("/desk/alarms/{id}", See, pages::desk::alarm)
        .get("/homes", See, pages::homes::list)
        .get("/homes/{id}/routine", See, pages::routine::page)
        .post("/homes/{id}/routine", Act, pages::routine::sent)
        .get("/homes/{id}", See, pages::homes::one)
        .get("/devices", See, pages::devices::list)
        .get("/devices/unknown", See, pages::devices::unknown)
        .get("/devices/import", Plan, pages::devices::import)
        .post_file("/devices/import", Plan, api::devices::LIST_BYTES_MAX, pages::devices::import_sent)
        .get("/homes/{id}/devices/new", Plan, pages::devices::new)
        .post("/homes/{id}/devices", Plan, pages::devices::enrol)
        .get("/homes/{id}/devices/{device}", See, pages::devices::one)
        .post("/homes/{id}/devices/{device}", Plan, pages::devices::act)
        .post("/homes/{id}/devices/{device}/test", Act, pages::devices::test);
    let table = pages::watch::routes(api::watch::routes(table));
    let table = pages::people::routes(pages::office::routes(api::office::routes(table)));
    let table = pages::plans::routes(table);
    let router = table
        .router
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), finish::finish))
        .with_state(app.clone());
    (router, table.rows)
}
