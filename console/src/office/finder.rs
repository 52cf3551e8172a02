//! By what an elder is found in a list: name, identifier, the first letters of the name in pinyin, the tail of a phone
//! number, the address. The columns are sealed at rest; this stands in memory only, and keeps no whole number.

use care::office::ElderFile;

/// Digits of a number that are kept.
const TAIL: usize = 4;

/// What a search looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finder {
    /// First letters in pinyin, small: `cxy` for 陈秀英.
    initials: String,
    /// The last four digits of the elder's and the emergency contacts' numbers.
    tails: Vec<String>,
    /// Town, village and the rest.
    address: String,
}

impl Finder {
    /// Out of a file.
    pub fn of(file: &ElderFile) -> Self {
        let numbers = std::iter::once(&file.phone).chain(file.emergency.iter().map(|contact| &contact.phone));
        let live = &file.lives_at;
        Self::new(&[&file.name], numbers, &format!("{}{}{}", live.town, live.village, live.detail))
    }

    /// Out of what it looks at.
    pub(crate) fn new<'a>(names: &[&str], numbers: impl Iterator<Item = &'a String>, address: &str) -> Self {
        let tail = |number: &String| {
            let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
            (digits.len() >= 7).then(|| digits.iter().skip(digits.len() - TAIL).collect())
        };
        let initials: Vec<String> = names.iter().map(|name| initials(name)).collect();
        Self { initials: initials.join(" "), tails: numbers.filter_map(tail).collect(), address: address.to_owned() }
    }

    /// True if a text leads here: letters to a name in pinyin, three digits or more to the tail of a number, two
    /// characters or more to an address.
    pub fn fits(&self, text: &str) -> bool {
        let letters = text.chars().all(|c| c.is_ascii_alphabetic());
        let digits = text.chars().all(|c| c.is_ascii_digit());
        let count = text.chars().count();
        (letters && self.initials.contains(&text.to_ascii_lowercase()))
            || (digits && count >= 3 && self.tails.iter().any(|tail| tail.ends_with(last(text, TAIL))))
            || (count >= 2 && self.address.contains(text))
    }
}

fn last(digits: &str, n: usize) -> &str {
    digits.get(digits.len().saturating_sub(n)..).unwrap_or(digits)
}

/// Where each letter begins among the 3,755 characters of GB/T 2312 level 1, which stand in the order of their pinyin.
const BEGIN: &[(u16, char)] = &[
    (0xB0A1, 'a'), (0xB0C5, 'b'), (0xB2C1, 'c'), (0xB4EE, 'd'), (0xB6EA, 'e'), (0xB7A2, 'f'), (0xB8C1, 'g'), (0xB9FE, 'h'), (0xBBF7, 'j'), (0xBFA6, 'k'),
    (0xC0AC, 'l'), (0xC2E8, 'm'), (0xC4C3, 'n'), (0xC5B6, 'o'), (0xC5BE, 'p'), (0xC6DA, 'q'), (0xC8BB, 'r'), (0xC8F6, 's'), (0xCBFA, 't'), (0xCDDA, 'w'),
    (0xCEF4, 'x'), (0xD1B9, 'y'), (0xD4D1, 'z'),
];
/// The last character of level 1.
const END: u16 = 0xD7F9;

/// Characters of names beyond level 1, and surnames that are read otherwise than the character alone.
const OTHERS: &[(char, &str)] = &[
    ('b', "邴嫔"), ('c', "谌婵钏岑偲"), ('d', "娣邸"), ('f', "霏菲芾"), ('g', "盖郜珙"), ('h', "昊晖骅泓桦郝荟"), ('j', "靓珏郏婧璟瑾"), ('k', "堃邝恺"),
    ('l', "郦蔺琏璐泷岚"), ('m', "缪闵淼玫"), ('o', "区瓯"), ('p', "朴濮邳"), ('q', "仇瞿覃亓琪琦"), ('r', "芮睿镕"), ('s', "单佘姗姝晟邵"), ('t', "佟郯婷彤"),
    ('w', "邬炜雯玟"), ('x', "解荀莘冼鑫禧璇萱"), ('y', "闫瑜玥钰煜妍嫣焱沅瑛媛"), ('z', "曾查翟喆祯臧"),
];

/// The first letters of a name in pinyin; what is not known is left out.
pub(crate) fn initials(name: &str) -> String {
    name.chars().filter_map(initial).collect()
}

fn initial(c: char) -> Option<char> {
    if c.is_ascii_alphanumeric() {
        return Some(c.to_ascii_lowercase());
    }
    if let Some((letter, _)) = OTHERS.iter().find(|(_, chars)| chars.contains(c)) {
        return Some(*letter);
    }
    let mut text = [0; 4];
    let (bytes, _, lost) = encoding_rs::GBK.encode(c.encode_utf8(&mut text));
    let code = match *bytes {
        [high, low] if !lost && low >= 0xA1 => u16::from_be_bytes([high, low]),
        _ => return None,
    };
    let after = BEGIN.partition_point(|(begin, _)| *begin <= code);
    BEGIN.get(after.checked_sub(1)?).map(|(_, letter)| *letter).filter(|_| code <= END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_first_letters() {
        for (name, letters) in [
            ("陈秀英", "cxy"), ("林阿妹", "lam"), ("黄志强", "hzq"), ("许金凤", "xjf"), ("蔡明珠", "cmz"), ("吴淑华", "wsh"), ("庄丽娟", "zlj"), ("曾国栋", "zgd"),
            ("单玉兰", "syl"), ("区伯", "ob"), ("林喆堃", "lzk"), ("欧阳雯", "oyw"), ("Mary Chen", "marychen"), ("阿·布", "ab"),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_tail_and_kept_by_no_more() {
        let finder = Finder { initials: "cxy".into(), tails: vec!["2201".into()], address: "梅岭街道桂山社区 12 号 302".into() };
        for text in ["2201", "201", "13812342201", "CXY", "xy", "桂山", "12 号"] {
            assert!(finder.fits(text), "{text}");
        }
        for text in ["01", "2202", "1234", "cy", "号", "东石"] {
            assert!(!finder.fits(text), "{text}");
        }
    }
}
