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
    nav_plans: "处置方案", "Plans";
    nav_office: "探访关爱", "Visits";
    sign_out: "退出", "Sign out";

    // Signing in.
    sign_in_title: "登录", "Sign in";
    sign_in_name: "用户名", "User name";
    sign_in_password: "密码", "Password";
    sign_in_go: "登录", "Sign in";
    sign_in_wrong: "用户名或密码不对。", "The user name or the password is not right.";
    sign_in_wait: "试得太多了，请 {wait} 后再试。", "Too many attempts: try again in {wait}.";
    sign_in_demo: "演示：用户名和密码在启动它的终端里。", "Demo: the terminal that started it shows the user name and the password.";
    signed_out: "您已退出。", "You are signed out.";

    // What was learned of a home.
    routine_title: "作息与规则", "Routine and rules";
    routine_picture: "一天中每个钟点允许的静默时长", "How long it may be quiet, by hour of the day";
    routine_legend: "柱：这么久没有动静就打询问电话。横线：这么久就按预案求助。圆点：近 30 至 60 天见过的最长静默。纵轴是小时。", "Bars: quiet for so long is a check call. Lines: for so long, help is called by the plan. Dots: the longest quiet of the last 30 to 60 days. Hours upwards.";
    routine_hour: "{hour} 点：静默 {attention} 询问，{urgent} 求助；见过最长 {longest}", "{hour}:00: check call after {attention}, help after {urgent}; longest seen {longest}";
    routine_learned: "已学习 {days} 天。", "Learned from {days} days.";
    routine_start: "平时 {usual} 前后开始一天；到 {late} 仍未开始算晚。", "The day usually begins about {usual}; not begun by {late} is late.";
    routine_start_unknown: "一天何时开始，满七天才知道。", "When the day begins is known after seven days.";
    routine_kept: "已保存。", "Kept.";
    rules_title: "静默以外的规则", "Rules beside silence";
    rules_hint: "先在这户人家过去 60 天上试一试，再打开。", "Try them on the last 60 days of this home before you switch them on.";
    rules_try: "在过去 60 天上试一试", "Try on the last 60 days";
    rules_save: "保存", "Save";
    trial_head: "过去 {days} 天会提醒 {n} 次", "It would have spoken {n} times in the last {days} days";
    column_when: "时间", "When";
    column_rule: "规则", "Rule";
    column_why: "原因", "Why";
    rule_bed_left: "夜间离床", "Bed left at night";
    rule_bed_left_what: "离床半小时未回，别处也没有动静", "for half an hour neither back nor seen elsewhere";
    rule_door_night: "夜间开门", "Door at night";
    rule_door_night_what: "夜里开门后 20 分钟屋里没有动静", "moved, and for 20 minutes nobody is seen inside";
    rule_running_long: "用水用电过久", "Running too long";
    rule_running_long_what: "用水一小时、指定电器六小时不停", "water for an hour, a named appliance for six";
    rule_temperature: "过冷过热", "Too cold or hot";
    rule_temperature_what: "室温低于 12 °C 或高于 35 °C", "a room below 12 °C or above 35 °C";
    rule_no_morning: "未起床", "No morning";
    rule_no_morning_what: "比平时晚一个半小时仍未开始一天", "not about an hour and a half after the usual time";
    rule_restless_night: "夜间不安", "Restless night";
    rule_restless_night_what: "夜里活动或如厕远多于平时；下次上门时看", "far more about or to the toilet than usual; for the next visit";
    rule_water_use: "用水异常", "Water use";
    rule_water_use_what: "在家用水太少或太多（按本市标准）", "too little or too much at home, by the city's rule";
    rule_door_unused: "整天未开门", "Door not used";
    rule_door_unused_what: "在家 24 小时未开过门", "not opened for 24 hours at home";
    rule_decline: "缓慢变化", "Slow change";
    rule_decline_what: "厨房、如厕、夜间、起床时间逐渐改变；下次上门时看", "kitchen, toilet, nights, mornings change little by little; for the next visit";
    tell_title: "告诉平台", "Tell the platform";
    tell_away: "老人外出，预计回来的日子", "The elder is away; expected back on";
    tell_away_go: "记为外出", "Note as away";
    tell_back: "老人已回家", "The elder is back";
    tell_pets: "家里有宠物，会触发活动传感器", "An animal lives there that sets off motion sensors";
    tell_no_pets: "家里没有宠物", "No animal lives there";

    // The duty desk.
    desk_title: "值守台", "Duty desk";
    queue_title: "待处理", "Waiting";
    queue_order: "按紧急程度和等待时间", "by urgency and waiting time";
    queue_empty: "没有待处理的报警", "No open alarms";
    queue_empty_hint: "新的报警会自动出现在这里，并发出声音。", "A new alarm appears here by itself, with a sound.";
    stands_for: "同一原因，共 {n} 户", "One cause, {n} homes";
    stands_for_title: "失联的家庭", "Homes that cannot be heard";
    queue_more: "还有 {n} 起未列出", "{n} more are not shown";
    card_label: "当前报警", "The alarm";
    side_label: "资料", "The home";
    card_empty: "请选择一起报警", "Choose an alarm";
    card_empty_hint: "用 J 和 K 移动，按 A 接手。", "Move with J and K, claim with A.";
    level_red: "紧急", "Red";
    level_urgent: "加急", "Urgent";
    level_attention: "关注", "Attention";
    level_technical: "技术", "Technical";
    test_chip: "演练", "Drill";
    unregistered_home: "未登记的家庭 {home}", "Unregistered home {home}";
    platform_home: "平台", "The platform";
    age: "{n} 岁", "{n} years";
    sex_female: "女", "female";
    sex_male: "男", "male";
    tier_key: "重点对象", "key tier";
    tier_general: "一般对象", "general tier";
    pressed: "按了 {n} 次", "pressed {n} times";
    raised_at: "{at} 报警", "raised at {at}";
    cancelled: "{at} 家中按了取消，仍需确认。", "Taken back from the home at {at}: still to be confirmed.";
    state_raised: "未接手", "not claimed";
    state_claimed: "{by} 已接手", "claimed by {by}";
    state_reported: "{by} 已报告", "reported by {by}";
    state_closed: "{by} 已结束：{outcome}", "closed by {by}: {outcome}";
    now_calling: "正在呼叫 {who}", "Calling {who}";
    now_dialling: "正在拨号", "dialling";
    now_ringing: "响铃", "ringing";
    now_answered: "已接听，等待按键", "answered, waiting for the key";
    now_asked: "即将拨出", "about to dial";
    now_nobody: "现在没有在呼叫", "Nobody is being called at the moment";
    next_call: "后呼叫 {who}", "until {who} is called";
    next_round: "后从头再呼叫一遍", "until the calls start over";
    next_report: "内须报告，否则重新呼叫", "left to report, then the calls start again";
    next_close: "内须结束，否则再次提醒", "left to close, then it is shown as overdue";
    no_plan: "没有可呼叫的联系人：请接手处理。", "There is nobody to call: please claim it.";
    and_who: "、", ", ";
    claimed_first: "请先接手，再报告或结束。", "Claim it first, then report or close it.";
    with_other: "由 {by} 处理中。您可以补充记录。", "{by} is working on it. You can add a note.";
    act_claim: "接手", "Claim";
    act_report: "报告", "Report";
    act_close: "结束…", "Close…";
    act_hand_over: "转交…", "Hand over…";
    act_let_go: "放回", "Let go";
    act_on_the_way: "已有人前往", "Somebody is on the way";
    act_skip: "跳到下一位", "Call the next now";
    act_note: "记录", "Note";
    timeline: "经过", "What happened";
    timeline_raised: "报警", "Alarm";
    timeline_calling: "正在呼叫", "being called";
    attempt_accepted: "已接听并按键接手", "took it by pressing the key";
    attempt_too_late: "按键时已有人接手", "pressed the key, somebody else had it";
    attempt_passed_on: "转给下一位", "passed it on";
    attempt_no_key: "接听但未按键", "answered, no key pressed";
    attempt_wrong_key: "按错键", "pressed a wrong key";
    attempt_no_answer: "无人接听", "no answer";
    attempt_busy: "占线", "engaged";
    attempt_declined: "拒接", "declined";
    attempt_unreachable: "无法接通", "cannot be reached";
    attempt_channel_down: "线路故障", "the channel failed";
    attempt_delivered: "已送达（不算确认）", "delivered (no acknowledgement)";
    attempt_released: "已有人接手，已通知", "told that it is taken";
    attempt_unknown: "结果不明", "outcome not known";
    note_claim: "接手", "claimed";
    note_report: "报告", "reported";
    note_note: "记录", "note";
    note_close: "结束", "closed";
    note_hand_over: "转交给", "handed over to";
    note_let_go: "放回，重新呼叫", "let go: calls again";
    note_on_the_way: "有人前往，已告知老人", "on the way, the elder is told";
    note_skip: "跳到下一位", "called the next one";
    by_platform: "平台", "platform";
    channel_voice: "电话", "Telephone";
    channel_webhook: "网络通知", "Webhook";
    channel_sms: "短信", "SMS";
    channel_push: "推送", "Push";
    channel_email: "邮件", "E-mail";
    channel_device: "设备灯", "Device lamp";

    now_hanging_up: "正在挂断", "being hung up";
    state_stopped: "自动呼叫已停止", "Calls are stopped";
    act_stop: "停止呼叫", "Stop the calls";
    act_stop_note: "挂断正在呼叫的电话，两分钟后自动继续", "Hangs up what rings; goes on by itself after two minutes";
    act_go_on: "继续呼叫", "Go on calling";
    note_stop: "停止自动呼叫", "stopped the calls";
    note_call_now: "要求立即呼叫", "asked for a call now";
    note_call: "通话", "call";
    note_step: "步骤", "step";
    note_rejected: "调度方拒绝", "refused by the dispatch centre";
    note_on_scene: "已到现场", "on the scene";
    note_on_duty: "当班的是", "on duty";
    called_up: "已叫 {who} 接手", "{who} is called up";
    called_up_next: "后再叫 {who} 接手", "until {who} is called up";
    called_up_you: "{who} 的报警无人接手，请您处理", "The alarm of {who} is not taken: it is yours now";
    called_up_open: "打开", "Open";
    steps_title: "处置步骤", "Steps";
    step_go: "呼叫…", "Call…";
    step_again: "再打…", "Again…";
    step_elder: "与老人通话：{who}", "Speak with the elder: {who}";
    step_back: "回访老人：{who}", "Call the elder back: {who}";
    step_back_hint: "有人到场后", "once somebody is there";
    step_contact: "与{who}通话", "Speak with {who}";
    step_authority: "拨打 {number} {who}", "Dial {number} {who}";
    step_authority_hint: "地址与情况已备好，可直接念", "address and facts are ready to be read out";
    step_outcome: "结果", "Outcome";
    step_words: "备注", "In a few words";
    step_keep: "记下结果", "Write it down";
    authority_police: "报警", "police";
    authority_fire: "火警", "fire brigade";
    authority_ambulance: "急救", "ambulance";
    emergency: "紧急电话…", "Emergency…";
    emergency_title: "拨打紧急电话", "Call an emergency number";
    dial: "立即拨打", "Dial now:";
    read_out: "请照着念：", "Read out:";
    read_where: "地址", "Where";
    read_access: "进门", "Getting in";
    read_who: "老人", "Who";
    read_what: "情况", "What happened";
    read_since: "报警时间", "Since";
    connect: "呼叫（先响我的话机）", "Call (my phone rings first)";
    connecting: "您的话机马上会响，接起后自动接通对方。结果会记在“经过”里。", "Your phone rings in a moment; pick it up and the other side is called. How it ends is noted below.";
    call: "呼叫", "Call";
    call_now: "让平台立即呼叫", "Let the platform call now";
    calling_now: "平台正在呼叫。", "The platform is calling.";
    no_phone_known: "没有登记电话号码", "No telephone number is known";
    call_spoke: "通话 {span}", "spoke for {span}";
    call_own_phone: "您的话机没有接听", "the operator's own phone was not answered";
    call_not_reached: "对方未接通", "not reached";
    call_given_up: "接通前已挂断", "given up before it was answered";
    call_not_dialled: "号码不允许拨打，请用其他电话", "the dial plan does not allow the number: use another phone";
    call_no_line: "没有可用线路，请用其他电话", "no line is free: use another phone";
    keys_steps: "处置步骤", "the steps";
    keys_emergency: "紧急电话（还要再确认一次）", "emergency numbers (confirmed once more)";
    not_calling: "现在没有可以停止的呼叫", "nobody is being called that could be stopped";
    invalid_authority: "应为 110、119 或 120", "must be 110, 119 or 120";
    invalid_step: "不是这起报警的步骤", "is not a step of this alarm";

    // The watch.
    nav_watch: "值班室", "Watch";
    tab_shift: "交接班", "Shift";
    tab_quality: "报警质量", "Alarm quality";
    tab_outage: "中断核查", "After an outage";
    tab_quarantine: "无法识别", "Not understood";
    tab_drill: "演练", "Drill";
    tab_wall: "大屏", "Wall board";
    word_claimed: "已接手", "claimed";
    word_reported: "已报告", "reported";
    column_cause: "原因", "Cause";
    column_state: "状态", "State";
    column_waits: "已等待", "Waiting";
    column_level: "级别", "Level";
    shift_lead: "在值守台点“开始值班”即上岗。下班时在这里写明要交代的事并签字；接班的人签字后，您手上的报警转给对方。", "A shift begins with “Start shift” on the duty desk. To go, write here what the next one must know and sign; once they have signed, the alarms in your hands are theirs.";
    shift_on_title: "正在值班", "On shift";
    shift_nobody: "没有人在值班", "Nobody is on shift";
    shift_nobody_hint: "红色报警将直接通知班长", "red alarms go to the lead at once";
    shift_end_title: "交班签字", "Sign and go";
    shift_end: "签字交班", "Sign and hand over";
    hand_over_open: "未结束的报警（自动填入）", "Open alarms (filled in by itself)";
    hand_over_notes: "交代事项", "What the next one must know";
    hand_over_notes_hint: "例如：梅岭陈阿婆女儿今晚到，请 20 点再问一次。", "For example: the daughter of Mrs Chen arrives tonight; ask again at 20:00.";
    hand_over_to: "交给", "To";
    hand_over_anybody: "任何接班人", "Whoever comes";
    hand_overs_title: "交接记录", "Hand-overs";
    hand_over_from: "交班", "From";
    hand_over_open_then: "当时未结束", "Open then";
    hand_over_none_open: "无", "nothing";
    hand_over_taken: "接班", "Taken by";
    hand_over_waits: "等待接班人签字", "waits for a signature";
    hand_over_answer: "接班人意见", "Answer";
    hand_over_take_title: "接 {who} 的班", "Take over from {who}";
    hand_over_take: "已阅，签字接班", "Read and signed";
    hand_over_own: "自己的交班不能自己接", "your own hand-over has to be signed by somebody else";
    quality_lead: "按 EEMUA 191 和远程照护服务的应答标准计算；演练不计在内。", "By EEMUA 191 and the telecare figures for answering; drills are not counted.";
    quality_from: "从", "From";
    quality_to: "到", "To";
    quality_operators: "同时在岗人数", "Operators at a time";
    quality_show: "查看", "Show";
    quality_cut: "报警太多，只计算了最近的 50000 起。", "Too many alarms: only the latest 50,000 are counted.";
    quality_rates: "数量", "How many";
    quality_peak_10: "10 分钟内最多", "Most in 10 minutes";
    quality_peak_hour: "1 小时内最多", "Most in an hour";
    quality_crowded: "每人每 10 分钟超过 1 起的时段 / 有报警的时段", "Windows of 10 min with more than one per operator / with any";
    quality_floods: "报警潮（每人每 10 分钟 10 起以上）", "Floods (10 and more in 10 min per operator)";
    quality_stale: "超过 24 小时未结束", "Open for more than 24 h";
    quality_false: "无需帮助的报警 / 已结束", "Nobody needed help / closed";
    quality_answers: "应答", "Answers";
    quality_answered: "已应答", "Answered";
    quality_median: "中位数", "Median";
    quality_p90: "九成快于", "9 of 10 within";
    quality_all: "全部", "All";
    quality_top: "报警最多的家庭", "Homes with the most alarms";
    quality_chatter: "反复报警（1 小时内 3 次以上）", "Chattering (3 and more within an hour)";
    quality_presses: "按了几次", "Presses";
    quality_outcomes: "结果", "Outcomes";
    quality_sources: "应答：人第一次接手，或老人自己确认平安。EEMUA 191：每人每 10 分钟不超过 1 起为可接受，10 起为报警潮。", "Answered: first taken by a person, or settled by the elder. EEMUA 191: up to one alarm in 10 min per operator is acceptable, ten are a flood.";
    outage_lead: "平台曾中断，这些家庭此后还没有发来信号。到期仍无信号会报警；可以先打电话问一问。", "The platform was down and these homes have not been heard since. They become alarms when their time is over; a call before that does no harm.";
    outage_due: "到期", "Due";
    quarantine_lead: "设备说了平台听不懂的话，或者设备没有登记：报警不会因此丢失，但要有人处理。", "Devices said what the platform does not understand, or nobody has registered them: somebody has to look.";
    quarantine_title: "无法解读的消息", "Messages that could not be read";
    quarantine_topic: "主题", "Topic";
    quarantine_payload: "内容", "Payload";
    unknown_title: "未登记的设备", "Devices that nobody registered";
    unknown_first: "首次", "First";
    unknown_last: "最近", "Last";
    unknown_count: "次数", "Times";
    drill_banner: "演练中", "Drill";
    drill_banner_text: "带“演练”标记的报警不是真的；真实设备的报警照常呼叫。", "Alarms marked as drill are not real. Signals of real devices are called all the same.";
    drill_home: "演练家庭 {home}", "Drill home {home}";
    drill_lead: "演练报警有明显标记，不会呼叫真实的人，也不计入统计。演练最长 30 分钟，到时自动结束。真实设备的报警照常处理。", "Alarms of a drill are clearly marked, call no real person and are not counted. A drill lasts 30 minutes at most and ends by itself. Signals of real devices are called all the same.";
    drill_who: "演练由班长发起。", "A shift lead begins a drill.";
    drill_state: "状态", "State";
    drill_off: "没有演练", "No drill is on";
    drill_by: "发起人", "Begun by";
    drill_until: "结束时间", "Until";
    drill_minutes: "时长（分钟）", "Minutes";
    drill_minutes_hint: "1 到 {most}", "1 to {most}";
    drill_start_title: "开始演练", "Begin a drill";
    drill_start: "开始", "Begin";
    drill_end_title: "结束演练", "End the drill";
    drill_end: "立即结束", "End now";
    drill_alarm_title: "发出一起演练报警", "Raise an alarm of the drill";
    drill_alarm: "发出", "Raise";
    invalid_drill_minutes: "应在 1 到 30 分钟之间", "must be between 1 and 30 minutes";
    invalid_no_drill: "现在没有演练", "no drill is on";
    invalid_drill_full: "演练家庭都已有这种报警", "every drill home has an alarm of this cause already";
    invalid_span: "起止日期不对，最多 92 天", "not a possible span: at most 92 days";
    wall_lost: "这块大屏的数字已经过时。请看值守台。", "The figures on this board are old. Look at the duty desk.";
    wall_red_unclaimed: "红色未接手", "Red, not claimed";
    wall_taken: "处理中", "being handled";
    wall_other: "其他", "others";
    wall_oldest: "最长等待", "Longest wait";
    wall_on_shift: "在岗", "on shift";
    wall_today: "今日", "today";
    wall_homes: "在线家庭", "Homes heard";
    wall_parts_down: "平台部件异常：", "Parts of the platform that do not work:";
    wall_drill: "演练中，{at} 结束", "Drill until {at}";

    // The home.
    presence_title: "在家情况", "Presence";
    presence_strip: "过去 18 小时和今后 6 小时：各设备最近一次信号，安静时段，下一个期限", "The last 18 and the next 6 hours: last signal of each device, the silence, the next deadline";
    presence_never: "还没有收到过这户的信号。请检查设备是否通电、网关是否在线。", "Nothing has been heard from this home yet. Check that the devices have power and that the hub is on line.";
    cover: "保护状态", "Cover";
    cover_protected: "完整", "protected";
    cover_degraded: "降级", "degraded";
    cover_unprotected: "未保护", "unprotected";
    cover_unknown: "未知", "unknown";
    occupancy: "在家", "Occupancy";
    occupancy_home: "在家", "at home";
    occupancy_away: "外出", "away";
    occupancy_visitor: "有访客", "with a visitor";
    occupancy_unknown: "不清楚", "cannot be told";
    since: "{at} 起", "since {at}";
    silence: "安静时间", "Silence";
    silence_none: "不计（外出或传感器不可用）", "not counted (away, or the sensors cannot tell)";
    last_activity: "最后活动", "Last activity";
    next_deadline: "下一个期限", "Next deadline";
    next_deadline_none: "没有", "none";
    last_seen: "最近信号", "Last seen";
    never: "从未", "never";
    ago: "{span}前", "{span} ago";
    outage_worklist: "平台中断后尚未收到信号", "Not heard since our outage";
    devices: "设备", "Devices";
    device_working: "正常", "working";
    device_silent: "失联", "silent";
    device_offline: "离线", "offline";
    device_unregistered: "未登记", "not registered";
    kind_button: "呼叫按钮", "call button";
    kind_motion: "人体感应", "motion sensor";
    kind_door: "门磁", "door sensor";
    kind_smoke: "烟感", "smoke detector";
    kind_gas: "燃气探测", "gas detector";
    kind_carbon_monoxide: "一氧化碳探测", "CO detector";
    kind_water_leak: "水浸", "leak sensor";
    kind_fall: "跌倒探测", "fall detector";
    kind_bed: "床垫感应", "bed sensor";
    kind_seat: "座椅感应", "chair sensor";
    kind_contact: "门窗磁", "contact sensor";
    kind_water: "用水监测", "water meter";
    kind_power: "用电监测", "power meter";
    kind_hub: "网关", "hub";
    contacts: "联系人", "Contacts";
    contacts_none: "没有登记联系人", "No contacts registered";
    relation_elder: "本人", "the elder";
    relation_daughter: "女儿", "daughter";
    relation_son: "儿子", "son";
    relation_spouse: "配偶", "spouse";
    relation_neighbour: "邻居", "neighbour";
    relation_village_liaison: "联络员", "village liaison";
    relation_family_doctor: "家庭医生", "family doctor";
    relation_duty_phone: "值班电话", "duty phone";
    relation_speaking_device: "家中对讲设备", "speaking device in the home";
    reveal: "显示", "Show";
    reveal_note: "显示会被记录", "Showing is recorded";
    health_notes: "健康情况", "Health";
    phone: "电话", "Phone";
    open_home: "打开家庭页面", "Open the home";
    homes_title: "家庭", "Homes";
    homes_empty: "还没有登记家庭", "No homes registered yet";
    homes_empty_hint: "登记家庭、老人和设备之后，这里会显示每户的情况。", "Once homes, elders and devices are registered, this page shows how each of them is.";
    homes_next: "下一页", "Next page";
    homes_first: "回到第一页", "Back to the first page";
    column_elder: "老人", "Elder";
    column_area: "地区", "Area";
    column_alarms: "报警", "Alarms";
    open_alarms: "{n} 起未结束", "{n} open";

    // The frame of the desk.
    feed_log: "日志", "Log";
    feed_ledger: "账本", "Ledger";
    feed_door: "接入", "Door";
    feed_ingest: "处理", "Ingest";
    feed_canary: "自检", "Self-test";
    feed_homes: "{n} 户", "{n} homes";
    feed_behind: "延迟 {span}", "{span} behind";
    feed_waiting: "{n} 条待发", "{n} waiting";
    feed_routes_down: "{n} 路不通", "{n} routes fail";
    feed_degraded: "降级", "degraded";
    feed_down: "中断", "down";
    feeds_label: "系统状态", "State of the platform";
    totals: "未接手 {raised} · 处理中 {taken} · 最长等待 {longest}", "{raised} not claimed · {taken} being handled · longest wait {longest}";
    totals_none: "全部处理完毕", "Nothing waits";
    keys_move: "移动", "move";
    keys_help: "帮助", "help";
    help_title: "键盘", "Keyboard";
    help_text: "对话框打开时，这些键不起作用；Esc 关闭对话框。", "While a dialog is open these keys do nothing; Esc closes it.";
    close_dialog: "关闭", "Close";
    cancel: "取消", "Cancel";
    start_shift: "开始值班", "Start shift";
    shift_on: "值班中 · 试音", "On shift · test sound";
    sound_bar: "声音没有打开：新的报警不会响。", "Sound is off: a new alarm will not be heard.";
    sound_on: "打开声音", "Turn sound on";
    lost_title: "连接中断", "Connection lost";
    lost_text: "这个页面现在收不到新的报警。正在重新连接；如果一分钟内没有恢复，请用电话通知班长。", "This page does not get new alarms now. It is trying to come back; if it does not within a minute, phone the shift lead.";
    new_alarm: "新报警：{what}", "New alarm: {what}";
    report_title: "报告：做了什么", "Report: what was done";
    report_hint: "例如：已电话联系老人，女儿十分钟后到。", "For example: spoke with the elder; the daughter will be there in ten minutes.";
    report_go: "报告", "Report";
    note_title: "补充记录", "Add a note";
    note_go: "记录", "Add";
    close_title: "结束报警", "Close the alarm";
    close_outcome: "结果", "Outcome";
    close_reason: "说明（选“其他”时必填）", "In words (needed with Other)";
    close_go: "结束", "Close the alarm";
    hand_over_title: "转交给", "Hand over to";
    hand_over_go: "转交", "Hand over";
    hand_over_nobody: "没有其他可以接手的人。", "There is nobody else who may take it.";
    needs_script: "这个页面需要 JavaScript 才能实时更新和操作。", "This page needs JavaScript to stay up to date and to act.";
    wait_hours: "{h}时{m}分", "{h} h {m} m";
    wait_days: "{d}天{h}时", "{d} d {h} h";
    failed_to_send: "没有送到服务器，请再试。", "It did not reach the server: try again.";

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
    problem_refused: "不能这样办理", "This is not accepted";
    problem_changed: "内容已被他人更改", "Somebody else has changed it";
    problem_changed_detail: "请重新打开后再改。", "Open it again and make the change anew.";
    problem_full: "连接太多", "Too many connections";
    problem_full_detail: "打开的页面太多，请关掉不用的页面后再试。", "Too many pages are open: close some and try again.";
    invalid_text_empty: "不能为空", "must not be empty";
    invalid_text_long: "太长了，最多 4000 个字", "too long, at most 4,000 characters";
    invalid_outcome: "未知的结果代码", "not a known outcome";
    invalid_outcome_reason: "选择“其他”时请写明情况", "needs some words when the outcome is `other`";
    invalid_person_field: "不可用：请检查用户名、口令（至少 10 个字符）、区域与角色", "not possible: look at the name, the password (at least 10 characters), the area and the role";
    invalid_until: "时间不对：应在合理的范围之内", "not a possible time: it must lie within reason";
    invalid_days: "应在 1 到 90 天之间", "must be between 1 and 90 days";
    invalid_limit: "应在 1 到 500 之间", "must be between 1 and 500";
    invalid_state: "应为 open、closed 或 all", "must be open, closed or all";
    invalid_cursor: "不是有效的续页标记", "is not a valid cursor";
    invalid_person: "没有这个人，或者不能接手这里的报警", "no such person, or one who may not take alarms here";
    no_phone: "没有登记电话号码", "has no telephone number";
    no_handset: "您的账号没有登记话机（voice.handsets）", "no phone of yours is configured (voice.handsets)";
    no_trunk: "没有配置电话中继", "no trunk is configured";
    // The page behind a one-time link.
    link_title: "报警", "Alarm";
    link_take: "我来处理", "I will take it";
    link_hint: "点击下面的按钮后才算接手。接手后会显示是谁、在哪里。", "Only the button takes it. Who and where is shown after that.";
    link_taken: "已由您接手，请尽快联系。", "It is yours: please act now.";
    link_too_late: "已有人接手，谢谢。", "Somebody else has taken it. Thank you.";
    link_used: "这个链接已经用过。", "This link has been used.";
    link_closed: "这起报警已经关闭。", "This alarm is closed.";
    link_over: "链接已失效，请致电值班台。", "This link is over: call the duty desk.";

    invalid_scope: "没有这个范围，或者不在您的辖区内", "no such scope, or outside your area";
    invalid_plan: "处置方案不成立：请检查梯级、等待时间、时段和问候电话", "this plan cannot work: look at rungs, waits, hours and the check call";
    invalid_plan_contact: "有联系人或排班表不在登记册中", "a contact or rota is not in the register";
    invalid_plan_few: "至少要有三位联系人，或一位 24 小时有人接听的联系人", "three contacts are needed, or one who answers round the clock";
    invalid_plan_authority: "110、119、120 只由值班员拨打，除非对方已书面同意自动呼叫", "110, 119 and 120 are dialled by operators only, unless the authority has agreed to be called by a machine";
    invalid_plan_last: "全市的紧急处置方案只能替换，不能取消", "the city's plan for red alarms can be replaced, not ended";
    invalid_rota: "排班表不成立：请检查起止时间", "this rota cannot work: look at its times";
    invalid_version: "已被他人修改，请重新读取", "somebody has changed it meanwhile: read it again";
    invalid_minute: "应在 0 到 1439 之间", "must be between 0 and 1439";
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
