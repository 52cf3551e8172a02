//! What the office's pages say, in both languages: a part of the one table of words, kept apart for its length.

use care::Language;

macro_rules! words {
    ($($key:ident: $zh:literal, $en:literal;)*) => {
        /// What the office's pages say, in one language.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct OfficeWords {
            $(#[doc = $en] pub(crate) $key: &'static str,)*
        }

        const ZH: OfficeWords = OfficeWords { $($key: $zh,)* };
        const EN: OfficeWords = OfficeWords { $($key: $en,)* };

        /// The rows: key, Chinese, English.
        #[cfg(test)]
        const ROWS: &[(&str, &str, &str)] = &[$((stringify!($key), $zh, $en),)*];
    };
}

/// The words of a language.
pub(crate) fn office_words(language: Language) -> &'static OfficeWords {
    match language {
        Language::Zh => &ZH,
        Language::En => &EN,
    }
}

words! {
    // Around every page.
    nav_label: "探访关爱", "Visits and care";
    tab_due: "待访", "To visit";
    tab_elders: "名册", "Register";
    tab_months: "月报", "Months";
    tab_matters: "跟踪", "Follow-up";
    tab_referrals: "转介", "Referrals";
    tab_supervision: "督导", "Supervision";
    tab_events: "加访", "Extra visits";
    tab_import: "导入导出", "Import and export";
    tab_policy: "政策", "Policy";
    nothing: "暂无内容", "Nothing here";
    next_page: "下一页", "Next page";
    search: "查找", "Find";
    show: "显示", "Show";
    all: "全部", "All";
    save: "保存", "Save";
    cancel: "取消", "Cancel";
    back: "返回", "Back";
    yes: "是", "yes";
    no: "否", "no";
    unknown: "未知", "not known";
    missing: "未填", "missing";
    state: "状态", "State";
    when: "时间", "When";
    who: "经办人", "By";
    why: "原因", "Why";
    what: "内容", "What";
    kind: "类别", "Kind";
    words: "说明", "Words";
    reason: "原因", "Reason";
    area: "区域", "Area";
    source: "来源", "Source";
    total: "合计", "Total";
    which: "哪一条", "Which";
    step: "下一步", "Step";
    next_step: "下一步", "Next step";
    result: "结果", "Result";
    version: "版本", "Version";
    versions: "历次版本", "Versions";
    how_many: "数量", "How many";
    format: "格式", "Format";
    open: "待办", "open";
    closed: "已结束", "closed";
    // An elder.
    elders: "人数", "Elders";
    elder_id: "编号", "Identifier";
    elder_file: "档案", "File";
    new_elder: "新建档案", "New file";
    edit: "修改", "Edit";
    basics: "基本情况", "Basics";
    name: "姓名", "Name";
    age: "年龄", "Age";
    sex: "性别", "Sex";
    male: "男", "male";
    female: "女", "female";
    born: "出生日期", "Date of birth";
    id_number: "居民身份证号码", "Identity number";
    no_id: "无号码原因", "Why there is none";
    masked_hint: "带星号的内容不改动则保留原值", "What stands with stars stays as it is unless changed";
    phone: "联系电话", "Phone";
    home: "住所编号", "Home";
    area_hint: "区域编号，如 city/town/village", "Its path, such as city/town/village";
    emergency: "紧急联系人", "Emergency contacts";
    emergency_hint: "每行一人：姓名 | 性别 | 电话 | 关系", "One a line: name | sex | phone | relation";
    lives_at: "居住地址", "Lives at";
    registered_at: "户籍地址", "Registered at";
    town: "乡镇（街道）", "Town";
    village: "村（社区）", "Village";
    detail: "详细地址", "Road and number";
    tier: "对象等级", "Tier";
    no_tier: "不在服务范围", "In no tier";
    categories: "对象类型", "Categories";
    entered: "已填写", "Entered";
    decided: "按资料判定", "What the facts say";
    verdict: "判定", "Verdict";
    differs: "填写为“{is}”，与资料不一致", "entered: {is}; the facts say otherwise";
    ability: "能力程度", "Ability";
    card: "残疾证号", "Disability card";
    card_valid_to: "残疾证有效期至", "Card valid to";
    living: "生活与经济", "Living";
    past_illness: "曾患病史", "Past illness";
    economy: "经济情况", "Economic situation";
    income: "月可支配收入（元）", "Monthly income (yuan)";
    income_source: "经济来源", "Source of income";
    family_income: "家庭月收入（元）", "Family's monthly income (yuan)";
    pension: "养老保险每月（元，0 为无）", "Pension a month (yuan; 0: none)";
    benefits: "补贴项目", "Benefits";
    benefits_hint: "每行一项：项目 | 每月金额", "One a line: name | yuan a month";
    water_safe: "饮水是否安全", "Drinking water safe";
    electricity_safe: "生活用电是否安全", "Electricity safe";
    housing_safe: "住房是否安全", "Housing safe";
    family: "家庭成员", "Family";
    family_hint: "每行一人：姓名 | 性别 | 关系 | 身份证号码 | 健康状况 | 是否经常探访（是/否）", "One a line: name | sex | relation | identity number | health | visits often (yes/no)";
    relation: "关系", "Relation";
    health: "健康状况", "Health";
    visits_often: "经常探访", "Visits often";
    has_spouse: "有配偶", "Has a spouse";
    has_children: "有子女", "Has children";
    cared_for: "有人照顾", "Is cared for";
    can_work: "有劳动能力", "Can work";
    first_contact: "第一探访联系人", "First contact";
    child_near: "是同住地子女", "A child living near";
    filed_on: "建档日期", "Filed on";
    enrolled_on: "起访日期", "Visits owed from";
    review: "每半年核查", "Half-yearly review";
    review_due: "下次核查", "Next review";
    review_go: "已核查，资料无误", "Reviewed: everything is right";
    consents: "知情同意", "Consents";
    consent_new: "登记同意、拒绝或撤回", "Note a consent, refusal or withdrawal";
    consent_given: "同意", "given";
    consent_refused: "拒绝", "refused";
    consent_withdrawn: "撤回", "withdrawn";
    purpose: "事项", "Purpose";
    purpose_enrolment: "建档与探访", "register and visits";
    purpose_remote: "远程监测", "remote monitoring";
    purpose_family: "家属查看", "family may look";
    purpose_video: "视频探访", "video visits";
    purpose_service: "向服务单位提供资料", "share with services";
    said_by: "由谁表示", "Said by";
    proof: "凭证存放处", "Where the proof is kept";
    search_name: "姓名、编号", "Name or identifier";
    list_no_first_contact: "无第一探访联系人", "Without a first contact";
    list_review_due: "待核查", "Review due";
    list_card_ends: "残疾证到期", "Card ends";
    list_no_tier: "不在服务范围", "In no tier";
    list_left: "已注销", "Left";
    annex_1: "信息登记表（附件 1）", "Registration form (Annex 1)";
    annex_2: "探访记录表（附件 2）", "Visit record (Annex 2)";
    blank_annex_1: "空白登记表", "Blank registration form";
    blank_annex_2: "空白记录表", "Blank visit record";
    booklet: "一年记录册", "A year's booklet";
    // Visits.
    visits: "探访记录", "Visits";
    visit: "探访", "Visit";
    visitor: "服务人员", "Visitor";
    mode: "方式", "Mode";
    outcome: "结果", "Outcome";
    recorded: "登记", "Entered";
    opened: "由此开立", "Opened by it";
    twins: "疑似同一次探访的其他记录", "Other records that look like the same visit";
    visit_draft: "草稿", "draft";
    visit_signed: "已签字", "signed";
    visit_corrected: "已更正", "corrected";
    due_lead: "{day}：待访 {n} 人", "{day}: {n} to visit";
    due_first: "显示前 {n} 人", "The first {n} are shown";
    due_late: "已逾期", "Overdue";
    due_nobody: "没有待访的老人", "Nobody is to be visited";
    state_due: "待访", "to visit";
    state_overdue: "逾期", "overdue";
    state_met: "已完成", "done";
    state_exempt: "免访", "exempt";
    no_home_visit: "尚无上门记录", "No home visit yet";
    last_home_visit: "上次上门：{day}", "Last home visit: {day}";
    record_visit: "记录探访", "Record a visit";
    kept_here: "有 {n} 条记录保存在本机，有信号后自动发送", "{n} kept on this phone: sent when there is a signal";
    kept_sent: "{name} 的记录已送达。", "The record of {name} has arrived.";
    kept_refused: "{name} 的记录未被接受：{why}", "The record of {name} was not taken: {why}";
    kept_twin: "注意：{by} 在 {at} 也登记了 {name} 的探访，请核对。", "Note: {by} has entered a visit to {name} at {at} too. Please check.";
    kept_on_card: "已保存在本机，待发送", "Kept on this phone, to be sent";
    kept_edit: "修改", "Edit";
    kept_drop: "删除", "Delete";
    kept_out: "登录已失效，请重新登录；记录仍在本机。", "You are signed out. Sign in again; the records are still on this phone.";
    v_mode: "服务方式", "How";
    v_outcome: "结果", "Outcome";
    v_times: "起止时间", "Begin and end";
    v_start: "开始", "Begin";
    v_end: "结束", "End";
    v_people: "家庭状况：人口变化", "Family: people in the home";
    v_speech: "表达能力", "Speech";
    v_movement: "行动能力", "Movement";
    v_illness_row: "疾病状况", "Illness";
    v_illness: "严重疾病名称", "Name of the illness";
    v_mood: "情绪状态", "Mood";
    v_gas: "燃气安全", "Gas";
    v_water: "水暖安全", "Water and heating";
    v_electricity: "用电安全", "Electricity";
    v_personal_hygiene: "个人卫生", "Personal hygiene";
    v_home_hygiene: "家庭卫生", "Cleanliness of the home";
    v_rooms: "室内环境", "Rooms";
    v_same: "无变化", "as before";
    v_better: "较好", "better";
    v_worse: "较差", "worse";
    v_safe: "安全", "safe";
    v_fairly_safe: "较安全", "fairly safe";
    v_unsafe: "不安全", "unsafe";
    v_more: "增加", "more";
    v_fewer: "减少", "fewer";
    v_serious: "有严重疾病", "serious illness";
    v_recovering: "转好", "recovering";
    v_how_many: "人数", "How many";
    v_needs: "关爱服务需求及落实情况", "Needs, and what was done";
    v_needs_hint: "没有则填“无”", "\"none\" if there are none";
    v_hardship: "其他困难", "Other hardship";
    v_family_cares: "家属尽赡养义务", "The family sees to its duty";
    v_benefits: "待遇已落实", "Benefits in order";
    v_visitor_signs: "服务人员签字", "The visitor signs";
    v_elder_signs: "服务对象签字", "The elder signs";
    v_sign_here: "请在框内签字，或选择未签原因", "Sign in the box, or choose why not";
    v_clear: "重签", "Again";
    v_no_sign: "未签原因", "Why not signed";
    v_cannot_sign: "本人无法签字", "cannot sign";
    v_declined: "本人不愿签字", "does not want to sign";
    v_done: "已做", "Done";
    v_called_elder: "致电本人", "called the elder";
    v_called_family: "致电家属", "called the family";
    v_asked_neighbours: "询问邻居", "asked neighbours";
    v_told_liaison: "报告联络员", "told the liaison";
    v_result: "处置结果", "What came of it";
    v_safe_by: "由谁确认平安", "Who says that the elder is safe";
    v_cancel: "取消", "Cancel";
    v_sign: "签字并提交", "Sign and send";
    // Months.
    month: "月份", "Month";
    show_month: "查看", "Show";
    report_of: "{month} 月报", "Report of {month}";
    as_of: "截至 {day}", "As of {day}";
    closed_by: "已于 {at} 由 {by} 封存，封签 {seal}", "Closed by {by} at {at}, seal {seal}";
    not_closed: "尚未封存，数字仍会变化", "Not closed: figures may still change";
    month_closed: "已封存", "closed";
    month_restated: "已重算 {n} 次", "restated {n} times";
    month_running: "进行中", "running";
    month_open: "未封存", "not closed";
    one_up: "上一级", "One level up";
    league: "镇街对比", "Towns compared";
    league_of: "{month} 镇街对比", "Towns compared, {month}";
    place: "名次", "Place";
    forecast: "预测", "Forecast";
    forecast_of: "{month} 预测", "Forecast of {month}";
    will_miss_n: "若无人前往，将有 {n} 人漏访", "If nobody goes, {n} will be missed";
    will_miss: "将漏访", "Will be missed";
    not_yet_reached: "本月尚未探访", "Not reached yet";
    lost: "已漏访", "Missed already";
    back_to_report: "返回月报", "Back to the report";
    col_home: "上门达标", "Home visits met";
    col_reach: "月探访（任一方式）", "Reached by any mode";
    col_remote_only: "其中仅远程", "Remote only";
    col_cover: "设备在线覆盖", "Device cover";
    col_exempt: "免访", "Exempt";
    home_missed: "上门未达标", "Home visit missed";
    not_reached: "未探访", "Not reached";
    remote_only: "仅远程监测", "Reached by remote monitoring only";
    still_owed: "本月仍须探访", "Still owed this month";
    exempt: "免访", "Exempt";
    policy_version: "政策版本", "Policy version";
    facts_file: "事实（JSON，供独立复算）", "Facts (JSON, to recompute)";
    close_month: "封存本月", "Close this month";
    close_month_go: "封存，不再更改", "Close: it will not change again";
    // Matters.
    follow_ups: "跟踪回访", "Follow-ups";
    hazards: "安全隐患", "Hazards";
    needs: "服务需求", "Needs";
    incidents: "突发事件", "Incidents";
    follow_up_done: "登记回访结果", "Enter a follow-up's result";
    due_on: "到期日", "Due on";
    settled: "已落实", "settled";
    not_settled: "未落实", "not settled";
    evidence: "凭证", "Evidence";
    found: "发现时间", "Found";
    recheck: "复查日", "Recheck on";
    hazard_remind: "已提醒", "reminded";
    hazard_remove: "已整改", "removed";
    hazard_confirm: "复查合格", "checked: gone";
    hazard_reopen: "重新打开", "open again";
    referred_to: "转往", "Referred to";
    own_department: "{name}：只显示本部门的转介", "{name}: your own referrals";
    until_call: "发现到呼救", "Found until called";
    not_called: "未呼救", "not called";
    called: "已联系", "Called";
    grave: "重大，待市级复核", "grave, to be reviewed by the city";
    samples: "抽查", "Samples";
    findings: "问题整改", "Findings";
    flags: "可疑记录", "Flags";
    flags_lead: "系统只作提示，不删除任何记录", "Only pointed out: nothing is ever deleted";
    not_called_back: "待回访", "to be called back";
    call_back: "登记回访", "Enter a call-back";
    draw_sample: "随机抽查", "Draw a sample";
    draw_go: "抽取", "Draw";
    rounds: "整改次数", "Rounds";
    to_be_checked: "待复核", "to be checked";
    event: "事件", "Event";
    level: "级别", "Level";
    way: "来源", "Came by";
    events_lead: "极端天气、传统节日等：按政策自动生成加访任务", "Bad weather, festivals: the policy turns them into extra visits";
    declare: "手工发布", "Declare an event";
    declare_go: "发布", "Declare";
    withdraw: "撤销", "Withdraw";
    // Import and export.
    import_title: "导入名单", "Import a list";
    import_file: "xlsx 或 CSV 文件", "xlsx or CSV file";
    import_area_hint: "新老人登记到此区域；名单有网格列时以网格为准", "New elders go here unless the list names a grid";
    import_look: "先看结果", "Look first";
    import_preview: "导入预览", "What it would do";
    import_new: "新增 {n} 人", "{n} new";
    import_filled: "补充 {n} 人的空缺资料", "{n} get what was missing";
    import_conflicts: "不一致 {n} 处，须逐项确认", "{n} conflicts to decide";
    import_same: "{n} 人无变化", "{n} unchanged";
    import_elsewhere: "{n} 人已在其他区域登记，不改动", "{n} are registered elsewhere and stay";
    import_bad: "{n} 处错误，所在行不导入", "{n} mistakes cost their row";
    import_unread: "未识别的列：", "Columns not read:";
    import_apply: "写入名册", "Write into the register";
    import_differs: "与名册不一致（勾选则以名单为准）", "Differs from the register (tick: the list is right)";
    import_problems: "需要修改的内容", "What is wrong in the file";
    import_done: "已写入 {n} 人，批次 {batch}", "{n} written, batch {batch}";
    in_register: "名册", "Register";
    in_list: "名单", "List";
    row: "行", "Row";
    field: "项目", "Field";
    column: "列", "Column";
    cost: "影响", "Costs";
    cost_row: "该行未导入", "the row";
    cost_cell: "该格未导入", "the cell";
    cost_nothing: "仅提示", "nothing";
    export_title: "导出到其他系统", "Copies for other systems";
    export_state: "共 {n} 人；{behind} 人须（重新）报送；{open} 人已导出、尚无回执", "{n} elders; {behind} to be sent (again); {open} exported without a receipt";
    export_no_interface: "以文件报送，不与对方系统直接连接", "Handed over as a file: there is no direct interface";
    export_masked: "此处为脱敏内容", "Masked";
    export_whole: "导出完整内容（记入审计）", "Export whole (goes into the audit)";
    export_go: "导出", "Export";
    export_behind: "须报送的", "to be sent";
    receipt: "登记回执", "Enter a receipt";
    receipt_no: "回执编号", "Receipt number";
    // Policy, retention.
    readings: "对文件的理解", "How the document is read";
    quote: "原文", "Quote";
    question: "问题", "Question";
    chosen: "采用", "Chosen";
    decided_col: "确认", "Decided";
    confirmed: "已确认", "confirmed";
    unconfirmed: "尚未确认", "not confirmed";
    from: "起", "From";
    hash: "指纹", "Hash";
    retention: "保存期限", "Retention";
    kept_for: "保存", "Kept for";
    n_days: "{n} 天", "{n} days";
    keep_home_days: "设备每日证据", "Evidence of devices by day";
    keep_drafts: "未签字的草稿", "Unsigned drafts";
    keep_after: "注销后的全部资料", "Everything after leaving the register";
    keep_audit: "审计", "Audit";
    keep_for_ever: "一直保存", "for good";
    copies: "纸质表存放", "Who keeps the paper";
    keepers: "存放单位", "Kept by";
    retention_note: "法定保全期间不删除；备份按备份计划到期", "Nothing is erased while a legal hold stands; backups end by their own plan";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_whole_and_fill_the_same_blanks() {
        let blanks = |text: &str| {
            let mut names: Vec<String> = text.split('{').skip(1).filter_map(|part| part.split('}').next()).map(str::to_owned).collect();
            names.sort();
            names
        };
        for (key, zh, en) in ROWS {
            assert!(!zh.is_empty() && !en.is_empty(), "{key}");
            assert_eq!(blanks(zh), blanks(en), "{key}");
            assert!(!en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: {en}");
        }
    }
}
