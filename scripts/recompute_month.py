#!/usr/bin/env python3
"""Works out month reports anew, name by name, from nothing but the policy file and the exported facts, and compares them
with the reports that the platform made.

    scripts/recompute_month.py POLICY.toml FACTS.json REPORTS.json

REPORTS.json is a list of reports as `/api/v1/months/{month}/report` or `hearthline policy report --json` gives them; each is
recomputed as the facts were known at the end of its own day `as_of`. Exit status: 0 the same, 1 different (the first
differences are printed), 2 wrong usage. Standard library only; the windows come from `recompute_visits.py` beside it.
"""

import json
import sys
import tomllib
from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo

from recompute_visits import recompute


def month_report(policy, facts, month):
    """The lists of names and the figures of a month, by the definitions that stand under the report."""
    zone = ZoneInfo(policy["policy"]["timezone"])
    year, number = (int(part) for part in month.split("-"))
    first, last = date(year, number, 1), date(year, number, monthrange(year, number)[1])
    duties = {duty["id"]: duty for duty in policy["obligation"]}
    home_only = {name for name, duty in duties.items() if duty["modes"] == ["home"]}
    targeted = {name for name, duty in duties.items() if duty.get("target_pct") is not None}
    contacts = {contact["id"]: contact for contact in facts.get("contacts") or []}
    lists = {"home_missed": [], "not_reached": [], "remote_only": [], "still_owed": [], "exempt": []}
    total = dict.fromkeys(("elders", "home_owed", "home_met", "reach_owed", "reach_met", "remote_only", "exempt"), 0)
    areas = {}
    place = {elder["id"]: elder.get("area") for elder in facts["elders"]}

    for elder, (_, rows) in sorted(recompute([policy], facts, first).items()):
        regular = [
            (name, date.fromisoformat(begin), date.fromisoformat(end), state, counted)
            for (name, begin, end, _), (_, state, counted) in rows.items()
            if name in duties
        ]
        touching = [row for row in regular if row[1] <= last and row[2] >= first]
        ended = [row for row in regular if first <= row[2] <= last]
        if not touching:
            continue
        line = dict.fromkeys(total, 0)
        line["elders"] = 1
        home = [row for row in ended if row[0] in home_only and row[3] != "exempt"]
        if home:
            line["home_owed"] = 1
            line["home_met"] = int(all(row[3] == "met" for row in home))
        if any(row[3] == "overdue" for row in home):
            lists["home_missed"].append(elder)
        # A duty with a target names what "reached" means; without one any counted contact reaches.
        named = any(row[0] in targeted for row in touching)
        pool = [row for row in ended if row[0] in targeted] if named else touching
        modes = {
            contacts[one]["mode"]
            for row in pool
            for one in row[4]
            if first <= datetime.fromisoformat(contacts[one]["start"]).astimezone(zone).date() <= last
        }
        owed = [row for row in pool if row[3] != "exempt"]
        if owed:
            line["reach_owed"] = 1
            reached = all(row[3] == "met" for row in owed) if named else bool(modes)
            line["reach_met"] = int(reached)
            if not reached:
                lists["not_reached"].append(elder)
            elif modes <= {"remote"}:
                line["remote_only"] = 1
                lists["remote_only"].append(elder)
        if all(row[3] == "exempt" for row in touching):
            line["exempt"] = 1
            lists["exempt"].append(elder)
        if any(row[3] == "due" for row in ended):
            lists["still_owed"].append(elder)
        for figures in [total] + ([areas.setdefault(place[elder], dict.fromkeys(total, 0))] if place[elder] else []):
            for name, n in line.items():
                figures[name] += n
    return lists, total, areas


def compare(policy, facts, report):
    month = report["month"]
    known = dict(facts, as_of=report["as_of"])
    lists, total, areas = month_report(policy, known, month)
    wrong = []

    def ids(items):
        return sorted(item if isinstance(item, str) else item.get("elder", item.get("id")) for item in items)

    for name, mine in lists.items():
        theirs = ids(report[name])
        for elder in sorted(set(mine) ^ set(theirs)):
            wrong.append(f"{month} {name}: {elder} {'is not listed' if elder in mine else 'is listed and should not be'}")
    for name, n in total.items():
        if report["total"][name] != n:
            wrong.append(f"{month} {name}: {report['total'][name]}, recomputed {n}")
    for area in sorted(areas.keys() | report["areas"].keys()):
        for name in total:
            theirs, mine = report["areas"].get(area, {}).get(name, 0), areas.get(area, {}).get(name, 0)
            if theirs != mine:
                wrong.append(f"{month} {area} {name}: {theirs}, recomputed {mine}")
    return wrong, total


def main(args):
    if len(args) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(args[0], "rb") as file:
        policy = tomllib.load(file)
    with open(args[1], encoding="utf-8") as file:
        facts = json.load(file)
    with open(args[2], encoding="utf-8") as file:
        reports = json.load(file)
    differences = 0
    for report in reports:
        wrong, total = compare(policy, facts, report)
        differences += len(wrong)
        for line in wrong[:20]:
            print(line)
        print(f"{report['month']} as of {report['as_of']}: {total['elders']} elders, home {total['home_met']}/{total['home_owed']}, "
              f"reach {total['reach_met']}/{total['reach_owed']}, remote only {total['remote_only']}, {len(wrong)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
