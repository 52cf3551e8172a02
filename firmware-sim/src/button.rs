//! The call button: what a press does, and what its lamp shows.
//!
//! ```text
//! Dark ──press──▶ Sending ──PUBACK or {"ack"}──▶ Stored ──{"help"}──▶ Taken ⇄ Waiting, Coming ──over──▶ Dark
//! ```
//!
//! The lamp tells the truth: it never shows more than the platform has said.

use crate::uplink::{self, Publish, Token, Uplink};
use care::{SignalKind, TimeDelta, Timestamp, Value};
use wire::native::{Down, Help};

/// Two closures of the contact within this time are one press.
pub const BOUNCE: TimeDelta = TimeDelta::milliseconds(300);

/// What the lamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lamp {
    /// Nothing is open.
    #[default]
    Dark,
    /// Pressed, and not yet known to be stored.
    Sending,
    /// The call is stored.
    Stored,
    /// A person has it.
    Taken,
    /// A person is on the way.
    Coming,
    /// Nobody has it just now.
    Waiting,
}

/// What happens to a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody presses it.
    Pressed,
    /// Somebody holds it down: the call is taken back (shown, never closes).
    Cancelled,
    /// The platform said something on `cmd`.
    Command(Down),
    /// Something about the connection, the power or the time.
    Link(uplink::Input),
}

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Publish.
    Publish(Publish),
    /// The lamp changes.
    Lamp(Lamp),
}

/// A call button.
#[derive(Debug, Clone, PartialEq)]
pub struct Button {
    uplink: Uplink,
    /// Calls that are not yet known to be stored.
    sending: Vec<Token>,
    stored: Stored,
    help: Option<Help>,
    pressed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    No,
    Yes,
}

impl Button {
    /// A button with this radio.
    pub fn new(uplink: Uplink) -> Self {
        Self {
            uplink,
            sending: Vec::new(),
            stored: Stored::No,
            help: None,
            pressed_at: None,
        }
    }

    /// Its radio.
    pub fn uplink(&self) -> &Uplink {
        &self.uplink
    }

    /// What the lamp shows.
    pub fn lamp(&self) -> Lamp {
        match (self.sending.is_empty(), self.help, self.stored) {
            (false, _, _) => Lamp::Sending,
            (true, Some(Help::Taken), _) => Lamp::Taken,
            (true, Some(Help::Coming), _) => Lamp::Coming,
            (true, Some(Help::Waiting), _) => Lamp::Waiting,
            (true, Some(Help::Over), _) => Lamp::Dark,
            (true, None, Stored::Yes) => Lamp::Stored,
            (true, None, Stored::No) => Lamp::Dark,
        }
    }

    /// When to be woken if nothing happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.uplink.deadline()
    }

    /// The only way it ever changes.
    pub fn step(mut self, input: Input, now: Timestamp) -> (Self, Vec<Effect>) {
        let effects = self.advance(input, now);
        (self, effects)
    }

    /// [`Button::step`] in place.
    pub(crate) fn advance(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let before = self.lamp();
        let publishes = match input {
            Input::Pressed
                if self
                    .pressed_at
                    .is_some_and(|at| now >= at && now - at < BOUNCE) =>
            {
                Vec::new()
            }
            Input::Pressed => {
                self.pressed_at = Some(now);
                let (token, publishes) = self.uplink.say(SignalKind::Call, Value::None, now);
                self.sending.extend(token);
                publishes
            }
            Input::Cancelled => self.uplink.say(SignalKind::Cancel, Value::None, now).1,
            Input::Command(Down::Ack(name)) => {
                self.known(|token| token.name() == name);
                Vec::new()
            }
            Input::Command(Down::Help(Help::Over)) => {
                self.help = None;
                self.stored = Stored::No;
                Vec::new()
            }
            Input::Command(Down::Help(help)) => {
                self.help = Some(help);
                Vec::new()
            }
            Input::Link(link) => {
                if let uplink::Input::PubAck(acked) = link {
                    self.known(|token| token == acked);
                }
                self.uplink.advance(link, now)
            }
        };
        let mut effects: Vec<_> = publishes.into_iter().map(Effect::Publish).collect();
        if self.lamp() != before {
            effects.push(Effect::Lamp(self.lamp()));
        }
        effects
    }

    /// A call is known to be stored.
    fn known(&mut self, is: impl Fn(Token) -> bool) {
        let before = self.sending.len();
        self.sending.retain(|token| !is(*token));
        if self.sending.len() < before {
            self.stored = Stored::Yes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
    }

    fn button() -> Button {
        let button = Button::new(Uplink::new("home-0001".into(), "button".into(), at(0)));
        button.step(Input::Link(uplink::Input::Connected), at(0)).0
    }

    fn lamps(effects: &[Effect]) -> Vec<Lamp> {
        let lamp = |effect: &Effect| match effect {
            Effect::Lamp(lamp) => Some(*lamp),
            Effect::Publish(_) => None,
        };
        effects.iter().filter_map(lamp).collect()
    }

    #[test]
    fn the_lamp_follows_what_the_platform_says_and_nothing_else() {
        let mut button = button();
        let mut seen = Vec::new();
        let token = Token { boot: 1, seq: 1 };
        for (ms, input) in [
            (0, Input::Pressed),
            (100, Input::Link(uplink::Input::TimePassed)),
            (200, Input::Command(Down::Ack(token.name()))),
            (300, Input::Link(uplink::Input::PubAck(token))),
            (400, Input::Command(Down::Help(Help::Taken))),
            (500, Input::Command(Down::Help(Help::Waiting))),
            (600, Input::Command(Down::Help(Help::Coming))),
            (700, Input::Command(Down::Help(Help::Over))),
        ] {
            let (next, effects) = button.step(input, at(ms));
            seen.extend(lamps(&effects));
            button = next;
        }
        assert_eq!(
            seen,
            [
                Lamp::Sending,
                Lamp::Stored,
                Lamp::Taken,
                Lamp::Waiting,
                Lamp::Coming,
                Lamp::Dark
            ]
        );
    }

    #[test]
    fn an_ack_for_something_else_leaves_the_lamp_sending() {
        let (button, _) = button().step(Input::Pressed, at(0));
        let (button, _) = button.step(
            Input::Command(Down::Ack(Token { boot: 1, seq: 9 }.name())),
            at(1),
        );
        assert_eq!(button.lamp(), Lamp::Sending);
    }

    #[test]
    fn a_second_press_is_a_second_message_and_a_bounce_is_none() {
        let (button, first) = button().step(Input::Pressed, at(0));
        let (button, bounce) = button.step(Input::Pressed, at(299));
        let (_, second) = button.step(Input::Pressed, at(1500));
        let sent = |effects: &[Effect]| {
            effects
                .iter()
                .filter(|effect| matches!(effect, Effect::Publish(_)))
                .count()
        };
        assert_eq!((sent(&first), sent(&bounce), sent(&second)), (1, 0, 1));
    }

    #[test]
    fn a_press_without_a_connection_is_sent_when_there_is_one() {
        let (button, _) = button().step(Input::Link(uplink::Input::Lost), at(0));
        let (button, effects) = button.step(Input::Pressed, at(10));
        assert_eq!(effects, [Effect::Lamp(Lamp::Sending)]);
        let (_, effects) = button.step(Input::Link(uplink::Input::Connected), at(60_000));
        assert!(
            matches!(effects.as_slice(), [Effect::Publish(publish)] if publish.kind == SignalKind::Call)
        );
    }
}
