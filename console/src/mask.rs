//! Personal data as it is shown before somebody has asked for it (PRV-1).

/// A phone number with its middle hidden: `138****2201`. Short numbers are hidden wholly; an empty one stays empty.
pub(crate) fn phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0 if number.is_empty() => String::new(),
        0..8 => "****".to_owned(),
        n => {
            let head: String = digits.iter().take(3).collect();
            let tail: String = digits.iter().skip(n - 4).collect();
            format!("{head}****{tail}")
        }
    }
}

/// An address on a channel: telephone numbers as [`phone`] shows them, of a URL only the host, anything else hidden.
pub(crate) fn address(channel: &str, address: &str) -> String {
    if let Some((_, rest)) = address.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return host.rsplit('@').next().unwrap_or_default().to_owned();
    }
    match channel {
        "webhook" => "****".to_owned(),
        _ => phone(address),
    }
}

/// A name with all but its first character hidden: `陈**`.
pub(crate) fn name(name: &str) -> String {
    name.chars().enumerate().map(|(i, c)| if i == 0 || c == ' ' { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_keep_head_and_tail_only() {
        assert_eq!(phone("13812342201"), "138****2201");
        assert_eq!(phone("+86 138 1234 2201"), "861****2201");
        assert_eq!(phone("110"), "****");
        assert_eq!(phone(""), "");
        assert_eq!(phone("secret"), "****");
    }

    #[test]
    fn addresses_lose_their_secrets() {
        assert_eq!(address("webhook", "https://user:pw@hooks.example.org/T0/secret?x=1"), "hooks.example.org");
        assert_eq!(address("voice", "13812342201"), "138****2201");
        assert_eq!(address("webhook", "secret"), "****");
    }

    #[test]
    fn names_keep_their_first_character() {
        assert_eq!(name("陈秀英"), "陈**");
        assert_eq!(name(""), "");
    }
}
