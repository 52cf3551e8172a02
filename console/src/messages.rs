//! The one table of everything the people's door says, in both languages. A field of [`Words`] is a row of the table:
//! the compiler refuses a template that asks for words that are not there.

use care::Language;

macro_rules! words {
    ($($key:ident: $zh:literal, $en:literal;)*) => {
        /// What the people's door says, in one language.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct Words {
            $(#[doc = $en] pub(crate) $key: &'static str,)*
        }

        const ZH: Words = Words { $($key: $zh,)* };
        const EN: Words = Words { $($key: $en,)* };

        /// The rows: key, Chinese, English.
        pub const ROWS: &[(&str, &str, &str)] = &[$((stringify!($key), $zh, $en),)*];
    };
}

/// The words of a language.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::Zh => &ZH,
        Language::En => &EN,
    }
}

/// Fills the blanks `{name}` of a text.
pub(crate) fn fill(text: &str, blanks: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(blanks.iter().find(|(key, _)| *key == name).map_or("?", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

words! {
    // The house.
    app_name: "守望", "Hearthline";
    other_language: "EN", "中文";
    switch_language: "Switch to English", "切换到中文";
    theme_light: "浅色", "Light";
    theme_dark: "深色", "Dark";
    switch_theme: "切换明暗", "Switch theme";
    skip_to_content: "跳到内容", "Skip to content";
    main_navigation: "主导航", "Main navigation";
    nav_desk: "值守台", "Duty desk";
    nav_homes: "家庭", "Homes";
    sign_out: "退出", "Sign out";

    // Signing in.
    sign_in_title: "登录", "Sign in";
    sign_in_name: "用户名", "User name";
    sign_in_password: "密码", "Password";
    sign_in_go: "登录", "Sign in";
    sign_in_wrong: "用户名或密码不对。", "The user name or the password is not right.";
    sign_in_wait: "试得太多了，请 {wait} 后再试。", "Too many attempts: try again in {wait}.";
    sign_in_demo: "演示：用户名 operator，密码 operator。", "Demo: user name operator, password operator.";
    signed_out: "您已退出。", "You are signed out.";

    // What went wrong.
    problem_back: "回到值守台", "Back to the duty desk";
    problem_malformed: "请求无法解读", "The request could not be read";
    problem_malformed_detail: "{what}", "{what}";
    problem_not_signed_in: "需要登录", "Sign-in needed";
    problem_not_signed_in_detail: "请登录，或在 Authorization 头中带上有效的令牌。", "Sign in, or send a valid token in the Authorization header.";
    problem_forbidden: "没有权限", "Not allowed";
    problem_forbidden_detail: "您的角色不能做这件事。如有需要，请联系管理员。", "Your role may not do this. Ask an administrator if you need to.";
    problem_cross_site: "请求来自别的网站", "The request came from another site";
    problem_cross_site_detail: "请在本页面上重新操作。", "Do it again from a page of this console.";
    problem_not_found: "没有找到", "Not found";
    problem_not_found_detail: "没有这个地址，或者不在您的辖区内。", "There is nothing at this address, or it lies outside your area.";
    problem_method: "不支持这种操作", "Method not allowed";
    problem_method_detail: "这个地址不支持这种请求方法，见 Allow 头。", "This address does not take this method: see the Allow header.";
    problem_claimed: "已有人接手", "Already claimed";
    problem_claimed_detail: "这起报警已由 {by} 接手。", "This alarm is claimed by {by}.";
    problem_not_claimed: "还没有人接手", "Not claimed yet";
    problem_not_claimed_detail: "请先接手，再做这件事。", "Claim the alarm first.";
    problem_closed: "报警已结束", "The alarm is closed";
    problem_closed_detail: "已结束的报警不再改变；可以补充记录。", "A closed alarm does not change any more; a note can still be added.";
    problem_too_large: "内容太大", "Too large";
    problem_too_large_detail: "请求内容最多 {most} 字节。", "A request may have at most {most} bytes.";
    problem_invalid: "内容不合要求", "Not acceptable as it is";
    problem_invalid_detail: "{field}：{what}", "{field}: {what}";
    problem_unavailable: "暂时无法完成", "Not possible at the moment";
    problem_unavailable_detail: "系统没有存下这一步，请马上再试；如仍不行，请通知班长。", "This step was not stored. Try again at once; if it fails again, tell the shift lead.";
    problem_full: "连接太多", "Too many connections";
    problem_full_detail: "打开的页面太多，请关掉不用的页面后再试。", "Too many pages are open: close some and try again.";
    invalid_text_empty: "不能为空", "must not be empty";
    invalid_text_long: "太长了，最多 4000 个字", "too long, at most 4,000 characters";
    invalid_outcome: "未知的结果代码", "not a known outcome";
    invalid_outcome_reason: "选择“其他”时请写明情况", "needs some words when the outcome is `other`";
    invalid_limit: "应在 1 到 500 之间", "must be between 1 and 500";
    invalid_state: "应为 open、closed 或 all", "must be open, closed or all";
    invalid_cursor: "不是有效的续页标记", "is not a valid cursor";
    invalid_person: "没有这个人，或者不能接手这里的报警", "no such person, or one who may not take alarms here";
    invalid_field: "未知的字段", "not a known field";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn both_languages_are_whole_and_have_the_same_blanks() {
        let blanks = |text: &str| -> BTreeSet<String> {
            text.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|(name, _)| name.to_owned()).collect()
        };
        let mut seen = BTreeSet::new();
        for (key, zh, en) in ROWS {
            assert!(seen.insert(key), "{key} stands twice");
            assert!(!zh.trim().is_empty() && !en.trim().is_empty(), "{key} is empty in a language");
            assert_eq!(blanks(zh), blanks(en), "{key}: the languages differ in their blanks");
        }
    }

    #[test]
    fn english_words_hold_no_chinese_but_the_name_of_the_language() {
        for (key, _, en) in ROWS {
            let chinese = en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(!chinese || matches!(*key, "other_language" | "switch_language"), "{key}: {en}");
        }
    }

    #[test]
    fn blanks_are_filled_and_unknown_ones_show() {
        assert_eq!(fill("{a} and {b}", &[("a", "1")]), "1 and ?");
    }
}
