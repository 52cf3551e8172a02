//! Places in the tree city > town > village > grid, by the paths of their identifiers: `350582/meiling/guishan/g03`.

/// True if the area `path` lies within the area `of` (or is it). The empty path holds everything.
pub fn within(path: &str, of: &str) -> bool {
    of.is_empty() || path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
