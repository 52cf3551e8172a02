//! What the pages about plans say, in both languages: a part of the one table of words, kept apart for its length.

use crate::word_table::word_table;

word_table! {
    struct PlanWords;
    #[cfg(test)]
    pub(crate) const ROWS;
    nav_label: "处置方案", "Plans of action";
    tab_plans: "处置方案", "Plans of action";
    tab_lacking: "联系人不足", "Too few contacts";
    tab_rotas: "排班表", "Rotas";
    tab_well: "每日问候电话", "Daily calls";
    kept: "已保存", "Saved";
    // Plans.
    lead: "报警时按离家最近的方案呼叫：老人、家庭、村（社区）、镇（街道）、全市；同一范围内先看事由，再看级别", "The nearest plan counts: elder, home, village, town, city; within one place the cause's own, then the level's own";
    home: "家庭编号", "Home";
    show: "查看这一家", "Show this home";
    new: "新建方案", "New plan";
    where_: "适用范围", "Where";
    cause: "事由", "Cause";
    level: "级别", "Level";
    ladder: "呼叫顺序", "Who is called";
    check_call: "先问老人", "Elder asked first";
    every_cause: "所有事由", "every cause";
    every_level: "所有级别", "every level";
    city: "全市", "The city";
    holds: "这一家目前适用", "What holds for this home";
    scope_elder: "老人 {id}", "Elder {id}";
    scope_home: "家庭 {id}", "Home {id}";
    nobody: "只进值守台队列", "only the operators' queue";
    at_once: "同时", "at once";
    in_turn: "依次", "in turn";
    rung_text: "{n}. {who}（{order}，{wait} 秒）", "{n}. {who} ({order}, {wait} s)";
    rota_of: "排班 {name}", "rota {name}";
    asked_within: "{n} 分钟内按 1", "key 1 within {n} min";
    by_hours: "有时段限制", "hours are kept to";
    enough: "联系人足够", "enough people";
    lack_no_rungs: "没有呼叫任何人", "nobody is called";
    lack_too_few: "不足三人，且无人 24 小时接听", "fewer than three, and nobody round the clock";
    lack: "缺什么", "What it lacks";
    elders: "老人", "Elders";
    make_plan: "制定方案", "Make a plan";
    lacking_lead: "红色报警的方案至少要有三位联系人，或一位 24 小时有人接听的联系人（值班电话、中心、物业、无空档的排班）", "A plan for red alarms needs three people, or one who answers round the clock (duty phone, centre, property staff, a rota without a gap)";
    // One plan.
    choose: "方案用在哪里", "Where the plan holds";
    kind_elder: "一位老人", "one elder";
    kind_home: "一个家庭", "one home";
    kind_area: "一个区域", "an area";
    kind_city: "全市", "the city";
    kind: "范围", "Place";
    id: "编号", "Identifier";
    id_hint: "老人或家庭编号，或区域编号如 city/town/village；全市不填", "Of the elder or home, or an area's path such as city/town/village; empty for the city";
    id_home: "老人所在家庭编号", "The elder's home";
    id_home_hint: "只有选老人时填写", "Only for an elder";
    go_on: "继续", "Go on";
    plan_of: "方案：{place}", "Plan: {place}";
    begins_with: "还没有这一份方案：表中先填入目前适用的内容", "There is no such plan yet: the form shows what holds at present";
    rung: "第 {n} 级", "Rung {n}";
    order: "呼叫方式", "How";
    wait_s: "等待秒数（5 至 3600）", "Wait, seconds (5 to 3600)";
    contact: "联系人 {n}", "Contact {n}";
    channels: "通道", "Channels";
    channels_hint: "按先后，如 voice, sms", "In order, such as voice, sms";
    no_one: "（无）", "(nobody)";
    times: "轮次与期限", "Rounds and limits";
    round_pause: "两轮之间（秒）", "Pause between rounds, s";
    round_pause_max: "两轮之间最长（秒）", "Longest pause, s";
    report_within: "接手后几分钟内报告", "Report within, min";
    call_up: "红色报警无人接手时，呼叫第二位值班人和带班负责人的线路（空 = 只在屏幕上）", "Channels that call up a second person and the shift lead (empty: on screens alone)";
    close_within: "报告后几分钟内结束", "Close within, min";
    asks_elder: "关注类报警先打给老人", "Attention alarms ask the elder first";
    within_min: "几分钟内无人按键则升级", "Without a key within, min";
    again_min: "每隔几分钟再打", "Called again every, min";
    hours: "可呼叫时段", "Hours";
    hours_hint: "每行一条：联系人 | 08:00 | 20:00 | 1,2,3,4,5（周一为 1，不填为每天）；未列出的随时可呼叫；没有人可呼叫时不受限制", "One a line: contact | 08:00 | 20:00 | 1,2,3,4,5 (1 = Monday, left out: every day). Who is not listed may be called at any time. If nobody is left, hours do not count";
    save: "保存方案", "Save the plan";
    end: "取消这份方案，改用上一级范围的方案", "End this plan: the next nearest holds";
    end_go: "取消方案", "End the plan";
    people: "可用的联系人", "Who can be named";
    relation: "关系", "Relation";
    name: "姓名", "Name";
    reached_by: "可用通道", "Reached by";
    bad_time: "时间写法不对：请写 08:00 和 20:00", "not a time: write 08:00 and 20:00";
    // Rotas.
    rotas_lead: "方案里写 rota.名称，报警时就呼叫此刻值班的人；不在岗时由替班人接", "A plan names rota.NAME and calls whoever is on duty then; the stand-in if that person is away";
    rota: "排班表", "Rota";
    new_rota: "新建排班表", "New rota";
    area: "区域", "Area";
    on_duty: "此刻值班", "On duty now";
    nobody_on_duty: "无人值班", "nobody";
    until: "到", "Until";
    gap_free: "七天内无空档", "No gap in seven days";
    gaps: "七天内有空档", "There are gaps in seven days";
    rota_name: "名称（字母、数字和 -）", "Name (letters, digits and -)";
    otherwise: "没有排班时由谁值班", "Who has it otherwise";
    shifts: "班次", "Shifts";
    shifts_hint: "每行一班：联系人 | 2026-12-01 08:00 | 2026-12-01 20:00 | 替班人 | away（不在岗时填写）", "One a line: contact | 2026-12-01 08:00 | 2026-12-01 20:00 | stand-in | away (if the contact is away)";
    save_rota: "保存排班表", "Save the rota";
    away: "请假与销假", "Away, and back";
    away_which: "班次", "Shift";
    away_is: "状态", "State";
    is_away: "不在岗，由替班人值班", "away: the stand-in has the duty";
    is_here: "在岗", "here";
    away_go: "记下", "Note it";
    bad_shift: "班次写法不对：联系人 | 开始 | 结束", "not a shift: contact | from | to";
    // Daily calls.
    well_lead: "自愿登记的老人每天接一个电话：按 1 平安；一小时内最多打五次，仍无人按键则呼叫联系人", "For elders who ask for it: a call a day, key 1 if all is well; up to five times within the hour, then their circle";
    well_new: "登记或改时间", "Begin, or change the time";
    well_at: "每天几点", "At";
    well_elder: "老人编号", "Elder";
    well_elder_hint: "家中只有一位老人时可不填", "May be left out if one elder lives there";
    well_end: "不再打问候电话", "End the daily call";
    well_who: "老人", "Elder";
    well_go: "登记", "Save";
    well_end_go: "停止", "End it";
    which_elder: "这一家有几位老人，请写明是哪一位", "several elders live there: say which";
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_are_whole_and_fill_the_same_blanks() {
        crate::word_table::assert_whole(super::ROWS, &[]);
    }
}
