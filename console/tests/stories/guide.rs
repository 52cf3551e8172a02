//! `docs/api.md` says what is so: every example is run, in the order of the page.

use crate::office::enrolled;
use crate::support::{House, text};
use axum::body::Body;
use axum::http::{Request, StatusCode};

const GUIDE: &str = include_str!("../../../docs/api.md");

/// A command: whether it streams, the path, the body.
struct Example {
    streams: bool,
    path: String,
    body: Option<String>,
}

/// The words of a line of the shell; quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (_, c) => word.push(c),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

fn examples(alarm: &str) -> Vec<Example> {
    let filled = |text: &str| text.replace("$CONSOLE", "").replace("$ALARM", alarm).replace("$HOME_ID", "home-0001").replace("$ELDER", "elder-1");
    let read = |line: &str| {
        let words = words(&filled(line));
        let body = words.iter().position(|word| word == "-d").map(|at| words[at + 1].clone());
        Example { streams: words.contains(&"-N".to_owned()), path: words.last().unwrap().clone(), body }
    };
    GUIDE.lines().filter(|line| line.starts_with("curl ")).map(read).collect()
}

#[tokio::test]
async fn every_example_of_the_guide_runs() {
    let house = House::new().await;
    house.follow();
    enrolled(&house).await;
    let alarm = house.press("home-0001").await;
    let token = house.token("root").await;
    let all = examples(alarm.as_str());
    assert!(all.len() > 25, "{}", all.len());
    for Example { streams, path, body } in all {
        assert!(path.starts_with('/') && !path.contains('$'), "{path}");
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder().method(method).uri(&path).header("authorization", format!("Bearer {token}"));
        let response = house.send(request.body(Body::from(body.unwrap_or_default())).unwrap()).await;
        let status = response.status();
        let said = if streams || path.contains("xlsx") { String::new() } else { text(response).await };
        assert_eq!(status, StatusCode::OK, "{method} {path}: {said}");
    }
}
