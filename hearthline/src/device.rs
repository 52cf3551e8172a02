//! `hearthline device`: the devices of a running platform from the command line, by its API. The same rights, the same audit
//! and the same answers as on the pages.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// How long an answer may take: a list of thousands of devices is enrolled in one.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The devices of a running platform.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// The console's address, such as `https://console.example.org`.
    #[arg(long)]
    url: String,
    /// A file that holds an API token (see `hearthline token`).
    #[arg(long)]
    token_file: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List devices, one a line: home, device, state, kind, room, last heard, battery.
    List {
        /// `working`, `silent`, `offline`, `never`, `unregistered` or `retired`; left out: all but the retired.
        #[arg(long, default_value = "")]
        state: String,
        /// `button`, `motion`, `hub`, ...
        #[arg(long, default_value = "")]
        kind: String,
        /// A part of a name, model or serial number.
        #[arg(long, default_value = "")]
        text: String,
    },
    /// Enrol a device, or change what was entered of it.
    Enrol {
        /// Its home.
        home: String,
        /// Its name in topics.
        device: String,
        /// `button`, `motion`, `hub`, ...
        #[arg(long)]
        kind: String,
        /// Its room.
        #[arg(long, default_value = "")]
        room: String,
        #[command(flatten)]
        about: About,
        /// It is to be heard once in so many minutes; 0 = it need not.
        #[arg(long)]
        every_minutes: Option<u32>,
        /// It stands at the door that leads out.
        #[arg(long)]
        exit_door: bool,
    },
    /// Put a new device in the place of one.
    Replace {
        /// Its home.
        home: String,
        /// The one that goes.
        old: String,
        /// The one that comes; the same name = the same device with another secret.
        new: String,
        #[command(flatten)]
        about: About,
    },
    /// Take a device out of service.
    Retire {
        /// Its home.
        home: String,
        /// Which.
        device: String,
    },
    /// Make a code by which a device gets its credential, once; in a terminal also as a QR code.
    Code {
        /// Its home.
        home: String,
        /// Which.
        device: String,
        /// Print the QR code wherever the output goes.
        #[arg(long)]
        qr: bool,
    },
    /// Begin a test of a home: half an hour at most.
    Test {
        /// Its home.
        home: String,
        /// Which device is tried.
        device: String,
    },
    /// Enrol a list of devices (CSV or xlsx): all or none.
    Import {
        /// The list.
        file: PathBuf,
        /// Only look at it.
        #[arg(long)]
        look: bool,
    },
}

#[derive(Debug, Args)]
struct About {
    /// Its model.
    #[arg(long, default_value = "")]
    model: String,
    /// Its serial number.
    #[arg(long, default_value = "")]
    serial: String,
    /// A note.
    #[arg(long, default_value = "")]
    note: String,
}

struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    fn new(args: &DeviceArgs) -> anyhow::Result<Self> {
        let token = std::fs::read_to_string(&args.token_file).with_context(|| format!("reading {}", args.token_file.display()))?;
        let client = crate::asking::client(ANSWER_WITHIN)?;
        Ok(Self { client, base: args.url.trim_end_matches('/').to_owned(), token: token.trim().to_owned() })
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Self::answer(self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        Self::answer(self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.token).body(body)).await
    }

    async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request.send().await.context("the platform does not answer")?;
        let status = response.status();
        let text = response.text().await.context("reading the answer")?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !status.is_success() {
            bail!("{}", body.get("detail").and_then(Value::as_str).map_or_else(|| status.to_string(), |detail| format!("{status}: {detail}")));
        }
        Ok(body)
    }
}

/// A word of a query.
fn escaped(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-_.".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or("-")
}

/// A QR code in characters that are two modules high, black on white whatever the terminal's colours.
fn picture(text: &str) -> String {
    let Ok(code) = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium) else { return String::new() };
    let quiet = 4;
    let rows = (-quiet..code.size() + quiet).step_by(2);
    rows.map(|y| {
        let row = (-quiet..code.size() + quiet).map(|x| match (code.get_module(x, y), code.get_module(x, y + 1)) {
            (false, false) => ' ',
            (true, false) => '▀',
            (false, true) => '▄',
            (true, true) => '█',
        });
        format!("\x1b[30;107m{}\x1b[0m\n", row.collect::<String>())
    })
    .collect()
}

/// Does what is asked for.
///
/// # Errors
/// If the platform cannot be reached or refuses; the reason is the platform's.
pub async fn run(args: DeviceArgs) -> anyhow::Result<()> {
    let api = Api::new(&args)?;
    let at = |home: &str, device: &str, verb: &str| format!("/api/v1/homes/{}/devices/{}{verb}", escaped(home), escaped(device));
    match args.verb {
        Verb::List { state, kind, text } => {
            let mut cursor = String::new();
            loop {
                let path = format!("/api/v1/devices?limit=500&state={}&kind={}&text={}&cursor={}", escaped(&state), escaped(&kind), escaped(&text), escaped(&cursor));
                let page = api.get(&path).await?;
                for row in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                    let battery = row.get("battery_percent").and_then(Value::as_u64).map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"));
                    let said = ["home", "id", "state", "kind", "room", "heard_at"].map(|name| word(row, name));
                    println!("{}\t{battery}", said.join("\t"));
                }
                match page.get("next").and_then(Value::as_str) {
                    Some(next) => next.clone_into(&mut cursor),
                    None => return Ok(()),
                }
            }
        }
        Verb::Enrol { home, device, kind, room, about, every_minutes, exit_door } => {
            let About { model, serial, note } = about;
            let body = json!({ "device": device, "kind": kind, "room": room, "exit_door": exit_door, "every_minutes": every_minutes, "model": model, "serial": serial, "note": note });
            api.post(&format!("/api/v1/homes/{}/devices", escaped(&home)), body.to_string().into_bytes()).await?;
        }
        Verb::Replace { home, old, new, about } => {
            let body = json!({ "device": new, "model": about.model, "serial": about.serial, "note": about.note });
            api.post(&at(&home, &old, "/replace"), body.to_string().into_bytes()).await?;
        }
        Verb::Retire { home, device } => {
            api.post(&at(&home, &device, "/retire"), Vec::new()).await?;
        }
        Verb::Code { home, device, qr } => {
            let made = api.post(&at(&home, &device, "/code"), Vec::new()).await?;
            println!("{}\t{}", word(&made, "code"), word(&made, "expires_at"));
            if qr || std::io::stdout().is_terminal() {
                print!("{}", picture(&word(&made, "code").to_ascii_uppercase()));
            }
        }
        Verb::Test { home, device } => {
            let test = api.post(&at(&home, &device, "/test"), Vec::new()).await?;
            println!("{}", word(&test, "until"));
        }
        Verb::Import { file, look } => {
            let list = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            let done = api.post(&format!("/api/v1/devices/import?apply={}", !look), list).await?;
            let faults = done.get("faults").and_then(Value::as_array).cloned().unwrap_or_default();
            for fault in &faults {
                eprintln!("{}: row {}, {}: {}", file.display(), fault.get("row").unwrap_or(&Value::Null), word(fault, "column"), word(fault, "en"));
            }
            println!("{} devices, {} enrolled", done.get("rows").unwrap_or(&Value::Null), done.get("enrolled").unwrap_or(&Value::Null));
            if !faults.is_empty() {
                bail!("the list has {} faults: nothing was enrolled", faults.len());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_in_a_terminal_holds_every_module() {
        let code = qrcodegen::QrCode::encode_text("ABCD-EFGH-JKMN", qrcodegen::QrCodeEcc::Medium).unwrap();
        assert_eq!(code.size(), 21, "the smallest there is");
        let picture = picture("ABCD-EFGH-JKMN");
        let rows: Vec<Vec<char>> = picture.lines().map(|line| line.trim_start_matches("\x1b[30;107m").trim_end_matches("\x1b[0m").chars().collect()).collect();
        let dark = |x: usize, y: usize| {
            let half = rows[y / 2][x];
            half == '█' || half == if y.is_multiple_of(2) { '▀' } else { '▄' }
        };
        assert_eq!((rows.len(), rows[0].len()), (15, 29), "with four light modules around it");
        for (y, x) in (0..29).flat_map(|y| (0..29).map(move |x| (y, x))) {
            let (left, top) = (i32::try_from(x).unwrap() - 4, i32::try_from(y).unwrap() - 4);
            assert_eq!(dark(x, y), code.get_module(left, top), "{x} {y}");
        }
    }
}
