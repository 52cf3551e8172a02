//! The closed sets of words that policy files and facts share: modes, outcomes, abilities, colours.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal, $zh:literal, $en:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$item])* #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in files.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The word in Chinese.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)+ }
            }

            /// The word in English.
            pub fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)+ }
            }

            /// The word in a language.
            pub fn name(self, language: crate::Language) -> &'static str {
                match language {
                    crate::Language::Zh => self.zh(),
                    crate::Language::En => self.en(),
                }
            }

            /// The variant of that code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.code() == code)
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How a contact was made (R28).
    Mode {
        /// 上门入户.
        Home = "home", "上门", "home visit";
        /// 互联网音(视)频.
        Video = "video", "视频", "video";
        /// 电话.
        Phone = "phone", "电话", "phone";
        /// 远程监测, recorded by itself (R75).
        Remote = "remote", "远程监测", "remote monitoring";
        /// Met in some other way: outdoors, at the canteen (I-15).
        Other = "other", "其他", "other";
    }
}

words! {
    /// How a contact ended.
    Outcome {
        /// The elder was met or spoken with.
        Met = "met", "见到或联系到本人", "met";
        /// Nobody answered.
        NoAnswer = "no_answer", "无人应答", "no answer";
        /// The elder did not want it.
        Refused = "refused", "本人拒绝", "refused";
        /// Only somebody else was met or spoken with.
        Proxy = "proxy", "由他人代答", "another person answered";
    }
}

words! {
    /// The ability level of GB/T 42195.
    Ability {
        /// 能力完好.
        None = "none", "能力完好", "able";
        /// 轻度失能.
        Mild = "mild", "轻度失能", "mildly impaired";
        /// 中度失能.
        Moderate = "moderate", "中度失能", "moderately impaired";
        /// 重度失能.
        Severe = "severe", "重度失能", "severely impaired";
        /// 完全失能 (printed as 重度失能 on Annex 1, R50).
        Total = "total", "完全失能", "totally impaired";
    }
}

words! {
    /// The colour of a warning.
    Colour {
        /// 蓝色.
        Blue = "blue", "蓝色", "blue";
        /// 黄色.
        Yellow = "yellow", "黄色", "yellow";
        /// 橙色.
        Orange = "orange", "橙色", "orange";
        /// 红色.
        Red = "red", "红色", "red";
    }
}

words! {
    /// How binding a duty is.
    Force {
        /// The document orders it.
        Must = "must", "必须", "must";
        /// The document says 应适当 or 鼓励.
        Should = "should", "应当", "should";
        /// The office chose it.
        Local = "local", "本地自定", "local choice";
    }
}

words! {
    /// What a refusal does (I-08).
    OnRefusal {
        /// Out of the denominator, and listed by name.
        ExemptListed = "exempt_listed", "免访并逐人列明", "exempt and listed";
        /// Stays in the denominator.
        CountedUnmet = "counted_unmet", "仍计入分母", "stays counted as not met";
    }
}

words! {
    /// What a plan for one elder may change.
    PerElder {
        /// Only more visits, only shorter windows.
        StricterOnly = "stricter_only", "只能从严", "stricter only";
        /// Nothing.
        None = "none", "不可变更", "nothing";
    }
}

/// The reasons for a suspension that have a text of their own; a policy file may name others.
pub const SUSPENSIONS: &[(&str, &str, &str)] = &[
    ("hospital", "住院", "in hospital"),
    ("away", "外出", "away"),
    ("institution", "入住机构", "in an institution"),
    ("moved_out", "迁出", "moved out"),
    ("deceased", "已故", "deceased"),
    ("refused", "拒绝服务", "refused the service"),
];

/// A small set of words of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Few(u64);

impl Few {
    /// A set of the given places.
    pub fn of(places: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::default();
        for place in places {
            set.insert(place);
        }
        set
    }

    /// Puts a place in; places from 64 on do not fit and are left out.
    pub fn insert(&mut self, place: usize) {
        if place < 64 {
            self.0 |= 1 << place;
        }
    }

    /// True if the place is in.
    pub fn has(self, place: usize) -> bool {
        place < 64 && self.0 & (1 << place) != 0
    }

    /// True if nothing is in.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The places, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |place| self.has(*place))
    }

    /// What is in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A set of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes(Few);

impl Modes {
    /// The modes of a list.
    pub fn of(modes: &[Mode]) -> Self {
        Self(Few::of(modes.iter().map(|mode| *mode as usize)))
    }

    /// True if the mode is in.
    pub fn has(self, mode: Mode) -> bool {
        self.0.has(mode as usize)
    }

    /// True if only home visits are in: what remote monitoring can never satisfy (VIS-2).
    pub fn home_only(self) -> bool {
        self == Self::of(&[Mode::Home])
    }

    /// The modes, in order.
    pub fn iter(self) -> impl Iterator<Item = Mode> {
        Mode::ALL.iter().copied().filter(move |mode| self.has(*mode))
    }
}
