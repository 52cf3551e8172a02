//! Lists of elders as offices send them: workbooks, and CSV in UTF-8 or GB18030, columns by their Chinese names in any
//! order. Every mistake is named by row and column; a bad row never costs the others. No number is
//! repeated in full in what is said about it.

use crate::workbook::{FILE_BYTES_MAX, Flaw, FlawKind, GridRow, ROWS_MAX, grid, letters};
use care::office::elder::Economy;
use care::person::{CardDoubt, IdNumber, Phone, Sex, disability_card};
use care::policy::Ability;
use chrono::NaiveDate;
use std::collections::BTreeMap;

pub use care::office::import::Offer;

/// Longest cell, characters.
pub const CELL_CHARS_MAX: usize = 2_000;

/// The heading stands within so many rows: offices put a title above it.
const HEADING_WITHIN: usize = 10;

/// Why a file is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetProblem {
    /// Too long.
    #[error("longer than {FILE_BYTES_MAX} bytes or {ROWS_MAX} rows: send it in parts")]
    TooLong,
    /// Neither encoding.
    #[error("neither UTF-8 nor GB18030 (an old workbook? save it as xlsx or CSV)")]
    Encoding,
    /// A zip file that is no workbook, is damaged or has a password.
    #[error("not a workbook that can be read: damaged, or protected by a password")]
    Workbook,
    /// No column of names or of identity numbers.
    #[error("no row of headings with a column {0}")]
    NoColumn(&'static str),
    /// The same column twice.
    #[error("the column {0} stands twice")]
    Twice(&'static str),
}

impl SheetProblem {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::TooLong => format!("文件超过 {} MB 或 {ROWS_MAX} 行，请分批导入", FILE_BYTES_MAX >> 20),
            Self::Encoding => "既不是 UTF-8 也不是 GB18030（旧版 xls？请另存为 xlsx 或 CSV）".to_owned(),
            Self::Workbook => "无法读取该工作簿：已损坏或设有密码".to_owned(),
            Self::NoColumn(name) => format!("找不到表头“{name}”"),
            Self::Twice(name) => format!("表头“{name}”出现两次"),
        }
    }
}

/// How much a mistake costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// The row is not taken.
    Row,
    /// The row is taken without this cell.
    Cell,
    /// Everything is taken; somebody should look.
    Nothing,
}

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The row as the office counts it: the heading is row 1.
    pub row: usize,
    /// The column's heading, as it stands in the file.
    pub column: String,
    /// What it costs.
    pub cost: Cost,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// What a file gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Import {
    /// The rows that can be taken.
    pub elders: Vec<Offer>,
    /// What is wrong or odd, in the order of the rows.
    pub problems: Vec<RowProblem>,
    /// Columns that are not read.
    pub unread: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Name,
    IdNumber,
    Born,
    Sex,
    Phone,
    EmergencyName,
    EmergencyPhone,
    RegisteredAddress,
    Address,
    Grid,
    Categories,
    Ability,
    Card,
    CardValidTo,
    PastIllness,
    Economy,
    Income,
    IncomeSource,
    EnrolledOn,
}

/// A column, its name in messages, and the headings that it goes by.
const COLUMNS: &[(Column, &str, &[&str])] = &[
    (Column::Name, "姓名", &["姓名", "老人姓名"]),
    (Column::IdNumber, "身份证号码", &["居民身份证号码", "身份证号码", "身份证号", "证件号码"]),
    (Column::Born, "出生日期", &["出生日期", "出生年月日"]),
    (Column::Sex, "性别", &["性别"]),
    (Column::Phone, "联系电话", &["联系电话", "电话", "手机号", "手机号码"]),
    (Column::EmergencyName, "紧急联系人", &["紧急联系人", "紧急联系人姓名"]),
    (Column::EmergencyPhone, "紧急联系人电话", &["紧急联系人电话", "紧急联系电话"]),
    (Column::RegisteredAddress, "户籍地址", &["户籍地址", "户籍地"]),
    (Column::Address, "居住地址", &["居住地址", "现住址", "住址"]),
    (Column::Grid, "网格", &["网格", "所属网格"]),
    (Column::Categories, "对象类型", &["对象类型", "类别", "老人类别"]),
    (Column::Ability, "能力程度", &["能力程度", "失能等级"]),
    (Column::Card, "残疾证号", &["残疾证号", "残疾人证号"]),
    (Column::CardValidTo, "残疾证有效期", &["残疾证有效期", "残疾证有效期至", "有效期至"]),
    (Column::PastIllness, "曾患病史", &["曾患病史", "病史"]),
    (Column::Economy, "经济情况", &["经济情况"]),
    (Column::Income, "月可支配收入", &["月可支配收入", "月可支配收入（元）", "月可支配收入(元)"]),
    (Column::IncomeSource, "经济来源", &["经济来源"]),
    (Column::EnrolledOn, "建档日期", &["建档日期"]),
];

/// The categories by their Chinese names (with or without 老年人, 老人).
const CATEGORIES: &[(&str, &str)] = &[
    ("孤寡", "no_kin"),
    ("独居", "living_alone"),
    ("空巢", "empty_nest"),
    ("留守", "left_behind"),
    ("失能", "care_dependent"),
    ("重残", "severe_disability"),
    ("重度残疾", "severe_disability"),
    ("计划生育特殊家庭", "special_family"),
    ("计生特殊家庭", "special_family"),
];

/// Reads a list of elders; `today` tells dates in the future.
///
/// # Errors
/// If nothing of it can be read.
pub fn read_elders(bytes: &[u8], today: NaiveDate) -> Result<Import, SheetProblem> {
    let grid = grid(bytes)?;
    let is_heading = |row: &&GridRow| {
        let known = |cell: &String| COLUMNS.iter().take(2).any(|(_, _, names)| names.contains(&bare(cell).as_str()));
        row.cells.iter().any(known)
    };
    let heading = grid.rows.iter().take(HEADING_WITHIN).find(is_heading).ok_or(SheetProblem::NoColumn("姓名"))?;
    let mut sheet = Sheet { heading: heading.cells.clone(), places: BTreeMap::new(), today, import: Import::default() };
    sheet.columns()?;
    let mut first_with: BTreeMap<IdNumber, usize> = BTreeMap::new();
    for GridRow { row, cells, flaws } in grid.rows.iter().filter(|row| row.row > heading.row) {
        let row = *row;
        if cells.iter().all(String::is_empty) && flaws.iter().all(|flaw| flaw.kind == FlawKind::Merged) {
            continue;
        }
        // A flawed cell that nobody reads costs nothing; one that is read costs the row if nobody can say whose it is.
        let read = |flaw: &&Flaw| sheet.places.values().any(|place| *place == flaw.column) || flaw.kind == FlawKind::Unreadable;
        let read: Vec<Flaw> = flaws.iter().filter(read).copied().collect();
        for flaw in &read {
            let heading = sheet.heading.get(flaw.column).cloned().unwrap_or_default();
            let (zh, en) = (format!("{}{row} {}", letters(flaw.column), flaw.kind.zh()), format!("{}{row}: {}", letters(flaw.column), flaw.kind.en()));
            sheet.import.problems.push(RowProblem { row, column: heading, cost: Cost::Row, zh, en });
        }
        if !read.is_empty() {
            continue;
        }
        let Some(elder) = sheet.elder(row, cells) else { continue };
        if let Some(id) = &elder.id_number {
            if let Some(first) = first_with.get(id) {
                let first = *first;
                sheet.problem(
                    row,
                    Some(Column::IdNumber),
                    Cost::Row,
                    format!("与第 {first} 行身份证号码相同"),
                    format!("the same identity number as in row {first}"),
                );
                continue;
            }
            first_with.insert(id.clone(), row);
        }
        sheet.import.elders.push(elder);
    }
    sheet.import.problems.sort_by_key(|problem| (problem.row, problem.cost));
    Ok(sheet.import)
}

/// A heading without blanks and the star of what must be filled in.
fn bare(heading: &str) -> String {
    heading.chars().filter(|c| !c.is_whitespace() && *c != '*' && *c != '＊').collect()
}

struct Sheet {
    heading: Vec<String>,
    places: BTreeMap<Column, usize>,
    today: NaiveDate,
    import: Import,
}

impl Sheet {
    fn columns(&mut self) -> Result<(), SheetProblem> {
        for (place, heading) in self.heading.iter().enumerate() {
            let plain = bare(heading);
            match COLUMNS.iter().find(|(_, _, names)| names.contains(&plain.as_str())) {
                Some((column, name, _)) => {
                    if self.places.insert(*column, place).is_some() {
                        return Err(SheetProblem::Twice(name));
                    }
                }
                None if plain.is_empty() => {}
                None => self.import.unread.push(heading.clone()),
            }
        }
        for (column, name, _) in COLUMNS.iter().take(2) {
            if !self.places.contains_key(column) {
                return Err(SheetProblem::NoColumn(name));
            }
        }
        Ok(())
    }

    fn problem(&mut self, row: usize, column: Option<Column>, cost: Cost, zh: String, en: String) {
        let place = column.and_then(|column| self.places.get(&column));
        let column = place.and_then(|place| self.heading.get(*place)).cloned().unwrap_or_default();
        self.import.problems.push(RowProblem { row, column, cost, zh, en });
    }

    fn cell<'a>(&self, cells: &'a [String], column: Column) -> &'a str {
        self.places.get(&column).and_then(|place| cells.get(*place)).map_or("", String::as_str)
    }

    fn elder(&mut self, row: usize, cells: &[String]) -> Option<Offer> {
        if cells.iter().any(|cell| cell.chars().count() > CELL_CHARS_MAX) {
            self.problem(row, None, Cost::Row, "单元格过长".to_owned(), "a cell is too long".to_owned());
            return None;
        }
        let text = |sheet: &Self, column| Some(sheet.cell(cells, column).to_owned()).filter(|text| !text.is_empty());
        let name = text(self, Column::Name);
        if name.is_none() {
            self.problem(row, Some(Column::Name), Cost::Row, "缺姓名".to_owned(), "the name is missing".to_owned());
        }
        let id_number = match self.cell(cells, Column::IdNumber) {
            "" | "无" => None,
            typed => match IdNumber::parse(typed) {
                Ok(id) => Some(id),
                Err(problem) => {
                    self.problem(row, Some(Column::IdNumber), Cost::Row, problem.zh(), problem.to_string());
                    return None;
                }
            },
        };
        let name = name?;
        let born = self.born(row, cells, id_number.as_ref());
        let sex = self.sex(row, cells, id_number.as_ref());
        let categories = self.categories(row, cells);
        let ability = self.ability(row, cells);
        Some(Offer {
            row,
            name,
            born,
            sex,
            phone: self.phone(row, cells, Column::Phone),
            emergency_name: text(self, Column::EmergencyName),
            emergency_phone: self.phone(row, cells, Column::EmergencyPhone),
            registered_address: text(self, Column::RegisteredAddress),
            address: text(self, Column::Address),
            grid: text(self, Column::Grid),
            categories,
            ability,
            disability_level: self.card(row, cells, id_number.as_ref()),
            card: text(self, Column::Card),
            card_valid_to: self.any_date(row, cells, Column::CardValidTo),
            past_illness: text(self, Column::PastIllness),
            economy: self.economy(row, cells),
            income: self.income(row, cells),
            income_source: text(self, Column::IncomeSource),
            enrolled_on: self.date(row, cells, Column::EnrolledOn),
            id_number,
        })
    }

    /// A day that cannot lie in the future.
    fn date(&mut self, row: usize, cells: &[String], column: Column) -> Option<NaiveDate> {
        let day = self.any_date(row, cells, column)?;
        if day > self.today {
            self.problem(row, Some(column), Cost::Cell, format!("{day} 在今天之后"), format!("{day} is in the future"));
            return None;
        }
        Some(day)
    }

    fn any_date(&mut self, row: usize, cells: &[String], column: Column) -> Option<NaiveDate> {
        let typed = self.cell(cells, column);
        if typed.is_empty() {
            return None;
        }
        let plain = typed.replace(['年', '月', '/', '.'], "-").replace('日', "");
        let read = NaiveDate::parse_from_str(&plain, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(&plain, "%Y%m%d"));
        if read.is_err() {
            self.problem(row, Some(column), Cost::Cell, "不是日期".to_owned(), "not a date".to_owned());
        }
        read.ok()
    }

    fn economy(&mut self, row: usize, cells: &[String]) -> Option<Economy> {
        let typed = self.cell(cells, Column::Economy);
        let found = match typed {
            "" | "无" | "一般" => return None,
            typed if typed.contains("特困") => Some(Economy::Destitute),
            typed if typed.contains("低保") => Some(Economy::MinimumIncome),
            _ => None,
        };
        if found.is_none() {
            self.problem(row, Some(Column::Economy), Cost::Cell, "应为特困人员或低保、低保边缘".to_owned(), "neither 特困人员 nor 低保、低保边缘".to_owned());
        }
        found
    }

    fn income(&mut self, row: usize, cells: &[String]) -> Option<u32> {
        let typed = self.cell(cells, Column::Income);
        if typed.is_empty() {
            return None;
        }
        let plain = typed.trim_end_matches('元').replace([',', '，'], "");
        let yuan = plain.split('.').next().and_then(|whole| whole.parse().ok());
        if yuan.is_none() {
            self.problem(row, Some(Column::Income), Cost::Cell, "不是金额".to_owned(), "not an amount".to_owned());
        }
        yuan
    }

    fn born(&mut self, row: usize, cells: &[String], id: Option<&IdNumber>) -> Option<NaiveDate> {
        let typed = self.date(row, cells, Column::Born);
        let derived = id.and_then(IdNumber::born);
        if typed.zip(derived).is_some_and(|(typed, derived)| typed != derived) {
            let zh = "与身份证号码中的出生日期不符，以号码为准".to_owned();
            let en = "differs from the date of birth in the identity number, which is taken".to_owned();
            self.problem(row, Some(Column::Born), Cost::Nothing, zh, en);
        }
        derived.or(typed)
    }

    fn sex(&mut self, row: usize, cells: &[String], id: Option<&IdNumber>) -> Option<Sex> {
        let typed = match self.cell(cells, Column::Sex) {
            "男" => Some(Sex::Male),
            "女" => Some(Sex::Female),
            "" => None,
            _ => {
                self.problem(row, Some(Column::Sex), Cost::Cell, "应为男或女".to_owned(), "neither 男 nor 女".to_owned());
                None
            }
        };
        let derived = id.and_then(IdNumber::sex);
        if typed.zip(derived).is_some_and(|(typed, derived)| typed != derived) {
            let zh = "与身份证号码中的性别不符，以号码为准".to_owned();
            let en = "differs from the sex in the identity number, which is taken".to_owned();
            self.problem(row, Some(Column::Sex), Cost::Nothing, zh, en);
        }
        derived.or(typed)
    }

    fn phone(&mut self, row: usize, cells: &[String], column: Column) -> Option<Phone> {
        let typed = self.cell(cells, column);
        if typed.is_empty() {
            return None;
        }
        let phone = Phone::parse(typed).ok();
        if phone.is_none() {
            self.problem(row, Some(column), Cost::Cell, "不是电话号码".to_owned(), "not a telephone number".to_owned());
        }
        phone
    }

    fn categories(&mut self, row: usize, cells: &[String]) -> Vec<&'static str> {
        let mut codes = Vec::new();
        let typed = self.cell(cells, Column::Categories).to_owned();
        for word in typed.split(['、', '，', ',', ';', '；', '/', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            let plain = word.trim_end_matches("老年人").trim_end_matches("老人");
            match CATEGORIES.iter().find(|(name, _)| *name == plain) {
                Some((_, code)) => codes.push(*code),
                None => self.problem(
                    row,
                    Some(Column::Categories),
                    Cost::Cell,
                    format!("未知类别“{word}”"),
                    format!("unknown category \"{word}\""),
                ),
            }
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    fn ability(&mut self, row: usize, cells: &[String]) -> Option<Ability> {
        let typed = self.cell(cells, Column::Ability);
        if typed.is_empty() {
            return None;
        }
        let found = Ability::ALL.iter().find(|ability| ability.zh() == typed || ability.zh().trim_end_matches("失能") == typed);
        if found.is_none() {
            self.problem(row, Some(Column::Ability), Cost::Cell, "未知能力程度".to_owned(), "unknown ability".to_owned());
        }
        found.copied()
    }

    fn card(&mut self, row: usize, cells: &[String], id: Option<&IdNumber>) -> Option<u8> {
        let typed = self.cell(cells, Column::Card);
        if typed.is_empty() {
            return None;
        }
        let Some(card) = disability_card(typed, id) else {
            self.problem(row, Some(Column::Card), Cost::Cell, "读不出残疾等级".to_owned(), "it names no level".to_owned());
            return None;
        };
        for doubt in card.doubts {
            let (zh, en) = match doubt {
                CardDoubt::Length => ("残疾证号不是 20 位", "not 20 characters long"),
                CardDoubt::OtherPerson => ("残疾证号与身份证号码不是同一人", "belongs to another identity number"),
            };
            self.problem(row, Some(Column::Card), Cost::Nothing, zh.to_owned(), en.to_owned());
        }
        Some(card.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "姓名,性别,居民身份证号码,联系电话,对象类型,能力程度,残疾证号,建档日期,备注\n\
        陈阿婆,女,11010519491231002X,138 0013 8000,独居老年人、失能,中度失能,,2026年11月3日,x\n\
        林伯,男,440524188001010014,0595-85671234,重残,,44052418800101001441,2026/1/2,\n";

    fn read(text: &str) -> Import {
        read_elders(text.as_bytes(), NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()).unwrap()
    }

    fn check(text: &str, taken: usize, problems: &[&str]) {
        let import = read(text);
        let found: Vec<String> =
            import.problems.iter().map(|p| format!("{} {} {:?}: {}", p.row, p.column, p.cost, p.en)).collect();
        assert_eq!(found, problems);
        assert_eq!(import.elders.len(), taken);
    }

    #[test]
    fn a_good_list_is_read_whole() {
        let import = read(GOOD);
        assert!(import.problems.is_empty(), "{:?}", import.problems);
        assert_eq!(import.unread, ["备注"]);
        let first = &import.elders[0];
        assert_eq!((first.row, first.name.as_str()), (2, "陈阿婆"));
        assert_eq!(first.categories, ["care_dependent", "living_alone"]);
        assert_eq!(first.ability, Some(Ability::Moderate));
        assert_eq!(first.born, NaiveDate::from_ymd_opt(1949, 12, 31));
        assert_eq!(first.enrolled_on, NaiveDate::from_ymd_opt(2026, 11, 3));
        assert_eq!(import.elders[1].disability_level, Some(1));
    }

    #[test]
    fn gb18030_is_the_same_list() {
        let (bytes, _, bad) = encoding_rs::GB18030.encode(GOOD);
        assert!(!bad && std::str::from_utf8(&bytes).is_err());
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        assert_eq!(read_elders(&bytes, today).unwrap(), read(GOOD));
        assert_eq!(read(&format!("\u{feff}{GOOD}")), read(GOOD));
    }

    #[test]
    fn every_mistake_is_named_by_row_and_column_and_the_rest_is_kept() {
        check(
            "姓名,身份证号,性别,电话,类别,建档日期,残疾证号\n\
             甲,110105194912310021,,,,,\n\
             乙,11010519491231002X,男,12345678901,独居、富裕,2027-01-01,44052418800101001442B\n\
             丙,11010519491231002x,,,,,\n\
             ,440524188001010014,,,,,\n\
             \n\
             丁,无,女,,留守老人,不详,\n",
            2,
            &[
                "2 身份证号 Row: the check digit does not fit: it should be X",
                "3 类别 Cell: unknown category \"富裕\"",
                "3 电话 Cell: not a telephone number",
                "3 建档日期 Cell: 2027-01-01 is in the future",
                "3 性别 Nothing: differs from the sex in the identity number, which is taken",
                "3 残疾证号 Nothing: not 20 characters long",
                "3 残疾证号 Nothing: belongs to another identity number",
                "4 身份证号 Row: the same identity number as in row 3",
                "5 姓名 Row: the name is missing",
                "7 建档日期 Cell: not a date",
            ],
        );
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_counts_them() {
        let import = read("姓名,身份证号,住址\n甲,无,\"一楼\n左边\"\n\n乙,无,\n");
        assert_eq!(import.elders.iter().map(|elder| elder.row).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_workbook_with_a_title_and_merged_cells_is_read_and_the_flaws_are_named() {
        use crate::workbook::{Cell, Table, xlsx};
        let row = |name: &str, number: &str, day: &str| [name, number, day].map(Cell::text).to_vec();
        let table = Table {
            heading: vec!["2026 年名册".to_owned()],
            rows: vec![
                row("姓名", "身份证号码 *", "建档日期"),
                row("甲", "11010519491231002X", "2026-01-02"),
                row("乙", "110105194912310021", ""),
                vec![Cell::text("丙"), Cell::Number(4.405_241_880_010_1e17), Cell::text("")],
                row("丁", "440524188001010014", "2027-01-01"),
            ],
            ..Table::default()
        };
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let import = read_elders(&xlsx(&[table]), today).unwrap();
        assert_eq!(import.elders.iter().map(|elder| (elder.row, elder.name.as_str())).collect::<Vec<_>>(), [(3, "甲"), (6, "丁")]);
        let found: Vec<String> = import.problems.iter().map(|p| format!("{} {} {:?}: {}", p.row, p.column, p.cost, p.en)).collect();
        assert_eq!(
            found,
            [
                "4 身份证号码 * Row: the check digit does not fit: it should be X",
                "5 身份证号码 * Row: B5: kept as a number, its last digits are lost: make the column a text column and enter it again",
                "6 建档日期 Cell: 2027-01-01 is in the future",
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_list_is_refused_as_a_whole() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let refused = |bytes: &[u8]| read_elders(bytes, today).unwrap_err();
        assert_eq!(refused("姓名,电话\n甲,1\n".as_bytes()), SheetProblem::NoColumn("身份证号码"));
        assert_eq!(refused("姓名,老人姓名,身份证号\n".as_bytes()), SheetProblem::Twice("姓名"));
        assert_eq!(refused(b"PK\x03\x04...."), SheetProblem::Workbook);
        assert_eq!(refused(b"\xff\xff\xff"), SheetProblem::Encoding);
        assert_eq!(refused(b""), SheetProblem::NoColumn("姓名"));
    }
}
