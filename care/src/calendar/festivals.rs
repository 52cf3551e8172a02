//! Festivals by the lunar calendar and the solar terms, as a table of dates 2020 to 2100 (Beijing
//! time). The table is data, checked in once; a test holds it against a calendar library.

use super::plus_days;
use chrono::{Datelike, NaiveDate};

/// A festival that a policy file can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Festival {
    /// 除夕/春节: the eve of the lunar new year.
    Spring,
    /// 元宵: the 15th of the first month.
    Lantern,
    /// 清明: the solar term.
    Qingming,
    /// 端午: the 5th of the fifth month.
    DragonBoat,
    /// 中元: the 15th of the seventh month.
    Zhongyuan,
    /// 中秋: the 15th of the eighth month.
    MidAutumn,
    /// 重阳: the 9th of the ninth month.
    DoubleNinth,
    /// 冬至: the winter solstice.
    WinterSolstice,
}

impl Festival {
    /// All, in the order of the year (and of the columns of the table).
    pub const ALL: [Self; 8] = [
        Self::Spring,
        Self::Lantern,
        Self::Qingming,
        Self::DragonBoat,
        Self::Zhongyuan,
        Self::MidAutumn,
        Self::DoubleNinth,
        Self::WinterSolstice,
    ];

    /// Its name in policy files and facts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Spring => "spring",
            Self::Lantern => "lantern",
            Self::Qingming => "qingming",
            Self::DragonBoat => "dragon_boat",
            Self::Zhongyuan => "zhongyuan",
            Self::MidAutumn => "mid_autumn",
            Self::DoubleNinth => "double_ninth",
            Self::WinterSolstice => "winter_solstice",
        }
    }

    /// Its name in Chinese.
    pub fn name_zh(self) -> &'static str {
        match self {
            Self::Spring => "除夕（春节）",
            Self::Lantern => "元宵",
            Self::Qingming => "清明",
            Self::DragonBoat => "端午",
            Self::Zhongyuan => "中元",
            Self::MidAutumn => "中秋",
            Self::DoubleNinth => "重阳",
            Self::WinterSolstice => "冬至",
        }
    }

    /// Its name in English.
    pub fn name_en(self) -> &'static str {
        match self {
            Self::Spring => "New Year's Eve (Spring Festival)",
            Self::Lantern => "Lantern Festival",
            Self::Qingming => "Qingming",
            Self::DragonBoat => "Dragon Boat Festival",
            Self::Zhongyuan => "Zhongyuan",
            Self::MidAutumn => "Mid-Autumn Festival",
            Self::DoubleNinth => "Double Ninth",
            Self::WinterSolstice => "Winter Solstice",
        }
    }

    /// The festival of that name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|festival| festival.code() == code)
    }

    /// Its date in a year; none outside 2020 to 2100.
    pub fn on(self, year: i32) -> Option<NaiveDate> {
        let row = TABLE.get(usize::try_from(year.checked_sub(FIRST_YEAR)?).ok()?)?;
        let column = Self::ALL.iter().position(|festival| *festival == self)?;
        let month_day = u32::from(*row.get(column)?);
        NaiveDate::from_ymd_opt(year, month_day / 100, month_day % 100)
    }

    /// Its dates from `first` to `last`, in order.
    pub fn between(self, first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
        (first.year()..=last.year()).filter_map(|year| self.on(year)).filter(|d| first <= *d && *d <= last).collect()
    }
}

/// Every festival with its date from `first` to `last` and up to `days_ahead` days further.
pub fn all_between(first: NaiveDate, last: NaiveDate, days_ahead: i64) -> Vec<(Festival, NaiveDate)> {
    let last = plus_days(last, days_ahead);
    let mut found: Vec<_> = Festival::ALL
        .into_iter()
        .flat_map(|festival| festival.between(first, last).into_iter().map(move |day| (festival, day)))
        .collect();
    found.sort_by_key(|(festival, day)| (*day, *festival));
    found
}

/// The first year of the table.
pub const FIRST_YEAR: i32 = 2020;

/// A row per year: month * 100 + day, in the order of [`Festival::ALL`].
#[rustfmt::skip]
const TABLE: [[u16; 8]; 81] = [
    [124, 208, 404, 625, 902, 1001, 1025, 1221], // 2020
    [211, 226, 404, 614, 822, 921, 1014, 1221], // 2021
    [131, 215, 405, 603, 812, 910, 1004, 1222], // 2022
    [121, 205, 405, 622, 830, 929, 1023, 1222], // 2023
    [209, 224, 404, 610, 818, 917, 1011, 1221], // 2024
    [128, 212, 404, 531, 906, 1006, 1029, 1221], // 2025
    [216, 303, 405, 619, 827, 925, 1018, 1222], // 2026
    [205, 220, 405, 609, 816, 915, 1008, 1222], // 2027
    [125, 209, 404, 528, 903, 1003, 1026, 1221], // 2028
    [212, 227, 404, 616, 824, 922, 1016, 1221], // 2029
    [202, 217, 405, 605, 813, 912, 1005, 1222], // 2030
    [122, 206, 405, 624, 901, 1001, 1024, 1222], // 2031
    [210, 225, 404, 612, 820, 919, 1012, 1221], // 2032
    [130, 214, 404, 601, 809, 908, 1001, 1221], // 2033
    [218, 305, 405, 620, 828, 927, 1020, 1222], // 2034
    [207, 222, 405, 610, 818, 916, 1009, 1222], // 2035
    [127, 211, 404, 530, 905, 1004, 1027, 1221], // 2036
    [214, 301, 404, 618, 825, 924, 1017, 1221], // 2037
    [203, 218, 405, 607, 815, 913, 1007, 1222], // 2038
    [123, 207, 405, 527, 903, 1002, 1026, 1222], // 2039
    [211, 226, 404, 614, 822, 920, 1014, 1221], // 2040
    [131, 215, 404, 603, 811, 910, 1003, 1221], // 2041
    [121, 205, 404, 622, 830, 928, 1022, 1222], // 2042
    [209, 224, 405, 611, 819, 917, 1011, 1222], // 2043
    [129, 213, 404, 531, 808, 1005, 1029, 1221], // 2044
    [216, 303, 404, 619, 827, 925, 1018, 1221], // 2045
    [205, 220, 404, 608, 816, 915, 1008, 1222], // 2046
    [125, 209, 405, 529, 904, 1004, 1027, 1222], // 2047
    [213, 228, 404, 615, 824, 922, 1016, 1221], // 2048
    [201, 216, 404, 604, 813, 911, 1005, 1221], // 2049
    [122, 206, 404, 623, 831, 930, 1024, 1222], // 2050
    [210, 225, 405, 613, 820, 919, 1013, 1222], // 2051
    [131, 215, 404, 601, 809, 907, 1030, 1221], // 2052
    [218, 305, 404, 620, 828, 926, 1020, 1221], // 2053
    [207, 222, 404, 610, 818, 916, 1009, 1222], // 2054
    [127, 211, 405, 530, 906, 1005, 1028, 1222], // 2055
    [214, 229, 404, 617, 825, 924, 1017, 1221], // 2056
    [203, 218, 404, 606, 814, 913, 1006, 1221], // 2057
    [123, 207, 404, 625, 902, 1002, 1025, 1221], // 2058
    [211, 226, 405, 614, 822, 921, 1014, 1222], // 2059
    [201, 216, 404, 603, 810, 909, 1002, 1221], // 2060
    [120, 204, 404, 622, 829, 928, 1021, 1221], // 2061
    [208, 223, 404, 611, 819, 917, 1011, 1221], // 2062
    [128, 212, 405, 601, 809, 1006, 1030, 1222], // 2063
    [216, 302, 404, 619, 827, 925, 1018, 1221], // 2064
    [204, 219, 404, 608, 816, 915, 1008, 1221], // 2065
    [125, 209, 404, 528, 904, 1003, 1027, 1221], // 2066
    [213, 228, 405, 616, 824, 923, 1016, 1222], // 2067
    [202, 217, 404, 604, 812, 911, 1004, 1221], // 2068
    [122, 206, 404, 623, 831, 929, 1023, 1221], // 2069
    [210, 225, 404, 613, 820, 919, 1012, 1221], // 2070
    [130, 214, 405, 602, 810, 908, 1031, 1222], // 2071
    [218, 304, 404, 620, 828, 926, 1020, 1221], // 2072
    [206, 221, 404, 610, 818, 916, 1009, 1221], // 2073
    [126, 210, 404, 530, 905, 1005, 1028, 1221], // 2074
    [214, 301, 404, 617, 826, 924, 1018, 1222], // 2075
    [204, 219, 404, 606, 814, 912, 1006, 1221], // 2076
    [123, 207, 404, 624, 901, 1001, 1025, 1221], // 2077
    [211, 226, 404, 614, 822, 920, 1014, 1221], // 2078
    [201, 216, 404, 604, 811, 910, 1003, 1222], // 2079
    [121, 205, 404, 622, 829, 928, 1021, 1221], // 2080
    [208, 223, 404, 611, 819, 917, 1011, 1221], // 2081
    [128, 212, 404, 601, 808, 1006, 1030, 1221], // 2082
    [216, 303, 404, 619, 827, 926, 1019, 1222], // 2083
    [205, 220, 404, 607, 816, 914, 1008, 1221], // 2084
    [125, 209, 404, 527, 903, 1003, 1027, 1221], // 2085
    [213, 228, 404, 615, 823, 922, 1016, 1221], // 2086
    [202, 217, 404, 605, 813, 911, 1005, 1222], // 2087
    [123, 207, 404, 623, 831, 929, 1022, 1221], // 2088
    [209, 224, 404, 613, 820, 918, 1012, 1221], // 2089
    [129, 213, 404, 602, 810, 908, 1031, 1221], // 2090
    [217, 304, 404, 621, 829, 927, 1021, 1221], // 2091
    [206, 221, 404, 609, 817, 916, 1009, 1221], // 2092
    [126, 210, 404, 529, 905, 1005, 1028, 1221], // 2093
    [214, 301, 404, 617, 825, 924, 1017, 1221], // 2094
    [204, 219, 404, 606, 814, 913, 1006, 1221], // 2095
    [124, 208, 404, 624, 901, 930, 1024, 1221], // 2096
    [211, 226, 404, 614, 821, 920, 1013, 1221], // 2097
    [131, 215, 404, 604, 811, 909, 1003, 1221], // 2098
    [120, 204, 404, 623, 830, 929, 1022, 1221], // 2099
    [208, 223, 405, 612, 820, 918, 1012, 1222], // 2100
];

#[cfg(test)]
mod tests {
    use super::*;
    use tyme4rs::tyme::lunar::LunarDay;
    use tyme4rs::tyme::solar::{SolarDay, SolarTerm};

    fn date(day: SolarDay) -> NaiveDate {
        NaiveDate::from_ymd_opt(
            day.get_year().try_into().unwrap(),
            day.get_month().try_into().unwrap(),
            day.get_day().try_into().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn the_table_agrees_with_a_calendar_library_in_every_year() {
        let mut differ = Vec::new();
        for year in FIRST_YEAR..=2100 {
            let y = isize::try_from(year).unwrap();
            let lunar = |month, day| date(LunarDay::from_ymd(y, month, day).get_solar_day());
            let term = |year, index| date(SolarTerm::from_index(year, index).get_solar_day());
            for festival in Festival::ALL {
                let theirs = match festival {
                    Festival::Spring => plus_days(lunar(1, 1), -1),
                    Festival::Lantern => lunar(1, 15),
                    Festival::Qingming => term(y, 7),
                    Festival::DragonBoat => lunar(5, 5),
                    Festival::Zhongyuan => lunar(7, 15),
                    Festival::MidAutumn => lunar(8, 15),
                    Festival::DoubleNinth => lunar(9, 9),
                    Festival::WinterSolstice => term(y + 1, 0),
                };
                if festival.on(year) != Some(theirs) {
                    differ.push((year, festival));
                }
            }
        }
        // The new moon of September 2057 falls within seconds of midnight in Beijing; almanacs differ by a
        // day for that one month, and the table keeps the reading of most of them (6 October).
        assert_eq!(differ, [(2057, Festival::DoubleNinth)]);
    }

    #[test]
    fn the_festivals_of_2026_and_2027_stand_on_their_known_days() {
        let on = |festival: Festival, year| festival.on(year).unwrap().to_string();
        assert_eq!(on(Festival::Spring, 2026), "2026-02-16");
        assert_eq!(on(Festival::Lantern, 2026), "2026-03-03");
        assert_eq!(on(Festival::Qingming, 2026), "2026-04-05");
        assert_eq!(on(Festival::DragonBoat, 2026), "2026-06-19");
        assert_eq!(on(Festival::MidAutumn, 2026), "2026-09-25");
        assert_eq!(on(Festival::DoubleNinth, 2026), "2026-10-18");
        assert_eq!(on(Festival::Spring, 2027), "2027-02-05");
        assert_eq!(on(Festival::DragonBoat, 2027), "2027-06-09");
    }

    #[test]
    fn years_outside_the_table_have_no_festival() {
        assert_eq!(Festival::Spring.on(2019), None);
        assert_eq!(Festival::Spring.on(2101), None);
    }
}
