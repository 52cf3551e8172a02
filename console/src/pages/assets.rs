//! Style sheet, scripts and icon, embedded in the binary. Their addresses carry a digest of the content, so that
//! browsers may keep them for good, and each is packed once.

use crate::packed;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[(&str, &str, &str)] = &[
    ("console.css", "text/css; charset=utf-8", include_str!("../../assets/console.css")),
    ("office.css", "text/css; charset=utf-8", include_str!("../../assets/office.css")),
    ("paper.css", "text/css; charset=utf-8", care::office::paper::STYLE),
    ("office.js", JAVASCRIPT, include_str!("../../assets/office.js")),
    ("outbox.js", JAVASCRIPT, include_str!("../../assets/outbox.js")),
    ("surveys.js", JAVASCRIPT, include_str!("../../assets/surveys.js")),
    ("visits.js", JAVASCRIPT, include_str!("../../assets/visits.js")),
    ("wall.css", "text/css; charset=utf-8", include_str!("../../assets/wall.css")),
    ("wall.js", JAVASCRIPT, include_str!("../../assets/wall.js")),
    ("calls.js", JAVASCRIPT, include_str!("../../assets/calls.js")),
    ("shift.js", JAVASCRIPT, include_str!("../../assets/shift.js")),
    ("desk.js", JAVASCRIPT, include_str!("../../assets/desk.js")),
    ("home.js", JAVASCRIPT, include_str!("../../assets/home.js")),
    ("keys.js", JAVASCRIPT, include_str!("../../assets/keys.js")),
    ("live.js", JAVASCRIPT, include_str!("../../assets/live.js")),
    ("clocks.js", JAVASCRIPT, include_str!("../../assets/clocks.js")),
    ("sound.js", JAVASCRIPT, include_str!("../../assets/sound.js")),
    ("stream.js", JAVASCRIPT, include_str!("../../assets/stream.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (_, _, content) in FILES {
        hash.update(content.as_bytes());
    }
    hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect()
});

/// The files packed, in the order of [`FILES`]; empty where that failed.
static PACKED: LazyLock<Vec<Bytes>> = LazyLock::new(|| FILES.iter().map(|(_, _, content)| packed::pack_small(content.as_bytes()).unwrap_or_default()).collect());

/// The folder of the assets' addresses.
pub(crate) fn version() -> &'static str {
    &VERSION
}

pub(crate) async fn file(Path((folder, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let ((_, kind, content), packed) = FILES.iter().zip(PACKED.iter()).find(|((file, _, _), _)| *file == name).ok_or(Problem::NotFound)?;
    // A page of an older binary asks for an older folder: it gets what there is, but must not keep it.
    let keep = if folder == version() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, keep)];
    if packed::taken(&headers) && !packed.is_empty() {
        return Ok((head, [(header::CONTENT_ENCODING, "gzip")], packed.clone()).into_response());
    }
    Ok((head, *content).into_response())
}
