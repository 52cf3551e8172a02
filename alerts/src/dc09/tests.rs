//! The channel against a bare centre, and against pysiaalarm (PyPI), a receiving centre of another house.

use super::*;
use crate::testing::{TakesNothing, WallTime, message_job, python};
use care::plan::ChannelName;
use tokio::net::TcpListener;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn key() -> Option<Key> {
    Key::from_hex(KEY)
}

/// What a centre does with each frame.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Acks,
    AcksAnother,
    AcksInTheClear,
    AcksWithAnOldTime,
    OtherTime,
    RefusesAlone,
    AcksAlone,
    DoesNotUnderstand,
    HangsUp,
    Silent,
}

async fn centre(manner: Manner) -> (String, tokio::sync::mpsc::UnboundedReceiver<Frame>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !matches!(take(&heard), Taken::Frame { .. }) {
                socket.read_buf(&mut heard).await.unwrap();
            }
            let frame = parse(&heard, |_| key()).unwrap();
            let now: Timestamp = std::time::SystemTime::now().into();
            let their = now + TimeDelta::hours(1);
            let apart = frame.sent_at.unwrap() - their;
            let bytes = |answer: Frame| Some(answer.encode(key().as_ref(), &mut || 7).unwrap());
            let answer = match manner {
                Manner::Acks => bytes(frame.ack(now)),
                Manner::AcksAnother => bytes(Frame { seq: frame.seq % 9_999 + 1, ..frame.ack(now) }),
                Manner::AcksInTheClear => bytes(Frame { encrypted: false, ..frame.ack(now) }),
                Manner::AcksWithAnOldTime => bytes(frame.ack(now - TimeDelta::minutes(10))),
                Manner::OtherTime if apart.abs() > TimeDelta::minutes(1) => bytes(Frame::nak(their)),
                Manner::OtherTime => bytes(frame.ack(their)),
                Manner::DoesNotUnderstand => bytes(frame.duh(now)),
                Manner::RefusesAlone => Some(b"\"NAK\"".to_vec()),
                Manner::AcksAlone => Some(b"\"ACK\"".to_vec()),
                Manner::HangsUp | Manner::Silent => None,
            };
            tell.send(frame).unwrap();
            match (answer, manner) {
                (Some(answer), _) => socket.write_all(&answer).await.unwrap(),
                (None, Manner::HangsUp) => {}
                // Holds the connection until the sender gives up.
                (None, _) => while socket.read_buf(&mut heard).await.unwrap_or(0) > 0 {},
            }
        }
    });
    (format!("{at}/006969"), told)
}

fn channel(key: Option<Key>, answer_within: Duration) -> Dc09 {
    let accounts = [("home-0002".into(), "A1B2".to_owned())].into();
    Dc09::new(Dc09Settings { key, accounts, answer_within, ..Dc09Settings::default() }, Arc::new(WallTime))
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

async fn deliver(channel: &Dc09, address: &str) -> Delivery {
    channel.deliver(&message_job(address, "an alarm"), &TakesNothing).await
}

#[tokio::test]
async fn a_report_is_delivered_by_the_ack_to_its_own_number_and_nobody_has_taken_the_alarm() {
    for with in [None, key()] {
        let (address, mut told) = centre(Manner::Acks).await;
        let channel = channel(with.clone(), LONG);
        for _ in 0..2 {
            assert_eq!(deliver(&channel, &address).await, Delivery::Ended(AttemptOutcome::Delivered));
        }
        let (first, second) = (told.recv().await.unwrap(), told.recv().await.unwrap());
        assert_eq!((first.account.as_str(), first.data.as_str(), first.encrypted), ("006969", "1101 00 000", with.is_some()));
        assert!(second.repeats(&first), "the same effect has the same number: {first:?} {second:?}");
        assert_eq!(channel.health(), Health::Up);
    }
}

#[tokio::test]
async fn an_acknowledgement_that_anybody_could_have_said_is_none() {
    let nothing = [(Manner::AcksAnother, None), (Manner::AcksAlone, None), (Manner::AcksAnother, key()), (Manner::AcksInTheClear, key()), (Manner::AcksWithAnOldTime, key())];
    for (manner, with) in nothing {
        let (address, _told) = centre(manner).await;
        // in time or when the line is closed
        let told = deliver(&channel(with, SHORT), &address).await;
        assert!(matches!(told, Delivery::Down | Delivery::Again(_)), "{manner:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_centre_whose_clock_differs_gets_the_report_in_its_own_time() {
    for with in [None, key()] {
        let (address, mut told) = centre(Manner::OtherTime).await;
        assert_eq!(deliver(&channel(with, LONG), &address).await, Delivery::Ended(AttemptOutcome::Delivered));
        let (first, second) = (told.recv().await.unwrap(), told.recv().await.unwrap());
        assert!(second.repeats(&first));
        assert!(second.sent_at.unwrap() - first.sent_at.unwrap() > TimeDelta::minutes(50));
    }
}

#[tokio::test]
async fn refusal_silence_and_nobody_there() {
    let (address, _told) = centre(Manner::DoesNotUnderstand).await;
    assert_eq!(deliver(&channel(None, LONG), &address).await, Delivery::Ended(AttemptOutcome::Declined));
    let (address, _told) = centre(Manner::RefusesAlone).await;
    assert_eq!(deliver(&channel(None, LONG), &address).await, Delivery::Down, "an account that it does not know");
    let (address, _told) = centre(Manner::Silent).await;
    let channel = channel(None, SHORT);
    assert_eq!(deliver(&channel, &address).await, Delivery::Down);
    assert!(matches!(channel.health(), Health::Down(_)));
    let (address, _told) = centre(Manner::HangsUp).await;
    assert_eq!(deliver(&channel, &address).await, Delivery::Again(None));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(deliver(&channel, &format!("{nobody}/1234")).await, Delivery::Again(None));
    for wrong in ["", "host/1234", "host:1/", "host:1/12 4", "host:port/12"] {
        assert_eq!(deliver(&channel, wrong).await, Delivery::Ended(AttemptOutcome::Unreachable), "{wrong}");
    }
}

#[test]
fn each_cause_has_its_code_a_drill_is_a_test_and_a_home_may_have_an_account_of_its_own() {
    let channel = channel(None, LONG);
    let mut job = message_job("centre.example:9999/1234", "");
    let says = |job: &Job| {
        let frame = channel.report(job, "1234");
        format!("{} {}", frame.account, frame.data)
    };
    let causes = [
        (Cause::Call, "1101"),
        (Cause::Fall, "1100"),
        (Cause::Smoke, "1111"),
        (Cause::Gas, "1151"),
        (Cause::CarbonMonoxide, "1162"),
        (Cause::WaterLeak, "1154"),
        (Cause::Inactivity, "1641"),
        (Cause::Anomaly("bed_left".into()), "1641"),
        (Cause::Technical("hub_offline".into()), "1147"),
        (Cause::Technical("district_silent/350582/meiling".into()), "1301"),
        (Cause::Technical("self_audit".into()), "1300"),
    ];
    for (cause, code) in causes {
        job.cause = cause;
        assert_eq!(says(&job), format!("1234 {code} 00 000"));
    }
    job.test = true;
    job.home = "home-0002".into();
    assert_eq!(says(&job), "A1B2 1601 00 000");
    assert_eq!(channel.name(), ChannelName::DC09);
    assert_eq!(channel.route("centre.example:9999/1234"), "centre.example:9999");
}

/// A receiving centre of another house: takes one report, prints what it understood and how many it did not.
const PYSIAALARM: &str = "
import sys, asyncio
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient
async def main():
    done = asyncio.Event()
    async def heard(event):
        print(event.account, event.event_qualifier, event.event_type, flush=True)
        done.set()
    async with SIAClient('127.0.0.1', int(sys.argv[1]), [SIAAccount(*sys.argv[2:])], heard) as centre:
        while not done.is_set() and centre.counts.error_account == 0:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
asyncio.run(asyncio.wait_for(main(), 60))
";

/// What comes of a report to account 6969 of that centre, which knows this account, and what it understood; `None` where it is missing.
async fn at_pysiaalarm(account: Vec<&'static str>, with: Option<Key>) -> Option<(Delivery, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let centre = tokio::task::spawn_blocking(move || python("pysiaalarm", PYSIAALARM, &[vec![port.to_string().as_str()], account].concat()));
    let channel = channel(with, LONG);
    let mut delivered = None;
    // Until the centre has opened its port; a machine without it ends the task at once.
    while !centre.is_finished() && delivered.is_none() {
        match deliver(&channel, &format!("127.0.0.1:{port}/6969")).await {
            // Not without a pause: who dials a free port of this machine often enough is connected with itself.
            Delivery::Again(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            other @ (Delivery::Ended(_) | Delivery::Down | Delivery::Full) => delivered = Some(other),
        }
    }
    let text = centre.await.unwrap()?;
    Some((delivered.unwrap(), text.trim().to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiving_centre_of_another_house_understands_the_report_and_is_understood() {
    let understood = Some((Delivery::Ended(AttemptOutcome::Delivered), "6969 1 101".to_owned()));
    let Some(told) = at_pysiaalarm(vec!["6969"], None).await else { return };
    assert_eq!(Some(told), understood);
    // Its keys are letters, ours the same bytes in hexadecimal: AES-128, 192 and 256.
    for letters in ["0123456789abcdef", "0123456789abcdef01234567", "0123456789abcdef0123456789abcdef"] {
        assert_eq!(at_pysiaalarm(vec!["6969", letters], Key::from_bytes(letters.as_bytes())).await, understood, "{letters}");
    }
    // An account that it does not know.
    assert_eq!(at_pysiaalarm(vec!["1234"], None).await, Some((Delivery::Down, String::new())));
}
