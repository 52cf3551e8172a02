//! Every page is looked at in a browser: a route that answers with a page stands in a list of `tests/browser`.

use crate::door::rows;

const PAGES: &str = include_str!("../../../tests/browser/pages.mjs");

/// What is no page of its own, and why.
const NOT: &[(&str, &str)] = &[
    ("/assets/{version}/{file}", "a file"),
    ("/healthz", "a probe"),
    ("/readyz", "a probe"),
    ("/metrics", "a probe"),
    ("/desk/queue", "a part of the desk"),
    ("/desk/alarms/{id}", "a part of the desk"),
    ("/office", "leads on"),
    ("/sign-in/code", "in the story of the second factor"),
    ("/l/{token}", "in the stories of links"),
    ("/sign-in/provider", "leads on"),
    ("/sign-in/provider/done", "leads on"),
    ("/office/facts", "a file"),
    ("/office/import/{id}", "in the stories of the office: the town has no import that is under way"),
    ("/office/incidents/{id}", "in the stories of the office: the town has no incident"),
    ("/office/policy/{id}", "in the stories of the office: the town has no proposal"),
    ("/office/visitors/{id}", "in the stories of the office: the town has no visitors of its own"),
    ("/office/visits/{id}/correct", "in the stories of the office"),
    ("/office/blank/annex-1", "paper"),
    ("/office/blank/annex-2", "paper"),
    ("/office/elders/{id}/annex-1", "paper"),
    ("/office/elders/{id}/booklet", "paper"),
    ("/office/visits/{id}/annex-2", "paper"),
];

/// Paths in quotes.
fn looked_at() -> Vec<String> {
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(|path| path.split('?').next().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    PAGES.lines().flat_map(quoted).filter(|path| path.starts_with('/')).collect()
}

fn leads_to(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len() && route.iter().zip(&path).all(|(one, other)| one.starts_with('{') || one == other)
}

#[test]
fn every_page_stands_in_a_list_of_the_browser() {
    let looked_at = looked_at();
    let lacking: Vec<_> = rows()
        .filter(|(method, path, _)| *method == "GET" && !path.starts_with("/api/") && NOT.iter().all(|(not, _)| not != path))
        .filter(|(_, path, _)| !looked_at.iter().any(|one| leads_to(path, one)))
        .map(|(_, path, _)| *path)
        .collect();
    assert_eq!(lacking, Vec::<&str>::new(), "pages that no browser looks at: add them to tests/browser/pages.mjs");
}
