//! One call at the trunk: from the INVITE to the last BYE. Runs on the voice runtime until the wire's other end has let
//! go and the trunk has heard so; no call is left ringing or open.

use super::super::leg::{Failure, Order, Told, Wire, WireFacts};
use super::super::media::{self, Sound};
use super::super::runtime::random;
use super::super::sdp::{self, Answer};
use super::super::{keys, keys::Via};
use super::{Incoming, Inside, Slot, locked};
use rsipstack::dialog::dialog::{DialogState, TerminatedReason};
use rsipstack::dialog::invitation::{InviteAsyncResult, InviteOption};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Response, StatusCode, Uri};
use rsipstack::transaction::Transaction;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the answer to a BYE is awaited.
const BYE_WITHIN: Duration = Duration::from_secs(4);
/// How long a call that was given up while ringing may still have to be ended (64 × T1, and a little).
const END_WITHIN: Duration = Duration::from_secs(40);

/// What a call has in hand.
struct Leg {
    inside: Arc<Inside>,
    tell: mpsc::UnboundedSender<Told>,
    facts: Arc<Mutex<WireFacts>>,
    sound: mpsc::UnboundedSender<Sound>,
    at: SocketAddr,
    session: u64,
    version: u32,
    rang: bool,
    answered: bool,
    early: Option<Answer>,
}

/// What the actor does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    On,
    /// This side ends it.
    HangUp,
    /// The other side has ended it.
    Over,
}

impl Leg {
    fn tell(&self, told: Told) {
        if self.tell.send(told).is_err() {
            tracing::trace!("the conversation is over already");
        }
    }

    fn sound(&self, order: Sound) {
        if self.sound.send(order).is_err() {
            tracing::debug!("the sound of a call has ended");
        }
    }

    fn answer_to(&mut self, body: &[u8]) -> bool {
        let read = std::str::from_utf8(body).ok().filter(|t| !t.trim().is_empty()).map(sdp::answer);
        let answer = match read {
            Some(Ok(answer)) => Some(answer),
            Some(Err(_)) => None,
            // The answer came with the early media.
            None => self.early,
        };
        if let Some(answer) = answer {
            self.sound(Sound::Negotiated(answer, true));
        }
        answer.is_some()
    }

    fn status(&self, code: u16) {
        locked(&self.facts).status = code;
    }

    async fn state(&mut self, state: DialogState) -> Next {
        match state {
            DialogState::Calling(_) => Next::On,
            DialogState::Trying(_) => {
                self.tell(Told::Trying);
                Next::On
            }
            DialogState::Early(_, response) => {
                self.rang = true;
                self.tell(Told::Ringing);
                if let Ok(text) = std::str::from_utf8(&response.body) && let Ok(answer) = sdp::answer(text) {
                    self.early = Some(answer);
                    self.sound(Sound::Negotiated(answer, false));
                }
                Next::On
            }
            DialogState::WaitAck(..) => Next::On,
            DialogState::Confirmed(_, response) => self.confirmed(&response),
            DialogState::Updated(_, request, handle) => {
                self.version += 1;
                if let Ok(text) = std::str::from_utf8(&request.body) && let Ok(answer) = sdp::answer(text) {
                    self.sound(Sound::Negotiated(answer, true));
                }
                let body = sdp::offer(self.at, self.session, self.version).into_bytes();
                let headers = vec![Header::ContentType("application/sdp".into())];
                if handle.respond(StatusCode::OK, Some(headers), Some(body)).await.is_err() {
                    tracing::debug!("a change of the call was not answered");
                }
                Next::On
            }
            DialogState::Info(_, request, handle) => {
                if handle.reply(StatusCode::OK).await.is_err() {
                    tracing::debug!("an INFO was not answered");
                }
                let kind = request
                    .headers
                    .iter()
                    .find_map(|h| if let Header::ContentType(kind) = h { Some(kind.value().to_owned()) } else { None })
                    .unwrap_or_default();
                if self.answered && let Some(key) = keys::key_of_info(&kind, &String::from_utf8_lossy(&request.body)) {
                    self.tell(Told::Key(key, Via::SipInfo));
                }
                Next::On
            }
            DialogState::Options(_, _, handle) => {
                if handle.reply(StatusCode::OK).await.is_err() {
                    tracing::debug!("an OPTIONS was not answered");
                }
                Next::On
            }
            DialogState::Publish(_, _, handle) | DialogState::Notify(_, _, handle) | DialogState::Refer(_, _, handle) | DialogState::Message(_, _, handle) => {
                // Nobody sends this call elsewhere.
                if handle.reply(StatusCode::NotImplemented).await.is_err() {
                    tracing::debug!("a request was not refused");
                }
                Next::On
            }
            DialogState::Terminated(_, reason) => match reason {
                TerminatedReason::UasBye | TerminatedReason::UacBye => {
                    self.tell(Told::HungUp);
                    Next::Over
                }
                // The final answer tells more.
                TerminatedReason::Timeout
                | TerminatedReason::UacCancel
                | TerminatedReason::UacBusy
                | TerminatedReason::UasBusy
                | TerminatedReason::UasDecline
                | TerminatedReason::ProxyError(_)
                | TerminatedReason::ProxyAuthRequired
                | TerminatedReason::UacOther(_)
                | TerminatedReason::UasOther(_) => {
                    if self.answered {
                        self.tell(Told::HungUp);
                        return Next::Over;
                    }
                    Next::On
                }
            },
        }
    }

    fn confirmed(&mut self, response: &Response) -> Next {
        // The library says it again after each request within the call.
        if self.answered {
            return Next::On;
        }
        self.answered = true;
        self.status(200);
        if self.answer_to(&response.body) {
            self.tell(Told::Answered);
            Next::On
        } else {
            self.tell(Told::Failed(Failure::Media));
            Next::HangUp
        }
    }

    fn order(&self, order: Option<Order>) -> Next {
        match order {
            None | Some(Order::HangUp) => return Next::HangUp,
            Some(Order::Say { no, what }) => self.sound(Sound::Say(no, what)),
            Some(Order::Hear(to)) => self.sound(Sound::Hear(to)),
            Some(Order::Pass(from)) => self.sound(Sound::Pass(from)),
        }
        Next::On
    }
}

/// The session's number in descriptions: 63 bits at most are understood everywhere.
fn number_of() -> u64 {
    random() >> 2
}

/// Opens the sound of a call.
async fn sound(inside: &Inside, peer: SocketAddr, tell: &mpsc::UnboundedSender<Told>, facts: &Arc<Mutex<WireFacts>>) -> Option<(mpsc::UnboundedSender<Sound>, SocketAddr)> {
    let near = inside.near(peer);
    let socket = inside.ports.open(near).await.ok()?;
    let port = socket.local_addr().ok()?.port();
    let (sound, orders) = mpsc::unbounded_channel();
    tokio::spawn(media::run(socket, orders, tell.clone(), facts.clone()));
    Some((sound, SocketAddr::new(inside.settings.public.unwrap_or(near), port)))
}

/// Places a call.
pub(super) async fn place(
    inside: Arc<Inside>,
    to: String,
    slot: Slot,
    mut orders: mpsc::UnboundedReceiver<Order>,
    tell: mpsc::UnboundedSender<Told>,
    facts: Arc<Mutex<WireFacts>>,
) {
    let cannot = |why: &str| {
        if tell.send(Told::Failed(Failure::Transport(why.to_owned()))).is_err() {
            tracing::trace!("nobody waits for this call");
        }
    };
    let Some(peer) = inside.peer().await else { return cannot("the trunk's name cannot be resolved") };
    let Some((sound, at)) = sound(&inside, peer, &tell, &facts).await else { return cannot("no port for the sound is free") };
    let session = number_of();
    let Some(invite) = invitation(&inside, &to, peer, sdp::offer(at, session, 1)) else { return cannot("the number cannot be written as an address") };
    let (states, mut news) = inside.dialogs.new_dialog_state_channel();
    let Ok((dialog, mut inviting)) = inside.dialogs.do_invite_async(invite, states) else { return cannot("the INVITE cannot be made") };
    locked(&facts).call_id = dialog.id().call_id;
    let mut leg = Leg { inside, tell, facts, sound, at, session, version: 1, rang: false, answered: false, early: None };
    let mut answer: Option<InviteAsyncResult> = None;
    loop {
        let next = tokio::select! {
            biased;
            order = orders.recv() => leg.order(order),
            Some(state) = news.recv() => leg.state(state).await,
            result = &mut inviting, if answer.is_none() => match result {
                Ok(result) => {
                    let next = finally(&mut leg, &result);
                    answer = Some(result);
                    next
                }
                Err(_) => {
                    leg.tell(Told::Failed(Failure::Transport("the call's task ended".into())));
                    Next::Over
                }
            },
        };
        match next {
            Next::On => {}
            Next::HangUp => break,
            Next::Over => {
                leg.inside.dialogs.remove_dialog(&dialog.id());
                // The conversation may still read what was told.
                return;
            }
        }
    }
    let Leg { inside, sound, .. } = leg;
    drop(sound);
    let waiting = if answer.is_none() { Some(inviting) } else { None };
    end(&inside, &dialog, waiting, Some(slot)).await;
}

/// The final answer to the INVITE.
fn finally(leg: &mut Leg, result: &InviteAsyncResult) -> Next {
    let challenged = leg.inside.settings.credential().is_some();
    match result {
        Ok((_, Some(response))) => {
            let code = response.status_code.code();
            if (200..300).contains(&code) {
                return leg.confirmed(response);
            }
            leg.status(code);
            leg.tell(Told::Failed(Failure::Status { code, rang: leg.rang, challenged }));
        }
        Ok((_, None)) => leg.tell(Told::Failed(Failure::Transport("no final answer".into()))),
        // The library's own words may hold the number.
        Err(error) => {
            tracing::debug!(%error, "an INVITE failed");
            leg.tell(Told::Failed(Failure::Transport("the INVITE could not be sent".into())));
        }
    }
    Next::Over
}

fn invitation(inside: &Inside, to: &str, peer: SocketAddr, offer: String) -> Option<InviteOption> {
    let settings = &inside.settings;
    let at = |user: &str| Uri::try_from(format!("sip:{user}@{}", settings.domain())).ok();
    let near = SocketAddr::new(settings.public.unwrap_or(inside.near(peer)), inside.local.port());
    let contact = Uri::try_from(format!("sip:{}@{near}", if settings.user.is_empty() { &settings.caller } else { &settings.user })).ok()?;
    Some(InviteOption {
        caller_display_name: (!settings.caller_name.is_empty()).then(|| settings.caller_name.clone()),
        caller: at(&settings.caller)?,
        callee: at(to)?,
        destination: Some(inside.target(peer)),
        content_type: Some("application/sdp".into()),
        offer: Some(offer.into_bytes()),
        contact,
        credential: settings.credential(),
        headers: Some(settings.headers.iter().map(|(name, value)| Header::Other(name.clone(), value.clone())).collect()),
        ..InviteOption::default()
    })
}

fn is_confirmed(dialog: &InviteDialog) -> bool {
    matches!(dialog.state(), DialogState::Confirmed(..) | DialogState::Info(..) | DialogState::Updated(..) | DialogState::Options(..))
}

/// Ends a call wherever it stands: BYE after an answer; before it CANCEL, and a late 200 is acknowledged and ended.
async fn end(inside: &Inside, dialog: &InviteDialog, inviting: Option<JoinHandle<InviteAsyncResult>>, slot: Option<Slot>) {
    if !is_confirmed(dialog) {
        if timeout(BYE_WITHIN, dialog.cancel()).await.is_err() {
            tracing::debug!("a CANCEL was not answered in time");
        }
        drop(slot);
        if let Some(inviting) = inviting && timeout(END_WITHIN, inviting).await.is_err() {
            tracing::debug!("an INVITE did not come to its end");
        }
    }
    // The answer may have come while the CANCEL went out.
    if is_confirmed(dialog) && !matches!(timeout(BYE_WITHIN, dialog.bye()).await, Ok(Ok(()))) {
        tracing::debug!("a BYE was not answered in time");
    }
    inside.dialogs.remove_dialog(&dialog.id());
}

/// A call comes in. It is answered by who asked for such calls, or refused.
pub(super) async fn receive(inside: Arc<Inside>, mut transaction: Transaction) {
    let taker = locked(&inside.ringing_in).clone();
    let offer = std::str::from_utf8(&transaction.original.body).ok().map(sdp::answer);
    let from = transaction.original.from_header().ok().and_then(|f| f.uri().ok()).and_then(|u| u.user().map(str::to_owned));
    let (Some(taker), Some(Ok(offer)), Some(from)) = (taker, offer, from) else {
        if let Err(error) = transaction.reply(StatusCode::TemporarilyUnavailable).await {
            tracing::debug!(%error, "a call was not refused");
        }
        return;
    };
    let (tell, told) = mpsc::unbounded_channel();
    let (orders, mut taken) = mpsc::unbounded_channel();
    let facts = Arc::new(Mutex::new(WireFacts::default()));
    let Some((sound, at)) = sound(&inside, offer.to, &tell, &facts).await else { return };
    let (states, mut news) = inside.dialogs.new_dialog_state_channel();
    let contact = Uri::try_from(format!("sip:{}@{}", inside.settings.caller, SocketAddr::new(at.ip(), inside.local.port()))).ok();
    let Ok(dialog) = inside.dialogs.get_or_create_server_invite(&transaction, states, None, contact) else { return };
    let mut serving = tokio::spawn({
        let mut dialog = dialog.clone();
        async move { dialog.handle(&mut transaction).await }
    });
    if let Err(error) = dialog.ringing(None, None) {
        tracing::debug!(%error, "a call that came in did not ring");
    }
    let (answer, answered) = oneshot::channel();
    let wire = Wire { orders, told, facts: facts.clone() };
    if taker.send(Incoming { from, wire, answer: Some(answer) }).is_err() {
        tracing::debug!("nobody takes calls any more");
    }
    let take = matches!(timeout(Duration::from_secs(20), answered).await, Ok(Ok(true)));
    let session = number_of();
    let done = if take {
        dialog.accept(Some(vec![Header::ContentType("application/sdp".into())]), Some(sdp::offer(at, session, 1).into_bytes()))
    } else {
        dialog.reject(Some(StatusCode::BusyHere), None)
    };
    if done.is_err() || !take {
        inside.dialogs.remove_dialog(&dialog.id());
        return;
    }
    let mut leg = Leg { inside, tell, facts, sound, at, session, version: 1, rang: true, answered: true, early: None };
    leg.sound(Sound::Negotiated(offer, true));
    leg.tell(Told::Answered);
    let mut served = false;
    loop {
        let next = tokio::select! {
            biased;
            order = taken.recv() => leg.order(order),
            Some(state) = news.recv() => leg.state(state).await,
            _ended = &mut serving, if !served => {
                served = true;
                Next::On
            }
        };
        match next {
            Next::On => {}
            Next::HangUp => break,
            Next::Over => {
                leg.inside.dialogs.remove_dialog(&dialog.id());
                return;
            }
        }
    }
    let Leg { inside, sound, .. } = leg;
    drop(sound);
    if !matches!(timeout(BYE_WITHIN, dialog.bye()).await, Ok(Ok(()))) {
        tracing::debug!("a BYE was not answered in time");
    }
    inside.dialogs.remove_dialog(&dialog.id());
}
