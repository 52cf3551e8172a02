//! ALM-8 on one machine: never two processes that call people from one ledger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use acceptance::harness::{Demo, Options, binary, home, run, until};
use std::process::Command;
use std::time::Duration;

/// How long the older process may need to notice the younger one.
const NOTICE_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn a_second_process_is_kept_out_and_where_locks_do_not_hold_the_older_one_ends() {
    run(async {
        let mut older = Demo::start(Options::homes(3)).await;
        let data = older.data();
        let out = Command::new(binary::find("hearthline"))
            .args(["demo", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
            .arg("--data")
            .arg(&data)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success(), "{said}");
        assert!(said.contains("another process has the data directory"), "{said}");
        assert!(older.exited().is_none(), "who was there first stays");

        // A disk without locks, or somebody who removed the file: the younger process owns the ledger.
        std::fs::remove_file(data.join("lock")).unwrap();
        let mut younger = Demo::start(Options::homes(3).on(&data)).await;
        let status = until("the older process ends", NOTICE_WITHIN, async || older.exited()).await;
        assert_eq!(status.code(), Some(3), "{}", older.log_tail());

        let api = younger.api();
        until("the operators are told", NOTICE_WITHIN, async || {
            let open = api.get("/api/v1/alarms?state=open").await;
            open.to_string().contains("technical/second_process").then_some(())
        })
        .await;
        younger.bridge("button").await.press(&home(1), "after").await.unwrap();
        until("a press is an alarm", NOTICE_WITHIN, async || {
            (api.alarms("open").await.len() == 1).then_some(())
        })
        .await;
        younger.is_sound();
    });
}
