#!/usr/bin/env python3
"""Works out anew, in another language and from nothing but the policy file and the facts, what visits were owed and
made, and compares it with the answer of `hearthline policy evaluate`, elder by elder and window by window.

    hearthline policy evaluate POLICY.toml FACTS.json > ANSWER.json
    scripts/recompute_visits.py POLICY.toml FACTS.json ANSWER.json

Exit status: 0 the same, 1 different (the first differences are printed), 2 wrong usage. Standard library only.
With --town N SEED it prints the facts of a made-up town of N elders instead, whose visitors forget, come late, find
nobody, do not sign, and enter their visits days afterwards.
"""

import json
import random
import sys
import tomllib
from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
COLOURS = ["blue", "yellow", "orange", "red"]


def on(fact, day, default):
    """The value of a plain or dated fact on a day."""
    if isinstance(fact, list) and any(isinstance(step, dict) for step in fact):
        held = [step for step in fact if date.fromisoformat(step["from"]) <= day]
        return sorted(held, key=lambda step: step["from"])[-1]["is"] if held else default
    return default if fact is None else fact


def tier_on(policy, elder, day):
    born = date.fromisoformat(elder["born"])
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if age < policy["policy"]["elder_age_min"]:
        return None
    ability = on(elder.get("ability"), day, "none")
    level = on(elder.get("disability_level"), day, None)
    held = set()
    for category in policy.get("category", []):
        needs = category.get("needs", {})
        if category["code"] not in on(elder.get("categories"), day, []):
            continue
        if "ability_in" in needs and ability not in needs["ability_in"]:
            continue
        if "disability_level_in" in needs and level not in needs["disability_level_in"]:
            continue
        held.add(category["code"])
    for tier in policy["tier"]:
        for condition in tier["any"]:
            if "category" in condition and condition["category"] not in held:
                continue
            if condition.get("any_category") and not held:
                continue
            if age < condition.get("age_min", 0) or age > condition.get("age_max", 999):
                continue
            if "ability_in" in condition and ability not in condition["ability_in"]:
                continue
            if "disability_level_in" in condition and level not in condition["disability_level_in"]:
                continue
            return tier["code"]
    return None


def window(kind, day, anchor):
    """First and last day of the window that holds a day."""
    end = date(day.year, day.month, monthrange(day.year, day.month)[1])
    match kind["kind"]:
        case "day":
            return day, day
        case "week":
            first = day - timedelta(days=day.weekday())
            return first, first + 6 * DAY
        case "half_month":
            return (day.replace(day=1), day.replace(day=15)) if day.day < 16 else (day.replace(day=16), end)
        case "month":
            return day.replace(day=1), end
        case "quarter":
            first = date(day.year, day.month - (day.month - 1) % 3, 1)
            return first, date(first.year, first.month + 2, monthrange(first.year, first.month + 2)[1])
        case "rolling":
            first = anchor + (day - anchor).days // kind["days"] * kind["days"] * DAY
            return first, first + (kind["days"] - 1) * DAY
    raise ValueError(kind)


def days_off(policy, elder, first, last):
    """The days of a span on which nothing is owed."""
    suspend, consent = policy.get("suspend", {}), policy.get("consent", {})
    exempting = consent.get("on_refusal", "exempt_listed") == "exempt_listed"
    reasons = suspend.get("reasons", ["hospital", "away", "institution", "moved_out", "deceased", "refused"])
    off, day = 0, first
    while day <= last:
        suspended = any(
            s["reason"] in reasons
            and (exempting or s["reason"] != "refused")
            and date.fromisoformat(s["from"]) <= day
            and (not s.get("to") or day <= date.fromisoformat(s["to"]))
            for s in elder.get("suspensions") or []
        )
        given = on(elder.get("consents"), day, None)
        refused = exempting and given is not None and "enrolment" not in given
        off += suspended or refused
        day += DAY
    return off


def owed(policy, elder, first, last):
    """I-09: enough of the window remains."""
    full = (last - first).days + 1
    begin = max(first, date.fromisoformat(elder["enrolled_on"]))
    remain = (last - begin).days + 1 - days_off(policy, elder, begin, last)
    rule = policy.get("suspend", {}).get("first_window", {"rule": "due_if_remaining_pct", "pct": 50})
    if remain == full:
        return True
    if remain <= 0 or rule["rule"] == "grace":
        return False
    return rule["rule"] == "due" or remain * 100 >= rule.get("pct", 50) * full


def counts(policy, duty, elder, contact, day):
    mode = contact["mode"]
    if mode not in duty["modes"]:
        return False
    rules = policy.get("counts", {})
    if mode == "remote":
        given = on(elder.get("consents"), day, None) or []
        review = "human_review" in rules.get("remote", {}).get("requires", [])
        allowed = duty["id"] in rules.get("remote", {}).get("satisfies", [])
        met = contact.get("outcome", "met") == "met"
        return allowed and met and "remote" in given and (not review or bool(contact.get("reviewed_by")))
    rule = rules.get(mode, {"outcome_in": ["met"], "signatures": ["worker", "elder"] if mode == "home" else []})
    if contact["outcome"] not in rule.get("outcome_in", ["met"]):
        return False
    return mode != "home" or not rule.get("signatures") or bool(contact.get("signed"))


def events_of(policy, extra, facts, zone):
    """The windows of an extra that events bring (festivals of the built-in table are not known here)."""
    trigger = extra["on"]
    for event in facts.get("events") or []:
        if "cap_event_in" in trigger:
            strong = "level_min" not in trigger or (
                event.get("level") in COLOURS and COLOURS.index(event["level"]) >= COLOURS.index(trigger["level_min"])
            )
            meant = event["kind"] == "weather" and event.get("event") in trigger["cap_event_in"] and strong
        elif "festival_in" in trigger:
            meant = event["kind"] == "festival" and event.get("event") in trigger["festival_in"]
        else:
            meant = event["kind"] in trigger["event_in"] or event.get("event") in trigger["event_in"]
        if meant:
            start = datetime.fromisoformat(event["start"])
            start = start.replace(tzinfo=zone) if start.tzinfo is None else start.astimezone(zone)
            last = (start + timedelta(hours=extra.get("within_hours", 0))).date()
            yield event.get("elder"), start.date() - extra.get("days_before", 0) * DAY, last


def recompute(policy, facts):
    zone, as_of = ZoneInfo(policy["policy"]["timezone"]), date.fromisoformat(facts["as_of"])
    begins, ends = policy["policy"]["effective_from"], policy["policy"].get("effective_to", date.max)
    after = datetime.combine(as_of + DAY, datetime.min.time(), zone)
    contacts = {}
    for contact in facts.get("contacts") or []:
        start = datetime.fromisoformat(contact["start"])
        recorded = contact.get("recorded_at")
        if start < after and (not recorded or datetime.fromisoformat(recorded) < after):
            contacts.setdefault(contact["elder"], {})[contact["id"]] = (start, start.astimezone(zone).date(), contact)
    answer = {}
    for elder in facts["elders"]:
        enrolled, rows = date.fromisoformat(elder["enrolled_on"]), {}
        known = sorted(contacts.get(elder["id"], {}).values(), key=lambda c: (c[0], c[2]["id"]))

        def judge(duty, first, last, name):
            tier = tier_on(policy, elder, first)
            if tier is None and first < enrolled <= last:
                tier = tier_on(policy, elder, enrolled)
            if tier not in duty["tier"] or not begins <= first <= min(ends, as_of) or last < enrolled:
                return
            counted = [
                c["id"] for _, day, c in known if first <= day <= last and counts(policy, duty, elder, c, day)
            ]
            if len(counted) >= duty.get("min", 1):
                state = "met"
            elif not owed(policy, elder, first, last):
                state = "exempt"
            else:
                state = "overdue" if last <= as_of else "due"
            rows[name] = (tier, state, counted)

        for duty in policy["obligation"]:
            day = max(enrolled, begins)
            while day <= as_of:
                first, last = window(duty["window"], day, enrolled)
                judge(duty, first, last, (duty["id"], str(first), str(last)))
                day = last + DAY
        for extra in policy.get("extra", []):
            for whom, first, last in events_of(policy, extra, facts, zone):
                if whom in (None, elder["id"]):
                    judge(extra, first, last, (extra["id"], str(first), str(last)))
        answer[elder["id"]] = (tier_on(policy, elder, as_of), rows)
    return answer


def town(n, seed):
    """A made-up town, with a year of visits as they go in life."""
    dice = random.Random(seed)
    categories = ["no_kin", "living_alone", "empty_nest", "left_behind", "care_dependent", "severe_disability"]
    elders, contacts = [], []
    for i in range(n):
        elder = {
            "id": f"e{i:05d}",
            "born": str(date(1928, 1, 1) + timedelta(days=dice.randrange(14600))),
            "categories": dice.sample(categories, dice.choice([0, 1, 1, 1, 2])),
            "ability": dice.choice(["none", "mild", "moderate", "severe", "total"]),
            "enrolled_on": str(date(2025, 10, 1) + timedelta(days=dice.randrange(400))),
            "consents": dice.choice([["enrolment"], ["enrolment", "remote"], ["enrolment", "remote"], []]),
        }
        if dice.random() < 0.2:
            elder["disability_level"] = dice.randint(1, 4)
        if dice.random() < 0.1:
            change = str(date(2026, 1, 1) + timedelta(days=dice.randrange(330)))
            elder["ability"] = [{"from": "2020-01-01", "is": "mild"}, {"from": change, "is": "severe"}]
        if dice.random() < 0.1:
            change = str(date(2026, 1, 1) + timedelta(days=dice.randrange(330)))
            elder["consents"] = [{"from": "2020-01-01", "is": ["enrolment", "remote"]}, {"from": change, "is": ["enrolment"]}]
        if dice.random() < 0.2:
            first = date(2026, 1, 1) + timedelta(days=dice.randrange(330))
            elder["suspensions"] = [{"reason": dice.choice(["hospital", "away", "refused"]), "from": str(first)}]
            if dice.random() < 0.8:
                elder["suspensions"][0]["to"] = str(first + timedelta(days=dice.randrange(60)))
        elders.append(elder)
        for half in range(24):
            for _ in range(dice.choice([0, 1, 1, 2])):
                start = datetime(2026, half // 2 + 1, 1 + 15 * (half % 2)) + timedelta(minutes=dice.randrange(13 * 1440))
                contacts.append({
                    "id": f"c{len(contacts):06d}",
                    "elder": elder["id"],
                    "mode": dice.choice(["home", "home", "home", "phone", "video", "remote", "other"]),
                    "start": start.isoformat() + dice.choice(["+08:00", "+08:00", "+00:00"]),
                    "outcome": dice.choice(["met"] * 8 + ["no_answer", "refused", "proxy"]),
                    "signed": dice.random() < 0.95,
                    "recorded_at": (start + timedelta(hours=dice.choice([9, 9, 30, 200, 2000]))).isoformat() + "+08:00",
                })
    dice.shuffle(contacts)
    events = [
        {"id": f"w{i}", "kind": "weather", "event": dice.choice(["typhoon", "heat", "fog"]), "level": dice.choice(COLOURS),
         "start": datetime(2026, dice.randint(1, 11), dice.randint(1, 28), dice.randrange(24)).isoformat() + "+08:00"}
        for i in range(20)
    ]
    # Festivals are brought with the facts, so that both sides judge the same days.
    events += [{"id": "f0", "kind": "festival", "event": "mid_autumn", "start": "2026-09-25"},
               {"id": "f1", "kind": "festival", "event": "spring", "start": "2026-02-16"}]
    events.append({"id": "m0", "kind": "major_change", "elder": elders[0]["id"], "start": "2026-08-02T23:30:00+08:00"})
    return {"as_of": "2026-12-10", "elders": elders, "contacts": contacts, "events": events}


def main(args):
    if len(args) == 3 and args[0] == "--town":
        json.dump(town(int(args[1]), int(args[2])), sys.stdout)
        return 0
    if len(args) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(args[0], "rb") as file:
        policy = tomllib.load(file)
    with open(args[1], encoding="utf-8") as file:
        facts = json.load(file)
    with open(args[2], encoding="utf-8") as file:
        answer = json.load(file)
    mine, wrong, windows = recompute(policy, facts), [], 0
    festival_brought = any(event["kind"] == "festival" for event in facts.get("events") or [])
    from_table = set() if festival_brought else {e["id"] for e in policy.get("extra", []) if "festival_in" in e["on"]}
    if sorted(mine) != [elder["id"] for elder in answer["elders"]]:
        wrong.append("not the same elders")
    for elder in answer["elders"]:
        tier, rows = mine.get(elder["id"], (None, {}))
        theirs = {
            (o["id"], *o["window"]): (o["tier"], o["state"], o["counted"])
            for o in elder["obligations"]
            if o["id"] not in from_table
        }
        windows += len(theirs)
        if tier != elder["tier"]:
            wrong.append(f"{elder['id']}: tier {elder['tier']}, recomputed {tier}")
        for name in sorted(rows.keys() | theirs.keys()):
            if rows.get(name) != theirs.get(name):
                wrong.append(f"{elder['id']} {' '.join(name)}: {theirs.get(name)}, recomputed {rows.get(name)}")
    for line in wrong[:20]:
        print(line)
    print(f"{len(mine)} elders, {windows} windows, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
