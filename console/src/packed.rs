//! What a browser takes packed goes out packed (gzip): a queue of hundreds of rows is a tenth of its size.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use crate::problem::Problem;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// What is packed; files are packed by themselves, and streams must not wait.
const KINDS: &[&str] = &["text/html", "text/css", "text/javascript", "application/json", "image/svg"];
/// Shorter answers are sent as they are, bytes.
const WORTH_BYTES: u64 = 1_024;
/// Longer ones as well.
const MOST_BYTES: u64 = 8 * 1_024 * 1_024;

/// True if the asker takes gzip.
pub(crate) fn taken(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut words = all.map(|word| word.trim().to_ascii_lowercase());
    words.any(|word| word == "gzip" || word.strip_prefix("gzip;q=").is_some_and(|share| share.parse().is_ok_and(|share: f32| share > 0.0)))
}

/// Packed: quickly rather than small.
pub(crate) fn pack(plain: &[u8]) -> std::io::Result<Bytes> {
    pack_by(plain, Compression::fast())
}

/// Packed: small rather than quickly, for what is packed once.
pub(crate) fn pack_small(plain: &[u8]) -> std::io::Result<Bytes> {
    pack_by(plain, Compression::best())
}

fn pack_by(plain: &[u8], how: Compression) -> std::io::Result<Bytes> {
    let mut out = GzEncoder::new(Vec::with_capacity(plain.len() / 4), how);
    out.write_all(plain)?;
    out.finish().map(Bytes::from)
}

/// The same answer, packed if that is worth it.
pub(crate) async fn answer(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = KINDS.iter().any(|known| kind.starts_with(known)) && !response.headers().contains_key(header::CONTENT_ENCODING);
    let worth = response.body().size_hint().exact().is_some_and(|bytes| (WORTH_BYTES..=MOST_BYTES).contains(&bytes));
    if !fits || !worth {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(plain) = to_bytes(body, usize::MAX).await else { return Problem::Unavailable.into_response() };
    let Ok(packed) = pack(&plain) else { return Response::from_parts(head, Body::from(plain)) };
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(head, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_takes_gzip_gets_it() {
        let asks = |value: &'static str| taken(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]));
        for yes in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8"] {
            assert!(asks(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "identity", "x-gzip"] {
            assert!(!asks(no), "{no}");
        }
        assert!(!taken(&HeaderMap::new()));
    }
}
