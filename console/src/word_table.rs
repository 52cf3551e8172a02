//! The form of the table of words: a row is a key and its text in Chinese and in English. A key is a field, so that the
//! compiler refuses a page that asks for words that are not there. The table is kept in parts for its length, a part for
//! each room of pages.

/// Makes a part of the table: a struct with a field for each row, `of` for the words of a language, and the rows themselves.
macro_rules! word_table {
    (struct $Words:ident; $(#[$meta:meta])* $vis:vis const $ROWS:ident; $($key:ident: $zh:literal, $en:literal;)*) => {
        /// What the pages say, in one language.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $Words {
            $(#[doc = $en] pub(crate) $key: &'static str,)*
        }

        impl $Words {
            const ZH: Self = Self { $($key: $zh,)* };
            const EN: Self = Self { $($key: $en,)* };

            /// The words of a language.
            pub(crate) fn of(language: care::Language) -> &'static Self {
                match language {
                    care::Language::Zh => &Self::ZH,
                    care::Language::En => &Self::EN,
                }
            }
        }

        /// The rows: key, Chinese, English.
        $(#[$meta])*
        $vis const $ROWS: &[(&str, &str, &str)] = &[$((stringify!($key), $zh, $en),)*];
    };
}

pub(crate) use word_table;

/// Fails unless both languages are whole, with the same blanks, and English holds no Chinese but in `but`.
#[cfg(test)]
pub(crate) fn assert_whole(rows: &[(&str, &str, &str)], but: &[&str]) {
    let blanks = |text: &str| {
        let mut names: Vec<String> = text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    };
    let mut seen = std::collections::BTreeSet::new();
    for (key, zh, en) in rows {
        assert!(seen.insert(key), "{key} stands twice");
        assert!(!zh.trim().is_empty() && !en.trim().is_empty(), "{key} is empty in a language");
        assert_eq!(blanks(zh), blanks(en), "{key}: the languages differ in their blanks");
        assert!(but.contains(key) || !en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: {en}");
    }
}
