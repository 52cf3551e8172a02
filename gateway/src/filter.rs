//! Topic filters: their syntax, shared subscriptions' prefix, and whether one matches a topic.

/// Longest topic or filter, bytes: what the event log takes.
pub(crate) const TOPIC_BYTES_MAX: usize = 1_024;

/// Most levels of a topic or filter.
const LEVELS_MAX: usize = 64;

/// A filter as a client sent it, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter<'a> {
    /// The group of a shared subscription.
    pub(crate) group: Option<&'a str>,
    pub(crate) filter: &'a str,
}

impl<'a> Filter<'a> {
    /// `None` if it breaks the rules of MQTT or is longer than we take.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (group, filter) = match text.strip_prefix("$share/") {
            None => (None, text),
            Some(rest) => {
                let (group, filter) = rest.split_once('/')?;
                if group.is_empty() || group.contains(['+', '#']) {
                    return None;
                }
                (Some(group), filter)
            }
        };
        let sound = !filter.is_empty()
            && text.len() <= TOPIC_BYTES_MAX
            && !text.contains('\0')
            && filter.split('/').count() <= LEVELS_MAX
            && filter.split('/').all(|level| !level.contains(['+', '#']) || level.len() == 1)
            && filter.split('/').rev().skip(1).all(|level| level != "#");
        sound.then_some(Self { group, filter })
    }
}

/// True for a topic that can be stored and routed.
pub(crate) fn sound_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX && topic.split('/').count() <= LEVELS_MAX
}

/// True if a filter has a wildcard in it.
pub(crate) fn is_wild(filter: &str) -> bool {
    filter.contains(['+', '#'])
}

/// True for names that a wildcard at the first level leaves out: `$` topics and those kept apart.
pub(crate) fn hidden(name: &str) -> bool {
    name.starts_with(['$', '\0'])
}

/// Does the filter match the topic?
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if hidden(topic) && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for part in filter.split('/') {
        if part == "#" {
            return true;
        }
        match levels.next() {
            None => return false,
            Some(level) if part == "+" || part == level => {}
            Some(_) => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        let cases = [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("+/+", "/x", true),
            ("/+", "/x", true),
            ("+", "/x", false),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("#", "\0h/x", false),
            ("\0h/#", "\0h/x", true),
        ];
        for (filter, topic, expected) in cases {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn broken_filters_are_refused() {
        for bad in ["", "a#", "a/#/b", "a+/b", "$share/g", "$share//a", "$share/g/", "$share/g+/a", "a\0b"] {
            assert_eq!(Filter::parse(bad), None, "{bad}");
        }
        assert_eq!(Filter::parse("$share/g/a/#"), Some(Filter { group: Some("g"), filter: "a/#" }));
        assert_eq!(Filter::parse(&"a/".repeat(70)), None);
    }
}
