//! The transitions of an alarm.

use super::{ATTEMPT_STALE, ATTEMPTS_MAX, Alarm, Attempt, AttemptOutcome, Claimant, DEVICES_MAX, Effect, EffectKind, Help, Input, Ladder, OVER, STOPPED_FOR, State};
use crate::cause::Raise;
use crate::plan::{ChannelName, Order, Plan, Rung, RungContact};
use crate::{ContactId, Level, Timestamp};

impl Alarm {
    /// The only way an alarm ever changes. Total: an input that does not fit the state changes nothing.
    pub fn step(mut self, input: Input, plan: &Plan, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut out = Vec::new();
        match input {
            Input::Copied => self.copies = self.copies.saturating_add(1),
            Input::Cancelled => self.cancelled_at = Some(now),
            Input::Well => self.well_key(plan, now, &mut out),
            Input::AttemptStarted { attempt } => {
                if let Some(a) = self.attempt(attempt).filter(|a| a.is_open() && a.started_at.is_none()) {
                    a.started_at = Some(now);
                }
            }
            Input::Over(over) => self.note_over(over, now, &mut out),
            Input::Again(raise) => self.again(raise, plan, now, &mut out),
            Input::Accepted { attempt } => self.accepted(attempt, plan, now, &mut out),
            Input::AttemptEnded { attempt, outcome } => self.attempt_ended(attempt, outcome, plan, now, &mut out),
            Input::TimePassed => {
                if self.next_step_at.is_some_and(|at| at <= now) {
                    self.deadline_passed(plan, now, &mut out);
                }
                self.call_up_due(plan, now, &mut out);
            }
            Input::Claim { by } => match (&self.state, &by) {
                (State::Raised, _) => self.claim(by, plan, now, &mut out),
                (State::Claimed { by: Claimant::Contact(_), .. } | State::Reported { by: Claimant::Contact(_), .. }, Claimant::Person(_)) => {
                    self.state = State::Claimed { by, since: now };
                    self.next_step_at = Some(now + plan.report_within);
                }
                (State::Claimed { .. } | State::Reported { .. } | State::Closed { .. }, Claimant::Person(_) | Claimant::Contact(_)) => {}
            },
            Input::HandOver { to, .. } => match self.state {
                State::Claimed { .. } | State::Reported { .. } => {
                    self.state = State::Claimed { by: to, since: now };
                    self.next_step_at = Some(now + plan.report_within);
                }
                State::Raised | State::Closed { .. } => {}
            },
            Input::LetGo { .. } => match self.state {
                State::Claimed { .. } | State::Reported { .. } => self.ring_again(plan, now, &mut out),
                State::Raised | State::Closed { .. } => {}
            },
            Input::OnTheWay { .. } => match self.state {
                State::Claimed { .. } | State::Reported { .. } => self.lamps(Help::Coming, &mut out),
                State::Raised | State::Closed { .. } => {}
            },
            Input::Report { by } => {
                if let State::Claimed { .. } | State::Reported { .. } = self.state {
                    self.state = State::Reported { by, at: now };
                    self.next_step_at = Some(now + plan.close_within);
                }
            }
            Input::Close { by, outcome } => {
                if self.is_open() && self.refuses(&Input::Close { by: by.clone(), outcome: outcome.clone() }).is_none() {
                    self.close(by, outcome, now, &mut out);
                }
            }
            Input::Skip => {
                if self.is_checking() {
                    self.check_failed(now, &mut out);
                } else if self.state == State::Raised {
                    self.advance(plan, now, &mut out);
                }
            }
            Input::Stop => {
                if let (State::Raised, Ladder::Calling { rung, place }) = (&self.state, self.ladder) {
                    self.ladder = Ladder::Stopped { rung, place };
                    self.next_step_at = Some(now + STOPPED_FOR);
                    self.release_all(&mut out);
                }
            }
            Input::CallNow { contact } => {
                let entry = plan.rungs.iter().flat_map(|r| &r.contacts).find(|c| c.contact == contact);
                if let (State::Raised, Some(entry)) = (&self.state, entry) {
                    self.notify(entry, 0, now, &mut out);
                }
            }
        }
        self.forget_old_attempts();
        (self, out)
    }

    pub(super) fn start(mut self, plan: &Plan, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut out = Vec::new();
        if !self.begin_check(plan, now, &mut out) {
            self.call_from(0, 0, plan, now, &mut out);
        }
        self.call_up_anew(plan, now);
        (self, out)
    }

    /// A new event of the same cause (ALM-6).
    fn again(&mut self, raise: Raise, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        if !self.is_open() {
            return;
        }
        self.presses = self.presses.saturating_add(1);
        let rested = self.ends_by_itself();
        self.not_over(raise.device.as_ref());
        let new_device = raise.device.filter(|d| !self.devices.contains(d) && self.devices.len() < DEVICES_MAX);
        self.devices.extend(new_device.clone());
        if rested && !self.ends_by_itself() {
            self.next_step_at = Some(now + plan.pause_before(self.round)); // the ladder goes on after a pause
        }
        let worse = raise.level < self.level;
        if worse {
            self.level = raise.level;
            self.reason = raise.reason.into();
            self.call_up_anew(plan, now);
        }
        if !worse && self.level == Level::Technical {
            return; // counted and shown; a fault that repeats itself calls nobody again
        }
        match &self.state {
            State::Raised if self.is_checking() => {
                if worse {
                    self.check_failed(now, out);
                }
            }
            State::Raised => self.re_ring(plan, now, out),
            // The person who took it has gone home, or never said what was done: it rings anew.
            State::Reported { .. } => self.ring_again(plan, now, out),
            State::Claimed { by, .. } => {
                // Whoever has it must hear that it was pressed again; an operator sees it in the queue.
                if let Claimant::Contact(contact) = by {
                    let contact = contact.clone();
                    if let Some(entry) = plan.rungs.iter().flat_map(|r| &r.contacts).find(|c| c.contact == contact) {
                        self.notify(entry, 0, now, out);
                    }
                }
                let soon = now + plan.report_within.min(chrono::TimeDelta::minutes(5));
                self.next_step_at = self.next_step_at.map(|at| at.min(soon));
                if worse {
                    self.ring_again(plan, now, out);
                } else if let Some(device) = new_device {
                    let no = self.number();
                    out.push(Effect { no, kind: EffectKind::Lamp { device, help: Help::Taken } });
                }
            }
            State::Closed { .. } => {}
        }
    }

    fn accepted(&mut self, no: u32, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        let raised = self.state == State::Raised;
        let holder = self.claimant().cloned();
        let Some(attempt) = self.attempt(no) else { return };
        if !attempt.is_open() {
            return;
        }
        let contact = attempt.contact.clone();
        if self.is_elder(&contact) {
            return self.elder_is_well(no, plan, now);
        }
        let Some(attempt) = self.attempt(no) else { return };
        let by = Claimant::Contact(contact);
        attempt.ended_at = Some(now);
        attempt.outcome = Some(if raised || holder.as_ref() == Some(&by) { AttemptOutcome::Accepted } else { AttemptOutcome::TooLate });
        if raised {
            self.claim(by, plan, now, out);
        }
    }

    fn claim(&mut self, by: Claimant, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        self.state = State::Claimed { by, since: now };
        self.taken_at.get_or_insert(now);
        self.next_step_at = Some(now + plan.report_within);
        self.call_up = None;
        self.release_all(out);
        self.lamps(Help::Taken, out);
    }

    fn attempt_ended(&mut self, no: u32, outcome: AttemptOutcome, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(attempt) = self.attempt(no) else { return };
        if !attempt.is_open() {
            return;
        }
        attempt.ended_at = Some(now);
        // A channel cannot take an alarm by saying that an attempt ended well: that is `Accepted` (ALM-3).
        let outcome = if outcome == AttemptOutcome::Accepted { AttemptOutcome::Unknown } else { outcome };
        attempt.outcome = Some(outcome.clone());
        let (contact, channel) = (attempt.contact.clone(), attempt.channel.clone());
        if let (State::Raised, Ladder::Stopped { .. }) = (&self.state, self.ladder) {
            return; // a person has stopped the calls: neither the next channel nor the next contact before its time
        }
        // A plan names channels that its contacts have; whoever is on shift now may have only one of them.
        let next_channel = outcome == AttemptOutcome::ChannelDown || (outcome == AttemptOutcome::Unreachable && self.is_called_up(&contact));
        if next_channel && self.fail_over(&contact, &channel, plan, now, out) {
            return;
        }
        if outcome == AttemptOutcome::PassedOn && self.is_checking() && self.is_elder(&contact) {
            return self.check_failed(now, out);
        }
        let (State::Raised, Ladder::Calling { rung, place }) = (&self.state, self.ladder) else { return };
        if outcome == AttemptOutcome::Released {
            // Hung up for a claim that was let go meanwhile: the call that this one stood in the way of is made now.
            return self.ring_reached(plan, now, out, |entry| entry.contact == contact);
        }
        let Some(current) = plan.rungs.get(rung as usize) else { return };
        if outcome.is_failure() && current.contacts.iter().any(|c| c.contact == contact) && !self.waits_on(current, place) {
            self.advance(plan, now, out);
        }
    }

    /// Asks for the contact's next channel, if there is one and the contact is still wanted. The ladder's deadline
    /// stays: an elder who presses every few seconds while a channel is down must not hold it at its foot.
    fn fail_over(&mut self, contact: &ContactId, channel: &ChannelName, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) -> bool {
        let wanted = match &self.state {
            State::Raised => true,
            // Who has it is being told that it was pressed again.
            State::Claimed { by, .. } => *by == Claimant::Contact(contact.clone()),
            State::Reported { .. } | State::Closed { .. } => false,
        };
        let asked = self.check(plan).filter(|_| self.is_checking() && self.is_elder(contact));
        let elder = asked.map(|check| RungContact { contact: contact.clone(), channels: check.channels });
        let up = self.is_called_up(contact).then(|| RungContact { contact: contact.clone(), channels: plan.call_up.clone() });
        let entry = plan.rungs.iter().flat_map(|r| &r.contacts).chain(&elder).chain(&up).find(|c| c.contact == *contact && c.channels.contains(channel));
        let Some(entry) = entry.filter(|_| wanted) else { return false };
        let next = entry.channels.iter().position(|c| c == channel).map_or(0, |i| i + 1);
        if next >= entry.channels.len() {
            return false;
        }
        let entry = entry.clone();
        self.notify(&entry, next, now, out);
        true
    }

    /// True while somebody of this rung (in turn: at this place) may still take the alarm.
    fn waits_on(&self, rung: &Rung, place: u32) -> bool {
        let here: Vec<&RungContact> = match rung.order {
            Order::AtOnce => rung.contacts.iter().collect(),
            Order::InTurn => rung.contacts.get(place as usize).into_iter().collect(),
        };
        here.iter().any(|entry| {
            let latest = self.attempts.iter().rev().find(|a| a.contact == entry.contact);
            latest.is_some_and(|a| a.outcome.as_ref().is_none_or(|o| !o.is_failure()))
        })
    }

    fn deadline_passed(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        match self.state {
            State::Raised => self.advance(plan, now, out),
            State::Claimed { .. } => self.ring_again(plan, now, out),
            State::Reported { .. } => self.next_step_at = Some(now + plan.close_within),
            State::Closed { .. } => self.next_step_at = None,
        }
    }

    fn close(&mut self, by: Claimant, outcome: String, now: Timestamp, out: &mut Vec<Effect>) {
        self.state = State::Closed { by, at: now, outcome };
        self.next_step_at = None;
        self.release_all(out);
        self.lamps(Help::Over, out);
    }

    /// Rings everybody again who was reached for so far. The ladder keeps its place and its deadline: an elder who
    /// presses every few seconds must not hold it at its foot.
    fn re_ring(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        match self.ladder {
            Ladder::Calling { .. } => self.ring_reached(plan, now, out, |_| true),
            Ladder::Resting => self.call_from(0, 0, plan, now, out),
            // The elder presses again: that is news, and what was stopped goes on.
            Ladder::Stopped { rung, place } => self.call_from(rung, place, plan, now, out),
            Ladder::Checking { .. } => {}
        }
    }

    /// Calls those whom the ladder has reached so far and who are meant.
    fn ring_reached(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>, meant: impl Fn(&RungContact) -> bool) {
        let Ladder::Calling { rung, place } = self.ladder else { return };
        for (i, r) in plan.rungs.iter().enumerate().take(rung as usize + 1) {
            let here = i == rung as usize && r.order == Order::InTurn;
            let reached = if here { place as usize + 1 } else { r.contacts.len() };
            let callable = plan.callable(r, now);
            for entry in r.contacts.iter().take(reached).filter(|entry| meant(entry) && callable.contains(entry)) {
                self.notify(entry, 0, now, out);
            }
        }
    }

    /// Back to nobody's: the lamp says so, and the ladder starts from its foot.
    fn ring_again(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        self.state = State::Raised;
        self.lamps(Help::Waiting, out);
        if self.ends_by_itself() {
            self.rest_until_end(now, out);
        } else {
            self.call_from(0, 0, plan, now, out);
        }
        self.call_up_anew(plan, now);
    }

    /// The next contact, rung or round; or the end of what is over.
    fn advance(&mut self, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        if self.ends_by_itself() {
            return self.close(Claimant::platform(), OVER.to_owned(), now, out);
        }
        match self.ladder {
            Ladder::Resting => {
                self.call_from(0, 0, plan, now, out);
                self.call_up_anew(plan, now); // whoever did not hear it in the round before is called again, too
            }
            Ladder::Checking { until } => self.check_again(until, plan, now, out),
            Ladder::Stopped { rung, place } => self.call_from(rung, place, plan, now, out),
            Ladder::Calling { rung, place } => {
                let in_turn = plan.rungs.get(rung as usize).is_some_and(|r| r.order == Order::InTurn && (place as usize) + 1 < r.contacts.len());
                if in_turn {
                    self.call_from(rung, place + 1, plan, now, out);
                } else {
                    self.call_from(rung + 1, 0, plan, now, out);
                }
            }
        }
    }

    /// Calls at this rung and place, or rests before the next round if the ladder ends here.
    fn call_from(&mut self, rung: u32, place: u32, plan: &Plan, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(current) = plan.rungs.get(rung as usize) else {
            self.round = self.round.saturating_add(1);
            self.ladder = Ladder::Resting;
            self.next_step_at = Some(now + plan.pause_before(self.round));
            return;
        };
        let callable = plan.callable(current, now);
        // In turn: whoever may not be called at this hour is passed over; a rung without anybody left is, too.
        let place = match current.order {
            Order::AtOnce => place,
            Order::InTurn => {
                let next = current.contacts.iter().enumerate().skip(place as usize).find(|(_, c)| callable.contains(c));
                next.and_then(|(i, _)| u32::try_from(i).ok()).unwrap_or(u32::MAX)
            }
        };
        if callable.is_empty() || place == u32::MAX {
            return self.call_from(rung.saturating_add(1), 0, plan, now, out);
        }
        self.ladder = Ladder::Calling { rung, place };
        self.next_step_at = Some(now + current.wait);
        match current.order {
            Order::AtOnce => {
                for entry in callable {
                    self.notify(entry, 0, now, out);
                }
            }
            Order::InTurn => {
                if let Some(entry) = current.contacts.get(place as usize) {
                    self.notify(entry, 0, now, out);
                }
            }
        }
    }

    /// Asks for an attempt, unless this contact's last one is still under way.
    pub(super) fn notify(&mut self, entry: &RungContact, channel: usize, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(channel) = entry.channels.get(channel).cloned() else { return };
        if self.attempts.iter().any(|a| a.contact == entry.contact && a.is_open() && now - a.asked_at < ATTEMPT_STALE) {
            return;
        }
        let no = self.number();
        self.attempts.push(Attempt {
            no,
            contact: entry.contact.clone(),
            channel: channel.clone(),
            why: None,
            asked_at: now,
            started_at: None,
            ended_at: None,
            outcome: None,
        });
        out.push(Effect { no, kind: EffectKind::Notify { contact: entry.contact.clone(), channel } });
    }

    pub(super) fn release_all(&mut self, out: &mut Vec<Effect>) {
        let open: Vec<(u32, ChannelName)> = self.attempts.iter().filter(|a| a.is_open()).map(|a| (a.no, a.channel.clone())).collect();
        for (attempt, channel) in open {
            let no = self.number();
            out.push(Effect { no, kind: EffectKind::Release { attempt, channel } });
        }
    }

    fn lamps(&mut self, help: Help, out: &mut Vec<Effect>) {
        for device in self.devices.clone() {
            let no = self.number();
            out.push(Effect { no, kind: EffectKind::Lamp { device, help } });
        }
    }

    fn number(&mut self) -> u32 {
        let no = self.next_no;
        self.next_no = self.next_no.saturating_add(1);
        no
    }

    fn attempt(&mut self, no: u32) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|a| a.no == no)
    }

    fn forget_old_attempts(&mut self) {
        while self.attempts.len() > ATTEMPTS_MAX {
            let oldest = self.attempts.iter().position(|a| !a.is_open()).unwrap_or(0);
            self.attempts.remove(oldest);
        }
    }
}
