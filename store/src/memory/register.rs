//! The register in memory.

use super::ledger::{MemoryLedger, State};
use super::lock;
use crate::ledger::{LedgerError, Quarantined};
use crate::register::{
    Area, AuditLine, ContactRecord, Credential, DeviceRecord, ElderRecord, HomeRecord, PersonRecord, PlanRecord, Put, Register, Token, UnknownDevice,
    audit_hash,
};
use crate::sheet::{PAGE_MAX, Sheet, SheetAsk};
use async_trait::async_trait;
use care::{ContactId, DeviceId, ElderId, HomeId, PersonId};
use std::cmp::Reverse;

impl State {
    fn put(&mut self, entry: Put) {
        match entry {
            Put::Fence(_) => {}
            Put::Area(area) => {
                self.areas.insert(area.id.clone(), area);
            }
            Put::Home(home) => {
                self.homes.insert(home.id.clone(), home);
            }
            Put::Elder(elder) => {
                self.elders.insert(elder.id.clone(), elder);
            }
            Put::Contact(contact) => {
                self.contacts.insert(contact.id.clone(), contact);
            }
            Put::Plan(plan) => {
                self.plans.retain(|p| (&p.scope, &p.cause, &p.level) != (&plan.scope, &plan.cause, &plan.level));
                self.plans.push(plan);
                self.plans.sort_by(|a, b| (&a.scope, &a.cause, &a.level).cmp(&(&b.scope, &b.cause, &b.level)));
            }
            Put::EndPlan { scope, cause, level } => self.plans.retain(|p| (&p.scope, &p.cause, &p.level) != (&scope, &cause, &level)),
            Put::Device(device) => {
                self.unknown.remove(&(device.home.clone(), device.id.clone()));
                self.devices.insert((device.home.clone(), device.id.clone()), device);
            }
            Put::Credential(credential) => {
                self.credentials.insert(credential.name.clone(), credential);
            }
            Put::Person(person) => {
                self.people.insert(person.id.clone(), person);
            }
            Put::Token(token) => {
                self.tokens.insert(token.hash.clone(), token);
            }
            Put::EndToken(hash) => {
                self.tokens.remove(&hash);
            }
            Put::Sheet(sheet) => self.put_sheet(sheet),
            Put::EraseSheet { kind, id } => self.erase_sheet(&kind, &id),
            Put::Audit { at, who, action, subject } => self.push_audit(at, who, action, subject),
        }
    }
}

#[async_trait]
impl Register for MemoryLedger {
    async fn put(&self, entries: Vec<Put>) -> Result<(), LedgerError> {
        let mut state = lock(&self.shared.state);
        for entry in &entries {
            if let Put::Fence(fence) = entry
                && state.is_fenced_off(fence)
            {
                return Err(LedgerError::Fenced);
            }
        }
        // All or nothing: a sheet that was changed meanwhile holds up everything beside it.
        if let Some(fault) = state.sheets_fault(&entries) {
            return Err(fault);
        }
        entries.into_iter().for_each(|entry| state.put(entry));
        Ok(())
    }

    async fn areas(&self) -> Result<Vec<Area>, LedgerError> {
        Ok(lock(&self.shared.state).areas.values().cloned().collect())
    }

    async fn home(&self, id: &HomeId) -> Result<Option<HomeRecord>, LedgerError> {
        Ok(lock(&self.shared.state).homes.get(id).cloned())
    }

    async fn homes(&self, after: Option<&HomeId>, max: usize) -> Result<Vec<HomeId>, LedgerError> {
        let state = lock(&self.shared.state);
        Ok(state.homes.keys().filter(|id| after.is_none_or(|after| *id > after)).take(max.clamp(1, 10_000)).cloned().collect())
    }

    async fn elders_of(&self, home: &HomeId) -> Result<Vec<ElderRecord>, LedgerError> {
        Ok(lock(&self.shared.state).elders.values().filter(|e| e.home == *home).cloned().collect())
    }

    async fn elder_ids_of(&self, home: &HomeId) -> Result<Vec<ElderId>, LedgerError> {
        Ok(lock(&self.shared.state).elders.values().filter(|e| e.home == *home).map(|e| e.id.clone()).collect())
    }

    async fn contacts_of(&self, home: &HomeId) -> Result<Vec<ContactRecord>, LedgerError> {
        Ok(lock(&self.shared.state).contacts.values().filter(|c| c.home.as_ref().is_none_or(|h| h == home)).cloned().collect())
    }

    async fn contact(&self, id: &ContactId) -> Result<Option<ContactRecord>, LedgerError> {
        Ok(lock(&self.shared.state).contacts.get(id).cloned())
    }

    async fn plans(&self) -> Result<Vec<PlanRecord>, LedgerError> {
        Ok(lock(&self.shared.state).plans.clone())
    }

    async fn devices_of(&self, home: &HomeId) -> Result<Vec<DeviceRecord>, LedgerError> {
        let state = lock(&self.shared.state);
        let first = (home.clone(), DeviceId::new(""));
        Ok(state.devices.range(first..).take_while(|((h, _), _)| h == home).map(|(_, d)| d.clone()).collect())
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, LedgerError> {
        Ok(lock(&self.shared.state).credentials.get(name).cloned())
    }

    async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, LedgerError> {
        Ok(lock(&self.shared.state).people.get(id).cloned())
    }

    async fn people(&self) -> Result<Vec<PersonRecord>, LedgerError> {
        Ok(lock(&self.shared.state).people.values().cloned().collect())
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>, LedgerError> {
        Ok(lock(&self.shared.state).tokens.get(hash).cloned())
    }

    async fn unknown_devices(&self, max: usize) -> Result<Vec<UnknownDevice>, LedgerError> {
        let mut all: Vec<_> = lock(&self.shared.state).unknown.values().cloned().collect();
        all.sort_by_key(|d| Reverse(d.last_at));
        all.truncate(max);
        Ok(all)
    }

    async fn quarantined(&self, max: usize) -> Result<Vec<Quarantined>, LedgerError> {
        Ok(lock(&self.shared.state).quarantine.iter().rev().take(max).cloned().collect())
    }

    async fn audit(&self, after: u64, max: usize) -> Result<Vec<AuditLine>, LedgerError> {
        Ok(lock(&self.shared.state).audit.iter().filter(|l| l.seq > after).take(max).cloned().collect())
    }

    async fn sheet(&self, kind: &str, id: &str) -> Result<Option<Sheet>, LedgerError> {
        Ok(lock(&self.shared.state).newest(kind, id).cloned())
    }

    async fn sheet_versions(&self, kind: &str, id: &str) -> Result<Vec<Sheet>, LedgerError> {
        Ok(lock(&self.shared.state).sheet_versions(kind, id))
    }

    async fn sheets(&self, ask: &SheetAsk) -> Result<Vec<Sheet>, LedgerError> {
        Ok(lock(&self.shared.state).ask_sheets(ask))
    }

    async fn sheets_since(&self, seq: u64, max: usize) -> Result<Vec<(u64, Sheet)>, LedgerError> {
        Ok(lock(&self.shared.state).sheets_since(seq, max.clamp(1, PAGE_MAX)))
    }

    async fn verify_audit(&self) -> Result<Option<u64>, LedgerError> {
        let mut before = String::new();
        let mut place = 0;
        for line in &lock(&self.shared.state).audit {
            place += 1;
            if line.seq != place || audit_hash(&before, line) != line.hash {
                return Ok(Some(place));
            }
            before.clone_from(&line.hash);
        }
        Ok(None)
    }
}
