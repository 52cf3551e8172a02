//! The home hub as a process, between a button and the demonstration's door: killed, cut off, and asked who hears it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::binary::find;
use acceptance::harness::mqtt::Packet;
use acceptance::harness::{Client, Demo, Options, Rounds, home, run, until};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(60);

/// A line that can be cut: a door in front of the demonstration's door.
struct Wire {
    address: String,
    task: JoinHandle<()>,
}

impl Wire {
    /// A wire to an address; at the same place as an earlier one, if it is given.
    async fn to(target: &str, at: &str) -> Self {
        let listener = until("the wire can be laid", SOON, async || {
            TcpListener::bind(at).await.ok()
        })
        .await;
        let address = listener.local_addr().unwrap().to_string();
        let target = target.to_owned();
        let task = tokio::spawn(async move {
            let mut ends = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                ends.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(&target).await {
                        drop((near.set_nodelay(true), far.set_nodelay(true)));
                        drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                    }
                });
            }
        });
        Self { address, task }
    }

    /// Cuts it: nothing listens, and every connection ends.
    async fn cut(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

/// A hub of the first home.
struct Hub {
    folder: tempfile::TempDir,
    child: Option<Child>,
    door: String,
}

impl Hub {
    /// A hub with these ways to the platform.
    fn new(demo: &Demo, ways: &[&str], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("password"), &demo.ready.mqtt_password).unwrap();
        std::fs::write(at("door"), "secret").unwrap();
        let mut text = format!(
            "schema = 1\nhome = \"{}\"\ndata_dir = \"{}\"\nheartbeat_s = 10\n",
            home(1),
            at("data")
        );
        for (n, way) in ways.iter().enumerate() {
            text += &format!("[[path]]\nname = \"way-{n}\"\nplatform = \"{way}\"\n");
        }
        text += &format!(
            "[login]\nuser = \"{}\"\npassword_file = \"{}\"\n",
            demo.ready.mqtt_user,
            at("password")
        );
        text += &format!(
            "[door]\nlisten = \"127.0.0.1:0\"\n[[door.login]]\nuser = \"home\"\npassword_file = \"{}\"\n{more}",
            at("door")
        );
        std::fs::write(at("hub.toml"), text).unwrap();
        Self {
            folder,
            child: None,
            door: String::new(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&mut self) {
        let out = File::create(self.file("out")).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.file("log"))
            .unwrap();
        let mut command = Command::new(find("hearthline"));
        command
            .args(["hub", "--config"])
            .arg(self.file("hub.toml"))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log);
        self.child = Some(command.spawn().unwrap());
        self.door = until("the hub is ready", SOON, async || {
            let text = std::fs::read_to_string(self.file("out")).ok()?;
            text.contains('\n')
                .then(|| text.trim().rsplit(' ').next().map(str::to_owned))
                .flatten()
        })
        .await;
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// A device in the home; `None` if the hub is not there.
    async fn device(&self, id: &str) -> Option<Client> {
        Client::connect(&self.door, id, "home", "secret").await.ok()
    }

    fn memory_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!(
            "/proc/{}/status",
            self.child.as_ref().unwrap().id()
        ))
        .unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the hub's last words: {}", self.log());
        }
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The calls of the first home: presses and copies.
async fn presses(demo: &Demo) -> u64 {
    let calls = demo.api().calls_of(&home(1)).await;
    calls
        .iter()
        .map(|call| call["presses"].as_u64().unwrap())
        .sum()
}

fn press(n: usize) -> (String, Vec<u8>) {
    (
        format!("care/v1/{}/pendant/call", home(1)),
        format!("{{\"id\":\"press-{n}\"}}").into_bytes(),
    )
}

#[test]
fn what_the_hub_acknowledged_reaches_the_platform_once_however_often_the_hub_is_killed() {
    run(async {
        let demo = Demo::start(Options::homes(1)).await;
        let mut hub = Hub::new(&demo, &[&demo.ready.mqtt], "");
        let mut acked = 0;
        for round in Rounds::of("hub", "kill", 5, 100) {
            hub.start().await;
            let mut device = until("the pendant is connected", SOON, async || {
                hub.device("pendant").await
            })
            .await;
            // Five presses; the hub dies somewhere among their acknowledgements.
            for n in 0..5 {
                let (topic, payload) = press(acked + n);
                device.publish(&topic, &payload).await.unwrap();
            }
            let mut here = 0;
            while here < 1 + round % 5 {
                if matches!(device.read().await.unwrap(), Packet::PubAck(_)) {
                    here += 1;
                }
            }
            hub.kill();
            // What was not acknowledged the pendant says again under the same name, to the hub's next life.
            acked += here;
        }
        hub.start().await;
        let what = format!("{acked} acknowledged presses");
        until(&what, SOON, async || {
            (presses(&demo).await >= u64::try_from(acked).unwrap()).then_some(())
        })
        .await;
        let total = presses(&demo).await;
        // The last round's unacknowledged ones may have come through as well; none is there twice.
        assert!(
            total <= u64::try_from(acked + 4).unwrap(),
            "{total} presses for {acked} acknowledged"
        );
        println!("RSS of the hub: {} KB", hub.memory_kb());
    });
}

#[test]
fn a_cut_line_is_told_at_home_and_calls_come_through_by_the_other_way_and_back() {
    run(async {
        let demo = Demo::start(Options::homes(1)).await;
        let wired = Wire::to(&demo.ready.mqtt, "127.0.0.1:0").await;
        let spare = Wire::to(&demo.ready.mqtt, "127.0.0.1:0").await;
        let places = (wired.address.clone(), spare.address.clone());
        let folder = tempfile::tempdir().unwrap();
        let lamp = folder.path().join("lamp");
        let more = format!(
            "[unheard]\nafter_s = 30\ncommand = [\"sh\", \"-c\", \"echo $0 >> {}\"]\n",
            lamp.display()
        );
        let mut hub = Hub::new(&demo, &[&places.0, &places.1], &more);
        hub.start().await;
        let mut device = hub.device("pendant").await.unwrap();
        let mut listener = hub.device("lamp").await.unwrap();
        assert_eq!(listener.subscribe("hearthline/hub/heard").await.unwrap(), 1);
        let lamp_says = async |word: &'static str| {
            until(word, SOON, async || {
                std::fs::read_to_string(&lamp)
                    .ok()
                    .filter(|text| text.lines().last() == Some(word))
            })
            .await;
        };
        lamp_says("heard").await;

        let mut press_and_see = async |n: usize| {
            let (topic, payload) = press(n);
            device.publish_acked(&topic, &payload).await.unwrap();
        };
        let seen = async |n: u64| {
            until(&format!("{n} presses at the platform"), SOON, async || {
                (presses(&demo).await == n).then_some(())
            })
            .await;
        };
        press_and_see(1).await;
        seen(1).await;
        // The wire is cut: the other way is taken, and nobody at home has to worry.
        wired.cut().await;
        press_and_see(2).await;
        seen(2).await;
        // Both are cut: a call waits, and the home is told.
        spare.cut().await;
        press_and_see(3).await;
        lamp_says("unheard").await;
        let told = tokio::time::timeout(SOON, async {
            loop {
                if let Ok(Packet::Publish { payload, .. }) = listener.read().await
                    && let Ok(told) = serde_json::from_slice::<Value>(&payload)
                    && told["heard"] == false
                {
                    return told;
                }
            }
        })
        .await
        .expect("the home's devices are told");
        // The one before may have reached the platform without its acknowledgement having come back.
        assert!(told["calls_waiting"].as_u64().is_some_and(|waiting| (1..=2).contains(&waiting)), "{told}");
        assert_eq!(presses(&demo).await, 2);
        // The wire is back.
        let _wired = Wire::to(&demo.ready.mqtt, &places.0).await;
        seen(3).await;
        lamp_says("heard").await;
        assert_eq!(presses(&demo).await, 3, "each once, however often it was sent");
    });
}

#[test]
fn what_the_office_sets_reaches_a_hub_that_connects_later() {
    run(async {
        let demo = Demo::start(Options::homes(1)).await;
        let setting = serde_json::json!({ "home": home(1), "hub": "hub", "heartbeat_s": 20, "path": "way-0" });
        demo.api().post("/api/v1/hubs", &setting).await;
        let mut hub = Hub::new(&demo, &[&demo.ready.mqtt], "");
        hub.start().await;
        let kept = hub.file("data").join("remote");
        let said = until("the hub has taken it", SOON, async || {
            std::fs::read_to_string(&kept).ok()
        })
        .await;
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (
                said["version"].as_u64(),
                said["heartbeat_s"].as_u64(),
                said["path"].as_str()
            ),
            (Some(1), Some(20), Some("way-0"))
        );
    });
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    std::fs::write(
        &file,
        "schema = 1\nhome = \"home-1\"\ndata_dir = \"d\"\nheartbeat = 5\n",
    )
    .unwrap();
    let check = || {
        Command::new(find("hearthline"))
            .args(["hub", "--check", "--config"])
            .arg(&file)
            .output()
            .unwrap()
    };
    let refused = check();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("line 4") && said.contains("heartbeat"),
        "{said}"
    );
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let secret = folder.path().join("secret").display().to_string();
    let good = format!(
        "schema = 1\nhome = \"home-1\"\ndata_dir = \"{0}/data\"\n[[path]]\nname = \"wired\"\nplatform = \"127.0.0.1:1883\"\n[login]\nuser = \"h\"\npassword_file = \"{secret}\"\n[broker]\naddress = \"127.0.0.1:1\"\n",
        folder.path().display()
    );
    std::fs::write(&file, good).unwrap();
    let checked = check();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(
        !folder.path().join("data").exists(),
        "checking makes nothing"
    );
}
