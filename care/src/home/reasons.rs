//! What a home says of itself, in both languages.

use crate::reason::Row;

/// Reasons that this module gives.
pub const REASONS: &[Row] = &[
    (
        "quiet",
        "自 {since}（{where}）起已 {silence} 没有任何动静。近 {days} 天在家时，这个钟点最长静默 {longest}。这样的静默约 {once} 一遇。",
        "No activity for {silence} since {since} ({where}). The longest quiet at this hour in {days} days at home: {longest}. Expected about once in {once}.",
    ),
    (
        "quiet_new",
        "自 {since}（{where}）起已 {silence} 没有任何动静。已学习 {days} 天，这个钟点未见过静默。这样的静默约 {once} 一遇。",
        "No activity for {silence} since {since} ({where}). In {days} days at home there was no quiet at this hour. Expected about once in {once}.",
    ),
    (
        "quiet_cap",
        "自 {since}（{where}）起已 {silence} 没有任何动静，达到在家静默上限 {cap}。",
        "No activity for {silence} since {since} ({where}): the longest silence allowed at home is {cap}.",
    ),
    ("away_overdue", "{since} 外出，已 {span} 未归。", "Away since {since}, for {span}: longer than expected."),
    ("over_returned", "{at} 已回家（外出 {span}）。", "Back at {at}, after {span} away."),
    ("over_holiday", "已知外出，预计 {until} 回家。", "Known to be away, expected back on {until}."),
    ("over_activity", "{at}（{where}）又有动静。", "Activity again at {at} ({where})."),
    ("over_home", "{at} 又收到该户的消息，中断 {span}。", "The home is heard again since {at}, after {span}."),
    ("over_device", "{at} 又收到设备 {device} 的消息。", "Device {device} is heard again since {at}."),
    ("over_signal", "{cause}：设备 {device} 于 {at} 报告已恢复正常。", "{cause}: device {device} says at {at} that it is over."),
    ("over_battery", "设备 {device} 已更换电池，电量 {percent}%。", "Device {device} has another battery: {percent} %."),
    ("over_tested", "设备 {device} 已于 {at} 测试。", "Device {device} was tested at {at}."),
    ("over_released", "设备 {device} 已于 {at} 停用或更换。", "Device {device} has been out of use since {at}."),
    ("bed_left", "{since} 夜间离床，{span} 未回床，别处也没有动静。", "Bed left at {since} in the night; for {span} neither back nor seen elsewhere."),
    ("door_night", "{since} 夜间开门，{span} 内屋里没有动静。", "The exit door moved at {since} in the night, and nobody was seen inside for {span}."),
    ("water_long", "自 {since} 起一直用水，已 {span}。", "Water has been running since {since}, for {span}."),
    ("power_long", "电器自 {since} 起一直开着，已 {span}。", "An appliance has been on since {since}, for {span}."),
    (
        "water_unused",
        "在家 {span} 用水不足 {litres} 升（自 {since} 起）。",
        "Less than {litres} L of water used in {span} at home (since {since}).",
    ),
    ("water_much", "今日用水已超过 {litres} 升。", "More than {litres} L of water used today."),
    ("water_leak_suspected", "自 {since} 起每半小时都有用水，已 {span}，疑似漏水。", "Water in every half-hour since {since}, for {span}: perhaps a leak."),
    ("door_unused", "在家 {span} 未开过门（自 {since} 起）。", "The exit door has not been opened for {span} (since {since})."),
    (
        "no_morning",
        "到 {now} 仍未起床活动，平时约 {usual} 开始；最后一次动静在 {since}。",
        "The day has not begun by {now}; it usually does about {usual}. Last sign of life at {since}.",
    ),
    (
        "restless_night",
        "今夜如厕 {toilet} 次，{pieces} 个五分钟有活动，平时约 {usual} 个。",
        "This night: {toilet} times to the toilet, about in {pieces} pieces of five minutes, usually in {usual}.",
    ),
    ("decline_kitchen", "近一周每天用厨房约 {week} 次，以前约 {usual} 次。", "The kitchen was used about {week} times a day this week, {usual} before."),
    ("decline_toilet", "近一周每夜如厕约 {week} 次，以前约 {usual} 次。", "About {week} times to the toilet a night this week, {usual} before."),
    (
        "decline_night",
        "近一周每夜约 {week} 个五分钟有活动，以前约 {usual} 个。",
        "About in {week} pieces of five minutes a night this week, {usual} before.",
    ),
    ("decline_start", "近一周约 {week} 起床活动，以前约 {usual}。", "The day began about {week} this week, {usual} before."),
    ("too_cold", "{since} 室温过低：{degrees} °C（{device}）。", "Too cold at {since}: {degrees} °C ({device})."),
    ("too_hot", "{since} 室温过高：{degrees} °C（{device}）。", "Too hot at {since}: {degrees} °C ({device})."),
    ("cover_ok", "设备正常，长时间静默会被发现。", "The devices work: a long silence would be noticed."),
    ("cover_nothing_heard", "尚未收到任何设备的消息。", "No device has been heard yet."),
    ("cover_no_consent", "老人未同意监测。", "The elder has not consented to monitoring."),
    ("cover_away", "老人外出，在家静默不作判断。", "The elder is away: silence at home is not judged."),
    (
        "home_blind",
        "自 {since} 起收不到该户网关或多数传感器的消息（{span}），无法判断是否有动静。",
        "The home's hub or most of its sensors have not been heard since {since} ({span}): silence cannot be judged.",
    ),
    (
        "device_overdue",
        "设备 {device} 应每 {every} 报到一次，自 {since} 起没有消息（{span}）。",
        "Device {device} should be heard every {every}; nothing since {since} ({span}).",
    ),
    (
        "battery_replace",
        "设备 {device} 电量 {percent}%，预计 {days} 天内用完，请更换电池。",
        "The battery of device {device} is at {percent} % and will be empty within {days} days: replace it.",
    ),
    (
        "credential_shared",
        "{at} 发现凭证 {credential} 在两处同时使用，互相顶替：可能被复制，请撤销并重新接入。",
        "At {at} the credential {credential} was used in two places that push each other out: it may have been copied. Revoke it and let the device enter anew.",
    ),
    ("test_due", "设备 {device} 上次测试是 {last}，已超过 30 天，请按一次测试。", "Device {device} was last tested on {last}, more than 30 days ago: press it for a test."),
    ("device_unheard", "设备 {device} 自 {since} 起没有消息（{span}）。", "Device {device} has not been heard since {since} ({span})."),
    ("cover_blind", "自 {since} 起收不到该户的消息，静默不会被发现。", "The home cannot be heard since {since}: silence would not be noticed."),
    ("cover_device", "设备 {device} 自 {since} 起没有消息，静默会被较晚发现。", "Device {device} has not been heard since {since}: silence would be noticed late."),
    ("cover_outage", "平台中断后该户尚未有消息。", "Not heard since an outage of the platform."),
];
