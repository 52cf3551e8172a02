//! Why a message is in quarantine.

/// What is wrong with a message. None of these ever takes a call away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Larger than [`crate::PAYLOAD_BYTES_MAX`].
    #[error("the payload has {bytes} bytes, more than are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("the payload is not UTF-8")]
    NotUtf8,
    /// Not JSON, or cut off.
    #[error("the payload is not JSON")]
    NotJson,
    /// Nested too deeply.
    #[error("the payload is nested more than {max} levels deep")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// The topic is not of the language's form.
    #[error("the topic is not of the form of its language")]
    BadTopic,
    /// Nothing says which home it belongs to.
    #[error("nothing says which home this belongs to")]
    UnknownHome,
    /// The topic names a signal that is not in the language.
    #[error("the language has no such signal")]
    UnknownSignal,
    /// A field has a value outside its range.
    #[error("the field `{field}` has a value that it cannot have")]
    BadValue {
        /// The field.
        field: String,
    },
    /// The device's time is not RFC 3339.
    #[error("the field `at` is not a time by RFC 3339")]
    BadTime,
    /// The identity of the message is too long or unreadable.
    #[error("the identity of the message is longer than {} bytes or unreadable", crate::NAME_BYTES_MAX)]
    BadName,
    /// The device has not been described yet by its bridge.
    #[error("the device has not been described yet")]
    NotDescribed,
    /// A template that this house does not evaluate.
    #[error("the template of `{field}` is outside the safe subset")]
    Template {
        /// The entity.
        field: String,
    },
    /// The frame's check sum does not fit.
    #[error("the check sum does not fit")]
    CheckSum,
    /// No key, or the wrong one.
    #[error("the message could not be decrypted")]
    Encrypted,
    /// No language of ours.
    #[error("no language of ours has such a topic")]
    UnknownLanguage,
}

impl Fault {
    /// A short stable name, for counters and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooDeep { .. } => "too_deep",
            Self::BadTopic => "bad_topic",
            Self::UnknownHome => "unknown_home",
            Self::UnknownSignal => "unknown_signal",
            Self::BadValue { .. } => "bad_value",
            Self::BadTime => "bad_time",
            Self::BadName => "bad_name",
            Self::NotDescribed => "not_described",
            Self::Template { .. } => "template",
            Self::CheckSum => "check_sum",
            Self::Encrypted => "encrypted",
            Self::UnknownLanguage => "unknown_language",
        }
    }

    /// The sentence for an operator.
    pub fn text(&self, language: care::Language) -> String {
        let zh = match self {
            Self::TooLarge { bytes } => return choose(language, format!("消息过大：{bytes} 字节。"), self),
            Self::BadValue { field } => return choose(language, format!("字段 {field} 的值超出范围。"), self),
            Self::Template { field } => return choose(language, format!("实体 {field} 的模板不受支持。"), self),
            Self::NotUtf8 => "消息不是 UTF-8 编码。",
            Self::NotJson => "消息不是 JSON 或被截断。",
            Self::TooDeep { .. } => "消息嵌套过深。",
            Self::BadTopic => "主题格式不符。",
            Self::UnknownHome => "无法判断属于哪一户。",
            Self::UnknownSignal => "没有这种信号。",
            Self::BadTime => "设备时间格式不符。",
            Self::BadName => "消息编号过长或无法读取。",
            Self::NotDescribed => "设备尚未由网关登记说明。",
            Self::CheckSum => "校验和不符。",
            Self::Encrypted => "消息无法解密。",
            Self::UnknownLanguage => "没有这种主题的设备语言。",
        };
        choose(language, zh.to_owned(), self)
    }
}

fn choose(language: care::Language, zh: String, fault: &Fault) -> String {
    match language {
        care::Language::Zh => zh,
        care::Language::En => {
            let text = fault.to_string();
            let mut letters = text.chars();
            letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
        }
    }
}
