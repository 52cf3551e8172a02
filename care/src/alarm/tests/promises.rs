//! What an alarm promises, whatever happens to it in whatever order.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn inputs() -> impl Strategy<Value = String> {
    let n = 1u32..40;
    let people = prop::sample::select(vec!["op", "op2", "@daughter", "@son"]);
    let ends = prop::sample::select(vec![
        "accepted",
        "too_late",
        "passed_on",
        "no_key",
        "wrong_key",
        "no_answer",
        "busy",
        "declined",
        "unreachable",
        "channel_down",
        "delivered",
        "released",
        "unknown",
    ]);
    prop_oneof![
        4 => (n.clone(), ends).prop_map(|(n, e)| format!("ends {n} {e}")),
        3 => n.clone().prop_map(|n| format!("accepts {n}")),
        1 => n.prop_map(|n| format!("starts {n}")),
        4 => prop::sample::select(vec!["time", "press", "copy", "cancel", "skip", "stop", "call son", "urgent", "again", "over button", "over - 9000"]).prop_map(str::to_owned),
        2 => (prop::sample::select(vec!["claim", "let", "way", "report"]), people.clone()).prop_map(|(v, p)| format!("{v} {p}")),
        1 => people.prop_map(|p| format!("close {p} test")),
        1 => Just("hand op op2".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// ALM-1, ALM-3, ALM-4, ALM-5 for whatever may happen in whatever order.
    #[test]
    fn an_alarm_keeps_its_promises_whatever_happens(
        plan_text in prop::sample::select(vec!["", "daughter", "daughter & son", "daughter+sms son / liaison+sms & neighbour"]),
        steps in prop::collection::vec((0u32..400, inputs()), 1..80),
    ) {
        let plan = plan(plan_text);
        let (mut alarm, effects) =
            Alarm::raise("a1".into(), "home-1".into(), vec![], raise(Cause::Call, Level::Red, "button"), false, &plan, start());
        let mut keys: BTreeSet<u32> = effects.iter().map(|e| e.no).collect();
        prop_assert_eq!(keys.len(), effects.len());
        let mut now = start();
        for (seconds, words) in steps {
            now += TimeDelta::seconds(i64::from(seconds));
            let step = input(&words.split(' ').collect::<Vec<_>>());
            let refused = alarm.refuses(&step).is_some();
            let before = alarm.clone();
            let (after, effects) = alarm.step(step.clone(), &plan, now);
            for effect in &effects {
                prop_assert!(keys.insert(effect.no), "effect {} twice", effect.no);
            }
            let by_person = matches!(
                step,
                Input::Accepted { .. } | Input::Claim { .. } | Input::HandOver { .. } | Input::Report { .. } | Input::Close { .. }
            );
            let rank = |a: &Alarm| match a.state { State::Raised => 0, State::Claimed { .. } => 1, State::Reported { .. } => 2, State::Closed { .. } => 3 };
            prop_assert!(rank(&after) <= rank(&before) || by_person, "{words} moved {:?} to {:?}", before.state, after.state);
            let by_close = matches!(step, Input::Close { .. });
            prop_assert!(after.is_open() || by_close || !before.is_open(), "{} closed it", words);
            if after.is_open() {
                let next = after.deadline();
                prop_assert!(next.is_some());
                prop_assert!(next.unwrap() > now || next == before.deadline(), "{words}: next step in the past");
            } else {
                prop_assert_eq!(after.deadline(), None);
                let calls = effects.iter().any(|e| matches!(e.kind, EffectKind::Notify { .. }));
                prop_assert!(!calls, "a closed alarm calls nobody");
            }
            if refused && by_person {
                prop_assert_eq!(&after.state, &before.state);
            }
            alarm = after;
        }
    }
}
