#!/usr/bin/env python3
"""Works out anew, in another language and from nothing but the policy file and the facts, what visits were owed and
made, and compares it with the answer of `hearthline policy evaluate`, elder by elder and window by window.

    hearthline policy evaluate POLICY.toml... FACTS.json > ANSWER.json
    scripts/recompute_visits.py POLICY.toml... FACTS.json ANSWER.json

Several policy files are versions of one policy. Exit status: 0 the same, 1 different (the first differences are
printed), 2 wrong usage. Standard library only.
With --town N SEED it prints the facts of a made-up town of N elders instead, whose visitors forget, come late, find
nobody, do not sign, and enter their visits days afterwards; with --odd N SEED those of N elders as odd as facts may be:
everything dated and out of order, suspensions one over the other, contacts to the second at the edge of a window.
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
COLOURS_ZH = ["蓝", "黄", "橙", "红"]
# Festivals by the calendar on the wall: what the built-in table of the platform says must be these days.
FESTIVALS = {
    "spring": ["2024-02-09", "2025-01-28", "2026-02-16", "2027-02-05"],
    "lantern": ["2024-02-24", "2025-02-12", "2026-03-03", "2027-02-20"],
    "qingming": ["2024-04-04", "2025-04-04", "2026-04-05", "2027-04-05"],
    "dragon_boat": ["2024-06-10", "2025-05-31", "2026-06-19", "2027-06-09"],
    "mid_autumn": ["2024-09-17", "2025-10-06", "2026-09-25", "2027-09-15"],
    "double_ninth": ["2024-10-11", "2025-10-29", "2026-10-18", "2027-10-08"],
}


def on(fact, day, default):
    """The value of a plain or dated fact on a day."""
    if isinstance(fact, list) and any(isinstance(step, dict) for step in fact):
        held = [step for step in fact if date.fromisoformat(step["from"]) <= day]
        return sorted(held, key=lambda step: step["from"])[-1]["is"] if held else default
    return default if fact is None else fact


def words(fact):
    """A list of words, where one word stands for itself."""
    return [fact] if isinstance(fact, str) else fact or []


def tier_on(policy, elder, day):
    born = date.fromisoformat(elder["born"])
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if age < policy["policy"]["elder_age_min"]:
        return None
    ability = on(elder.get("ability"), day, None) or "none"
    level = on(elder.get("disability_level"), day, None)
    held = set()
    for category in policy.get("category", []):
        needs = category.get("needs", {})
        if category["code"] not in words(on(elder.get("categories"), day, [])):
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


def consents_begun(elder, day):
    """Before the first dated consent nobody had asked."""
    said = elder["consents"]
    dated = isinstance(said, list) and any(isinstance(step, dict) for step in said)
    return not dated or any(date.fromisoformat(step["from"]) <= day for step in said)


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
        asked = elder.get("consents") is not None and "enrolment" in consent.get("kinds", ["enrolment"])
        refused = exempting and asked and consents_begun(elder, day) and "enrolment" not in words(on(elder["consents"], day, []))
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
        given = words(on(elder.get("consents"), day, []))
        review = "human_review" in rules.get("remote", {}).get("requires", [])
        allowed = duty["id"] in rules.get("remote", {}).get("satisfies", [])
        met = contact.get("outcome", "met") == "met"
        return allowed and met and "remote" in given and (not review or bool(contact.get("reviewed_by")))
    rule = rules.get(mode, {"outcome_in": ["met"], "signatures": ["worker", "elder"] if mode == "home" else []})
    if contact["outcome"] not in rule.get("outcome_in", ["met"]):
        return False
    return mode != "home" or not rule.get("signatures") or bool(contact.get("signed"))


def instant(text, zone):
    """A local instant; a day alone is its beginning."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


def colour(level):
    """How strong a warning is: by its English or Chinese colour; -1 without one."""
    named = (level or "").strip().lower().removesuffix("色")
    return COLOURS.index(named) if named in COLOURS else COLOURS_ZH.index(named) if named in COLOURS_ZH else -1


def events_of(policy, extra, facts, zone):
    """The windows of an extra that events bring, and festivals by the calendar where the facts bring none."""
    trigger = extra["on"]
    events = facts.get("events") or []
    if "festival_in" in trigger and not any(event["kind"] == "festival" for event in events):
        days = [(name, day) for name, days in FESTIVALS.items() for day in days]
        events = [{"id": f"{name} {day}", "kind": "festival", "event": name, "start": day} for name, day in days]
    for event in events:
        if "cap_event_in" in trigger:
            strong = "level_min" not in trigger or colour(event.get("level")) >= colour(trigger["level_min"])
            meant = event["kind"] == "weather" and event.get("event") in trigger["cap_event_in"] and strong
        elif "festival_in" in trigger:
            meant = event["kind"] == "festival" and event.get("event") in trigger["festival_in"]
        else:
            meant = event["kind"] in trigger["event_in"] or event.get("event") in trigger["event_in"]
        if meant:
            start = instant(event["start"], zone)
            last = (start + timedelta(hours=extra.get("within_hours", 0))).date()
            yield event, start.date() - extra.get("days_before", 0) * DAY, last


def recompute(policies, facts, since=date.min):
    """By elder: the tier on the day, and every window (duty, first day, last day, event) with its tier, state and
    counted contacts. A window belongs to the version that is in force on its first day. Those that ended before `since` are
    left out: a month needs no more."""
    begun = [policy for policy in policies if str(policy["policy"]["effective_from"]) <= facts["as_of"]] or policies
    now = max(begun, key=lambda policy: policy["policy"]["effective_from"])
    answer = by_version(now, facts, since)
    for policy in policies:
        for elder, (_, rows) in by_version(policy, facts, since).items() if policy is not now else []:
            answer[elder][1].update(rows)
    return answer


def by_version(policy, facts, since):
    zone, as_of = ZoneInfo(policy["policy"]["timezone"]), date.fromisoformat(facts["as_of"])
    begins, ends = policy["policy"]["effective_from"], policy["policy"].get("effective_to", date.max)
    after = datetime.combine(as_of + DAY, datetime.min.time(), zone)
    contacts = {}
    for contact in facts.get("contacts") or []:
        start = datetime.fromisoformat(contact["start"])
        if start < after and (not contact.get("recorded_at") or instant(contact["recorded_at"], zone) < after):
            contacts.setdefault(contact["elder"], {})[contact["id"]] = (start, start.astimezone(zone).date(), contact)
    answer = {}
    for elder in facts["elders"]:
        enrolled, rows = date.fromisoformat(elder["enrolled_on"]), {}
        known = sorted(contacts.get(elder["id"], {}).values(), key=lambda c: (c[0], c[2]["id"]))

        def judge(duty, first, last, name):
            tier = tier_on(policy, elder, first)
            if tier is None and first < enrolled <= last:
                tier = tier_on(policy, elder, enrolled)
            if tier not in duty["tier"] or not begins <= first <= min(ends, as_of) or last < enrolled or enrolled > as_of:
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
            day = max(enrolled, begins, since)
            while day <= as_of:
                first, last = window(duty["window"], day, enrolled)
                judge(duty, first, last, (duty["id"], str(first), str(last), ""))
                day = last + DAY
        for extra in policy.get("extra", []):
            for event, first, last in events_of(policy, extra, facts, zone):
                if event.get("elder") in (None, elder["id"]) and last >= since:
                    judge(extra, first, last, (extra["id"], str(first), str(last), event["id"]))
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


def odd(n, seed):
    """Facts as odd as they may be, of elders whose lives change at every edge there is."""
    dice = random.Random(seed)
    begin = date(2026, 1, 1) + dice.choice([0, -365, -700]) * DAY
    span = dice.choice([60, 200, 420])
    as_of = begin + (span + dice.randrange(3)) * DAY

    def some_day():
        day = begin + dice.randrange(span) * DAY
        edges = [day, day.replace(day=1), day.replace(day=15), day.replace(day=16), day.replace(day=1) - DAY]
        return str(dice.choice(edges))

    def dated(values):
        if dice.random() < 0.5:
            return dice.choice(values)
        return [{"from": dice.choice([some_day(), "2020-01-01"]), "is": dice.choice(values)} for _ in range(dice.randint(1, 4))]

    def moment(day):
        at = datetime.fromisoformat(day) + dice.choice([0, 0, 1, -1, 43200, 86399]) * timedelta(seconds=1)
        zone = dice.choice(["+08:00", "+08:00", "+00:00", "-05:00"])
        shift = {"+08:00": 0, "+00:00": -8, "-05:00": -13}[zone]
        return (at + timedelta(hours=shift)).isoformat() + zone

    codes = ["no_kin", "living_alone", "empty_nest", "left_behind", "care_dependent", "severe_disability", "special_family", "illness", "dispersed_support", "no_such"]
    lists = [[], ["living_alone"], "empty_nest", codes] + [dice.sample(codes, dice.randint(1, 3)) for _ in range(4)]
    elders = []
    for i in range(n):
        turns = date.fromisoformat(some_day())
        years = dice.choice([58, 60, 60, 70, 80, 80, 95])
        born = date(turns.year - years, 2, 29) if (turns.year - years) % 4 == 0 and dice.random() < 0.2 else None
        elder = {"id": f"e{i}", "born": str(born or turns.replace(year=turns.year - years, day=min(turns.day, 28))), "enrolled_on": some_day()}
        optional = {
            "categories": lambda: dated(lists),
            "ability": lambda: dated(["none", "mild", "moderate", "severe", "total", None]),
            "disability_level": lambda: dated([None, 1, 2, 3, 4]),
            "consents": lambda: dated([[], ["enrolment"], ["enrolment", "remote"], ["remote"], "enrolment"]),
            "suspensions": lambda: [suspension() for _ in range(dice.randint(1, 4))],
        }

        def suspension():
            first = some_day()
            one = {"reason": dice.choice(["hospital", "away", "refused", "institution", "deceased", "on_the_moon"]), "from": first}
            if dice.random() < 0.9:
                one["to"] = str(date.fromisoformat(first) + dice.choice([0, 1, 7, 8, 14, 15, 40]) * DAY)
            return one

        for name, make in optional.items():
            if dice.random() < 0.7:
                elder[name] = make()
        elders.append(elder)
    contacts = []
    for k in range(n * dice.choice([2, 8, 20])):
        contact = {
            "id": f"c{k}",
            "elder": f"e{dice.randrange(n)}",
            "mode": dice.choice(["home", "home", "video", "phone", "remote", "remote", "other"]),
            "start": moment(some_day()),
            "outcome": dice.choice(["met", "met", "met", "met", "no_answer", "refused", "proxy"]),
        }
        if dice.random() < 0.9:
            contact["signed"] = dice.random() < 0.8
        if dice.random() < 0.4:
            contact["recorded_at"] = dice.choice([moment, str])(some_day())
        if dice.random() < 0.1:
            contact["reviewed_by"] = "somebody"
        contacts.append(contact)
        if dice.random() < 0.02:
            contacts.append(dict(contact))
    events = []
    for k in range(dice.choice([0, 3, 20])):
        kind = dice.choice(["weather", "weather", "major_change", "outage"] + ["festival"] * dice.randint(0, 1))
        named = {"weather": ["typhoon", "rainstorm", "heat", "fog"], "festival": ["spring", "mid_autumn", "zhongyuan"]}.get(kind, [None])
        event = {"id": f"w{k}", "kind": kind, "event": dice.choice(named), "start": dice.choice([moment, str])(some_day())}
        if kind == "weather" and dice.random() < 0.9:
            event["level"] = dice.choice(COLOURS + ["橙色", "红", "黄色"])
        if kind in ("major_change", "outage") and dice.random() < 0.7:
            event["elder"] = f"e{dice.randrange(n)}"
        events.append(event)
    for unordered in (elders, contacts, events):
        dice.shuffle(unordered)
    return {"as_of": str(as_of), "elders": elders, "contacts": contacts, "events": events}


def main(args):
    if len(args) == 3 and args[0] in ("--town", "--odd"):
        json.dump({"--town": town, "--odd": odd}[args[0]](int(args[1]), int(args[2])), sys.stdout)
        return 0
    if len(args) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    policies = []
    for name in args[:-2]:
        with open(name, "rb") as file:
            policies.append(tomllib.load(file))
    with open(args[-2], encoding="utf-8") as file:
        facts = json.load(file)
    with open(args[-1], encoding="utf-8") as file:
        answer = json.load(file)
    mine, wrong, windows = recompute(policies, facts), [], 0
    if sorted(mine) != [elder["id"] for elder in answer["elders"]]:
        wrong.append("not the same elders")
    for elder in answer["elders"]:
        tier, rows = mine.get(elder["id"], (None, {}))
        theirs = {
            (o["id"], *o["window"], o.get("event", "")): (o["tier"], o["state"], o["counted"])
            for o in elder["obligations"]
        }
        windows += len(elder["obligations"])
        if len(theirs) < len(elder["obligations"]):
            wrong.append(f"{elder['id']}: a window stands twice")
        if any(o["met"] != (o["state"] == "met") or not o["reason"] for o in elder["obligations"]):
            wrong.append(f"{elder['id']}: met is not what the state says, or there is no reason")
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
