//! Each way in which a call can end, and what it does to the alarm.

use crate::sipp::{self, Sipp, answer, bye, capture, challenge, info, installed, invite, late, ok, pause, picks_up, play, progress, receive, recorded, sdp};
use crate::world::{Stores, call_with, open, script, timers, trunk_to, until_quiet};
use alerts::voice::audio::{silence, tone};
use alerts::voice::keys::Via;
use alerts::voice::leg::{LegOutcome, LegReport, LegTimers};
use alerts::voice::sip::TrunkSettings;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One call into a scenario; the scenario must go through, and nothing may be left of the call.
async fn call(name: &str, steps: Vec<String>, timers: LegTimers, change: impl FnOnce(&mut TrunkSettings), more: &[&str]) -> (LegReport, usize) {
    let party = Sipp::start(name, &steps, 1, more);
    let mut settings = trunk_to(party.port);
    change(&mut settings);
    let trunk = open(settings).await;
    let take = Stores::default();
    let report = call_with(&trunk, &script(), timers, &take).await;
    tokio::task::spawn_blocking(|| party.ends_well()).await.unwrap();
    until_quiet(&trunk).await;
    (report, take.accepted.load(Ordering::SeqCst))
}

async fn simple(name: &str, steps: Vec<String>) -> (LegReport, usize) {
    call(name, steps, timers(), |_| {}, &[]).await
}

fn then(mut steps: Vec<String>, more: impl IntoIterator<Item = String>) -> Vec<String> {
    steps.extend(more);
    steps
}

fn presses(key: &str) -> String {
    play(&recorded(&format!("dtmf_2833_{key}.pcap")))
}

#[tokio::test(flavor = "multi_thread")]
async fn key_1_by_a_telephone_event_takes_the_alarm_and_only_then_the_details_are_said() {
    if !installed("sipp") {
        return;
    }
    let (report, accepted) = simple("press1", then(picks_up(true), [pause(800), presses("1"), bye()])).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::Acknowledged(Via::Rfc4733), 1));
    assert_eq!(report.keys, "1");
    assert!(report.answered_at.is_some() && report.rang_at <= report.answered_at && report.answered_at <= report.key_at);
    let confirmed = report.said.iter().position(|s| s == "confirmed").unwrap();
    assert!(report.said[..confirmed].iter().all(|s| s == "brief"), "{:?}", report.said);
    assert_eq!(report.said[confirmed..], ["confirmed", "full", "full"]);
    assert!(report.wire.sent > 20 && !report.wire.call_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn key_2_passes_it_on() {
    if !installed("sipp") {
        return;
    }
    let (report, accepted) = simple("press2", then(picks_up(true), [pause(600), presses("2"), bye()])).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::PassedOn, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_wrong_keys_end_the_call_and_two_before_a_right_one_do_not() {
    if !installed("sipp") {
        return;
    }
    let steps = then(picks_up(true), [pause(500), presses("7"), pause(500), presses("8"), pause(500), presses("star"), bye()]);
    let (report, accepted) = simple("wrong", steps).await;
    assert_eq!((report.outcome, report.keys.as_str(), accepted), (LegOutcome::WrongKey, "78*", 0));
    let steps = then(picks_up(true), [pause(500), presses("7"), pause(500), presses("9"), pause(500), presses("1"), bye()]);
    let (report, accepted) = simple("wrongthen1", steps).await;
    assert_eq!((report.outcome, report.keys.as_str(), accepted), (LegOutcome::Acknowledged(Via::Rfc4733), "791", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voicemail_that_talks_never_takes_the_alarm() {
    if !installed("sipp") {
        return;
    }
    let times = LegTimers { repeats: 2, ..timers() };
    let steps = then(picks_up(true), [play(&recorded("g711a.pcap")), bye()]);
    let (report, accepted) = call("voicemail", steps, times, |_| {}, &[]).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::NoKey, 0));
    assert!(report.wire.heard_audio);
    assert_eq!(report.said, ["brief", "brief"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn engaged_refused_unknown_and_broken_are_told_apart() {
    if !installed("sipp") {
        return;
    }
    for (status, outcome) in [
        ("486 Busy Here", LegOutcome::Busy),
        ("603 Decline", LegOutcome::Declined),
        ("404 Not Found", LegOutcome::Unreachable(404)),
        ("503 Service Unavailable", LegOutcome::RouteDown("status 503".into())),
    ] {
        let (report, accepted) = simple("final", vec![invite(), answer(status), receive("ACK")]).await;
        assert_eq!((report.outcome, accepted), (outcome, 0), "{status}");
        assert_eq!(report.wire.status.to_string(), status[..3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_the_ringing_is_ended_with_a_cancel() {
    if !installed("sipp") {
        return;
    }
    let steps = vec![invite(), answer("180 Ringing"), receive("CANCEL"), answer("200 OK"), late("487 Request Terminated", ""), receive("ACK")];
    let times = LegTimers { ring: Duration::from_secs(2), ..timers() };
    let (report, accepted) = call("noanswer", steps, times, |_| {}, &[]).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::NoAnswer, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_crosses_the_cancel_leaves_no_ghost_of_a_call() {
    if !installed("sipp") {
        return;
    }
    let steps = vec![invite(), answer("180 Ringing"), receive("CANCEL"), answer("200 OK"), late("200 OK", &sdp(true)), receive("ACK"), bye()];
    let times = LegTimers { ring: Duration::from_secs(2), ..timers() };
    let (report, accepted) = call("late200", steps, times, |_| {}, &[]).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::NoAnswer, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_early_media_is_no_persons() {
    if !installed("sipp") {
        return;
    }
    let steps = vec![invite(), answer("100 Trying"), progress(), pause(500), presses("1"), pause(1_500), answer("480 Temporarily Unavailable"), receive("ACK")];
    let (report, accepted) = simple("early", steps).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::NoAnswer, 0));
    assert!(report.wire.early > 0 && report.keys.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn key_1_by_sip_info_takes_the_alarm() {
    if !installed("sipp") {
        return;
    }
    let steps = then(picks_up(false), [pause(600), info("Signal=1\nDuration=160"), bye()]);
    let (report, accepted) = simple("info", steps).await;
    assert_eq!((report.outcome, accepted), (LegOutcome::Acknowledged(Via::SipInfo), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_1_as_a_tone_is_asked_for_twice() {
    if !installed("sipp") {
        return;
    }
    let dir = sipp::Dir::new("tones");
    let file = dir.0.join("tones.pcap");
    let mut sound = silence(Duration::from_millis(600));
    for _ in 0..2 {
        sound.extend(tone(&[697.0, 1209.0], Duration::from_millis(160)));
        sound.extend(silence(Duration::from_millis(900)));
    }
    capture(&file, &sound);
    let (report, accepted) = simple("inband", then(picks_up(false), [pause(300), play(&file), bye()])).await;
    assert_eq!((report.outcome, report.keys.as_str(), accepted), (LegOutcome::Acknowledged(Via::InBand), "11", 1));
    assert!(report.said.contains(&"once more".to_owned()));
    // The same tones count for nothing where events were negotiated; and once is not enough.
    let times = LegTimers { repeats: 2, ..timers() };
    let (report, accepted) = call("inband-te", then(picks_up(true), [play(&file), bye()]), times.clone(), |_| {}, &[]).await;
    assert_eq!((report.outcome, report.keys.as_str(), accepted), (LegOutcome::NoKey, "", 0));
    capture(&file, &sound[..12_000]);
    let (report, accepted) = call("inband-once", then(picks_up(false), [play(&file), bye()]), times, |_| {}, &[]).await;
    assert_eq!((report.outcome, report.keys.as_str(), accepted), (LegOutcome::NoKey, "1", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_peer_the_trunk_counts_as_down() {
    let trunk = open(trunk_to(sipp::ports(2))).await;
    let take = Stores::default();
    let report = call_with(&trunk, &script(), LegTimers { no_word: Duration::from_secs(1), ..timers() }, &take).await;
    assert!(matches!(report.outcome, LegOutcome::RouteDown(_)), "{:?}", report.outcome);
    assert_eq!(take.reached.load(Ordering::SeqCst), 0);
}

fn with_digest() -> Vec<String> {
    vec![
        invite(),
        challenge(),
        receive("ACK"),
        "<recv request=\"INVITE\" auth=\"true\"><action><verifyauth assign_to=\"good\" username=\"hearth\" password=\"secret\"/></action></recv>\n".into(),
        "<nop hide=\"true\" test=\"good\" next=\"taken\"></nop>\n".into(),
        answer("403 Forbidden"),
        "<recv request=\"ACK\" next=\"end\"></recv>\n".into(),
        "<label id=\"taken\"/>\n".into(),
        answer("180 Ringing"),
        ok(true),
        receive("ACK"),
        pause(600),
        presses("1"),
        bye(),
        "<label id=\"end\"/>\n<pause milliseconds=\"50\"/>\n".into(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_and_a_wrong_password_is_the_trunks_fault() {
    if !installed("sipp") {
        return;
    }
    for (password, outcome) in [("secret", LegOutcome::Acknowledged(Via::Rfc4733)), ("wrong", LegOutcome::AuthFailed(403))] {
        let set = |s: &mut TrunkSettings| {
            s.user = "hearth".into();
            s.password = password.into();
        };
        let (report, _) = call("digest", with_digest(), timers(), set, &[]).await;
        assert_eq!(report.outcome, outcome, "{password}");
    }
    // Without a password the challenge is the end.
    let (report, _) = simple("nodigest", vec![invite(), challenge(), receive("ACK")]).await;
    assert_eq!(report.outcome, LegOutcome::AuthFailed(401));
}
