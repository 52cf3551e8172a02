//! What the pages of the people say, in both languages: a part of the one table of words.

use crate::word_table::word_table;
use care::Language;
use store::register::Role;

word_table! {
    struct HouseWords;
    #[cfg(test)]
    pub(crate) const ROWS;
    // Around every page.
    nav_label: "管理", "Administration";
    tab_people: "人员", "People";
    tab_roles: "角色", "Roles";
    tab_areas: "区域", "Areas";
    tab_sessions: "登录", "Sign-ins";
    tab_audit: "审计", "Audit";
    tab_account: "我的账号", "My account";
    tab_steps: "起步", "First steps";
    // People.
    new_person: "新增人员", "Add somebody";
    change_person: "修改", "Change";
    sign_in_name: "用户名", "Sign-in name";
    sign_in_name_hint: "字母、数字和 - _ . :，最多 64 个", "Letters, digits and - _ . :, at most 64";
    name: "姓名", "Name";
    role: "角色", "Role";
    area: "区域", "Area";
    everywhere: "全部区域", "Everywhere";
    password: "口令", "Password";
    password_hint: "至少 10 个字符；由本人登录后修改", "At least 10 characters; the person changes it after the first sign-in";
    password_keep: "留空则不变；填写后，该人员的其他登录立即失效", "Empty: as it was. A new one ends their other sign-ins at once";
    save: "保存", "Save";
    state: "状态", "State";
    active: "在用", "active";
    let_go_state: "已停用", "let go";
    locked: "已锁定，{wait}后可再试", "locked out, may try again in {wait}";
    unlock: "立即解锁", "Unlock now";
    let_go: "停用账号", "Let go";
    let_go_title: "停用（所有登录立即失效）", "Let go (every sign-in ends at once)";
    come_back: "保存即重新启用该账号", "Saving lets this person sign in again";
    factor: "二次验证", "Second factor";
    factor_on: "已启用，剩余恢复码 {n} 个", "on, {n} recovery codes left";
    factor_off: "未启用", "off";
    factor_pending: "等待第一个验证码", "waiting for its first code";
    factor_reset: "重置二次验证", "Reset the second factor";
    find: "查找", "Find";
    find_hint: "姓名或用户名", "Name or sign-in name";
    // Roles.
    roles_lead: "每个角色在自己的区域内能做什么。角色固定，不可修改；对人员授权只需选角色和区域。", "What each role may do within its area. Roles are fixed: somebody gets one, and an area.";
    may: "可以", "may";
    role_operator: "值班员", "Operator";
    role_shift_lead: "值班长", "Shift lead";
    role_village_liaison: "联络员", "Village liaison";
    role_town_guide: "指导员", "Town guide";
    role_city_supervisor: "督导员", "City supervisor";
    role_department: "委办局", "Department";
    role_visitor: "服务力量", "Visitor";
    role_family: "家属", "Family";
    role_responder: "应急响应员", "Responder";
    role_wall_board: "大屏", "Wall board";
    role_administrator: "管理员", "Administrator";
    need_see: "查看报警与家庭", "See alarms and homes";
    need_act: "接手报警、查看隐藏信息", "Take alarms, reveal what is masked";
    need_plan: "修改处置方案与排班", "Change plans and rotas";
    need_visit: "查看老人、登记探访", "See elders, write visits";
    need_office: "维护名册与事项", "Keep the registers";
    need_supervise: "督导抽查", "Supervise";
    need_city: "全市结账、清除资料", "Close months, erase";
    need_refer: "处理转介", "Work on referrals";
    need_audit: "查看审计", "Read the audit";
    need_people: "管理人员与区域", "Keep people and areas";
    // Areas.
    areas_lead: "市 → 镇（街道） → 村（社区） → 网格。给人员一个区域，就能看到其下全部。", "City → town → village → grid. Whoever is given an area sees everything below it.";
    path: "路径", "Path";
    path_hint: "上级路径加 / 加编号，如 350582/meiling/guishan", "The path above, a slash, and a code: 350582/meiling/guishan";
    people: "人员", "People";
    new_area: "新增或改名", "Add or rename";
    // Sign-ins.
    sessions: "有效登录", "Sign-ins that hold";
    whose: "人员", "Whose";
    kind: "方式", "Kind";
    browser: "浏览器", "browser";
    program: "程序令牌", "program's token";
    this_one: "本次登录", "this one";
    began: "开始", "Began";
    used: "最近使用", "Last used";
    idle_ends: "无操作则失效于", "Ends if idle";
    ends: "最迟失效于", "Ends at the latest";
    end: "结束", "End it";
    end_of: "结束 {who} 的登录 {id}", "End it: the sign-in {id} of {who}";
    sessions_lead: "浏览器登录在 {idle} 无操作或满 {life} 后失效。", "A browser's sign-in ends after {idle} without a request, and after {life} whatever happens.";
    // The audit.
    seq: "序号", "No.";
    when: "时间", "When";
    who: "操作人", "Who";
    action: "操作", "Action";
    subject: "对象", "Subject";
    hash: "校验", "Hash";
    from_day: "从", "From";
    to_day: "到", "To";
    show: "显示", "Show";
    all_actions: "全部操作", "Every action";
    reads: "查看记录（谁看过谁的资料）", "Read log (who saw whose data)";
    audit_lead: "只增不改，每一行都与前一行锁在一起。", "Lines are only added, and each is locked to the one before.";
    verify: "校验整条链", "Verify the whole chain";
    chain_whole: "已校验：链条完整，没有一行被改动。", "Verified: the chain is whole, no line was changed.";
    chain_broken: "链条在第 {n} 行断开：这一行或之前的行被改动过。请立即保全数据并联系安全负责人。", "The chain breaks at line {n}: it or one before it was changed. Secure the data and call who is responsible for security.";
    // The account.
    change_password: "修改口令", "Change the password";
    old_password: "现在的口令", "The password you have now";
    new_password: "新口令", "New password";
    new_again: "再输一次", "Once more";
    password_changed: "口令已修改，其他登录已失效", "Changed. Your other sign-ins have ended";
    factor_lead: "二次验证：登录时除口令外，再输入手机验证器上的 6 位数字。", "Second factor: besides the password, the six digits of an authenticator on your phone.";
    factor_must: "管理员要求您的账号启用二次验证。启用之前不能做其他事。", "Your account must have a second factor. Until it is on, nothing else can be done.";
    factor_begin: "开始设置", "Set it up";
    factor_again: "换一个密钥重新设置", "Begin again with another secret";
    factor_scan: "用验证器扫描此码，或手动输入密钥：", "Scan this with an authenticator, or type the secret:";
    factor_code: "验证器显示的 6 位数字", "The six digits that it shows";
    factor_confirm: "启用", "Turn it on";
    factor_turn_off: "停用二次验证", "Turn it off";
    factor_is_on: "二次验证已启用。", "The second factor is on.";
    recovery_title: "恢复码：请抄下并妥善保管，只显示这一次", "Recovery codes: write them down now, they are shown this once";
    recovery_note: "手机丢失时，每个恢复码可代替验证码使用一次。", "Without your phone each of them works once instead of a code.";
    // The family.
    family_title: "家人", "Your family";
    family_nobody: "这个账号还没有关联老人。请联系社区管理员。", "This account is not bound to anybody yet. Ask the community's administrator.";
    family_note: "这里只显示老人同意分享的内容；老人撤回同意后立即不再显示。紧急情况请直接拨打 120 或联系值班台。", "Only what the elder has agreed to share stands here, and no longer than that. In an emergency call 120 or the duty desk.";
    family_state: "情况", "State";
    family_not_shared: "老人没有同意与家属分享，因此不显示。", "Not shown: the elder has not agreed to share.";
    family_home_not_shared: "同住的人没有都同意分享，因此只显示探访。", "Only visits are shown: not everybody in the home has agreed to share.";
    family_well: "今天有活动", "active today";
    family_quiet: "今天还没有活动", "no sign of life yet today";
    family_open: "有 {n} 起报警正在处理", "{n} alarms are being handled";
    family_never: "还没有数据", "nothing heard yet";
    family_last: "最近活动", "Last sign of life";
    family_where: "在家情况", "At home";
    family_cover: "守护情况", "Cover";
    family_alarms: "报警", "Alarms";
    family_ended: "结果", "Outcome";
    family_in_hand: "处理中", "being handled";
    family_elders: "关联的老人", "Elders of this account";
    family_elders_hint: "老人的编号，用逗号分开；只有老人同意“家属查看”才会显示内容", "Identifiers of elders, with commas; shown only while the elder agrees to it";
    // The first steps.
    steps_lead: "已完成 {done} / {all} 步。做到了就自动打勾。", "{done} of {all} steps are done. They tick themselves off by the facts.";
    step: "步骤", "Step";
    step_how: "怎么做", "How";
    step_done: "✓ 完成", "✓ done";
    step_next: "下一步", "next";
    step_password: "修改初始口令", "Change the first password";
    step_password_how: "“我的账号”里修改；同时建议启用二次验证。", "In “My account”; set up the second factor there too.";
    step_areas: "建立区域", "Enter the areas";
    step_areas_how: "先建市，再建镇（街道）、村（社区）、网格。", "The city first, then towns, villages, grids.";
    step_operators: "新增值班员", "Add operators";
    step_operators_how: "“人员”里新增，角色选值班员或值班长。", "In “People”, with the role operator or shift lead.";
    step_plan: "写好全市处置方案", "Write the city's plan of action";
    step_plan_how: "报警后先呼叫谁、等多久、再呼叫谁：POST /api/v1/plans，或 hearthline register 的文件。", "Who is called first, how long, who next: POST /api/v1/plans, or the file of hearthline register.";
    step_channel: "接通电话、短信或推送", "Connect a trunk, SMS or push";
    step_channel_how: "在配置文件里写 [[trunk]]、[messages] 或 [channels]，重新启动；页头对应的灯变绿即可。", "In the configuration: [[trunk]], [messages] or [channels]; start again, and its lamp in the header is green.";
    step_home: "登记第一户家庭和老人", "Enter the first home and who lives there";
    step_home_how: "导入名册，或用 hearthline register 写入。", "Import a list, or write it with hearthline register.";
    step_contact: "给家庭加上联系人", "Give the home a contact";
    step_contact_how: "子女、邻居或联络员，至少一位能接电话的人。", "A child, a neighbour, the liaison: somebody who answers.";
    step_device: "收到第一台设备的消息", "Hear the first device";
    step_device_how: "设备连上后，家庭页面显示其状态。", "Once it is connected the home's page shows it.";
    step_press: "试按一次呼叫按钮", "Press the call button once";
    step_press_how: "先告诉联系人这是测试；值守台会出现一起紧急报警。", "Tell the contacts first; a red alarm comes up on the duty desk.";
    step_closed: "接手并关闭这起报警", "Take the alarm and close it";
    step_closed_how: "按 A 接手，按步骤处理，最后选“测试”关闭。", "A takes it; go through the steps, and close it as a test.";
    qr_label: "二次验证的二维码", "QR code of the second factor";
}

/// A role's name.
pub(crate) fn role_name(language: Language, role: Role) -> &'static str {
    let h = HouseWords::of(language);
    match role {
        Role::Operator => h.role_operator,
        Role::ShiftLead => h.role_shift_lead,
        Role::VillageLiaison => h.role_village_liaison,
        Role::TownGuide => h.role_town_guide,
        Role::CitySupervisor => h.role_city_supervisor,
        Role::Department => h.role_department,
        Role::Visitor => h.role_visitor,
        Role::Family => h.role_family,
        Role::Responder => h.role_responder,
        Role::WallBoard => h.role_wall_board,
        Role::Administrator => h.role_administrator,
    }
}

/// A role as it is written in forms and in the API.
pub(crate) fn role_code(role: Role) -> String {
    serde_json::to_value(role).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_are_whole_and_fill_the_same_blanks() {
        crate::word_table::assert_whole(super::ROWS, &[]);
    }
}
