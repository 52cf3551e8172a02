//! Style sheet, scripts and icon, embedded in the binary. Their addresses carry a digest of the content, so that
//! browsers may keep them for good.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const FILES: &[(&str, &str, &str)] = &[
    ("console.css", "text/css; charset=utf-8", include_str!("../../assets/console.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (_, _, content) in FILES {
        hash.update(content.as_bytes());
    }
    hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect()
});

/// What the address of an asset ends in.
pub(crate) fn version() -> &'static str {
    &VERSION
}

pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, kind, content) = FILES.iter().find(|(file, _, _)| *file == name).ok_or(Problem::NotFound)?;
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")], *content).into_response())
}
