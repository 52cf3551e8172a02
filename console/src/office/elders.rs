//! The register of elders: checked when written, masked when shown, reviewed every half year, searched by number.

use super::sheets::Kept;
use super::{Brief, Office, OfficeError};
use crate::mask;
use care::calendar::plus_days;
use care::office::elder::{ElderFile, Source, SourceKind};
use care::office::review::{FieldChange, Review, diff};
use care::office::{Record, Refused, category};
use care::person::{IdNumber, Phone, Sex};
use care::policy::Policy;
use care::{ElderId, PersonId};
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeSet;
use store::register::{ElderRecord, Put, within};
use store::sheet::SheetAsk;

/// Which elders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Worklist {
    /// Everybody in the register.
    #[default]
    All,
    /// Without a first contact (R26).
    NoFirstContact,
    /// Due for the half-yearly review (R19).
    ReviewDue,
    /// The disability card ends within 60 days, or has ended (R67).
    CardEnds,
    /// In no tier: nothing is owed.
    NoTier,
    /// Out of the register.
    Left,
}

/// A card that ends within so many days is on the list.
const CARD_DAYS: i64 = 60;
/// Who writes what nobody wrote.
const PLATFORM: &str = "platform";

/// Fields that stand masked until somebody asks for them, with a reason (PRV-1).
pub const MASKED: &[&str] =
    &["id_number", "phone", "disability_card", "emergency", "family", "first_contact", "past_illness", "medicines", "allergies"];

fn stars(text: &str) -> String {
    let n = text.chars().count();
    text.chars().enumerate().map(|(i, c)| if n > 8 && (i < 4 || i + 4 >= n) { c } else { '*' }).collect()
}

/// The file with everything masked that is not shown unasked.
pub fn masked(file: &ElderFile) -> ElderFile {
    let mut file = file.clone();
    file.id_number = stars(&file.id_number);
    file.disability_card = stars(&file.disability_card);
    file.phone = mask::phone(&file.phone);
    for contact in &mut file.emergency {
        contact.phone = mask::phone(&contact.phone);
    }
    for member in &mut file.family {
        member.id_number = stars(&member.id_number);
        member.phone = mask::phone(&member.phone);
    }
    if let Some(first) = &mut file.first_contact {
        first.phone = mask::phone(&first.phone);
    }
    for health in [&mut file.past_illness, &mut file.extended.medicines, &mut file.extended.allergies] {
        if !health.is_empty() {
            "***".clone_into(health);
        }
    }
    file
}

/// What changed, with stars for what a file shows with stars.
pub fn changes_masked(changes: &mut [FieldChange]) {
    let hidden = |change: &&mut FieldChange| change.field.split('.').any(|part| MASKED.contains(&part));
    for change in changes.iter_mut().filter(hidden) {
        for value in [&mut change.before, &mut change.after].into_iter().filter(|value| !is_blank(value)) {
            *value = "***".into();
        }
    }
}

/// What was masked when it was read, and comes back so, is what it was before.
fn unmask(new: &mut ElderFile, old: &ElderFile) {
    let shown = masked(old);
    let restore = |new: &mut String, shown: &str, old: &str| {
        if new == shown {
            old.clone_into(new);
        }
    };
    restore(&mut new.id_number, &shown.id_number, &old.id_number);
    restore(&mut new.disability_card, &shown.disability_card, &old.disability_card);
    restore(&mut new.phone, &shown.phone, &old.phone);
    restore(&mut new.past_illness, &shown.past_illness, &old.past_illness);
    restore(&mut new.extended.medicines, &shown.extended.medicines, &old.extended.medicines);
    restore(&mut new.extended.allergies, &shown.extended.allergies, &old.extended.allergies);
    for contact in &mut new.emergency {
        if let Some((shown, old)) = shown.emergency.iter().zip(&old.emergency).find(|(shown, _)| shown.name == contact.name) {
            restore(&mut contact.phone, &shown.phone, &old.phone);
        }
    }
    for member in &mut new.family {
        if let Some((shown, old)) = shown.family.iter().zip(&old.family).find(|(shown, _)| shown.name == member.name) {
            restore(&mut member.id_number, &shown.id_number, &old.id_number);
            restore(&mut member.phone, &shown.phone, &old.phone);
        }
    }
    if let (Some(first), Some(shown), Some(old)) = (&mut new.first_contact, &shown.first_contact, &old.first_contact) {
        restore(&mut first.phone, &shown.phone, &old.phone);
    }
}

/// Everything that is wrong with a file by itself.
pub fn faults(file: &ElderFile, policy: &Policy, today: NaiveDate) -> Vec<Refused> {
    let mut faults = Vec::new();
    let mut wrong = |field: &str, zh: String, en: String| faults.push(Refused::field(field, zh, en));
    if file.name.trim().is_empty() {
        wrong("name", "姓名未填".into(), "the name is missing".into());
    }
    if !care::id::well_formed(file.id.as_str()) || !care::id::well_formed(file.home.as_str()) {
        wrong("id", "编号不合规".into(), "the identifier is not well formed".into());
    }
    if file.born > today || file.born.year() < 1850 {
        wrong("born", "出生日期不可能".into(), "the date of birth is not possible".into());
    }
    for (field, day) in [("filed_on", Some(file.filed_on)), ("enrolled_on", Some(file.enrolled_on)), ("reviewed_on", file.reviewed_on)] {
        if day.is_some_and(|day| day > today) {
            wrong(field, "日期在将来".into(), "the date lies in the future".into());
        }
    }
    match IdNumber::parse(&file.id_number) {
        _ if file.id_number.trim().is_empty() => {
            if file.no_id.trim().is_empty() {
                wrong("id_number", "未填证件号码：如确无证件，请写明原因".into(), "the identity number is missing: if there is none, say why".into());
            }
        }
        Ok(number) => {
            if number.born().is_some_and(|born| born != file.born) {
                wrong("born", "出生日期与证件号码不符".into(), "the date of birth is not the one in the identity number".into());
            }
            if let (Some(sex), Some(said)) = (number.sex(), file.sex)
                && sex != said
            {
                wrong("sex", "性别与证件号码不符".into(), "the sex is not the one in the identity number".into());
            }
        }
        Err(problem) => wrong("id_number", problem.zh(), problem.to_string()),
    }
    for (field, phone) in [("phone", Some(&file.phone)), ("first_contact.phone", file.first_contact.as_ref().map(|first| &first.phone))] {
        if phone.is_some_and(|phone| !phone.is_empty() && Phone::parse(phone).is_err()) {
            wrong(field, "电话号码不合规".into(), "this is not a telephone number".into());
        }
    }
    for code in file.entered.iter().filter(|code| policy.category(code).is_none()) {
        wrong("entered", format!("政策中没有类别 {code}"), format!("the policy has no category {code}"));
    }
    if let Some(chosen) = &file.chosen_tier {
        let computed = file.computed_tier(policy, today).and_then(|tier| policy.tier(tier));
        match policy.tier(chosen) {
            None => wrong("chosen_tier", format!("政策中没有分级 {chosen}"), format!("the policy has no tier {chosen}")),
            // Tiers stand strictest first: a chosen one may only be stricter.
            Some(place) if computed.is_some_and(|computed| place > computed) => {
                wrong("chosen_tier", "人工分级只能从严".into(), "a chosen tier may only be stricter".into());
            }
            Some(_) => {}
        }
    }
    for suspension in &file.suspensions {
        if !policy.suspend.reasons.contains(&suspension.reason) {
            wrong("suspensions", format!("政策中没有暂停原因 {}", suspension.reason), format!("the policy has no reason {}", suspension.reason));
        }
        if policy.suspend.evidence && suspension.proof.trim().is_empty() {
            wrong("suspensions", "暂停须有凭证".into(), "a suspension needs its proof".into());
        }
        if suspension.to.is_some_and(|to| to < suspension.from) {
            wrong("suspensions", "暂停结束早于开始".into(), "a suspension ends before it begins".into());
        }
    }
    faults
}

impl Office {
    /// Writes an elder's file, new (`before` 0) or changed: checked, settled, with the source of every field that
    /// changed, and with the part of it that the alarm desk shows.
    ///
    /// # Errors
    /// Everything that is wrong with it; [`OfficeError::Conflict`] if somebody was faster.
    pub async fn save_elder(&self, file: ElderFile, before: u32, by: &PersonId, from: SourceKind, batch: Option<(&str, u32)>) -> Result<ElderFile, OfficeError> {
        let (file, entries) = self.elder_entries(file, before, by, from, batch).await?;
        self.write(entries).await?;
        Ok(file)
    }

    /// The same, as entries to be written with others: imports write many at once.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn elder_entries(
        &self,
        mut file: ElderFile,
        before: u32,
        by: &PersonId,
        from: SourceKind,
        batch: Option<(&str, u32)>,
    ) -> Result<(ElderFile, Vec<Put>), OfficeError> {
        let today = self.today();
        let policy = self.policy()?;
        let old: Option<Kept<ElderFile>> = if before == 0 { None } else { Some(self.get(file.id.as_str()).await?) };
        if old.as_ref().is_some_and(|old| old.version != before) {
            return Err(OfficeError::Conflict);
        }
        if let Some(old) = &old {
            unmask(&mut file, &old.record);
            file.sources.clone_from(&old.record.sources);
            file.exported.clone_from(&old.record.exported);
            file.chosen.clone_from(&old.record.chosen);
            file.categories.clone_from(&old.record.categories);
            file.disability_level.clone_from(&old.record.disability_level);
        }
        file.name = file.name.trim().to_owned();
        if let Ok(number) = IdNumber::parse(&file.id_number) {
            number.reveal().clone_into(&mut file.id_number);
            file.sex = file.sex.or(number.sex());
        }
        file.settle(today);
        let mut wrong = faults(&file, &policy, today);
        if !file.id_number.is_empty() && self.elder_with_number(&file.id_number).await?.is_some_and(|other| other != file.id) {
            wrong.push(Refused::field("id_number", "该证件号码已登记在另一人名下", "another elder has this identity number"));
        }
        if !wrong.is_empty() {
            return Err(wrong.into());
        }
        let blank = old.as_ref().map(|old| old.record.clone());
        let changed: BTreeSet<String> = match &blank {
            Some(old) => diff(old, &file).into_iter().filter_map(|change| change.field.split('.').next().map(str::to_owned)).collect(),
            None => serde_json::to_value(&file)
                .ok()
                .and_then(|value| value.as_object().map(|fields| fields.iter().filter(|(_, value)| !is_blank(value)).map(|(name, _)| name.clone()).collect()))
                .unwrap_or_default(),
        };
        for field in changed {
            let (batch, row) = batch.map_or((String::new(), None), |(batch, row)| (batch.to_owned(), Some(row)));
            file.sources.insert(field, Source { from, batch, row, at: self.now(), by: by.clone() });
        }
        let mut entries = vec![self.put_of(&file, before, by.as_str())?];
        entries.push(Put::Elder(self.desk_record(&file, &policy).await?));
        let action = if before == 0 { "elder.create" } else { "elder.change" };
        entries.push(self.audit(by.as_str(), action, file.id.as_str()));
        Ok((file, entries))
    }

    /// What a new day brings by itself: a card that has run out, children who have been away for half a year, a birthday that
    /// makes the tier another one. Writes the files that it changes, by the platform, and says how many.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn settle_files(&self) -> Result<usize, OfficeError> {
        let (today, policy) = (self.today(), self.policy()?);
        let (mut ask, mut changed) = (SheetAsk::of(ElderFile::KIND).max(500), 0);
        loop {
            let page = self.page::<ElderFile>(ask.clone()).await?;
            for kept in page.records.into_iter().filter(|kept| kept.record.left_on.is_none()) {
                let mut file = kept.record.clone();
                file.settle(today);
                let mut entries = Vec::new();
                if file != kept.record {
                    entries.push(self.put_of(&file, kept.version, PLATFORM)?);
                    entries.push(self.audit(PLATFORM, "elder.settle", file.id.as_str()));
                }
                let written = care::calendar::local_day(kept.written_at, self.zone);
                if !entries.is_empty() || file.computed_tier(&policy, written) != file.computed_tier(&policy, today) {
                    let desk = self.desk_record(&file, &policy).await?;
                    if self.register.elders_of(&file.home).await?.iter().any(|known| known.id == desk.id && known.tier != desk.tier) {
                        entries.push(Put::Elder(desk));
                    }
                }
                if entries.is_empty() {
                    continue;
                }
                match self.write(entries).await {
                    // Somebody has just written it, and settled it with that.
                    Ok(()) | Err(OfficeError::Conflict) => changed += 1,
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => ask.after = Some(next),
                None => return Ok(changed),
            }
        }
    }

    /// What the alarm desk and the channels know of an elder.
    async fn desk_record(&self, file: &ElderFile, policy: &Policy) -> Result<ElderRecord, OfficeError> {
        let known = self.register.elders_of(&file.home).await?.into_iter().find(|elder| elder.id == file.id);
        let or = |new: &str, old: Option<&str>| if new.is_empty() { old.unwrap_or_default().to_owned() } else { new.to_owned() };
        let health = [&file.past_illness, &file.extended.medicines, &file.extended.allergies];
        let health = health.into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join("；");
        let speech = [&file.extended.hearing, &file.extended.dialect];
        let speech = speech.into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join("；");
        let tier = file.chosen_tier.as_deref().or(file.computed_tier(policy, self.today())).unwrap_or_default().to_owned();
        Ok(ElderRecord {
            id: file.id.clone(),
            home: file.home.clone(),
            name: file.name.clone(),
            born_year: Some(file.born.year()),
            sex: match file.sex {
                Some(Sex::Female) => "female",
                Some(Sex::Male) => "male",
                None => "",
            }
            .to_owned(),
            phone: or(&file.phone, known.as_ref().map(|known| known.phone.as_str())),
            id_number: file.id_number.clone(),
            health_notes: or(&health, known.as_ref().map(|known| known.health_notes.as_str())),
            tier,
            speech_notes: or(&speech, known.as_ref().map(|known| known.speech_notes.as_str())),
        })
    }

    /// The elder with an identity number: how imports match (R13).
    ///
    /// # Errors
    /// If the register fails.
    pub async fn elder_with_number(&self, number: &str) -> Result<Option<ElderId>, OfficeError> {
        self.refresh().await?;
        Ok(self.look(|model| model.by_number(number).cloned()))
    }

    /// The elder of that name born on that day: how imports match where there is no identity number.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn elder_named(&self, name: &str, born: NaiveDate) -> Result<Option<ElderId>, OfficeError> {
        self.refresh().await?;
        Ok(self.look(|model| model.by_name(name, born).cloned()))
    }

    /// What lists show of an elder.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn brief(&self, id: &ElderId) -> Result<Option<Brief>, OfficeError> {
        self.refresh().await?;
        Ok(self.brief_now(id))
    }

    /// The same from the read model as it stands.
    pub fn brief_now(&self, id: &ElderId) -> Option<Brief> {
        let (rules, today) = (self.rules(), self.today());
        self.look(|model| model.brief(id, &rules.policies, today))
    }

    /// The area of every elder in the register, from the read model as it stands.
    pub fn areas_of_elders(&self) -> Vec<String> {
        self.look(|model| model.residents.values().flatten().filter_map(|id| model.briefs.get(id)).map(|brief| brief.area.clone()).collect())
    }

    /// Elders of an area in the order of their identifiers, after `after`, whose name or identifier has `text` in it, or who is found by it
    /// otherwise ([`super::Finder`]).
    ///
    /// # Errors
    /// If the register fails.
    pub async fn elders(&self, area: &str, list: Worklist, text: &str, after: Option<&ElderId>, max: usize) -> Result<Vec<Brief>, OfficeError> {
        self.refresh().await?;
        let (rules, today) = (self.rules(), self.today());
        Ok(self.look(|model| {
            model
                .briefs
                .values()
                .filter(|brief| after.is_none_or(|after| brief.id > *after))
                .filter(|brief| within(&brief.area, area))
                .filter(|brief| text.is_empty() || brief.name.contains(text) || brief.id.as_str().contains(text) || brief.finder.fits(text))
                .filter(|brief| match list {
                    Worklist::Left => brief.left_on.is_some(),
                    Worklist::All => brief.left_on.is_none(),
                    Worklist::NoFirstContact => brief.left_on.is_none() && !brief.has_first_contact,
                    Worklist::ReviewDue => brief.left_on.is_none() && brief.review_due <= today,
                    Worklist::CardEnds => brief.left_on.is_none() && brief.card_valid_to.is_some_and(|last| last <= plus_days(today, CARD_DAYS)),
                    Worklist::NoTier => brief.left_on.is_none() && model.tier(&brief.id, &rules.policies, today).is_none(),
                })
                .take(max)
                .filter_map(|brief| model.brief(&brief.id, &rules.policies, today))
                .collect()
        }))
    }

    /// Every pairing of a visitor, over ones too.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn pairings_of(&self, visitor: &PersonId) -> Result<Vec<care::office::Pairing>, OfficeError> {
        self.refresh().await?;
        Ok(self.look(|model| model.pairings(visitor)))
    }

    /// The elders that a visitor is paired with today.
    ///
    /// # Errors
    /// If the register fails.
    pub async fn paired_with(&self, visitor: &PersonId) -> Result<BTreeSet<ElderId>, OfficeError> {
        self.refresh().await?;
        let today = self.today();
        Ok(self.look(|model| model.paired(visitor, today)))
    }

    /// The half-yearly review (R19): the file as it is now, what changed is kept with who looked.
    ///
    /// # Errors
    /// As [`Office::save_elder`].
    pub async fn review_elder(&self, mut file: ElderFile, before: u32, by: &PersonId) -> Result<Review, OfficeError> {
        let old: Kept<ElderFile> = self.get(file.id.as_str()).await?;
        let today = self.today();
        file.reviewed_on = Some(today);
        let (file, mut entries) = self.elder_entries(file, before, by, SourceKind::Survey, None).await?;
        let changes: Vec<FieldChange> = diff(&old.record, &file);
        let review = Review {
            id: format!("{}.{today}", file.id),
            elder: file.id.clone(),
            home: file.home.clone(),
            area: file.area.clone(),
            on: today,
            by: by.clone(),
            from_version: before,
            changes,
        };
        let again = self.find::<Review>(&review.id()).await?.map_or(0, |kept| kept.version);
        entries.push(self.put_of(&review, again, by.as_str())?);
        self.write(entries).await?;
        Ok(review)
    }

    /// What facts say about the seven categories, and whether that differs from what was entered.
    ///
    /// # Errors
    /// If there is no such file.
    pub async fn decisions(&self, id: &ElderId) -> Result<Vec<category::Decision>, OfficeError> {
        let file: Kept<ElderFile> = self.get(id.as_str()).await?;
        Ok(category::decisions(&file.record, self.today()))
    }

    /// A masked field in full. Who asked and why goes into the audit before it is shown.
    ///
    /// # Errors
    /// If there is no such file or field, or the audit cannot be written.
    pub async fn reveal(&self, id: &ElderId, field: &str, reason: &str, by: &PersonId) -> Result<serde_json::Value, OfficeError> {
        if !MASKED.contains(&field) {
            return Err(Refused::field("field", "没有这一项", "there is no such field").into());
        }
        if reason.trim().is_empty() {
            return Err(Refused::field("reason", "请写明查看原因", "say why it must be seen").into());
        }
        let file: Kept<ElderFile> = self.get(id.as_str()).await?;
        let mut value = serde_json::to_value(&file.record).unwrap_or_default();
        let place = if matches!(field, "medicines" | "allergies") { value.get_mut("extended").and_then(|v| v.get_mut(field)) } else { value.get_mut(field) };
        let value = place.map(serde_json::Value::take).unwrap_or_default();
        self.write(vec![self.audit(by.as_str(), "elder.reveal", &format!("{id}/{field}/{}", reason.trim().chars().take(40).collect::<String>()))]).await?;
        Ok(value)
    }
}

fn is_blank(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Array(list) => list.is_empty(),
        serde_json::Value::Object(fields) => fields.values().all(is_blank),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
    }
}
